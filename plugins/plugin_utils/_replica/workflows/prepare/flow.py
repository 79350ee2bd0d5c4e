# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The acts of preparing primaries on their own host: each guest is shut down and each VM prepared, as soon as its hosts
were read. Pure.

Each VM goes as far as it can. One that this run has stopped, and that does not get as far as being prepared, is started
again where it was, once every other copy was read as what cannot run; where that cannot be read it is reported as DOWN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...base.identity import windows_name_of
from ...base.states import OFF, power_may_run
from ..conversation import ACT, CALL, READ, Answer, Ask, after, refuse
from ..failover.calls import START_OLD
from ..failover.looks import Look, Looks, around, together, without
from ..failover.memory import Said
from ..failover.sides import Seen, Sight
from ..failover.talk import FailoverTalk
from ..search_talk import Readings
from .plan import PREPARE, is_prepared, prepare_calls, sight_on, start_calls, way_back, why_not
from .report import Primary, ended
from .talk import PHASES

FAILOVER = "hyperv_failover"
MOST_LAST_LOOKS = 3
MOST_STALE = 3
MOST_TRIES = 2
MOST_ASKS = 3
"""So often a VM is told to be prepared, or to start: its guest may come up as often as it is shut down."""
_NOT_OPTIONS = ("host", "stage", "names")


@dataclass(frozen=True)
class Flow:
    """How the acts stand. vms: each VM by id. looks: readings under way. due: VMs to be looked at; loud: with them the
    hosts that did not answer. last: how often all were read because nothing was left to do; sent: how many calls were
    made by then. stopped: why the run goes no further. first: the Windows names of hosts when it began. latest: what
    each host said last, of whatever VMs. actions and warnings: what the calls gave. calls: how many there were.
    """

    vms: Mapping[str, Primary] = field(default_factory=dict)
    looks: Looks = field(default_factory=Looks)
    due: tuple[str, ...] = ()
    loud: frozenset[str] = frozenset()
    last: int = 0
    sent: int = 0
    stopped: str = ""
    first: Mapping[str, str] = field(default_factory=dict)
    latest: Readings = field(default_factory=dict)
    actions: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    calls: int = 0

    def with_vms(self, vms: Mapping[str, Primary]) -> Flow:
        """With these VMs as they are now."""
        return replace(self, vms={**self.vms, **vms})


def step(talk: FailoverTalk, answers: Sequence[Answer], now: float) -> FailoverTalk:
    """What comes next, after these answers."""
    return after(talk, answers, now, PHASES, _begin, _acts)


def interrupt(talk: FailoverTalk, reason: str, now: float) -> FailoverTalk:
    """The conversation when somebody has stopped it: no further guest is shut down, and what is down comes up again
    unless it is prepared.
    """
    if talk.end is not None:
        return talk
    told = (f"stopped: {reason}", "no further guest is shut down, and one that is not prepared comes up again")
    talk = replace(talk, asks=(), lines=told, plan=())
    if talk.phase != ACT:
        return refuse(replace(talk, lines=told[:1]), f"The run was stopped: {reason}. Nothing was changed.")
    flow: Flow = replace(talk.flow, stopped=f"the run was stopped: {reason}")
    under_way = {vm for ask in talk.open.values() for vm in ask.vms}
    rest = {vm: one.left(flow.stopped) for vm, one in flow.vms.items() if vm not in under_way}
    return _ask_more(replace(talk, flow=flow.with_vms(rest)), now)


def _begin(talk: FailoverTalk, now: float) -> FailoverTalk:
    """The VMs that are to be acted on are looked at once more, for the readings of the plan have grown old."""
    sight, vms = _sight(talk, talk.readings, {}), dict[str, Primary]()
    for one in talk.run["vms"]:
        seen: Seen = one["seen"]
        beside = [*sight.partner_hosts(seen.partner), *(copy.host for copy in seen.pair.rest)]
        hosts = tuple(host for host in dict.fromkeys([seen.here, *beside]) if host in talk.want.reach)
        ran = power_may_run((seen.record or {})["power"])
        vms[seen.id] = Primary(seen, hosts, ran, out=str(one["against"]))
    first = {host: name for host in talk.readings if (name := windows_name_of(talk.readings[host]))}
    due = tuple(vm for vm, one in vms.items() if not (one.prepared or one.out))
    return _ask_more(replace(talk, flow=Flow(vms=vms, due=due, first=first)), now)


def _sight(talk: FailoverTalk, readings: Readings, first: Mapping[str, str]) -> Sight:
    return replace(sight_on(readings, talk.want.targets[0], talk.found, talk.want.reach), first=first)


# -- the acts --------------------------------------------------------------------------------------------------------


def _acts(talk: FailoverTalk, answers: Sequence[Answer], now: float) -> FailoverTalk:
    for answer in answers:
        ask = talk.open.get(answer.number)
        if ask is None:  # it has had its last answer
            continue
        if answer.last:
            talk = replace(talk, open=without(talk.open, [answer.number]))
        if ask.kind == READ:
            flow: Flow = talk.flow
            talk = replace(talk, flow=replace(flow, looks=flow.looks.hear(ask, answer.result, now)))
        else:
            talk = _called(talk, ask, answer)
    return _ask_more(talk, now)


def _called(talk: FailoverTalk, ask: Ask, answer: Answer) -> FailoverTalk:
    """A call is through with some of its VMs: they are looked at next."""
    flow: Flow = talk.flow
    said, actions = Said.of(answer.result), tuple(answer.result.get("actions") or ())
    more = answer.result.get("warnings") or ()
    flow = replace(
        flow.with_vms({vm: _told(flow.vms[vm], ask, answer.stale, said) for vm in answer.vms}),
        due=(*flow.due, *answer.vms),
        actions=flow.actions + actions,
        warnings=tuple(dict.fromkeys((*flow.warnings, *more))),
    )
    return replace(talk, flow=flow)


def _told(one: Primary, ask: Ask, stale: bool, said: Said) -> Primary:
    """What a call has said of a VM of its own. stale: nothing was sent."""
    vm = one.seen.id
    if stale:
        one = replace(one, stale=one.stale + 1)
        busy = f"{ask.host} is too busy: what the next act rests on had grown too old {MOST_STALE} times"
        return one.left(busy) if one.stale >= MOST_STALE else one
    one = replace(one, stale=0, ran=one.ran or vm in said.stopped, touched=one.touched or vm in said.sent)
    failed = said.failed.get(vm) or said.pending.get(vm, "")
    if failed:
        return replace(one.left(failed), down=failed) if ask.stage == START_OLD else one.left(failed)
    if said.unread:
        return replace(one, tries=one.tries + 1, lost=said.unread)
    return replace(one, tries=0, lost="")


def _ask_more(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Go on with what was read, look at what is due, and end when nothing is under way any more."""
    while True:
        flow: Flow = talk.flow
        if flow.looks.through:
            look, *rest = flow.looks.through
            talk = _go_on(replace(talk, flow=replace(flow, looks=replace(flow.looks, through=tuple(rest)))), look, now)
        elif flow.due:
            talk = _look(talk, now)
        elif talk.open:
            return talk
        elif not flow.calls or flow.last >= MOST_LAST_LOOKS or (flow.last and flow.sent == flow.calls):
            return ended(talk)
        else:
            loud = frozenset(flow.vms) if flow.last == 0 else frozenset[str]()
            flow = replace(flow, due=tuple(flow.vms), loud=loud, last=flow.last + 1, sent=flow.calls)
            talk = replace(talk, flow=flow)


def _look(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Read the VMs that are due on all their hosts."""
    flow: Flow = talk.flow
    looks, due, known = flow.looks, list(dict.fromkeys(flow.due)), {**talk.readings, **flow.latest}
    for ids, hosts, silent in together(due, lambda vm: flow.vms[vm].hosts, known, flow.loud):
        looks = looks.add(ids, range(talk.asked + 1, talk.asked + 1 + len(hosts)), silent)
        options = {"ids": ids, "gather": ["relations"]}
        talk = talk.also(Ask(0, READ, host, options, tuple(ids), at=now) for host in hosts)
    return replace(talk, flow=replace(flow, looks=looks, due=(), loud=flow.loud - set(due)))


def _go_on(talk: FailoverTalk, look: Look, now: float) -> FailoverTalk:
    """These VMs were read on all their hosts: the calls that come next for them."""
    flow: Flow = talk.flow
    sight = _sight(talk, around(talk.readings, look.whole), flow.first)
    vms, next_ = dict[str, Primary](), dict[str, list[Seen]]()
    for vm in look.vms:
        one = flow.vms[vm]
        seen = sight.see(vm, one.seen.name, one.seen.here, one.seen.partner)
        vms[vm], what = _judged(replace(one, seen=seen), sight, talk.want.inputs, flow.stopped)
        if what:
            vms[vm] = vms[vm].asked(what)
            next_.setdefault(what, []).append(seen)
    calls = [*start_calls(next_.get(START_OLD, ())), *prepare_calls(next_.get(PREPARE, ()), talk.want.inputs)]
    flow = replace(
        flow.with_vms(vms),
        latest={**flow.latest, **look.told},
        calls=flow.calls + len(calls),
    )
    at = min(look.since, now)
    return replace(talk, flow=flow).also(_ask_of(call, talk.want.inputs, at) for call in calls)  # type: ignore[no-any-return]


def _judged(one: Primary, sight: Sight, inputs: Mapping[str, Any], stopped: str) -> tuple[Primary, str]:
    """The VM after a reading, and the stage that comes next for it; "" for none."""
    seen, record = one.seen, one.seen.record
    if record is None or seen.pair.target is None:
        return one.left(one.lost or seen.unread_here or f"it is not on {seen.here} any more"), ""
    if is_prepared(record):
        return one, ""
    against = why_not(seen, sight.holders_of(seen.id)) or stopped
    worn = f"it did not stay as this run has left it, {MOST_ASKS} times"
    lost = one.lost if one.tries >= MOST_TRIES else ""
    one = one.left(against or lost or (worn if one.asks.get(PREPARE, 0) >= MOST_ASKS else ""))
    return (one, PREPARE) if not one.out else _back(one, inputs)


def _back(one: Primary, inputs: Mapping[str, Any]) -> tuple[Primary, str]:
    """A VM that goes no further: it is started again where this run has stopped it, and where it may be."""
    power = (one.seen.record or {})["power"]
    if power != OFF or not (one.ran and one.touched) or inputs["on_failure"] == "hold":
        return one, ""
    if one.down and one.asks.get(START_OLD):
        return one, ""
    problem = one.seen.strange or way_back(one.seen, inputs)
    if problem or one.asks.get(START_OLD, 0) >= MOST_ASKS:
        return replace(one, down=problem or one.lost or one.down), ""
    return replace(one, down=""), START_OLD


def _ask_of(call: Mapping[str, Any], inputs: Mapping[str, Any], at: float) -> Ask:
    """A call of the module of one side, which rests on what was read `at` that time."""
    waiting = {name: inputs[name] for name in ("wait_timeout", "settle_timeout", "poll_interval")}
    options = {**waiting, **{name: value for name, value in call.items() if name not in _NOT_OPTIONS}}
    vms, stage, leads_on = tuple(call["ids"]), str(call["stage"]), call["stage"] == PREPARE
    return Ask(0, CALL, call["host"], options, vms, FAILOVER, at=at, stage=stage, fresh=True, forward=leads_on)
