"""What becomes of a host's VMs and relations when it goes and when it comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .laws_power import may_start
from .relation import Relation

if TYPE_CHECKING:
    from .host import Host
    from .vm import VM
    from .world import World

STOP_STATES = {"Save": "Saved", "TurnOff": "Off", "ShutDown": "Off"}
# What a sending relation shows after a power loss under a running VM: its log was not closed (observed behaviour).
AFTER_CRASH = {
    "Replicating": "WaitingForStartResynchronize",
    "Resynchronizing": "WaitingForStartResynchronize",
    "WaitingForUpdateCompletion": "UpdateError",
    "InitialReplicationInProgress": "Error",
}


def stop_host(world: World, host: Host, *, clean: bool) -> None:
    """Switch off. A clean stop treats each VM as its AutomaticStopAction says; a crash takes the power from all."""
    now = world.clock.now()
    host.stopped_at = now
    for vm in list(host.vms.values()):
        vm.ran_at_stop = vm.alive
        for relation in vm.relations.values():
            _stop_relation(relation, crashed=not clean and vm.alive)
        if vm.alive:
            vm.turn(STOP_STATES[vm.stop_action] if clean else "Off", now)
    host.powered = False


def _stop_relation(relation: Relation, *, crashed: bool) -> None:
    interrupted = relation.transfer is not None
    if interrupted and relation.state == "RecoveryInProgress":
        # What a failover that was interrupted leaves is not documented; it is not done, so it has to be asked again.
        relation.state = relation.resume_to or "Replicating"
    relation.drop_work()
    if not relation.sends or not (crashed or interrupted):
        return
    after = AFTER_CRASH.get(relation.state)
    if after is not None:
        relation.resume_to = relation.state
        relation.state = after


def start_host(world: World, host: Host) -> None:
    """Switch on: the VMs that start by themselves run before anyone can connect."""
    now = world.clock.now()
    host.powered = True
    host.sees_from = now + timedelta(seconds=world.habits.service_blind_seconds)
    host.ready_at = now + timedelta(seconds=world.habits.service_start_seconds)
    for vm in list(host.vms.values()):
        _resume_sending(vm)
        if _starts_by_itself(vm) and may_start(world, host, vm):
            vm.turn("Running", now)
        vm.ran_at_stop = False


def _resume_sending(vm: VM) -> None:
    """The first cycle after a start is due at once: a partner that was failed over meanwhile is found then."""
    for relation in vm.relations.values():
        if relation.sends and relation.next_cycle is not None:
            relation.failures = 0


def _starts_by_itself(vm: VM) -> bool:
    if vm.clustered:
        return False  # the cluster places and starts it
    return vm.start_action == "Start" or (vm.start_action == "StartIfRunning" and vm.ran_at_stop)
