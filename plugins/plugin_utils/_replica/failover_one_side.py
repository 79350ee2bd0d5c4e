# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Preparing a primary whose partner is out of reach, on its host alone. Pure; from the reading of that one host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .both_running import told as told_of_both
from .command_line import command, to_confirm, typed_vm
from .failover_acts import ACTS
from .failover_inputs import check_accepted, groups_of, make_run
from .failover_preflight import of_primary
from .failover_sight import PlanError, Record, Sight
from .failover_states import (
    OFF,
    PAUSED,
    PREPARED,
    PRIMARY,
    REPLICATING,
    SAVED,
    power_may_run,
)
from .heard import records_of
from .plan_lines import plan_line


def to_prepare(
    inputs: Mapping[str, Any], readings: Mapping[str, Any], host: str, found: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Calls of the module, one for each partner; `lines` of the plan, `refused`, and what confirms it.

    `readings` are of the host, and of partners as far as they are in reach: nothing is stopped that runs there too.
    `found` is what the partners were found with (failover_partners.py).
    """
    sight = sight_on(readings, host, found or {})
    check_hosts_accepted(inputs, host, found or {})
    calls: dict[str, dict[str, Any]] = {}
    lines, refused, raw = [], [], make_run(inputs, "planned", [str(inputs["to"] or "")], {})
    records = asked_for(inputs, readings[host], host)
    for record in records:
        if record["state"] == PREPARED and record["mode"] == PRIMARY:
            lines.append(f"{record['name']}: prepared already")
            continue
        seen = sight.see(str(record["id"]), str(record["name"]))
        against, accepted = seen.strange or _against(record, readings, host), list[str]()
        if not against:
            findings = of_primary(raw, record, host)
            accepted = [f.text for f in findings if f.name in inputs["accept"]]
            told = (f for f in findings if f.name not in inputs["accept"])
            against = "; ".join(f.text + (f" (to accept it: -e accept={f.name})" if f.name else "") for f in told)
        if against:
            refused.append(f"{record['name']}: REFUSED: {against}")
            continue
        lines += _prepare_lines(inputs, record, host)
        lines += [f"{record['name']}: accepted: {text}" for text in accepted]
        partner = str(record["partner"])
        call = calls.setdefault(partner, _prepare_call(inputs, host, partner, str(record["host"])))
        call["ids"].append(record["id"])
        call["names"].append(record["name"])
    return {"calls": list(calls.values()), "lines": lines, "refused": refused, **confirmed_by(inputs, records, host)}


def confirmed_by(inputs: Mapping[str, Any], records: Sequence[Record], host: str) -> dict[str, Any]:
    """`confirm`, which is what the operator types, and `asked`, the VMs that it is about."""
    typed = [typed_vm(str(r["name"]), str(r["id"])) for r in records]
    asked = [{"id": r["id"], "name": r["name"]} for r in records]
    return {"confirm": to_confirm(str(inputs["to"] or host), typed), "asked": asked}


def _prepare_lines(inputs: Mapping[str, Any], record: Record, host: str) -> Iterable[str]:
    yield f"{record['name']}: {states_of(record)} on {host}"
    acts = ["prepare"] if record["power"] == OFF else ["stop_guest", "prepare"]
    forced = {"stop_guest": {"Force": True}} if inputs["shutdown"] == "force" else {}
    for number, act in enumerate(acts, 1):
        parameters = {**ACTS[act].parameters, **forced.get(act, {})}
        yield plan_line(number, host, ACTS[act].cmdlet, parameters, ACTS[act].meaning)


def _against(record: Record, readings: Mapping[str, Any], host: str) -> str:
    """Why what both hosts say does not allow to prepare it; "" when it does."""
    copies = ((other, r) for other in readings if other != host for r in records_of(readings[other]) or ())
    live = {other: r for other, r in copies if r["id"] == record["id"] and power_may_run(r["power"])}
    if live and power_may_run(record["power"]):
        return f"it may be running on BOTH hosts, and neither copy is touched: {told_of_both({host: record, **live})}"
    if record["mode"] != PRIMARY or record["state"] != REPLICATING:
        return f"it is {record['mode']}/{record['state']} on {host}"
    if record["power"] in (SAVED, PAUSED):
        return f"the VM is {record['power']}, not Off: decide what becomes of its state, then run this again"
    return ""


def _prepare_call(inputs: Mapping[str, Any], host: str, runs_on: str, expected_host: str) -> dict[str, Any]:
    return {
        "host": host,
        "state": "prepared",
        "expected_host": expected_host,
        "runs_on": runs_on,
        "shutdown": inputs["shutdown"],
        "shutdown_timeout": inputs["shutdown_timeout"],
        "ids": [],
        "names": [],
    }


def prepared(inputs: Mapping[str, Any], reading: Mapping[str, Any], host: str) -> dict[str, Any]:
    """`lines` and `failures`: which VMs are prepared, and what is left to do here and on the other host."""
    records = asked_for(inputs, reading, host)
    ready = {str(r["name"]): typed_vm(str(r["name"]), str(r["id"])) for r in records if r["state"] == PREPARED}
    rest = [r for r in records if r["state"] != PREPARED]
    failures = [f"{'DOWN' if r['power'] == OFF else 'NOT DONE'}: {r['name']} is {states_of(r)} on {host}" for r in rest]
    to = str(inputs["to"] or "the host where they shall run")
    lines = [
        f"prepared:      {name} is off on {host}, and cannot be started there until that is cancelled" for name in ready
    ]
    if ready:
        typed = list(ready.values())
        vms = {"failover_to": to, "vms": typed, "confirm": to_confirm(to, typed)}
        here = {"failover_to": host, "vms": typed, "confirm": to_confirm(host, typed), "declared": "dead"}
        lines += [
            f"On {to}: {command('planned_failover', {**vms, 'declared': 'prepared'})}",
            "When both are in reach: the same without declared reverses the replication.",
            f"To give it up, when both are in reach: {command('cancel_failover', vms)}",
            f"If {to} is lost: {command('cancel_failover', here)}",
        ]
    down = [typed_vm(str(r["name"]), str(r["id"])) for r in rest if r["power"] == OFF]
    if down:
        again = {"failover_to": to, "vms": down, "confirm": to_confirm(to, down)}
        lines.append(f"To bring up what is down, when both are in reach: {command('cancel_failover', again)}")
    return {"lines": failures + lines, "failures": failures}


def asked_for(inputs: Mapping[str, Any], reading: Mapping[str, Any], host: str) -> Sequence[Record]:
    """Records of the VMs that were asked for. Raises PlanError."""
    if records_of(reading) is None:
        raise PlanError(f"{host} could not be read: {reading.get('msg') or 'it gave no answer'}")
    sight = Sight({host: reading}, [host], {})
    return [sight.asked_for(str(vm)) for group in groups_of(inputs) for vm in group["vms"]]


def sight_on(
    readings: Mapping[str, Any], host: str, found: Mapping[str, Any], reach: Sequence[str] | None = None
) -> Sight:
    """What is known of the VMs of one host, with the partners that were found for them."""
    partners = found.get("partners") or {}
    return Sight(readings, [host], partners, names=found.get("names") or {}, reach=reach)


def check_hosts_accepted(inputs: Mapping[str, Any], host: str, found: Mapping[str, Any]) -> None:
    """What is accepted is a finding, or a host that was found for these VMs. Raises PlanError."""
    partners = found.get("partners") or {}
    hosts = [one for names in partners.values() for one in names]
    check_accepted(
        inputs.get("accept") or (), list(dict.fromkeys([host, *hosts, *partners, *found.get("unknown", ())]))
    )


def states_of(record: Record) -> str:
    """Mode, state and power, for people."""
    return f"{record['mode']}/{record['state']}, {record['power']}"
