# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The conversation that begins a test failover: plan, make the test VMs, prove that each is isolated, start it, and
wait for its guest. Pure.

A VM goes on as soon as its last call is through. The test VMs are left as they are (end_talk.py ends them),
unless somebody stops the run while they are not to be kept: then they are ended here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...base.command_line import command, typed_vm
from ...base.identity import windows_name_of
from ...base.states import RUNNING
from ...base.values import is_guid
from ..conversation import ACT, CALL, PAUSE, READ, Answer, Ask, End, Phases, Talk, Wanted, after, refuse
from .end_talk import ending, list_tests, listed, merged
from .network import isolation, test_vms
from .plan import failover_test_plan
from .report import answered, came_up, report

GATHER = ["relations", "statistics", "recovery_points", "adapters", "switches", "test_vms"]
SWITCH, MAKE, ISOLATE, BEGIN, BEAT, WAIT, STOP, AFTER, LOOK = (
    "switch",
    "make",
    "isolation",
    "start",
    "heartbeat",
    "wait",
    "end",
    "after",
    "look",
)
MOST_STALE = 4
"""So often what a test VM is connected to may have grown too old before it could be started."""
_EMPTY: Mapping[str, Any] = {"tests": {}, "ids": [], "problems": {}}


@dataclass(frozen=True)
class FailoverTestTalk(Talk):
    """read_first: what the plan rests on. first: the plan (plan.py). switched, made, started and ended: what the calls
    came to. isolation: which test VMs are isolated. until: when each guest that was started has to answer, by test VM.
    up: how soon it did. after and tests: the last readings, of the replicas and of the test VMs. stale: how often a
    start came too late. stopped: why the run goes no further.
    """

    read_first: Mapping[str, Any] = field(default_factory=dict)
    first: Mapping[str, Any] = field(default_factory=dict)
    switched: tuple[Mapping[str, Any], ...] = ()
    made: Mapping[str, Any] = field(default_factory=dict)
    isolation: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    started: Mapping[str, Any] = field(default_factory=dict)
    ended: Mapping[str, Any] = field(default_factory=dict)
    until: Mapping[str, float] = field(default_factory=dict)
    up: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    tests: Mapping[str, Any] = field(default_factory=dict)
    stale: int = 0
    stopped: str = ""

    @property
    def host(self) -> str:
        """The inventory host of the replicas."""
        return self.want.targets[0]

    @property
    def ids(self) -> list[str]:
        """The VMs that are tested."""
        return [str(vm["id"]) for vm in self.first["vms"]]

    def asks_for(self, stage: str) -> bool:
        """True while something of that stage is open."""
        return any(ask.stage == stage for ask in self.open.values())


def start(want: Wanted) -> FailoverTestTalk:
    """The conversation before anything was asked. Without VMs it lists those of the host."""
    return FailoverTestTalk("here" if want.inputs["vms"] else "list", want=want)


def step(talk: FailoverTestTalk, answers: Sequence[Answer], now: float) -> FailoverTestTalk:
    """What comes next, after these answers."""
    return after(talk, answers, now, PHASES, _begin, _acts)


def interrupt(talk: FailoverTestTalk, reason: str, now: float) -> FailoverTestTalk:
    """The conversation when somebody has stopped it: nothing more is started, and test VMs are not left behind."""
    if talk.end is not None:
        return talk
    told = "The test VMs stay" if talk.want.inputs["keep"] else "The test VMs are ended"
    talk = replace(talk, asks=(), lines=(f"stopped: {reason}. {told}",), plan=(), stopped=reason)
    if talk.phase != ACT:
        return refuse(talk, f"{reason}. Nothing was changed.")
    awaited = {number: ask for number, ask in talk.open.items() if ask.kind != PAUSE}
    return _go_on(replace(talk, open=awaited), now)


# -- until the first act ---------------------------------------------------------------------------------------------


def _here(talk: FailoverTestTalk, now: float) -> FailoverTestTalk:
    """Read the VMs and their recovery points."""
    vms = talk.want.inputs["vms"]
    ids = [vm for vm in vms if is_guid(vm)]
    whom = {name: some for name, some in (("names", [vm for vm in vms if vm not in ids]), ("ids", ids)) if some}
    return replace(talk.read(now, [talk.host], **whom, gather=GATHER), phase="plan")  # type: ignore[no-any-return]


def _plan(talk: FailoverTestTalk, now: float) -> FailoverTestTalk:
    """Show the plan, and refuse what cannot be tested."""
    inputs, told = talk.want.inputs, talk.results()[talk.host]
    plan = failover_test_plan(told, inputs)
    talk = replace(talk, read_first=told, first=plan, plan=(f"{talk.host}:", *plan["lines"]))
    if plan["refused"] and inputs["on_refusal"] == "stop":
        reasons = [f"{one['name']} cannot be tested: {one['reason']}" for one in plan["refused"]]
        return refuse(talk, *reasons, "Nothing was changed. To test the others, set on_refusal to skip.")
    if talk.want.check:
        return replace(talk, end=End({"changed": plan["acts"] > 0}))
    return replace(talk, phase=ACT)


PHASES: Phases[FailoverTestTalk] = {"list": list_tests, "listed": listed, "here": _here, "plan": _plan}


# -- the acts --------------------------------------------------------------------------------------------------------


def _begin(talk: FailoverTestTalk, now: float) -> FailoverTestTalk:
    """Set the test switch where that has to be done."""
    inputs = talk.want.inputs
    own = {"test_switch": inputs["test_switch"], "allow": inputs["allow"]}
    for task in talk.first["switch_tasks"]:
        options = {"ids": task["ids"], "adapter": task["adapter"], **own}
        talk = talk.also([_call(talk, SWITCH, "hyperv_failover_network", options, now)])
    return _go_on(talk if talk.open else _make(talk, now), now)


def _call(
    talk: FailoverTestTalk, stage: str, module: str, options: Mapping[str, Any], now: float, fresh: bool = False
) -> Ask:
    """A call for the host that was read; `options` are those of its stage."""
    inputs, name = talk.want.inputs, windows_name_of(talk.read_first)
    waiting = {"wait_timeout": inputs["wait_timeout"], "poll_interval": inputs["poll_interval"]}
    meant = {"expected_host": name} if name else {}
    vms = tuple(options["ids"]) if module == "hyperv_failover" else ()
    given = {**waiting, **meant, **options}
    return Ask(0, CALL, talk.host, given, vms, module, at=now, stage=stage, fresh=fresh, forward=True)


def _make(talk: FailoverTestTalk, now: float) -> FailoverTestTalk:
    """Make the test VMs."""
    call = [_call(talk, MAKE, "hyperv_failover", _running(talk, talk.ids), now)] if talk.ids else []
    return talk.also(call)  # type: ignore[no-any-return]


def _running(talk: FailoverTestTalk, ids: Sequence[str], **more: Any) -> dict[str, Any]:
    points = ((name, talk.want.inputs[name]) for name in ("recovery_point", "recovery_point_time"))
    return {"ids": list(ids), "state": "test_running", **{name: value for name, value in points if value}, **more}


def _acts(talk: FailoverTestTalk, answers: Sequence[Answer], now: float) -> FailoverTestTalk:
    for answer in answers:
        ask = talk.open[answer.number]
        if answer.last:
            talk = replace(talk, open={n: one for n, one in talk.open.items() if n != answer.number})
        talk = _HEARD[ask.stage](talk, ask, answer, now)
    return _go_on(talk, now)


def _switched(talk: FailoverTestTalk, ask: Ask, answer: Answer, now: float) -> FailoverTestTalk:
    """What is connected wrongly is found before its test VM is started, whatever became of this."""
    talk = replace(talk, switched=(*talk.switched, merged({}, answer.result, ask.options["ids"])))
    return talk if talk.asks_for(SWITCH) or talk.stopped else _make(talk, now)


def _made(talk: FailoverTestTalk, ask: Ask, answer: Answer, now: float) -> FailoverTestTalk:
    """Test VMs are there: what are they connected to?"""
    talk = replace(talk, made=merged(talk.made, answer.result, answer.vms))
    return talk if talk.stopped else _look(talk, answer.vms, now)


def _look(talk: FailoverTestTalk, vms: Sequence[str], now: float) -> FailoverTestTalk:
    """Read what the test VMs of these are connected to."""
    found = test_vms([vm for vm in talk.first["vms"] if vm["id"] in vms], talk.made)
    options = {"ids": list(found.values()), "gather": ["adapters", "switches"]}
    ask = Ask(0, READ, talk.host, options, tuple(found), at=now, stage=ISOLATE)
    return talk.also([ask]) if found else talk


def _connected(talk: FailoverTestTalk, ask: Ask, answer: Answer, now: float) -> FailoverTestTalk:
    """Start those that are isolated."""
    vms = [vm for vm in talk.first["vms"] if vm["id"] in ask.vms]
    told = isolation(vms, talk.made, answer.result, talk.want.inputs["allow"])
    before = talk.isolation
    known = {
        "tests": {**before["tests"], **told["tests"]},
        "ids": list(dict.fromkeys([*before["ids"], *told["ids"]])),
        "problems": {**before["problems"], **told["problems"]},
    }
    talk = replace(talk, isolation=known)
    if talk.stopped or not told["ids"]:
        return talk
    call = _call(talk, BEGIN, "hyperv_failover", _running(talk, told["ids"], start=True), now, fresh=True)
    return talk.also([call])  # type: ignore[no-any-return]


def _started(talk: FailoverTestTalk, ask: Ask, answer: Answer, now: float) -> FailoverTestTalk:
    """They run, and their guests have their time from now on."""
    if answer.stale and not talk.stopped and talk.stale < MOST_STALE:
        return _look(replace(talk, stale=talk.stale + 1), answer.vms, now)
    late: Mapping[str, Any] = {
        "failed": True,
        "msg": "it was not started: what it is connected to was read too long ago",
    }
    result = late if answer.stale else answer.result
    runs = [vm["test_vm"]["id"] for vm in result.get("vms") or () if (vm.get("test_vm") or {}).get("power") == RUNNING]
    until = {test: now + float(talk.want.inputs["heartbeat_timeout"]) for test in runs}
    return replace(talk, started=merged(talk.started, result, answer.vms), until={**talk.until, **until}, stale=0)


def _beat(talk: FailoverTestTalk, ask: Ask, answer: Answer, now: float) -> FailoverTestTalk:
    """Who answers?"""
    known = answered(talk.up, answer.result)
    names = {
        talk.isolation["tests"][vm["id"]]: str(vm["name"]) for vm in talk.first["vms"] if vm["id"] in _tested(talk)
    }
    new = [names[test] for test in known if test not in talk.up and test in names]
    lines = (*talk.lines, f"{talk.host}: {', '.join(new)}: the guest of its test VM answers") if new else talk.lines
    talk = replace(talk, up=known, lines=lines)
    if talk.stopped or not _silent(talk, now):
        return talk
    seconds = float(talk.want.inputs["poll_interval"])
    return talk.also([Ask(0, PAUSE, seconds=seconds, at=now, stage=WAIT)])  # type: ignore[no-any-return]


def _tested(talk: FailoverTestTalk) -> Mapping[str, str]:
    tests: Mapping[str, str] = talk.isolation["tests"]
    return tests


def _silent(talk: FailoverTestTalk, now: float) -> list[str]:
    """Test VMs whose guests may still answer."""
    if talk.want.inputs["wait_for"] != "heartbeat":
        return []
    return [test for test, until in talk.until.items() if test not in talk.up and now < until]


def _waited(talk: FailoverTestTalk, ask: Ask, answer: Answer, now: float) -> FailoverTestTalk:
    return talk


def _stopped(talk: FailoverTestTalk, ask: Ask, answer: Answer, now: float) -> FailoverTestTalk:
    return replace(talk, ended=merged(talk.ended, answer.result, answer.vms))


def _read_after(talk: FailoverTestTalk, ask: Ask, answer: Answer, now: float) -> FailoverTestTalk:
    return replace(talk, after=answer.result)


def _read_tests(talk: FailoverTestTalk, ask: Ask, answer: Answer, now: float) -> FailoverTestTalk:
    return replace(talk, tests=answer.result)


_HEARD: Mapping[str, Callable[[FailoverTestTalk, Ask, Answer, float], FailoverTestTalk]] = {
    SWITCH: _switched,
    MAKE: _made,
    ISOLATE: _connected,
    BEGIN: _started,
    BEAT: _beat,
    WAIT: _waited,
    STOP: _stopped,
    AFTER: _read_after,
    LOOK: _read_tests,
}


def _go_on(talk: FailoverTestTalk, now: float) -> FailoverTestTalk:
    """Look who answers, and when nothing is under way any more, how it ended."""
    silent = [] if talk.stopped else _silent(talk, now)
    if silent and not (talk.asks_for(BEAT) or talk.asks_for(WAIT)):
        ask = Ask(0, READ, talk.host, {"ids": silent, "gather": ["relations"]}, at=now, stage=BEAT)
        return talk.also([ask])  # type: ignore[no-any-return]
    if talk.open:
        return talk
    if talk.stopped and talk.ids and not talk.want.inputs["keep"] and not talk.ended:
        end = ending(talk.host, talk.ids, talk.want.inputs, talk.read_first)
        before = replace(talk, after={})  # what was read says nothing of the end
        return before.also([replace(end, at=now, stage=STOP)])  # type: ignore[no-any-return]
    if talk.after or not talk.ids:
        return _end(talk)
    last = {AFTER: (talk.ids, ["relations", "statistics"])}
    if talk.until and not talk.stopped:
        last[LOOK] = (list(talk.until), ["adapters"])
    asks = (
        Ask(0, READ, talk.host, {"ids": ids, "gather": gather}, at=now, stage=stage)
        for stage, (ids, gather) in last.items()
    )
    return talk.also(asks)  # type: ignore[no-any-return]


# -- the end ---------------------------------------------------------------------------------------------------------


def _end(talk: FailoverTestTalk) -> FailoverTestTalk:
    """The report, or what whoever asks needs for its own."""
    inputs = talk.want.inputs
    run = {
        "switched": list(talk.switched),
        "made": talk.made,
        "isolation": talk.isolation,
        "started": talk.started,
        "expected": list(talk.until),
        "answered": talk.up,
        "ended": talk.ended,
        "after": talk.after,
        "keep": not talk.ended,
        "heartbeat": inputs["heartbeat_timeout"] if inputs["wait_for"] == "heartbeat" else 0,
        "host": talk.host,
        "stopped": bool(talk.stopped),
    }
    told = report(talk.first, run)
    calls = [*talk.switched, talk.made, talk.started, talk.ended]
    there = [typed_vm(one["name"], one["id"]) for one in told["vms"] if one["id"] in _tested(talk)]
    result: dict[str, Any] = {
        "changed": any(call.get("changed") for call in calls),
        "vms": told["vms"],
        "came_up": came_up(talk.first, run, talk.tests),
        "test": {"plan": {name: talk.first[name] for name in ("vms", "refused")}, "run": run},
        "actions": [action for call in calls for action in call.get("actions") or ()],
        "command": command("cleanup_test_failover", {"test_on": talk.host, "vms": there}) if there else "",
    }
    warnings = list(dict.fromkeys(text for call in calls for text in call.get("warnings") or ()))
    result |= {"warnings": warnings} if warnings else {}
    failures = [*([f"{talk.stopped}. It was not tested to the end"] if talk.stopped else []), *told["failures"]]
    if not (inputs["report"] or talk.stopped):
        by_hand = ("They are ended when the checks are through. Should that be stopped, type:", result["command"])
        return replace(talk, end=End(result, () if inputs["keep"] or not there else by_hand))
    if failures:
        result |= {"failed": True, "msg": "\n".join(failures)}
    return replace(talk, end=End(result, (f"{talk.host}:", *told["lines"])))
