"""A run is bounded in time: one that hangs is an error of its own, told with where every thread was."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

HANGS_SECONDS = 240.0
"""No run of a sweep, with all that is played again after it, takes as long, on a busy machine either."""
ONCE_MORE_SECONDS = 30.0
"""Who catches it, or waits on its way out, is interrupted again."""


class Hangs(BaseException):
    """It has taken too long. `told` is where every thread was."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


@contextmanager
def bounded(seconds: float = HANGS_SECONDS) -> Iterator[None]:
    """Raises Hangs when it takes longer. Only a main thread can be interrupted; elsewhere there is no bound."""
    main, over = threading.main_thread(), threading.Event()
    if threading.current_thread() is not main:
        yield
        return

    def watch() -> None:  # not by an alarm: that is what a time limit of a task is
        wait = seconds
        while not over.wait(wait):
            wait = ONCE_MORE_SECONDS
            signal.pthread_kill(main.ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, _raise)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        signal.signal(signal.SIGUSR1, before)


def _raise(_number: int, _frame: object) -> None:
    raise Hangs(stacks())


def stacks() -> str:
    """The innermost lines of every thread."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    told = []
    for ident, frame in sys._current_frames().items():
        lines = traceback.extract_stack(frame)[-4:]
        where = " < ".join(f"{line.filename.rpartition('/')[2]}:{line.lineno} {line.name}" for line in reversed(lines))
        told.append(f"{names.get(ident, ident)}: {where}")
    return "\n".join(told)
