# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The record of a run: a file that has every line as it was shown, and the report, whatever becomes of the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from ..base.errors import OptionError

NAME_LENGTH = 20
"""Of a target's name so much stands in that of the file: with the user's state folder it fits into a terminal."""


def default_folder(environment: Mapping[str, str]) -> Path:
    """The user's state folder. https://specifications.freedesktop.org/basedir-spec/latest/"""
    base = environment.get("XDG_STATE_HOME") or os.path.join(environment.get("HOME") or "~", ".local", "state")
    return Path(base).expanduser() / "hyperv.replica"


class Record:
    """An open record. What cannot be written any more (a full disk) does not end the run."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path = path
        self._file = file

    @classmethod
    def open(cls, asked: str | None, operation: str, to: str, now: datetime, environment: Mapping[str, str]) -> Record:
        """A new file in the folder that was asked for (or the file itself), or in the user's state folder. Raises
        OptionError where it cannot be made: a run that cannot keep its record does not begin.
        """
        name = f"{now:%Y%m%d-%H%M%S}-{operation}-{_plain(to)}-{os.getpid()}.log"
        wanted = Path(asked).expanduser() if asked else default_folder(environment)
        path = wanted / name if not asked or wanted.is_dir() or asked.endswith(os.sep) else wanted
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            return cls(path, os.fdopen(descriptor, "a", encoding="utf-8"))
        except OSError as error:
            raise OptionError(
                "record", f"{path} cannot be written: {error.strerror}.", "Give a folder that can. Nothing was done."
            ) from error

    def shown(self, environment: Mapping[str, str]) -> str:
        """Its path for people: below their home it begins with ~."""
        path, home = str(self.path), environment.get("HOME") or ""
        return f"~{path[len(home) :]}" if home and path.startswith(home + os.sep) else path

    def write(self, lines: Iterable[str]) -> None:
        """Add lines; they are in the file when this returns."""
        with suppress(OSError, ValueError):
            self._file.write("".join(f"{line}\n" for line in lines))
            self._file.flush()

    def close(self) -> None:
        """No more lines."""
        with suppress(OSError, ValueError):
            self._file.close()


def _plain(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in text)[:NAME_LENGTH]
