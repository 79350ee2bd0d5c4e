"""The only I/O of the wire: a threaded HTTP(S) server on loopback in front of a host's WinRM service."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from . import wsman
from .auth import Authenticator, Conversation
from .shells import Cut, Service

MAX_BODY = wsman.MAX_ENVELOPE + 64 * 1024
"""An encrypted envelope is a little larger than the envelope."""


class Connection:
    """A client's connection (the `Client` of the service), and how to end it without a word."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        self.address = address
        self._sock = sock

    def cut(self) -> None:
        """Reset the connection: the client sees it at once, as when a cable is pulled and the host answers RST."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    timeout = 900
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Handshake here, in the connection's own thread: a client that does not speak must not stop the others."""
        if self.server.tls is not None:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.client = Connection(self.connection, str(self.client_address[0]))
        self.conversation = Conversation(self.server.authenticator)
        self.server.connected(self.client)

    def finish(self) -> None:
        self.server.disconnected(self.client)
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        """One WSMan request."""
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            return self._reply(400)
        if not 0 <= length <= MAX_BODY:
            self.close_connection = True
            return self._reply(413)
        body = self.rfile.read(length)
        if not self.server.service.reachable():
            return self._cut()
        if self.path.rstrip("/").lower() != "/wsman":
            return self._reply(404)
        user, challenges = self.conversation.check(self.headers.get("Authorization"))
        if user is None:
            return self._reply(401, headers=[("WWW-Authenticate", item) for item in challenges])
        return self._serve(user, body, [("WWW-Authenticate", item) for item in challenges])

    def _serve(self, user: str, body: bytes, headers: list[tuple[str, str]]) -> None:
        content_type = self.headers.get("Content-Type") or ""
        sealed = self.conversation.is_sealed(content_type)
        if not body:
            return self._reply(200, headers=headers)
        if sealed:
            opened = self.conversation.unseal(body)
            if opened is None:
                return self._reply(400)
            body = opened
        try:
            status, answer = self.server.service.answer(body, user, self.client)
        except Cut:
            return self._cut()
        answer_type = "application/soap+xml;charset=UTF-8"
        if sealed:
            answer_type, answer = self.conversation.seal(answer)
        return self._reply(status, answer, [("Content-Type", answer_type), *headers])

    def _reply(self, status: int, body: bytes = b"", headers: list[tuple[str, str]] | None = None) -> None:
        self.send_response(status)
        for name, value in headers or []:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self) -> None:
        self.close_connection = True
        self.client.cut()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what happened is in the recorder."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], service: Service, authenticator: Authenticator, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(address, _Handler)
        self.service = service
        self.authenticator = authenticator
        self.tls = tls
        self._clients: set[Connection] = set()
        self._lock = threading.Lock()

    def server_bind(self) -> None:
        """As in TCPServer: HTTPServer would look the address up in the DNS, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = cast("tuple[str, int]", self.server_address[:2])

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """A host that is off, or cut off, takes no connection."""
        if self.service.reachable():
            return True
        Connection(request, "").cut()
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours; anything else is shown."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def connected(self, client: Connection) -> None:
        with self._lock:
            self._clients.add(client)

    def disconnected(self, client: Connection) -> None:
        with self._lock:
            self._clients.discard(client)

    def cut_all(self) -> None:
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.cut()


class Listener:
    """One port of one host. Listens from `start` to `stop`; port 0 takes a free one."""

    def __init__(
        self,
        service: Service,
        authenticator: Authenticator,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.address = address
        self.scheme = "http" if tls is None else "https"
        self._server = _Server((address, port), service, authenticator, tls)
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Take connections, in a thread."""
        self._thread.start()

    def cut_all(self) -> None:
        """End every connection (the host went down, or its link to the control node)."""
        self._server.cut_all()

    def stop(self) -> None:
        """Take no more connections, and end those that are open."""
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_all()
