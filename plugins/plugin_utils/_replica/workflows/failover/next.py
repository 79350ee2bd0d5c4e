# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What comes next for one VM: `next_step(have, goal)`, pure, asked again after every read of both sides.

It never remembers a position: the pair of states is the position, so a run may be cut anywhere and repeated. Every
answer that acts is an act of base/acts.py on one side; what Windows would refuse is refused here with advice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ...base.states import (
    CHANGING_POWER,
    EXTENDED,
    FAILED_OVER_WAITING,
    OFF,
    PAUSED,
    PREPARED,
    PRIMARY,
    REPLICA_MODES,
    REPLICATING,
    RUNNING,
    SAVED,
    WAITING_FOR_COPY,
    Pair,
    Side,
)
from . import undo as failover_undo
from .step import (
    NEVER_COPIED,
    Goal,
    Next,
    NextAct,
    NextRefused,
    NextWait,
    Way,
    act_on,
    ask,
    by_hand,
    finish,
    held_by_another_copy,
    never_copied,
    start,
    test_first,
)

ABOUT_TESTS = ("test", "end_test")
"""Wishes that concern test VMs only: who else runs the VM is no matter."""


def next_step(have: Pair, goal: Goal) -> Next:
    """The next act towards the goal, or why there is none. `have` is what the hosts were read as just now."""
    if have.target is None:
        return NextRefused(
            "the host where the VM shall run could not be read; nothing is done without it",
            (by_hand("reach", "target"),),
        )
    if goal.wish in ABOUT_TESTS:
        return _WISHES[goal.wish](have, have.target, have.other, goal)
    if have.both_run:
        return _both_run(have, goal)
    step = _undo_the_lost(have, goal) or _WISHES[goal.wish](have, have.target, have.other, goal)
    held = held_by_another_copy(have, goal, step) if isinstance(step, NextAct) else None
    return held or step


def _both_run(have: Pair, goal: Goal) -> Next:
    """Nobody may touch any of the copies, but the one that was named to be lost."""
    beside = ", ".join(copy.host for copy in have.rest if copy.side is not None and copy.side.may_run)
    if beside:
        return NextRefused(
            f"the VM may be running on more than one host, {beside} among them: no copy is touched. Shut the one that"
            " is to be lost down on its host (Stop-VM), then run this again",
            told=True,
        )
    if goal.lose and goal.turn_off:
        return NextAct("turn_off", goal.lose, "turn off the copy that was named to be lost")
    if goal.lose:
        return NextRefused(
            "it runs on both hosts, and the copy to lose was named, but turning it off was not asked for by name",
            (ask(goal.wish, turn_off=True, lose=goal.lose),),
        )
    return NextRefused(
        "the VM may be running on both hosts: neither copy is touched. Decide which one to lose",
        tuple(_keep_one(have)),
    )


def _keep_one(have: Pair) -> Iterator[Way]:
    for keep, lose in (("target", "other"), ("other", "target")):
        side = have.side(keep)
        for wish in ("return_home",) if side is not None and side.failed_over else ("planned",):
            yield ask(wish, keep, lose="other", turn_off=True)
        yield by_hand("turn_off", lose)


def _undo_the_lost(have: Pair, goal: Goal) -> Next | None:
    """The copy that was named to be lost is off by now: where it is a failover that can be undone, it is."""
    side = have.side(goal.lose) if goal.lose and goal.turn_off else None
    kept = have.side("other" if goal.lose == "target" else "target")
    if side is None or kept is None or not kept.may_run or side.state != FAILED_OVER_WAITING:
        return None
    return act_on(have, "cancel_failover", goal.lose)


_TO_COPY = (by_hand("copy"), by_hand("repair"))

# -- planned ---------------------------------------------------------------------------------------------------------


def _planned(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    if target.mode == PRIMARY:
        return finish(have, target, other, goal)
    if target.mode not in REPLICA_MODES:
        return NextRefused(f"the target has no replica of this VM: {have}", (by_hand("protect", "target"),))
    if target.test_vm:
        return test_first()
    if other is None:
        return _planned_unseen(have, target, goal)
    if target.failed_over:
        return _planned_failed_over(have, target, other, goal)
    if target.changing:
        return NextWait(f"states are still changing: {have}")
    if target.mode == EXTENDED and other.mode in REPLICA_MODES:
        return NextRefused(
            "the target is its third site: fail over to the host in the middle first (reverse=false), protect it there"
            f" towards the third site (reprotect), then run this again: {have}"
        )
    if other.mode != PRIMARY:
        ways = (ask("unplanned", declared="unusable"), ask("planned", "other"), ask("return_home", "other"))
        return NextRefused(f"the other host is not the primary of this VM: {have}", ways)
    return _planned_before(have, target, other, goal)


def _planned_before(have: Pair, target: Side, other: Side, goal: Goal) -> Next:
    """The primary still holds the VM: stop, prepare, fail over."""
    if target.changing or other.changing:
        return NextWait(f"states are still changing: {have}")
    if other.state == PREPARED:
        return act_on(have, "fail_over", "target")
    if never_copied(target):
        return NextRefused(NEVER_COPIED, _TO_COPY)
    if other.state != REPLICATING or target.state != REPLICATING:
        where = "other" if other.state != REPLICATING else "target"
        return NextRefused(
            f"a planned failover needs both sides Replicating: {have}. Repair its replication first",
            (
                by_hand("repair", where),
                by_hand("resync"),
                by_hand("copy"),
                ask("unplanned", declared="unusable", turn_off=other.may_run),
            ),
        )
    if other.power == RUNNING:
        if not goal.shutdown:
            return NextRefused(
                "the VM runs and shutting its guest down was not allowed", (ask("planned", shutdown=True),)
            )
        return act_on(have, "stop_guest", "other")
    if other.power in (SAVED, PAUSED):
        hand = "discard_state" if other.power == SAVED else "stop_guest"
        return NextRefused(
            f"the VM is {other.power}, not Off: decide what becomes of its state, then run this again", (by_hand(hand),)
        )
    if other.power != OFF:
        return NextWait(f"the VM is {other.power}")
    return act_on(have, "prepare", "other")


def _planned_failed_over(have: Pair, target: Side, other: Side, goal: Goal) -> Next:
    """The replica is failed over and not reversed."""
    if other.mode in REPLICA_MODES and other.state == WAITING_FOR_COPY:
        return act_on(have, "reverse", "target") if goal.reverse else start(have, target, other, goal)
    if other.mode == PRIMARY and other.state == PREPARED:
        return act_on(have, "reverse", "target") if goal.reverse else start(have, target, other, goal)
    return NextRefused(
        f"the replica is failed over while its primary is not prepared ({have}): an unplanned failover, with loss. "
        "Cancel it, or keep it and bring the old primary back as the replica",
        (ask("return_home"), ask("cancel", accept_loss=True, start=True)),
    )


def _planned_unseen(have: Pair, target: Side, goal: Goal) -> Next:
    """The primary is out of reach of this run: only its declared preparation carries on (L8)."""
    if goal.declared != "prepared":
        return NextRefused(
            "the primary could not be read: a planned failover needs to see it PreparedForFailover",
            (by_hand("reach"), ask("planned", declared="prepared"), ask("unplanned", declared="dead")),
        )
    if target.failed_over:
        return start(have, target, None, goal)
    return act_on(have, "fail_over", "target")


# -- unplanned -------------------------------------------------------------------------------------------------------


def _unplanned(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    if target.mode == PRIMARY:
        return finish(have, target, other, goal)
    if target.mode not in REPLICA_MODES:
        return NextRefused(f"the target has no replica of this VM: {have}", (by_hand("protect", "target"),))
    if goal.declared not in ("dead", "unusable"):
        return NextRefused(
            "an unplanned failover loses data and needs its reason: primary_is_dead or primary_unusable",
            (ask("unplanned", declared="dead" if other is None else "unusable"),),
        )
    if goal.declared == "dead" and not target.failed_over and (other is not None or have.heard):
        found = f"its host answers ({other})" if other is not None else "its host shows that it lives"
        ways = (ask("planned"), ask("unplanned", declared="unusable", turn_off=True), by_hand("reach"))
        return NextRefused(f"the primary was declared dead, but {found}", ways)
    # Whether there is anything to fail over to is looked at before the old VM loses its plug.
    if target.test_vm:
        return test_first()
    if never_copied(target):
        return NextRefused(NEVER_COPIED, _TO_COPY)
    refused = _old_copy_off(have, other, goal) if goal.declared == "unusable" else None
    if refused:
        return refused
    if target.failed_over:
        return start(have, target, other, goal)
    return act_on(have, "fail_over", "target")


def _old_copy_off(have: Pair, other: Side | None, goal: Goal) -> Next | None:
    """`unusable` waives no reading: the old VM must be read Off, or be turned off by name."""
    if other is None:
        return NextRefused(
            "the primary was declared unusable, but its VM could not be read as Off. Power its host off first, then"
            " give primary_is_dead as the reason",
            (by_hand("reach"), by_hand("power_off"), ask("unplanned", declared="dead")),
        )
    if other.power == OFF:
        return None
    if other.power == SAVED:
        return NextRefused(
            "the old VM is Saved. Starting it would make a second live VM: give its state up by its own option"
            " (old_vm=discard_saved_state; Remove-VMSavedState on its host does the same)",
            (by_hand("discard_state"),),
        )
    if goal.turn_off or other.power in CHANGING_POWER:
        return act_on(have, "turn_off", "other")
    return NextRefused(
        f"the old VM is {other.power}: turn it off by its own option (old_vm=turn_off), or shut it down, then run this"
        " again",
        (by_hand("stop_guest"), ask("unplanned", turn_off=True)),
    )


_WISHES: Mapping[str, Callable[[Pair, Side, Side | None, Goal], Next]] = {
    "planned": _planned,
    "unplanned": _unplanned,
    "cancel": failover_undo.cancel,
    "commit": failover_undo.commit,
    "reverse": failover_undo.reverse,
    "return_home": failover_undo.return_home,
    "test": failover_undo.test,
    "end_test": failover_undo.end_test,
    "remove": failover_undo.remove,
}
