# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One failover: `begin` once, then `hear` what each call came to, and `go_on` with the VMs that were read again. Pure.

Each VM goes as far as it can, whatever the others do; only groups wait for each other. Where a VM is comes from the
reading alone. The run remembers only what it did itself (memory.py), so that it can tell another hand's doing
from its own, give up in time, and bring up again what it stopped.

A run is a mapping: `vms`, its entries by id; `flying`, the stages of calls that are under way, by VM; `gate`, how the
groups stand; `calls` to make now; `again`, VMs to be read once more before anything is asked for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...base.command_line import to_confirm, typed_vm
from ...base.errors import PlanError
from ...base.identity import twins, windows_name_of
from ...base.values import is_guid
from .calls import calls_of, parameters_of
from .cluster import facts_of_hosts, target_cells
from .due import ORDER, limited, orders_of, steps_of
from .groups import Gate
from .inputs import check_names
from .judge import ends, judged, moving, to_be_tried
from .look import Run, hosts_of, look, sight_of
from .looks import without
from .memory import OPEN, Entry, Said, absorb, expectation, ran_at_first, remembered
from .plan import VMPlan, lines_of
from .sides import Seen, Sight


def begin(raw: Mapping[str, Any], readings: Mapping[str, Any], out: Mapping[str, str], now: float) -> dict[str, Any]:
    """The run before its first act: the VMs that were asked for, found once, and their plans.

    `raw` has wish, options, targets, partners and groups (name and vms). `out` are ids that take no part, with the
    reason. Raises PlanError for VMs that cannot be meant, and for targets that are not one host or one cluster.
    """
    cells = raw.get("cells") or target_cells(str(raw["to"]), raw["targets"], readings)
    raw = {**raw, "cells": cells, "targets": [host for cell in cells for host in cell]}
    raw = {**raw, "first": {host: name for host in readings if (name := windows_name_of(readings[host]))}}
    sight = sight_of(raw, readings)
    entries: dict[str, Entry] = {}
    for number, group in enumerate(raw["groups"]):
        for vm in group["vms"]:
            record = sight.asked_for(str(vm))
            if record["id"] in entries:
                raise PlanError(f"{vm} is named twice. Give each VM once, in one group.")
            name = sight.called(str(vm), record)
            cell = tuple(sight.cell_of(str(record["id"]), name))
            seen = sight.see(str(record["id"]), name, cell=cell)
            ran = ran_at_first(seen.pair)
            entry = Entry(seen.id, seen.name, number, seen.here, seen.partner, ran=ran, cell=cell)
            if seen.id in out:
                entry = replace(entry.left(out[seen.id]), untouched=True)
            entries[seen.id] = entry
    _refuse_twins(sight, entries)
    options, names = raw["options"], [str(group["name"]) for group in raw["groups"]]
    gate = Gate.begin(options["order"], names, bool(options["goes_on"]), list(entries.values()))
    kept: dict[str, Any] = {"vms": entries, "holders": {}, "flying": {}, "gate": gate, "calls": [], "again": []}
    run = {**raw, **kept, **facts_of_hosts(raw, readings)}
    looked = look(run, readings, now)
    run["holders"] = _holders(looked)
    further = dict.fromkeys(host for hosts in run["holders"].values() for host in hosts)
    check_names(run, [host for host in further if host not in hosts_of(raw)])
    plans = [plan for vm, plan in looked.plans.items() if not entries[vm].untouched]
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
        "rest": any(plan.acts or plan.outcome != "done" for plan in plans),
        "watch": _watch(looked, acts),
    }


def _refuse_twins(sight: Sight, entries: Mapping[str, Entry]) -> None:
    """Two inventory hosts that are one host. Where one of them was taken for the partner of a VM, the plan says so."""
    same = twins(sight.identity(host) for host in sight.readings if sight.records(host) is not None)
    if same and not any(sight.see(vm, entry.name, cell=entry.cell).strange for vm, entry in entries.items()):
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


def _holders(run: Run) -> dict[str, tuple[str, ...]]:
    """Hosts with further copies, by VM; they are read again with the two sides."""
    return {vm: tuple(copy.host for copy in seen.pair.rest) for vm, seen in run.seen.items() if seen.pair.rest}


def hear(raw: Mapping[str, Any], vms: Iterable[str], result: Mapping[str, Any]) -> dict[str, Any]:
    """The run after a call is through with these of its VMs, with that result. They have to be read before `go_on`."""
    said, through = Said.of(result), set(vms)
    return _landed(raw, {vm: absorb(raw["vms"][vm], said) for vm in through})


def unsent(raw: Mapping[str, Any], vms: Iterable[str]) -> dict[str, Any]:
    """The run after a call was not sent for these VMs: what it would have done is not expected."""
    return _landed(raw, {vm: replace(raw["vms"][vm], acted={}) for vm in vms})


def _landed(raw: Mapping[str, Any], entries: Mapping[str, Entry]) -> dict[str, Any]:
    """The run in which nothing is under way for these VMs any more; a reading shows what became of them."""
    return {**raw, "vms": {**raw["vms"], **entries}, "flying": without(raw["flying"], entries)}


def go_on(
    raw: Mapping[str, Any], readings: Mapping[str, Any], now: float, only: Iterable[str] | None = None
) -> dict[str, Any]:
    """The next calls for VMs (`only` these; all) from what all their hosts said since their last call was through."""
    run = look(raw, readings, now, only)
    for vm in run.plans:
        run.entries[vm] = judged(run, run.entries[vm])
    heard = frozenset(raw.get("heard") or ()) | {vm for vm, plan in run.plans.items() if plan.seen.pair.heard}
    due, parked = orders_of(run)
    for vm in run.plans:
        known = remembered(run.entries[vm], run.seen[vm])
        # One that is between two nodes is found on neither: what it was like before still holds.
        expected = known.expected if moving(run, known) else expectation(run.plans[vm])
        run.entries[vm] = replace(known, expected=expected, acted={}, idle=known.idle + 1)
    calls: list[dict[str, Any]] = []
    for stage in ORDER:
        same = [order for order in due if order.stage == stage]
        if not same:
            continue
        options = limited(run, stage, same)
        for order in same:
            acted = {order.where: steps_of(run.plans[order.seen.id], stage)} if order.act else {}
            run.entries[order.seen.id] = replace(run.entries[order.seen.id].asked(stage, now), acted=acted)
        calls += calls_of(same, options)
    stages = {order.seen.id: order.stage for order in (*due, *parked)}
    held = {order.seen.id for order in parked}
    return {
        **raw,
        "vms": run.entries,
        "heard": heard,
        "gate": raw["gate"].with_([run.entries[vm] for vm in run.plans], stages, held),
        "calls": calls,
        "flying": {**raw["flying"], **{vm: call["stage"] for call in calls for vm in call["ids"]}},
        "again": [vm for vm in run.plans if to_be_tried(run, run.entries[vm])],
    }


def give_up(raw: Mapping[str, Any], vms: Iterable[str], reason: str) -> dict[str, Any]:
    """The run without these VMs: they go no further, and come up again where that is due."""
    entries = {vm: raw["vms"][vm].left(reason) for vm in vms if raw["vms"][vm].status == OPEN}
    return _with(raw, entries)


def stop(raw: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The run when somebody has stopped it from outside: what it has not touched it leaves alone, and what it stopped
    comes up again. An unplanned failover has stopped nothing: it ends with the VMs that it has begun with.
    """
    entries = {vm: entry.left(reason) for vm, entry in raw["vms"].items() if ends(raw, entry)}
    return {**_with(raw, entries), "stopped": reason}


def _with(raw: Mapping[str, Any], left: Mapping[str, Entry]) -> dict[str, Any]:
    """The run in which these VMs have left."""
    return {**raw, "vms": {**raw["vms"], **left}, "gate": raw["gate"].with_(left.values(), {})}


def hosts_of_vm(raw: Mapping[str, Any], vm: str) -> list[str]:
    """The hosts that have to be read for a VM: those of the target that are its own, of its partner, and all that have
    a further copy.
    """
    entry, sight = raw["vms"][vm], sight_of(raw, {})
    hosts = [*(entry.cell or raw["targets"]), *sight.partner_hosts(entry.partner), *raw["holders"].get(vm, ())]
    return [host for host in dict.fromkeys(hosts) if host in raw["reach"]]
