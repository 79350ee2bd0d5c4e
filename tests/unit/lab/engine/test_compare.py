"""Comparisons of Where-Object and orders of Sort-Object, as the real engine decides them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from tests.lab.engine.compare import apply, order, truth, wildcard
from tests.lab.engine.failures import NotConverted
from tests.lab.values import Enum, Number

ID = "11111111-2222-3333-4444-555555555555"
RUNNING = Enum("Microsoft.HyperV.PowerShell.VMState", "Running")

OUTCOMES: list[tuple[str, Any, Any, bool]] = [
    ("EQ", "App01", "APP01", True),
    ("CEQ", "App01", "APP01", False),
    ("NE", "a", "b", True),
    ("EQ", RUNNING, "running", True),
    ("EQ", RUNNING, 2, True),
    ("EQ", RUNNING, "nonsense", False),
    ("In", RUNNING, ["Off", "Running"], True),
    ("In", RUNNING, 2, True),
    ("EQ", uuid.UUID(ID), ID.upper(), True),
    ("In", uuid.UUID(ID), [ID.upper()], True),
    ("NotIn", uuid.UUID(ID), ["x"], True),
    ("EQ", 3, "3", True),
    ("GT", 10, "9", True),
    ("GT", "10", 9, False),
    ("EQ", None, None, True),
    ("EQ", None, "", False),
    ("In", None, ["x"], False),
    ("EQ", Number("UInt64", 5), 5, True),
    ("EQ", True, "x", True),
    ("Contains", ["a", "b"], "A", True),
    ("CContains", ["a", "b"], "A", False),
    ("EQ", ["a", "b"], "b", True),
    ("Like", "app01", "APP*", True),
    ("NotLike", "app01", "app0[2-9]", True),
    ("Match", "app01", "^APP", True),
    ("EQ", timedelta(hours=1), "1:00:00", True),
]


@pytest.mark.parametrize(("operator", "left", "right", "expected"), OUTCOMES)
def test_operators(operator: str, left: Any, right: Any, expected: bool) -> None:
    assert apply(operator, left, right) is expected


def test_what_cannot_be_ordered_is_an_error_of_the_operator_only() -> None:
    with pytest.raises(NotConverted):
        apply("GT", 3, "x")
    assert order(3, "x") == -1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", False),
        ("x", True),
        (0, False),
        ([], False),
        ([0], False),
        ([0, 0], True),
        (None, False),
        (uuid.UUID(int=0), True),
    ],
)
def test_truth(value: Any, expected: bool) -> None:
    assert truth(value) is expected


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("a*", "ABC", True),
        ("a?c", "abc", True),
        ("[ab]x", "bx", True),
        ("`*", "*", True),
        ("`*", "x", False),
        ("a", "ab", False),
    ],
)
def test_wildcards(pattern: str, value: str, expected: bool) -> None:
    assert (wildcard(pattern).fullmatch(value) is not None) is expected
