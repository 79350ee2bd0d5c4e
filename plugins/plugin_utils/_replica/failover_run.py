# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One run of the failover role: `begin` once, then `advance` after every reading of both sides, until it ends. Pure.

Where a VM is comes from the reading alone. The run remembers only what it did itself (failover_book.py), so that it can
tell another hand's doing from its own, give up in time, and bring up again what it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from .command_line import to_confirm, typed_vm
from .failover_book import (
    DONE,
    LEFT,
    OPEN,
    Entry,
    Said,
    absorb,
    changed_by_others,
    expectation,
    ran_at_first,
    remembered,
)
from .failover_calls import START_OLD, Order, calls_of, order_of, parameters_of
from .failover_cluster import facts_of_hosts, target_hosts
from .failover_groups import Gate, stopping
from .failover_inputs import check_names
from .failover_look import Run, hosts_of, look, sight_of
from .failover_plan import STAGES, VMPlan, Wish, lines_of, unfold
from .failover_sight import PlanError, Seen, Sight
from .failover_states import ABSENT, FAILED_OVER_WAITING, OFF, PREPARED, PRIMARY, RUNNING, Side
from .failover_step import Goal
from .identity import twins, windows_name_of
from .values import is_guid

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

MOST_TRIES = 2


def begin(raw: Mapping[str, Any], readings: Mapping[str, Any], out: Mapping[str, str], now: float) -> dict[str, Any]:
    """The run before its first act: the VMs that were asked for, found once, and their plans.

    `raw` has wish, options, targets, partners and groups (name and vms). `out` are ids that take no part, with the
    reason. Raises PlanError for VMs that cannot be meant, and for targets that are not one host or one cluster.
    """
    raw = {**raw, "targets": target_hosts(str(raw["to"]), raw["targets"], readings)}
    raw = {**raw, "first": {host: name for host in readings if (name := windows_name_of(readings[host]))}}
    sight = sight_of(raw, readings)
    entries: dict[str, Entry] = {}
    for number, group in enumerate(raw["groups"]):
        for vm in group["vms"]:
            record = sight.asked_for(str(vm))
            if record["id"] in entries:
                raise PlanError(f"{vm} is named twice. Give each VM once, in one group.")
            seen = sight.see(str(record["id"]), sight.called(str(vm), record))
            entry = Entry(seen.id, seen.name, number, seen.here, seen.partner, ran=ran_at_first(seen.pair))
            if seen.id in out:
                entry = replace(entry.left(out[seen.id]), untouched=True)
            entries[seen.id] = entry
    _refuse_twins(sight, entries)
    run = {**_kept(raw, entries), "calls": [], "end": False, **facts_of_hosts(raw, readings)}
    run["holders"] = _holders(look(run, readings, now))
    check_names(run, [host for host in run["holders"] if host not in hosts_of(raw)])
    plans = [plan for vm, plan in look(run, readings, now).plans.items() if not entries[vm].untouched]
    acts = [plan for plan in plans if plan.acts and plan.outcome != "refused"]
    asked = [str(vm) for group in raw["groups"] for vm in group["vms"]]
    names = [typed_vm(e.name if is_guid(vm) else vm, e.id) for vm, e in zip(asked, entries.values(), strict=True)]
    options = {**raw["options"], "servers": run["servers"], "brokers": run["brokers"]}
    group = str(raw["groups"][0]["name"]) if len(raw["groups"]) == 1 else ""
    return {
        **run,
        "reads": [host for host in hosts_of(run) if sight.records(host) is not None],
        "confirm": to_confirm(str(raw["to"]), names, group),
        "lines": [
            line for plan in plans for line in lines_of(plan, lambda seen, act: parameters_of(seen, act, options))
        ],
        "acts": len(acts),
        "watch": _watch(look(run, readings, now), acts),
    }


def _refuse_twins(sight: Sight, entries: Mapping[str, Entry]) -> None:
    """Two inventory hosts that are one host. Where one of them was taken for the partner of a VM, the plan says so."""
    same = twins(sight.identity(host) for host in sight.readings if sight.records(host) is not None)
    if same and not any(sight.see(vm, entry.name).strange for vm, entry in entries.items()):
        raise PlanError(f"{same}. Nothing was changed.")


def _watch(run: Run, acts: Sequence[VMPlan]) -> bool:
    """Whether signs of life are looked for: something is declared of a side that was not read, and acted on."""
    declared = run.wish.goal.declared
    unseen = [plan.seen for plan in acts if plan.seen.pair.other is None]
    if declared == "prepared":
        return any(not seen.last_sent and not _failed_over(seen) for seen in unseen)
    return declared == "dead" and bool(unseen)


def _failed_over(seen: Seen) -> bool:
    return seen.pair.target is not None and seen.pair.target.failed_over


def _holders(run: Run) -> list[str]:
    """Hosts with further copies of these VMs; they are read again with the two sides."""
    return list(dict.fromkeys(copy.host for seen in run.seen.values() for copy in seen.pair.rest))


def advance(
    raw: Mapping[str, Any], readings: Mapping[str, Any], results: Iterable[Mapping[str, Any]], now: float
) -> dict[str, Any]:
    """The next calls, from what both sides say now and what the last calls came to; `end` when there are none.

    `results` are the results of the calls that `raw` holds, in their order.
    """
    run = look(raw, readings, now)
    for call, result in zip(raw["calls"], results, strict=False):
        said = Said.of(result)
        for vm in call["ids"]:
            run.entries[vm] = absorb(run.entries[vm], said)
    for vm in run.entries:
        run.entries[vm] = _judged(run, run.entries[vm])
    heard = sorted({*(raw.get("heard") or ()), *(vm for vm, plan in run.plans.items() if plan.seen.pair.heard)})
    orders = _orders(run)
    stage = next((stage for stage in ORDER if any(order.stage == stage for order in orders)), "")
    due = [order for order in orders if order.stage == stage]
    for vm, entry in run.entries.items():
        known = remembered(entry, run.seen[vm])
        run.entries[vm] = replace(known, expected=expectation(run.plans[vm]), acted={})
    for order in due:
        acted = {order.where: _steps(run.plans[order.seen.id], stage)} if order.act else {}
        run.entries[order.seen.id] = replace(run.entries[order.seen.id].asked(stage, now), acted=acted)
    calls = calls_of(due, _limited(run, stage))
    idle = 0 if calls else int(raw.get("idle") or 0) + 1
    again = idle <= MOST_TRIES and any(_to_be_tried(run, entry) for entry in run.entries.values())
    told = {"heard": heard, "calls": calls, "idle": idle}
    return {**_kept(raw, run.entries), **told, **_what_to_read(run, calls, again)}


def _to_be_tried(run: Run, entry: Entry) -> bool:
    """A lost answer gets another look: on the way forward, and on the way back as long as a side is not read.

    Where both were read, what is left of the way back is among the calls.
    """
    if entry.status == LEFT:
        pair = run.seen[entry.id].pair
        unread = pair.target is None or pair.other is None
        return unread and 0 < entry.tries < MOST_TRIES and not entry.given_up and _wants_back(run, entry)
    return entry.status == OPEN and bool(entry.tries)


def _what_to_read(run: Run, calls: Sequence[Mapping[str, Any]], again: bool) -> dict[str, Any]:
    """Hosts to read next, and whether the run ends. Who did not answer is asked once more after the failover, so that
    nothing is started beside a host that has come back; and once more at the end.
    """
    hosts = hosts_of(run.raw)
    silent = [host for host in hosts if run.sight.records(host) is None]
    last = bool(run.raw.get("last"))
    acted = any(entry.changed for entry in run.entries.values())
    failed_over = any(call["stage"] == "fail_over" for call in calls)
    if failed_over:
        return {"reads": hosts, "end": False}
    if calls or (again and not silent):
        return {"reads": [host for host in hosts if host not in silent], "end": False}
    if again or (silent and acted and not last):
        return {"reads": hosts, "end": False, "last": True}
    return {"reads": [], "end": True}


def _steps(plan: VMPlan, stage: str) -> int:
    """How many steps of the plan's path one call of this stage takes; a fence is none of them."""
    return len(list(takewhile(lambda act: STAGES[act.act] == stage != "fence", plan.acts)))


def _kept(raw: Mapping[str, Any], entries: Mapping[str, Entry]) -> dict[str, Any]:
    return {**raw, "vms": [entry.to_result() for entry in entries.values()]}


def _judged(run: Run, entry: Entry) -> Entry:
    """Through, gone on, or out of the run: what the reading says after the last call."""
    if entry.status == LEFT:
        lost = 0 < entry.tries < MOST_TRIES
        return replace(entry, given_up=entry.given_up or bool(entry.failed and not lost))
    plan, seen = run.plans[entry.id], run.seen[entry.id]
    if _moving(run, entry) and entry.tries < MOST_TRIES:
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


def _moving(run: Run, entry: Entry) -> bool:
    """True for a VM of a cluster that was on a node of it a moment ago, and is on none: it may be between two."""
    seen = run.seen[entry.id]
    for where, shapes in entry.expected.items():
        side = seen.pair.side(where)
        gone = side is not None and side.mode == ABSENT and shapes and shapes[0][0] != ABSENT
        if gone and run.sight.is_cluster(where, seen.partner):
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
    asked = next((call["stage"] for call in run.raw["calls"] if entry.id in call["ids"]), "")
    return not acts or STAGES[acts[0].act] == asked


# -- what is due -----------------------------------------------------------------------------------------------------


def _orders(run: Run) -> list[Order]:
    """What could be done now, for the VMs that their groups let go on, and for those that have to come up again."""
    while True:
        orders = [order for entry in run.entries.values() if entry.status != LEFT for order in _forward(run, entry)]
        gate = _gate(run, orders)
        held = {order.seen.id: gate.held_by(run.entries[order.seen.id], order.stage) for order in orders}
        if not any(held.values()):
            break
        run.entries.update({vm: run.entries[vm].left(reason) for vm, reason in held.items() if reason})
    allowed = [order for order in orders if not gate.waits(run.entries[order.seen.id], order.stage)]
    back = [order for entry in run.entries.values() if entry.status == LEFT for order in _back(run, entry)]
    return allowed + back


def _gate(run: Run, orders: Iterable[Order]) -> Gate:
    return Gate(
        order=run.options["order"],
        names=tuple(str(group["name"]) for group in run.raw["groups"]),
        entries=tuple(run.entries.values()),
        stopping=stopping({order.seen.id: order.stage for order in orders}),
        goes_on=bool(run.options["goes_on"]),
    )


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
    if not _wants_back(run, entry) or target is None or other is None or seen.strange:
        return
    goal = _way_back(entry, target, other)
    accepted = replace(goal, accept=run.wish.goal.accept)
    plan = unfold(run.plans[entry.id].seen, Wish(accepted, advise=False))
    if plan.acts and plan.outcome != "refused" and (entry.changed or other.state == PREPARED):
        yield replace(order_of(seen, plan.acts[0]), never_started=goal.accept_loss, known=entry.proof)


def _wants_back(run: Run, entry: Entry) -> bool:
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


def _limited(run: Run, stage: str) -> dict[str, Any]:
    """The options of the calls: what is left of the time that a stage may take, and patience only while others wait."""
    options = {
        **run.options,
        "servers": run.raw["servers"],
        "brokers": run.raw["brokers"],
        "declared": run.wish.goal.declared,
        "accept_loss": run.wish.goal.accept_loss,
    }
    begun = [entry.first[stage] for entry in run.entries.values() if entry.status == OPEN and stage in entry.first]
    used = run.now - max(begun, default=run.now)
    options["shutdown_timeout"] = max(int(options["shutdown_timeout"] - used), 1)
    options["wait_timeout"] = max(float(options["wait_timeout"]) - used, 1.0)
    if len(run.raw["groups"]) > 1:
        options["heartbeat_timeout"] = options["group_timeout"]
    return options
