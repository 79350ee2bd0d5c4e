# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The conversation of a removal until its first act: find the VMs and every host with a copy, plan, agree. Pure.

The acts are flow.py's. Every phase is a function that is called when all its questions are answered; it asks
more, or names the next phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...base.command_line import unconfirmed
from ...base.values import is_guid
from ..conversation import ACT, End, Phases, Talk, Wanted, refuse
from ..heard import records_of
from ..looks import Look
from .plan import removal_plan
from .refusals import deletes
from .report import candidates
from .sides import World, chosen, removal_hosts, see

GATHER = ["relations", "disks", "cluster"]
_OUTSIDE: Mapping[str, Any] = {"unreachable": True, "msg": "it is outside of --limit"}
Readings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class RemovalTalk(Talk):
    """readings: results of hyperv_replication_info by inventory host. found: what removal_hosts made of them. first:
    the plan that was agreed on. own: hosts that each VM concerns. now: how each VM was shown last.

    due: VMs to be looked at. flying: calls under way for a VM, by number. tried: stages of a VM and their hosts. stale:
    how often what was read for a VM had grown too old. done: what the calls gave. stopped: why the run goes no further.
    """

    readings: Readings = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    first: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, frozenset[str]] = field(default_factory=dict)
    now: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    due: tuple[str, ...] = ()
    flying: Mapping[str, frozenset[int]] = field(default_factory=dict)
    tried: frozenset[tuple[str, str, str]] = frozenset()
    stale: Mapping[str, int] = field(default_factory=dict)
    done: tuple[Mapping[str, Any], ...] = ()
    stopped: str = ""

    @property
    def host(self) -> str:
        """The inventory host that was named."""
        return self.want.targets[0]


def start(want: Wanted) -> RemovalTalk:
    """The conversation before anything was asked. Without VMs it lists those of the host."""
    return RemovalTalk("here" if want.inputs["vms"] else "list", want=want)


# -- until the first act ---------------------------------------------------------------------------------------------


def _list(talk: RemovalTalk, now: float) -> RemovalTalk:
    """Read all VMs of the host."""
    return _to(talk.read(now, [talk.host], gather=["relations"], unreadable="error"), "listed")


def _listed(talk: RemovalTalk, now: float) -> RemovalTalk:
    told = talk.results()[talk.host]
    if records_of(told) is None:
        return refuse(talk, str(told.get("msg") or f"{talk.host} could not be read"))
    lines = (f"{talk.host}:", *candidates(told["vms"]))
    return replace(talk, end=End({"changed": False}, lines))


def _here(talk: RemovalTalk, now: float) -> RemovalTalk:
    """Read the VMs on the host that was named."""
    vms = talk.want.inputs["vms"]
    ids = [vm for vm in vms if is_guid(vm)]
    return _to(read_vms(talk, now, [talk.host], [vm for vm in vms if vm not in ids], ids), "others")


def _others(talk: RemovalTalk, now: float) -> RemovalTalk:
    """Find and read the other hosts, and those behind them, until there are no more."""
    want, inputs = talk.want, talk.want.inputs
    readings = {**talk.readings, **talk.results()}
    found = removal_hosts(
        readings, talk.host, inputs["vms"], want.candidates, want.variables, deletes(inputs), want.inventory
    )
    talk = replace(talk, readings=readings, found=found)
    named = [inputs["lives_on"]] if inputs["lives_on"] else []
    more = [host for host in dict.fromkeys([*found["read"], *named]) if host in want.reach and host not in readings]
    if not more or not (found["ids"] or found["missing"]):
        return _to(talk, "agree")
    return _to(read_vms(talk, now, more, found["missing"], found["ids"]), "others")


def read_vms(
    talk: RemovalTalk, now: float, hosts: Sequence[str], names: Sequence[str], ids: Sequence[str]
) -> RemovalTalk:
    """Read these VMs on hosts."""
    whom = {name: list(vms) for name, vms in (("names", names), ("ids", ids)) if vms}
    return talk.read(now, list(hosts), **whom, gather=GATHER)  # type: ignore[no-any-return]


def _agree(talk: RemovalTalk, now: float) -> RemovalTalk:
    """Show the plan; refuse what speaks against it, and what was not confirmed."""
    want, inputs = talk.want, talk.want.inputs
    outside = {host: _OUTSIDE for host in talk.found["read"] if host not in want.reach}
    readings = {**talk.readings, **outside}
    plan = removal_plan(readings, talk.host, inputs, talk.found)
    shown = ("What is going to be done:", *plan["lines"])
    talk = replace(talk, readings=readings, first=plan, now={vm["id"]: vm for vm in plan["vms"]}, plan=shown)
    if plan["refused"] and inputs["on_refusal"] == "stop":
        reasons = [f"{one['name']}: refused: {one['reason']}" for one in plan["refused"]]
        return refuse(talk, *reasons, "Nothing was changed. To go on with the others, set on_refusal to skip.")
    if want.check:
        return replace(talk, end=End({"changed": plan["acts"] > 0}))
    typed = inputs["confirm"]
    told = "" if typed is None or not plan["acts"] else unconfirmed(typed, plan["confirm"], plan["going"])
    if told:
        return refuse(talk, told)
    due = tuple(vm["id"] for vm in plan["vms"] if vm["steps"])
    return _to(replace(talk, due=due, own=_concerned(talk)), ACT)


def _concerned(talk: RemovalTalk) -> dict[str, frozenset[str]]:
    """By VM: the hosts that have it, and those that its relations name."""
    world = World(talk.readings, talk.found["partners"], talk.found["names"])
    found = {}
    for record in chosen(talk.readings, talk.host, talk.want.inputs["vms"]):
        subject = see(world, str(record["id"]), str(record["name"]))
        meant = (host for _unused, leg in subject.legs() for host in world.meant(str(leg["partner"])))
        found[subject.id] = frozenset((*subject.sides, *meant))
    return found


def _to(talk: RemovalTalk, phase: str) -> RemovalTalk:
    return replace(talk, phase=phase)


PHASES: Phases[RemovalTalk] = {
    "list": _list,
    "listed": _listed,
    "here": _here,
    "others": _others,
    "agree": _agree,
}
