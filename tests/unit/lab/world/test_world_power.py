"""Power: the table from every state, guest shutdown in all its ways, and what keeps a VM from starting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.values import Enum
from tests.lab.world.laws_power import POWER, SHUTDOWN_CODES, WARNS
from tests.unit.lab.world.hands import BAD, SERVICE, WRONG_STATE, Hands


@pytest.fixture
def hands() -> Hands:
    made = Hands(vms=2)
    made.protect()
    made.vm("HV-A", "App01").turn("Off", made.world.clock.now())
    return made


POWER_STATES = ("Off", "Running", "Saved", "Paused", "Stopping", "Saving")


def _power_cases() -> Iterator[Any]:
    for operation, table in POWER.items():
        if operation == "Remove-VM":
            continue
        for state in POWER_STATES:
            yield pytest.param(operation, state, table.get(state), id=f"{operation} {state}")


def _switched(switch: str) -> dict[str, Any]:
    return {switch: True} if switch else {}


@pytest.mark.parametrize(("operation", "state", "after"), list(_power_cases()))
def test_power_table(operation: str, state: str, after: str | None) -> None:
    hands = Hands(vms=2)
    vm = hands.vm("HV-A", "App01")
    vm.turn(state, hands.world.clock.now())
    cmdlet, _unused, switch = operation.partition(" -")
    answer = hands.run("HV-A", cmdlet, VM="App01", **_switched(switch))
    if WARNS.get(operation) == state:
        assert (answer.refused, len(answer.warnings), vm.state) == (None, 1, state)
    elif after is None:
        assert (answer.refused, vm.state) == (WRONG_STATE, state)
    else:
        assert answer.refused is None
        assert vm.state == {"Stopping": "Off", "Saving": "Saved"}.get(after, after)


@pytest.mark.parametrize(("cmdlet", "state"), [("Start-VM", "Running"), ("Stop-VM", "Off")])
def test_what_is_there_already_is_a_warning_and_no_error(cmdlet: str, state: str) -> None:
    hands = Hands(vms=2)
    hands.vm("HV-A", "App01").turn(state, hands.world.clock.now())
    answer = hands.run("HV-A", cmdlet, VM="App01")
    assert (answer.refused, answer.warnings) == (None, ["The virtual machine is already in the specified state."])
    assert hands.vm("HV-A", "App01").state == state


def test_guests_piped_to_one_call_are_served_in_turn() -> None:
    hands = Hands(vms=8)
    vms = [vm for vm in hands.world.host("HV-A").vms.values() if vm.state == "Running"]
    for vm in vms:
        vm.guest.shutdown_seconds = 60
    began = hands.world.clock.now()
    hands.ok("HV-A", "Stop-VM", Name=[vm.name for vm in vms])
    assert (hands.world.clock.now() - began).total_seconds() == pytest.approx(60 * len(vms), abs=1)


@pytest.mark.parametrize("code", sorted(SHUTDOWN_CODES))
def test_shutdown_refused_by_the_guest(code: int) -> None:
    hands = Hands(vms=2)
    vm = hands.vm("HV-A", "App01")
    vm.guest.answer = code
    answer = hands.run("HV-A", "Stop-VM", VM="App01")
    assert answer.refused == SHUTDOWN_CODES[code]
    assert f"0x{code:08X}" in answer.errors[0].message
    assert vm.state == "Running"


def test_a_locked_guest_goes_down_at_once_when_forced() -> None:
    hands = Hands(vms=2)
    vm = hands.vm("HV-A", "App01")
    vm.guest.locked = True
    assert hands.run("HV-A", "Stop-VM", VM="App01").refused == SHUTDOWN_CODES[32781]
    began = hands.world.clock.now()
    hands.ok("HV-A", "Stop-VM", VM="App01", Force=True)
    assert (hands.world.clock.now() - began).total_seconds() < 5


def test_a_hanging_guest_is_forced_down_after_five_minutes() -> None:
    hands = Hands(vms=2)
    hands.vm("HV-A", "App01").guest.answer = "hang"
    began = hands.world.clock.now()
    hands.ok("HV-A", "Stop-VM", VM="App01", Force=True)
    assert (hands.world.clock.now() - began).total_seconds() == pytest.approx(300, abs=1)


@pytest.mark.parametrize("fact", ["enabled", "running"])
def test_without_the_shutdown_service_it_is_asked_and_nobody_answers(fact: str) -> None:
    hands = Hands(vms=2)
    setattr(hands.vm("HV-A", "App01").services["Shutdown"], fact, False)
    assert "turn it off" in hands.run("HV-A", "Stop-VM", VM="App01", Confirm=False).asked[0]
    assert hands.vm("HV-A", "App01").state == "Running"
    hands.world.habits.no_shutdown_service = "error"
    assert hands.run("HV-A", "Stop-VM", VM="App01").refused == ("InvalidOperation", "InvalidOperation")
    assert hands.vm("HV-A", "App01").state == "Running"
    hands.ok("HV-A", "Stop-VM", VM="App01", Force=True)  # does not ask: the plug is pulled
    assert hands.vm("HV-A", "App01").state == "Off"


def test_not_enough_memory() -> None:
    hands = Hands(vms=4)
    hands.world.host("HV-A").memory_bytes = 1024
    answer = hands.run("HV-A", "Start-VM", VM="App03")
    assert answer.refused == ("OutOfMemory", "FromStdErr")
    vm = hands.vm("HV-A", "App03")
    for told in (vm.name, str(vm.id), f"{vm.memory_startup // 2**20} megabytes", "0x8007000E"):
        assert told in answer.errors[0].message


def test_a_vm_with_a_tpm_needs_its_key(hands: Hands) -> None:
    for host in ("HV-A", "HV-B"):
        hands.vm(host, "App01").tpm = True
    hands.ok("HV-B", "Start-VMFailover", VM="App01")
    assert hands.run("HV-B", "Start-VM", VM="App01").refused == SERVICE
    hands.world.host("HV-B").guardians.add("HV-A")
    hands.ok("HV-B", "Start-VM", VM="App01")


def test_virtual_hardware_changes_only_when_off() -> None:
    hands = Hands(vms=2)
    assert hands.run("HV-A", "Set-VM", VM="App01", ProcessorCount=8).refused == WRONG_STATE
    hands.ok("HV-A", "Set-VM", VM="App01", AutomaticStartAction=Enum("", "Nothing"))
    assert str(hands.shown("HV-A", "App01")["AutomaticStartAction"]) == "Nothing"


def test_remove_vm_is_refused_while_it_runs_or_replicates(hands: Hands) -> None:
    assert hands.run("HV-A", "Remove-VM", VM="App01").refused == WRONG_STATE
    hands.ok("HV-A", "Remove-VMReplication", VM="App01")
    shown = hands.shown("HV-A", "App01")
    assert hands.run("HV-A", "Remove-VM", VM="App01").refused == ("ObjectNotFound", "ObjectNotFound"), (
        "gone all the same"
    )
    gone = hands.run("HV-A", "Start-VM", VM=[shown])
    assert gone.refused == ("ObjectNotFound", "ObjectNotFound")


def test_the_disks_of_a_primary_stand_on_an_avhdx_for_a_while_after_its_removal(hands: Hands) -> None:
    vm = hands.world.vm("HV-A", "App01")
    before = [disk.path for disk in vm.disks]
    hands.ok("HV-A", "Remove-VMReplication", VM="App01")
    assert all(disk.path.endswith(".avhdx") and hands.world.host("HV-A").files.find(disk.path) for disk in vm.disks)
    hands.world.clock.advance(10)
    assert [disk.path for disk in vm.disks] == before


def test_remove_vm_may_write_an_error_after_it_has_removed() -> None:
    hands = Hands(vms=4)
    hands.world.habits.remove_vm_late_error = True
    assert hands.run("HV-A", "Remove-VM", VM="App03").refused == ("ObjectNotFound", "ObjectNotFound")
    assert [vm.name for vm in hands.world.host("HV-A").vms.values()] == ["App01"]


def test_a_service_that_has_just_started_finds_nothing() -> None:
    hands = Hands(vms=2)
    hands.world.habits.service_blind_seconds = 60
    hands.world.power_off("HV-A")
    hands.world.power_on("HV-A")
    assert hands.run("HV-A", "Get-VM").refused == ("ObjectNotFound", "ObjectNotFound")
    assert hands.run("HV-A", "Get-Service", Name=["vmms"]).refused is None
    hands.pass_time(60)
    assert len(hands.ok("HV-A", "Get-VM")) == 1


def test_unknown_vm_is_refused_and_the_others_are_served() -> None:
    hands = Hands(vms=4)
    answer = hands.run("HV-A", "Get-VM", Name=["Nope", "App01"])
    assert (answer.refused, [one["Name"] for one in answer.objects]) == (BAD, ["App01"])
    assert hands.run("HV-A", "Get-VM", Name=["Nope*"]).refused is None
    assert len(hands.ok("HV-A", "Get-VM", Name=["app*"])) == 2
