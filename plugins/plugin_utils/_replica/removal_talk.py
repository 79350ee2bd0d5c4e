# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The conversation of a removal: find the VMs and every host with a copy, plan, agree, end their replication. Pure.

Each VM goes on to its next stage as soon as its last calls are through and its hosts were read since. Where it stands
comes from the readings alone (removal_plan.py); what is remembered is what was proven before a relation ended, and what
was tried, for nothing is tried twice. A host that gives no answer holds up nobody but the VMs that it concerns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .command_line import unconfirmed
from .conversation import (
    CALL,
    FRESH_SECONDS,
    READ,
    Answer,
    Ask,
    End,
    Phases,
    Talk,
    Wanted,
    go_through,
    refuse,
    take,
)
from .errors import ReplicaError
from .heard import records_of
from .lines import clean_text
from .removal import World, chosen, removal_hosts, see, unread
from .removal_plan import removal_plan
from .removal_refusals import deletes
from .removal_report import candidates, report
from .values import is_guid

GATHER = ["relations", "disks", "cluster"]
ACT = "act"
MOST_STALE = 4
"""So often what a VM's hosts said may have grown too old before a call could be sent."""
_OF_A_COPY = ("idle", "delete")
_OUTSIDE: Mapping[str, Any] = {"unreachable": True, "msg": "it is outside of --limit"}
Readings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Look:
    """A reading of VMs on all their hosts. waits: reads that are still to come in, by number. told: those that have,
    and when.
    """

    vms: tuple[str, ...]
    waits: frozenset[int]
    told: Mapping[str, tuple[float, Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class RemovalTalk(Talk):
    """readings: results of hyperv_replication_info by inventory host. found: what removal_hosts made of them. first:
    the plan that was agreed on. own: hosts that each VM concerns. now: how each VM was shown last.

    due: VMs to be looked at. flying: calls under way for a VM, by number. tried: stages of a VM and their hosts. stale:
    how often what was read for a VM had grown too old. done: what the calls gave. stopped: why the run goes no further.
    """

    want: Wanted = field(kw_only=True)
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


def step(talk: RemovalTalk, answers: Sequence[Answer], now: float) -> RemovalTalk:
    """What comes next, after these answers."""
    talk = replace(talk, asks=(), lines=(), plan=())
    answers = [answer for answer in answers if answer.number in talk.open]
    if talk.phase == ACT:
        return _acts(talk, answers, now)
    try:
        talk = go_through(take(talk, answers), PHASES, now)
    except ReplicaError as error:
        return refuse(talk, clean_text(error))
    return _go_on(replace(talk, answered={}), now) if talk.phase == ACT else talk


def interrupt(talk: RemovalTalk, reason: str, now: float) -> RemovalTalk:
    """The conversation when somebody has stopped it: what is under way ends, and nothing more is begun."""
    if talk.end is not None:
        return talk
    talk = replace(talk, asks=(), lines=(f"stopped: {reason}. Nothing more is removed",), plan=())
    if talk.phase != ACT:
        return refuse(talk, f"{reason}. Nothing was changed.")
    return _go_on(replace(talk, stopped=reason), now)


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
    return _to(_read(talk, now, [talk.host], [vm for vm in vms if vm not in ids], ids), "others")


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
    return _to(_read(talk, now, more, found["missing"], found["ids"]), "others")


def _read(talk: RemovalTalk, now: float, hosts: Sequence[str], names: Sequence[str], ids: Sequence[str]) -> RemovalTalk:
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


# -- the acts --------------------------------------------------------------------------------------------------------


def _acts(talk: RemovalTalk, answers: Sequence[Answer], now: float) -> RemovalTalk:
    for answer in answers:
        ask = talk.open[answer.number]
        if answer.last:
            talk = replace(talk, open={n: one for n, one in talk.open.items() if n != answer.number})
        talk = _told(talk, ask, answer, now) if ask.kind == READ else _called(talk, ask, answer)
    return _go_on(talk, now)


def _told(talk: RemovalTalk, ask: Ask, answer: Answer, now: float) -> RemovalTalk:
    """A host has said something of the VMs that are looked at."""

    looks = tuple(
        replace(look, waits=look.waits - {ask.number}, told={**look.told, ask.host: (now, answer.result)})
        if ask.number in look.waits
        else look
        for look in talk.looks
    )
    return replace(talk, looks=looks)


def _called(talk: RemovalTalk, ask: Ask, answer: Answer) -> RemovalTalk:
    """A call is through with some of its VMs: those for which no other one is under way are looked at next."""
    flying = {**talk.flying, **{vm: talk.flying[vm] - {ask.number} for vm in answer.vms}}
    talk = replace(talk, flying=flying, due=(*talk.due, *(vm for vm in answer.vms if not flying[vm])))
    if answer.stale:
        tried = talk.tried - {(vm, ask.stage, ask.host) for vm in answer.vms}
        return _grown_old(replace(talk, tried=tried), answer.vms)
    fresh = {vm: count for vm, count in talk.stale.items() if vm not in answer.vms}
    return replace(talk, stale=fresh, done=(*talk.done, {"ids": list(answer.vms), "result": answer.result}))


def _grown_old(talk: RemovalTalk, vms: Sequence[str]) -> RemovalTalk:
    """What was read for these VMs is too old to act on."""
    return replace(talk, stale={**talk.stale, **{vm: talk.stale.get(vm, 0) + 1 for vm in vms}})


def _go_on(talk: RemovalTalk, now: float) -> RemovalTalk:
    """Go on with what was read, look at what is due, and end when nothing is under way any more."""
    while True:
        through = next((look for look in talk.looks if not look.waits), None)
        if through is not None:
            talk = _looked(talk, through, now)
        elif talk.due:
            talk = _look(talk, now)
        else:
            return talk if talk.open else _end(talk)


def _look(talk: RemovalTalk, now: float) -> RemovalTalk:
    """Read the VMs that are due on their hosts, those of the same hosts together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for vm in dict.fromkeys(talk.due):
        groups.setdefault(_hosts_of(talk, vm), []).append(vm)
    for hosts, vms in groups.items():
        talk = _look_at(talk, now, vms, hosts, {})
    return replace(talk, due=())


def _look_at(
    talk: RemovalTalk,
    now: float,
    vms: Sequence[str],
    hosts: Sequence[str],
    told: Mapping[str, tuple[float, Mapping[str, Any]]],
) -> RemovalTalk:
    """Read VMs on hosts, beside those that have told already."""
    first = talk.asked + 1
    talk = _read(talk, now, hosts, (), vms)
    look = Look(tuple(vms), frozenset(range(first, first + len(hosts))), told)
    return replace(talk, looks=(*talk.looks, look))


def _hosts_of(talk: RemovalTalk, vm: str) -> tuple[str, ...]:
    """The hosts that the VM concerns; before a copy is deleted also others that may have one, where they answer."""
    silent = set(unread(talk.readings)) if deletes(talk.want.inputs) else set(talk.readings)
    return tuple(
        host for host in talk.readings if host in talk.want.reach and (host in talk.own[vm] or host not in silent)
    )


def _looked(talk: RemovalTalk, look: Look, now: float) -> RemovalTalk:
    """These VMs were read on all their hosts: the calls of their next stage, where it was not tried before."""
    inputs, known = talk.want.inputs, talk.first["known"]
    readings = {**talk.readings, **{host: result for host, (_unused, result) in look.told.items()}}
    plan = removal_plan(readings, talk.host, inputs, talk.found, {vm: known[vm] for vm in look.vms})
    talk = replace(
        talk,
        readings=readings,
        now={**talk.now, **{vm["id"]: vm for vm in plan["vms"]}},
        looks=tuple(one for one in talk.looks if one is not look),
    )
    going = [vm["id"] for vm in plan["vms"] if _goes(talk, vm)]
    if not going:
        return talk
    old = [host for host, (at, _unused) in look.told.items() if now - at > FRESH_SECONDS / 2]
    if any(now - look.told[host][0] > FRESH_SECONDS for host in old):  # one kept the others waiting
        fresh = {host: told for host, told in look.told.items() if host not in old}
        return _look_at(_grown_old(talk, going), now, going, old, fresh)
    calls = removal_plan(readings, talk.host, inputs, talk.found, {vm: known[vm] for vm in going})["calls"]
    return _call(talk, calls, min((at for at, _unused in look.told.values()), default=now))


def _goes(talk: RemovalTalk, vm: Mapping[str, Any]) -> bool:
    """True for a VM that has a next stage, none of whose steps was tried before."""
    steps = [(vm["id"], one["stage"], one["host"]) for one in vm["steps"]]
    due = [step for step in steps if step[1] == steps[0][1]]
    stopped = talk.stopped or talk.stale.get(vm["id"], 0) >= MOST_STALE
    return bool(due) and not stopped and not talk.tried & set(due)


def _call(talk: RemovalTalk, calls: Sequence[Mapping[str, Any]], since: float) -> RemovalTalk:
    """The talk that makes these calls, which rest on what was read since then."""
    first = talk.asked + 1
    talk = talk.also(_ask_of(call, talk.want.inputs, since) for call in calls)
    flying, tried = dict(talk.flying), set(talk.tried)
    for number, call in enumerate(calls, first):
        for vm in call["ids"]:
            flying[vm] = flying.get(vm, frozenset()) | {number}
            tried.add((vm, call["stage"], call["host"]))
    return replace(talk, flying=flying, tried=frozenset(tried))


def _ask_of(call: Mapping[str, Any], inputs: Mapping[str, Any], since: float) -> Ask:
    """A call of the module that does it."""
    options = {name: inputs[name] for name in ("settle_timeout", "poll_interval")}
    options |= {name: call[name] for name in ("ids", "partner")}
    options |= {"expected_host": call["expected_host"]} if call["expected_host"] else {}
    if call["stage"] in _OF_A_COPY:
        module, more = "hyperv_replica_vm", ["lives_on", "delete_files"]
        options["state"] = "absent" if call["stage"] == "delete" else "idle"
    else:
        module, more = "hyperv_vm_replication", ["relationship"]
        options["state"] = "absent"
    options |= {name: call[name] for name in more if call[name]}
    vms, stage = tuple(call["ids"]), str(call["stage"])
    return Ask(0, CALL, str(call["host"]), options, vms, module, at=since, stage=stage, fresh=True, forward=True)


# -- the end ---------------------------------------------------------------------------------------------------------


def _end(talk: RemovalTalk) -> RemovalTalk:
    """The report."""
    left = [vm for vm, shown in talk.now.items() if shown["steps"]]
    old = [vm for vm in left if talk.stale.get(vm)]
    late = "its hosts take so long to answer that what they say is too old to act on"
    why = [(left, talk.stopped)] if talk.stopped else [(old, late)]
    done = [*talk.done, *({"ids": vms, "result": {"failed": True, "msg": text}} for vms, text in why)]
    told = report(talk.first, {"vms": list(talk.now.values())}, done, talk.host, talk.want.inputs)
    results = [one["result"] for one in talk.done]
    warnings = dict.fromkeys(text for one in results for text in one.get("warnings") or ())
    result: dict[str, Any] = {
        "changed": any(one.get("changed") for one in results),
        "vms": told["vms"],
        "actions": [action for one in results for action in one.get("actions") or ()],
        "command": "\n".join(told["commands"]),
    }
    if warnings:
        result["warnings"] = list(warnings)
    if told["failures"]:
        result |= {"failed": True, "msg": "\n".join(told["failures"])}
    return replace(talk, end=End(result, tuple(told["lines"])))
