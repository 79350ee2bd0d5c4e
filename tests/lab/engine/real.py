"""The real PowerShell as an engine: one `pwsh -s` a shell, PSRP on its standard input and output, handlers behind it.

Framing: PowerShell's out-of-process transport, one XML element a line. Each line is sent after the one before it of the
same owner was acknowledged: the engine hands lines to a thread pool, and two under way are taken in any order.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import struct
import subprocess
import tempfile
import threading
import uuid
from datetime import timedelta, tzinfo
from pathlib import Path

from ..cmdlets.registry import Session
from . import Received
from .backend import Backend

POOL = uuid.UUID(int=0)
"""The owner of lines that concern the runspace pool."""
ACKNOWLEDGEMENT_SECONDS = 60.0
CLOSE_SECONDS = 5.0
_LINE = re.compile(r"<(\w+)\s([^>]*?)/?>(?:([^<]*)</\1>)?")
_OWNER = re.compile(r"PSGuid='([^']*)'")
_PIPELINE_STATE = 0x00041006
_FRAGMENT = struct.Struct(">QQBI")


def program() -> str | None:
    """The path of a `pwsh` that speaks PSRP and has the stub modules, or None: there is none here."""
    found = os.environ.get("HYPERV_REPLICA_PWSH")
    return shutil.which(found) if found else None


def _zone_file(folder: Path, zone: tzinfo) -> Path:
    """A time zone file (RFC 8536, version 1) of one fixed offset: the host's, whatever this machine's is."""
    offset = zone.utcoffset(None) or timedelta()
    path = folder / "zone"
    head = b"TZif" + bytes(16) + struct.pack(">6i", 0, 0, 0, 0, 1, 4)
    path.write_bytes(head + struct.pack(">iBB", int(offset.total_seconds()), 0, 0) + b"LAB\0")
    return path


class EngineGone(ConnectionError):
    """The process ended, or does not answer."""


class _Channel:
    """What one owner (a pipeline, or the pool) has sent, and the acknowledgements for it."""

    def __init__(self) -> None:
        self.fragments: list[bytes] = []
        self.acknowledged: set[str] = set()
        self.awaited = 0
        self.turn = threading.Lock()
        self.done = False
        self.closing = False
        self._final: int | None = None

    def take_in(self, data: bytes) -> None:
        """Keep fragments, and notice the end of a PIPELINE_STATE message: nothing comes after it."""
        self.fragments.append(data)
        at = 0
        while at + _FRAGMENT.size <= len(data):
            message, _unused, flags, length = _FRAGMENT.unpack_from(data, at)
            at += _FRAGMENT.size
            if flags & 1 and length >= 8 and struct.unpack_from("<I", data, at + 4)[0] == _PIPELINE_STATE:
                self._final = message
            if flags & 2 and message == self._final:
                self.done = True
            at += length


class RealEngine:
    """One WSMan shell that a `pwsh -s` runs (an `Engine`)."""

    def __init__(self, session: Session, pwsh: str, configuration_file: str | None = None) -> None:
        """`configuration_file`: the path of a .pssc, for a constrained endpoint."""
        self._folder = tempfile.TemporaryDirectory(prefix="lab-")
        socket_path = Path(self._folder.name) / "stubs"
        self._backend = Backend(session, socket_path)
        self._complaints = Path(self._folder.name) / "stderr"
        arguments = ["-ConfigurationFile", configuration_file] if configuration_file else []
        with self._complaints.open("w") as complaints:
            self._process = subprocess.Popen(
                [pwsh, "-s", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={
                    **os.environ,
                    "HYPERV_STUBS_BACKEND": str(socket_path),
                    "TZ": str(_zone_file(Path(self._folder.name), session.host.time_zone)),
                },
                text=True,
            )
        self._channels: dict[uuid.UUID, _Channel] = {POOL: _Channel()}
        self._news = threading.Condition()
        self._gone = False
        threading.Thread(target=self._read, daemon=True).start()

    def open(self, creation: bytes) -> None:
        """Start the runspace pool."""
        self._data(POOL, creation)

    def command(self, pipeline: uuid.UUID, fragments: bytes) -> None:
        """Start a pipeline."""
        self._channels[pipeline] = _Channel()
        self._line(pipeline, "Command")
        if fragments:
            self._data(pipeline, fragments)

    def send(self, pipeline: uuid.UUID | None, fragments: bytes) -> None:
        """More input."""
        self._data(pipeline or POOL, fragments)

    def receive(self, pipeline: uuid.UUID | None, timeout_seconds: float) -> Received:
        """What came since; waits for it up to the time."""
        channel = self._channels[pipeline or POOL]
        with self._news:
            self._news.wait_for(lambda: channel.fragments or channel.done or self._gone, timeout_seconds)
            fragments, channel.fragments = tuple(channel.fragments), []
            done = channel.done or self._gone
        return Received(fragments, done)

    def signal(self, pipeline: uuid.UUID) -> None:
        """Stop a pipeline."""
        if not self._channels[pipeline].done:
            self._line(pipeline, "Signal")

    def close(self) -> None:
        """End the session and its process; at once when a pipeline still runs."""
        self._backend.close()
        if any(not channel.done for owner, channel in list(self._channels.items()) if owner != POOL):
            self._process.kill()
        elif not self._gone:
            with contextlib.suppress(OSError, EngineGone):
                self._line(POOL, "Close", CLOSE_SECONDS)
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _data(self, owner: uuid.UUID, fragments: bytes) -> None:
        content = base64.b64encode(fragments).decode()
        self._line(owner, "Data", text=f"<Data Stream='Default' PSGuid='{owner}'>{content}</Data>")

    def _line(self, owner: uuid.UUID, kind: str, limit: float = ACKNOWLEDGEMENT_SECONDS, text: str = "") -> None:
        """Send one element and wait for its acknowledgement."""
        channel = self._channels[owner]
        with channel.turn if kind == "Data" else contextlib.nullcontext(), self._news:
            channel.awaited += 1
            self._write(text or f"<{kind} PSGuid='{owner}' />")
            heard = self._news.wait_for(lambda: f"{kind}Ack" in channel.acknowledged or self._gone, limit)
            channel.awaited -= 1
            if not heard or self._gone:
                raise EngineGone(f"PowerShell did not acknowledge {kind}: {self._complaints.read_text().strip()}")
            channel.acknowledged.discard(f"{kind}Ack")
        self._close_when_done(owner)

    def _write(self, line: str) -> None:
        with self._news:
            if self._process.stdin is None or self._gone:
                raise EngineGone("PowerShell has ended")
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        """Sort what the process says to its owners, until it ends."""
        stdout = self._process.stdout
        with contextlib.suppress(ValueError):
            for line in stdout or ():
                self._heard(line)
        with self._news:
            self._gone = True
            self._news.notify_all()
        if stdout:
            stdout.close()

    def _heard(self, line: str) -> None:
        element = _LINE.match(line.strip())
        owner = _OWNER.search(element[2]) if element else None
        if element is None or owner is None:
            return
        with self._news:
            channel = self._channels.setdefault(uuid.UUID(owner[1]), _Channel())
            if element[1] == "Data":
                channel.take_in(base64.b64decode(element[3] or ""))
            else:
                channel.acknowledged.add(element[1])
            self._news.notify_all()
        self._close_when_done(uuid.UUID(owner[1]))

    def _close_when_done(self, pipeline: uuid.UUID) -> None:
        """A finished pipeline that is not closed keeps the session from ending."""
        channel = self._channels[pipeline]
        with self._news, contextlib.suppress(OSError, EngineGone):
            if channel.done and not channel.closing and not channel.awaited:
                channel.closing = True
                self._write(f"<Close PSGuid='{pipeline}' />")
