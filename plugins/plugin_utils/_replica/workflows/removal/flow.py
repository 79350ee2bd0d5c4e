# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The acts of a removal: the replication of each VM ends, the primary first, and then its copies. Pure.

Each VM goes on to its next stage as soon as its last calls are through and its hosts were read since. Where it stands
comes from the readings alone (plan.py); what is remembered is what was proven before a relation ended, and what
was tried, for nothing is tried twice. A host that gives no answer holds up nobody but the VMs that it concerns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..conversation import ACT, CALL, READ, Answer, Ask, End, after, refuse
from ..looks import Look, Told, heard
from .plan import removal_plan
from .refusals import deletes
from .report import report
from .sides import unread
from .talk import PHASES, RemovalTalk, read_vms

MOST_STALE = 4
"""So often what a VM's hosts said may have grown too old before a call could be sent."""
_OF_A_COPY = ("idle", "delete")


def step(talk: RemovalTalk, answers: Sequence[Answer], now: float) -> RemovalTalk:
    """What comes next, after these answers."""
    return after(talk, answers, now, PHASES, _go_on, _acts)


def interrupt(talk: RemovalTalk, reason: str, now: float) -> RemovalTalk:
    """The conversation when somebody has stopped it: what is under way ends, and nothing more is begun."""
    if talk.end is not None:
        return talk
    talk = replace(talk, asks=(), lines=(f"stopped: {reason}. Nothing more is removed",), plan=())
    if talk.phase != ACT:
        return refuse(talk, f"{reason}. Nothing was changed.")
    return _go_on(replace(talk, stopped=reason), now)


# -- the acts --------------------------------------------------------------------------------------------------------


def _acts(talk: RemovalTalk, answers: Sequence[Answer], now: float) -> RemovalTalk:
    for answer in answers:
        ask = talk.open[answer.number]
        if answer.last:
            talk = replace(talk, open={n: one for n, one in talk.open.items() if n != answer.number})
        if ask.kind == READ:
            talk = replace(talk, looks=heard(talk.looks, ask, answer.result, now))
        else:
            talk = _called(talk, ask, answer)
    return _go_on(talk, now)


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
    told: Told,
) -> RemovalTalk:
    """Read VMs on hosts, beside those that have told already."""
    first = talk.asked + 1
    talk = read_vms(talk, now, hosts, (), vms)
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
    readings = {**talk.readings, **look.readings}
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
    old = look.grown_old(now)
    if old:
        return _look_at(_grown_old(talk, going), now, going, old, look.without(old))
    calls = removal_plan(readings, talk.host, inputs, talk.found, {vm: known[vm] for vm in going})["calls"]
    return _call(talk, calls, look.since(now))


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
