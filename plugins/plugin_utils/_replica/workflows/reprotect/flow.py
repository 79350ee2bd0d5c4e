# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The acts by which VMs are protected anew: go on to the third site; or commit, end the old replication, protect. Pure.

Each VM goes on to its next stage as soon as its last call is through and its hosts were read since. Where it stands
comes from the readings alone (plan.py). Nothing is tried twice, but for a call whose answer was lost:
between two stages a VM is unprotected.

Whether the old host is lost is asked again before anything of the old replication is given up. The protection towards
the new host comes after that, and waits for nobody who is silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...base.errors import ReplicaError
from ...base.identity import moved, windows_name_of
from ...base.text import clean_text
from ..conversation import ACT, CALL, READ, Answer, Ask, End, after, refuse
from ..failover.sides import Record
from ..heard import records_of
from ..looks import Look, Told, heard
from ..search_talk import Readings
from .plan import COMMIT, CONTINUE, PROTECT, REMOVE, Job, Left, left_of
from .report import report
from .talk import GATHER, PHASES, ReprotectTalk, protection

MOST_STALE = 4
"""So often what a VM's hosts said may have grown too old before a call could be sent."""
MOST_UNREAD = 2
"""So often in a row the host may give no answer when it is asked how its VMs stand."""
SILENT_SECONDS = 60.0
"""So old the silence of an old host may be when something of the old replication is given up."""
GIVES_UP = (CONTINUE, COMMIT, REMOVE)
STAGES = (PROTECT, REMOVE, COMMIT, CONTINUE)
"""In the order in which a host is asked: first for what nothing replicates any more."""


def step(talk: ReprotectTalk, answers: Sequence[Answer], now: float) -> ReprotectTalk:
    """What comes next, after these answers."""
    return after(talk, answers, now, PHASES, _go_on, _acts)


def interrupt(talk: ReprotectTalk, reason: str, now: float) -> ReprotectTalk:
    """The conversation when somebody has stopped it: what is under way ends, and no further step begins."""
    if talk.end is not None:
        return talk
    talk = replace(talk, asks=(), lines=(f"stopped: {reason}. No further step begins",), plan=())
    if talk.phase != ACT:
        return refuse(talk, f"The run was stopped: {reason}. Nothing was changed.")
    return _go_on(replace(talk, stopped=f"the run was stopped: {reason}"), now)


# -- the acts --------------------------------------------------------------------------------------------------------


def _acts(talk: ReprotectTalk, answers: Sequence[Answer], now: float) -> ReprotectTalk:
    for answer in answers:
        ask = talk.open[answer.number]
        if answer.last:
            talk = replace(talk, open={n: one for n, one in talk.open.items() if n != answer.number})
        if ask.kind == READ:
            talk = replace(talk, looks=heard(talk.looks, ask, _said(talk, ask.host, answer.result), now))
        else:
            talk = _called(talk, ask, answer)
    return _go_on(talk, now)


def _said(talk: ReprotectTalk, host: str, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a host has said now, beside what is read of it only once. Another host than before has said nothing."""
    other = moved(host, windows_name_of(result), talk.met.get(host, ""))
    if other:
        return {"failed": True, "msg": other}
    known = talk.readings.get(host) or {}
    return result if None in (records_of(result), records_of(known)) else {**known, **result}


def _called(talk: ReprotectTalk, ask: Ask, answer: Answer) -> ReprotectTalk:
    """A call is through with some of its VMs: they are looked at next."""
    vms = answer.vms
    talk = replace(talk, due=(*talk.due, *vms))
    steps = frozenset((vm, ask.stage) for vm in vms)
    if answer.stale:
        return _grown_old(replace(talk, tried=talk.tried - steps), vms)
    if answer.result.get("unreachable"):  # it may have had its effect or not; what is left shows in the next reading
        talk = replace(talk, tried=talk.tried - (steps - talk.lost), lost=talk.lost | steps)
    fresh = {vm: count for vm, count in talk.stale.items() if vm not in vms}
    return replace(
        talk, stale=fresh, done=(*talk.done, {"stage": ask.stage, "ids": list(vms), "result": answer.result})
    )


def _grown_old(talk: ReprotectTalk, vms: Sequence[str]) -> ReprotectTalk:
    """What was read for these VMs is too old to act on."""
    return replace(talk, stale={**talk.stale, **{vm: talk.stale.get(vm, 0) + 1 for vm in vms}})


def _go_on(talk: ReprotectTalk, now: float) -> ReprotectTalk:
    """Go on with what was read, look at what is due, and end when nothing is under way any more."""
    while True:
        through = next((look for look in talk.looks if not look.waits), None)
        if through is not None:
            talk = _looked(talk, through, now)
        elif talk.due:
            talk = _look(talk, now)
        else:
            return talk if talk.open else _end(talk)


# -- looking ---------------------------------------------------------------------------------------------------------


def _look(talk: ReprotectTalk, now: float) -> ReprotectTalk:
    """Read the VMs that are due on their hosts, those of the same hosts together; who is silent is not asked again."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for vm in dict.fromkeys(talk.due):
        groups.setdefault(talk.own[vm], []).append(vm)
    for hosts, vms in groups.items():
        silent = {host: talk.silent[host] for host in hosts if host in talk.silent}
        talk = _look_at(talk, now, vms, [host for host in hosts if host not in silent], silent)
    return replace(talk, due=())


def _look_at(talk: ReprotectTalk, now: float, vms: Sequence[str], hosts: Sequence[str], told: Told) -> ReprotectTalk:
    """Read VMs on hosts, beside those that have told already."""
    first = talk.asked + 1
    gather = {host: {"gather": list(GATHER) if host == talk.new else ["relations"]} for host in hosts}
    talk = talk.read(now, gather, ids=list(vms))
    look = Look(tuple(vms), frozenset(range(first, first + len(hosts))), told)
    return replace(talk, looks=(*talk.looks, look))


def _looked(talk: ReprotectTalk, look: Look, now: float) -> ReprotectTalk:
    """These VMs were read on all their hosts: the calls of their next stage, where it is not behind them."""
    talk = _learnt(talk, look)
    if records_of(look.readings.get(talk.host)) is None:
        return _unread(talk, look.vms)
    going = [vm for vm in look.vms if _goes(talk, talk.left[vm])]
    if not going:
        return talk
    again = _old_hosts(talk, look, going, now)
    if not again and (again := look.grown_old(now, talk.silent)):
        talk = _grown_old(talk, going)
    if again:
        return _look_at(talk, now, going, again, look.without(again))
    return _call(talk, look.readings, going, look.since(now, talk.silent))


def _learnt(talk: ReprotectTalk, look: Look) -> ReprotectTalk:
    """What the hosts said, and what is left to do by that."""
    mute = {h: t for h, t in look.told.items() if h not in (talk.host, talk.new) and records_of(t[1]) is None}
    silent = {**{h: t for h, t in talk.silent.items() if h not in look.told}, **mute}
    left, readings = dict(talk.left), look.readings
    records = {str(record["id"]): record for record in records_of(readings.get(talk.host)) or ()}
    job = talk.job(readings)
    for vm in look.vms:
        left[vm] = _left(job, records[vm]) if vm in records else Left(vm, left[vm].name)
        if vm not in records and records_of(readings.get(talk.host)) is not None:
            left[vm] = replace(left[vm], against=f"it is not on {talk.host} any more")
    return replace(
        talk,
        silent=silent,
        left=left,
        told={**talk.told, **dict.fromkeys(look.vms, readings)},
        looks=tuple(one for one in talk.looks if one is not look),
    )


def _left(job: Job, record: Record) -> Left:
    """What is left to do for a VM; nothing where what was read of it cannot be understood."""
    try:
        return left_of(job, record)
    except ReplicaError as error:
        return Left(str(record["id"]), str(record["name"]), against=clean_text(error))


def _unread(talk: ReprotectTalk, vms: Sequence[str]) -> ReprotectTalk:
    """The host gave no answer: its VMs are looked at again, for they may be unprotected."""
    counts = {**talk.unread, **{vm: talk.unread.get(vm, 0) + 1 for vm in vms}}
    again = [vm for vm in vms if counts[vm] < MOST_UNREAD and not talk.stopped]
    return replace(talk, unread=counts, due=(*talk.due, *again))


def _goes(talk: ReprotectTalk, vm: Left) -> bool:
    """True for a VM that has a next stage which is not behind it."""
    late = talk.stopped or talk.stale.get(vm.id, 0) >= MOST_STALE
    return bool(vm.stages) and not late and (vm.id, vm.stages[0]) not in talk.tried


def _old_hosts(talk: ReprotectTalk, look: Look, vms: Sequence[str], now: float) -> list[str]:
    """The silent hosts that are asked once more before something is given up that leads back to them."""
    if all(talk.left[vm].stages[0] not in GIVES_UP for vm in vms):
        return []
    ages = {host: now - at for host, (at, _unused) in look.told.items() if host in talk.silent}
    return [host for host, age in ages.items() if age > SILENT_SECONDS]


# -- the calls -------------------------------------------------------------------------------------------------------


def _call(talk: ReprotectTalk, readings: Readings, vms: Sequence[str], since: float) -> ReprotectTalk:
    """The talk that makes the next calls of these VMs, those of one stage together."""
    asks = []
    for stage in STAGES:
        same = [vm for vm in vms if talk.left[vm].stages[0] == stage]
        if same:
            asks.append(_ask_of(talk, readings, stage, same, since))
    tried = talk.tried | {(vm, ask.stage) for ask in asks for vm in ask.vms}
    return replace(talk, tried=tried).also(asks)  # type: ignore[no-any-return]


def _ask_of(talk: ReprotectTalk, readings: Readings, stage: str, vms: Sequence[str], since: float) -> Ask:
    """The call of a module that does it."""
    own = talk.met[talk.host]
    waiting = {name: talk.want.inputs[name] for name in ("wait_timeout", "settle_timeout", "poll_interval")}
    options: dict[str, Any] = {**waiting, "ids": list(vms), "expected_host": own}
    module = "hyperv_vm_replication"
    if stage == PROTECT:
        options |= protection(talk, readings, vms)
    elif stage == REMOVE:
        options |= {"state": "absent", "side": "replica"}
    else:
        module = "hyperv_failover"
        options |= {"state": "committed" if stage == COMMIT else "continued", "runs_on": own}
    return Ask(0, CALL, talk.host, options, tuple(vms), module, at=since, stage=stage, fresh=True, forward=True)


# -- the end ---------------------------------------------------------------------------------------------------------


def _end(talk: ReprotectTalk) -> ReprotectTalk:
    """The report. What Windows and the modules warn of half way holds for VMs that have come no further."""
    told = report(talk)
    results = [one["result"] for one in talk.done]
    left = {vm["id"] for vm in told["vms"] if vm["failed"]}
    calls = (one for one in talk.done if one["stage"] in (CONTINUE, PROTECT) or left & set(one["ids"]))
    warnings = list(dict.fromkeys(text for one in calls for text in one["result"].get("warnings") or ()))
    result: dict[str, Any] = {
        "changed": any(one.get("changed") for one in results),
        "vms": told["vms"],
        "actions": [action for one in results for action in one.get("actions") or ()],
        "command": told["command"],
    }
    if warnings:
        result["warnings"] = warnings
    if told["failures"]:
        result |= {"failed": True, "msg": "\n".join([*told["failures"], told["command"]])}
    return replace(talk, end=End(result, tuple(told["lines"])))
