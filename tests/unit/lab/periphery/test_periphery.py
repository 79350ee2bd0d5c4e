"""Every refusal, question and outcome of the lab's periphery, one case each."""

from __future__ import annotations

import pytest

from tests.unit.lab.periphery import (
    cases_connect,
    cases_entries,
    cases_firewall,
    cases_items,
    cases_machine,
    cases_network,
    cases_server,
)
from tests.unit.lab.periphery.bench import Case

CASES = [
    case
    for file in (cases_server, cases_entries, cases_firewall, cases_network, cases_machine, cases_items)
    for case in file.CASES
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_cmdlet(case: Case) -> None:
    case.prove()


@pytest.mark.parametrize("attempt", cases_connect.TRIES, ids=[one.name for one in cases_connect.TRIES])
def test_connect(attempt: cases_connect.Try) -> None:
    attempt.prove()
