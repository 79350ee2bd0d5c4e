# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Folders for replicas: whether they are there, and how one is made.

A UNC path is a second hop: a remote session sees it as nobody, so whether it exists is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..base.errors import OptionError, UnexpectedOutput
from ..base.pipeline import Command, Pipeline, Statement
from ..base.session import Output
from ..base.values import path_key, same_text, unsendable


def folder(option: str, text: str) -> str:
    """A folder as it is sent: trimmed, without trailing backslash (a drive keeps its own). Raises OptionError."""
    path = text.strip().replace("/", "\\")
    drive = len(path) >= 3 and path[0].isascii() and path[0].isalpha() and path[1:3] == ":\\"
    if not drive and not (path.startswith("\\\\") and path.strip("\\").count("\\") >= 1):
        raise OptionError(
            option, f"'{text}' is not a full path.", r"Give one like D:\Replica or \\server\share\folder."
        )
    if any(c in '<>"|?*' for c in path) or unsendable(path):
        raise OptionError(option, f"'{text}' holds a character that no Windows path can have.")
    return path[:3] if drive and not path[3:].strip("\\") else path.rstrip("\\")


def is_remote(path: str) -> bool:
    """True for a UNC path."""
    return path.startswith("\\\\")


def query_folders(paths: Iterable[str]) -> Pipeline:
    """One Test-Path for all folders of the host itself; nothing when there is none."""
    local = tuple(dict.fromkeys(path for path in paths if not is_remote(path)))
    if not local:
        return Pipeline(())
    return Pipeline.of(Command("Test-Path", {"LiteralPath": list(local), "PathType": "Container"}))


def parse_folders(output: Output, paths: Iterable[str]) -> Mapping[str, bool]:
    """By path_key, whether the folder exists; the answers come in the order of the question."""
    local = tuple(dict.fromkeys(path for path in paths if not is_remote(path)))
    answers = [row.text for row in output.of_type("Boolean")]
    if len(answers) != len(local):
        raise UnexpectedOutput("Test-Path", f"{len(answers)} answers for {len(local)} paths")
    return {path_key(path): same_text(answer, "True") for path, answer in zip(local, answers, strict=True)}


def make_folder(path: str) -> Statement:
    """Make a folder, with those above it."""
    return Statement((Command("New-Item", {"ItemType": "Directory", "Path": path, "Confirm": False}),))
