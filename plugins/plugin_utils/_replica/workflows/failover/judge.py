# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a reading means for a VM of a run after its last call: through, gone on, to be tried again, or out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...base.states import ABSENT, RUNNING
from .due import wants_back
from .look import Run
from .memory import DONE, LEFT, OPEN, Entry, changed_by_others
from .plan import STAGES
from .sides import Seen

MOST_TRIES = 2


def judged(run: Run, entry: Entry) -> Entry:
    """Through, gone on, or out of the run: what the reading says after the last call."""
    if entry.status == LEFT:
        lost = 0 < entry.tries < MOST_TRIES
        return replace(entry, given_up=entry.given_up or bool(entry.failed and not lost))
    plan, seen = run.plans[entry.id], run.seen[entry.id]
    if run.raw.get("stopped") and ends(run.raw, entry) and plan.acts:
        return entry.left(str(run.raw["stopped"]))
    if moving(run, entry) and entry.tries < MOST_TRIES:
        return replace(entry, tries=entry.tries + 1, status=OPEN)
    strange = changed_by_others(entry, seen)
    if strange and not (plan.outcome == "done" and not plan.acts):
        return entry.left(strange)
    if plan.outcome == "refused":
        unread = None in (seen.pair.target, seen.pair.other) and (entry.changed or entry.tries)
        if unread and entry.tries < MOST_TRIES:
            return replace(entry, tries=entry.tries + 1)
        return entry.left(_both(entry.failed, plan.message))
    if not plan.acts and plan.outcome == "done":
        if _unanswered(run, seen) and not (entry.failed or entry.unready):
            return replace(entry, status=OPEN)
        told = entry.failed if entry.tries == 0 else ""  # a lost answer is no failure of what is done
        return replace(entry, status=DONE, unready=told or entry.unready, reason=plan.message, failed="")
    if entry.failed and (entry.tries == 0 or entry.tries >= MOST_TRIES):
        return entry.left(entry.failed) if _same_stage(run, entry) else replace(entry, failed="")
    return replace(entry, status=OPEN)


def moving(run: Run, entry: Entry) -> bool:
    """True for a VM of a cluster that was on a node of it a moment ago, and is on none: it may be between two."""
    seen = run.seen[entry.id]
    for where, shapes in entry.expected.items():
        side = seen.pair.side(where)
        gone = side is not None and side.mode == ABSENT and shapes and shapes[0][0] != ABSENT
        if gone and run.sight.is_cluster(where, seen.partner, entry.cell):
            return True
    return False


def _unanswered(run: Run, seen: Seen) -> bool:
    """True when a guest that others wait for does not answer yet. A VM without a heartbeat says so, or nothing."""
    record, wanted = seen.record, len(run.raw["groups"]) > 1 and run.wish.goal.start
    if not wanted or record is None or record["power"] != RUNNING:
        return False
    heartbeat = record.get("heartbeat")
    return heartbeat is not None and heartbeat != "Disabled" and not str(heartbeat).startswith("Ok")


def _both(failed: str, message: str) -> str:
    return f"{failed} Now: {message}" if failed else message


def _same_stage(run: Run, entry: Entry) -> bool:
    """True when what failed is what would come next again; else another hand, or a late effect, has done it."""
    acts = run.plans[entry.id].acts
    return not acts or STAGES[acts[0].act] == entry.stage


def to_be_tried(run: Run, entry: Entry) -> bool:
    """A lost answer gets another look: on the way forward, and on the way back as long as a side is not read.

    Where both were read, what is left of the way back is among the calls.
    """
    if entry.idle == 0 or entry.idle > MOST_TRIES:
        return False
    if entry.status == LEFT:
        pair = run.seen[entry.id].pair
        unread = pair.target is None or pair.other is None
        return unread and 0 < entry.tries < MOST_TRIES and not entry.given_up and wants_back(run, entry)
    return entry.status == OPEN and bool(entry.tries)


def ends(raw: Mapping[str, Any], entry: Entry) -> bool:
    """True for a VM that goes no further when the run is stopped; for those under way that is decided later."""
    open_ = entry.status == OPEN and entry.id not in raw["flying"]
    return open_ and (raw["wish"]["wish"] == "planned" or not entry.changed)
