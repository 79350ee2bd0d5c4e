"""Batches of 1, 12 and 50 VMs in which Windows refuses some, naming no VM: each failure finds its VM, and at once.

The host is that of test_phases.py, whose jobs answer here like Windows' own: by number, and with an error for a name
that none has; or like an endpoint that takes neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import RemoteError, said
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.option_groups import Waiting
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Pipeline, Statement
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import (
    ErrorRecord,
    FunctionSession,
    Output,
    Row,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.apply import apply
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.check_mode import foresee
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.outcome import Outcome, to_result
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Decision, Wait
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.task import Clock, Task

from tests.unit.plugins.plugin_utils.test_phases import NOUN, Have, Host, Seconds, Want, decide, parse, vms

BATCHES = (1, 12, 50)
NAMELESS = ErrorRecord("OperationFailed,Microsoft.HyperV.PowerShell.Commands.StopVM", "NotSpecified", "Unspecified.")
NO_JOB = ErrorRecord("JobWithSpecifiedNameNotFound,Microsoft.PowerShell.Commands.GetJobCommand", "ObjectNotFound", "?")


@dataclass
class Batch(Host):
    """`narrow`: the endpoint's Get-Job takes no parameters. `silent`: jobs fail without a word."""

    narrow: bool = False
    silent: bool = False

    def _statement(self, statement: Statement, rows: list[Row], errors: list[ErrorRecord]) -> None:
        first, last = statement.commands[0], statement.commands[-1]
        if first.name == "Get-Job" and first.parameters:
            if self.narrow:
                errors.append(ErrorRecord("NamedParameterNotFound,Get-Job", "InvalidArgument", "no such parameter"))
            elif last.name == "Select-Object":
                asked = first.parameters["Id"]
                rows += [row for row in self._jobs() if row.properties["Id"] in asked]
            elif "Name" in first.parameters:
                errors.append(replace(NO_JOB, target=str(first.parameters["Name"])))
            else:
                refused = self.refuse.get(self.running_jobs[int(first.parameters["Id"])])
                errors += [refused] if refused and not self.silent else []
                self.job_errors.clear()
            return
        before = len(self.running_jobs)
        super()._statement(statement, rows, errors)
        if last.name == "Stop-VM" and len(self.running_jobs) > before:
            rows.append(Row("VMJob", {"Id": before, "State": "Running", "HasMoreData": True}))

    def _collected(self) -> list[ErrorRecord]:
        found = super()._collected()
        return [] if self.silent else found


def refusing(count: int, which: Iterable[int], **more: bool) -> Batch:
    """So many running VMs, of which these are refused."""
    return Batch(vms(*["Running"] * count), refuse={f"id-{n}": NAMELESS for n in which}, **more)  # type: ignore[arg-type]


def run(host: Host, resource: object = NOUN, check: bool = False) -> tuple[Outcome, Seconds, list[Pipeline]]:
    seconds, session = Seconds(), FunctionSession("hv-a", host)
    clock = Clock(lambda: seconds.passed, seconds.sleep)
    task = Task(resource, Want(), session, Waiting(), clock=clock)  # type: ignore[arg-type]
    return (foresee if check else apply)(task), seconds, session.sent


WAYS = {"jobs": {}, "jobs, narrow endpoint": {"narrow": True}, "no jobs": {"jobs": False}}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", BATCHES)
@pytest.mark.parametrize("failing", ["the last", "three", "all"])
def test_a_refusal_that_names_no_vm_finds_its_own_at_once(way: str, count: int, failing: str) -> None:
    which = {"the last": [count], "three": [1, 5, 9], "all": range(1, count + 1)}[failing]
    refused = [n for n in which if n <= count]
    outcome, seconds, sent = run(refusing(count, refused, **WAYS[way]))
    failures = outcome.failures()
    assert [failure["id"] for failure in failures] == [f"id-{n}" for n in refused]
    for failure in failures:
        assert failure["msg"].count("Unspecified.") == 1
        assert "that name no VM" not in failure["msg"]
        assert failure["msg"].endswith("Read last: state Running.")
    assert sum(vm["notes"] == "off for good" for vm in outcome.after.values()) == count - len(refused)
    assert seconds.passed <= 3 * Waiting().poll_interval
    assert len(sent) <= 9, "no pipelines that grow with the number of VMs"


@pytest.mark.parametrize("way", ["jobs", "jobs, narrow endpoint"])
@pytest.mark.parametrize("count", BATCHES)
def test_a_job_that_failed_without_a_word_is_a_failure_all_the_same(way: str, count: int) -> None:
    outcome, seconds, _sent = run(refusing(count, [count], silent=True, **WAYS[way]))
    (failure,) = outcome.failures()
    assert failure["id"] == f"id-{count}"
    assert "its job ended as Failed, and gave no reason" in failure["msg"]
    assert seconds.passed <= 2 * Waiting().poll_interval


def test_who_only_lags_is_not_blamed_for_the_error_of_another() -> None:
    """App01 takes effect three reads late and without jobs; the error that names nobody is App02's."""
    host = refusing(12, [2], jobs=False)
    host.lag = 1

    def late(pipeline: Pipeline) -> None:  # the state of App01 is not to be seen before the sixth read
        if host.reads < 6 and host.vms["id-1"]["state"] != "Running" and host.reads:
            host.vms["id-1"]["state"] = "Running"
            host.late.append((6, "id-1"))

    host.lose = late
    outcome, _seconds, _sent = run(host)
    assert [failure["id"] for failure in outcome.failures()] == ["id-2"]
    assert outcome.after["id-1"]["notes"] == "off for good"


def test_errors_of_jobs_do_not_wait_for_those_that_still_run() -> None:
    """One guest hangs for ten minutes: the refusal of another one is told meanwhile, and the rest go on."""
    host = refusing(12, [3])
    host.lag = 200
    noted: list[float] = []
    clocked = Seconds()

    def seen(pipeline: Pipeline) -> None:
        if any(statement.commands[-1].name == "Receive-Job" for statement in pipeline.statements):
            noted.append(clocked.passed)

    host.lose = seen
    task = Task(
        NOUN, Want(), FunctionSession("hv-a", host), Waiting(), clock=Clock(lambda: clocked.passed, clocked.sleep)
    )
    outcome = apply(task)
    assert "id-3" in [failure["id"] for failure in outcome.failures()]
    assert noted
    assert noted[0] == 0


# -- what nobody foresaw ---------------------------------------------------------------------------------------------


def breaks_for(subject: str, fault: Exception, once_sent: bool = False) -> object:
    def broken(have: Have, want: Want, who: str, sent: frozenset[str]) -> Decision:
        if who == subject and bool(sent) >= once_sent:
            raise fault
        return decide(have, want, who, sent)

    return replace(NOUN, decide=broken)


FAULTS = [
    KeyError("State"),
    ValueError("not a number: x300"),
    IndexError(),
    AttributeError("x"),
    RecursionError("deep"),
]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_in_deciding_for_one_vm_is_its_failure_and_the_others_go_on(fault: Exception, check: bool) -> None:
    outcome, _seconds, _sent = run(refusing(12, []), breaks_for("id-5", fault, once_sent=True), check)
    result = to_result(outcome, "vms", diff=True)
    (failure,) = result["failures"]
    assert failure["name"] == "App05"
    assert failure["msg"].startswith(f"hv-a: App05: what was read cannot be judged: {type(fault).__name__} in ")
    assert failure["msg"].endswith("Read last: state Off.")
    assert len([a for a in result["actions"] if a["cmdlet"] == "Stop-VM"]) == 12
    assert len([a for a in result["actions"] if a["cmdlet"] == "Set-VM"]) == 11


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_in_reading_again_keeps_the_record_of_what_was_sent(fault: Exception) -> None:
    reads: list[Output] = []

    def broken(output: Output, want: Want) -> Have:
        reads.append(output)
        if len(reads) > 1:
            raise fault
        return parse(output, want)

    outcome, _seconds, _sent = run(refusing(12, []), replace(NOUN, parse=broken))
    result = to_result(outcome, "vms", diff=True)
    assert result["failed"] is True
    assert result["changed"] is True
    assert [action["sent"] for action in result["actions"]] == [True] * 12
    assert result["msg"].startswith(f"hv-a: its answer cannot be read: {type(fault).__name__} in ")


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("state", ["", "Off"])
def test_a_fault_in_the_record_of_one_vm_is_its_failure(state: str, check: bool) -> None:
    """Of the first read, or of a later one, when the VM is in another state."""

    def broken(have: Have, want: Want, subject: str) -> dict[str, object]:
        if subject == "id-2" and state in ("", have[subject]["state"]):
            raise KeyError("Health")
        return dict(have[subject])

    outcome, _seconds, _sent = run(refusing(12, []), replace(NOUN, record=broken), check)
    result = to_result(outcome, "vms", diff=True)
    (failure,) = result["failures"]
    assert failure["id"] == "id-2"
    assert "what was read cannot be judged: KeyError in " in failure["msg"]
    assert len([action for action in result["actions"] if action["cmdlet"] == "Set-VM"]) in (
        (11, 12) if check else (11,)
    )
    assert result["changed"] is True


def test_a_fault_elsewhere_is_a_failure_of_the_host() -> None:
    def broken(*arguments: object) -> object:
        raise KeyError("Name")

    result = to_result(run(refusing(2, []), replace(NOUN, subjects=broken))[0], "vms", diff=True)
    assert result["failed"] is True
    assert result["msg"].startswith("hv-a: its answer cannot be read: KeyError in ")


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), RemoteError("hv-a", "x"), ValueError("not XML")])
def test_what_was_under_way_when_anything_at_all_went_wrong_is_in_the_record(raised: BaseException) -> None:
    """Also an answer that could not be read, and a task that Ansible's time limit stops (no Exception at all)."""
    host = refusing(3, [])

    def stopped(pipeline: Pipeline) -> None:
        if pipeline.statements[0].commands[-1].name == "Stop-VM":
            raise raised

    host.lose = stopped
    task = Task(NOUN, Want(), FunctionSession("hv-a", host), Waiting())
    if isinstance(raised, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            apply(task)
    else:
        apply(task)
    assert [(action.cmdlet, action.sent) for action in task.outcome.actions] == [("Stop-VM", None)] * 3


# -- words -----------------------------------------------------------------------------------------------------------


def test_a_wait_that_is_over_names_what_the_vm_the_host_and_the_state() -> None:
    def waits(have: Have, want: Want, subject: str, sent: frozenset[str]) -> Decision:
        return Wait("the copy over the network", 30)

    outcome, _seconds, _sent = run(Host(vms("Off")), replace(NOUN, decide=waits))
    (failure,) = outcome.failures()
    assert failure["msg"] == (
        "hv-a: App01: the copy over the network is not over after 30 seconds. Nothing was stopped: the same task goes "
        "on from here. Read last: state Off."
    )


def test_a_sentence_that_many_cmdlets_say_is_said_once() -> None:
    records = [
        ErrorRecord(f"AccessDenied,Microsoft.HyperV.PowerShell.Commands.{name}", "PermissionDenied", "No permission. ")
        for name in ("GetVM", "GetVMReplication", "GetVM")
    ]
    assert said(records).count("No permission.") == 1
    assert str(RemoteError("hv-a", "reading its VMs", tuple(records))).count("No permission.") == 1


def test_a_host_that_did_not_say_its_name_goes_by_that_of_the_inventory() -> None:
    def refused(output: Output, want: Want) -> Have:
        raise RemoteError("", "reading its VMs", (NAMELESS,))

    result = to_result(run(Host(vms("Off")), replace(NOUN, parse=refused))[0], "vms", diff=False)
    assert result["msg"].startswith("hv-a: reading its VMs failed: Unspecified.")
