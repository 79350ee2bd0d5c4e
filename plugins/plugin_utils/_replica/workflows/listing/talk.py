# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The conversation that lists what is possible with the VMs of hosts: each is read once, nothing is changed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...base.errors import ReplicaError
from ...base.names import AmbiguousName
from ...base.text import clean_text
from ...base.values import is_guid
from ..conversation import Answer, End, Phases, Talk, Wanted, go_through, refuse, take
from ..failover.partners import partners
from ..heard import records_of
from .candidates import candidates

GATHER = ["relations", "recovery_points"]


def start(want: Wanted) -> Talk:
    """The conversation before anything was asked."""
    return Talk("read", want=want)


def step(talk: Talk, answers: Sequence[Answer], now: float) -> Talk:
    """What comes next, after these answers."""
    talk = replace(talk, asks=(), lines=(), plan=())
    try:
        return go_through(take(talk, answers), PHASES, now)
    except ReplicaError as error:
        return refuse(talk, clean_text(error))


def interrupt(talk: Talk, reason: str, now: float) -> Talk:
    """The conversation when somebody has stopped it."""
    return talk if talk.end is not None else refuse(replace(talk, asks=(), lines=(), plan=()), f"{reason}.")


def _read(talk: Talk, now: float) -> Talk:
    vms = [str(vm) for vm in talk.want.inputs["vms"] or ()]
    ids = [vm for vm in vms if is_guid(vm.strip("{}"))]
    whom = {name: some for name, some in (("names", [vm for vm in vms if vm not in ids]), ("ids", ids)) if some}
    asked = talk.read(now, list(talk.want.targets), **whom, gather=GATHER, unreadable="error")
    return replace(asked, phase="told")  # type: ignore[no-any-return]


def _told(talk: Talk, now: float) -> Talk:
    """An entry a VM, and a line for each host that could not be read."""
    vms, lines, problems, seen = list[dict[str, Any]](), list[str](), list[str](), set[str]()
    told = talk.results()
    for host in talk.want.targets:
        records = records_of(told[host])
        if records is None:
            problems.append(str(told[host].get("msg") or f"{host} could not be read"))
            lines.append(f"{host}: it could not be read")
            continue
        entries = candidates(records, host, str(talk.want.inputs["to"]), _partners(talk, host))
        seen |= {text.casefold() for record in records for text in (str(record["name"]), str(record["id"]))}
        lines += [f"{host}:", *(line for entry in entries for line in entry.pop("lines"))]
        lines += [] if entries else ["  no VM replicates here"]
        vms += entries
    missing = [str(vm) for vm in talk.want.inputs["vms"] or () if str(vm).strip("{}").casefold() not in seen]
    if not problems:
        problems = [f"{vm}: {talk.want.inputs['to']} has no VM of that name or id." for vm in missing]
    result: dict[str, Any] = {"changed": False, "vms": vms, "actions": [], "command": ""}
    result |= {"failed": True, "msg": "\n".join(problems)} if problems else {}
    return replace(talk, end=End(result, tuple(lines)))


def _partners(talk: Talk, host: str) -> dict[str, str]:
    """The inventory host of each partner of a host's VMs, by Windows name, as far as names tell; nobody is asked."""
    want = talk.want
    others = list(dict.fromkeys([*want.candidates, *want.targets]))
    try:
        found = partners(talk.results(), [host], [], others, want.variables, want.inventory)
    except AmbiguousName:  # the failover itself asks those that a name may mean
        return {}
    return {name: str(hosts[0]) for name, hosts in found["partners"].items()}


PHASES: Phases[Talk] = {"read": _read, "told": _told}
