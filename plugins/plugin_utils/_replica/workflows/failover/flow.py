# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The acts of a failover: every VM goes on as soon as its last call is through and all its hosts were read since. Pure.

A VM is under way (a call), looked at (its hosts are being read), held back by its group, or at rest. When all are at
rest, all hosts are read once more; where that leaves nothing to do, the run is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..conversation import ACT, CALL, READ, Answer, Ask, End, after, refuse
from ..search_talk import Readings
from .groups import STOPPING
from .looks import Look, Looks, around, together, without
from .report import report
from .run import give_up, go_on, hear, hosts_of_vm, stop, unsent
from .talk import PHASES, FailoverTalk

FAILOVER = "hyperv_failover"
MOST_LAST_LOOKS = 5
MOST_STALE = 3
_NOT_OPTIONS = ("host", "stage", "names")
_LEADS_TO_A_START = ("fail_over", "reverse")


@dataclass(frozen=True)
class Flow:
    """How the acts stand. due: VMs to be looked at; loud: with them the hosts that did not answer. last: how often all
    hosts were read because nothing was left to do. actions and warnings: what the calls gave. changed: whether anything
    was sent. stale: how often in a row the readings of a VM had grown too old before its call could be sent. told: what
    the hosts of a VM said when it was looked at last. latest: what each host said last, of whatever VMs.
    """

    looks: Looks = field(default_factory=Looks)
    due: tuple[str, ...] = ()
    loud: frozenset[str] = frozenset()
    last: int = 0
    actions: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    changed: bool = False
    stale: Mapping[str, int] = field(default_factory=dict)
    told: Mapping[str, Readings] = field(default_factory=dict)
    latest: Readings = field(default_factory=dict)


def step(talk: FailoverTalk, answers: Sequence[Answer], now: float) -> FailoverTalk:
    """What comes next, after these answers."""
    return after(talk, answers, now, PHASES, _begin, _acts)


def interrupt(talk: FailoverTalk, reason: str, now: float) -> FailoverTalk:
    """The conversation when somebody has stopped it: no further guest is stopped, and what was stopped comes up."""
    if talk.end is not None:
        return talk
    told = (f"stopped: {reason}", "no further guest is stopped, and what was stopped comes up again")
    talk = replace(talk, asks=(), lines=told, plan=())
    if talk.phase != ACT:
        return refuse(replace(talk, lines=told[:1]), f"The run was stopped: {reason}. Nothing was changed.")
    before = talk.run["vms"]
    run = stop(talk.run, f"the run was stopped: {reason}")
    flow: Flow = talk.flow
    looking = flow.looks.vms()
    left = [vm for vm, entry in run["vms"].items() if entry is not before[vm] and vm not in looking]
    flow = replace(flow, due=tuple(dict.fromkeys((*flow.due, *left))))
    return _ask_more(replace(talk, run=run, flow=flow), now)


def _begin(talk: FailoverTalk, now: float) -> FailoverTalk:
    """All VMs are looked at before the first act, for the readings of the plan have grown old."""
    if talk.run["rest"]:
        return _ask_more(replace(talk, flow=Flow(due=tuple(talk.run["vms"]))), now)
    run = go_on(talk.run, talk.readings, now)
    calls = [_ask_of(call, talk, now) for call in run["calls"]]
    return _ask_more(replace(talk, run={**run, "calls": []}, flow=Flow()).also(calls), now)


# -- the acts --------------------------------------------------------------------------------------------------------


def _acts(talk: FailoverTalk, answers: Sequence[Answer], now: float) -> FailoverTalk:
    run = talk.run
    for answer in answers:
        ask = talk.open.get(answer.number)
        if ask is None:  # it has had its last answer
            continue
        if answer.last:
            talk = replace(talk, open=without(talk.open, [answer.number]))
        if ask.kind == READ:
            looks = talk.flow.looks.hear(ask, answer.result, now)
            talk = replace(talk, flow=replace(talk.flow, looks=looks))
        else:
            talk = _called(talk, ask, answer)
    talk = _looked(talk, now)
    nothing_new = talk.run is run and bool(talk.open) and not talk.flow.due
    return talk if nothing_new else _ask_more(talk, now)


def _called(talk: FailoverTalk, ask: Ask, answer: Answer) -> FailoverTalk:
    """A call is through with some of its VMs: they are looked at next. Before a start the silent are asked too."""
    flow: Flow = talk.flow
    run = talk.run
    stale = without(flow.stale, answer.vms)
    if answer.stale:
        run = unsent(run, answer.vms)
        stale = {**stale, **{vm: flow.stale.get(vm, 0) + 1 for vm in answer.vms}}
        late = [vm for vm in answer.vms if stale[vm] >= MOST_STALE]
        run = give_up(
            run, late, f"{ask.host} is too busy: what the next act rests on had grown too old {MOST_STALE} times"
        )
    else:
        run = hear(run, answer.vms, answer.result)
    actions = tuple(answer.result.get("actions") or ())
    warnings = dict.fromkeys((*flow.warnings, *(answer.result.get("warnings") or ())))
    loud = flow.loud | set(answer.vms) if ask.stage in _LEADS_TO_A_START else flow.loud
    flow = replace(
        flow,
        due=(*flow.due, *answer.vms),
        loud=loud,
        actions=flow.actions + actions,
        warnings=tuple(warnings),
        changed=flow.changed or any(action.get("sent") is not False for action in actions),
        stale=stale,
    )
    return replace(talk, run=run, flow=flow)


def _looked(talk: FailoverTalk, now: float) -> FailoverTalk:
    """What comes next for VMs that were read on all their hosts."""
    through: tuple[Look, ...] = talk.flow.looks.through
    if through:
        talk = replace(talk, flow=replace(talk.flow, looks=replace(talk.flow.looks, through=())))
    for look in through:
        talk = _go_on(talk, look, now)
    return talk


def _go_on(talk: FailoverTalk, look: Look, now: float) -> FailoverTalk:
    flow: Flow = talk.flow
    whole = look.whole
    run = go_on(talk.run, around(talk.readings, whole), now, look.vms)
    flow = replace(
        flow,
        due=(*flow.due, *run["again"]),
        loud=(flow.loud - set(look.vms)) | set(run["again"]),
        told={**flow.told, **dict.fromkeys(look.vms, whole)},
        latest={**flow.latest, **look.told},
    )
    calls = [_ask_of(call, talk, min(look.since, now)) for call in run["calls"]]
    run = {**run, "calls": [], "again": []}
    return replace(talk, run=run, flow=flow).also(calls)  # type: ignore[no-any-return]


def _ask_of(call: Mapping[str, Any], talk: FailoverTalk, at: float) -> Ask:
    """A call of the module of one side, which rests on what was read `at` that time."""
    inputs = talk.want.inputs
    waiting = {name: inputs[name] for name in ("wait_timeout", "settle_timeout", "poll_interval")}
    options = {name: value for name, value in call.items() if name not in _NOT_OPTIONS}
    return Ask(
        0,
        CALL,
        call["host"],
        {**waiting, **options},
        tuple(call["ids"]),
        FAILOVER,
        at=at,
        stage=call["stage"],
        fresh=bool(call.get("partner")) and "partner_max_age" not in call,
        forward=call["stage"] in STOPPING,
    )


def _ask_more(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Look at what is due; where nothing is under way any more, see whether the run is over."""
    while True:
        flow: Flow = talk.flow
        due = tuple(dict.fromkeys((*flow.due, *_freed(talk))))
        if due:
            talk = _looked(_look(talk, due, now), now)
            continue
        if talk.open:
            return talk
        held = talk.run["gate"].waiting()
        if held:
            run = give_up(talk.run, held, "the groups ahead of it did not come through")
            talk = replace(talk, run=run, flow=replace(flow, due=tuple(held)))
            continue
        if not flow.changed or flow.last >= MOST_LAST_LOOKS or (flow.last and not _moved(talk)):
            return _end(talk)
        vms = tuple(talk.run["vms"])
        loud = frozenset(vms) if flow.last == 0 else frozenset[str]()
        flow = replace(flow, due=vms, loud=loud, last=flow.last + 1)
        talk = replace(talk, run={**talk.run, "since": len(flow.actions)}, flow=flow)


def _freed(talk: FailoverTalk) -> list[str]:
    """VMs that their groups held back, and that may go on now, or never will."""
    freed = talk.run["gate"].freed()
    looking = talk.flow.looks.vms() if freed else ()
    return [vm for vm in freed if vm not in looking]


def _moved(talk: FailoverTalk) -> bool:
    """Whether anything was sent since all hosts were read."""
    return len(talk.flow.actions) > int(talk.run.get("since") or 0)


def _look(talk: FailoverTalk, vms: Sequence[str], now: float) -> FailoverTalk:
    """Read these VMs on all their hosts."""
    run, latest = talk.run, {**talk.readings, **talk.flow.latest}
    for ids, ask, silent in together(vms, lambda vm: hosts_of_vm(run, vm), latest, talk.flow.loud):
        talk = _look_together(talk, ask, silent, ids, now)
    return replace(talk, flow=replace(talk.flow, due=()))


def _look_together(
    talk: FailoverTalk, hosts: Sequence[str], silent: Readings, vms: Sequence[str], now: float
) -> FailoverTalk:
    """One look. Who was declared dead is asked after the failover and not during it: it may come back at any moment."""
    looks = talk.flow.looks.add(vms, range(talk.asked + 1, talk.asked + 1 + len(hosts)), silent)
    options = {"ids": list(vms), "gather": ["relations"]}
    talk = talk.also(Ask(0, READ, host, options, tuple(vms), at=now) for host in hosts)
    return replace(talk, flow=replace(talk.flow, looks=looks))


# -- the end ---------------------------------------------------------------------------------------------------------


def _end(talk: FailoverTalk) -> FailoverTalk:
    """The report."""
    flow: Flow = talk.flow
    told = report(talk.run, _looked_at(talk))
    changed = {vm for vm, entry in talk.run["vms"].items() if entry.changed}
    vms = [{**vm, "data_loss_seconds": _loss(talk, vm["id"]) if vm["id"] in changed else None} for vm in told["vms"]]
    result: dict[str, Any] = {
        "changed": bool(changed),
        "vms": vms,
        "actions": list(flow.actions),
        "command": told["command"],
    }
    if flow.warnings:
        result["warnings"] = list(flow.warnings)
    if told["failures"]:
        result |= {"failed": True, "msg": "\n".join(filter(None, (*told["failures"], told["command"])))}
    return replace(talk, end=End(result, tuple(told["lines"])))


def _looked_at(talk: FailoverTalk) -> list[tuple[list[str], Readings]]:
    """VMs with what their hosts said when they were looked at last, those of one look together."""
    told: Mapping[str, Readings] = talk.flow.told
    together: dict[int, list[str]] = {}
    for vm in talk.run["vms"]:
        together.setdefault(id(told.get(vm)), []).append(vm)
    looks = [(vms, told.get(vms[0])) for vms in together.values()]
    return [(vms, talk.readings if own is None else around(talk.readings, own)) for vms, own in looks]


def _loss(talk: FailoverTalk, vm: str) -> float | None:
    """The age of the data that a VM went on with; nothing is lost by a planned failover."""
    return 0.0 if talk.want.wish == "planned" else talk.losses.get(vm)
