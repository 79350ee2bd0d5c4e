# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Power in a failover: starting the VM where it shall run, and keeping the other copy from running. Pure.

A VM is started only when its other copy was read as Off right before, or its host was declared gone. The old primary of
an unplanned failover may start by itself with its host: its fence is AutomaticStartAction Nothing (Microsoft: Set-VM).
"""

from __future__ import annotations

from ..base.acts import ACTS
from ..base.names import is_one_of
from ..base.pipeline import Command, Statement, vm_by_id
from ..base.proof import Proof
from ..base.states import FAILED_OVER_WAITING, NO_START, OFF, PREPARED, PRIMARY, REPLICA_MODES, RUNNING, SAVED
from ..engine.plan import Decision, Refused, Step, Wait
from .case import Case, third_names
from .options import DEAD, PREPARED_WORD, UNUSABLE

UNPROTECTED = "it runs UNPROTECTED on the failed-over replica: reverse the replication"
COMMIT_PENDING = "the failover can still be cancelled, and its undo data grows until it is committed or reversed"
FUTURE_SECONDS = 2.0
"""How far a record may be ahead of this host's reading: both carry the control node's clock, in whole seconds."""
ON_A_CLUSTER = "the old copy is a role of a cluster, which starts it whatever its start action says: cut its VM network"
HOST_FIRST = "Nothing is started beside a copy that may run: where its host cannot stop it, power that host off first."
LATE = "A saved state can be removed on the host itself (Remove-VMSavedState)."


SHUTDOWN_RUNS = 0x800E
SHUTDOWN_ADVICE = (
    (0x8000, "The guest did not shut down. Shut it down from inside, or allow shutdown: force."),
    (0x8001, "The guest denies it. Shut it down from inside, or allow shutdown: force."),
    (0x8002, "Its integration services are missing, so it cannot be shut down from here. Shut it down from inside."),
    (0x8007, "The guest is in no state for it. Look at its console."),
    (0x800C, "The guest is not ready for it, as while it starts. Wait until its services are up, then run this again."),
    (0x800D, "The guest is locked: somebody is logged on to it. Log off there, or allow shutdown: force."),
)
"""Codes of Msvm_ShutdownComponent.InitiateShutdown (Microsoft), and what to do about each."""
MAY_GO_OFF_LATER = "If the guest is still shutting down it may go off later: look at it before anything else."


def stale(case: Case, proof: Proof) -> Refused | None:
    """A refusal of what the other side said too long ago."""
    age = proof.age_seconds(case.have.read_at)
    if age < -FUTURE_SECONDS:
        return case.refuse(
            f"what {proof.host} said is from the future ({proof.read_at.isoformat()}). Read it again, and give what was"
            " read now."
        )
    if age <= case.want.max_age:
        return None
    return case.refuse(
        f"what {proof.host} said is {age:.0f} seconds old, and partner_max_age is {case.want.max_age}. Read it again."
    )


def old_copy_on(case: Case, proof: Proof) -> Refused:
    """A refusal because the old copy is not off."""
    return case.refuse(
        f"the old copy on {proof.host} is {proof.side.power}, not Off. Shut it down, turn it off, or power its host"
        " off, then read it again."
    )


def started(case: Case, reason: str) -> Decision:
    """Start it here if that was wished, only when the other copy was read as Off or its host was declared (L1)."""
    own = case.own
    ends = (UNPROTECTED,) if own.failed_over else ()
    reversible = case.proof is not None and case.proof.side.state == PREPARED and not case.want.start
    pending = (COMMIT_PENDING,) if own.state == FAILED_OVER_WAITING and not reversible else ()
    if own.power == RUNNING:
        return _answering(case) or case.done(f"{reason}, and runs", *ends, *pending)
    if not case.want.start:
        return case.done(f"{reason}, {own.power}", *pending)
    if own.changing:
        return Wait(f"{case.vm.name} on {case.have.host} is {own}")
    return _unsafe(case) or case.act("start")


def _unsafe(case: Case) -> Refused | None:
    """Why the VM must not be started here; None when it may."""
    proof = case.proof
    if proof is None and case.want.declared not in (DEAD, PREPARED_WORD):
        return case.refuse(f"it is not started: nothing is known of the other copy. Read {case.partner_host} first.")
    if proof is not None:
        too_old = stale(case, proof)
        if too_old:
            return too_old
        if proof.side.power != OFF:
            return case.refuse(f"it is not started: the copy on {proof.host} is {proof.side.power}, not Off.")
    beyond = beyond_the_pair(case)
    if beyond:
        return beyond
    if case.vm.unconnected:
        return case.refuse(
            f"it would come up without a network: {', '.join(case.vm.unconnected)} is connected to nothing. Set the"
            " switch (hyperv_failover_network), or allow it with unconnected_adapters: allow."
        )
    return None


def beyond_the_pair(case: Case) -> Refused | None:
    """Why the copy at a third site keeps this one from being failed over or started; None when it does not (L1)."""
    names, proof = third_names(case.vm), case.third
    if not names:
        return None
    if proof is None:
        if any(is_one_of(name, names) for name in case.want.accept_unread):
            return None
        return case.refuse(
            f"it is replicated on to {names[0]}, and nothing is known of the copy there. Read that host and give its"
            " records as partner too; or, if it is certain that the VM does not run there, give"
            f" accept_unread: [{names[0]}]."
        )
    too_old = stale(case, proof)
    if too_old:
        return too_old
    if proof.side.holds_back or proof.side.failed_over:
        return case.refuse(f"its third site {proof.host} has it: {proof.side}. See to that copy first.")
    return None


def _answering(case: Case) -> Wait | None:
    """Wait for the guest's heartbeat where that was asked for. A VM that has none says so, or nothing."""
    limit, heartbeat = case.want.heartbeat_timeout, str(case.vm.record.get("heartbeat") or "")
    if not case.want.start or limit is None or heartbeat.startswith("Ok") or heartbeat in ("", "Disabled"):
        return None
    return Wait(f"the start of the guest of {case.vm.name}", limit)


def stop_guest(case: Case, why: str = "") -> Decision:
    """Shut the guest down cleanly, or as it was allowed. `why` goes before the refusal where it was not."""
    if case.want.shutdown == "refuse":
        return case.refuse(f"{why}it runs, and shutting its guest down was not allowed (shutdown: clean).")
    forced = {"Force": True} if case.want.shutdown == "force" else {}
    return case.act(
        "stop_guest",
        forced,
        limit_seconds=case.want.shutdown_timeout,
        if_late=MAY_GO_OFF_LATER,
        advice=SHUTDOWN_ADVICE,
        under_way=(SHUTDOWN_RUNS,),
    )


def fenced(case: Case) -> Decision:
    """Keep the old copy from running: no start with its host, and turned off where that was named."""
    own = case.own
    if case.here:
        return _start_action_here(case)
    if own.failed_over and case.want.turn_off and case.proof is not None and case.proof.side.may_run:
        return _lost(case)
    if own.failed_over:
        return case.refuse(f"it is failed over to this host, so this is not the old copy: it is {own}.")
    if own.mode in REPLICA_MODES:
        return case.done("it is a replica, which cannot be started")
    if own.mode == PRIMARY and own.state == PREPARED:
        return case.done("it is prepared for a failover, and cannot be started")
    proof = case.proof
    shown = proof is not None and (proof.side.failed_over or proof.side.mode == PRIMARY)
    if not shown and case.want.declared != UNUSABLE:
        return case.refuse(
            f"nothing shows that it runs on {case.want.runs_on} now. Read that host, and give its records as partner."
        )
    if case.vm.start_action != NO_START:
        return _set_start_action(case, NO_START, "keep the old copy from starting with its host")
    if own.power == OFF:
        ends = (ON_A_CLUSTER,) if case.vm.record["clustered"] else ()
        return case.done("it is Off and does not start with its host", *ends)
    if own.power == SAVED and case.want.discard_saved:
        return _turn_off(case, "discard the saved state of the old copy, as asked by name", if_late=LATE)
    if own.power != SAVED and case.want.turn_off:
        return _turn_off(case, "turn the old copy off, as asked by name")
    return case.done(f"it does not start with its host, but it is {own.power}", f"the old copy is {own.power}")


def _lost(case: Case) -> Decision:
    """Both copies run, and this one, although failed over, was named to be lost."""
    if case.own.power in (OFF, SAVED):
        return case.done(f"it is {case.own.power} here")
    return _turn_off(case, "turn this copy off, as asked by name")


def as_replica(case: Case) -> Decision:
    """Turn the old primary into the replica of the side that runs. What it alone holds is overwritten by the copy."""
    own, proof = case.own, case.proof
    if case.here:
        return case.refuse(f"it shall run here; what becomes the replica is the copy on {case.partner_host}.")
    if own.mode in REPLICA_MODES and not own.failed_over:
        return case.done("it is a replica here")
    if own.mode != PRIMARY:
        return case.refuse(f"only an old primary becomes a replica this way. It is {own}.")
    if proof is None or not proof.side.failed_over:
        found = f"{proof.host} says {proof.side}" if proof else "nothing is known of it"
        return case.refuse(f"it has to be failed over to {case.want.runs_on} before, and {found}.")
    if own.power != OFF:
        return case.refuse(f"the old copy is {own.power}, and has to be Off. Fence it first (state: fenced).")
    entry = case.want.allowed_primary_server
    return case.act("become_replica", {"AllowedPrimaryServer": entry} if entry else {})


def _start_action_here(case: Case) -> Decision:
    """On the side that runs: the start action that stood at the old copy, where this one has none."""
    wanted = case.want.start_action
    if not wanted:
        return case.refuse(
            f"it shall run here; the copy to fence is the one on {case.partner_host}. Here only start_action is set."
        )
    if case.vm.start_action == NO_START != wanted:
        return _set_start_action(case, wanted, "let it start with its host where it runs from now on")
    return case.done(f"it starts with its host: {case.vm.start_action}")


def _turn_off(case: Case, why: str, if_late: str = "") -> Step:
    """Without its plug. Whether that discards a saved state is not documented: what is read back says it."""
    command = Command(ACTS["turn_off"].cmdlet, {**ACTS["turn_off"].parameters, "Confirm": False})
    late = if_late or HOST_FIRST
    statement = Statement((vm_by_id(case.vm.id),)) | command
    return case.step("turn_off", statement, why, if_late=late, advice=((0, late),))


def _set_start_action(case: Case, action: str, why: str) -> Step:
    command = Command("Set-VM", {"AutomaticStartAction": action, "Confirm": False})
    return Step("start_action", Statement((vm_by_id(case.vm.id),)) | command, why, case.vm.id)
