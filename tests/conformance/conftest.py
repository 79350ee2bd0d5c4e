"""Says at the end of a run how many conformance cases agree, and which differences are known."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.conformance.suite import REPORT

LINES = "conformance"
FROM_WORKERS = pytest.StashKey[list[str]]()


def _lines(config: pytest.Config) -> list[str]:
    """The counts of this process, where it ran any cases."""
    report = config.stash.get(REPORT, None)
    if report is None:
        return []
    reasons = Counter(one.reason for one in report.known).most_common()
    return [report.summary(), *(f"  {count} known: {reason}" for reason, count in reasons)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist hands its counts over: its own terminal is not seen."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[LINES] = _lines(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keeps what a worker handed over."""
    node.config.stash.setdefault(FROM_WORKERS, []).extend(getattr(node, "workeroutput", {}).get(LINES, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The counts, below everything else."""
    for line in [*config.stash.get(FROM_WORKERS, []), *_lines(config)]:
        terminalreporter.write_line(line)
