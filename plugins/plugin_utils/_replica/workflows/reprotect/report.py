# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What protecting VMs anew came to: which are not protected first, then which are still copied. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...base.command_line import command, to_confirm, typed_vm
from ...base.replication_states import remedy
from ...base.states import (
    COPYING,
    ERROR,
    PRIMARY,
    READY,
    RESYNC_SUSPENDED,
    SUSPENDED,
    WANTS_RESYNC,
    power_may_run,
)
from ...base.text import labelled
from ..failover.sides import Record
from ..prepare.plan import states_of
from ..test_failover.report import failure_of
from .plan import Job, Left, is_through
from .talk import ReprotectTalk

UNPROTECTED, BOTH, UNKNOWN, NOT_DONE, COPYING_MARK, WELL = (
    "UNPROTECTED",
    "ON BOTH HOSTS",
    "UNKNOWN",
    "NOT DONE",
    "COPYING",
    "ok",
)
_URGENCY = (UNPROTECTED, BOTH, UNKNOWN, NOT_DONE, COPYING_MARK, WELL)
_NOTHING_IS_SENT = frozenset({READY, ERROR, SUSPENDED, WANTS_RESYNC, RESYNC_SUSPENDED})
_TOO_OLD = "its hosts take so long to answer that what they say is too old to act on"
_REPEATED = {
    "new_replica": "new_replica",
    "hosts": "candidates",
    "accept": "accept",
    "authentication": "authentication",
    "certificate_thumbprint": "certificate_thumbprint",
    "wait_timeout": "wait_timeout",
    "settle_timeout": "settle_timeout",
    "poll_interval": "poll_interval",
    "record": "record",
}
"""Inputs that the command for what is left repeats, and their names in the playbook."""


def report(talk: ReprotectTalk) -> dict[str, Any]:
    """`lines` to show, `failures` (a sentence a VM), `vms`, a record each, and the `command` for what is left."""
    looks = {id(readings): readings for readings in talk.told.values()}  # VMs that were looked at together share one
    jobs = {key: talk.job(readings) for key, readings in looks.items()}
    told = [_record(talk, jobs[id(talk.told[vm.id])], talk.left[vm.id]) for vm in talk.first["vms"]]
    told.sort(key=lambda one: _URGENCY.index(one["result"]))
    left = [one for one in told if one["failed"]]
    again = _command(talk, left) if left else ""
    return {
        "lines": labelled((one["result"], one["message"]) for one in told)
        + ([f"What is left: {again}"] if again else []),
        "failures": [f"{one['result']}: {one['message']}" for one in left],
        "vms": told,
        "command": again,
    }


def _record(talk: ReprotectTalk, job: Job, vm: Left) -> dict[str, Any]:
    holders = job.sight.holders_of(vm.id)
    own, host = holders.get(talk.host), next((host for host in job.there if host in holders), talk.new)
    there = holders.get(host)
    through = own is not None and is_through(job, own)
    runs_on = [host for host, record in holders.items() if power_may_run(str(record["power"]))]
    mark, still = _mark(own, runs_on, through)
    text = _text(talk, vm, mark, own, runs_on)
    if through and own is not None:
        sides = f"{talk.host}: {states_of(own)}; {host}: {states_of(there) if there else 'not read'}"
        text = (
            f"{vm.name} {f'runs on {talk.host}' if runs_on else 'is off'}, protected towards {host} ({sides}). {still}"
        )
    return {
        "id": vm.id,
        "name": vm.name,
        "result": mark,
        "failed": not through or mark in (BOTH, UNKNOWN),
        "runs_on": runs_on,
        "target_host": talk.host,
        "other_host": host,
        "target": states_of(own) if own else "not read",
        "other": states_of(there) if there else "not read",
        "open": still,
        "message": text.strip(),
    }


def _mark(own: Record | None, runs_on: Sequence[str], through: bool) -> tuple[str, str]:
    """What the VM is called, and what is still open for one that is protected."""
    if own is None:
        return UNKNOWN, ""
    state = str(own["state"])
    if own["mode"] != PRIMARY or state in _NOTHING_IS_SENT:
        return UNPROTECTED, f"Nothing is sent{remedy(state)}." if through else ""
    if len(runs_on) > 1:
        return BOTH, ""
    if through and state == COPYING:
        return COPYING_MARK, "Its first copy is under way; it is UNPROTECTED until that is complete."
    return (WELL if through else NOT_DONE), ""


def _text(talk: ReprotectTalk, vm: Left, mark: str, own: Record | None, runs_on: Sequence[str]) -> str:
    """What is wrong with a VM that is not protected towards the new host."""
    why = _why(talk, vm)
    if own is None:
        host = talk.told[vm.id].get(talk.host) or {}
        gone = vm.against or f"{talk.host} could not be read again ({str(host.get('msg')).rstrip('.')})"
        return f"{vm.name}: {gone}, so whether it is protected is not known{f': {why}' if why != vm.against else ''}"
    told = f"{vm.name} is {states_of(own)} on {talk.host}"
    told += ", and nothing replicates it" if mark == UNPROTECTED else ""
    told += f", and it may be running on {' and '.join(runs_on)}" if len(runs_on) > 1 else ""
    return f"{told}: {why}" if why else told


def _why(talk: ReprotectTalk, vm: Left) -> str:
    """Why the run has not gone on with a VM."""
    calls = [call["result"] for call in talk.done if vm.id in call["ids"]]
    failed = [text for result in calls if (text := failure_of(result, vm.id))]
    if failed and not vm.against:
        return failed[-1]
    return vm.against or talk.stopped or (_TOO_OLD if talk.stale.get(vm.id) else "")


def _command(talk: ReprotectTalk, left: Sequence[Mapping[str, Any]]) -> str:
    """The command for exactly the VMs that are left."""
    to = str(talk.want.inputs["to"] or talk.host)
    vms = [typed_vm(str(one["name"]), str(one["id"])) for one in left]
    given = {**talk.want.given, "new_replica": talk.new}
    kept = {name: given.get(key) for key, name in _REPEATED.items()}
    return command("reprotect", {"failover_to": to, "vms": vms, "confirm": to_confirm(to, vms), **kept})
