"""Waiting cmdlets side by side: Stop-VM for many guests over the lab's wire, each as a job with its own end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import RemoteError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.option_groups import Waiting
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import (
    Command,
    Pipeline,
    Statement,
    vm_by_id,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.properties import select
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import Output, Row
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.apply import apply
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.job_watch import JobWatch
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.jobs import Job, Jobs, as_sent, is_job
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.outcome import Outcome, to_result
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import (
    Decision,
    Done,
    Resource,
    Step,
    Wait,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.task import Task
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.endpoint import outline
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.psrp import PsrpSession, open_session

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=1, vms=24)

Have = dict[str, dict[str, Any]]
LIMIT_SECONDS = 4.0


@dataclass(frozen=True)
class Off:
    """The wish of these tests: all VMs off."""


def parse(output: Output, want: Off) -> Have:
    if output.errors:
        raise RemoteError("hv-a", "Get-VM", output.errors)
    rows = output.of_type("VirtualMachine")
    return {r.properties["Id"]: {"name": r.properties["Name"], "power": r.properties["State"]} for r in rows}


def decide(have: Have, want: Off, subject: str, sent: frozenset[str]) -> Decision:
    power = have[subject]["power"]
    if power == "Off":
        return Done("it is off")
    if power == "Stopping":
        return Wait("the guest shuts down", LIMIT_SECONDS)
    statement = vm_by_id(subject) | Command("Stop-VM", {"Confirm": False})
    return Step("stop", statement, "shut the guest down", subject, waits=True, limit_seconds=LIMIT_SECONDS)


NOUN: Resource[Have, Off] = Resource(
    name="off",
    spec={},
    read_options=lambda options: Off(),
    query=lambda want: Pipeline.of(Command("Get-VM") | select("VirtualMachine", "Id", "Name", "State")),
    parse=parse,
    subjects=lambda have, want: tuple(have),
    decide=decide,
    predict=lambda have, want, step: {**have, step.subject: {**have[step.subject], "power": "Off"}},
    record=lambda have, want, subject: dict(have[subject]),
)


@pytest.fixture
def pipelines() -> list[str]:
    return []


@pytest.fixture
def connection(lab: Lab, connection_to: Callable[..., Any]) -> Any:
    for vm in lab.world.host("hv-a").vms.values():
        vm.turn("Running", lab.world.clock.now())
        vm.guest.shutdown_seconds = 1.0
    return connection_to()


def session(connection: Any, log: list[str]) -> PsrpSession:
    return open_session(connection, "hv-a", become=False, bare_cmdlets=None, log=log.append)


def stop_all(connection: Any, log: list[str]) -> tuple[Outcome, float]:
    began = time.monotonic()
    with session(connection, log) as opened:
        outcome = apply(Task(NOUN, Off(), opened, Waiting(poll_interval=0.2, settle_timeout=2)))
    return outcome, time.monotonic() - began


def test_guests_shut_down_side_by_side(lab: Lab, connection: Any, pipelines: list[str]) -> None:
    outcome, seconds = stop_all(connection, pipelines)
    result = to_result(outcome, "vms", diff=False)
    assert {vm["power"] for vm in result["vms"]} == {"Off"}
    assert "failed" not in result
    assert len(lab.world.recorder.of("Stop-VM")) == 24
    assert seconds < 12, "one after the other takes 24 seconds and more"
    assert sum("Stop-VM" in pipeline for pipeline in pipelines) == 1, "one pipeline for the stage"
    assert pipelines[1] == "PSRP: 24 x (Get-VM -Id | Stop-VM -Confirm -AsJob)"


def test_a_guest_that_hangs_or_refuses_holds_up_nobody(lab: Lab, connection: Any, pipelines: list[str]) -> None:
    hangs, refuses = list(lab.world.host("hv-a").vms.values())[:2]
    hangs.guest.answer = "hang"
    refuses.guest.locked = True
    outcome, _unused = stop_all(connection, pipelines)
    failures = {failure["name"]: failure["msg"] for failure in outcome.failures()}
    assert set(failures) == {hangs.name, refuses.name}
    assert "is not over after 4 seconds" in failures[hangs.name] or "within 4 seconds" in failures[hangs.name]
    assert "Windows says:" in failures[refuses.name]
    assert sum(record["power"] == "Off" for record in outcome.after.values()) == 22
    assert to_result(outcome, "vms", diff=False)["changed"] is True


@pytest.mark.parametrize("lab", [{"vms": 12}, {"vms": 50}, {"vms": 12, "engine": "real"}], indirect=True)
@pytest.mark.parametrize("refused", [1, 4])
def test_a_refusal_that_names_no_vm_costs_nobody_a_wait(
    lab: Lab, connection: Any, pipelines: list[str], refused: int
) -> None:
    """Over the wire, jobs side by side: the failures are those whose VMs still run, and no time limit passes."""
    for nth in range(2, 2 + refused):
        lab.world.faults.add("refuse", "*", "Stop-VM", nth, message="Unspecified error.")
    began = time.monotonic()
    with session(connection, pipelines) as opened:
        outcome = apply(Task(NOUN, Off(), opened, Waiting(poll_interval=0.2, settle_timeout=120)))
    assert time.monotonic() - began < 60
    run = {vm.name for vm in lab.world.host("hv-a").vms.values() if vm.alive}
    assert len(run) == refused
    assert {failure["name"] for failure in outcome.failures()} == run
    assert all("Windows says: Unspecified error." in failure["msg"] for failure in outcome.failures())


def test_an_endpoint_that_hides_the_jobs_is_read_for_their_effects(connection: Any, pipelines: list[str]) -> None:
    connection.set_option("configuration_name", "Hyperv.Replica")
    outcome, _unused = stop_all(connection, pipelines)
    assert outcome.failures() == []
    assert {record["power"] for record in outcome.after.values()} == {"Off"}


@pytest.mark.parametrize(
    "cmdlet, waits, job",
    [("Stop-VM", True, True), ("Stop-VM", False, False), ("Complete-VMFailover", True, False)],
)
def test_only_waiting_cmdlets_that_can_are_jobs(cmdlet: str, waits: bool, job: bool) -> None:
    step = Step("stage", vm_by_id("1") | Command(cmdlet, {"Confirm": False}), "why", "1", waits=waits)
    assert is_job(as_sent(step)) is job
    assert not is_job(as_sent(step, jobs=False))
    assert ("-AsJob" in outline(Pipeline.of(as_sent(step).statement))) is job


@pytest.mark.lab(hosts=1, vms=3)
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "drop_late"])
@pytest.mark.parametrize("nth", [1, 3])
def test_a_run_that_was_cut_off_is_finished_by_the_next(
    lab: Lab, connection_to: Callable[..., Any], connection: Any, pipelines: list[str], kind: str, nth: int
) -> None:
    """Cut at a Stop-VM of a job: what the record calls unsent did not happen, and the same run again ends it."""
    lab.world.faults.add(kind, "*", "Stop-VM", nth)
    first, _unused = stop_all(connection, pipelines)
    called = {action.vm for action in first.actions}
    assert called == {vm.name for vm in lab.world.host("hv-a").vms.values()}
    assert all(action.sent is not False for action in first.actions) or not lab.world.recorder.of("Stop-VM")
    lab.world.faults.clear()
    again, _unused = stop_all(connection_to(), pipelines)
    assert again.error is None
    assert again.failures() == []
    assert {record["power"] for record in again.after.values()} == {"Off"}


@pytest.mark.lab(hosts=1, vms=3)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation, nth", [(op, n) for op in ("Command", "Receive") for n in range(1, 5)])
def test_the_wire_cut_anywhere(
    lab: Lab,
    connection_to: Callable[..., Any],
    connection: Any,
    pipelines: list[str],
    operation: str,
    nth: int,
    when: str,
) -> None:
    rule = lab.world.faults.add_wire(operation, "*", nth, when)
    first, _unused = stop_all(connection, pipelines)
    result = to_result(first, "vms", diff=True)
    assert rule.struck == 1
    assert result["unreachable"] is True
    sent = {action["sent"] for action in result["actions"]}
    assert sent != {False} or not lab.world.recorder.of("Stop-VM")
    lab.world.faults.clear()
    again = to_result(stop_all(connection_to(), pipelines)[0], "vms", diff=False)
    assert "failed" not in again
    assert "unreachable" not in again
    assert {vm["power"] for vm in again["vms"]} == {"Off"}
    assert lab.shells().open == 0


def test_two_tasks_on_one_session_ask_for_their_own_jobs_only() -> None:
    """Get-Job lists the jobs of both, and what Receive-Job has given to one it does not give to the other."""
    claims: set[int] = set()
    sent: list[Pipeline] = []

    def answer(pipeline: Pipeline) -> Output:
        sent.append(pipeline)
        return Output()

    first, second = JobWatch(answer, claims), JobWatch(answer, claims)
    step = Step("stop", Statement((Command("Get-VM"), Command("Stop-VM", {"AsJob": True}))), "why", waits=True)
    for watch_, number in ((first, 1), (second, 2)):
        shown = Output((Row("VMJob", {"Id": number, "State": "Running", "HasMoreData": True}),))
        watch_.begin({f"id-{number}": step}, {f"id-{number}": step}, shown, lambda error: None)
    both = Jobs((Job(1, "Failed", True), Job(2, "Failed", True)))
    assert [job.number for job in first.own(both).found] == [1]
    assert [job.number for job in second.own(both).found] == [2]
    news = first.hear(first.own(both))
    assert [started.subject for started in news.ended] == ["id-1"]
    asked = [command.parameters.get("Id") for s in sent[0].statements for command in s.commands if command.parameters]
    assert 2 not in asked
    assert Pipeline.of(Command("Get-Job") | Command("Receive-Job")) not in sent
    assert isinstance(second.question, Statement)
    assert second.question.commands[0].parameters == {"Id": [2]}
