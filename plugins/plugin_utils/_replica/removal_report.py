# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a removal came to, and what can be removed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .drill_report import failure_of
from .failover_power import NO_START
from .failover_states import NONE
from .relation_states import left_alone
from .removal_plan import RemovalError, shown

NOT_DONE, WELL = "NOT DONE", "ok"


def report(plan: Mapping[str, Any], now: Mapping[str, Any], done: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`lines` to show, `failures` (a sentence a VM), and `vms`, a record each.

    `plan` is what the run began with, `now` the plan from a last read, `done` the calls with the `result` of each.
    """
    after = {vm["id"]: vm for vm in now["vms"]}
    told = [_record(vm, after.get(vm["id"]), done, now["unread"]) for vm in plan["vms"]]
    missing = [one for one in plan["refused"] if one["id"] is None]
    told += [
        {"id": None, "name": m["name"], "result": NOT_DONE, "message": f"{m['name']}: {m['reason']}"} for m in missing
    ]
    told.sort(key=lambda one: one["result"] != NOT_DONE)
    left = [str(one["name"]) for one in told if one["result"] == NOT_DONE]
    again = [f"What is left, when that is mended: the same command with vms={','.join(left)}"] if left else []
    return {
        "lines": [f"{one['result'] + ':':<10}{one['message']}" for one in told] + again,
        "failures": [f"{one['result']}: {one['message']}" for one in told if one["result"] == NOT_DONE],
        "vms": told,
    }


def _record(
    vm: Mapping[str, Any], after: Mapping[str, Any] | None, done: Sequence[Mapping[str, Any]], unread: Sequence[str]
) -> dict[str, Any]:
    problem = _problem(vm, after, done, unread)
    result = NOT_DONE if problem else WELL
    return {
        "id": vm["id"],
        "name": vm["name"],
        "result": result,
        "sides": dict((after or vm)["sides"]),
        "live": vm["live"],
        "message": f"{vm['name']}: {problem or _success(vm, after or vm)}",
    }


def _problem(
    vm: Mapping[str, Any], after: Mapping[str, Any] | None, done: Sequence[Mapping[str, Any]], unread: Sequence[str]
) -> str:
    if vm["refused"]:
        return str(vm["refused"])
    silent = [host for host in vm["sides"] if host in unread]
    if after is None or silent:
        return f"{', '.join(silent) or 'it'} could not be read again, so what was done is not known. Run this again"
    mine = [call for call in done if vm["id"] in call["ids"]]
    failed = next((text for call in mine if (text := failure_of(call["result"], vm["id"]))), "")
    if after["steps"] or after["refused"]:
        where = "; ".join(f"{host}: {text}" for host, text in after["sides"].items())
        return f"{failed or after['refused'] or 'it is not removed everywhere'} (now {where})"
    return failed


def _success(vm: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    hosts = list(
        dict.fromkeys(step["host"] for step in vm["steps"] if step["stage"] in ("primary", "replica", "extended"))
    )
    text = f"its replication is removed on {' and '.join(hosts)}" if hosts else "it is not replicated"
    for host in vm["sides"]:
        text += _copy(vm, after, host)
    return text + "".join(f"; {note}" for note in vm["notes"])


def _copy(vm: Mapping[str, Any], after: Mapping[str, Any], host: str) -> str:
    """What became of the copy on a host that is not the live VM's."""
    if not vm["live"] or host == vm["live"]:
        return ""
    if host not in after["sides"]:
        return f"; its copy on {host} is deleted"
    if after["start_actions"].get(host) == NO_START:
        return f"; its copy on {host} stays and does not start with the host"
    return f"; its copy on {host} stays"


def candidates(vms: Iterable[Mapping[str, Any]] | None) -> list[str]:
    """Lines: the VMs of a host that are replicated, with power, mode, state, health, and what can be done."""
    if vms is None:
        raise RemovalError("the host could not be read")
    told = sorted((vm for vm in vms if vm["mode"] != NONE), key=lambda vm: str(vm["name"]).casefold())
    return [f"Replicated here: {len(told) or 'none'}", *(f"  {_candidate(vm)}" for vm in told)]


def _candidate(vm: Mapping[str, Any]) -> str:
    state = left_alone(str(vm["state"]))
    blocked = f"{state.what}. {state.advice}" if state is not None and not state.removable else ""
    blocked = "a test VM of it is there. End the test first." if vm["test_vm"] else blocked
    return (
        f"{vm['name']}  {shown(vm)}, {vm['health']}  with {vm['partner'] or 'unknown'}  {blocked or 'can be removed'}"
    )
