"""Start-, Stop- and Complete-VMFailover: prepared, real and test failovers.

What takes time goes on when nobody waits for it any more: a client that was cut off finds the outcome by reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ..values import Obj, Record, Refusal
from ..world.laws_refusals import refuse
from ..world.laws_replication import judge
from ..world.network import Adapter, Vlan
from ..world.recovery_point import PLANNED, RecoveryPoint
from ..world.relation import Relation
from ..world.replicating import begin_cycles, copy_seconds, pending, receiver, start_transfer
from ..world.vm import VM
from .registry import Call, cmdlet
from .resolve import by_object, each_vm, listed, pass_thru, relation_asked, vm_output
from .vm_parts import find_point


@cmdlet("Start-VMFailover")
def start(call: Call) -> Iterator[Record]:
    """Prepare a primary, fail over to a replica (the newest data or a recovery point), or make a test VM."""
    point = call.get("VMRecoverySnapshot")
    if point is not None:
        for given in listed(point):
            vm = by_object(call.host, given)
            yield from _serve(call, vm, _point(vm, given))
        return
    yield from each_vm(call, lambda vm: _serve(call, vm, None))


def _point(vm: VM, given: Obj) -> RecoveryPoint:
    if vm.relation is None or not vm.relation.receives:
        raise refuse("other_point")
    return find_point(vm, given)


def _serve(call: Call, vm: VM, point: RecoveryPoint | None) -> Iterator[Record]:
    relation = relation_asked(call, vm)
    if call.get("AsTest"):
        judge("Start-VMFailover -AsTest", vm, relation)
        test = _make_test_vm(call, vm, relation)
        yield vm_output(call, test)
        return
    if call.get("Prepare"):
        _prepare(call, vm, vm.leg if relation is not None and relation.receives and vm.leg else relation)
    else:
        judge(call.cmdlet, vm, relation)
        if relation is not None:
            _fail_over(call, vm, relation, point)
    yield from pass_thru(call, vm)


# -- prepare -------------------------------------------------------------------------------------------------------


def _prepare(call: Call, vm: VM, relation: Relation | None) -> None:
    """Send the last delta and wait. While it travels the state is what it was (unverified) and the VM is held off."""
    after = judge("Start-VMFailover -Prepare", vm, relation)
    if relation is None:
        raise refuse("not_applicable", vm=vm, cmdlet=call.cmdlet)
    if relation.transfer is not None:
        raise refuse("wrong_state", vm=vm)
    _check_receiver(call, vm, relation)
    size, failed = pending(call.world, vm, relation), list[Refusal]()

    def end() -> None:
        try:
            far_vm, far = _check_receiver(call, vm, relation)
        except Refusal as refusal:
            relation.cannot_send = True
            failed.append(refusal)
            return
        now = call.world.clock.now()
        relation.sent_mark, relation.state, relation.next_cycle = vm.written(now), after, None
        for side in (relation, far):
            side.last_replication, side.last_type = now, "Planned"
        far.last_applied = now
        if far.settings.history:
            far_vm.recovery_points.append(RecoveryPoint(now, PLANNED, size))

    start_transfer(call.world, relation, "delta", size, copy_seconds(call.world, vm, size), end)
    call.wait_until(lambda: relation.transfer is None)
    if failed:
        raise failed[0]


def _check_receiver(call: Call, vm: VM, relation: Relation) -> tuple[VM, Relation]:
    _unused, far_vm, far = receiver(call.world, call.world.home(vm) or call.host, vm, relation)
    if far.state != "Replicating":
        raise refuse("wrong_state", vm=vm)
    return far_vm, far


# -- the real one --------------------------------------------------------------------------------------------------


def _fail_over(call: Call, vm: VM, relation: Relation, point: RecoveryPoint | None) -> None:
    """Nobody asks whether the primary is prepared, off or even there. The VM is not started."""
    after, size = judge(call.cmdlet, vm, relation), point.size if point else 0

    def end() -> None:
        relation.state = after
        relation.failed_over_type = "ApplicationConsistent" if point and "App" in point.kind else relation.last_type

    # A resynchronization that runs is cancelled; on the way back there is nothing that could go on with it.
    relation.resume_to = "Replicating" if relation.state == "Resynchronizing" else relation.state
    _work(call, relation, call.world.habits.failover_seconds + size / call.world.habits.merge_bytes_per_second, end)


def _work(call: Call, relation: Relation, seconds: float, end: Callable[[], None]) -> None:
    """RecoveryInProgress for a while, then `end`; the cmdlet waits."""
    start_transfer(call.world, relation, "failover", 0, seconds, end)
    relation.state = "RecoveryInProgress"
    call.wait_until(lambda: relation.transfer is None)


@cmdlet("Complete-VMFailover")
def complete(call: Call) -> Iterator[Record]:
    """Commit: the recovery points go, and with them the way back."""

    def act(vm: VM) -> Iterator[Record]:
        relation = relation_asked(call, vm)
        after = judge(call.cmdlet, vm, relation)
        if relation is not None:
            size = sum(point.size for point in vm.recovery_points)

            def end() -> None:
                relation.state = after
                vm.recovery_points.clear()

            seconds = call.world.habits.commit_seconds + size / call.world.habits.merge_bytes_per_second
            # The VM may run and keeps its state while the points are merged.
            start_transfer(call.world, relation, "failover", 0, seconds, end)
            call.wait_until(lambda: relation.transfer is None)
        yield from pass_thru(call, vm)

    yield from each_vm(call, act)


@cmdlet("Stop-VMFailover")
def stop(call: Call) -> Iterator[Record]:
    """End a test if there is one; else take back a failover (of a running VM: by habit) or a preparation."""

    def act(vm: VM) -> Iterator[Record]:
        relation = relation_asked(call, vm)
        if vm.test_vm is not None:
            _remove_test_vm(call, vm)
        else:
            if vm.leg is not None and vm.leg.state == "PreparedForFailover":
                relation = vm.leg
            _take_back(call, vm, relation)
        yield from pass_thru(call, vm)

    yield from each_vm(call, act)


def _take_back(call: Call, vm: VM, relation: Relation | None) -> None:
    after = judge(call.cmdlet, vm, relation)
    if relation is None:
        return
    now = call.world.clock.now()
    if relation.sends:
        relation.state = after
        begin_cycles(relation, now)
        return
    if vm.state != "Off":
        # A saved one too: who met the refusal removed the saved state first.
        if call.world.habits.cancel_of_running == "refused":
            raise refuse("wrong_power", vm=vm)
        vm.turn("Off", now)

    def end() -> None:
        relation.state = "Suspended" if relation.resume_to == "Suspended" else after
        relation.failed_over_type = "None"
        relation.resume_to = "Replicating"

    _work(call, relation, call.world.habits.cancel_seconds, end)


# -- the test VM ---------------------------------------------------------------------------------------------------


def _make_test_vm(call: Call, vm: VM, relation: Relation | None) -> VM:
    if vm.test_vm is not None:
        raise refuse("test_vm_present", vm=vm)
    now, folder = call.world.clock.now(), f"{call.host.vm_path}\\Test"
    test = VM(
        name=f"{vm.name} - Test",
        generation=vm.generation,
        version=vm.version,
        processors=vm.processors,
        memory_startup=vm.memory_startup,
        path=f"{folder}\\{vm.name} - Test",
        start_action="Nothing",
        tpm=vm.tpm,
        shielded=vm.shielded,
        guardian=vm.guardian,
        guest=replace(vm.guest),
        test_of=vm,
    )
    for disk in vm.disks:
        name = disk.path.rpartition("\\")[2].rpartition(".")[0]
        path = f"{folder}\\{test.id}\\{name}.avhdx"
        test.disks.append(replace(disk, path=path, kind="Differencing", parent=disk.path, file_size=4 * 1024 * 1024))
    test.adapters = [_test_adapter(adapter) for adapter in vm.adapters]
    vm.test_vm = test
    if relation is not None:
        relation.statistics.last_test = now
    call.world.clock.after(call.world.habits.test_seconds, lambda: None)
    call.world.add_vm(call.host, test)
    call.wait_until(lambda: (call.world.clock.now() - now).total_seconds() >= call.world.habits.test_seconds)
    return test


def _test_adapter(adapter: Adapter) -> Adapter:
    """The copy hangs on the test switch, or on nothing: the product isolates nothing by itself."""
    return replace(adapter, switch=adapter.test_switch or None, vlan=Vlan(), failover=replace(adapter.failover))


def _remove_test_vm(call: Call, vm: VM) -> None:
    test = vm.test_vm
    if test is None:
        return
    if test.state != "Off":
        test.turn("Off", call.world.clock.now())
    call.host.vms.pop(test.id, None)
    for disk in test.disks:
        call.host.files.remove(disk.path)
    vm.test_vm = None
