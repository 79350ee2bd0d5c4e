# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A primary (or a replica's extended leg) that exists: recovery, acts, settings, disks, copy and pause, in that order.

Sources: https://learn.microsoft.com/powershell/module/hyper-v/set-vmreplication, resume-vmreplication,
suspend-vmreplication, stop-vminitialreplication, reset-vmreplicationstatistics
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..base.names import is_full, same_host
from ..base.replication_states import PAUSABLE, RESUME, broken, left_alone, state_of
from ..base.states import COPYING, READY, REPLICATING, RESYNCHRONIZING, SUSPENDED, UPDATING_DISKS
from ..engine.plan import Decision, Wait
from ..facts import disks
from . import settings as relation_settings
from .case import Case, Goal, connection_test, goal_of
from .enable import ENABLE, TEST, enable_problem, first_settings, lost_by_moving
from .have import Relation
from .initial_copy import cancellable, next_of_copy, remarks
from .leave import cancel_resynchronization, not_done, under_other_name, unprotected
from .settings import PORT_OF_TYPE
from .want import CANCEL_COPY, CANCEL_RESYNC, RESET_STATISTICS, RESYNCHRONIZE_NOW

LEAVE = "end_old_replication"
SETTINGS = "settings"
DISKS = "disks"
SUSPEND = "suspend"
UNSUSPEND = "unsuspend"
RECOVER = "recover"
PAUSE_FIRST = "pause_before_resynchronize"

Asked = Callable[[Case, Goal, Relation], "Decision | None"]


def change(case: Case, relation: Relation) -> Decision:
    """The next thing for a relation that sends from this host."""
    goal = goal_of(case)
    if goal.problem:
        return case.refuse(goal.problem)
    for ask in (_other_hand, _act, _recover, _untouched, _server, _settings, _disks, _copy, _pause, _statistics):
        decision = ask(case, goal, relation)
        if decision is not None:
            return decision
    return case.done("as wanted", *warnings(case, goal, relation))


def warnings(case: Case, goal: Goal, relation: Relation) -> tuple[str, ...]:
    """What is as wanted and still needs the operator's eye."""
    texts = list(remarks(case, relation))
    if relation.health in ("Warning", "Critical") and not case.sent:
        texts.append(f"its replication health is {relation.health} (state {relation.state}).")
    if not case.extended and relation.disks:
        for disk in disks.unprotected(goal.disks, case.vm.disks, relation.disks):
            texts.append(
                f"the disk {disk} is attached and not replicated: it will be missing after a failover. Replicate it"
                " (disks), or name it in excluded_disks."
            )
    if goal.server and not is_full(goal.server):
        texts.append(f"replica_server {goal.server} is a short name; partners are known by full names.")
    if ENABLE in case.sent:
        texts.extend(_key_protected(case, goal))
    if case.want.suspended is False and case.partner and case.partner.paused:
        texts.append(f"it is paused on the other side: run this on {case.partner.host} with side: replica.")
    return tuple(texts)


def _key_protected(case: Case, goal: Goal) -> list[str]:
    if case.vm.tpm is False and not case.vm.shielded:
        return []
    what = "is shielded" if case.vm.shielded else "has a virtual TPM" if case.vm.tpm else "may have a virtual TPM"
    return [f"it {what}: it starts on {goal.server} only if that host may use its key. Prove it with a test failover."]


def _other_hand(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    """A failover, or a test of one, that is under way on either side."""
    busy = case.partner.busy if case.partner else ""
    if not busy and relation.test_vm:
        busy = "a test failover of it runs"
    return case.done("left alone", f"left alone, because {busy}. Finish it or clean it up first.") if busy else None


def _act(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    acts = case.want.acts - case.sent
    if CANCEL_COPY in acts and cancellable(relation):
        why = "cancelling its initial copy was asked for"
        return case.step(CANCEL_COPY, "Stop-VMInitialReplication", {}, why, act=True)
    if CANCEL_RESYNC in case.want.acts:
        return cancel_resynchronization(case, relation)
    if RESYNCHRONIZE_NOW in acts:
        return _resynchronize(case, goal, relation)
    return None


def _resynchronize(case: Case, goal: Goal, relation: Relation) -> Decision:
    """A healthy relation is paused first: Resume -Resynchronize is refused while it replicates."""
    why, lost = "resynchronizing now was asked for", _lost_points(case, relation)
    if state_of(relation.state).recover:
        resume = case.step(
            RESYNCHRONIZE_NOW, "Resume-VMReplication", {"Resynchronize": True}, why, act=True, loses=lost
        )
        return _connection(case, goal, relation) or resume
    if relation.state == REPLICATING:
        pause = case.step(PAUSE_FIRST, "Suspend-VMReplication", {}, "a resynchronization starts from a pause")
        return _connection(case, goal, relation) or pause
    return case.refuse(
        f"acts: {RESYNCHRONIZE_NOW} is not possible in the state {relation.state}. It needs a finished initial copy and"
        " no failover under way."
    )


def _lost_points(case: Case, relation: Relation) -> str:
    """What a resynchronization deletes, as exactly as it is known."""
    points = case.partner.points if case.partner else None
    text = f"{case.where}: resynchronizing deletes its recovery points on {relation.replica_server}"
    if points is not None:
        return f"{text}: {', '.join(points) or 'there is none'}"
    return f"{text} (up to {relation.settings.get('recovery_history')} beside the latest)"


def _recover(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    """The word of `recover`, after the settings that it needs; refused where it is not the one that leads out."""
    word, state = case.want.recover, broken(relation.state)
    if word is None or state is None or (relation.state == SUSPENDED and case.want.suspended is True):
        return None
    if word not in state.recover:
        return case.refuse(f"recover: {word} was asked for, and {state.what} ({relation.state}). {state.repair}")
    why = f"recover: {word} was asked for: {state.what}"
    if word == RESUME:
        return _connection(case, goal, relation) or case.step(RECOVER, "Resume-VMReplication", {}, why)
    lost = _lost_points(case, relation)
    resume = case.step(RECOVER, "Resume-VMReplication", {"Resynchronize": True}, why, loses=lost)
    return _connection(case, goal, relation) or resume


def _connection(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    """What a resume needs to reach the partner: with the old values it must fail, so those that differ go first."""
    other = moved_to(case, goal, relation)
    if other and not under_other_name(case, goal):
        return _server(case, goal, relation)
    dials = {option: value for option, value in goal.settings.items() if relation_settings.any_dials([option])}
    return _settings(case, replace(goal, settings=dials), relation, goal.server if other else None)


def _untouched(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    """States that belong to somebody's decision. The two wishes about a pause still hold where Windows allows them, and
    so does a move, which ends the old relation whatever has become of it."""
    if relation.state == UPDATING_DISKS:
        return Wait("a change of its disks")
    state = left_alone(relation.state)
    if state is None:
        return None
    if relation.state == RESYNCHRONIZING and case.want.wait and case.want.suspended is not True:
        return Wait("its resynchronization")
    if relation.state == RESYNCHRONIZING and case.sent & {RECOVER, RESYNCHRONIZE_NOW}:
        return case.done("resynchronization under way")
    if case.want.suspended is not None:
        decision = _pause(case, goal, relation)
        if decision is not None:
            return decision
    if case.want.move and state.removable and moved_to(case, goal, relation):
        return _server(case, goal, relation)
    health = f" Health: {relation.health}." if relation.health in ("Warning", "Critical") else ""
    told = f"left alone in the state {relation.state}: {state.what}. {state.repair}"
    return case.done("left alone", f"{told}{not_done(case, goal, relation)}{health}")


def _server(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    """Another replica server than the stored one: the old protection goes only after the new one was tested."""
    if not moved_to(case, goal, relation) or goal.server is None:
        return None
    found = f"it is replicated to {relation.replica_server}, and {goal.server} was asked for."
    if not case.want.move:
        return case.refuse(
            f"{found} If it shall move, say other_server: move: the old replication ends and everything is copied anew."
        )
    if case.extended:
        return case.refuse(f"{found} End the extended replication first (state: absent, relationship: extended).")
    lost = lost_by_moving(case, goal)
    if lost:
        return case.refuse(f"{found} Moving would lose what was left out: name {', '.join(lost)}, or what shall hold.")
    if not case.want.partner_read or case.want.partner_server is None:
        return case.refuse(
            f"{found} The old protection ends only when nothing speaks against the new one: give what {goal.server}"
            " says of itself and of its VMs (partner_server and partner), as the role vm_replication does."
        )
    problem = enable_problem(case, goal)
    if problem:
        return case.refuse(f"{found} {problem}")
    if TEST not in case.sent:
        return connection_test(case, goal.server, first_settings(case, goal))
    why = f"it moves from {relation.replica_server} to {goal.server}, which answered; the old copy stays there"
    return case.step(LEAVE, "Remove-VMReplication", {}, why, exposes=unprotected(case, goal, relation))


def moved_to(case: Case, goal: Goal, relation: Relation) -> bool:
    """True when another server is asked for than the stored one."""
    return goal.server is not None and not same_host(goal.server, relation.replica_server)


def _settings(case: Case, goal: Goal, relation: Relation, server: str | None = None) -> Decision | None:
    """Settings that differ; `server` is another name of the replica server, where that is to be stored too."""
    stored = relation.settings
    changes = relation_settings.differences(stored, goal.settings)
    result = {**stored, **changes}
    problem = _settings_problem(stored, goal.settings, changes, result)
    if problem:
        return case.refuse(problem)
    if not changes and server is None:
        return None
    if result.get("authentication") == "kerberos":
        result.pop("certificate_thumbprint", None)
    if (server or relation_settings.any_dials(changes)) and TEST not in case.sent:
        return connection_test(case, server or relation.replica_server, result)
    if "authentication" in changes and result.get("certificate_thumbprint"):
        changes["certificate_thumbprint"] = result["certificate_thumbprint"]
    told = [f"replica_server is {relation.replica_server}, not {server}"] if server else []
    told += [f"{option} is {stored.get(option)}, not {value}" for option, value in changes.items()]
    parameters = {"ReplicaServerName": server} if server else {}
    return case.step(SETTINGS, "Set-VMReplication", parameters | relation_settings.to_set(changes), ", ".join(told))


def _settings_problem(stored: Any, asked: Any, changes: dict[str, Any], result: dict[str, Any]) -> str:
    """Why these changes cannot be made without changing what was left out."""
    hours, history = result.get("app_consistent_hours"), result.get("recovery_history")
    if hours and history == 0:
        if "recovery_history" in changes:
            return (
                f"recovery_history: 0 would also end the application-consistent points of every {hours} hours."
                " Say app_consistent_hours: 0 too, or keep recovery points."
            )
        if "app_consistent_hours" in changes:
            return "app_consistent_hours needs recovery points, and it has none. Give recovery_history of 1 to 24 too."
    if asked.get("certificate_thumbprint") and result.get("authentication") == "kerberos":
        return (
            "certificate_thumbprint: its replication uses Kerberos. Say authentication: certificate, or leave it out."
        )
    old = str(stored.get("authentication"))
    if (
        "authentication" in changes
        and "replica_port" not in asked
        and stored.get("replica_port") == PORT_OF_TYPE.get(old)
    ):
        return (
            f"authentication changes from {old} to {result['authentication']}, and port {stored.get('replica_port')} is"
            f" that of {old}. Give replica_port too (usually {PORT_OF_TYPE[str(result['authentication'])]})."
        )
    return ""


def _disks(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    if not goal.disks.said:
        return None
    choice = disks.choose(goal.disks, case.vm.disks, relation.disks, lenient=bool(case.want.between))
    if choice.problem:
        return case.refuse(f"disks: the VM {choice.problem}. Correct disks or excluded_disks.")
    if disks.equal(choice.replicate, relation.disks):
        return None
    if relation.state == COPYING:
        return Wait("the initial copy, after which its disks are changed,") if case.want.wait else None
    why = f"replicated are {disks.listed(relation.disks)}; wanted are {disks.listed(choice.replicate)}"
    paths = [disk.path for disk in choice.replicate]
    return case.step(DISKS, "Set-VMReplication", {"ReplicatedDiskPaths": paths}, why)


def _copy(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    return next_of_copy(case, relation)


def _pause(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    """The pause of the side that this relation is."""
    if case.want.suspended is True and relation.state in PAUSABLE:
        return case.step(SUSPEND, "Suspend-VMReplication", {}, "it is not paused, and suspended: true was asked for")
    if case.want.suspended is False and relation.state == SUSPENDED:
        return case.step(UNSUSPEND, "Resume-VMReplication", {}, "it is paused, and suspended: false was asked for")
    if case.want.suspended is True and relation.state == READY:
        return case.refuse("suspended: true is not possible before the initial copy has started. Start it first.")
    return None


def _statistics(case: Case, goal: Goal, relation: Relation) -> Decision | None:
    return reset_statistics(case)


def reset_statistics(case: Case) -> Decision | None:
    """The act, once a run."""
    if RESET_STATISTICS not in case.want.acts - case.sent:
        return None
    why = "resetting the statistics was asked for"
    return case.step(RESET_STATISTICS, "Reset-VMReplicationStatistics", {}, why, act=True)
