"""Reading relations and acting on running ones: get, suspend, resume, stop, remove, test the connection."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..values import Output, Record, Refusal
from ..world import connect
from ..world.health import health_of
from ..world.laws_refusals import refuse
from ..world.laws_replication import judge, side_of
from ..world.merging import merge_reference_point
from ..world.relation import EXTENDED, SIMPLE, Relation
from ..world.replicating import begin_cycles, catch_up, legs, receiver, start_initial, start_resync
from ..world.vm import VM
from .filters import Filters
from .registry import Call, cmdlet
from .resolve import each_vm, pass_relation, pass_thru, relation_asked, relation_output

FARTHEST = timedelta(days=7)


def listing(call: Call) -> bool:
    """Whether the service lists relations already: for a while after a start it does not (observed behaviour)."""
    return call.host.ready_at is None or call.world.clock.now() >= call.host.ready_at


def asked_by_name(call: Call) -> bool:
    """Whether VMs were named: then one without replication is an error, else it is left out."""
    return call.get("VM") is not None or call.get("VMName") is not None


@cmdlet("Get-VMReplication")
def get_replication(call: Call) -> Iterator[Record]:
    """Relations of this host, filtered. Named VMs without one are errors."""
    filters = Filters.of(call)

    def show(vm: VM) -> Iterator[Record]:
        found = [r for r in shown_relations(call, vm) if filters.admit_kind(r)]
        if not found and asked_by_name(call):
            raise refuse("not_enabled", vm=vm)
        now = call.world.clock.now()
        for relation in found:
            if filters.admit(vm, relation, health_of(vm, relation, now)):
                yield relation_output(call, vm, relation)

    yield from over(call, show)


def shown_relations(call: Call, vm: VM) -> tuple[Relation, ...]:
    """The relations that the service shows of a VM now; a test VM has none."""
    if vm.test_of is not None or not listing(call):
        return ()
    catch_up(call.world, call.host, vm)
    return legs(vm)


def over(call: Call, show: object) -> Iterator[Record]:
    """The VMs named, or all of the host."""
    if asked_by_name(call):
        yield from each_vm(call, show)  # type: ignore[arg-type]
        return
    for vm in list(call.host.vms.values()):
        yield from show(vm)  # type: ignore[operator]


@cmdlet("Test-VMReplicationConnection")
def test_connection(call: Call) -> Iterator[Record]:
    """Whether a listener of that type answers there. No authorization entry is looked at (unverified)."""
    connect.check(
        call.world,
        call.host,
        call.get("ReplicaServerName"),
        call.get("ReplicaServerPort"),
        str(call.get("AuthenticationType")),
        call.get("CertificateThumbprint") or "",
        authorise=call.world.habits.test_checks_entries,
    )
    text = "The connection to the specified Replica server with the specified parameters was successful."
    yield Output(text)


@cmdlet("Suspend-VMReplication")
def suspend(call: Call) -> Iterator[Record]:
    """Pause this side; the other side's own pause is its own."""

    def act(vm: VM) -> Iterator[Record]:
        relation = relation_asked(call, vm)
        after = judge(call.cmdlet, vm, relation)
        if relation is not None:
            relation.drop_work()
            relation.resume_to, relation.state = relation.state, after
        yield from pass_relation(call, vm, relation)

    yield from each_vm(call, act)


@cmdlet("Resume-VMReplication")
def resume(call: Call) -> Iterator[Record]:
    """Go on after a pause or an error; -Resynchronize compares everything; -Continue keeps the leg of a chain."""
    switch = next((f" -{name}" for name in ("Continue", "Resynchronize") if call.get(name)), "")

    def act(vm: VM) -> Iterator[Record]:
        relation = relation_asked(call, vm)
        after = judge(call.cmdlet + switch, vm, relation)
        if relation is not None:
            _resume(call, vm, relation, after, switch)
        yield from pass_relation(call, vm, vm.relations.get(SIMPLE))

    yield from each_vm(call, act)


def _resume(call: Call, vm: VM, relation: Relation, after: str, switch: str) -> None:
    start = start_time(call, "ResynchronizeStartTime")
    if switch == " -Continue":
        _continue(call, vm, relation)
    elif not relation.sends:
        relation.state = after if after != "Resynchronizing" else "Resynchronizing"
    elif start is not None:
        relation.resync_start = start
        relation.scheduled = call.world.clock.at(start, lambda: _resync_now(call, vm, relation))
    elif after == "Resynchronizing":
        start_resync(call.world, call.host, vm, relation)
    else:
        _take_up(call, vm, relation, after)


def _resync_now(call: Call, vm: VM, relation: Relation) -> None:
    relation.resync_start = None
    try:
        start_resync(call.world, call.world.home(vm) or call.host, vm, relation)
    except Refusal:
        relation.state, relation.cannot_send = "WaitingForStartResynchronize", True


def _take_up(call: Call, vm: VM, relation: Relation, after: str) -> None:
    """A sending side goes on with what was interrupted; the other side is asked at once, as it is stored.

    That a resume fails where server, port, type or certificate do not serve any more is derived. When it shows is not
    on record: at once is the harsher reading.
    """
    now = call.world.clock.now()
    receiver(call.world, call.host, vm, relation)
    relation.failures = 0
    if after in ("InitialReplicationInProgress", "ReadyForInitialReplication") or not relation.initial_done:
        if relation.exported:
            relation.state = "InitialReplicationInProgress"
        else:
            start_initial(call.world, call.host, vm, relation)
        return
    relation.state = after
    begin_cycles(relation, now)
    relation.next_cycle = now
    if after == "WaitingForUpdateCompletion":
        call.world.clock.after(call.world.habits.update_seconds, lambda: _updated(call, vm, relation))


def _updated(call: Call, vm: VM, relation: Relation) -> None:
    if relation.state == "WaitingForUpdateCompletion":
        relation.state = "Replicating"
        begin_cycles(relation, call.world.clock.now())


def _continue(call: Call, vm: VM, relation: Relation) -> None:
    """A failed-over replica keeps sending to the third site: its leg becomes the relation."""
    leg = vm.relations.get(EXTENDED)
    if leg is None:
        raise refuse("not_applicable", vm=vm, cmdlet=call.cmdlet)
    vm.recovery_points.clear()
    leg.kind, leg.mode = SIMPLE, "Primary"
    vm.relations = {SIMPLE: leg}
    if leg.state in ("Suspended", "Error", "Replicating"):
        start_resync(call.world, call.host, vm, leg)


@cmdlet("Stop-VMReplication")
def stop(call: Call) -> Iterator[Record]:
    """Cancel a resynchronization or disk update that runs. It does not stop replication."""

    def act(vm: VM) -> Iterator[Record]:
        relation = relation_asked(call, vm)
        after = judge(call.cmdlet, vm, relation)
        if relation is not None:
            relation.drop_work()
            relation.state = after if side_of(relation) in ("primary", "leg") else "Replicating"
        yield from pass_thru(call, vm)

    yield from each_vm(call, act)


@cmdlet("Remove-VMReplication")
def remove(call: Call) -> Iterator[Record]:
    """End this side of a relation; the other side, the VM and the files stay as they are."""

    def act(vm: VM) -> Iterator[Record]:
        relation = relation_asked(call, vm)
        judge(call.cmdlet, vm, relation)
        if relation is not None:
            relation.drop_work()
            if relation.receives:
                vm.recovery_points.clear()
                leg = vm.relations.pop(EXTENDED, None)
                if leg is not None:
                    # What becomes of a leg whose replica goes first is not documented; it cannot live on its own.
                    leg.drop_work()
            vm.relations.pop(relation.kind, None)
            if relation.sends and relation.kind == SIMPLE:
                merge_reference_point(call.world, call.host, vm)
        yield from pass_relation(call, vm, relation)

    yield from each_vm(call, act)


def start_time(call: Call, parameter: str) -> datetime | None:
    """A start that was given, in UTC. Raises bad_parameter for the past and for more than seven days ahead."""
    given = call.get(parameter)
    if given is None:
        return None
    moment, now = call.host.moment(given), call.world.clock.now()
    if moment < now or moment - now > FARTHEST:
        raise refuse("bad_parameter", why=f"{parameter} must not be in the past and at most seven days ahead.")
    return moment
