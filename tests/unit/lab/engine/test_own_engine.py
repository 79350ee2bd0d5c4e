"""Our own engine over PSRP in memory: statements, streams, endpoints, input, stopping, and how fast it is."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from psrpcore.types import ErrorCategory, PSInvocationState

from tests.lab.cmdlets import registry
from tests.lab.cmdlets.registry import Call
from tests.lab.engine.psrp import OwnEngine
from tests.lab.model import Model
from tests.lab.values import Continue, Enum, Error, Message, Number, Obj, Output, Progress, Record
from tests.unit.lab.engine.own import Client, Command, Shell

VM = "Microsoft.HyperV.PowerShell.VirtualMachine"
OWNER = "Microsoft.HyperV.PowerShell.Commands"
SOME_ID = uuid.UUID("11111111-2222-3333-4444-555555555555")
GET: Command = ("Get-VM", {})


def vm(name: str) -> Obj:
    return Obj(VM, {"Name": name, "Id": SOME_ID, "State": Enum("Microsoft.HyperV.PowerShell.VMState", "Running")})


ANSWERS: dict[str, list[Record]] = {
    "two": [Output([vm("a"), vm("b")], enumerate=True)],
    "err": [Error("not there", "ObjectNotFound", "ObjectNotFound", "err", 0x80070005)],
    "mix": [Output(vm("a")), Error("bad", "OperationFailed", "NotSpecified", vm("b")), Output(vm("c"))],
    "end": [Error("bad", "OperationFailed", "NotSpecified", terminating=True), Output(vm("never"))],
    "ask": [Continue("Sure?", "c"), Output(vm("never"))],
    "all": [Message("warning", "w"), Message("verbose", "v"), Message("information", "i"), Progress("a", "s", 5)],
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """The door to the handlers answers from ANSWERS, by the name asked for; what came through it."""
    seen: list[tuple[str, str, dict[str, Any]]] = []

    def dispatch(session: Any, cmdlet: str, parameter_set: str, parameters: dict[str, Any]) -> Iterator[Record]:
        seen.append((cmdlet, parameter_set, parameters))
        names = parameters.get("Name") or ["one"]
        if cmdlet == "Get-VM":
            yield from ANSWERS.get(names[0], [Output(vm(names[0]))])

    monkeypatch.setattr(registry, "dispatch", dispatch)
    return seen


@pytest.fixture
def shell() -> Shell:
    return Shell(next(iter(Model().build().hosts.values())))


@pytest.fixture
def client(shell: Shell) -> Iterator[Client]:
    made = Client(OwnEngine(shell))
    yield made
    made.engine.close()


def named(name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return ("Get-VM", {"Name": name, **more})


def names(output: list[Any]) -> list[str]:
    return [one.Name for one in output]


def test_a_host_answers_with_its_machines(client: Client, shell: Shell) -> None:
    answer = client.run([GET, ("Select-Object", {"Property": ["Name", "Id", "Nope"]})])

    assert answer.state == PSInvocationState.Completed
    assert {(str(one.Name), uuid.UUID(int=one.Id.int)) for one in answer.output} == {
        (one.name, one.id) for one in shell.host.vms.values()
    }
    assert {one.Nope for one in answer.output} == {None}
    assert answer.output[0].PSObject.type_names[0] == f"Deserialized.Selected.{VM}"


def test_a_live_object_keeps_its_type_and_shows_enums_as_text(client: Client, calls: list[Any]) -> None:
    (one,) = client.run([GET]).output

    assert one.PSObject.type_names[0] == f"Deserialized.{VM}"
    assert one.State == "Running"
    assert str(one.PSObject.to_string) == f"VirtualMachine (Name = 'one') [Id = '{SOME_ID}']"


def test_a_selected_enum_is_an_object(client: Client, calls: list[Any]) -> None:
    (one,) = client.run([GET, ("Select-Object", {"Property": "State"})]).output

    assert one.State.PSObject.to_string == "Running"
    assert "Microsoft.HyperV.PowerShell.VMState" in one.State.PSObject.type_names[0]


STATEMENTS: list[tuple[str, list[Any], list[str], list[str], str]] = [
    ("an error of one VM", [[named("mix")]], ["a", "c"], [f"OperationFailed,{OWNER}.GetVM"], "Completed"),
    ("errors do not end statements", [[named("err")], [GET]], ["one"], [f"ObjectNotFound,{OWNER}.GetVM"], "Completed"),
    ("one that does not bind", [[("Get-VM", {"No": 1})]], [], [f"NamedParameterNotFound,{OWNER}.GetVM"], "Failed"),
    ("no such command", [[("Get-Nope", {})]], [], ["CommandNotFoundException"], "Failed"),
    ("no such module", [[("Nope\\Get-VM", {})]], [], ["CouldNotAutoLoadModule"], "Failed"),
    ("of another module", [[("Storage\\Get-VM", {})]], [], ["CommandNotFoundException"], "Failed"),
    ("lost first, one heard", [[("Get-Nope", {})], [GET], [GET]], ["one"], ["CommandNotFoundException"], "Completed"),
    ("lost later, none heard", [[GET], [("Get-Nope", {})], [GET]], ["one"], ["CommandNotFoundException"], "Failed"),
    ("ending error", [[named("end")]], [], [f"OperationFailed,{OWNER}.GetVM"], "Failed"),
    ("stop", [[named("mix", ErrorAction="Stop")], [GET]], ["a"], [f"OperationFailed,{OWNER}.GetVM"], "Failed"),
    ("silent", [[named("mix", ErrorAction="SilentlyContinue")]], ["a", "c"], [], "Completed"),
    ("inquire", [[named("err", ErrorAction="Inquire")]], [], [f"HostFunctionNotImplemented,{OWNER}.GetVM"], "Failed"),
    ("a question", [[named("ask")]], [], [f"HostFunctionNotImplemented,{OWNER}.GetVM"], "Failed"),
    (
        "high impact",
        [[GET, ("Start-VMFailover", {})]],
        [],
        [f"HostFunctionNotImplemented,{OWNER}.StartVMFailover"],
        "Failed",
    ),
    ("what if", [[GET, ("Start-VMFailover", {"WhatIf": True})]], [], [], "Completed"),
    ("enough", [[named("two"), ("Select-Object", {"First": 1})]], ["a"], [], "Completed"),
]


@pytest.mark.parametrize(
    ("case", "statements", "output", "errors", "state"), STATEMENTS, ids=[s[0] for s in STATEMENTS]
)
def test_statements(
    client: Client, calls: list[Any], case: str, statements: list[Any], output: list[str], errors: list[str], state: str
) -> None:
    answer = client.run(*statements)

    assert (names(answer.output), answer.error_ids, answer.state.name) == (output, errors, state)


def test_statements_after_a_lost_one_still_run(client: Client, calls: list[Any]) -> None:
    client.run([GET], [("Get-Nope", {})], [named("late")])

    deadline = time.monotonic() + 5
    while len(calls) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [call[2] for call in calls] == [{}, {"Name": ["late"]}]


def test_an_error_record_has_everything(client: Client, calls: list[Any]) -> None:
    (record,) = client.run([named("err")]).errors

    assert record.CategoryInfo.Category == ErrorCategory.ObjectNotFound
    assert (record.CategoryInfo.Activity, record.CategoryInfo.Reason) == ("Get-VM", "VirtualizationException")
    assert (record.CategoryInfo.TargetName, record.CategoryInfo.TargetType) == ("err", "String")
    assert (record.Exception.Message, record.Exception.HResult) == ("not there", 0x80070005 - 2**32)
    assert record.TargetObject == "err"


def test_other_streams(client: Client, calls: list[Any]) -> None:
    kinds = [type(one).__name__ for one in client.run([named("all", Verbose=True)]).others]
    quiet = [type(one).__name__ for one in client.run([named("all", WarningAction="Ignore")]).others]

    assert sorted(kinds) == [
        "InformationRecordEvent",
        "ProgressRecordEvent",
        "VerboseRecordEvent",
        "WarningRecordEvent",
    ]
    assert sorted(quiet) == ["InformationRecordEvent", "ProgressRecordEvent"]


def test_input_of_the_client_is_piped(client: Client, calls: list[Any]) -> None:
    answer = client.run([GET], given=["a", "", SOME_ID])

    assert [(call[1], call[2]) for call in calls] == [("Name", {"Name": ["a"]}), ("Id", {"Id": SOME_ID})]
    assert answer.error_ids == [f"ParameterArgumentValidationError,{OWNER}.GetVM"]


def test_large_numbers_and_text_survive(client: Client) -> None:
    given = ["_x000A_\n<&>\U0001f600", 2**31, -5, True, None, {"a": 1}, Number("UInt64", 7).value]
    answer = client.run([("Write-Output", {"InputObject": [one for one in given if one is not None]})])

    assert [dict(one) if isinstance(one, dict) else one for one in answer.output] == [
        one for one in given if one is not None
    ]


CONSTRAINED: list[tuple[str, str]] = [
    ("Get-VM", ""),
    ("Hyper-V\\Get-VM", ""),
    ("Hyper-V\\Start-VM", "CommandNotFoundException"),
    ("Start-VM", "MissingMandatoryParameter,Start-VM"),
    ("Get-Job", "CommandNotFoundException"),
    ("Select-Object", "MissingMandatoryParameter,Select-Object"),
    ("Microsoft.PowerShell.Utility\\Select-Object", ""),
]


@pytest.mark.parametrize(("name", "error"), CONSTRAINED)
def test_the_constrained_endpoint_shows_what_is_listed(shell: Shell, calls: list[Any], name: str, error: str) -> None:
    client = Client(OwnEngine(shell, constrained=True))

    assert client.run([(name, {})]).error_ids == ([error] if error else [])
    client.engine.close()


def test_no_script(client: Client, shell: Shell) -> None:
    assert client.script("1 + 1").error_ids == ["LabRunsNoScript"]
    constrained = Client(OwnEngine(shell, constrained=True))
    assert constrained.script("1 + 1").error_ids == ["ScriptsNotAllowed"]
    constrained.engine.close()


def test_a_job_answers_later(client: Client, calls: list[Any]) -> None:
    begun = client.run([("Start-VM", {"Name": "a", "AsJob": True})])
    ended = client.run([("Wait-Job", {"Id": 1}), ("Receive-Job", {})], [("Get-Job", {"Id": 9})])

    assert (len(begun.output), calls[0][2]) == (1, {"Name": ["a"], "AsJob": True})
    assert ended.error_ids == ["JobWithSpecifiedSessionNotFound,Microsoft.PowerShell.Commands.GetJobCommand"]


def waits(call: Call) -> Iterator[Record]:
    """A cmdlet that waits for ever."""
    call.wait_until(lambda: False)
    yield Output("gave up")


def test_stopping_ends_a_waiting_pipeline(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.handlers()
    monkeypatch.setitem(registry.HANDLERS, "Get-VM", waits)
    pipeline = client.start([GET], [GET])
    assert client.engine.receive(pipeline, 0.1).done is False

    client.engine.signal(pipeline)
    answer = client.finish(pipeline)

    assert (answer.state, answer.error_ids) == (PSInvocationState.Stopped, ["PipelineStopped"])


def test_closing_leaves_no_thread(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.handlers()
    monkeypatch.setitem(registry.HANDLERS, "Get-VM", waits)
    before = set(threading.enumerate())
    client = Client(OwnEngine(shell))
    client.start([GET])

    client.engine.close()

    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before


def test_many_statements_and_many_objects_are_fast(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand statements of two commands, and a thousand objects of twenty properties, in seconds on a slow core."""
    columns = {f"P{at}": "text" for at in range(20)}
    answers: list[Record] = [Output(Obj(VM, {**columns, "Id": SOME_ID})) for _unused in range(1000)]

    def dispatch(session: Any, cmdlet: str, parameter_set: str, parameters: dict[str, Any]) -> Iterator[Record]:
        yield from answers[:1] if parameters else answers

    monkeypatch.setattr(registry, "dispatch", dispatch)
    began = time.process_time()
    statement: list[Command] = [("Get-VM", {"Id": SOME_ID}), ("Start-VM", {"Confirm": False})]
    many = client.run(*[statement] * 1000)
    wide = client.run([GET, ("Select-Object", {"Property": list(columns)})])

    assert many.state == PSInvocationState.Completed
    assert len(wide.output) == 1000
    assert time.process_time() - began < 30, "of this process, whatever else the machine does"
