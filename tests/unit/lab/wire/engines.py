"""An engine that says what it was told to say: the wire's tests need no PowerShell."""

from __future__ import annotations

import threading
import uuid
from collections import deque

from tests.lab.engine import Received

POOL = uuid.UUID(int=0)


class Parrot:
    """Answers each input with the same bytes; a pipeline is done when it was told `b"end"`."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, uuid.UUID | None, bytes]] = []
        self.says: dict[uuid.UUID, deque[bytes]] = {POOL: deque()}
        self.finished: set[uuid.UUID] = set()
        self.closed = threading.Event()
        self._news = threading.Condition()

    def open(self, creation: bytes) -> None:
        self._hear("open", None, creation)

    def command(self, pipeline: uuid.UUID, fragments: bytes) -> None:
        self.says[pipeline] = deque()
        self._hear("command", pipeline, fragments)

    def send(self, pipeline: uuid.UUID | None, fragments: bytes) -> None:
        self._hear("send", pipeline, fragments)

    def receive(self, pipeline: uuid.UUID | None, timeout_seconds: float) -> Received:
        key = pipeline or POOL
        with self._news:
            self._news.wait_for(lambda: self.says[key] or key in self.finished, timeout_seconds)
            said = tuple(self.says[key])
            self.says[key].clear()
            return Received(said, key in self.finished)

    def signal(self, pipeline: uuid.UUID) -> None:
        self._hear("signal", pipeline, b"end")

    def close(self) -> None:
        self.closed.set()

    def _hear(self, what: str, pipeline: uuid.UUID | None, data: bytes) -> None:
        with self._news:
            self.heard.append((what, pipeline, data))
            if data.endswith(b"end"):
                self.finished.add(pipeline or POOL)
            self.says[pipeline or POOL].append(data)
            self._news.notify_all()
