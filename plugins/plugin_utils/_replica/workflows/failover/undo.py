# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What comes next for the wishes that end a failover (cancel, commit, reverse, the way home), a test, a relation. Pure.

As next.py, which asks here.
"""

from __future__ import annotations

from ...base.states import (
    ABSENT,
    CHANGING_POWER,
    CHANGING_STATES,
    FAILED_OVER_WAITING,
    NONE,
    OFF,
    PREPARED,
    PRIMARY,
    REPLICA_MODES,
    RUNNING,
    SAVED,
    Pair,
    Side,
)
from .step import (
    UNPROTECTED,
    Goal,
    Next,
    NextDone,
    NextRefused,
    NextWait,
    act_on,
    ask,
    by_hand,
    finish,
    start,
    test_first,
)


def cancel(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """Undo: the failover on the replica first, then the preparation on the primary; start the VM there again."""
    if target.mode == PRIMARY:
        return _cancel_here(have, target, other, goal)
    if target.state == FAILED_OVER_WAITING and target.mode in REPLICA_MODES:
        return _cancel_failover(have, target, other, goal)
    if target.state in CHANGING_STATES:
        return NextWait(f"a failover may be under way: {have}")
    if target.failed_over:
        return NextRefused(
            "the failover is committed: it cannot be cancelled. Fail back instead", (ask("return_home"),)
        )
    if other is None and not goal.start:  # another recovery point is to be taken while the old host is lost
        return NextDone("nothing is failed over here", ("the primary was not read: it may be prepared still",))
    if other is None:
        return NextRefused(
            "the primary could not be read, and it is to be started: say start: false to undo this side",
            (ask("cancel", start=False), by_hand("reach")),
        )
    if other.mode != PRIMARY:
        return NextRefused(
            f"there is no failover that could be cancelled: {have}",
            (ask("planned", "other"), ask("unplanned", declared="unusable")),
        )
    if other.state == PREPARED:
        return act_on(have, "cancel_preparation", "other")
    if goal.start and other.power in CHANGING_POWER:
        return NextWait(f"the VM is {other.power} on the other host")
    if goal.start and other.power == OFF:
        if target.power != OFF:
            return NextRefused(
                f"the replica's copy is {target.power}, not Off: the primary is not started",
                (by_hand("turn_off", "target"),),
            )
        return act_on(have, "start", "other")
    return NextDone("nothing is prepared and nothing is failed over")


def _cancel_failover(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """Microsoft's page says that Stop-VMFailover turns a running VM off, others were refused: it is shut down
    before.
    """
    if target.test_vm:
        return test_first()
    lossless = target.power == OFF and other is not None and other.state == PREPARED
    if not lossless and not goal.accept_loss:
        return NextRefused(
            "cancelling loses what the VM changed since the failover: accept that by name, or reverse instead",
            (ask("return_home"), ask("cancel", accept_loss=True)),
        )
    if target.power in CHANGING_POWER:
        return NextWait(f"the VM is {target.power}")
    if target.power == RUNNING:
        if goal.turn_off:
            return act_on(have, "turn_off", "target")
        if not goal.shutdown:
            return NextRefused(
                "it runs here, and shutting its guest down was not allowed. Shut it down first, then run this again",
                (by_hand("stop_guest", "target"),),
            )
        return act_on(have, "stop_guest", "target")
    if target.power != OFF:
        hand = "discard_state" if target.power == SAVED else "turn_off"
        return NextRefused(
            f"it is {target.power} here, not Off: the failover cannot be cancelled. Turn it off, or remove its saved"
            " state (Remove-VMSavedState), then run this again",
            (by_hand(hand, "target"),),
        )
    return act_on(have, "cancel_failover", "target")


def _cancel_here(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """The target is the primary itself: the way out when the host that the failover was to is lost."""
    if other is None and goal.declared != "dead":
        return NextRefused(
            "the other host could not be read: whether the VM is failed over there is not known. If that host is dead"
            " for certain, say so (declared: dead)",
            (by_hand("reach"), ask("cancel", declared="dead")),
        )
    if other is not None and goal.declared == "dead":
        return NextRefused(
            f"the other host was declared dead, but it answers ({other}): leave that out", (ask("cancel", declared=""),)
        )
    if other is None and have.heard:
        return NextRefused("the other host was declared dead, but shows that it lives", (by_hand("reach"),))
    if other is not None and (other.failed_over or other.state in CHANGING_STATES):
        return NextRefused(
            "it is failed over to the other host, or is being: cancel the failover to that host",
            (ask("return_home", "other"), ask("cancel", "other", accept_loss=True)),
        )
    if target.state == PREPARED:
        return act_on(have, "cancel_preparation", "target")
    return (
        start(have, target, other, goal) if goal.start else NextDone("nothing is prepared and nothing is failed over")
    )


def commit(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """Commit the failover; never by itself."""
    if target.mode not in REPLICA_MODES or not target.failed_over:
        return NextRefused(f"there is no failover that could be committed: {have}")
    if target.state == FAILED_OVER_WAITING:
        return act_on(have, "commit", "target")
    return NextDone("the failover is committed", (UNPROTECTED,))


def reverse(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """Reverse what is failed over: towards a prepared primary, or one that became a replica already."""
    if target.mode == PRIMARY:
        return finish(have, target, other, goal)
    if target.changing:
        return NextWait(f"states are still changing: {have}")
    if not target.failed_over:
        return NextRefused(f"nothing is failed over here, so nothing can be reversed: {have}")
    if other is None:
        return NextRefused("the old primary could not be read: reversing needs it", (by_hand("reach"),))
    if other.mode == PRIMARY and other.state != PREPARED:
        return NextRefused(
            "the old primary still thinks it is the primary: bring it home with reverse_replication",
            (ask("return_home"),),
        )
    return act_on(have, "reverse", "target")


def return_home(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """After a disaster: the old primary becomes the replica of the side that runs."""
    if target.mode == PRIMARY:
        return finish(have, target, other, goal)
    if target.changing:
        return NextWait(f"states are still changing: {have}")
    if not target.failed_over:
        return NextRefused(f"nothing is failed over here: {have}", (ask("planned"), ask("return_home", "other")))
    if other is None:
        return NextRefused("the old primary could not be read: it is needed for the way home", (by_hand("reach"),))
    if other.mode == PRIMARY and other.state != PREPARED:
        if other.power in CHANGING_POWER:
            return NextWait(f"the old copy is {other.power}")
        if other.power == SAVED:
            return NextRefused(
                "the old copy is Saved. Starting it would make a second live VM: give its state up by its own option"
                " (old_vm=discard_saved_state; Remove-VMSavedState on its host does the same), then run this again",
                (by_hand("discard_state"),),
            )
        if other.power != OFF:
            return NextRefused(
                f"the old copy is {other.power}: it must be Off before it can become the replica. Shut it down there,"
                " then run this again",
                (by_hand("stop_guest"),),
            )
        return act_on(have, "become_replica", "other")
    return act_on(have, "reverse", "target")


def test(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """Make a test VM."""
    if target.mode in REPLICA_MODES and target.test_vm:
        return NextDone("a test VM is there")
    return act_on(have, "start_test", "target")


def end_test(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """End the test."""
    if not target.test_vm:
        return NextDone("there is no test VM")
    return act_on(have, "end_test", "target")


def remove(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """The primary first, then the replica, so that no primary goes on sending into nothing."""
    for where in ("other", "target") if other and other.mode == PRIMARY else ("target", "other"):
        side = have.side(where)
        if side is not None and side.mode not in (NONE, ABSENT):
            return act_on(have, "remove", where)
    return NextDone("replication is removed")
