# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is given up, and what is said of it: a resynchronization that is cancelled, a relation left alone, or left.

Source: https://learn.microsoft.com/powershell/module/hyper-v/stop-vmreplication
"""

from __future__ import annotations

from ..base.names import is_one_of, same_host
from ..base.replication_states import RESUME, broken
from ..base.states import REPLICA_MODES, RESYNCHRONIZING, WANTS_RESYNC
from ..engine.plan import Decision
from ..facts import disks
from . import settings as relation_settings
from .case import Case, Goal
from .have import Relation
from .want import CANCEL_RESYNC


def cancel_resynchronization(case: Case, relation: Relation) -> Decision:
    """Stop-VMReplication, which cancels a resynchronization that runs and never stops replication.

    It is refused by Windows in all other states; where one waits to be started the goal is reached already.
    """
    if relation.state == RESYNCHRONIZING:
        why = "cancelling its resynchronization was asked for"
        return case.step(CANCEL_RESYNC, "Stop-VMReplication", {}, why)
    if relation.state != WANTS_RESYNC:
        return case.refuse(
            f"acts: {CANCEL_RESYNC} was asked for, and no resynchronization runs: its state is {relation.state}."
            " Leave the act out."
        )
    again = (
        f" auto_resynchronize starts it again from {relation.settings.get('auto_resynchronize_from')} on."
        if relation.settings.get("auto_resynchronize")
        else ""
    )
    return case.done(
        "its resynchronization does not run",
        "it needs a resynchronization, and nothing is replicated until then. Run again with recover: resynchronize when"
        f" it may run.{again}",
    )


def not_done(case: Case, goal: Goal, relation: Relation) -> str:
    """What was asked for and differs, of a relation that is left alone; " " before it, "" when nothing does."""
    changes = relation_settings.differences(relation.settings, goal.settings)
    told = [f"{option} is {relation.settings.get(option)}, not {value}" for option, value in changes.items()]
    if goal.server is not None and not same_host(goal.server, relation.replica_server):
        told.insert(0, f"replica_server is {relation.replica_server}, not {goal.server}")
    if goal.disks.said and relation.disks:
        choice = disks.choose(goal.disks, case.vm.disks, relation.disks, lenient=bool(case.want.between))
        if not choice.problem and not disks.equal(choice.replicate, relation.disks):
            told.append(f"disks are {disks.listed(relation.disks)}, not {disks.listed(choice.replicate)}")
    if not told:
        return ""
    state = broken(relation.state)
    first = relation_settings.any_dials(changes) and state is not None and RESUME in state.recover
    how = " recover: resume sends what the connection needs first." if first else ""
    return f" Asked for and not done: {'; '.join(told)}.{how}"


def under_other_name(case: Case, goal: Goal) -> bool:
    """True when the server asked for was read to hold the replica of this very VM: the same one by another name.

    Set-VMReplication -ReplicaServerName then points to it anew, and nothing is copied:
    https://learn.microsoft.com/powershell/module/hyper-v/set-vmreplication (example 5).
    """
    view = case.partner
    if view is None or view.mode not in REPLICA_MODES or not is_one_of(view.primary_server, case.have.host_names):
        return False
    return goal.server is not None and view.is_of((goal.server,))


def unprotected(case: Case, goal: Goal, relation: Relation) -> str:
    """What stands open between the end of the old replication and the beginning of the new one."""
    return (
        f"UNPROTECTED: {case.where}: its replication to {relation.replica_server} has ended, and that to {goal.server}"
        f" was not seen yet. Left: the old replica on {relation.replica_server} with its files, perhaps a new one on"
        f" {goal.server}. Remove the cause, then run the same task again: it protects the VM."
    )
