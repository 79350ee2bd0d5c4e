# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a failover came to, for the operator: what is down first, then what is left, then what is well. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...base.command_line import command, to_confirm, typed_vm
from ...base.states import (
    ERROR,
    FAILED_OVER_WAITING,
    PRIMARY,
    RESYNC_SUSPENDED,
    RUNNING,
    STOPPING,
    SUSPENDED,
    WANTS_RESYNC,
)
from ...base.text import labelled
from ...base.values import is_guid
from ..reprotect.plan import third_site
from .advice import PLAYBOOKS
from .look import Run, looked_at
from .memory import LEFT, OPEN, Entry
from .plan import VMPlan, shown
from .sides import Seen
from .step import COMMIT_PENDING

UNKNOWN, DOWN, BOTH, GOING, UNPROTECTED_MARK, LEFT_MARK, WELL = (
    "UNKNOWN",
    "DOWN",
    "ON BOTH HOSTS",
    "GOING DOWN",
    "UNPROTECTED",
    "NOT DONE",
    "ok",
)
_NOTHING_IS_SENT = frozenset({ERROR, SUSPENDED, WANTS_RESYNC, RESYNC_SUSPENDED})
_URGENCY = (UNKNOWN, BOTH, DOWN, GOING, UNPROTECTED_MARK, LEFT_MARK, WELL)


@dataclass(frozen=True)
class Line:
    """One VM of the report. `failed`: the run did not do for it what was asked. `open`: what is still to be done."""

    mark: str
    entry: Entry
    text: str
    failed: bool
    open: str = ""


def report(raw: Mapping[str, Any], looks: Iterable[tuple[Sequence[str], Mapping[str, Any]]]) -> dict[str, Any]:
    """`lines` to show, `failures` (a sentence a VM) and `vms` (where each runs, its states, and what is left).

    `looks` are VMs with the readings that they were looked at by last.
    """
    run = looked_at(raw, looks)
    lines = sorted((_line(run, entry) for entry in run.entries.values()), key=lambda line: _URGENCY.index(line.mark))
    failed = [line.entry for line in lines if line.failed]
    again = _command(run, [entry for entry in failed if not run.plans[entry.id].ways])
    others = [f"{entry.name}: to go on: {way}" for entry in failed for way in run.plans[entry.id].ways]
    return {
        "lines": labelled((line.mark, line.text) for line in lines)
        + others
        + ([f"What is left: {again}"] if again else []),
        "failures": [f"{line.mark}: {line.text}" for line in lines if line.failed],
        "vms": [_record(run, line) for line in lines],
        "command": again,
    }


def _line(run: Run, entry: Entry) -> Line:
    seen, plan = run.seen[entry.id], run.plans[entry.id]
    failed = entry.status in (LEFT, OPEN) or bool(entry.unready)
    mark = _mark(run, entry, seen)
    reason = entry.unready or (entry.reason or entry.failed or entry.waits_for or plan.message if failed else "")
    unread = [why for why in (seen.unread_here, seen.unread) if mark in (UNKNOWN, DOWN) and why not in reason]
    ends = [end for end in _open_ends(run, seen, plan, mark) if end != reason]
    known = run.sight.readings
    still = " ".join(sentence(part, known) for part in (reason, *unread, *ends) if part)
    text = f"{sentence(f'{entry.name} {where_it_runs(seen)}', known)} {still}".rstrip()
    return Line(mark, entry, text, failed or mark in (UNKNOWN, DOWN, BOTH), still)


def _mark(run: Run, entry: Entry, seen: Seen) -> str:
    pair = seen.pair
    if pair.both_run:
        return BOTH
    if any(side is not None and side.power == STOPPING for side in (pair.target, pair.other)):
        return GOING
    runs = any(side is not None and side.power == RUNNING for side in (pair.target, pair.other))
    tried = "start" in entry.first  # of a VM that was off before, only what was to be started is DOWN
    untouched = entry.ran and not entry.changed  # it ran where nobody could look again
    lost = pair.target is None or (pair.other is None and (bool(entry.other) or untouched))
    if not runs and lost:  # what this run has stopped is DOWN, as far as anybody can tell, unless it was told to start
        stopped = entry.ran and entry.changed and not (pair.target is None and tried)
        return DOWN if stopped else UNKNOWN
    if not runs and (entry.ran or tried) and entry.status != "done":
        return DOWN
    target = pair.target
    stands = target is not None and target.mode == PRIMARY and target.state in _NOTHING_IS_SENT
    if (
        target is not None and target.failed_over and not pair_runs_elsewhere(seen) and run.wish.goal.wish != "cancel"
    ) or stands:
        return UNPROTECTED_MARK
    return LEFT_MARK if entry.status != "done" or entry.unready else WELL


def where_it_runs(seen: Seen) -> str:
    """Half a sentence: where the VM runs and what both sides say."""
    sides = {where: seen.pair.side(where) for where in ("target", "other")}
    on = [seen.host_shown(where) for where, side in sides.items() if side is not None and side.may_run]
    on += [copy.host for copy in seen.pair.rest if copy.side is not None and copy.side.may_run]
    unread = [seen.host_shown(where) for where, side in sides.items() if side is None]
    told = "; ".join(f"{seen.host_shown(where)}: {shown(side)}" for where, side in sides.items())
    if on:
        return f"runs on {' and '.join(on)} ({told})"
    if unread:
        return f"is not known to run: {' and '.join(unread)} could not be read ({told})"
    return f"is off ({told})"


def _open_ends(run: Run, seen: Seen, plan: VMPlan, mark: str) -> Iterable[str]:
    target = seen.pair.target
    if mark == GOING:
        yield "Its guest is shutting down and may go off at any moment; nothing starts it then"
        return
    if target is None or mark == DOWN or not target.failed_over:
        yield from plan.open_ends if mark not in (DOWN, BOTH) and not plan.acts else ()
        return
    if pair_runs_elsewhere(seen):
        yield "it is failed over here, although it runs there: cancel that failover"
        return
    yield "it runs on the failed-over replica, and its changes are not replicated"
    leg = third_site(seen.record) if seen.record is not None else None
    if leg:
        yield f"reprotect with the host of {leg['replica_server']} as new_replica makes its third site the replica"
    if target.state == FAILED_OVER_WAITING:
        yield COMMIT_PENDING
    if seen.pair.other is None and run.wish.goal.wish != "planned":
        yield (
            f"its old copy on {seen.host_shown('other')} may start by itself, before anybody can connect: cut the VM"
            " network of that host before it is switched on"
        )


def pair_runs_elsewhere(seen: Seen) -> bool:
    """True when the copy on the other side runs, and the one here does not."""
    target, other = seen.pair.target, seen.pair.other
    return other is not None and other.may_run and not (target is not None and target.may_run)


def sentence(text: str, hosts: Container[str]) -> str:
    """With a capital, unless it begins with the name of a host, and a full stop."""
    told = " " in text.partition(":")[0] and text.partition(" ")[0] not in hosts
    text = text[:1].upper() + text[1:] if told else text
    return text if text.endswith((".", "?", "!")) else f"{text}."


_REBUILT = ("to", "runs_on", "vms", "groups", "confirm", "type")
_IN_PLAYBOOKS = {"hosts": "candidates", "order": "group_order"}


def repeated(given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that the command for what is left repeats, by their names in the playbooks."""
    return {_IN_PLAYBOOKS.get(name, name): value for name, value in given.items() if name not in _REBUILT}


def _command(run: Run, entries: Iterable[Entry]) -> str:
    """The command for exactly the VMs that are left, with all that was asked for."""
    left = list(entries)
    if not left:
        return ""
    wish = run.wish.goal
    target = str(run.raw.get("to") or ",".join(run.raw["targets"]))
    return command(
        PLAYBOOKS.get(wish.wish, "planned_failover"),
        {
            "failover_to": target,
            **_left(run, left, target),
            **({"reason": run.raw["reason"]} if run.raw.get("reason") else {}),
            **repeated(run.raw.get("given") or {}),
        },
    )


def _left(run: Run, entries: Sequence[Entry], target: str) -> dict[str, Any]:
    """The VMs as the playbooks take them, as they were asked for and still in their groups, and what confirms them."""
    ids = {entry.id for entry in entries}
    named = {text: entry for entry in entries for text in (entry.id, entry.name.casefold())}
    groups: list[dict[str, Any]] = []
    for group in run.raw["groups"]:
        asked = [str(vm) for vm in group["vms"]]
        left = [(vm, e) for vm in asked if (e := named.get(vm.strip("{}").casefold())) is not None and e.id in ids]
        vms = [e.id if is_guid(vm) else typed_vm(vm, e.id) for vm, e in left]
        groups += [{"name": str(group["name"]), "vms": vms}] if vms else []
    names = [typed_vm(entry.name, entry.id) for entry in entries]
    if len(run.raw["groups"]) == 1:
        return {"vms": groups[0]["vms"], "confirm": to_confirm(target, names)}
    group = groups[0]["name"] if len(groups) == 1 else ""
    return {"groups_of_vms": groups, "confirm": to_confirm(target, names, group)}


def _record(run: Run, line: Line) -> dict[str, Any]:
    entry, seen = line.entry, run.seen[line.entry.id]
    sides = {where: seen.pair.side(where) for where in ("target", "other")}
    return {
        "id": entry.id,
        "name": entry.name,
        "result": line.mark,
        "failed": line.failed,
        "runs_on": [seen.host(where) for where, side in sides.items() if side is not None and side.may_run],
        "target_host": seen.here,
        "other_host": seen.elsewhere or None,
        "target": shown(seen.pair.target),
        "other": shown(seen.pair.other),
        "open": line.open,
        "message": line.text,
    }
