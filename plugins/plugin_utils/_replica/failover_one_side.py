# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is done on one host alone: preparing a primary whose partner is out of reach, and protecting anew what lost its
old primary for good. Pure; from the reading of that one host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .both_running import told as told_of_both
from .command_line import command
from .failover_acts import ACTS
from .failover_inputs import groups_of, make_run
from .failover_preflight import of_primary
from .failover_run import to_confirm
from .failover_sight import PlanError, Record, Sight, records_of
from .failover_states import (
    FAILED_OVER_STATES,
    FAILED_OVER_WAITING,
    MAY_RUN,
    NONE,
    OFF,
    PAUSED,
    PREPARED,
    PRIMARY,
    READY,
    REPLICA,
    REPLICATING,
    SAVED,
)
from .names import same_host
from .partner_server import problem as server_problem
from .partner_server import read_server
from .plan_lines import plan_line


def to_prepare(inputs: Mapping[str, Any], readings: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Calls of the module, one for each partner; `lines` of the plan, `refused`, and what confirms it.

    `readings` are of the host, and of partners as far as they are in reach: nothing is stopped that runs there too.
    """
    calls: dict[str, dict[str, Any]] = {}
    lines, refused, raw = [], [], make_run(inputs, "planned", [str(inputs["to"] or "")], {})
    records = _asked(inputs, readings[host], host)
    for record in records:
        if record["state"] == PREPARED and record["mode"] == PRIMARY:
            lines.append(f"{record['name']}: prepared already")
            continue
        against, accepted = _against(record, readings, host), list[str]()
        if not against:
            found = of_primary(raw, record, host)
            accepted = [f.text for f in found if f.name in inputs["accept"]]
            told = (f for f in found if f.name not in inputs["accept"])
            against = "; ".join(f.text + (f" (accept it with {f.name})" if f.name else "") for f in told)
        if against:
            refused.append(f"{record['name']}: REFUSED: {against}")
            continue
        lines += _prepare_lines(inputs, record, host)
        lines += [f"{record['name']}: accepted: {text}" for text in accepted]
        call = calls.setdefault(str(record["partner"]), _prepare_call(inputs, host, str(record["partner"])))
        call["ids"].append(record["id"])
        call["names"].append(record["name"])
    confirm = to_confirm(str(inputs["to"] or host), [str(r["name"]) for r in records])
    return {"calls": list(calls.values()), "lines": lines, "refused": refused, "confirm": confirm}


def _prepare_lines(inputs: Mapping[str, Any], record: Record, host: str) -> Iterable[str]:
    yield f"{record['name']}: {_state(record)} on {host}"
    acts = ["prepare"] if record["power"] == OFF else ["stop_guest", "prepare"]
    forced = {"stop_guest": {"Force": True}} if inputs["shutdown"] == "force" else {}
    for number, act in enumerate(acts, 1):
        parameters = {**ACTS[act].parameters, **forced.get(act, {})}
        yield plan_line(number, host, ACTS[act].cmdlet, parameters, ACTS[act].meaning)


def _against(record: Record, readings: Mapping[str, Any], host: str) -> str:
    """Why what both hosts say does not allow to prepare it; "" when it does."""
    copies = ((other, r) for other in readings if other != host for r in records_of(readings[other]) or ())
    live = {other: r for other, r in copies if r["id"] == record["id"] and r["power"] in MAY_RUN}
    if live and record["power"] in MAY_RUN:
        return f"it may be running on BOTH hosts, and neither copy is touched: {told_of_both({host: record, **live})}"
    if record["mode"] != PRIMARY or record["state"] != REPLICATING:
        return f"it is {record['mode']}/{record['state']} on {host}"
    if record["power"] in (SAVED, PAUSED):
        return f"the VM is {record['power']}, not Off: decide what becomes of its state, then run this again"
    return ""


def _prepare_call(inputs: Mapping[str, Any], host: str, runs_on: str) -> dict[str, Any]:
    return {
        "host": host,
        "state": "prepared",
        "runs_on": runs_on,
        "shutdown": inputs["shutdown"],
        "shutdown_timeout": inputs["shutdown_timeout"],
        "ids": [],
        "names": [],
    }


def prepared(inputs: Mapping[str, Any], reading: Mapping[str, Any], host: str) -> dict[str, Any]:
    """`lines` and `failures`: which VMs are prepared, and what is left to do here and on the other host."""
    records = _asked(inputs, reading, host)
    ready = [str(r["name"]) for r in records if r["state"] == PREPARED]
    rest = [r for r in records if r["state"] != PREPARED]
    failures = [f"{'DOWN' if r['power'] == OFF else 'NOT DONE'}: {r['name']} is {_state(r)} on {host}" for r in rest]
    to = str(inputs["to"] or "the host where they shall run")
    lines = [
        f"prepared:      {name} is off on {host}, and cannot be started there until that is cancelled" for name in ready
    ]
    if ready:
        vms = {"failover_to": to, "vms": ready, "confirm": to_confirm(to, ready)}
        here = {"failover_to": host, "vms": ready, "confirm": to_confirm(host, ready), "declared": "dead"}
        lines += [
            f"On {to}: {command('planned_failover', {**vms, 'declared': 'prepared'})}",
            "When both are in reach: the same without declared reverses the replication.",
            f"To give it up, when both are in reach: {command('cancel_failover', vms)}",
            f"If {to} is lost: {command('cancel_failover', here)}",
        ]
    down = [str(r["name"]) for r in rest if r["power"] == OFF]
    if down:
        again = {"failover_to": to, "vms": down, "confirm": to_confirm(to, down)}
        lines.append(f"To bring up what is down, when both are in reach: {command('cancel_failover', again)}")
    return {"lines": failures + lines, "failures": failures}


def to_protect(
    inputs: Mapping[str, Any], readings: Mapping[str, Any], host: str, others: Iterable[str], new_server: str
) -> dict[str, Any]:
    """Ids to commit, to remove the old replication of, and to protect towards the new server; `lines`, `refused`.

    `others` are inventory hosts of the old partners. One that still has the VM, or that answers and does not tell, is
    not lost: reverse the replication instead. Nothing is committed before the new host is known to be ready.
    """
    stages: dict[str, list[str]] = {"commit": [], "remove": [], "protect": []}
    lines, refused = [], []
    records = _asked(inputs, readings[host], host)
    old = list(dict.fromkeys([*others, str(inputs["new_replica"])]))
    unfit = _unfit(inputs, readings, str(readings[host].get("windows_name") or host))
    for record in records:
        name = str(record["name"])
        here = record["mode"] == PRIMARY and same_host(str(record["partner"]), new_server)
        if here and record["state"] != READY:
            lines.append(f"{name}: protected towards {new_server} already")
            continue
        failed_over = record["mode"] == REPLICA and record["state"] in FAILED_OVER_STATES
        fits = failed_over or here or record["mode"] == NONE
        reason = "" if fits else f"it is {_state(record)} on {host}, and not failed over to it"
        reason = reason or ("" if here else _not_lost(record, readings, old)) or unfit
        if reason:
            refused.append(f"{name}: REFUSED: {reason}")
            continue
        steps = list(_protect_steps(record, new_server))
        for stage in dict.fromkeys(stage for stage, *_unused in steps):
            stages[stage].append(str(record["id"]))
        lines += [
            f"{name}: {_state(record)} on {host}",
            *(plan_line(n, host, cmdlet, told, why) for n, (_unused, cmdlet, told, why) in enumerate(steps, 1)),
        ]
    confirm = to_confirm(str(inputs["to"] or host), [str(r["name"]) for r in records])
    return {**stages, "lines": lines, "refused": refused, "confirm": confirm}


def _protect_steps(record: Record, new_server: str) -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """Stage, cmdlet, what of its parameters is known beforehand, and why."""
    if record["state"] == FAILED_OVER_WAITING:
        yield "commit", ACTS["commit"].cmdlet, {}, "commit the failover: its recovery points go"
    if record["state"] in FAILED_OVER_STATES:
        yield "remove", ACTS["remove"].cmdlet, {}, "end the old replication on this side (UNPROTECTED from then on)"
    if record["mode"] != PRIMARY:
        yield "protect", "Enable-VMReplication", {"ReplicaServerName": new_server}, "protect it towards the new host"
    yield "protect", ACTS["start_copy"].cmdlet, {}, "start the first copy towards the new host"


def unprotected(
    inputs: Mapping[str, Any], readings: Mapping[str, Any], host: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """`failures`: which VMs are not protected after all, where they run, and the command that goes on."""
    rest = [r for r in _asked(inputs, readings[host], host) if r["mode"] != PRIMARY]
    names, to = [str(r["name"]) for r in rest], str(inputs["to"] or host)
    lines = [f"UNPROTECTED: {r['name']} is {_state(r)} on {host}, and nothing replicates it" for r in rest]
    again = {"failover_to": to, "vms": names, "confirm": to_confirm(to, names)}
    kept = {name: value for name, value in given.items() if name not in ("to", "vms", "groups", "confirm")}
    kept["candidates"] = kept.pop("hosts", None)
    return {"lines": lines, "failures": [*lines, command("reprotect", {**again, **kept})] if rest else []}


def _not_lost(record: Record, readings: Mapping[str, Any], hosts: Iterable[str]) -> str:
    """Why an old host of the VM is not lost for good; "" when none of them shows it."""
    for host in hosts:
        reading = readings.get(host) or {}
        there = next((r for r in records_of(reading) or () if r["id"] == record["id"]), None)
        if there is not None and there["power"] in MAY_RUN and record["power"] in MAY_RUN:
            both = f"{_state(there)} on {host}, and {_state(record)} here"
            return f"it may be running on BOTH hosts: {both}. Neither is touched"
        if there is not None:
            return f"{host} answers and has it ({_state(there)}), so it is not lost: use reverse_replication"
        if reading.get("host_answered"):
            return f"{host} answers, so it is not lost: {reading.get('msg')}"
    return ""


def _unfit(inputs: Mapping[str, Any], readings: Mapping[str, Any], own_name: str) -> str:
    """Why VMs cannot be protected towards the new host; "" when nothing known speaks against it."""
    new = str(inputs["new_replica"])
    reading = readings.get(new)
    if records_of(reading) is None:
        problem = (reading or {}).get("msg") or "it is not in the inventory, or outside of --limit"
        return f"new_replica: {new} could not be read: {problem}"
    server = read_server((reading or {}).get("server"))
    if server is None:
        return f"new_replica: whether {new} is a replica server could not be read"
    type_ = str(inputs["authentication"] or server.only_type or "")
    if server.enabled and not type_:
        return f"authentication: {new} takes {server.authentication}. Give one of them"
    problem = server_problem(server, new, type_, own_name, clustered=False)
    return f"new_replica: {problem}" if problem else ""


def _asked(inputs: Mapping[str, Any], reading: Mapping[str, Any], host: str) -> Sequence[Record]:
    """Records of the VMs that were asked for. Raises PlanError."""
    if records_of(reading) is None:
        raise PlanError(f"{host} could not be read: {reading.get('msg') or 'it gave no answer'}")
    sight = Sight({host: reading}, [host], {})
    return [sight.asked_for(str(vm)) for group in groups_of(inputs) for vm in group["vms"]]


def _state(record: Record) -> str:
    return f"{record['mode']}/{record['state']}, {record['power']}"
