# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a kind of information is: the pipeline that reads it and the function that reads the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..base.errors import ReplicaError
from ..base.pipeline import Pipeline
from ..base.session import ErrorRecord, Output
from .clock import Clock
from .scope import Scope


class Unknown(ReplicaError):
    """The answer came without an error and still does not tell what was asked; says why."""


@dataclass(frozen=True)
class Answer:
    """What a kind's pipeline answered, and the VMs whose part of it failed (by id)."""

    output: Output
    scope: Scope
    failed: frozenset[str] = frozenset()


def _nobody(scope: Scope) -> tuple[str, ...]:
    return ()


def _no_paths(output: Output) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class VMKind:
    """A part of each VM: result key `name`.

    query(scope) -> Pipeline     one pipeline, whatever the number of VMs; None when no VM here can have this part
    parse(answer) -> {id: part}  raises Unknown when the rows cannot be told apart
    empty                        the part of a VM that no row belongs to
    must(scope) -> ids           VMs that always have this part: without a row it is unreadable
    paths(output) -> {path: id}  files of VMs, by which an error that names a file finds its VM
    """

    name: str
    query: Callable[[Scope], Pipeline | None]
    parse: Callable[[Answer], Mapping[str, Any]]
    empty: Callable[[], Any] = list
    must: Callable[[Scope], tuple[str, ...]] = _nobody
    paths: Callable[[Output], Mapping[str, str]] = _no_paths


def _never(error: ErrorRecord) -> bool:
    return False


@dataclass(frozen=True)
class HostKind:
    """A part of the host itself: result key `name`. `timed` kinds hold ages, so the host's clock is read with them.

    `expected` tells errors that are an answer ("no such service") from those that hide one.
    """

    name: str
    query: Callable[[], Pipeline]
    parse: Callable[[Output, Clock], Any]
    timed: bool = False
    expected: Callable[[ErrorRecord], bool] = _never
