"""Values between the handlers and the stub cmdlets of the real PowerShell."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.lab.engine.stub_values import from_json, record_to_json, timespan_from, timespan_text, to_json
from tests.lab.values import Continue, Enum, Error, Message, Number, Obj, Output, Progress

GUID = uuid.UUID("11111111-2222-3333-4444-555555555555")
UTC = timezone.utc
STATE = "Microsoft.HyperV.PowerShell.VMState"
VM = "Microsoft.HyperV.PowerShell.VirtualMachine"

BOTH_WAYS: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (7, 7),
    ("App01", "App01"),
    ([1, [2]], [1, [2]]),
    (GUID, {"$guid": str(GUID)}),
    (timedelta(days=1, hours=2, minutes=3, seconds=4), {"$timespan": "1.02:03:04"}),
    (timedelta(hours=-1), {"$timespan": "-01:00:00"}),
    (timedelta(microseconds=250), {"$timespan": "00:00:00.0002500"}),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), {"$datetime": "2026-01-02T03:04:05Z"}),
    (datetime(2026, 1, 2, 3, 4, 5), {"$datetime": "2026-01-02T03:04:05"}),
    (Enum(STATE, "Running"), {"$enum": STATE, "value": "Running"}),
    (Obj(VM, {"Id": GUID}, "x"), {"$type": VM, "$text": "x", "Id": {"$guid": str(GUID)}}),
]


@pytest.mark.parametrize(("value", "json"), BOTH_WAYS)
def test_both_ways(value: Any, json: Any) -> None:
    assert to_json(value) == json
    assert from_json(json) == value


@pytest.mark.parametrize(
    ("value", "json"),
    [
        ({"a": GUID}, {"$hashtable": {"a": {"$guid": str(GUID)}}}),
        (Number("UInt64", 5), {"$uint64": 5}),
    ],
)
def test_out(value: Any, json: Any) -> None:
    assert to_json(value) == json


@pytest.mark.parametrize(
    ("json", "value"),
    [
        ({"a": {"$guid": str(GUID)}}, {"a": GUID}),
        ({"$credential": True}, Obj("System.Management.Automation.PSCredential")),
        (
            {"$datetime": "2026-01-02T03:04:05.1234567", "kind": "Utc"},
            datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC),
        ),
        ({"$datetime": "2026-01-02T03:04:05.5+01:00"}, datetime(2026, 1, 2, 2, 4, 5, 500000, tzinfo=UTC)),
    ],
)
def test_in(json: Any, value: Any) -> None:
    assert from_json(json) == value


@pytest.mark.parametrize("bad", [{"$timespan": "PT18H"}, {"$guid": "no"}, {"$new": 1}])
def test_what_is_not_known_is_an_error(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(bad)


def test_a_python_object_is_no_value() -> None:
    with pytest.raises(ValueError, match="object"):
        to_json(object())


@pytest.mark.parametrize(
    ("record", "json"),
    [
        (Output([1], enumerate=True), {"object": [1], "enumerate": True}),
        (Output("x"), {"object": "x"}),
        (Message("warning", "careful"), {"warning": "careful"}),
        (Progress("Merging", "half", 50), {"progress": {"activity": "Merging", "status": "half", "percent": 50}}),
        (Continue("Sure?", "Ask"), {"continue": {"query": "Sure?", "caption": "Ask"}}),
        (
            Error("no", "InvalidState", "InvalidOperation", target=GUID, hresult=-5, terminating=True, exception="E"),
            {
                "error": {
                    "message": "no",
                    "id": "InvalidState",
                    "category": "InvalidOperation",
                    "target": {"$guid": str(GUID)},
                    "hresult": -5,
                    "terminating": True,
                    "exception": "E",
                }
            },
        ),
        (Error("no", "A", "B"), {"error": {"message": "no", "id": "A", "category": "B"}}),
    ],
)
def test_records(record: Any, json: Any) -> None:
    assert record_to_json(record) == json


@pytest.mark.parametrize("text", ["00:00:00", "10675199.02:48:05.4775800", "-1.00:00:00.5000000"])
def test_timespans_keep_their_text(text: str) -> None:
    assert timespan_text(timespan_from(text)) == text
