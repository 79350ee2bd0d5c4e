# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Preparing primaries on their own host, whether or not their partner is in reach. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...base.acts import ACTS, allowed
from ...base.command_line import to_confirm, typed_vm
from ...base.errors import PlanError
from ...base.plan_lines import plan_line
from ...base.states import OFF, PAUSED, PREPARED, PRIMARY, REPLICATING, SAVED, power_may_run
from ..both_running import told as told_of_both
from ..failover.calls import START_OLD, Order, calls_of, proof_of
from ..failover.inputs import check_accepted, groups_of, make_run
from ..failover.plan import Wish, unfold
from ..failover.preflight import of_primary
from ..failover.sides import Record, Seen, Sight
from ..failover.step import Goal
from ..heard import records_of

PREPARE = "prepare"
"""The stage of the call that prepares."""


def to_prepare(
    inputs: Mapping[str, Any],
    readings: Mapping[str, Any],
    host: str,
    found: Mapping[str, Any],
    variables: Mapping[str, Mapping[str, Any]],
    reach: Sequence[str] | None = None,
) -> dict[str, Any]:
    """`vms`: for each `seen`, whether it is prepared (`done`), and why it is not to be (`against`). `lines` of the
    plan, `refused`, how many are to be acted on (`acts`), and what confirms it.

    `readings` are of the host, and of partners as far as they are in reach: nothing is stopped that runs there too.
    `found` is what the partners were found with (failover/partners.py), `variables` has group_names of hosts. Raises
    PlanError.
    """
    if records_of(readings.get(host)) is None:
        raise PlanError(unread_host(readings, host))
    check_hosts_accepted(inputs, host, found)
    sight = sight_on(readings, host, found, reach)
    raw = make_run(inputs, "planned", [str(inputs["runs_on"] or "")], {})
    lines, refused, vms = list[str](), list[str](), dict[str, dict[str, Any]]()
    for vm in (str(vm) for group in groups_of(inputs) for vm in group["vms"]):
        record = sight.asked_for(vm)
        name, key = str(record["name"]), str(record["id"])
        if key in vms:
            raise PlanError(f"{vm} is named twice. Give each VM once, in one group.")
        seen, accepted, against = sight.see(key, name), list[str](), ""
        done = is_prepared(record)
        if not done:
            findings = of_primary(raw, record, host)
            told = (f for f in findings if f.name not in inputs["accept"])
            against = why_not(seen, sight.holders_of(key)) or _elsewhere(seen, sight, inputs, variables)
            against = against or "; ".join(
                f.text + (f" (to accept it: -e accept={f.name})" if f.name else "") for f in told
            )
            accepted = [f.text for f in findings if f.name in inputs["accept"]]
        vms[key] = {"seen": seen, "done": done, "against": against}
        if done:
            lines.append(f"{name}: prepared already")
        elif against:
            refused.append(f"{name}: REFUSED: {against}")
        else:
            lines += _prepare_lines(inputs, record, host)
            lines += [f"{name}: accepted: {text}" for text in accepted]
    records = [one["seen"].record for one in vms.values()]
    acts = sum(not (one["done"] or one["against"]) for one in vms.values())
    confirm = confirmed_by({"to": inputs["runs_on"]}, records, host)
    return {"vms": list(vms.values()), "acts": acts, "lines": lines, "refused": refused, **confirm}


def is_prepared(record: Record) -> bool:
    """True for a primary that is prepared for a failover."""
    return bool(record["mode"] == PRIMARY and record["state"] == PREPARED)


def why_not(seen: Seen, holders: Mapping[str, Record]) -> str:
    """Why what was read does not allow to prepare a VM whose record is there; "" when it does. `holders` are its
    records by host.
    """
    record, host = seen.record or {}, seen.here
    if seen.strange:
        return seen.strange
    live = {other: r for other, r in holders.items() if other != host and power_may_run(r["power"])}
    if live and power_may_run(record["power"]):
        return f"it may be running on BOTH hosts, and neither copy is touched: {told_of_both({host: record, **live})}"
    if record["mode"] != PRIMARY or record["state"] != REPLICATING:
        return f"it is {record['mode']}/{record['state']} on {host}"
    if record["power"] in (SAVED, PAUSED):
        return f"the VM is {record['power']}, not Off: decide what becomes of its state, then run this again"
    own, other = seen.pair.target, seen.pair.other
    if own is None or other is None or allowed("prepare", own.with_(power=OFF), other):
        return _tested(seen) if other is not None and other.test_vm else ""
    return f"its replica on {seen.host_shown('other')} is {other}, not Replicating"


def _tested(seen: Seen) -> str:
    there = seen.host_shown("other")
    return f"a test VM of it is on {there}: end the test first (cleanup_test_failover)"


def _elsewhere(seen: Seen, sight: Sight, inputs: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> str:
    """Why its replica is not where it shall run, as far as the inventory tells: the commands for what comes next would
    be for another host.
    """
    to, hosts = str(inputs["runs_on"] or ""), sight.partner_hosts(seen.partner)
    groups = {group for host in hosts for group in (variables.get(host) or {}).get("group_names") or ()}
    if not to or not hosts or to in hosts or to in groups:
        return ""
    return f"its replica is on {' or '.join(hosts)}, and not on {to}. Give {hosts[0]} as failover_to"


def _prepare_lines(inputs: Mapping[str, Any], record: Record, host: str) -> Iterable[str]:
    yield f"{record['name']}: {states_of(record)} on {host}"
    acts = ["prepare"] if record["power"] == OFF else ["stop_guest", "prepare"]
    forced = {"stop_guest": {"Force": True}} if inputs["shutdown"] == "force" else {}
    for number, act in enumerate(acts, 1):
        parameters = {**ACTS[act].parameters, **forced.get(act, {})}
        yield plan_line(number, host, ACTS[act].cmdlet, parameters, ACTS[act].meaning)


def prepare_calls(seen: Iterable[Seen], inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Calls of the module that prepare these, one for each partner."""
    calls: dict[str, dict[str, Any]] = {}
    for one in seen:
        record = one.record or {}
        call = calls.setdefault(
            one.partner,
            {
                "host": one.here,
                "stage": PREPARE,
                "state": "prepared",
                "expected_host": str(record["host"]),
                "runs_on": one.partner,
                "shutdown": inputs["shutdown"],
                "shutdown_timeout": inputs["shutdown_timeout"],
                "ids": [],
                "partner": [],
            },
        )
        call["ids"].append(one.id)
        call["partner"] += [proof for proof in [proof_of(one, "other")] if proof]
    return list(calls.values())


def way_back(seen: Seen, inputs: Mapping[str, Any]) -> str:
    """Why a VM that is off on its host, and not prepared, must not be started there again; "" when it may (L1)."""
    raw = make_run(inputs, "planned", [], {})
    goal = Goal("cancel", start=True, accept=frozenset(raw["wish"]["accept"]))
    plan = unfold(seen, Wish(goal, fence=False, advise=False))
    starts = bool(plan.acts) and plan.outcome != "refused" and plan.acts[0].act == "start"
    return "" if starts else plan.message


def start_calls(seen: Iterable[Seen]) -> list[dict[str, Any]]:
    """Calls that start these where they were."""
    return calls_of((Order(one, START_OLD, "target", "start") for one in seen), {})


def unread_host(readings: Mapping[str, Any], host: str) -> str:
    """That a host could not be read, and why."""
    return f"{host} could not be read: {(readings.get(host) or {}).get('msg') or 'it gave no answer'}"


def confirmed_by(inputs: Mapping[str, Any], records: Sequence[Record], host: str) -> dict[str, Any]:
    """`confirm`, which is what the operator types, and `asked`, the VMs that it is about."""
    typed = [typed_vm(str(r["name"]), str(r["id"])) for r in records]
    asked = [{"id": r["id"], "name": r["name"]} for r in records]
    return {"confirm": to_confirm(str(inputs["to"] or host), typed), "asked": asked}


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
