"""The table of the reference's rows is whole: every case that it names is there, and runs."""

from __future__ import annotations

from tests.unit.lab.periphery.cases_connect import TRIES
from tests.unit.lab.periphery.test_periphery import CASES
from tests.unit.lab.reference_rows_server import ROWS

NAMES = [*(case.name for case in CASES), *(attempt.name for attempt in TRIES)]


def test_every_case_of_the_table_exists() -> None:
    assert [name for row in ROWS for name in row.cases if name not in NAMES] == []


def test_every_row_is_proven() -> None:
    assert [row.says for row in ROWS if not row.cases] == []


def test_names_tell_cases_apart() -> None:
    assert len(set(NAMES)) == len(NAMES)
