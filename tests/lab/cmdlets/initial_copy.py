"""Start-, Stop- and Import-VMInitialReplication: over the network, from a copy that is there, or by external media."""

from __future__ import annotations

from collections.abc import Iterator

from ..values import Record, Refusal
from ..world.laws_refusals import refuse
from ..world.laws_replication import judge
from ..world.relation import Relation
from ..world.replicating import (
    begin_cycles,
    copy_seconds,
    finish_initial,
    receiver,
    replicated_bytes,
    sender,
    start_initial,
    start_transfer,
)
from ..world.vm import VM
from .registry import Call, cmdlet
from .replication import start_time
from .resolve import each_vm, pass_thru, relation_asked

# Of a copy that is there already only what differs travels; how much that is nobody says.
BACKUP_SHARE = 0.1


@cmdlet("Start-VMInitialReplication")
def start(call: Call) -> Iterator[Record]:
    """Begin the first copy. It returns at once (but for -DestinationPath, and in a job): poll the state."""

    def act(vm: VM) -> Iterator[Record]:
        relation = _asked(call, vm)
        judge(call.cmdlet, vm, relation)
        if call.get("DestinationPath"):
            _export(call, vm, relation)
        else:
            when = start_time(call, "InitialReplicationStartTime")
            if when is not None:
                _schedule(call, vm, relation, when)
            else:
                _begin(call, vm, relation)
                _stay(call, relation)
        yield from pass_thru(call, vm)

    yield from each_vm(call, act)


def _asked(call: Call, vm: VM) -> Relation:
    """The relation that is copied: on a replica that is to be extended it is the leg."""
    relation = relation_asked(call, vm)
    if relation is not None and relation.receives and vm.leg is not None:
        relation = vm.leg
    if relation is None:
        judge(call.cmdlet, vm, None)
        raise refuse("not_applicable", vm=vm, cmdlet=call.cmdlet)
    return relation


def _stay(call: Call, relation: Relation) -> None:
    if call.get("AsJob"):
        call.wait_until(lambda: relation.transfer is None)


def _begin(call: Call, vm: VM, relation: Relation) -> None:
    far = receiver(call.world, call.host, vm, relation)[2]
    if call.get("UseBackup") and not far.as_replica:
        raise refuse("wrong_state", vm=vm)
    start_initial(call.world, call.host, vm, relation, share=BACKUP_SHARE if call.get("UseBackup") else 1.0)


def _schedule(call: Call, vm: VM, relation: Relation, when: object) -> None:
    def begin() -> None:
        relation.scheduled, relation.initial_start = None, None
        if relation.state != "ReadyForInitialReplication":
            return
        try:
            _begin(call, vm, relation)
        except Refusal:
            relation.resume_to, relation.state, relation.cannot_send = "InitialReplicationInProgress", "Error", True

    relation.drop_work()
    relation.initial_start = when  # type: ignore[assignment]
    relation.scheduled = call.world.clock.at(when, begin)  # type: ignore[arg-type]


def export_folder(path: str, vm: VM) -> str:
    """The folder that an export makes below a path."""
    return f"{path.rstrip(chr(92))}\\{vm.name}_{vm.id}"


def _export(call: Call, vm: VM, relation: Relation) -> None:
    """Write the copy to a folder and wait. Until its import this side stays in progress (unverified)."""
    path = str(call.get("DestinationPath"))
    if not call.host.files.is_folder(path):
        raise refuse("path_not_found", path=path)
    folder, size = export_folder(path, vm), replicated_bytes(vm, relation)

    def end() -> None:
        for disk in vm.disks:
            if disk.id in relation.disks:
                call.host.files.write(f"{folder}\\{disk.path.rpartition(chr(92))[2]}", disk.file_size)
        relation.exported = True
        begin_cycles(relation, call.world.clock.now())

    start_transfer(call.world, relation, "export", size, copy_seconds(call.world, vm, size), end)
    relation.state = "InitialReplicationInProgress"
    relation.sent_mark = vm.written(call.world.clock.now())
    call.wait_until(lambda: relation.transfer is None)


@cmdlet("Stop-VMInitialReplication")
def stop(call: Call) -> Iterator[Record]:
    """Cancel a first copy that runs, waits for its time, or was interrupted; a finished export stays."""

    def act(vm: VM) -> Iterator[Record]:
        relation = _asked(call, vm)
        after = judge(call.cmdlet, vm, relation)
        if relation.initial_done or relation.exported:
            raise refuse("wrong_state", vm=vm)
        relation.drop_work()
        relation.state = after
        relation.cannot_send = False
        yield from pass_thru(call, vm)

    yield from each_vm(call, act)


@cmdlet("Import-VMInitialReplication")
def import_copy(call: Call) -> Iterator[Record]:
    """Take in a copy that was carried here: -Path is `<VMName>_<VMId>`. It waits for the merge (unverified)."""

    def act(vm: VM) -> Iterator[Record]:
        relation = relation_asked(call, vm)
        judge(call.cmdlet, vm, relation)
        if relation is not None:
            _import(call, vm, relation)
        yield from pass_thru(call, vm)

    yield from each_vm(call, act)


def _import(call: Call, vm: VM, relation: Relation) -> None:
    path = str(call.get("Path"))
    name = path.rstrip("\\").rpartition("\\")[2]
    if not call.host.files.is_folder(path) or not name.casefold().endswith(f"_{vm.id}".casefold()):
        raise refuse("path_not_found", path=path)
    size = sum(entry.size or 0 for entry in call.host.files.below(path, recurse=True))

    def end() -> None:
        relation.state, relation.initial_done = "Replicating", True
        relation.last_replication = relation.last_applied = call.world.clock.now()
        _tell_sender(call, vm, relation)

    seconds = 1.0 + size / call.world.habits.merge_bytes_per_second
    start_transfer(call.world, relation, "import", size, seconds, end)
    call.wait_until(lambda: relation.transfer is None)


def _tell_sender(call: Call, vm: VM, relation: Relation) -> None:
    """The sender learns of it when it can: now, or at one of its next cycles."""
    home = call.world.home(vm) or call.host
    far = sender(call.world, home, vm)
    if far is None or far[2].state != "InitialReplicationInProgress":
        return
    try:
        receiver(call.world, *far)
    except Refusal:
        return
    finish_initial(call.world, far[1], far[2], vm, relation)
