"""Who answers the stub cmdlets of a real PowerShell: a Unix socket a session, and behind it the same handlers.

One line of JSON each way. A call has a connection to itself while it runs; PowerShell closes it when the pipeline is
stopped, which is how a handler that waits learns of it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cmdlets import registry
from ..values import Continue, Error, Output, Record, Refusal
from .stub_values import from_json, record_to_json

if TYPE_CHECKING:
    from ..world.host import Host

CLOCK = "Get-Date"


@dataclass
class CallSession:
    """The session as one call sees it: also stopped when PowerShell hung up on this call."""

    session: registry.Session
    connection: socket.socket

    @property
    def host(self) -> Host:
        """The host whose shell this is."""
        return self.session.host

    @host.setter
    def host(self, host: Host) -> None:
        self.session.host = host

    @property
    def user(self) -> str:
        """Who opened the shell."""
        return self.session.user

    @user.setter
    def user(self, user: str) -> None:
        self.session.user = user

    def drop(self) -> None:
        """Cut the client's connection."""
        self.session.drop()

    @property
    def stopped(self) -> bool:
        """The shell is gone, or this call was given up: its connection can be read, and there is nothing in it."""
        if self.session.stopped:
            return True
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


class Backend:
    """Listens on `path` until `close`."""

    def __init__(self, session: registry.Session, path: Path) -> None:
        self._session = session
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen(16)
        self._connections: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more calls, and hang up on those that wait."""
        for item in (self._socket, *self._connections):
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _unused = self._socket.accept()
                self._connections.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as lines:
            for line in lines:
                records = [record_to_json(record) for record in self._answer(json.loads(line), connection)]
                connection.sendall(json.dumps({"records": records}).encode() + b"\n")
        self._connections.discard(connection)

    def _answer(self, call: dict[str, Any], connection: socket.socket) -> Iterator[Record]:
        parameters = {name: from_json(value) for name, value in call["parameters"].items()}
        if call["cmdlet"] == CLOCK:  # not recorded: on its own engine too it is the engine that tells the time
            yield Output(self._session.host.world.clock.now().astimezone(self._session.host.time_zone))
            return
        session = CallSession(self._session, connection)
        try:
            for record in registry.dispatch(session, call["cmdlet"], call["set"] or "", parameters):
                yield record
                if isinstance(record, Continue):
                    return  # nobody says yes, so what would follow does not
        except Refusal as refusal:
            yield refusal.error
        except Exception as error:
            # A handler that breaks is a fault of the lab: it must show in the test, and not hold the pipeline for ever.
            traceback.print_exc()
            yield Error(f"{type(error).__name__}: {error}", "LabHandlerFailed", "NotSpecified", terminating=True)
