# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The replica's side of a VM, the removal of either side, and the test of a connection.

Sources: https://learn.microsoft.com/powershell/module/hyper-v/import-vminitialreplication, remove-vmreplication
"""

from __future__ import annotations

from typing import Any

from ..base.names import same_host
from ..base.replication_states import PAUSABLE, RESUME, broken, left_alone
from ..base.states import (
    EXTENDED,
    FAILED_OVER,
    NO_START,
    NONE,
    PRIMARY,
    REPLICA,
    REPLICA_MODES,
    SUSPENDED,
    WAITING_FOR_COPY,
)
from ..engine.plan import Decision
from . import settings as relation_settings
from .case import Case, Goal, connection_test, goal_of
from .change import RECOVER, SUSPEND, UNSUSPEND, reset_statistics
from .enable import TEST, mark
from .have import Relation
from .settings import PORT_OF_TYPE
from .want import EXISTING, MEDIA, RESET_STATISTICS

IMPORT = "import_initial_copy"
REMOVE = "remove"


def here_is_replica(case: Case, relation: Relation) -> Decision:
    """A task for the primary that meets the replica: the right host is named, unless nothing would change (L10)."""
    primary = relation.primary_server or "its primary's host"
    if case.want.between:
        return case.done(f"left alone: {primary} is the primary now")
    if not case.want.names_partner and case.want.acts == {RESET_STATISTICS} and case.want.suspended is None:
        return reset_statistics(case) or case.done("statistics were reset")
    goal = goal_of(case)
    of_both = {name: v for name, v in goal.settings.items() if not relation_settings.BY_OPTION[name].of_one_host}
    changes = relation_settings.differences(relation.settings, of_both)
    turned = goal.server is not None and (
        same_host(goal.server, primary) or same_host(goal.server, relation.allowed_primary_server)
    )
    recover = case.want.recover is not None and broken(relation.state) is not None
    asked = bool(case.want.acts or recover or case.want.suspended)
    if turned and not changes and not asked:
        return case.done(f"the same replication, which now runs from {primary} to here")
    what = ", ".join(f"{option}: {value}" for option, value in changes.items()) if turned else ""
    own = case.want.suspended is not None or case.want.recover == RESUME
    pause = " For the pause or the error of this side say side: replica." if own else ""
    return case.refuse(
        f"this host holds the replica ({relation.mode}/{relation.state}); the primary is {primary}."
        + (f" What shall change ({what}) is changed there." if what else " Run the task there.")
        + f"{pause} With between both hosts can be given the same task."
    )


def replica_side(case: Case) -> Decision:
    """`side: replica`: an existing copy is marked, exported media are imported, this side's pause is set."""
    relation = case.relation
    if relation is None:
        if case.want.copy == EXISTING:
            return mark(case)
        return case.refuse("there is no replica of it here. Protect it from its primary's host first.")
    if relation.mode not in REPLICA_MODES:
        return case.refuse(
            f"side: replica was asked for, and this host is its primary ({relation.mode}/{relation.state}). Run the"
            f" task on {relation.replica_server or 'the other host'}."
        )
    if case.want.copy == MEDIA and relation.state == WAITING_FOR_COPY:
        why = f"its initial copy is imported from {case.want.copy_path}"
        return case.step(IMPORT, "Import-VMInitialReplication", {"Path": case.want.copy_path}, why, waits=True)
    return (
        _recover_replica(case, relation)
        or _pause_of_replica(case, relation)
        or reset_statistics(case)
        or case.done("as wanted", *_replica_warnings(case))
    )


def _recover_replica(case: Case, relation: Relation) -> Decision | None:
    """This side's own error or pause; a resynchronization is the primary's."""
    state = broken(relation.state)
    if case.want.recover is None or state is None or (relation.state == SUSPENDED and case.want.suspended is True):
        return None
    if RESUME not in state.recover:
        return case.refuse(f"recover: {RESUME} was asked for, and {state.what} ({relation.state}). {state.repair}")
    return case.step(RECOVER, "Resume-VMReplication", {}, f"recover: {RESUME} was asked for: {state.what}")


def _pause_of_replica(case: Case, relation: Relation) -> Decision | None:
    state = left_alone(relation.state)
    if state is not None and relation.state not in PAUSABLE:
        return case.done("left alone", f"left alone in the state {relation.state}: {state.what}. {state.repair}")
    if case.want.suspended is True and relation.state in PAUSABLE:
        why = "this side is not paused, and suspended: true was asked for"
        return case.step(SUSPEND, "Suspend-VMReplication", {}, why)
    if case.want.suspended is False and relation.state == SUSPENDED:
        why = "this side is paused, and suspended: false was asked for"
        return case.step(UNSUSPEND, "Resume-VMReplication", {}, why)
    return None


def _replica_warnings(case: Case) -> tuple[str, ...]:
    relation = case.relation
    if relation is None or case.sent or relation.health not in ("Warning", "Critical"):
        return ()
    return (f"its replication health is {relation.health} (state {relation.state}).",)


def absent(case: Case) -> Decision:
    """The end of this side's replication. A failover under way, here or as the partner was read, is in its way."""
    relation = case.relation
    if relation is None:
        return case.done("not replicated", *_after_removal(case))
    problem = _not_removable(case, relation)
    if problem:
        return case.refuse(f"it is {relation.mode}/{relation.state}, and its replication is not ended: {problem}")
    return case.step(REMOVE, "Remove-VMReplication", {}, "its replication shall end on this side")


def _after_removal(case: Case) -> tuple[str, ...]:
    """What the operator has to know of a copy that anybody may start now; not of the live one, nor of one that is kept.

    The other side is what the task brought as partner: a replica there that is not failed over makes this the live one.
    """
    if REMOVE not in case.sent or case.extended or case.vm.power != "Off" or case.vm.start_action == NO_START:
        return ()
    other = case.partner
    if other is not None and other.mode in REPLICA_MODES and not other.busy:
        return ()
    ended = "on both sides" if other is not None and other.mode == NONE else "on this side"
    return (
        f"its replication has ended {ended}, and nothing keeps this copy from being started any more. If the VM runs on"
        " the other host, set AutomaticStartAction of this one to Nothing.",
    )


def _not_removable(case: Case, relation: Relation) -> str:
    side = {PRIMARY: "primary", REPLICA: "replica", EXTENDED: "replica"}.get(relation.mode)
    if case.want.side and case.want.side != side and not case.extended:
        return f"side: {case.want.side} was asked for, and this host is the {side}. Run the task on the other host."
    if relation.test_vm:
        return "a test failover of it runs. Clean that up first."
    if case.partner and case.partner.busy:
        return f"{case.partner.busy}. Finish or clean that up first."
    if not case.extended and "Extended" in case.vm.relations:
        return "it is extended to a third host. End that first with relationship: extended."
    if case.want.side == side == "replica" and relation.state == FAILED_OVER:
        return ""  # committed, and the side was named: what is protected anew begins with this
    state = left_alone(relation.state)
    return f"{state.what}. {state.repair}" if state is not None and not state.removable else ""


def tested(case: Case, goal: Goal) -> dict[str, Any]:
    """The connection that `connection_tested` tries: the options, else what a primary has stored."""
    stored = case.relation if case.relation and case.relation.mode == PRIMARY else None
    settings = {**(stored.settings if stored else {}), **goal.settings}
    if settings.get("authentication") == "kerberos":
        settings.pop("certificate_thumbprint", None)
    server, said = goal.server or (stored.replica_server if stored else None), case.want.partner_server
    if settings.get("authentication") is None and said is not None:
        settings["authentication"] = said.only_type
    type_ = str(settings.get("authentication"))
    if settings.get("replica_port") is None:
        settings["replica_port"] = (said.port(type_, str(server)) if said else None) or PORT_OF_TYPE.get(type_)
    return {**settings, "replica_server": server}


def connection_tested(case: Case) -> Decision:
    """One test, once. Its failure is the failure of the VM, or of the host where no VM is asked about."""
    goal = goal_of(case)
    if goal.problem:
        return case.refuse(goal.problem)
    tried = tested(case, goal)
    if tried["replica_server"] is None or tried.get("authentication") is None:
        return case.refuse("there is nothing to test. Give replica_server and authentication.")
    if TEST in case.sent:
        return case.done(f"a listener answers at {tried['replica_server']}")
    return connection_test(case, tried["replica_server"], tried)
