"""Says at the end of a run how many conformance cases agree, and which differences are known."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conformance.suite import REPORT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The counts, below everything else."""
    report = config.stash.get(REPORT, None)
    if report is None:
        return
    terminalreporter.write_line(report.summary())
    for reason, count in Counter(one.reason for one in report.known).most_common():
        terminalreporter.write_line(f"  {count} known: {reason}")
