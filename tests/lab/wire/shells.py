"""The WinRM service of one host: its shells, and what each operation does to them.

Still no sockets: a `Client` is somebody whose connection can be cut. Each shell has an engine and a session of its own.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..engine import Engine
from . import fault, wsman

if TYPE_CHECKING:
    from ..world.host import Host

MAX_SHELLS_PER_USER = 30
"""The default since Windows Server 2012 R2 (winrm/config/winrs)."""
POLL_SECONDS = 0.25
"""How often a long poll looks whether its client, or the host, is gone. Output itself wakes it at once."""
STOP_CODES = ("/ctrl_c", "/ctrl_break", "/terminate")


class Client(Protocol):
    """One connection of a client."""

    address: str
    ending: bool
    """It carries no further pipeline: it was led elsewhere while one was running."""

    def cut(self) -> None:
        """End the connection without an answer."""


class Cut(Exception):
    """This request gets no answer: its connection ends here."""


class WireFaults(Protocol):
    """Who decides whether an operation goes wrong on the wire (the world's fault rules)."""

    def wire(self, host: str, operation: str) -> str | None:
        """`before`: the request is lost. `after`: it is served and its answer is lost. None: nothing happens to it."""


@dataclass
class ShellSession:
    """Who calls the cmdlets of one shell (the `Session` of the handlers)."""

    host: Host
    user: str
    on_drop: Callable[[], None] = lambda: None
    stopped: bool = False

    def drop(self) -> None:
        """Cut the client's connections now; for the client the shell is gone."""
        self.stopped = True
        self.on_drop()


EngineFactory = Callable[[ShellSession, str], Engine]
"""Makes the engine of a shell from its session and the name of its configuration (KeyError: there is none such)."""


@dataclass
class Output:
    """What a command (or the pool) still has to hand over, when an answer had no room for all of it."""

    fragments: list[bytes] = field(default_factory=list)
    done: bool = False
    busy: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Shell:
    """One shell: the engine that runs it, who uses it, and its commands."""

    id: str
    session: ShellSession
    engine: Engine
    clients: set[Client] = field(default_factory=set)
    outputs: dict[uuid.UUID | None, Output] = field(default_factory=lambda: {None: Output()})
    gone: bool = False

    def take(self, command: uuid.UUID | None, room: int, wait_seconds: float) -> tuple[list[bytes], bool]:
        """Output that fits into `room` bytes of base64, and whether the command is done with it."""
        output = self.outputs[command]
        with output.busy:
            if not output.fragments and not output.done:
                got = self.engine.receive(command, wait_seconds)
                output.fragments.extend(got.fragments)
                output.done = got.done
            count, size = 0, 0
            for item in output.fragments:
                size += len(item) * 4 // 3 + 100
                if count and size > room:
                    break
                count += 1
            out, output.fragments = output.fragments[:count], output.fragments[count:]
            return out, output.done and not output.fragments


@dataclass
class Count:
    """How many shells there were. What is neither deleted nor lost is still open."""

    created: int = 0
    deleted: int = 0
    lost: int = 0

    @property
    def open(self) -> int:
        """Shells that nobody deleted, on a host that is still up."""
        return self.created - self.deleted - self.lost


class Service:
    """The WinRM service of one host. `answer` is called by many threads at once."""

    def __init__(
        self, host: Host, engines: EngineFactory, faults: WireFaults | None = None, *, session_cost: float = 0.0
    ) -> None:
        """`session_cost`: seconds of wall clock that opening a shell takes (a real host starts a process for it)."""
        self.host = host
        self.session_cost = session_cost
        self.engines = engines
        self.faults = faults
        self.count = Count()
        self.requests: dict[str, int] = {}
        self.reachable: Callable[[], bool] = lambda: True
        self._shells: dict[str, Shell] = {}
        self._owed: set[str] = set()
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def answer(self, data: bytes, user: str, client: Client) -> tuple[int, bytes]:
        """HTTP status and body for one envelope. Raises Cut when there is no answer."""
        try:
            request = wsman.parse(data)
        except fault.Fault as error:
            return 500, wsman.faulted(error, wsman.message_id(data), self.host.name)
        name = type(request.operation).__name__
        with self._lock:
            self.requests[name] = self.requests.get(name, 0) + 1
            lost = self.faults.wire(self.host.name, name) if self.faults else None
        if lost == "before":
            raise Cut
        try:
            status, body = 200, self._run(request, user, client)
        except fault.Fault as error:
            status, body = 500, wsman.faulted(error, request.message_id, self.host.name)
        if lost == "after":
            raise Cut
        return status, body

    def lose_all(self) -> None:
        """The host lost its power: every shell is gone, and nobody deleted it."""
        with self._lock:
            shells, self._shells = list(self._shells.values()), {}
            self.count.lost += len(shells)
        for shell in shells:
            self._end(shell)

    def busy(self, client: Client) -> bool:
        """Whether a pipeline of a shell that this connection uses is under way."""
        with self._lock:
            shells = [shell for shell in self._shells.values() if client in shell.clients]
        return any(
            command is not None and not output.done for shell in shells for command, output in [*shell.outputs.items()]
        )

    def close(self) -> None:
        """The lab ends. Shells that are open stay counted as open."""
        self._ended.set()
        with self._lock:
            shells, self._shells = list(self._shells.values()), {}
        for shell in shells:
            self._end(shell)

    def _run(self, request: wsman.Request, user: str, client: Client) -> bytes:
        operation = request.operation
        if client.ending and isinstance(operation, wsman.Create | wsman.Command):
            raise Cut
        if isinstance(operation, wsman.Identify):
            return wsman.identified()
        if isinstance(operation, wsman.GetConfig):
            return wsman.configuration(request)
        if isinstance(operation, wsman.Create):
            self._create(request, operation, user, client)
            return wsman.created(request, operation, user, client.address)
        shell = self._shell(operation.shell, user, client)
        if isinstance(operation, wsman.Delete):
            self._delete(shell)
            return wsman.deleted(request)
        body = self._run_in(shell, request, operation)
        if shell.gone:
            self._owed.discard(shell.id)
            raise Cut
        return body

    def _run_in(
        self,
        shell: Shell,
        request: wsman.Request,
        operation: wsman.Command | wsman.Send | wsman.Receive | wsman.Signal,
    ) -> bytes:
        if isinstance(operation, wsman.Command):
            shell.outputs[operation.command] = Output()
            shell.engine.command(operation.command, operation.fragments)
            return wsman.commanded(request, operation.command)
        if operation.command not in shell.outputs:
            raise fault.no_such_shell(shell.id)
        if isinstance(operation, wsman.Send):
            shell.engine.send(operation.command, operation.fragments)
            return wsman.sent(request)
        if isinstance(operation, wsman.Receive):
            return self._receive(request, shell, operation.command)
        self._signal(shell, operation)
        return wsman.signalled(request)

    def _shell(self, name: str, user: str, client: Client) -> Shell:
        with self._lock:
            if name in self._owed:
                self._owed.remove(name)
                raise Cut
            shell = self._shells.get(name)
            if shell is None or shell.session.user != user:
                raise fault.no_such_shell(name)
            shell.clients.add(client)
            return shell

    def _create(self, request: wsman.Request, operation: wsman.Create, user: str, client: Client) -> None:
        session = ShellSession(self.host, user)
        with self._lock:
            if operation.shell in self._shells:
                raise fault.shell_exists(operation.shell)
            if sum(shell.session.user == user for shell in self._shells.values()) >= MAX_SHELLS_PER_USER:
                raise fault.too_many_shells(MAX_SHELLS_PER_USER)
        if self.session_cost > 0:
            self._ended.wait(self.session_cost)
        try:
            engine = self.engines(session, operation.configuration)
        except KeyError as error:
            raise fault.no_such_endpoint(request.resource_uri) from error
        engine.open(operation.creation)
        shell = Shell(operation.shell, session, engine, {client})
        session.on_drop = lambda: self._drop(shell)
        with self._lock:
            self._shells[shell.id] = shell
            self.count.created += 1

    def _receive(self, request: wsman.Request, shell: Shell, command: uuid.UUID | None) -> bytes:
        room = min(request.max_envelope, wsman.MAX_ENVELOPE) - 4096
        until = time.monotonic() + request.timeout_seconds
        while True:
            left = until - time.monotonic()
            fragments, done = shell.take(command, room, max(0.0, min(left, POLL_SECONDS)))
            if not self.reachable():
                raise Cut
            if shell.gone:
                return b""
            if fragments or done:
                return wsman.received(request, command, fragments, done)
            if left <= 0:
                raise fault.timed_out()

    def _signal(self, shell: Shell, operation: wsman.Signal) -> None:
        output = shell.outputs[operation.command]
        if not operation.code.lower().endswith(STOP_CODES):
            raise fault.unsupported(operation.code)
        if not output.done:
            shell.engine.signal(operation.command)

    def _delete(self, shell: Shell) -> None:
        with self._lock:
            if self._shells.pop(shell.id, None) is None:
                raise fault.no_such_shell(shell.id)
            self.count.deleted += 1
        self._end(shell)

    def _drop(self, shell: Shell) -> None:
        """Called by a cmdlet of this very shell: so its engine is ended by another thread.

        The client may be between two requests, where nobody notices a cut: its next request is owed one.
        """
        with self._lock:
            if self._shells.pop(shell.id, None) is None:
                return
            self.count.lost += 1
            self._owed.add(shell.id)
            shell.gone = True
            clients = list(shell.clients)
        for client in clients:
            client.cut()
        threading.Thread(target=self._end, args=(shell,), daemon=True).start()

    @staticmethod
    def _end(shell: Shell) -> None:
        shell.gone = True
        shell.session.stopped = True
        shell.engine.close()
