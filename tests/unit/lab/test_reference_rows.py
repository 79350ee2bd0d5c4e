"""The table of the reference's rows names cases that exist."""

from __future__ import annotations

import importlib

import pytest

from tests.unit.lab.reference_rows import ROWS


@pytest.mark.parametrize("case", sorted({case for row in ROWS for case in row.cases}))
def test_case_exists(case: str) -> None:
    module, _unused, function = case.partition("::")
    assert callable(getattr(importlib.import_module(f"tests.unit.lab.world.test_world_{module}"), function))


def test_every_row_has_a_case() -> None:
    assert [row for row in ROWS if not row.cases] == []


def test_sections_are_covered() -> None:
    assert {"4.1", "4.2", "4.3", "4.4", "4.5", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7"} <= {
        r.section for r in ROWS
    }
