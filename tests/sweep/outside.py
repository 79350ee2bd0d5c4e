"""What stops a run from outside: a signal to its process, as the time limit of a task, Ctrl-C and SIGTERM are."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import link_collection

link_collection()

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.recovery_runner import Watch  # noqa: E402

NOTICED_SECONDS = 20.0
"""So long a call of the run waits for the run to notice that it is stopped."""
SIGNALS = (signal.SIGALRM, signal.SIGTERM, signal.SIGINT)


@dataclass
class Outside:
    """Nobody stops the run, until `stop` is called. `noticed` says when the run has said that it knows, and `struck`
    whether it was stopped. Without a `number` no signal is sent, and none is taken.
    """

    number: signal.Signals | None = None
    noticed: threading.Event = field(default_factory=threading.Event)
    struck: bool = False
    watch: Watch = field(default_factory=Watch)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While the run goes on, signals are what they are for the task that Ansible runs."""
        if self.number is None:
            yield
            return
        with self.watch.signals():
            yield

    def why(self) -> str:
        """Why the run is to stop; "" while it is not."""
        return self.watch() if self.number is not None else ""

    def shown(self, event: Any) -> None:
        """An event of the run."""
        if event.text.startswith("stopped: "):
            self.noticed.set()

    def stop(self) -> None:
        """The signal comes. What calls this goes on when the run knows."""
        if self.number is not None:
            self.struck = True
            os.kill(os.getpid(), self.number)
            self.noticed.wait(NOTICED_SECONDS)
