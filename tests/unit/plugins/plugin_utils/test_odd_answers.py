"""Answers that no host should give: each is one error of that host, soon, and without taking the memory."""

from __future__ import annotations

import contextlib
import json
import time
import tracemalloc
from collections.abc import Callable, Generator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import (
    ConnectionLost,
    OptionError,
    UnexpectedOutput,
    UnreadableAnswer,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Command, Pipeline, vm_by_id
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import FunctionSession, Output
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.apply import apply
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.check_mode import foresee
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.outcome import to_result
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Done, Resource, Step
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.reading import Reading, read_result
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.task import Task
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.info import SPEC, gather, read_options
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire import clixml, psrp
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.psrp import PsrpSession, open_session

if TYPE_CHECKING:
    from tests.lab.lab import Lab

HOST = Pipeline.of(Command("Get-VMHost"))
NOW = datetime(2026, 12, 1, tzinfo=timezone.utc)


def doubling(levels: int) -> str:
    """Lists of two references to the list before: each level doubles what the last one holds."""
    lists = ['<Obj RefId="0"><TN RefId="0"><T>System.Object[]</T></TN><LST><S>x</S></LST></Obj>']
    lists += [
        f'<Obj RefId="{n}"><TNRef RefId="0"/><LST><Ref RefId="{n - 1}"/><Ref RefId="{n - 1}"/></LST></Obj>'
        for n in range(1, levels + 1)
    ]
    return holding(f'<Obj N="A" RefId="998"><LST>{"".join(lists)}</LST></Obj>')


def nested(levels: int, element: str = "LST") -> str:
    opening = "".join(f'<Obj RefId="{n}"><{element}>' for n in range(levels))
    return f"{opening}<S>x</S>{f'</{element}></Obj>' * levels}"


def holding(value: str) -> str:
    return f'<Obj RefId="999"><TN RefId="999"><T>Microsoft.HyperV.PowerShell.VMHost</T></TN><MS>{value}</MS></Obj>'


ANSWERS = {
    "references that double, 22 levels": doubling(22),
    "references that double, 30 levels": doubling(30),
    "references that double, 300 levels": doubling(300),
    "3,000 nested lists": nested(3_000),
    "100,000 nested lists": nested(100_000),
    "nested properties": nested(500, "Props"),
    "nested dictionaries": (
        "".join(f'<Obj RefId="{n}" N="Value"><DCT><En><S N="Key">k</S>' for n in range(500))
        + f"<S N='Value'>x</S>{'</En></DCT></Obj>' * 500}"
    ),
    "a number that is none": holding('<I32 N="A">x300</I32>'),
    "a number of 5,000 digits": holding(f'<I64 N="A">{"9" * 5_000}</I64>'),
    "a number of 4,000 digits": holding(f'<I64 N="A">{"9" * 4_000}</I64>'),
    "a number that does not fit": holding('<I32 N="A">4294967296</I32>'),
    "an empty number": holding('<U64 N="A"></U64>'),
    "a fraction that is none": holding('<Db N="A">half</Db>'),
    "a character that is none": holding('<C N="A">99999999</C>'),
    "bytes that are none": holding('<BA N="A">abcde</BA>'),
    "XML that is cut": holding('<S N="A">x</S>')[:-9],
    "no XML": "x",
    "entities": f'<!DOCTYPE x [<!ENTITY a "aaaa">]>{holding("<S>&a;</S>")}',
    "more values than there may be": holding(f'<Obj N="A" RefId="1"><LST>{"<S>x</S>" * 250_000}</LST></Obj>'),
}


@pytest.fixture
def session(lab: Lab, connection_to: Callable[..., Any]) -> PsrpSession:
    return open_session(connection_to(), "hv-a", become=False, bare_cmdlets=None, log=lambda line: None)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the lab's engine write this CLIXML for every object."""

    def write(text: str) -> None:
        monkeypatch.setattr("tests.lab.engine.psrp.serialize", lambda value: text)

    return write


@pytest.mark.parametrize("name", ANSWERS)
def test_an_odd_answer_is_one_error_of_its_host(
    session: PsrpSession, answering: Callable[[str], None], name: str
) -> None:
    answering(ANSWERS[name])
    tracemalloc.start()
    began = time.monotonic()
    try:
        with session:
            with pytest.raises(ConnectionLost) as caught:
                session.run(HOST)
            with pytest.raises(ConnectionLost):
                session.run(HOST)
        seconds, (_now, most) = time.monotonic() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (caught.value.answered, caught.value.machine_up) == (True, True)
    assert str(caught.value).startswith("hv-a gave an answer that cannot be read (")
    assert len(str(caught.value)) < 350
    assert seconds < 20, "with the memory watched; without that, a tenth of it"
    assert most < 300 * 2**20


def test_an_answer_that_is_longer_than_its_limit(
    session: PsrpSession, answering: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psrp, "MOST_RECEIVED", 2_000)
    answering(holding(f'<S N="A">{"x" * 1_500}</S>'))
    with session, pytest.raises(ConnectionLost, match="longer than 2000 characters"):
        session.run(Pipeline.of(*HOST.statements, *HOST.statements))


def test_an_object_that_does_not_end(
    session: PsrpSession, answering: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host sends fragments of one object for ever: they are not kept until the memory is full."""
    monkeypatch.setattr(clixml, "MOST_CHARACTERS", 300_000)
    answering(holding(f'<S N="A">{"x" * 900_000}</S>'))
    with session, pytest.raises(ConnectionLost, match="longer than 300000 characters"):
        session.run(HOST)


def test_what_is_large_and_right_is_read(session: PsrpSession, answering: Callable[[str], None]) -> None:
    answering(holding(f'<Obj N="A" RefId="1"><LST>{"<S>x</S>" * 20_000}</LST></Obj><U64 N="B">{2**64 - 1}</U64>'))
    with session:
        (row,) = session.run(HOST).rows
    assert len(row.properties["A"]) == 20_000
    assert row.properties["B"] == 2**64 - 1


def test_references_that_double_a_little_are_read() -> None:
    (row,) = clixml.rows(clixml.parse(doubling(10)))
    assert json.dumps(row.properties).count("x") == sum(2**n for n in range(11))


@pytest.mark.parametrize("written, read", [("INF", float("inf")), ("-INF", float("-inf")), ("1.5", 1.5)])
def test_fractions_that_powershell_writes(written: str, read: float) -> None:
    (row,) = clixml.rows(clixml.parse(f"<Db>{written}</Db>"))
    assert row.properties == {"Value": read}


def test_a_host_that_does_not_end_what_it_was_asked(
    session: PsrpSession, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers each request in time, to say that there is nothing yet."""
    monkeypatch.setattr(psrp, "READ_LIMIT_SECONDS", -1.0)
    with session, pytest.raises(ConnectionLost, match="has not ended what was asked within") as caught:
        session.run(HOST)
    assert (caught.value.answered, caught.value.machine_up) == (True, True)


def test_the_information_of_an_odd_host_is_one_failed_result(
    session: PsrpSession, answering: Callable[[str], None]
) -> None:
    answering(ANSWERS["a number that is none"])
    with session:
        asked = read_options({name: option.get("default") for name, option in SPEC.items()})
        reading = Reading("hyperv_replication_info", SPEC, read_options, gather)
        result = read_result(reading, asked, session, lambda: NOW)
    assert result["unreachable"] is True
    assert (result["host_answered"], result["machine_up"]) == (True, True)
    assert "'x300' is not a number of type I32" in result["msg"]


FAULTS = [
    ValueError("no date"),
    KeyError("State"),
    TypeError("None"),
    IndexError("list index out of range"),
    AttributeError("x"),
    RecursionError("too deep"),
    ZeroDivisionError("x"),
    UnexpectedOutput("Get-VM", "no Id"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_reading_that_our_own_functions_fail_over_is_one_failed_result(fault: Exception) -> None:
    def fail(want: None, host: str, now: Callable[[], datetime]) -> Generator[Any, Output, dict[str, Any]]:
        yield Question()
        raise fault

    reading = Reading("reading", {}, lambda options: None, fail)
    result = read_result(reading, None, FunctionSession("hv-a", lambda pipeline: Output()), lambda: NOW)
    assert result["failed"] is True
    assert "hv-a" in result["msg"]


class Question:
    pipeline = HOST


def resource(fails: str, fault: Exception) -> Resource[Any, None]:
    """A resource that stops the VM `1`, and whose function of this name fails once it was stopped."""
    sent: list[str] = []

    def then(name: str, value: Any) -> Any:
        if name == fails and sent:
            raise fault
        return value

    def decide(have: Any, want: None, subject: str, stages: frozenset[str]) -> Any:
        then("decide", None)
        if sent:
            return Done("off")
        sent.append("stop")
        return Step("stop", vm_by_id("1") | Command("Stop-VM", {"Confirm": False}), "it is to be off", "1")

    return Resource(
        name="resource",
        spec={},
        read_options=lambda options: None,
        query=lambda want: HOST,
        parse=lambda output, want: then("parse", {"power": "Running"}),
        subjects=lambda have, want: ("1",),
        decide=decide,
        predict=lambda have, want, step: then("predict", have),
        record=lambda have, want, subject: then("record", {"id": "1", "name": "App01"}),
    )


@pytest.mark.parametrize("fails", ["parse", "decide", "record"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_task_that_our_own_functions_fail_over_keeps_what_was_sent(fails: str, fault: Exception) -> None:
    """In the middle of a failover this is what tells the run that the VM is stopped, and to bring it up."""
    task = Task(resource(fails, fault), None, FunctionSession("hv-a", lambda pipeline: Output()))
    result = to_result(apply(task), "vms", diff=False)
    assert result["failed"] is True
    assert [(action["cmdlet"], action["sent"]) for action in result["actions"]] == [("Stop-VM", True)]
    assert "hv-a" in result["msg"]
    if not isinstance(fault, UnexpectedOutput):
        assert f"{type(fault).__name__} in test_odd_answers.py" in result["msg"]


def test_a_prediction_that_fails_is_one_failed_result() -> None:
    task = Task(resource("predict", KeyError("State")), None, FunctionSession("hv-a", lambda pipeline: Output()))
    result = to_result(foresee(task), "vms", diff=False)
    assert result["failed"] is True
    assert "KeyError in test_odd_answers.py" in result["msg"]


@pytest.mark.parametrize(
    "error, sent",
    [
        (ConnectionLost("hv-a", "reset", None), None),
        (ConnectionLost("hv-a", "refused", False), False),
        (UnreadableAnswer("hv-a", "a number"), None),
        (OptionError("names", "a surrogate"), False),
        (KeyboardInterrupt(), None),
    ],
)
def test_the_call_under_way_is_kept_whatever_ends_it(error: BaseException, sent: bool | None) -> None:
    def answer(pipeline: Pipeline) -> Output:
        if any(c.name == "Stop-VM" for statement in pipeline.statements for c in statement.commands):
            raise error
        return Output()

    task = Task(resource("", ValueError()), None, FunctionSession("hv-a", answer))
    with contextlib.suppress(KeyboardInterrupt):
        apply(task)
    assert [action.sent for action in task.outcome.actions] == [sent]
