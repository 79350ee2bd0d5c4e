# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is due for the VMs of a run: forward, where their groups let them, or back up again. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile
from typing import Any

from ...base.states import FAILED_OVER_WAITING, OFF, PREPARED, PRIMARY, Side
from .calls import START_OLD, Order, order_of
from .groups import Gate
from .look import Run
from .memory import LEFT, OPEN, Entry
from .plan import STAGES, VMPlan, Wish, unfold
from .sides import Seen
from .step import Goal

ORDER = (
    "fence",
    "turn_off",
    "discard_state",
    "start",
    "become_replica",
    "reverse",
    "commit",
    "fail_over",
    "cancel_failover",
    "cancel_preparation",
    START_OLD,
    "prepare",
)
"""The most advanced VMs first: who is ready goes on to the end, what takes long comes last."""

MOST_ASKS = 5
"""So often a stage is asked for at most for one VM: its guest may go down as often as it is started."""


def orders_of(run: Run) -> tuple[list[Order], list[Order]]:
    """What can be done now, and what has to wait for other groups; also for those that have to come up again."""
    while True:
        looked = [run.entries[vm] for vm in run.plans]
        orders = [order for entry in looked if entry.status != LEFT for order in _forward(run, entry)]
        gate: Gate = run.raw["gate"].with_(looked, {order.seen.id: order.stage for order in orders})
        groups = [run.entries[order.seen.id].group for order in orders]
        held = [
            gate.held_by(group, order.stage) or _worn_out(run, order)
            for group, order in zip(groups, orders, strict=True)
        ]
        if not any(held):
            break
        reasons = {order.seen.id: reason for order, reason in zip(orders, held, strict=True) if reason}
        run.entries.update({vm: run.entries[vm].left(reason) for vm, reason in reasons.items()})
    waits = [gate.waits(group, order.stage) for group, order in zip(groups, orders, strict=True)]
    back = [order for vm in run.plans if run.entries[vm].status == LEFT for order in _back(run, run.entries[vm])]
    back = [order for order in back if not _worn_out(run, order)]
    allowed = [order for order, wait in zip(orders, waits, strict=True) if not wait]
    return allowed + back, [order for order, wait in zip(orders, waits, strict=True) if wait]


def _worn_out(run: Run, order: Order) -> str:
    """Why the stage is not asked for once more: what it does is undone again and again; "" otherwise."""
    asks = run.entries[order.seen.id].asks.get(order.stage, 0)
    return f"it did not stay as this run has left it, {asks} times" if asks >= MOST_ASKS else ""


def _forward(run: Run, entry: Entry) -> Iterable[Order]:
    plan, seen = run.plans[entry.id], run.seen[entry.id]
    if plan.acts:
        loses = plan.acts[0].act == "cancel_failover" and run.wish.goal.wish != "cancel"
        yield replace(order_of(seen, plan.acts[0]), act_loses=loses, known=entry.proof)
    elif plan.outcome == "waiting":
        yield _wait(run, seen)
    elif entry.status == OPEN and plan.outcome == "done":
        yield Order(seen, "start", "target")


def _wait(run: Run, seen: Seen) -> Order:
    """A call that waits: the module of the side that is changing, asked for what this side shall become."""
    other, wish = seen.pair.other, run.wish.goal.wish
    if other is not None and other.changing and wish == "planned":
        return Order(seen, "prepare", "other")
    if wish == "cancel":
        on = "other" if other is not None and other.changing else "target"
        return Order(seen, "cancel_failover" if on == "target" else "cancel_preparation", on)
    target = seen.pair.target
    primary = target is not None and target.mode == "Primary"
    return Order(seen, "reverse" if primary or wish in ("reverse", "return_home") else "fail_over", "target")


def _back(run: Run, entry: Entry) -> Iterable[Order]:
    """What a VM that left a planned run needs so that it is up again: here if it is failed over, else where it was.

    Where a side cannot be read nothing is done: which copy may be started is not known. A VM that was Off before the
    run stays Off.
    """
    seen = run.seen[entry.id]
    target, other = run.plans[entry.id].seen.pair.target, run.plans[entry.id].seen.pair.other
    if not wants_back(run, entry) or target is None or other is None or seen.strange:
        return
    goal = _way_back(entry, target, other)
    accepted = replace(goal, accept=run.wish.goal.accept)
    plan = unfold(run.plans[entry.id].seen, Wish(accepted, advise=False))
    if plan.acts and plan.outcome != "refused" and (entry.changed or other.state == PREPARED):
        yield replace(order_of(seen, plan.acts[0]), never_started=goal.accept_loss, known=entry.proof)


def wants_back(run: Run, entry: Entry) -> bool:
    """True for a VM that left a planned run and is to come up again, or whose preparation is to be undone."""
    planned = run.wish.goal.wish == "planned" and run.options["on_failure"] != "hold"
    return planned and not entry.untouched and not entry.given_up


def _way_back(entry: Entry, target: Side, other: Side) -> Goal:
    """Where it comes up again. A failover whose preparation somebody else has cancelled is undone, never started:

    that hand may start the other copy at any moment, and this one cannot start once it is a replica again. Nothing is
    lost where the failover was this run's own and the VM was not started since.
    """
    if target.mode == PRIMARY or (target.failed_over and other.state == PREPARED):
        return Goal("planned", reverse=False, start=entry.ran)
    own = "fail_over" in entry.first and "start" not in entry.first
    off = target.power == OFF and target.state == FAILED_OVER_WAITING and other.mode == PRIMARY
    return Goal("cancel", start=entry.ran, accept_loss=own and off)


def limited(run: Run, stage: str, orders: Iterable[Order]) -> dict[str, Any]:
    """The options of the calls: what is left of the time that a stage may take, where it is asked for once more."""
    options = {
        **run.options,
        "servers": run.raw["servers"],
        "brokers": run.raw["brokers"],
        "declared": run.wish.goal.declared,
        "accept_loss": run.wish.goal.accept_loss,
    }
    entries = [run.entries[order.seen.id] for order in orders]
    begun = [entry.first[stage] for entry in entries if entry.status == OPEN and stage in entry.first]
    used = run.now - max(begun, default=run.now)
    options["shutdown_timeout"] = max(int(options["shutdown_timeout"] - used), 1)
    options["wait_timeout"] = max(float(options["wait_timeout"]) - used, 1.0)
    if len(run.raw["groups"]) > 1:
        options["heartbeat_timeout"] = options["group_timeout"]
    return options


def steps_of(plan: VMPlan, stage: str) -> int:
    """How many steps of the plan's path one call of this stage takes; a fence is none of them."""
    return len(list(takewhile(lambda act: STAGES[act.act] == stage != "fence", plan.acts)))
