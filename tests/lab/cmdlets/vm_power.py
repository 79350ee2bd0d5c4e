"""Power of VMs: start, guest shutdown with its waiting and its refusals, save, pause, restart.

VMs piped to one call are served one after the other (unverified: the harsher reading); -AsJob is the engine's doing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from ..values import Continue, Message, Record
from ..world.clock import Due
from ..world.laws_power import (
    LOCKED,
    SHUTDOWN_RUNS,
    check_start,
    power_after,
    shutdown_refusal,
    warns,
)
from ..world.laws_refusals import refuse
from ..world.vm import SHUTDOWN, VM
from .registry import Call, cmdlet
from .resolve import each_vm, pass_thru


def _serve(call: Call, operation: str, vm: VM) -> Iterator[Record]:
    if warns(operation, vm):
        yield Message("warning", "The virtual machine is already in the specified state.")
    elif operation == "Stop-VM" and vm.state == "Running" and not _can_shut_down(vm):
        if call.world.habits.no_shutdown_service != "asks":
            raise refuse("no_shutdown_service", vm=vm)
        yield Continue(f"Hyper-V cannot shut down virtual machine {vm.name}. Do you want to turn it off?", "Confirm")
        return  # a session has nobody to say yes
    else:
        ACTS[operation](call, vm, power_after(operation, vm))
    yield from pass_thru(call, vm)


def _start(call: Call, vm: VM, after: str) -> None:
    check_start(call.world, call.host, vm)
    vm.turn(after, call.world.clock.now())


def _turn(call: Call, vm: VM, after: str) -> None:
    vm.turn(after, call.world.clock.now())


def _save(call: Call, vm: VM, after: str) -> None:
    clock = call.world.clock
    vm.turn(after, clock.now())
    clock.after(call.world.habits.save_seconds, lambda: vm.turn("Saved", clock.now()) if vm.state == "Saving" else None)
    call.wait_until(lambda: vm.state != "Saving")


def _turn_off(call: Call, vm: VM, after: str) -> None:
    if vm.state == "Saved" and not call.world.habits.turn_off_discards_saved:
        raise refuse("wrong_power", vm=vm)
    vm.turn(after, call.world.clock.now())


def _shut_down(call: Call, vm: VM, after: str, *, force: bool = False) -> None:
    """Ask the guest and wait until it is off, without a limit; whoever stops waiting does not stop the guest."""
    if force and not _can_shut_down(vm):
        # -Force does not ask (derived): what it would have asked is whether to pull the plug.
        _turn_off(call, vm, "Off")
        return
    _check_shutdown(vm, force=force)
    seconds = vm.guest.shutdown_seconds if vm.guest.answer == "clean" else None
    if force:
        limit = 1.0 if vm.guest.locked or vm.guest.answer == LOCKED else call.world.habits.force_seconds
        seconds = min(limit, seconds) if seconds is not None else limit
    _begin_shutdown(call, vm, seconds, after)
    call.wait_until(lambda: not vm.alive)


def _can_shut_down(vm: VM) -> bool:
    service = vm.services.get(SHUTDOWN)
    return service is not None and service.enabled and service.running


def _check_shutdown(vm: VM, *, force: bool) -> None:
    if vm.shutdown is not None and vm.shutdown.open and not force:
        raise shutdown_refusal(vm, SHUTDOWN_RUNS)
    answer = LOCKED if vm.guest.locked and vm.guest.answer == "clean" else vm.guest.answer
    if isinstance(answer, int) and not (force and answer == LOCKED):
        raise shutdown_refusal(vm, answer)


def _begin_shutdown(call: Call, vm: VM, seconds: float | None, after: str) -> None:
    """From now on the guest may go off at any time; None never ends."""
    clock = call.world.clock
    if vm.shutdown is not None:
        vm.shutdown.cancel()
    notice = vm.guest.notice_seconds if vm.state == "Running" else 0.0
    end = partial(_went_off, call, vm)
    # A guest that hangs has a shutdown under way too: its end is only never due.
    vm.shutdown = under_way = Due(datetime.max, 0, end) if seconds is None else clock.after(seconds, end)

    def show() -> None:
        if vm.shutdown is under_way and vm.state == "Running":
            vm.turn(after, clock.now())

    show() if notice <= 0 else clock.after(notice, show)


def _went_off(call: Call, vm: VM) -> None:
    vm.turn("Off", call.world.clock.now())


def _force_down(call: Call, vm: VM, after: str) -> None:
    _shut_down(call, vm, after, force=True)


def _restart(call: Call, vm: VM, after: str) -> None:
    now = call.world.clock.now()
    vm.turn("Off", now)
    check_start(call.world, call.host, vm)
    vm.turn(after, now)


ACTS = {
    "Start-VM": _start,
    "Stop-VM": _shut_down,
    "Stop-VM -Force": _force_down,
    "Stop-VM -TurnOff": _turn_off,
    "Stop-VM -Save": _save,
    "Save-VM": _save,
    "Suspend-VM": _turn,
    "Resume-VM": _turn,
    "Restart-VM": _restart,
}


@cmdlet("Start-VM")
def start_vm(call: Call) -> Iterator[Record]:
    """Start, or resume from a saved state; refused for what may not run here."""
    yield from each_vm(call, lambda vm: _serve(call, "Start-VM", vm))


@cmdlet("Stop-VM")
def stop_vm(call: Call) -> Iterator[Record]:
    """Shut the guest down, or with a switch turn it off, save it, or force it down."""
    switch = next((name for name in ("TurnOff", "Save", "Force") if call.get(name)), "")
    operation = f"Stop-VM -{switch}" if switch else "Stop-VM"
    yield from each_vm(call, lambda vm: _serve(call, operation, vm))


@cmdlet("Save-VM")
def save_vm(call: Call) -> Iterator[Record]:
    """Write the memory to disk."""
    yield from each_vm(call, lambda vm: _serve(call, "Save-VM", vm))


@cmdlet("Suspend-VM")
def suspend_vm(call: Call) -> Iterator[Record]:
    """Pause: the guest stays in memory."""
    yield from each_vm(call, lambda vm: _serve(call, "Suspend-VM", vm))


@cmdlet("Resume-VM")
def resume_vm(call: Call) -> Iterator[Record]:
    """Go on after a pause."""
    yield from each_vm(call, lambda vm: _serve(call, "Resume-VM", vm))


@cmdlet("Restart-VM")
def restart_vm(call: Call) -> Iterator[Record]:
    """Reset; with -Wait until the guest's heartbeat, or its address, is there again."""

    def restart(vm: VM) -> Iterator[Record]:
        yield from _serve(call, "Restart-VM", vm)
        if call.get("Wait"):
            clock = call.world.clock
            clock.after(vm.guest.boot_seconds or 0.0, lambda: None)
            limit = call.get("Timeout", -1)
            if not call.wait_until(lambda: vm.heartbeat(clock.now()), None if limit < 0 else limit) and not call.gone:
                raise refuse("wrong_power", vm=vm)

    yield from each_vm(call, restart)
