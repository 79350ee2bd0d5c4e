"""Listeners on loopback that are no WinRM: each answers every request with the same bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

SOAP = "http://www.w3.org/2003/05/soap-envelope"
FAULTS = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"


def http(status: str, body: str = "", content_type: str = "text/html", *headers: str) -> bytes:
    """An HTTP answer."""
    data = body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + data


def soap(body: str, status: str = "200 OK") -> bytes:
    """A SOAP answer with this body."""
    text = f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>{body}</s:Body></s:Envelope>'
    return http(status, text, "application/soap+xml;charset=UTF-8")


def fault(code: str, text: str) -> bytes:
    """A fault of WSMan, as WinRM sends it."""
    return soap(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>{text}</s:Text></s:Reason><s:Detail>"
        f'<f:WSManFault xmlns:f="{FAULTS}" Code="{code}" Machine="HV-A"><f:Message>{text}</f:Message></f:WSManFault>'
        "</s:Detail></s:Fault>",
        "500 Internal Server Error",
    )


class Odd:
    """A listener. `answer(request) -> bytes`; "" ends the connection. Use as a context manager."""

    def __init__(self, answer: Callable[[bytes], bytes] | bytes) -> None:
        self._answer = answer if callable(answer) else lambda request: answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.requests = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Odd:
        return self

    def __exit__(self, *_unused: object) -> None:
        self._socket.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._socket.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(20)
            request = b""
            while b"\r\n\r\n" not in request:
                more = client.recv(65536)
                if not more:
                    return
                request += more
            head, _unused, body = request.partition(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                    while len(body) < length:
                        more = client.recv(65536)
                        if not more:
                            return
                        body += more
            self.requests += 1
            client.sendall(self._answer(request))


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
