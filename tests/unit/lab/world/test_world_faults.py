"""Faults at the door, the recorder, and the watch on the first law."""

from __future__ import annotations

import threading
import time

import pytest

from tests.lab.faults import DROP_AFTER, DROP_BEFORE, DROP_LATE
from tests.lab.values import Enum
from tests.lab.world.clock import Clock
from tests.lab.world.world import World
from tests.unit.lab.world.hands import START, Hands, Shell


@pytest.fixture
def hands() -> Hands:
    return Hands(vms=4)


def _stop(hands: Hands) -> Shell:
    shell = Shell(hands.world.host("HV-A"))
    hands.run("HV-A", "Suspend-VM", shell, Name=["App01"])
    return shell


@pytest.mark.parametrize(
    ("kind", "state", "outcome"),
    [(DROP_BEFORE, "Running", "dropped"), (DROP_AFTER, "Paused", "ok"), (DROP_LATE, "Running", "dropped")],
)
def test_drop(hands: Hands, kind: str, state: str, outcome: str) -> None:
    rule = hands.world.faults.add(kind, cmdlet="Suspend-VM")
    shell = _stop(hands)
    assert (shell.stopped, rule.struck) == (True, 1)
    assert hands.vm("HV-A", "App01").state == state
    assert [(c.fault, c.outcome) for c in hands.world.recorder.calls] == [(kind, outcome)]


@pytest.mark.parametrize("calls", [0, 1, 3])
def test_late_effect_lands_between_two_later_calls(hands: Hands, calls: int) -> None:
    hands.world.faults.add(DROP_LATE, cmdlet="Suspend-VM", lands_after=calls)
    _stop(hands)
    seen = [str(hands.shown("HV-A", "App01")["State"]) for _unused in range(5)]
    assert seen == ["Running"] * calls + ["Paused"] * (5 - calls)


def test_late_effect_of_a_cmdlet_that_waits_goes_on_by_itself(hands: Hands) -> None:
    vm = hands.vm("HV-A", "App01")
    hands.world.clock.leap = False
    hands.world.faults.add(DROP_LATE, cmdlet="Stop-VM", lands_after=0)
    hands.run("HV-A", "Stop-VM", Name=["App01"])
    assert vm.state == "Running"
    assert str(hands.shown("HV-A", "App01")["State"]) == "Stopping"
    hands.pass_time(60)
    assert vm.state == "Off"


def test_a_host_without_power_lets_nothing_land(hands: Hands) -> None:
    hands.world.faults.add(DROP_LATE, cmdlet="Suspend-VM", lands_after=0)
    _stop(hands)
    hands.world.power_off("HV-A")
    assert hands.run("HV-A", "Get-VM").objects == []
    assert hands.vm("HV-A", "App01").state == "Off"


def test_refuse_busy_and_delay(hands: Hands) -> None:
    faults, clock = hands.world.faults, hands.world.clock
    faults.add("refuse", host="hv-a", cmdlet="Suspend-*", id="Unspecified", message="no (0x80004005)")
    faults.add("busy", cmdlet="Suspend-VM", nth=2)
    faults.add("delay", cmdlet="Suspend-VM", nth=3, seconds=90)
    refusals = [hands.run("HV-A", "Suspend-VM", Name=["App01"]).refused for _unused in range(2)]
    assert refusals == [("Unspecified", "NotSpecified"), ("ObjectInUse", "ResourceBusy")]
    began = clock.now()
    hands.ok("HV-A", "Suspend-VM", Name=["App01"])
    assert (clock.now() - began).total_seconds() == pytest.approx(90, abs=1)


def test_rules_count_calls_of_their_host_only(hands: Hands) -> None:
    rule = hands.world.faults.add(DROP_BEFORE, host="HV-B", nth=2)
    for _unused in range(3):
        hands.ok("HV-A", "Get-VM", Name=["App01"])
    hands.ok("HV-B", "Get-VM", Name=["App02"])
    assert (rule.seen, rule.struck) == (1, 0)


def test_wire_rules() -> None:
    faults = World().faults
    faults.add_wire("Receive", "HV-A", nth=2, when="after")
    asked = [("HV-B", "Receive"), ("HV-A", "Receive"), ("HV-A", "Send"), ("HV-A", "Receive"), ("HV-A", "Receive")]
    assert [faults.wire(*one) for one in asked] == [None, None, None, "after", None]


def test_scatter_is_the_same_for_the_same_seed() -> None:
    one, other = (World(seed=7).faults.scatter(3, 50) for _unused in range(2))
    assert [(f.kind, f.nth) for f in one] == [(f.kind, f.nth) for f in other]


def test_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        World().faults.add("explode")


def test_recorder_keeps_the_joint_state_around_a_call(hands: Hands) -> None:
    hands.protect()
    hands.world.recorder.clear()
    hands.ok("HV-A", "Suspend-VMReplication", VM="App01")
    (entry,) = hands.world.recorder.state_changing()
    vm_id = hands.vm("HV-A", "App01").id
    assert entry.vms == ("App01",)
    assert entry.before[vm_id] == (
        ("HV-A", "Running", "Primary", "Replicating", ""),
        ("HV-B", "Off", "Replica", "Replicating", ""),
    )
    assert entry.after[vm_id][0] == ("HV-A", "Running", "Primary", "Suspended", "")
    assert entry.parameters == {"VM": [f"App01 ({vm_id})"]}
    assert entry.outcome == "ok"
    assert [c.cmdlet for c in hands.world.recorder.calls] == ["Get-VM", "Suspend-VMReplication"]


def test_recorder_keeps_refusals(hands: Hands) -> None:
    hands.run("HV-A", "Resume-VM", Name=["App01"])
    assert [c.outcome for c in hands.world.recorder.state_changing("HV-A")] == ["InvalidState"]
    assert hands.world.recorder.state_changing("HV-B") == []


def test_first_law_is_watched_at_every_moment(hands: Hands) -> None:
    hands.protect()
    hands.world.cut("HV-A", "HV-B")
    hands.ok("HV-B", "Start-VMFailover", VM="App01")
    assert hands.world.recorder.violations == []
    hands.ok("HV-B", "Start-VM", VM="App01")
    (broken,) = hands.world.recorder.violations
    assert (broken.vm, broken.hosts, broken.cause) == ("App01", ("HV-A", "HV-B"), "HV-B: Start-VM")


def test_a_handler_that_waits_gives_up_when_its_client_is_gone() -> None:
    hands = Hands(World.build(2, 2, clock=Clock(speed=0, start=START)))
    vm, shell = hands.vm("HV-A", "App01"), Shell(hands.world.host("HV-A"))
    vm.guest.answer = "hang"
    worker = threading.Thread(target=hands.run, args=("HV-A", "Stop-VM", shell), kwargs={"Name": ["App01"]})
    worker.start()
    _until(lambda: vm.state == "Stopping")
    assert hands.run("HV-A", "Get-VM").objects, "others are served while one waits"
    refused = hands.run("HV-A", "Stop-VM", Name=["App01"]).refused
    assert refused == ("InvalidState", "InvalidOperation")
    shell.drop()
    worker.join(5)
    assert not worker.is_alive()
    assert hands.world.recorder.of("Stop-VM")[0].outcome == "lost"
    assert vm.state == "Stopping", "nobody waits, and the guest goes on shutting down"


def test_jobs_run_side_by_side() -> None:
    hands = Hands(World.build(2, 8, clock=Clock(speed=100, start=START)))
    vms = [vm for vm in hands.world.host("HV-A").vms.values() if vm.state == "Running"]
    for vm in vms:
        vm.guest.shutdown_seconds = 40
    began = hands.world.clock.now()
    jobs = [
        threading.Thread(target=hands.run, args=("HV-A", "Stop-VM"), kwargs={"Name": [vm.name], "AsJob": True})
        for vm in vms
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(10)
    assert {vm.state for vm in vms} == {"Off"}
    assert (hands.world.clock.now() - began).total_seconds() < 40 * len(vms)


def _until(ready: object) -> None:
    end = time.monotonic() + 5
    while not ready():  # type: ignore[operator]
        if time.monotonic() > end:
            raise AssertionError("did not happen")
        time.sleep(0.005)


def test_user_without_rights(hands: Hands) -> None:
    hands.world.host("HV-A").users["nobody"] = "none"
    shell = Shell(hands.world.host("HV-A"), user="CORP\\nobody")
    answer = hands.run("HV-A", "Get-VM", shell)
    assert (answer.objects, answer.refused) == ([], ("AccessDenied", "PermissionDenied"))


def test_service_that_has_just_started_lists_nothing_yet(hands: Hands) -> None:
    hands.protect()
    hands.world.habits.service_start_seconds = 60
    hands.world.power_off("HV-A", clean=True)
    hands.world.power_on("HV-A")
    assert hands.ok("HV-A", "Get-VMReplication") == []
    hands.pass_time(61)
    assert [one["VMName"] for one in hands.ok("HV-A", "Get-VMReplication")] == ["App01"]


def test_a_thousand_vms_a_host_are_listed_quickly() -> None:
    hands = Hands(vms=2000)
    world = hands.world
    for vm in list(world.host("HV-A").vms.values()):
        hands.enable(vm.name)
    began = time.process_time()
    assert len(hands.ok("HV-A", "Get-VM")) == 1000
    assert len(hands.ok("HV-A", "Get-VMReplication")) == 1000
    assert len(hands.ok("HV-B", "Measure-VMReplication")) == 1000
    assert time.process_time() - began < 3


def test_enums_have_their_full_type(hands: Hands) -> None:
    assert hands.shown("HV-A", "App01")["State"] == Enum("Microsoft.HyperV.PowerShell.VMState", "Running")
