"""What time does to a relation: cycles, copies, resynchronizations, and the health that follows.

Cycles are not events: a relation is brought up to now when somebody looks at it (`catch_up`), in closed form, so that a
thousand of them cost nothing while nobody looks. Copies and the like are effects of the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..values import Refusal
from . import connect
from .recovery_point import APP_CONSISTENT, STANDARD, RecoveryPoint
from .relation import EXTENDED, SIMPLE, Relation, Transfer

if TYPE_CHECKING:
    from .host import Host
    from .vm import VM
    from .world import World

Side = tuple["Host", "VM", Relation]
HOUR = timedelta(hours=1)
FAILED_OVER = frozenset({"FailedOverWaitingCompletion", "FailedOver", "RecoveryInProgress"})
RECEIVING = frozenset({"Replicating"})


def receiver(world: World, host: Host, vm: VM, relation: Relation) -> Side:
    """The other side of a sending relation, reached over the network. Raises Refusal when it cannot be reached, or
    holds nothing that receives from here (ObjectNotFound)."""
    target = connect.check(
        world,
        host,
        relation.replica_server,
        relation.port,
        relation.authentication,
        relation.thumbprint,
        vm_id=vm.id,
        trust_group=_group_there(world, host, vm),
        begins=f"Hyper-V could not replicate changes for virtual machine '{vm.name}'",
    )
    copy = target.vms.get(vm.id)
    there = copy.relation if copy else None
    if copy is None or there is None or there.sends:
        text = f"Virtual machine '{vm.name}' is not a replica on '{relation.replica_server}' (0x80070002)."
        raise Refusal(text, "OperationFailed", "NotSpecified")
    relation.current_replica_server = target.fqdn
    return target, copy, there


def _group_there(world: World, host: Host, vm: VM) -> str | None:
    for other, copy in world.copies(vm.id):
        there = copy.relation
        if other is not host and there is not None and there.receives and there.trust_group:
            return there.trust_group
    return None


def sender(world: World, host: Host, vm: VM) -> Side | None:
    """Who sends to this replica, whether it can be reached or not."""
    for other, copy in world.copies(vm.id):
        if other is host:
            continue
        for relation in copy.relations.values():
            if relation.sends and _means(world, other, relation, host):
                return other, copy, relation
    return None


def _means(world: World, asker: Host, relation: Relation, host: Host) -> bool:
    named = connect.resolve(world, asker, relation.replica_server)
    return named is not None and (named.host is host or (named.cluster is not None and named.cluster is host.cluster))


# -- cycles --------------------------------------------------------------------------------------------------------


def catch_up(world: World, host: Host, vm: VM) -> None:
    """Bring the relations of a VM up to now: those that it sends on, and the one that it receives."""
    for relation in list(vm.relations.values()):
        if relation.sends:
            _send_cycles(world, host, vm, relation)
        else:
            far = sender(world, host, vm)
            if far is not None and far[0].powered:
                _send_cycles(world, *far)


def begin_cycles(relation: Relation, now: datetime) -> None:
    """The first cycle is due one frequency from now."""
    relation.next_cycle = now + timedelta(seconds=relation.settings.frequency)
    relation.failures = 0
    relation.cannot_send = False


def _send_cycles(world: World, host: Host, vm: VM, relation: Relation) -> None:
    now = world.clock.now()
    if not host.powered or relation.next_cycle is None or now < relation.next_cycle:
        return
    frequency = timedelta(seconds=relation.settings.frequency)
    cycles = (now - relation.next_cycle) // frequency + 1
    last = relation.next_cycle + (cycles - 1) * frequency
    relation.next_cycle = last + frequency
    if relation.state == "WaitingForStartResynchronize":
        _resynchronize_by_itself(world, host, vm, relation, last)
        return
    if relation.state == "InitialReplicationInProgress" and relation.exported:
        _look_for_import(world, host, vm, relation)
        return
    if relation.state != "Replicating":
        return
    try:
        _unused, far_vm, far = receiver(world, host, vm, relation)
    except Refusal as refusal:
        _missed(
            relation, cycles, final=refusal.error.message.endswith("(0x80070002)."), limit=world.habits.cycles_to_error
        )
        return
    if far.state in FAILED_OVER or far.state == "WaitingForInitialReplication":
        # The copy has a life of its own now: what is sent to it is refused.
        _missed(relation, cycles, final=True, limit=0)
        return
    if far.state not in RECEIVING:
        relation.statistics.missed += cycles
        relation.cannot_send = True
        return
    _sent(world, vm, relation, far_vm, far, cycles, last)


def _missed(relation: Relation, cycles: int, *, final: bool, limit: int) -> None:
    relation.failures += cycles
    relation.cannot_send = True
    relation.statistics.missed += cycles
    relation.statistics.errors += cycles
    if final or relation.failures >= limit:
        relation.resume_to = relation.state
        relation.state = "Error"


def _sent(world: World, vm: VM, relation: Relation, far_vm: VM, far: Relation, cycles: int, last: datetime) -> None:
    written = vm.written(world.clock.now())
    size = max(written - relation.sent_mark, 0)
    relation.sent_mark = written
    relation.failures, relation.cannot_send = 0, False
    latency = timedelta(seconds=world.habits.delta_seconds + size / cycles / _speed(world, vm))
    for side in (relation, far):
        numbers = side.statistics
        numbers.succeeded += cycles
        numbers.sent += size
        numbers.largest = max(numbers.largest, size // cycles)
        numbers.latency += latency * cycles
        numbers.slowest = max(numbers.slowest, latency)
        side.last_type = "Regular"
    _take_points(far_vm, far, last, size)
    relation.last_replication = far.last_replication = far.last_applied = last


def _take_points(vm: VM, relation: Relation, last: datetime, size: int) -> None:
    """One point an hour, as many as the history says; each `vss_hours`-th is application-consistent."""
    history, settings = relation.settings.history, relation.settings
    if history and relation.last_replication is not None:
        begun, ended = _hours(relation.last_replication), _hours(last)
        for hour in range(max(begun, ended - history) + 1, ended + 1):
            moment = last - timedelta(hours=ended - hour)
            consistent = bool(settings.vss_hours) and hour % settings.vss_hours == 0
            if consistent:
                relation.statistics.last_vss = moment
            vm.recovery_points.append(RecoveryPoint(moment, APP_CONSISTENT if consistent else STANDARD, size))
    del vm.recovery_points[: max(len(vm.recovery_points) - history, 0)]


def _hours(moment: datetime) -> int:
    return int(moment.timestamp() // HOUR.total_seconds())


def _look_for_import(world: World, host: Host, vm: VM, relation: Relation) -> None:
    try:
        _unused, far_vm, far = receiver(world, host, vm, relation)
    except Refusal:
        relation.cannot_send = True
        return
    if far.state == "Replicating":
        finish_initial(world, vm, relation, far_vm, far)


# -- work that takes time ------------------------------------------------------------------------------------------


def _speed(world: World, vm: VM) -> int:
    return vm.send_bytes_per_second or world.habits.send_bytes_per_second


def start_transfer(
    world: World, relation: Relation, kind: str, size: int, seconds: float, then: Callable[[], None]
) -> Transfer:
    """Begin work on a relation that ends in `seconds`; what ran before is given up."""
    relation.drop_work()
    transfer = Transfer(kind, size, world.clock.now(), seconds=seconds)

    def end() -> None:
        if relation.transfer is transfer:
            relation.transfer = None
            then()

    transfer.ends = world.clock.after(seconds, end)
    relation.transfer = transfer
    return transfer


def replicated_bytes(vm: VM, relation: Relation) -> int:
    """What the files of the relation's disks take."""
    return sum(disk.file_size for disk in vm.disks if disk.id in relation.disks)


def pending(world: World, vm: VM, relation: Relation) -> int:
    """Bytes still to be sent, the rest of an initial copy included; 0 where nothing is sent from here."""
    if not relation.sends:
        return 0
    now = world.clock.now()
    if relation.state in ("ReadyForInitialReplication", "InitialReplicationInProgress"):
        return relation.transfer.remaining(now) if relation.transfer else replicated_bytes(vm, relation)
    return max(vm.written(now) - relation.sent_mark, 0)


def copy_seconds(world: World, vm: VM, size: int) -> float:
    """How long so many bytes are under way."""
    return world.habits.delta_seconds + size / _speed(world, vm)


def start_initial(world: World, host: Host, vm: VM, relation: Relation, *, share: float = 1.0) -> None:
    """Begin the initial copy over the network; with a backup there only a share of it travels."""
    size = int(replicated_bytes(vm, relation) * share)
    mark = vm.written(world.clock.now())

    def end() -> None:
        home = world.home(vm) or host
        try:
            _unused, far_vm, far = receiver(world, home, vm, relation)
        except Refusal:
            far = None
        if far is None or far.state != "WaitingForInitialReplication":
            relation.resume_to, relation.state, relation.cannot_send = "InitialReplicationInProgress", "Error", True
            relation.statistics.errors += 1
            return
        relation.sent_mark = mark
        finish_initial(world, vm, relation, far_vm, far)

    start_transfer(world, relation, "initial", size, copy_seconds(world, vm, size), end)
    relation.state = "InitialReplicationInProgress"
    relation.exported = False


def finish_initial(world: World, vm: VM, relation: Relation, far_vm: VM, far: Relation) -> None:
    """Both sides have the whole copy."""
    now = world.clock.now()
    for side in (relation, far):
        side.state, side.initial_done, side.exported, side.as_replica = "Replicating", True, False, False
        side.last_replication, side.last_type = now, "Regular"
    far.last_applied = now
    far_vm.recovery_points.clear()
    begin_cycles(relation, now)


def start_resync(world: World, host: Host, vm: VM, relation: Relation) -> None:
    """Compare and mend the other side's disks. Nothing is tracked meanwhile, and the recovery points there are gone."""
    size = max(replicated_bytes(vm, relation) // 2, 1)
    mark = vm.written(world.clock.now())
    _unused, far_vm, far = receiver(world, host, vm, relation)

    def end() -> None:
        home = world.home(vm) or host
        try:
            now_far = receiver(world, home, vm, relation)[2]
        except Refusal:
            relation.state, relation.cannot_send = "ResynchronizeSuspended", True
            return
        if now_far.state != "Resynchronizing":
            relation.state, relation.resume_to = "Error", "Replicating"
            return
        relation.sent_mark = mark
        relation.state = now_far.state = "Replicating"
        relation.last_replication = now_far.last_replication = now_far.last_applied = world.clock.now()
        begin_cycles(relation, world.clock.now())

    far_vm.recovery_points.clear()
    start_transfer(world, relation, "resync", size, copy_seconds(world, vm, size), end)
    relation.state = far.state = "Resynchronizing"
    relation.next_cycle = None


def _resynchronize_by_itself(world: World, host: Host, vm: VM, relation: Relation, when: datetime) -> None:
    settings = relation.settings
    local = when.astimezone(host.time_zone)
    clock = timedelta(hours=local.hour, minutes=local.minute)
    start, end = settings.resync_start, settings.resync_end
    inside = start <= clock < end if start <= end else clock >= start or clock < end
    if not (settings.auto_resync and inside):
        return
    try:
        start_resync(world, host, vm, relation)
    except Refusal:
        relation.cannot_send = True


def legs(vm: VM) -> tuple[Relation, ...]:
    """The relations of a VM in the order in which they are listed."""
    return tuple(vm.relations[kind] for kind in (SIMPLE, EXTENDED) if kind in vm.relations)
