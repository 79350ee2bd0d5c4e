# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a removal came to, and what can be removed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...base.command_line import command, to_confirm
from ...base.errors import PlanError
from ...base.replication_states import left_alone
from ...base.states import NO_START, NONE
from ...base.text import labelled
from ..test_failover.report import failure_of
from .refusals import deletes, shown

UNKNOWN, BOTH, NOT_DONE, WELL = "unknown", "ON BOTH HOSTS", "NOT DONE", "ok"
_URGENCY = (UNKNOWN, BOTH, NOT_DONE, WELL)
_GIVEN = {"hosts": "candidates", "other_side": "", "delete": "", "on_refusal": ""}
"""Inputs that the command for what is left repeats, by their name in the role; the playbook's where that differs."""


def report(
    plan: Mapping[str, Any],
    now: Mapping[str, Any],
    done: Sequence[Mapping[str, Any]],
    host: str,
    inputs: Mapping[str, Any],
) -> dict[str, Any]:
    """`lines` to show, `failures` (a sentence a VM), `vms`, a record each, and `commands`, for what is left.

    `plan` is what the run began with, `now` the plan from a last read, `done` the calls with the `result` of each,
    `host` and `inputs` what the role was asked.
    """
    after = {vm["id"]: vm for vm in now["vms"]}
    told = [_record(vm, after[vm["id"]], done) for vm in plan["vms"]]
    told += [_nowhere(one["name"], NOT_DONE, one["reason"]) for one in plan["refused"] if one["id"] is None]
    told += [_nowhere(one["name"], WELL, one["why"]) for one in plan.get("nothing") or ()]
    told.sort(key=lambda one: _URGENCY.index(one["result"]))
    again = list(_commands([one for one in told if one["result"] != WELL and one["id"]], host, inputs))
    return {
        "lines": labelled((one["result"], one["message"]) for one in told)
        + [f"What is left, when that is mended: {one}" for one in again],
        "failures": [f"{one['result']}: {one['message']}" for one in told if one["result"] != WELL],
        "vms": told,
        "commands": again,
    }


def _nowhere(name: str, result: str, text: str) -> dict[str, Any]:
    """A VM that the host does not have."""
    return {
        "id": None,
        "name": name,
        "result": result,
        "failed": result != WELL,
        "runs_on": [],
        "sides": {},
        "live": None,
        "message": f"{name}: {text}",
    }


def _commands(left: Sequence[Mapping[str, Any]], host: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    """The commands for exactly the VMs that are left, by id, one for each host where they live: what is deleted needs
    to be told that, for the relation that showed it may have ended.
    """
    given = {_GIVEN[name] or name: inputs.get(name) for name in _GIVEN}
    given = {name: value for name, value in given.items() if value not in ("nothing", "reached", "stop")}
    by_live: dict[str, list[Mapping[str, Any]]] = {}
    for one in left:
        certain = one["certain"] if deletes(inputs) else ""
        by_live.setdefault(str(inputs.get("lives_on") or certain or ""), []).append(one)
    for live, vms in by_live.items():
        on = live if live and not all(host in one["sides"] for one in vms) else host
        ids = [str(one["id"]) for one in vms]
        asked = {"remove_on": on, "vms": ids, "confirm": to_confirm(on, ids), "lives_on": live}
        yield command("remove_replication", {**asked, **given})


def _record(vm: Mapping[str, Any], after: Mapping[str, Any], done: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    result, problem = _outcome(vm, after, done)
    return {
        "id": vm["id"],
        "name": vm["name"],
        "result": result,
        "failed": result != WELL,
        "runs_on": list(after["running"]),
        "sides": dict(after["sides"]),
        "live": vm["live"],
        "certain": vm["certain"],
        "message": f"{vm['name']}: {problem or _success(vm, after)}",
    }


def _outcome(vm: Mapping[str, Any], after: Mapping[str, Any], done: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """What it came to, and the text where it is not well. A goal that was read is reached, whatever an error said."""
    where = "; ".join(f"{host}: {text}" for host, text in after["sides"].items())
    if after["strange"] and not vm["refused"]:
        return UNKNOWN, f"{after['strange']} (now {where})"
    if len(after["running"]) > 1:
        return BOTH, f"it may be running on {' and '.join(after['running'])} (now {where})"
    if vm["refused"]:
        return NOT_DONE, str(vm["refused"])
    unread = after["unread"]
    silent = [host for host in vm["sides"] if host in unread]
    if silent and vm["steps"]:
        causes = "; ".join(unread[host].rstrip(".") for host in silent)
        told = f"{', '.join(silent)} could not be read again ({causes}), so what was done is not known (now {where})"
        return UNKNOWN, told
    mine = [call for call in done if vm["id"] in call["ids"]]
    failed = next((text for call in mine if (text := failure_of(call["result"], vm["id"]))), "")
    if after["steps"] or after["refused"]:
        return NOT_DONE, f"{failed or after['refused'] or 'it is not removed everywhere'} (now {where})"
    return WELL, ""


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
        raise PlanError("the host could not be read")
    told = sorted((vm for vm in vms if vm["mode"] != NONE), key=lambda vm: str(vm["name"]).casefold())
    return [f"Replicated here: {len(told) or 'none'}", *(f"  {_candidate(vm)}" for vm in told)]


def _candidate(vm: Mapping[str, Any]) -> str:
    state = left_alone(str(vm["state"]))
    blocked = f"{state.what}. {state.advice}" if state is not None and not state.removable else ""
    blocked = "a test VM of it is there. End the test first." if vm["test_vm"] else blocked
    return (
        f"{vm['name']}  {shown(vm)}, {vm['health']}  with {vm['partner'] or 'unknown'}  {blocked or 'can be removed'}"
    )
