# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is done on one host alone: preparing a primary whose partner is out of reach, and protecting anew what lost its
old primary for good. Pure; from the reading of that one host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .command_line import command
from .failover_acts import ACTS
from .failover_inputs import groups_of
from .failover_run import to_confirm
from .failover_sight import PlanError, Record, Sight, records_of
from .failover_states import (
    FAILED_OVER_STATES,
    FAILED_OVER_WAITING,
    NONE,
    OFF,
    PREPARED,
    PRIMARY,
    READY,
    REPLICA,
    REPLICATING,
)
from .names import same_host
from .plan_lines import plan_line


def to_prepare(inputs: Mapping[str, Any], reading: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Calls of the module, one for each partner; `lines` of the plan, `refused`, and what confirms it."""
    calls: dict[str, dict[str, Any]] = {}
    lines, refused = [], []
    records = _asked(inputs, reading, host)
    for record in records:
        if record["mode"] != PRIMARY or record["state"] not in (REPLICATING, PREPARED):
            refused.append(f"{record['name']}: REFUSED: it is {record['mode']}/{record['state']} on {host}")
            continue
        if record["state"] == PREPARED:
            lines.append(f"{record['name']}: prepared already")
            continue
        lines += _prepare_lines(inputs, record, host)
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
    return {"lines": failures + lines, "failures": failures}


def to_protect(
    inputs: Mapping[str, Any], readings: Mapping[str, Any], host: str, others: Iterable[str], new_server: str
) -> dict[str, Any]:
    """Ids to commit, to remove the old replication of, and to protect towards the new server; `lines`, `refused`.

    `others` are inventory hosts of the old partners. One that answers is not lost: reverse the replication instead.
    """
    stages: dict[str, list[str]] = {"commit": [], "remove": [], "protect": []}
    lines, refused = [], []
    alive = [other for other in others if records_of(readings.get(other)) is not None]
    records = _asked(inputs, readings[host], host)
    for record in records:
        name = str(record["name"])
        here = record["mode"] == PRIMARY and same_host(str(record["partner"]), new_server)
        if here and record["state"] != READY:
            lines.append(f"{name}: protected towards {new_server} already")
            continue
        failed_over = record["mode"] == REPLICA and record["state"] in FAILED_OVER_STATES
        if not (failed_over or here) and record["mode"] != NONE:
            refused.append(f"{name}: REFUSED: it is {_state(record)} on {host}, and not failed over to it")
            continue
        if failed_over and alive:
            refused.append(f"{name}: REFUSED: {alive[0]} answers, so it is not lost: use reverse_replication")
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


def _asked(inputs: Mapping[str, Any], reading: Mapping[str, Any], host: str) -> Sequence[Record]:
    """Records of the VMs that were asked for. Raises PlanError."""
    if records_of(reading) is None:
        raise PlanError(f"{host} could not be read: {reading.get('msg') or 'it gave no answer'}")
    sight = Sight({host: reading}, [host], {})
    return [sight.asked_for(str(vm)) for group in groups_of(inputs) for vm in group["vms"]]


def _state(record: Record) -> str:
    return f"{record['mode']}/{record['state']}, {record['power']}"
