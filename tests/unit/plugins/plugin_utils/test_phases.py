"""The phases over a small host of the tests' own: what is sent, when it is read again, what it comes to.

The host's VMs are rows of Get-VM; Stop-VM and Set-VM change them, at once or some reads later. The resource wants a VM
off, then a note on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ConnectionLost, RemoteError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.option_groups import Waiting
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import (
    Command,
    Pipeline,
    Statement,
    vm_by_id,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import (
    ErrorRecord,
    FunctionSession,
    Output,
    Row,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.apply import apply
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.check_mode import foresee
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.outcome import Outcome, owner, to_result
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import (
    Decision,
    Done,
    Look,
    Refused,
    Resource,
    Step,
    Wait,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.task import Clock, Task

Have = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Want:
    notes: str = "off for good"
    probe: bool = False
    act: bool = False
    look: bool = False


def parse(output: Output, want: Want) -> Have:
    if output.errors:
        raise RemoteError("hv-a", "Get-VM", output.errors)
    return {row.properties["id"]: dict(row.properties) for row in output.of_type("VirtualMachine")}


def decide(have: Have, want: Want, subject: str, sent: frozenset[str]) -> Decision:
    vm = have[subject]
    if vm["state"] == "Paused":
        return Refused(f"{vm['name']} is Paused. Resume it first.")
    if want.look and vm["state"] == "Off" and vm["notes"] == "" and not sent:
        return Look("look", "the notes may not be there yet")
    if want.probe and "probe" not in sent:
        return Step("probe", Statement((Command("Test-Partner"),)), "test the partner", subject, probe=True)
    if vm["state"] == "Stopping":
        return Wait("the guest shuts down", limit_seconds=30)
    if vm["state"] == "Running":
        return step("stop", subject, Command("Stop-VM", {"Confirm": False}), waits=True)
    if vm["notes"] != want.notes:
        return step("note", subject, Command("Set-VM", {"Notes": want.notes}))
    if want.act and "reset" not in sent:
        return step("reset", subject, Command("Reset-VM", {}), act=True, loses=f"{vm['name']}: its counters go")
    return Done("it is off", warnings=(f"{vm['name']} has no replica",))


def step(stage: str, subject: str, command: Command, **more: Any) -> Step:
    return Step(stage, vm_by_id(subject) | command, f"{stage} it", subject, **more)


def predict(have: Have, want: Want, step: Step) -> Have:
    change = {"stop": {"state": "Off"}, "note": {"notes": want.notes}}.get(step.stage, {})
    return {**have, step.subject: {**have[step.subject], **change}}


def settle(have: Have, want: Want, subject: str) -> Have:
    return {**have, subject: {**have[subject], "state": "Off"}} if have[subject]["state"] == "Stopping" else have


NOUN: Resource[Have, Want] = Resource(
    name="power",
    spec={},
    read_options=lambda options: Want(),
    query=lambda want: Pipeline.of(Command("Get-VM")),
    parse=parse,
    subjects=lambda have, want: tuple(have),
    decide=decide,
    predict=predict,
    settle=settle,
    record=lambda have, want, subject: dict(have[subject]),
)


@dataclass
class Host:
    """Answers pipelines. `lag` reads pass before a Stop-VM is seen; `refuse` maps ids to the errors of Stop-VM."""

    vms: Have
    lag: int = 0
    jobs: bool = True
    refuse: dict[str, ErrorRecord] = field(default_factory=dict)
    lose: Callable[[Pipeline], ConnectionLost | None] = lambda pipeline: None
    partner: tuple[ErrorRecord, ...] = ()
    running_jobs: list[str] = field(default_factory=list)
    job_errors: list[ErrorRecord] = field(default_factory=list)
    late: list[tuple[int, str]] = field(default_factory=list)
    reads: int = 0

    def __call__(self, pipeline: Pipeline) -> Output:
        lost = self.lose(pipeline)
        if lost:
            raise lost
        rows: list[Row] = []
        errors: list[ErrorRecord] = []
        for statement in pipeline.statements:
            self._statement(statement, rows, errors)
        return Output(tuple(rows), tuple(errors))

    def _statement(self, statement: Statement, rows: list[Row], errors: list[ErrorRecord]) -> None:
        first, last = statement.commands[0], statement.commands[-1]
        subject = str(first.parameters.get("Id", ""))
        if first.name == "Get-Job":
            rows += self._jobs() if last.name == "Select-Object" else []
            errors += self._collected() if last.name == "Receive-Job" else []
        elif last.name == "Get-VM":
            self._time_passes()
            rows += [Row("Microsoft.HyperV.PowerShell.VirtualMachine", dict(vm)) for vm in self.vms.values()]
        elif last.name == "Stop-VM":
            errors += self._stop(subject, last.parameters)
        elif last.name == "Set-VM":
            self.vms[subject]["notes"] = last.parameters["Notes"]
        elif last.name == "Test-Partner":
            errors += self.partner

    def _stop(self, subject: str, parameters: Mapping[str, Any]) -> list[ErrorRecord]:
        if "AsJob" in parameters and not self.jobs:
            return [ErrorRecord("NamedParameterNotFound,Stop-VM", "InvalidArgument", "AsJob")]
        refused = self.refuse.get(subject)
        if "AsJob" in parameters:
            self.running_jobs.append(subject)
            self.job_errors += [refused] if refused else []
        if not refused:
            self.vms[subject]["state"] = "Stopping" if self.lag else "Off"
            self.late.append((self.reads + self.lag, subject))
        return [refused] if refused and "AsJob" not in parameters else []

    def _time_passes(self) -> None:
        self.reads += 1
        for due, subject in self.late:
            if due < self.reads:
                self.vms[subject]["state"] = "Off"

    def _jobs(self) -> list[Row]:
        return [
            Row("VMJob", {"Id": n, "State": "Failed" if subject in self.refuse else "Completed", "HasMoreData": False})
            for n, subject in enumerate(self.running_jobs)
        ]

    def _collected(self) -> list[ErrorRecord]:
        found, self.job_errors = self.job_errors, []
        return found


def vms(*states: str) -> Have:
    return {f"id-{n}": {"id": f"id-{n}", "name": f"App0{n}", "state": s, "notes": ""} for n, s in enumerate(states, 1)}


@dataclass
class Seconds:
    """A clock that only sleeping moves."""

    passed: float = 0.0
    slept: int = 0

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self.slept += 1


def play(
    host: Host, want: Want | None = None, check: bool = False, waiting: Waiting | None = None
) -> tuple[Outcome, list[Pipeline], list[str]]:
    seconds = Seconds()
    said: list[str] = []
    session = FunctionSession("hv-a", host)
    clock = Clock(lambda: seconds.passed, seconds.sleep)
    task = Task(NOUN, want or Want(), session, waiting or Waiting(poll_interval=5), said.append, clock)
    return (foresee if check else apply)(task), session.sent, said


def names(pipelines: list[Pipeline]) -> list[list[str]]:
    return [[statement.commands[-1].name for statement in pipeline.statements] for pipeline in pipelines]


def test_nothing_to_do_is_one_read() -> None:
    have = {key: {**vm, "notes": "off for good"} for key, vm in vms("Off", "Off").items()}
    outcome, sent, _unused = play(Host(have))
    assert names(sent) == [["Get-VM"]]
    result = to_result(outcome, "vms", diff=True)
    assert result["changed"] is False
    assert result["actions"] == []
    assert result["diff"] == {"before": {}, "after": {}}
    assert result["warnings"] == ["App01 has no replica", "App02 has no replica"]
    assert [vm["name"] for vm in result["vms"]] == ["App01", "App02"]
    assert "failed" not in result


def test_a_stage_is_one_pipeline_and_one_read_whatever_the_number() -> None:
    outcome, sent, _unused = play(Host(vms("Running", "Running", "Off", "Running")))
    assert names(sent) == [
        ["Get-VM"],
        ["Stop-VM"] * 3,
        ["Select-Object", "Get-VM"],
        ["Set-VM"] * 4,
        ["Get-VM"],
    ]
    result = to_result(outcome, "vms", diff=True)
    assert result["changed"] is True
    assert {vm["state"] for vm in result["vms"]} == {"Off"}
    assert result["diff"]["before"]["App01"]["state"] == "Running"
    assert result["diff"]["after"]["App01"]["state"] == "Off"
    assert all(action["sent"] is True and action["host"] == "hv-a" for action in result["actions"])
    assert result["actions"][0] == {
        "cmdlet": "Stop-VM",
        "parameters": {"Confirm": False, "AsJob": True},
        "host": "hv-a",
        "vm": "App01",
        "vm_id": None,
        "why": "stop it",
        "sent": True,
    }


def test_check_mode_names_exactly_what_the_real_run_sends() -> None:
    """In the same order too, over VMs whose plans differ: who waits for a guest does not hold up the others.

    What is under way already is foreseen to its end as well.
    """
    states = ("Running", "Off", "Paused", "Stopping")
    foreseen, sent, _unused = play(Host(vms(*states)), check=True)
    assert names(sent) == [["Get-VM"]]
    done, _unused, _unused = play(Host(vms(*states), lag=2, late=[(3, "id-4")]))
    plan, real = (to_result(outcome, "vms", diff=True) for outcome in (foreseen, done))
    assert [{**action, "sent": True} for action in plan["actions"]] == real["actions"]
    assert [(action["cmdlet"], action["vm"]) for action in real["actions"]] == [
        ("Stop-VM", "App01"),
        *(("Set-VM", name) for name in ("App02", "App01", "App04")),
    ]
    assert all(action["sent"] is False for action in plan["actions"])
    for key in ("vms", "changed", "diff", "failures", "failed"):
        assert plan[key] == real[key]


def test_where_jobs_cannot_be_watched_the_host_is_read_without_them() -> None:
    """A cmdlet that an endpoint lacks ends the answer, so that read is worth nothing and is made again, once."""

    class Narrow(Host):
        def __call__(self, pipeline: Pipeline) -> Output:
            if pipeline.statements[0].commands[0].name == "Get-Job":
                return Output((), (ErrorRecord("CommandNotFoundException", "ObjectNotFound", "Get-Job", "Get-Job"),))
            return super().__call__(pipeline)

    outcome, sent, _unused = play(Narrow(vms("Running"), lag=2))
    assert outcome.failures() == []
    assert names(sent).count(["Select-Object", "Get-VM"]) == 1
    assert outcome.after["id-1"]["notes"] == "off for good"


def test_a_refusal_touches_nothing_and_stops_nobody_else() -> None:
    outcome, sent, _unused = play(Host(vms("Paused", "Running")))
    result = to_result(outcome, "vms", diff=False)
    assert ["Stop-VM"] in names(sent)
    assert result["failed"] is True
    assert result["failures"] == [{"id": "id-1", "name": "App01", "msg": "App01 is Paused. Resume it first."}]
    assert result["msg"] == "1 of 2 failed:\nApp01 is Paused. Resume it first."
    assert result["vms"][1]["state"] == "Off"


def test_what_lags_is_looked_for_again_with_progress() -> None:
    outcome, sent, said = play(Host(vms("Running"), lag=3))
    assert outcome.failures() == []
    assert said == ["hv-a: waiting: the guest shuts down"]
    assert names(sent).count(["Stop-VM"]) == 1
    assert names(sent)[-1] == ["Get-VM"]


@pytest.mark.parametrize("lag, limit", [(99, "30"), (4, "")])
def test_a_wait_has_a_limit(lag: int, limit: str) -> None:
    outcome, _unused, _unused = play(Host(vms("Running"), lag=lag))
    if limit:
        assert f"the guest shuts down is not over after {limit} seconds." in outcome.failures()[0]["msg"]
    assert bool(outcome.failures()) is bool(limit)


def test_what_never_takes_effect_is_an_error_with_the_states_read() -> None:
    host = Host(vms("Off"))
    host._statement = lambda statement, rows, errors: (  # type: ignore[method-assign]
        Host._statement(host, statement, rows, errors) if statement.commands[-1].name == "Get-VM" else None
    )
    outcome, sent, said = play(host, waiting=Waiting(settle_timeout=20, poll_interval=5))
    (failure,) = outcome.failures()
    assert failure["msg"] == (
        "hv-a: App01: Set-VM (note it) did not take effect within 20 seconds. Read last: state Off."
    )
    assert names(sent).count(["Set-VM"]) == 1
    assert said == ["hv-a: waiting: note it"]
    assert to_result(outcome, "vms", diff=False)["changed"] is False


REFUSED = ErrorRecord("OperationFailed,Microsoft.HyperV.PowerShell.Commands.StopVM", "NotSpecified", "No.", "App02")


@pytest.mark.parametrize("jobs", [True, False])
def test_an_error_belongs_to_the_vm_it_names(jobs: bool) -> None:
    outcome, _unused, _unused = play(Host(vms("Running", "Running"), jobs=jobs, refuse={"id-2": REFUSED}))
    result = to_result(outcome, "vms", diff=False)
    (failure,) = result["failures"]
    assert failure["name"] == "App02"
    assert failure["msg"].startswith("hv-a: App02: Stop-VM (stop it) failed. Windows says: No. [OperationFailed,")
    assert failure["msg"].endswith("Read last: state Running.")
    assert result["vms"][0] == {"id": "id-1", "name": "App01", "state": "Off", "notes": "off for good"}
    assert result["changed"] is True
    assert [a["parameters"].get("AsJob") for a in result["actions"] if a["cmdlet"] == "Stop-VM"] == (
        [True, True] if jobs else [None, None]
    )


@pytest.mark.parametrize("jobs", [True, False])
def test_an_error_that_names_nobody_is_of_the_one_whose_step_did_not_take_effect(jobs: bool) -> None:
    """A job is known by its number; without jobs it is who is left, and is so at a second look."""
    host = Host(vms("Running", "Running"), jobs=jobs, refuse={"id-2": replace(REFUSED, target="")})
    outcome, _unused, _unused = play(host, waiting=Waiting(wait_timeout=3600, settle_timeout=120))
    (failure,) = outcome.failures()
    assert failure["name"] == "App02"
    assert failure["msg"].startswith("hv-a: App02: Stop-VM (stop it) failed. Windows says: No. [OperationFailed,")


def test_an_error_is_a_warning_when_everything_took_effect() -> None:
    def another_hand(pipeline: Pipeline) -> None:
        if pipeline.statements[0].commands[-1].name == "Stop-VM":
            host.vms["id-2"]["state"] = "Off"

    host = Host(vms("Running", "Running"), jobs=False, refuse={"id-2": replace(REFUSED, target="")}, lose=another_hand)
    outcome, _unused, _unused = play(host)
    result = to_result(outcome, "vms", diff=False)
    assert "failed" not in result
    assert any("it took effect, but Windows says: No." in warning for warning in result["warnings"])


def test_a_goal_that_another_hand_reached_is_no_failure() -> None:
    def another_hand(pipeline: Pipeline) -> None:
        if pipeline.statements[0].commands[-1].name == "Stop-VM":
            host.vms["id-1"].update(state="Off", notes="off for good")

    host = Host(vms("Running"), jobs=False, refuse={"id-1": replace(REFUSED, target="App01")}, lose=another_hand)
    result = to_result(play(host)[0], "vms", diff=False)
    assert "failed" not in result
    assert result["vms"][0]["state"] == "Off"
    assert any("it took effect, but Windows says: No." in warning for warning in result["warnings"])


def lose_at(name: str, sent: bool | None) -> Callable[[Pipeline], ConnectionLost | None]:
    def lose(pipeline: Pipeline) -> ConnectionLost | None:
        found = pipeline.statements[0].commands[-1].name == name
        return ConnectionLost("hv-a", "reset by peer", sent) if found else None

    return lose


@pytest.mark.parametrize("sent", [False, None])
def test_a_connection_lost_while_sending_is_returned_with_what_is_known(sent: bool | None) -> None:
    outcome, _unused, _unused = play(Host(vms("Running"), lose=lose_at("Stop-VM", sent)))
    result = to_result(outcome, "vms", diff=False)
    assert result["unreachable"] is True
    assert [action["sent"] for action in result["actions"]] == [sent]
    assert result["changed"] is (sent is None)
    assert ("Nothing was changed." in result["msg"]) is (sent is False)
    assert result["vms"][0]["state"] == "Running"


def test_a_connection_lost_at_the_first_read_changed_nothing() -> None:
    result = to_result(play(Host(vms("Off"), lose=lose_at("Get-VM", None)))[0], "vms", diff=True)
    assert result["unreachable"] is True
    assert result["actions"] == []
    assert result["vms"] == []
    assert result["changed"] is False


def test_a_connection_lost_while_reading_again_keeps_the_record() -> None:
    reads = iter([None, ConnectionLost("hv-a", "reset by peer")])

    def lose(pipeline: Pipeline) -> ConnectionLost | None:
        return next(reads) if pipeline.statements[-1].commands[-1].name == "Get-VM" else None

    result = to_result(play(Host(vms("Running"), lose=lose))[0], "vms", diff=False)
    assert result["unreachable"] is True
    assert [action["sent"] for action in result["actions"]] == [True]
    assert "1 cmdlet(s) had run before" in result["msg"]


@pytest.mark.parametrize("check", [True, False])
def test_equal_probes_travel_once_and_are_no_actions(check: bool) -> None:
    outcome, sent, _unused = play(Host(vms("Off", "Off")), Want(probe=True), check=check)
    assert names(sent)[:2] == [["Get-VM"], ["Test-Partner"]]
    assert sum(name == ["Test-Partner"] for name in names(sent)) == 1
    assert {action.cmdlet for action in outcome.actions} == {"Set-VM"}


@pytest.mark.parametrize("check", [True, False])
def test_a_probe_that_fails_is_the_failure_of_all_who_asked(check: bool) -> None:
    host = Host(vms("Off", "Off"), partner=(ErrorRecord("OperationFailed", "NotSpecified", "no listener"),))
    outcome, sent, _unused = play(host, Want(probe=True), check=check)
    assert [failure["name"] for failure in outcome.failures()] == ["App01", "App02"]
    assert "Windows says: no listener" in outcome.failures()[0]["msg"]
    assert outcome.actions == []
    assert to_result(outcome, "vms", diff=True)["changed"] is False
    assert not any("Set-VM" in pipeline for pipeline in names(sent))


@pytest.mark.parametrize("check", [True, False])
def test_a_second_look_comes_before_anything_is_sent(check: bool) -> None:
    """An empty answer is not believed at once: here the notes of App01 are there at the second read."""

    def notes_come_late(pipeline: Pipeline) -> None:
        if host.reads == 1:
            host.vms["id-1"]["notes"] = "off for good"

    host = Host(vms("Off", "Running", "Off"), lose=notes_come_late)
    outcome, sent, said = play(host, Want(look=True), check=check)
    assert names(sent)[:2] == [["Get-VM"], ["Get-VM"]]
    assert {action.vm for action in outcome.actions} == {"App02", "App03"}
    assert said == [], "a second look is no news for anybody (C7)"


@pytest.mark.parametrize("check", [True, False])
def test_a_second_look_costs_a_poll(check: bool) -> None:
    seconds = Seconds()
    clock = Clock(lambda: seconds.passed, seconds.sleep)
    session = FunctionSession("hv-a", Host(vms("Off", "Off")))
    task = Task(NOUN, Want(look=True), session, Waiting(poll_interval=7), clock=clock)
    outcome = (foresee if check else apply)(task)
    assert (seconds.slept, seconds.passed) == (1, 7)
    assert [action.cmdlet for action in outcome.actions] == ["Set-VM", "Set-VM"]


@pytest.mark.parametrize("check", [True, False])
def test_what_a_step_destroys_is_told_before_it_is_sent(check: bool) -> None:
    have = {key: {**vm, "notes": "off for good"} for key, vm in vms("Off", "Off").items()}
    outcome, _unused, said = play(Host(have), Want(act=True), check=check)
    told = ["App01: its counters go", "App02: its counters go"]
    assert said == told
    assert outcome.warnings == told


@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_lost_when_nothing_is_destroyed(check: bool) -> None:
    outcome, _unused, said = play(Host(vms("Off")), check=check)
    assert (outcome.warnings, said) == ([], [])


def test_an_act_is_sent_once_and_counts_as_a_change() -> None:
    have = {"id-1": {**vms("Off")["id-1"], "notes": "off for good"}}
    outcome, sent, _unused = play(Host(have), Want(act=True))
    assert names(sent) == [["Get-VM"], ["Reset-VM"], ["Get-VM"]]
    assert to_result(outcome, "vms", diff=False)["changed"] is True


@pytest.mark.parametrize(
    "target, message, subject",
    [
        ("App01", "", "id-1"),
        ("VirtualMachine (Name = 'App01') [Id = 'ID-1']", "", "id-1"),
        ("", "Cannot stop 'App01-old'.", "id-3"),
        ("", "Cannot stop 'App01'.", "id-1"),
        ("", "Cannot stop App010.", None),
        ("", "\N{DOUBLE LOW-9 QUOTATION MARK}App01\N{LEFT DOUBLE QUOTATION MARK} kann nicht beendet werden.", "id-1"),
        ("", "Impossible d'arrêter «\u00a0App01\u00a0».", "id-1"),
        ("", "Cannot stop 'App01 old'.", "id-4"),
        ("App01 old", "", "id-4"),
        ("", "The server 'HV-B' is busy.", None),
        ("", "The operation failed on App01, or so it seems.", None),
        ("", "App01 and App02", None),
        ("", "the server is busy", None),
    ],
)
def test_owner(target: str, message: str, subject: str | None) -> None:
    labels = {"id-1": "App01", "id-2": "App02", "id-3": "App01-old", "id-4": "App01 old", "id-5": "server"}
    assert owner(ErrorRecord("X", "Y", message, target), labels) == subject


def test_the_only_subject_owns_every_error() -> None:
    assert owner(ErrorRecord("X", "Y", "the server is busy"), {"": ""}) == ""


def test_a_task_that_does_not_go_on_waits_for_what_is_under_way_and_sends_nothing_more() -> None:
    host, seconds = Host(vms("Running", "Running", "Off"), lag=3), Seconds()
    session = FunctionSession("hv-a", host)
    stopped = Task(
        NOUN,
        Want(),
        session,
        Waiting(poll_interval=5),
        clock=Clock(lambda: seconds.passed, seconds.sleep),
        goes_on=lambda: seconds.slept == 0,
    )
    outcome = apply(stopped)
    assert [action.cmdlet for action in outcome.actions] == ["Stop-VM", "Stop-VM", "Set-VM"]
    assert {vm["state"] for vm in host.vms.values()} == {"Off"}
    result = to_result(outcome, "vms", diff=False)
    assert "failed" not in result
    assert [one["name"] for one in result["pending"]] == ["App01", "App02"]
