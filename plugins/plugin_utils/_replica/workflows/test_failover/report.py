# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What became of a test failover: who came up and how soon, what failed, and what is still there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...base.command_line import command, typed_vm
from ...base.states import RUNNING
from ...base.text import labelled
from .plan import last_tested

NOT_ENDED, FAILED, KEPT, WELL = "NOT ENDED", "FAILED", "left running", "ok"
_URGENCY = (NOT_ENDED, FAILED, KEPT, WELL)
_NO_HEARTBEAT_SERVICE = ("", "Disabled")


def answered(known: Mapping[str, Any], read: Any) -> dict[str, float]:
    """Seconds from its start to the first look that found the guest's heartbeat, by id of the test VM.

    A VM whose heartbeat service is switched off, or of which nothing is told, never answers, and counts as soon as it
    runs. What is known stays.
    """
    found = {str(vm): float(seconds) for vm, seconds in known.items()}
    for record in (read if isinstance(read, Mapping) else {}).get("vms") or ():
        heartbeat = str(record.get("heartbeat") or "")
        silent = heartbeat in _NO_HEARTBEAT_SERVICE and record["power"] == RUNNING
        if heartbeat.startswith("Ok") or silent:
            found.setdefault(str(record["id"]), float(record.get("uptime_seconds") or 0.0))
    return found


def came_up(plan: Mapping[str, Any], run: Mapping[str, Any], read: Any) -> list[dict[str, Any]]:
    """What a check is told of each VM that came up. `run` is as for `report`; `read`, what hyperv_replication_info said
    of the test VMs with their adapters: one that is not in it has no name.
    """
    shown = {str(record["id"]): record for record in (read or {}).get("vms") or ()}
    isolation = run["isolation"]
    up = run["answered"] if run["heartbeat"] else run["expected"]
    told = []
    for vm in plan["vms"]:
        test = isolation["tests"].get(vm["id"])
        if vm["id"] in isolation["ids"] and test in up:
            record = shown.get(test, {})
            told.append(
                {
                    "id": vm["id"],
                    "name": vm["name"],
                    "test_id": test,
                    "test_name": record.get("name"),
                    "ip_addresses": [ip for one in record.get("adapters") or () for ip in one["ip_addresses"] or ()],
                    "host": record.get("host"),
                    "point": vm["point"],
                }
            )
    return told


def report(plan: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """`lines` to show, `failures` (a sentence a VM), and `vms`, a record each.

    `run` holds what the stages registered: `switched`, `made`, `isolation`, `started`, `expected`, `answered`,
    `checked`, `ended` and `after` (a last read of the replicas), and `keep`, `heartbeat`, `host` of the role; `stopped`
    says that somebody has stopped it.
    """
    told = [_record(vm, run) for vm in plan["vms"]]
    told += [_refused(one) for one in plan["refused"]]
    told.sort(key=lambda one: _URGENCY.index(one["result"]))
    failures = [f"{one['result']}: {one['message']}" for one in told if one["failed"]]
    return {
        "lines": labelled((one["result"], one["message"]) for one in told) + _hints(told, run),
        "failures": failures,
        "vms": told,
    }


def _refused(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": one["id"],
        "name": one["name"],
        "result": FAILED,
        "failed": True,
        "point": None,
        "seconds": None,
        "last_test_failover_time": None,
        "message": f"{one['name']}: not tested: {one['reason']}",
    }


def _record(vm: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    problem = _problem(vm, run)
    after = _after(vm["id"], run)
    seconds = (run.get("answered") or {}).get((run.get("isolation") or {}).get("tests", {}).get(vm["id"]))
    there = _there(after)
    tested = last_tested(after) if after else "not known"
    result = NOT_ENDED if _may_come(vm, run) else _result(problem, there, bool(run.get("keep")))
    return {
        "id": vm["id"],
        "name": vm["name"],
        "result": result,
        "failed": bool(problem) or result == NOT_ENDED,
        "point": vm["point"],
        "seconds": seconds,
        "last_test_failover_time": tested if tested not in ("never", "not known") else None,
        "message": f"{vm['name']}: {_text(vm, run, problem, seconds, there)}; last tested: {tested}",
    }


def _after(vm_id: str | None, run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What was read of a VM last."""
    return next((one for one in (run.get("after") or {}).get("vms") or () if one["id"] == vm_id), None)


def _there(after: Mapping[str, Any] | None) -> bool | None:
    """Whether its test VM is there; None where that is not known."""
    return None if after is None or after.get("relations") is None else bool(after.get("test_vm"))


def _result(problem: str, there: bool | None, keep: bool) -> str:
    if there is not False and not keep:
        return NOT_ENDED
    if problem:
        return FAILED
    return KEPT if there else WELL


def _text(
    vm: Mapping[str, Any], run: Mapping[str, Any], problem: str, seconds: float | None, there: bool | None
) -> str:
    ran = vm["adopted"] and not vm["steps"]
    origin = f"from {vm['point']}"
    came_up = "ran already" if ran else origin if seconds is None else f"came up in {seconds:.0f} s {origin}"
    said = f"{came_up}, {problem}" if problem and seconds is not None else problem or came_up
    if there is None:
        return f"{said}. WHETHER ITS TEST VM IS STILL THERE IS NOT KNOWN: {_reason(run, vm['id']) or 'no answer'}"
    if there and not run.get("keep"):
        return f"{said}. ITS TEST VM IS STILL THERE: {_reason(run, vm['id']) or 'it was not ended'}"
    if _may_come(vm, run):
        return f"{said}. ITS TEST VM MAY STILL BE MADE: the host may go on with what it was told. Look again"
    return f"{said}; its test VM {'is left as it is' if there else 'is gone'}"


def _may_come(vm: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
    """True when the answer to the making of its test VM was lost, and there was none to be ended."""
    made = [act for act in (run.get("made") or {}).get("actions") or () if act["vm_id"] == vm["id"]]
    ended = any(act["vm_id"] == vm["id"] for act in (run.get("ended") or {}).get("actions") or ())
    return any(act["sent"] is None for act in made) and not ended and not run.get("keep")


def _reason(run: Mapping[str, Any], vm_id: str) -> str:
    return failure_of(run.get("ended"), vm_id)


def _problem(vm: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """The first thing that went wrong with it, by the order of the stages; "" when all went well."""
    vm_id, isolation = vm["id"], run.get("isolation") or {}
    for result in [*(run.get("switched") or ()), run.get("made")]:
        failed = failure_of(result, vm_id)
        if failed:
            return failed
    if vm_id not in isolation.get("tests", {}):
        return "no test VM of it was made"
    if vm_id in isolation.get("problems", {}):
        return str(isolation["problems"][vm_id])
    failed = failure_of(run.get("started"), vm_id)
    if failed:
        return failed
    if isolation["tests"][vm_id] not in (run.get("expected") or ()):
        return "its test VM was not started"
    if int(run.get("heartbeat") or 0) and isolation["tests"][vm_id] not in (run.get("answered") or {}):
        cut = run.get("stopped")
        return f"its guest did not answer {'before that' if cut else 'within ' + str(run['heartbeat']) + ' seconds'}"
    check = (run.get("checked") or {}).get(vm_id)
    return f"a check failed: {check}" if check else ""


def failure_of(result: Any, vm_id: str) -> str:
    """What a module's result says went wrong with that VM; "" when nothing did."""
    if not isinstance(result, Mapping) or result.get("skipped"):
        return ""
    for failure in result.get("failures") or ():
        if failure.get("id") == vm_id or any(
            one.get("adapter_id") == failure.get("id") and one.get("id") == vm_id
            for one in result.get("adapters") or ()
        ):
            return str(failure["msg"])
    if result.get("unreachable"):
        return str(result.get("msg"))
    return str(result.get("msg")) if result.get("failed") and not result.get("failures") else ""


def _hints(told: Iterable[Mapping[str, Any]], run: Mapping[str, Any]) -> list[str]:
    left = [one for one in told if one["result"] in (NOT_ENDED, KEPT) or _there(_after(one["id"], run))]
    names = [typed_vm(str(one["name"]), str(one["id"])) for one in left]
    if not names:
        return []
    return [f"To end what is there: {command('cleanup_test_failover', {'test_on': run['host'], 'vms': names})}"]
