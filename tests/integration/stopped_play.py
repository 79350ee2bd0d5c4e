"""A playbook that is stopped from outside at a call of the lab, and what is left of its processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.integration.failover_play import Player

END_SECONDS = 60.0
"""So long processes may live on after ansible-playbook was stopped: what was stopped has to come up again."""


@dataclass(frozen=True)
class Process:
    """A process by its number, and by when it began: a number is given to another one some time later."""

    pid: int
    began: str

    @classmethod
    def of(cls, pid: int) -> Process:
        return cls(pid, (_stat(pid) or [""] * 20)[19])

    @property
    def alive(self) -> bool:
        """Whether it runs. One that has ended, and that nobody has waited for, does not."""
        stat = _stat(self.pid)
        return stat is not None and stat[0] not in "ZX" and stat[19] == self.began

    def kill(self, number: int) -> None:
        """Send it a signal, if it is there."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _stat(pid: int) -> list[str] | None:
    """What the kernel tells of a process behind its name (proc_pid_stat(5)); None: there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None


def below(pid: int) -> list[int]:
    """All processes that a process has begun, and those begun by them."""
    try:
        found = [
            int(one)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for one in (task / "children").read_text(encoding="utf-8").split()
        ]
    except OSError:
        return []
    return [one for child in found for one in (child, *below(child))]


@dataclass
class Stopped:
    """One run of a playbook in a session of its own, on a terminal of its own where that is wanted.

    `tasks` are the processes of its tasks, as they were in the moment in which it was stopped.
    """

    player: Player
    terminal: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    tasks: list[Process] = field(default_factory=list)
    master: int = -1
    reader: threading.Thread | None = None
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def pid(self) -> int:
        """ansible-playbook's."""
        assert self.process is not None
        return self.process.pid

    @property
    def records(self) -> Path:
        """The folder for the records of the runs."""
        folder = self.player.folder / "records"
        folder.mkdir(exist_ok=True)
        return folder

    def record(self) -> str:
        """The newest record."""
        return max(self.records.iterdir(), key=lambda file: file.stat().st_mtime_ns).read_text(encoding="utf-8")

    def play(self, stop: Callable[[Stopped], None], host: str, cmdlet: str, name: str, **variables: str) -> int:
        """Run a playbook, stop it right before the first call of that cmdlet there, and wait until all of it has ended.

        Returns what ansible-playbook returned. AssertionError: it was not stopped, or a process hangs.
        """
        begun, moment = threading.Event(), threading.Event()

        def act() -> None:
            begun.wait(END_SECONDS)
            self.tasks = [Process.of(pid) for pid in below(self.pid)]
            stop(self)
            moment.set()

        self.player.at(host, cmdlet, act)
        with self._started(name, variables) as process:
            self.process = process
            begun.set()
            returned = self._ended(process)
        assert moment.is_set(), f"{cmdlet} was never called:\n{self.output}"
        assert self.tasks, "the task had no process"
        return returned

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        began = Process.of(process.pid)
        try:
            returned = process.wait(END_SECONDS)
            deadline = time.monotonic() + END_SECONDS
            while (left := [task for task in self.tasks if task.alive]) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not left, f"processes hang: {left}\n{self.output}"
            return returned
        finally:
            for one in (began, *self.tasks):
                one.kill(signal.SIGKILL)

    @property
    def output(self) -> str:
        """What it printed."""
        return (self.player.folder / "output").read_text(encoding="utf-8", errors="replace")

    @contextlib.contextmanager
    def _started(self, name: str, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        command = self.player._command(name, record=str(self.records), **variables)
        environment = {**self.player._environment(), **self.environment}
        with (self.player.folder / "output").open("wb") as file, contextlib.ExitStack() as undo:
            end = undo.enter_context(self._terminal(file)) if self.terminal else file
            yield subprocess.Popen(
                command,
                env=environment,
                cwd=self.player.folder,
                stdin=end if self.terminal else subprocess.DEVNULL,
                stdout=end,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_take_terminal if self.terminal else None,
            )

    @contextlib.contextmanager
    def _terminal(self, file: IO[bytes]) -> Iterator[int]:
        """A terminal; what is printed on it goes to the file."""
        self.master, slave = pty.openpty()
        self.reader = threading.Thread(target=self._copy, args=(file,), daemon=True)
        self.reader.start()
        try:
            yield slave
        finally:
            os.close(slave)
            self.hang_up()

    def hang_up(self) -> None:
        """The terminal goes away. Nobody may be reading from it then: it would live on until that read is over."""
        self.hung_up.set()
        if self.reader is not None:
            self.reader.join()
        master, self.master = self.master, -1
        if master >= 0:
            os.close(master)

    def _copy(self, file: IO[bytes]) -> None:
        with contextlib.suppress(OSError):
            while not self.hung_up.is_set():
                if select.select([self.master], [], [], 0.05)[0]:
                    file.write(os.read(self.master, 65536))
                    file.flush()


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _task_limit(run: Stopped) -> None:
    for task in run.tasks:
        task.kill(signal.SIGALRM)


def _group(number: int) -> Callable[[Stopped], None]:
    return lambda run: os.killpg(run.pid, number)


def _alone(number: int) -> Callable[[Stopped], None]:
    return lambda run: os.kill(run.pid, number)


def _with_tasks(run: Stopped) -> None:
    os.kill(run.pid, signal.SIGKILL)
    for task in run.tasks:
        task.kill(signal.SIGKILL)


def _type_ctrl_c(run: Stopped) -> None:
    os.write(run.master, b"\x03")


def _twice(run: Stopped) -> None:
    os.killpg(run.pid, signal.SIGINT)
    time.sleep(0.3)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGINT)


WAYS: dict[str, Callable[[Stopped], None]] = {
    "the time limit of the task": _task_limit,
    "Ctrl-C": _group(signal.SIGINT),
    "Ctrl-C in a terminal": _type_ctrl_c,
    "Ctrl-C twice": _twice,
    "the terminal is closed": Stopped.hang_up,
    "SIGTERM": _alone(signal.SIGTERM),
    "kill -9": _alone(signal.SIGKILL),
    "kill -9 with the task": _with_tasks,
}
"""How a run is stopped from outside. What Ansible sets as the time limit of a task is an alarm, SIGALRM, so that it can
be sent at any moment."""
NEEDS_TERMINAL = ("Ctrl-C in a terminal", "the terminal is closed")
