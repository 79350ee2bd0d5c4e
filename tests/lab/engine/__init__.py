"""What runs a pipeline on the handlers: our own engine on psrpcore, or a real PowerShell. The wire knows only this."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Received:
    """Fragments for one WSMan Receive. `done`: nothing more will come for this pipeline (or for the shell)."""

    fragments: tuple[bytes, ...] = ()
    done: bool = False


class Engine(Protocol):
    """One WSMan shell. Bytes are PSRP fragments as WSMan carries them (base64 taken off)."""

    def open(self, creation: bytes) -> None:
        """Start the runspace pool from the shell's creationXml."""

    def command(self, pipeline: uuid.UUID, fragments: bytes) -> None:
        """Start a pipeline; `fragments` is what the Command request carried (perhaps not all of it)."""

    def send(self, pipeline: uuid.UUID | None, fragments: bytes) -> None:
        """More input, for a pipeline or (None) for the runspace pool."""

    def receive(self, pipeline: uuid.UUID | None, timeout_seconds: float) -> Received:
        """Block until there is output or the (wall clock) time is over; empty and not done means: ask again."""

    def signal(self, pipeline: uuid.UUID) -> None:
        """Stop a pipeline; its state arrives by `receive`."""

    def close(self) -> None:
        """The shell is deleted, or its client is gone for good. Handlers that wait see `session.stopped`."""
