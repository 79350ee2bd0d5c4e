"""Set-VMReplication: settings of both sides, another set of disks, -AsReplica, -Reverse."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

from ..values import Record, Refusal
from ..world.host import Host
from ..world.laws_refusals import refuse
from ..world.laws_replication import judge
from ..world.pairing import Wanted, placeholder, reach, receiving, start_cycles, turn_receiver, turn_sender
from ..world.relation import REPLICA, SIMPLE, Relation
from ..world.replicating import begin_cycles, receiver, start_initial, start_transfer
from ..world.vm import VM
from ..world.world import World
from .enable_replication import SETTINGS, bad, entry_for, given_any, settings_of, waiting, warn_of_write_order
from .registry import Call, cmdlet
from .replication import start_time
from .resolve import each_vm, listed, pass_relation, relation_asked

DISKS = ("ReplicatedDisks", "ReplicatedDiskPaths")
WAY = ("ReplicaServerName", "ReplicaServerPort", "AuthenticationType", "CertificateThumbprint")
MEANINGFUL = frozenset(
    {
        *SETTINGS,
        *DISKS,
        *WAY,
        "DisableVSSSnapshotReplication",
        "EnableWriteOrderPreservationAcrossDisks",
        "AsReplica",
        "AllowedPrimaryServer",
        "Reverse",
        "UseBackup",
        "InitialReplicationStartTime",
    }
)


@cmdlet("Set-VMReplication")
def set_replication(call: Call) -> Iterator[Record]:
    """Change relations. A call that would change nothing is an error."""
    yield from warn_of_write_order(call)

    def act(vm: VM) -> Iterator[Record]:
        if not given_any(call, MEANINGFUL):
            raise refuse("nothing_to_set", cmdlet=call.cmdlet)
        relation = relation_asked(call, vm)
        if call.get("Reverse"):
            reverse(call, vm, relation)
        elif call.get("AsReplica"):
            _as_replica(call, vm, relation)
        else:
            _change(call, vm, relation)
        yield from pass_relation(call, vm, vm.relation)

    yield from each_vm(call, act)


def way(call: Call, relation: Relation, server: str, begins: str) -> Wanted:
    """How to reach the other side after what the call gives; Kerberos clears the thumbprint."""
    authentication = str(call.get("AuthenticationType") or relation.authentication)
    thumbprint = "" if authentication == "Kerberos" else call.get("CertificateThumbprint", relation.thumbprint) or ""
    if authentication == "Kerberos" and call.get("CertificateThumbprint"):
        raise bad("A certificate thumbprint cannot be given with Kerberos authentication.")
    port = int(call.get("ReplicaServerPort") or relation.port)
    return Wanted(server, port, authentication, thumbprint, settings_of(call, relation.settings), begins)


# -- settings ------------------------------------------------------------------------------------------------------


def _change(call: Call, vm: VM, relation: Relation | None) -> None:
    if relation is not None and relation.receives and vm.leg is not None:
        relation = vm.leg  # on a replica the cmdlet addresses the leg to the third site
    judge(call.cmdlet, vm, relation)
    if relation is None:
        raise refuse("not_enabled_state", vm=vm)
    new_disks = _disks(call, vm, relation) if given_any(call, DISKS) else None
    begins = "Hyper-V failed to modify replication settings for virtual machine"
    wanted = way(call, relation, str(call.get("ReplicaServerName") or relation.replica_server), begins)
    target = reach(call.world, call.host, vm, wanted)
    there = target.vms.get(vm.id)
    if there is None or there.relation is None or there.relation.sends:
        # Another server that holds no replica of this VM: nothing to point to.
        raise refuse("collision", vm=vm)
    relation.settings, there.relation.settings = wanted.settings, copy(wanted.settings)
    for side in (relation, there.relation):
        side.replica_server, side.port, side.authentication = wanted.server, wanted.port, wanted.authentication
        side.current_replica_server = target.fqdn
    relation.thumbprint = wanted.thumbprint
    there.relation.thumbprint = target.server.thumbprint if wanted.authentication == "Certificate" else ""
    del there.recovery_points[: max(len(there.recovery_points) - wanted.settings.history, 0)]
    if new_disks is not None:
        _update_disks(call, vm, relation, there, new_disks)


def _disks(call: Call, vm: VM, relation: Relation) -> list[str]:
    """Ids of the complete set to replicate. Paths compare with case here."""
    judge(f"{call.cmdlet} -ReplicatedDisks", vm, relation)
    paths = [str(path) for path in listed(call.get("ReplicatedDiskPaths"))]
    paths += [str(given.get("Path")) for given in listed(call.get("ReplicatedDisks"))]
    by_path = {disk.path: disk for disk in vm.disks}
    unknown = [path for path in paths if path not in by_path]
    if unknown:
        raise bad(f"'{unknown[0]}' is not a virtual hard disk of virtual machine '{vm.name}'.")
    if any(by_path[path].pass_through or by_path[path].shared for path in paths):
        raise refuse("passthrough", vm=vm)
    return [by_path[path].id for path in paths]


def _update_disks(call: Call, vm: VM, relation: Relation, there: VM, disks: list[str]) -> None:
    """The other side gets and loses disks; meanwhile both wait for the update."""
    after = judge(f"{call.cmdlet} -ReplicatedDisks", vm, relation)
    relation.disks = disks
    folder = there.disks[0].path.rpartition("\\")[0] if there.disks else there.path
    held = {disk.id for disk in there.disks}
    new = [d for d in vm.disks if d.id in disks and d.id not in held]
    added = [replace(disk, path=f"{folder}\\{disk.path.rpartition(chr(92))[2]}") for disk in new]
    there.disks = [d for d in there.disks if d.id in disks] + added
    far = there.relation
    if far is not None:
        far.disks = list(disks)
    if after != "WaitingForUpdateCompletion" or far is None:
        return
    size = sum(disk.file_size for disk in added)
    seconds = call.world.habits.update_seconds + size / call.world.habits.send_bytes_per_second

    def end() -> None:
        try:
            receiver(call.world, call.world.home(vm) or call.host, vm, relation)
        except Refusal:
            relation.state = far.state = "UpdateError"
            return
        relation.state = far.state = "Replicating"
        begin_cycles(relation, call.world.clock.now())

    start_transfer(call.world, relation, "update", size, seconds, end)
    relation.state = far.state = after


# -- the way home --------------------------------------------------------------------------------------------------


def _as_replica(call: Call, vm: VM, relation: Relation | None) -> None:
    """The old primary becomes a replica that waits for the new primary."""
    judge(f"{call.cmdlet} -AsReplica", vm, relation)
    entry = entry_for(call)
    if relation is None:
        raise refuse("not_enabled_state", vm=vm)
    relation.drop_work()
    vm.relations = {SIMPLE: waiting(call, vm, entry, relation.settings)}


def reverse(call: Call, vm: VM, relation: Relation | None) -> None:
    """The failed-over replica becomes the primary. It waits for the merge; the states are seen a moment later still."""
    after = judge(f"{call.cmdlet} -Reverse", vm, relation)
    if relation is None:
        raise refuse("not_enabled_state", vm=vm)
    if given_any(call, DISKS):
        raise bad("-Reverse cannot be combined with another set of disks.")
    authentication = str(call.get("AuthenticationType") or relation.authentication)
    if authentication == "Certificate" and not call.get("CertificateThumbprint"):
        raise bad("-Reverse with certificate-based authentication needs -CertificateThumbprint, this server's own.")
    begin_copy = start_time(call, "InitialReplicationStartTime")
    begins = "Hyper-V failed to enable reverse replication for virtual machine"
    wanted = way(call, relation, str(call.get("ReplicaServerName") or relation.primary_point), begins)
    target = reach(call.world, call.host, vm, wanted)
    _check_other_side(vm, target.vms.get(vm.id))
    _turn(call, vm, relation, Turn(wanted, after, begin_copy))


@dataclass(frozen=True)
class Turn:
    """A reverse under way: towards whom, the state it settles in when planned, and when a first copy is to begin."""

    wanted: Wanted
    after: str
    begin_copy: datetime | None


def _check_other_side(vm: VM, there: VM | None) -> bool:
    """Whether the other side is a prepared primary (True), or one that waits or is not there (False); else refused.

    A host that still thinks it is the primary does not take the part of the replica: it needs -AsReplica first.
    """
    if there is None:
        return False
    relation = there.relation
    if relation is not None and relation.sends and relation.state == "PreparedForFailover":
        return True
    if relation is not None and relation.as_replica and relation.state == "WaitingForInitialReplication":
        return False
    raise refuse("collision", vm=vm)


def _turn(call: Call, vm: VM, relation: Relation, turn: Turn) -> None:
    world, habits = call.world, call.world.habits
    merge = sum(point.size for point in vm.recovery_points) / habits.merge_bytes_per_second
    before = relation.state

    def settle() -> None:
        host = world.home(vm) or call.host
        try:
            target = reach(world, host, vm, turn.wanted)
            there = target.vms.get(vm.id)
            planned = _check_other_side(vm, there)
        except Refusal:
            # One side turned, the other not is not documented: here neither did.
            relation.state = before
            return
        turn_sender(world, host, vm, relation, turn.wanted, target)
        if planned and there is not None:
            turn_receiver(world, target, there, host, turn.wanted)
            _settle_planned(world, host, vm, relation, turn)
        else:
            _settle_waiting(world, host, vm, relation, turn, target)

    relation.resume_to = before
    start_transfer(world, relation, "failover", 0, habits.reverse_seconds + merge + habits.settle_seconds, settle)
    relation.state = "RecoveryInProgress"
    call.wait_until(lambda: relation.transfer is None, habits.reverse_seconds + merge)


def _settle_planned(world: World, host: Host, vm: VM, relation: Relation, turn: Turn) -> None:
    """Both sides have every byte, so they replicate, or stand in one of the states that were seen instead."""
    start_cycles(world, relation)
    seen = world.habits.reverse_state
    if seen == "ReadyForInitialReplication":
        relation.initial_done = False
        far = receiver(world, host, vm, relation)[2]
        far.state, far.initial_done = "WaitingForInitialReplication", False
    relation.state = turn.after if seen == "Replicating" else seen
    relation.resume_to = "Replicating"


def _settle_waiting(world: World, host: Host, vm: VM, relation: Relation, turn: Turn, target: Host) -> None:
    """The other side is a copy that waits, or gets a new placeholder: a first copy has to follow."""
    there = target.vms.get(vm.id) or placeholder(world, target, host, vm, relation.disks)
    far = receiving(target, host, turn.wanted, there, REPLICA)
    far.as_replica = True
    far.statistics.since = world.clock.now()
    there.relations[SIMPLE] = far
    relation.state, relation.initial_done, relation.last_replication = "ReadyForInitialReplication", False, None
    relation.next_cycle = None
    if turn.begin_copy is not None:
        relation.initial_start = turn.begin_copy
        begin = max(turn.begin_copy, world.clock.now())
        relation.scheduled = world.clock.at(begin, lambda: _begin_copy(world, vm, relation))


def _begin_copy(world: World, vm: VM, relation: Relation) -> None:
    relation.initial_start, relation.scheduled = None, None
    home = world.home(vm)
    if home is not None and relation.state == "ReadyForInitialReplication":
        start_initial(world, home, vm, relation)
