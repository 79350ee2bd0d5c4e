"""Planning is linear in the number of VMs: everything that the conversation of a failover works out, for few and for
many, whether their hosts answer for all of them at once or for one VM after the other.

Four times the VMs may take four times as long, and not sixteen times; the bound lies between, for machines are noisy.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import Pair
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import CALL, Answer, Wanted
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.talk import FailoverTalk, start

from tests.unit.plugins.failover_sim import Sim, side_of

FEW, MANY = 500, 2000
MOST_TIMES = 8.0
MOST_SECONDS, ALL = 5.0, 5000
MOST_STEPS = 30 * MANY
TRIES = 3
READY = ("Replica/Replicating Off", "Primary/Replicating Running")
RUNS: Mapping[str, dict[str, Any]] = {
    "one group": {},
    "four groups": {"groups": 4},
    "all fail": {"faults": ("prepare",)},
    "the primary is dead": {
        "wish": "unplanned",
        "states": ("Replica/Replicating Off", "unread"),
        "reason": "primary_is_dead",
    },
    "both run": {"states": ("Replica/FailedOver Running", "Primary/WaitingForStartResynchronize Running")},
    "one answer at a time": {"part": 1},
    "one answer at a time, four groups": {"part": 1, "groups": 4},
}
PLANNING, ACTS = "until the first call", "from then on"


@dataclass
class Run:
    """A conversation with hosts in memory, and the seconds of this process that it takes itself.

    part: so many VMs of a call are told of at a time; 0: all of them.
    """

    sim: Sim
    part: int = 0
    seconds: Counter[str] = field(default_factory=Counter)
    called: bool = False

    def play(self, wanted: Wanted, until_called: bool = False) -> Counter[str]:
        """To its end, or until the first call; whatever can be answered is, and of calls one part after the other."""
        talk, parts = self._step(start(wanted), []), deque[Answer]()
        for _unused in range(MOST_STEPS):
            calls = [ask for ask in talk.asks if ask.kind == CALL]
            self.called = self.called or bool(calls)
            if talk.end is not None or (until_called and self.called):
                return self.seconds
            answers = [self.sim.answer(ask) for ask in talk.asks if ask.kind != CALL]
            parts += (part for ask in calls for part in in_parts(self.sim.answer(ask), self.part))
            while parts and not (answers and self.part):
                answers.append(parts.popleft())
            talk = self._step(talk, answers)
        raise AssertionError("the run does not end")

    def _step(self, talk: FailoverTalk, answers: Sequence[Answer]) -> FailoverTalk:
        begun = time.process_time()
        try:
            return self.sim.step(talk, answers)
        finally:
            self.seconds[ACTS if self.called else PLANNING] += time.process_time() - begun  # type: ignore[assignment]


def in_parts(answer: Answer, size: int) -> Iterator[Answer]:
    """The answer to a call, so many VMs at a time."""
    step, actions = size or len(answer.vms), {action["vm_id"]: action for action in answer.result["actions"]}
    failures = {failure["id"]: failure for failure in answer.result.get("failures", ())}
    for first in range(0, len(answer.vms), step):
        vms = answer.vms[first : first + step]
        result = {
            **answer.result,
            "actions": [actions[vm] for vm in vms if vm in actions],
            "failures": [failures[vm] for vm in vms if vm in failures],
        }
        yield Answer(answer.number, result, vms, last=first + step >= len(answer.vms))


def run(
    number: int,
    wish: str = "planned",
    states: tuple[str, str] = READY,
    groups: int = 0,
    faults: tuple[str, ...] = (),
    part: int = 0,
    until_called: bool = False,
    **inputs: Any,
) -> Counter[str]:
    """Seconds of a run of so many VMs."""
    target, other = (side_of(text) for text in states)
    names = [f"VM{n:05}" for n in range(number)]
    sim = Sim({name: Pair(target, other) for name in names}, {name: list(faults) for name in names})
    asked = {"groups": [{"name": f"group {n}", "vms": names[n::groups]} for n in range(groups)]} if groups else {}
    return Run(sim, part).play(sim.want(wish, **asked, **inputs), until_called)


def least(tries: Sequence[Counter[str]]) -> Counter[str]:
    """Of each part the least that it took: what comes on top is the machine's other work, and its garbage."""
    return Counter({what: min(seconds[what] for seconds in tries) for what in tries[0]})  # type: ignore[type-var]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_takes_four_times_as_long_for_four_times_the_vms(name, say):
    few = least([run(FEW, **RUNS[name]) for _unused in range(2)])
    tries: list[Counter[str]] = []
    while True:
        tries.append(run(MANY, **RUNS[name]))
        many = least(tries)
        slow = [what for what in many if many[what] > max(few[what], 0.05) * MOST_TIMES]
        if not slow or len(tries) == TRIES:
            break
    told = ", ".join(f"{what} {few[what]:.2f} and {many[what]:.2f} s" for what in many)
    say(f"planning, {name}, {FEW} and {MANY} VMs: {told}")
    assert not slow, told


def test_the_plan_of_many_is_within_its_budget(say):
    """All that is worked out until the first call is sent: whom it is about, the plan, the preflight, the call."""
    tries: list[Counter[str]] = []
    while True:
        tries.append(run(ALL, until_called=True))
        seconds = least(tries)[PLANNING]
        if seconds < MOST_SECONDS or len(tries) == TRIES:
            break
    say(f"planning of {ALL} VMs: {seconds:.1f} s of {MOST_SECONDS:.0f}")
    assert seconds < MOST_SECONDS
