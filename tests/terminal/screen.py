"""Runs a command on a terminal of so many columns; the lines that it shows there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

COLUMNS, ROWS = 100, 50
HEAD = re.compile(r"^(TASK|RUNNING HANDLER) \[")
ANSIBLES = re.compile(r"^(included: /|\S+ +: ok=\d+ )")


def shown(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[int, list[str]]:
    """What it returned, and the lines that stood on the terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave
    )
    os.close(slave)
    told = b""
    try:
        while data := os.read(master, 65536):
            told += data
    except OSError:  # the end of a terminal is an error on Linux
        pass
    finally:
        os.close(master)
    return process.wait(), told.decode(errors="replace").replace("\r\n", "\n").splitlines()


def folded(lines: Sequence[str]) -> list[str]:
    """The rows of the terminal: what is wider goes on in the next one."""
    rows = [line[start : start + COLUMNS] for line in lines for start in range(0, max(len(line), 1), COLUMNS)]
    return [row.rstrip() for row in rows]


def heads(lines: Sequence[str]) -> int:
    """How many tasks announce themselves."""
    return sum(1 for line in lines if HEAD.match(line))


def widest(lines: Sequence[str]) -> int:
    """Columns of the widest line, but for Ansible's own: its recap is wider, and a file's path as long as it is."""
    return max((len(line) for line in lines if not ANSIBLES.match(line)), default=0)
