# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The initial copy of a relation that is enabled: how it starts, when not, and how a wait for it reads.

Sources: https://learn.microsoft.com/powershell/module/hyper-v/start-vminitialreplication, stop-vminitialreplication
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ..base.states import COPYING, ERROR, READY, SUSPENDED
from ..base.units import size
from ..base.values import time_utc
from ..engine.plan import Decision, Wait
from .case import Case
from .have import Relation
from .want import CANCEL_COPY, EXISTING, MEDIA, NETWORK, NO_COPY

START = "start_initial_copy"
UNSCHEDULE = "unschedule_initial_copy"
_AHEAD = timedelta(days=7)


def method_of(case: Case) -> str | None:
    """How the copy is to be made; None when the task is not about it."""
    if CANCEL_COPY in case.want.acts:
        return NO_COPY
    return case.want.copy or (NETWORK if case.want.names_partner else None)


def schedule_problem(case: Case) -> str:
    """Why the wanted start cannot be used; "" when it can, or when none is wanted. Measured on the host's clock."""
    start, now = time_utc(case.want.copy_start), case.have.now
    if start is None:
        return ""
    if now is None:
        return "initial_copy_start: the host's clock could not be read. Give no start, or admit Get-Date."
    if start <= now:
        return f"initial_copy_start: {case.want.copy_start} is in the past. Give a later time, or leave it out."
    if start > now + _AHEAD:
        return f"initial_copy_start: {case.want.copy_start} is more than 7 days ahead. Give an earlier time."
    return ""


def next_of_copy(case: Case, relation: Relation) -> Decision | None:
    """The next thing about the copy; None when nothing is left of it for this task."""
    if relation.state == READY:
        return _when_ready(case, relation)
    if relation.state == COPYING and case.want.wait and method_of(case) != MEDIA:
        return Wait(progress(relation))
    return None


def _when_ready(case: Case, relation: Relation) -> Decision | None:
    method = method_of(case)
    if method in (None, NO_COPY):
        return None
    if relation.copy_start is not None and case.want.copy_start in (None, relation.copy_start):
        return None
    problem = schedule_problem(case)
    if problem:
        return case.refuse(problem)
    if relation.copy_start is not None:
        why = f"its initial copy is scheduled for {relation.copy_start}"
        return case.step(UNSCHEDULE, "Stop-VMInitialReplication", {}, why)
    parameters, why = _parameters(case, method)
    return case.step(START, "Start-VMInitialReplication", parameters, why, waits=method == MEDIA)


def _parameters(case: Case, method: str | None) -> tuple[dict[str, Any], str]:
    if method == MEDIA:
        return {"DestinationPath": case.want.copy_path}, f"its initial copy is exported to {case.want.copy_path}"
    if method == EXISTING:
        return {"UseBackup": True}, "its initial copy starts from the copy that the replica has"
    if case.want.copy_start:
        start = case.want.copy_start
        return {"InitialReplicationStartTime": start}, f"its initial copy over the network starts at {start}"
    return {}, "its initial copy over the network has not started"


def progress(relation: Relation) -> str:
    """What is left of a copy that runs."""
    if relation.pending_bytes is None:
        return "an initial copy under way"
    return f"an initial copy with {size(relation.pending_bytes)} to go"


def cancellable(relation: Relation) -> bool:
    """True while a copy runs, is paused or broken before its end, or is scheduled."""
    if relation.copy_start is not None or relation.state == COPYING:
        return True
    return relation.state in (SUSPENDED, ERROR) and relation.last_replication_time is None


def remarks(case: Case, relation: Relation) -> tuple[str, ...]:
    """What the operator has to know of a copy that is not there yet."""
    if relation.state == READY and relation.copy_start is not None:
        return ()
    if relation.state == READY:
        return ("its initial copy has not started; until it has ended the VM is not protected.",)
    if method_of(case) == MEDIA and relation.last_replication_time is None:
        folder = f"{case.vm.name}_{case.vm.id.upper()}"
        return (
            f"carry the folder {folder} from {case.want.copy_path} to {relation.replica_server} and import it there"
            " with side: replica, initial_copy: external_media.",
        )
    return ()
