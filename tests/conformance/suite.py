"""Sends cases to both engines and compares. Known differences are data (known.yml), each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from tests.conformance.case import Case, load
from tests.conformance.generate import cmdlets
from tests.conformance.outcome import Outcome, differences, outcome
from tests.conformance.talk import Talk
from tests.lab.cmdlets import registry

KNOWN = Path(__file__).with_name("known.yml")


@dataclass
class Known:
    """An accepted difference: the cases (a pattern) and aspects that it explains, and why."""

    cases: str
    aspects: tuple[str, ...]
    reason: str
    used: int = 0

    def explains(self, case: Case, aspects: Iterable[str]) -> bool:
        """Whether every one of these aspects of the case is explained by this row."""
        return fnmatchcase(case.name, self.cases) and set(aspects) <= set(self.aspects)


@dataclass
class Difference:
    """A case in which the engines differ, and in what."""

    case: Case
    found: dict[str, str]
    reason: str = ""

    def __str__(self) -> str:
        lines = [f"{self.case.name}", f"    {self.case}"]
        for aspect, diff in self.found.items():
            lines.append(f"  {aspect} (- the real PowerShell, + ours)")
            lines += [f"    {line}" for line in diff.splitlines()]
        return "\n".join(lines)


@dataclass
class Report:
    """What a run found."""

    cases: int = 0
    agree: int = 0
    known: list[Difference] = field(default_factory=list)
    unknown: list[Difference] = field(default_factory=list)

    def summary(self) -> str:
        """One line: how many agree."""
        return (
            f"conformance: {self.cases} cases, {self.agree} agree, known differences: {len(self.known)}, "
            f"unknown differences: {len(self.unknown)}"
        )


REPORT = pytest.StashKey[Report]()
"""Where a pytest run keeps its report."""


class Suite:
    """Both engines side by side. `run` may be called many times; the report adds up."""

    def __init__(self, known: Path = KNOWN) -> None:
        rows = yaml.safe_load(known.read_text(encoding="utf-8")) if known.exists() else []
        self.known = [Known(row["cases"], tuple(row["differs"]), row["reason"]) for row in rows or []]
        self.report = Report()
        self._real = Talk("real")
        self._own = Talk("own")
        self._workers = ThreadPoolExecutor(2)

    def run(self, cases: Iterable[Case]) -> list[Difference]:
        """Compare these cases; the unknown differences among them."""
        chosen = list(cases)
        answers = [self._workers.submit(_all, engine, chosen) for engine in (self._real, self._own)]
        unknown = []
        for case, real, own in zip(chosen, *(answer.result() for answer in answers), strict=True):
            found = differences(real, own)
            self.report.cases += 1
            if not found:
                self.report.agree += 1
                continue
            difference = Difference(case, found)
            row = next((row for row in self.known if row.explains(case, found)), None)
            if row is None:
                unknown.append(difference)
            else:
                row.used += 1
                difference.reason = row.reason
                self.report.known.append(difference)
        self.report.unknown += unknown
        return unknown

    def unused(self) -> list[Known]:
        """Known differences that no case showed: they are none any more."""
        return [row for row in self.known if not row.used]

    def close(self) -> None:
        """End the engines."""
        self._workers.shutdown()
        self._real.close()
        self._own.close()


def _all(engine: Talk, cases: list[Case]) -> list[Outcome]:
    return [outcome(engine.run(case)) for case in cases]


@contextmanager
def suite() -> Iterator[Suite]:
    """A suite that ends."""
    made = Suite()
    try:
        yield made
    finally:
        made.close()


def groups() -> dict[str, list[Case]]:
    """All cases by group: a cmdlet, or a file of cases. A cmdlet without a handler has nothing to be compared."""
    found: dict[str, list[Case]] = {}
    for cmdlet in cmdlets():
        if cmdlet.name in registry.handlers():
            found[cmdlet.name] = list(cmdlet.cases())
    for case in load():
        found.setdefault(case.name.partition(":")[0], []).append(case)
    return found
