"""The only I/O of the wire: a threaded HTTP(S) server on loopback, in front of what a gate leads to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from . import wsman
from .auth import Authenticator, Conversation
from .gate import CLOSES, DROPS, REFUSES, WEB, Gate
from .shells import Cut, Service

MAX_BODY = wsman.MAX_ENVELOPE + 64 * 1024
"""An encrypted envelope is a little larger than the envelope."""
WEB_PAGE = b"""<!DOCTYPE html><html><head><title>Intranet</title></head><body><h1>Not here</h1></body></html>\r\n"""


FILLERS = 3
"""Connections that fill the queue of a socket that accepts none."""
DROPPING: set[tuple[str, int]] = set()
"""Ports of this process's labs from which nothing comes back: a client of the same process need not wait for that."""


class Connection:
    """A client's connection (the `Peer` of the gate), and how to end it without a word."""

    def __init__(self, sock: socket.socket, address: str, service: Service) -> None:
        self.address = address
        self.service = service
        self.ending = False
        self._sock = sock

    def use(self, sock: socket.socket) -> None:
        """The socket of the same connection under TLS."""
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
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Handshake here, in the connection's own thread: a client that does not speak must not stop the others."""
        gate = self.server.gate
        self.client = Connection(self.request, str(self.client_address[0]), gate.service)
        with contextlib.ExitStack() as undo:
            undo.enter_context(gate.guest(self.client))
            try:
                gate.hold(self.client)
            except Cut as error:
                raise ConnectionAbortedError from error
            # A connection on which nothing is asked for so long is closed; one that waits for an answer is not idle.
            self.request.settimeout(gate.idle_seconds)
            if self.server.tls is not None:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
                self.client.use(self.request)
            super().setup()
            self.conversation = Conversation(self.server.authenticator)
            self._leave = undo.pop_all()

    def finish(self) -> None:
        self._leave.close()
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        """A browser, or whoever looks whether anything is there."""
        self._reply(*self._page()) if self.server.gate.kind == WEB else self._reply(405)

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
        try:
            self.server.gate.hold(self.client)
        except Cut:
            return self._cut()
        if not self.client.service.reachable():
            return self._cut()
        if self.server.gate.kind == WEB:
            return self._reply(*self._page())
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
            status, answer = self.client.service.answer(body, user, self.client)
            self.server.gate.hold(self.client)
        except Cut:
            return self._cut()
        answer_type = "application/soap+xml;charset=UTF-8"
        if sealed:
            answer_type, answer = self.conversation.seal(answer)
        self._reply(status, answer, [("Content-Type", answer_type), *headers])
        if self.server.gate.through(self.client):
            self.close_connection = True
        return None

    def _page(self) -> tuple[int, bytes, list[tuple[str, str]]]:
        return self.server.gate.status, WEB_PAGE, [("Content-Type", "text/html")]

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
        self, address: tuple[str, int], gate: Gate, authenticator: Authenticator, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(address, _Handler)
        self.gate = gate
        self.authenticator = authenticator
        self.tls = tls

    def server_bind(self) -> None:
        """As in TCPServer: HTTPServer would look the address up in the DNS, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = cast("tuple[str, int]", self.server_address[:2])

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """A host that is off, or cut off, takes no connection; nor does an entry that closes each at once."""
        if not self.gate.service.reachable():
            Connection(request, "", self.gate.service).cut()
            return False
        return self.gate.kind != CLOSES

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours; anything else is shown."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Listener:
    """One port of an entry. Listens from `start` to `stop`; port 0 takes a free one."""

    def __init__(
        self,
        gate: Gate,
        authenticator: Authenticator,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.address = address
        self.scheme = "http" if tls is None else "https"
        self._gate = gate
        self._make: Callable[[int], _Server] = lambda port: _Server((address, port), gate, authenticator, tls)
        self._server: _Server | None = self._make(port)
        self.port = int(self._server.server_port)
        self._held: list[socket.socket] = []
        self._started = False
        gate.ports.append(self._behave)

    def start(self) -> None:
        """Take connections, in a thread."""
        self._started = True
        if self._server is not None:
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Take no more connections, and end those that are open."""
        self._close()
        self._gate.end()

    def _close(self) -> None:
        DROPPING.discard((self.address, self.port))
        for one in self._held:
            one.close()
        self._held.clear()
        if self._server is not None:
            with contextlib.suppress(OSError):
                self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for connections
            if self._started:
                self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _behave(self, kind: str) -> None:
        """Keep the port, whatever happens on it: another process must not get it meanwhile."""
        self._close()
        if kind in (REFUSES, DROPS):
            self._hold(full=kind == DROPS)
        else:
            self._server = self._make(self.port)
            if self._started:
                self.start()

    def _hold(self, *, full: bool) -> None:
        """A socket that is bound and does not listen refuses connections; one whose queue is full answers nothing."""
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((self.address, self.port))
        self._held.append(bound)
        if full:
            DROPPING.add((self.address, self.port))
            bound.listen(0)
            for _unused in range(FILLERS):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex((self.address, self.port))
                self._held.append(filler)
