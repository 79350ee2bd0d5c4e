# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What comes next for one VM: `next_step(have, goal)`, pure, asked again after every read of both sides.

It never remembers a position: the pair of states is the position, so a run may be cut anywhere and repeated. Every
answer that acts is an act of failover_acts.py on one side; what Windows would refuse is refused here with advice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .failover_states import (
    ABSENT,
    CHANGING_POWER,
    CHANGING_STATES,
    EXTENDED,
    FAILED_OVER_WAITING,
    NONE,
    OFF,
    PAUSED,
    PREPARED,
    PRIMARY,
    READY,
    REPLICA_MODES,
    REPLICATING,
    RUNNING,
    SAVED,
    WAITING_FOR_COPY,
    Pair,
    Side,
    remedy,
)
from .failover_step import UNPROTECTED, Goal, Next, NextDone, NextRefused, NextWait, act_on, start


def next_step(have: Pair, goal: Goal) -> Next:
    """The next act towards the goal, or why there is none. `have` is what both hosts were read as just now."""
    if have.target is None:
        return NextRefused("the host where the VM shall run could not be read; nothing is done without it")
    if have.both_run and goal.wish not in ("test", "end_test"):
        return NextRefused(
            "the VM may be running on both hosts: neither copy is touched. "
            "Decide which one to lose and say so with discard"
        )
    return _WISHES[goal.wish](have, have.target, have.other, goal)


# -- planned ---------------------------------------------------------------------------------------------------------


def _planned(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    if target.mode == PRIMARY:
        return _finish(have, target, other, goal)
    if target.mode not in REPLICA_MODES:
        return NextRefused(f"the target has no replica of this VM: {have}")
    if target.test_vm:
        return NextRefused("a test VM of it is there: end the test first (cleanup_test_failover)")
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
        return NextRefused(f"the other host is not the primary of this VM: {have}")
    return _planned_before(have, target, other, goal)


def _planned_before(have: Pair, target: Side, other: Side, goal: Goal) -> Next:
    """The primary still holds the VM: stop, prepare, fail over."""
    if target.changing or other.changing:
        return NextWait(f"states are still changing: {have}")
    if other.state == PREPARED:
        return act_on(have, "fail_over", "target")
    if other.state != REPLICATING or target.state != REPLICATING:
        return NextRefused(f"a planned failover needs both sides Replicating: {have}")
    if other.power == RUNNING:
        if not goal.shutdown:
            return NextRefused("the VM runs and shutting its guest down was not allowed")
        return act_on(have, "stop_guest", "other")
    if other.power in (SAVED, PAUSED):
        return NextRefused(f"the VM is {other.power}, not Off: decide what becomes of its state, then run this again")
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
        "Cancel it (cancel_failover), or keep it (reverse_replication brings the old primary back as the replica)"
    )


def _planned_unseen(have: Pair, target: Side, goal: Goal) -> Next:
    """The primary is out of reach of this run: only its declared preparation carries on (L8)."""
    if goal.declared != "prepared":
        return NextRefused("the primary could not be read: a planned failover needs to see it PreparedForFailover")
    if target.failed_over:
        return start(have, target, None, goal)
    return act_on(have, "fail_over", "target")


def _finish(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """The target is the primary: bring up replication, then the VM."""
    if target.state == PREPARED:
        return NextRefused(
            "the target itself is prepared for a failover away from it: cancel that first (cancel_failover)"
        )
    if target.changing:
        return NextWait(f"states are still changing: {have}")
    if goal.start and target.power != RUNNING:
        started = start(have, target, other, goal)
        if not isinstance(started, NextDone):
            return started
    if target.state == READY and other and other.mode in REPLICA_MODES and other.state == WAITING_FOR_COPY:
        return act_on(have, "start_copy", "target")
    if target.state == REPLICATING:
        if other is not None and not (other.mode in REPLICA_MODES and other.state == REPLICATING):
            return NextDone("the VM is where it shall be", (f"its other side is {other}",))
        return NextDone("the VM is where it shall be, and replicates")
    return NextDone("the VM is where it shall be", (f"its replication is {target.state}{remedy(target.state)}",))


# -- unplanned -------------------------------------------------------------------------------------------------------


def _unplanned(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    if target.mode == PRIMARY:
        return _finish(have, target, other, goal)
    if target.mode not in REPLICA_MODES:
        return NextRefused(f"the target has no replica of this VM: {have}")
    if goal.declared not in ("dead", "unusable"):
        return NextRefused("an unplanned failover loses data and needs its reason: primary_is_dead or primary_unusable")
    if goal.declared == "dead" and other is not None:
        return NextRefused(f"the primary was declared dead, but its host answers ({other}): use planned_failover")
    if goal.declared == "unusable":
        refused = _old_copy_off(have, other, goal)
        if refused:
            return refused
    if target.test_vm:
        return NextRefused("a test VM of it is there: end the test first (cleanup_test_failover)")
    if target.failed_over:
        return start(have, target, other, goal)
    return act_on(have, "fail_over", "target")


def _old_copy_off(have: Pair, other: Side | None, goal: Goal) -> Next | None:
    """`unusable` waives no reading: the old VM must be read Off, or be turned off by name."""
    if other is None:
        return NextRefused(
            "the primary was declared unusable, but its VM could not be read as Off: power its host off first"
        )
    if other.power == OFF:
        return None
    if other.power == SAVED:
        return NextRefused("the old VM is Saved: give its state up by its own option (old_vm: discard_saved_state)")
    if goal.turn_off or other.power in CHANGING_POWER:
        return act_on(have, "turn_off", "other")
    return NextRefused(
        f"the old VM is {other.power}: turn it off by its own option, or shut it down, then run this again"
    )


# -- the others ------------------------------------------------------------------------------------------------------


def _cancel(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """Undo: the failover on the replica first, then the preparation on the primary; start the VM there again."""
    if target.mode == PRIMARY:
        return _cancel_here(have, target, other, goal)
    if target.state == FAILED_OVER_WAITING and target.mode in REPLICA_MODES:
        if target.test_vm:
            return NextRefused("a test VM of it is there: end the test first, or Windows would end that instead")
        lossless = target.power == OFF and other is not None and other.state == PREPARED
        if not lossless and not goal.accept_loss:
            return NextRefused(
                "cancelling loses what the VM changed since the failover: accept that by name, or reverse instead"
            )
        return act_on(have, "cancel_failover", "target")
    if target.state in CHANGING_STATES:
        return NextWait(f"a failover may be under way: {have}")
    if target.failed_over:
        return NextRefused("the failover is committed: it cannot be cancelled. Fail back instead")
    if other is None and not goal.start:  # another recovery point is to be taken while the old host is lost
        return NextDone("nothing is failed over here", ("the primary was not read: it may be prepared still",))
    if other is None:
        return NextRefused("the primary could not be read, and it is to be started: say start: false to undo this side")
    if other.mode != PRIMARY:
        return NextRefused(f"there is no failover that could be cancelled: {have}")
    if other.state == PREPARED:
        return act_on(have, "cancel_preparation", "other")
    if goal.start and other.power in CHANGING_POWER:
        return NextWait(f"the VM is {other.power} on the other host")
    if goal.start and other.power == OFF:
        if target.power != OFF:
            return NextRefused(f"the replica's copy is {target.power}, not Off: the primary is not started")
        return act_on(have, "start", "other")
    return NextDone("nothing is prepared and nothing is failed over")


def _cancel_here(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """The target is the primary itself: the way out when the host that the failover was to is lost."""
    if other is None and goal.declared != "dead":
        return NextRefused(
            "the other host could not be read: whether the VM is failed over there is not known. If that host is dead"
            " for certain, say so (declared: dead)"
        )
    if other is not None and goal.declared == "dead":
        return NextRefused(f"the other host was declared dead, but it answers ({other}): leave that out")
    if other is not None and (other.failed_over or other.state in CHANGING_STATES):
        return NextRefused("it is failed over to the other host, or is being: cancel the failover to that host")
    if target.state == PREPARED:
        return act_on(have, "cancel_preparation", "target")
    return (
        start(have, target, other, goal) if goal.start else NextDone("nothing is prepared and nothing is failed over")
    )


def _commit(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    if target.mode not in REPLICA_MODES or not target.failed_over:
        return NextRefused(f"there is no failover that could be committed: {have}")
    if target.state == FAILED_OVER_WAITING:
        return act_on(have, "commit", "target")
    return NextDone("the failover is committed", (UNPROTECTED,))


def _reverse(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """Reverse what is failed over: towards a prepared primary, or one that became a replica already."""
    if target.mode == PRIMARY:
        return _finish(have, target, other, goal)
    if target.changing:
        return NextWait(f"states are still changing: {have}")
    if not target.failed_over:
        return NextRefused(f"nothing is failed over here, so nothing can be reversed: {have}")
    if other is None:
        return NextRefused("the old primary could not be read: reversing needs it")
    if other.mode == PRIMARY and other.state != PREPARED:
        return NextRefused("the old primary still thinks it is the primary: bring it home with return_home")
    return act_on(have, "reverse", "target")


def _return_home(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """After a disaster: the old primary becomes the replica of the side that runs."""
    if target.mode == PRIMARY:
        return _finish(have, target, other, goal)
    if target.changing:
        return NextWait(f"states are still changing: {have}")
    if not target.failed_over:
        return NextRefused(f"nothing is failed over here: {have}")
    if other is None:
        return NextRefused("the old primary could not be read: it is needed for the way home")
    if other.mode == PRIMARY and other.state != PREPARED:
        if other.power in CHANGING_POWER:
            return NextWait(f"the old copy is {other.power}")
        if other.power != OFF:
            return NextRefused(f"the old copy is {other.power}: it must be Off before it can become the replica")
        return act_on(have, "become_replica", "other")
    return act_on(have, "reverse", "target")


def _test(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    if target.mode in REPLICA_MODES and target.test_vm:
        return NextDone("a test VM is there")
    return act_on(have, "start_test", "target")


def _end_test(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    if not target.test_vm:
        return NextDone("there is no test VM")
    return act_on(have, "end_test", "target")


def _remove(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """The primary first, then the replica, so that no primary goes on sending into nothing."""
    for where in ("other", "target") if other and other.mode == PRIMARY else ("target", "other"):
        side = have.side(where)
        if side is not None and side.mode not in (NONE, ABSENT):
            return act_on(have, "remove", where)
    return NextDone("replication is removed")


_WISHES: Mapping[str, Callable[[Pair, Side, Side | None, Goal], Next]] = {
    "planned": _planned,
    "unplanned": _unplanned,
    "cancel": _cancel,
    "commit": _commit,
    "reverse": _reverse,
    "return_home": _return_home,
    "test": _test,
    "end_test": _end_test,
    "remove": _remove,
}
