"""The conversation of a failover, answer by answer: who waits for whom, what a stop leaves, and how it ends."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import perform
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import Pair
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    CALL,
    PAUSE,
    READ,
    Answer,
    Ask,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import flow as failover_flow
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.flow import (
    MOST_LAST_LOOKS,
    MOST_STALE,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.talk import (
    ACT,
    FailoverTalk,
    start,
)

from tests.unit.plugins.failover_sim import SILENT, Sim, asked, side_of, text_of, vm_id

READY = ("Replica/Replicating Off", "Primary/Replicating Running")
THERE = "Primary/Replicating Running"
MOST_STEPS = 2000


def pair(target: str = READY[0], other: str = READY[1]) -> Pair:
    """A VM, by default one that is to be failed over."""
    return Pair(side_of(target), side_of(other))


def everything(ask: Ask) -> bool:
    """Every question."""
    return True


def of(host: str, kind: str = "") -> Callable[[Ask], bool]:
    """Questions to a host."""
    return lambda ask: ask.host == host and kind in ("", ask.kind)


def but(other: Callable[[Ask], bool]) -> Callable[[Ask], bool]:
    """All others."""
    return lambda ask: not other(ask)


@dataclass
class Play:
    """A conversation that is answered question by question."""

    sim: Sim
    wish: str = "planned"
    inputs: Mapping[str, Any] = field(default_factory=dict)
    talk: FailoverTalk = field(init=False)
    shown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.talk = start(self.sim.want(self.wish, **self.inputs))
        self.give()

    def give(self, *answers: Answer) -> None:
        """Answer so."""
        self.talk = self.sim.step(self.talk, answers)
        self.shown += self.talk.lines

    def answer(self, which: Callable[[Ask], bool] = everything) -> list[Ask]:
        """Answer all such questions as the hosts do; which they were."""
        asks = [ask for ask in asked(self.talk) if which(ask)]
        if asks:
            self.give(*(self.sim.answer(ask) for ask in asks))
        return asks

    def as_far_as_it_goes(self, which: Callable[[Ask], bool] = everything) -> None:
        """Answer such questions until there are none."""
        for _unused in range(MOST_STEPS):
            if self.ended or not self.answer(which):
                return
        raise AssertionError(f"it does not end: {self.sim.log}")

    def until(self, there: Callable[[], bool]) -> None:
        """Answer everything until it is so."""
        for _unused in range(MOST_STEPS):
            if there():
                return
            assert self.answer(), "it ended before"
        raise AssertionError("it never is so")

    def until_open(self, call: str, which: Callable[[Ask], bool]) -> None:
        """Answer such questions until this call is under way."""
        while call not in self.open:
            assert self.answer(which), "it ended before"

    def interrupt(self, reason: str = "SIGTERM was received") -> None:
        """Somebody stops the run."""
        self.sim.halted = True
        self.talk = failover_flow.interrupt(self.talk, reason, self.sim.now)
        self.shown += self.talk.lines

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.talk.end is not None

    @property
    def open(self) -> list[str]:
        """The calls that are under way, as the simulation logs them, by VM."""
        calls = [ask for ask in asked(self.talk) if ask.kind == CALL]
        return [f"{ask.host} {ask.stage} {name}" for ask in calls for name in self.sim.names(ask.vms)]

    def call(self, stage: str) -> Ask:
        """The one open call for a stage."""
        (found,) = (ask for ask in asked(self.talk) if ask.stage == stage)
        return found

    @property
    def result(self) -> Mapping[str, Any]:
        """What it came to."""
        assert self.talk.end is not None
        return self.talk.end.result

    @property
    def marks(self) -> dict[str, str]:
        """How the report calls each VM."""
        return {vm["name"].removesuffix(" (copy)"): vm["result"] for vm in self.result["vms"]}


# -- who waits for whom ----------------------------------------------------------------------------------------------


TWO_PRIMARIES = {"Two": ("hv-b", "hv-c")}
SITE = {"One": ("hv-b", "hv-a"), "Two": ("hv-d", "hv-c")}


@pytest.mark.parametrize("places", [TWO_PRIMARIES, SITE])
def test_a_host_that_takes_its_time_delays_only_its_own_vms(places: Mapping[str, tuple[str, str]]) -> None:
    play = Play(Sim({"One": pair(), "Two": pair()}, places=places))
    play.until(lambda: play.talk.phase == ACT)
    play.as_far_as_it_goes(but(of("hv-c")))
    assert text_of(play.sim.pairs["One"].target) == THERE
    assert play.sim.log[-1] == "hv-b start One"
    assert not play.ended
    play.as_far_as_it_goes()
    assert play.marks == {"One": "ok", "Two": "ok"}


def test_a_host_that_falls_silent_costs_its_own_vms_only() -> None:
    play = Play(Sim({"One": pair(), "Two": pair()}, places=TWO_PRIMARIES))
    play.until(lambda: play.talk.phase == ACT)
    play.sim.silent = ("hv-c",)
    play.as_far_as_it_goes()
    assert play.marks == {"One": "ok", "Two": "UNKNOWN"}
    assert not [line for line in play.sim.log if "Two" in line], "nothing is done to a VM whose host is not read"


@pytest.mark.parametrize("lost", range(4))
def test_an_answer_that_a_host_loses_on_the_way_says_nothing_of_vms_that_it_never_had(lost: int) -> None:
    """It had told before the first act that it has no copy of them; that it lives, and says nothing now, is no copy."""
    play = Play(Sim({"One": pair(), "Two": pair()}, places=SITE))
    play.until(lambda: play.talk.phase == ACT)
    times = 0
    while not play.ended:
        reads = [ask for ask in asked(play.talk) if ask.kind == READ and ask.host == "hv-b"]
        if reads:
            if times == lost:
                garbled = {"failed": True, "msg": "not understood", "host_answered": True, "machine_up": True}
                play.give(Answer(reads[0].number, garbled))
            times += 1
        if not play.ended:
            play.answer()
    assert times > lost
    assert play.marks["Two"] == "ok", play.result
    assert not [line for line in play.sim.log if "cancel" in line and "Two" in line]


def test_a_vm_goes_on_while_the_call_is_not_through_with_another() -> None:
    play = Play(Sim({"One": pair(), "Two": pair()}))
    play.until(lambda: bool(play.open))
    call = play.call("prepare")
    assert call.vms == (vm_id("One"), vm_id("Two"))
    whole = play.sim.answer(call)
    actions = {name: [a for a in whole.result["actions"] if a["vm_id"] == vm_id(name)] for name in ("One", "Two")}
    play.give(Answer(call.number, {"failures": [], "actions": actions["One"]}, (vm_id("One"),), last=False))
    reads = [ask for ask in asked(play.talk) if ask.kind == READ]
    assert {(ask.host, tuple(ask.options["ids"])) for ask in reads} == {
        ("hv-b", (vm_id("One"),)),
        ("hv-a", (vm_id("One"),)),
    }
    play.as_far_as_it_goes(lambda ask: ask.number != call.number)
    assert text_of(play.sim.pairs["One"].target) == THERE
    assert not [line for line in play.sim.log if "Two" in line and "prepare" not in line]
    play.give(Answer(call.number, {"failures": [], "actions": actions["Two"]}, (vm_id("Two"),)))
    play.as_far_as_it_goes()
    assert play.marks == {"One": "ok", "Two": "ok"}
    assert len(play.result["actions"]) == len(play.sim.log) + 2, "an action is told of once; a guest is stopped too"


def test_vms_that_are_ready_at_the_same_look_travel_together() -> None:
    play = Play(Sim({name: pair() for name in ("One", "Two", "Three")}))
    calls: list[Ask] = []
    while not play.ended:
        calls += [ask for ask in play.answer() if ask.kind == CALL]
    assert [(call.stage, len(call.vms)) for call in calls] == [
        (stage, 3) for stage in ("prepare", "fail_over", "reverse", "start")
    ]


def test_an_answer_that_comes_twice_counts_once() -> None:
    play = Play(Sim({"One": pair()}))
    play.until(lambda: bool(play.open))
    answer = play.sim.answer(play.call("prepare"))
    play.give(answer, answer)
    before = play.talk
    play.give(answer)
    assert play.talk.run is before.run
    assert play.talk.open == before.open
    assert not play.talk.asks
    play.as_far_as_it_goes()
    assert play.marks == {"One": "ok"}
    assert len(play.result["actions"]) == 5


# -- readings that have grown old ------------------------------------------------------------------------------------


def late(ask: Ask) -> Answer:
    """The answer of a host that has not sent it, for what it rests on was too old."""
    return Answer(ask.number, {}, ask.vms, stale=True)


def test_a_call_that_comes_too_late_is_not_sent_and_its_vms_are_read_again() -> None:
    play = Play(Sim({"One": pair()}))
    play.until(lambda: play.open == ["hv-b fail_over One"])
    play.give(late(play.call("fail_over")))
    assert {(ask.kind, ask.host) for ask in play.talk.asks} == {(READ, "hv-b"), (READ, "hv-a")}
    play.until(lambda: bool(play.open))
    assert play.call("fail_over").at > 0
    assert play.sim.log == ["hv-a prepare One"]
    play.as_far_as_it_goes()
    assert play.marks == {"One": "ok"}
    assert len(play.result["actions"]) == 5


def test_a_host_that_is_always_too_late_is_given_up_and_the_vm_comes_up_where_it_was() -> None:
    play = Play(Sim({"One": pair()}))
    for _unused in range(MOST_STALE):
        play.until(lambda: bool(play.open) and play.open[0].startswith("hv-b fail_over"))
        play.give(late(play.call("fail_over")))
    play.as_far_as_it_goes()
    assert play.sim.log == ["hv-a prepare One", "hv-a cancel_preparation One", "hv-a start_old One"]
    assert play.marks == {"One": "NOT DONE"}
    assert "too busy" in play.result["msg"]


@pytest.mark.parametrize("stage", ["prepare", "fail_over", "reverse", "start"])
def test_a_call_rests_on_the_oldest_reading_of_its_vms(stage: str) -> None:
    """`at` is when the first of them came in, whatever else was waited for."""
    play = Play(Sim({"One": pair()}))

    def about_to() -> bool:
        reads = [ask for ask in asked(play.talk) if ask.kind == READ]
        done = [line.split()[1] for line in play.sim.log]
        order = ["prepare", "fail_over", "reverse", "start"]
        return play.talk.phase == ACT and bool(reads) and done == order[: order.index(stage)]

    play.until(about_to)
    play.answer(of("hv-b"))
    came_in = play.sim.now
    play.sim.now += 100
    play.answer(of("hv-a"))
    assert play.call(stage).at == came_in


# -- groups ----------------------------------------------------------------------------------------------------------


GROUPS = {"groups": [{"name": "db", "vms": ["Db"]}, {"name": "web", "vms": ["Web"]}]}
ACROSS = {"Db": ("hv-b", "hv-a"), "Web": ("hv-b", "hv-c")}


def groups(**more: Any) -> Play:
    """Two groups, whose VMs run on two hosts."""
    inputs = {name: more.pop(name) for name in ("order", "group_failure") if name in more}
    return Play(Sim({"Db": pair(), "Web": pair()}, places=ACROSS, **more), inputs={**GROUPS, **inputs})


def test_a_group_is_not_stopped_before_the_next_one_is_known_to_be() -> None:
    """Whether the first look at it is on its way, its call is, or the look after that."""
    play = groups()
    play.until(lambda: play.talk.phase == ACT)
    play.as_far_as_it_goes(but(of("hv-c")))
    assert (play.open, play.sim.log) == ([], []), "Web was not read yet"
    play.answer(of("hv-c"))
    assert play.open == ["hv-c prepare Web"]
    play.as_far_as_it_goes(but(of("hv-c")))
    assert play.sim.log == []
    play.answer(of("hv-c", CALL))
    play.as_far_as_it_goes(but(of("hv-c")))
    assert play.sim.log == ["hv-c prepare Web"], "whether it is off was not read yet"
    play.answer(of("hv-c"))
    play.as_far_as_it_goes(of("hv-b"))
    play.as_far_as_it_goes(of("hv-a", READ))
    assert play.open == ["hv-a prepare Db"]
    play.as_far_as_it_goes()
    assert play.marks == {"Db": "ok", "Web": "ok"}


def test_a_group_is_failed_over_when_those_ahead_run_and_not_before() -> None:
    play = groups()
    play.as_far_as_it_goes(lambda ask: ask.stage != "start")
    assert play.open == ["hv-b start Db"]
    assert text_of(play.sim.pairs["Web"].target) == READY[0]
    play.as_far_as_it_goes()
    assert play.sim.log.index("hv-b start Db") < play.sim.log.index("hv-b fail_over Web")
    assert play.marks == {"Db": "ok", "Web": "ok"}


def test_one_by_one_a_group_is_through_before_the_next_one_is_stopped() -> None:
    play = groups(order="one_by_one")
    play.as_far_as_it_goes(lambda ask: ask.stage != "start")
    assert play.open == ["hv-b start Db"]
    assert not [line for line in play.sim.log if "Web" in line]
    play.as_far_as_it_goes()
    assert play.marks == {"Db": "ok", "Web": "ok"}


def test_those_whose_group_cannot_go_on_come_up_where_they_were() -> None:
    play = groups(faults={"Db": ["fail_over"]})
    play.as_far_as_it_goes()
    assert {name: text_of(one.other) for name, one in play.sim.pairs.items()} == {"Db": READY[1], "Web": READY[1]}
    assert play.marks == {"Db": "NOT DONE", "Web": "NOT DONE"}
    told = next(vm["message"] for vm in play.result["vms"] if vm["name"] == "Web")
    assert "Held back by group db, which is not ready: Db: fail_over failed." in told


def test_a_group_whose_vms_were_refused_holds_the_others_back() -> None:
    play = groups()
    play.sim.pairs["Web"] = pair("Replica/Replicating Off", "Primary/Error Running")
    inputs = {**GROUPS, "on_refusal": "skip"}
    skipped = Play(Sim(dict(play.sim.pairs), places=ACROSS), inputs=inputs)
    skipped.as_far_as_it_goes()
    assert skipped.sim.log == []
    assert skipped.marks == {"Db": "NOT DONE", "Web": "NOT DONE"}


# -- hosts that do not answer ----------------------------------------------------------------------------------------


def disaster() -> Play:
    """hv-a was declared dead."""
    return Play(Sim({"One": pair(READY[0], "unread")}), "unplanned", {"reason": "primary_is_dead"})


def test_a_host_that_was_declared_dead_is_asked_again_before_the_start() -> None:
    play = disaster()
    play.until(lambda: play.open == ["hv-b fail_over One"])
    play.as_far_as_it_goes(but(of("hv-a")))
    assert play.open == [], "its answer is waited for"
    assert [ask.host for ask in asked(play.talk)] == ["hv-a"]
    play.answer()
    assert play.open == ["hv-b start One"]
    play.as_far_as_it_goes()
    assert play.marks == {"One": "UNPROTECTED"}


def test_a_host_that_comes_back_with_its_vm_running_keeps_it_from_being_started() -> None:
    play = disaster()
    play.until(lambda: play.open == ["hv-b fail_over One"])
    play.answer()
    play.sim._set("One", replace(play.sim.pairs["One"], other=side_of("Primary/Error Running")))
    play.as_far_as_it_goes()
    assert play.sim.log == ["hv-b fail_over One"]
    assert "this one is not started" in play.result["msg"]


def prepared_in_parts(**more: Any) -> tuple[Play, list[Answer]]:
    """One and Two are being prepared by one call; its two parts are not told yet."""
    play = Play(Sim({"One": pair(), "Two": pair()}, **more))
    play.until(lambda: bool(play.open))
    call, whole = play.call("prepare"), play.sim.answer(play.call("prepare"))
    return play, [Answer(call.number, share_of(whole.result, [vm]), (vm,), last=vm == call.vms[1]) for vm in call.vms]


def hv_a_is_silent_about_two(play: Play, part: Answer) -> None:
    """Its preparation is through, and its old host is silent for a moment: Two is looked at again."""
    play.give(part)
    reads = [ask for ask in asked(play.talk) if of("hv-a", READ)(ask)]
    play.give(*(Answer(ask.number, dict(SILENT)) for ask in reads))
    play.answer(of("hv-b", READ))
    assert [ask.host for ask in play.talk.asks] == ["hv-b", "hv-a"]


def test_a_host_that_is_not_asked_again_is_not_taken_for_one_that_has_no_such_vm() -> None:
    """It was silent when One was to be looked at, and by the time of the decision it has answered, for Two."""
    play, (one, two) = prepared_in_parts()
    hv_a_is_silent_about_two(play, replace(two, last=False))
    play.give(replace(one, last=True))
    assert [ask.host for ask in play.talk.asks] == ["hv-b"], "hv-a is not asked for One"
    play.answer(of("hv-a", READ))
    play.as_far_as_it_goes()
    assert play.marks == {"One": "ok", "Two": "ok"}


def test_before_a_start_a_host_is_asked_although_it_was_silent_a_moment_ago() -> None:
    """Somebody has cancelled the preparation there, and started the VM."""
    play, (one, two) = prepared_in_parts(faults={"One": ["reverse"]})
    play.give(one)
    play.until_open("hv-b reverse One", lambda ask: ask.stage != "prepare")
    hv_a_is_silent_about_two(play, two)
    play.answer(of("hv-b", CALL))
    assert [ask.host for ask in play.talk.asks] == ["hv-b", "hv-a"]
    play.sim._set("One", pair("Replica/FailedOverWaitingCompletion Off", "Primary/Replicating Running"))
    play.as_far_as_it_goes()
    assert runs_on(play.sim, "One") == ["hv-a"]
    assert play.marks["Two"] == "ok"


def test_what_one_look_could_not_read_another_one_does_not_hide() -> None:
    """The report has of each VM what was read of it: hv-c was silent about Two, and told of Three afterwards."""
    places = {"Two": ("hv-b", "hv-c"), "Three": ("hv-d", "hv-c")}
    play = Play(Sim({"Two": pair(), "Three": pair()}, places=places))
    play.until(lambda: play.talk.phase == ACT)
    first, *rest = asked(play.talk)
    assert first.vms == (vm_id("Two"),)
    silent = next(ask for ask in rest if ask.host == "hv-c" and ask.vms == first.vms)
    play.give(Answer(silent.number, {**SILENT, "msg": "hv-c: no answer"}), play.sim.answer(first))
    play.as_far_as_it_goes()
    assert play.marks["Three"] == "ok"
    two = next(vm for vm in play.result["vms"] if vm["name"].startswith("Two"))
    assert two["result"] != "DOWN"
    assert two["failed"]


def test_every_host_is_read_at_the_end_also_one_that_was_silent() -> None:
    play = disaster()
    play.until(lambda: play.open == ["hv-b start One"])
    play.answer(of("hv-b", CALL))
    last: list[str] = []
    while not play.ended:
        last += [ask.host for ask in play.answer() if ask.kind == READ]
    assert last[-2:] == ["hv-b", "hv-a"]


def test_what_the_last_look_finds_is_done_and_looked_at_again() -> None:
    """The dead host comes back at the very end: its old copy is fenced."""
    play = disaster()
    play.until(lambda: play.open == ["hv-b start One"])
    play.answer()
    play.until(lambda: play.talk.flow.last == 1)
    play.sim._set("One", replace(play.sim.pairs["One"], other=side_of("Primary/Error Off")))
    play.as_far_as_it_goes()
    assert play.sim.log[-1] == "hv-a fence One"
    assert play.talk.flow.last == 2


def test_a_vm_that_another_hand_stops_again_and_again_ends_the_run_all_the_same() -> None:
    sim = Sim({"One": pair()})
    stops = ["Primary/Replicating Off", "Replica/Replicating Off"]
    sim.hands = {round_: {"One": stops} for round_ in range(4, 100)}
    talk = sim.run("planned")
    assert talk.end
    assert talk.end.result["vms"][0]["result"] == "DOWN"
    assert talk.flow.last <= MOST_LAST_LOOKS


# -- before anything is sent -----------------------------------------------------------------------------------------


def test_check_mode_ends_with_the_plan_and_sends_nothing() -> None:
    sim = Sim({"One": pair()})
    talk = sim.to_the_end(sim.step(start(sim.want("planned", check=True))))
    assert talk.end
    assert dict(talk.end.result) == {"changed": True}
    assert sim.log == []
    assert talk.plan[0] == "What is going to be done:"
    assert any("Start-VMFailover" in line for line in talk.plan)


@pytest.mark.parametrize("typed, right", [("One", True), ("two", False)])
def test_what_is_typed_has_to_fit(typed: str, right: bool) -> None:
    play = Play(Sim({"One": pair()}), inputs={"confirm": typed})
    play.as_far_as_it_goes()
    assert bool(play.sim.log) is right
    assert bool(play.result.get("failed")) is not right


def test_a_primary_whose_port_listens_is_not_dead() -> None:
    play = disaster()
    play.until(lambda: any(ask.kind == "test" for ask in asked(play.talk)))
    play.give(*(Answer(ask.number, {}) for ask in asked(play.talk)))
    play.as_far_as_it_goes()
    assert play.sim.log == []
    assert "something listens on its port" in play.result["msg"]


def test_a_primary_that_sends_while_it_is_watched_is_not_dead() -> None:
    play = disaster()
    play.until(lambda: any(ask.kind == PAUSE for ask in asked(play.talk)))
    assert play.shown == ["looking for 30 seconds whether anything still arrives"]
    play.answer()
    (look,) = asked(play.talk)
    told = play.sim.answer(look)
    told.result["vms"][0]["relations"][0]["last_replication_time"] = "2026-03-01T12:00:20Z"
    play.give(told)
    play.as_far_as_it_goes()
    assert play.sim.log == []
    assert "its replica received something between two looks" in play.result["msg"]


def test_the_first_act_rests_on_a_reading_from_right_before_it() -> None:
    """The plan was made from others, and somebody may have had time to read it."""
    play = Play(Sim({"One": pair()}))
    play.until(lambda: play.talk.phase == ACT)
    assert {(ask.kind, ask.host) for ask in asked(play.talk)} == {(READ, "hv-b"), (READ, "hv-a")}
    play.sim._set("One", pair("Replica/FailedOverWaitingCompletion Running", "Primary/Error Running"))
    play.as_far_as_it_goes()
    assert play.sim.log == []
    assert play.marks == {"One": "ON BOTH HOSTS"}


# -- stopped from outside --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stopped:
    """A run that is stopped: its VMs, where they are, and what was asked."""

    vms: Mapping[str, tuple[str, str]]
    places: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    wish: str = "planned"
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def play(self) -> Play:
        """From the beginning."""
        pairs = {name: pair(*sides) for name, sides in self.vms.items()}
        return Play(Sim(pairs, places=self.places), self.wish, self.inputs)


TWO = {"One": READY, "Two": READY}
PREPARED = ("Replica/Replicating Off", "Primary/PreparedForFailover Off")
RUNS: Mapping[str, Stopped] = {
    "one VM": Stopped({"One": READY}),
    "one VM, not reversed": Stopped({"One": READY}, inputs={"reverse": False}),
    "two VMs of two hosts": Stopped(TWO, TWO_PRIMARIES),
    "a site of two and two hosts": Stopped(TWO, SITE),
    "two groups": Stopped({"Db": READY, "Web": READY}, ACROSS, inputs=GROUPS),
    "two groups, one by one": Stopped({"Db": READY, "Web": READY}, ACROSS, inputs={**GROUPS, "order": "one_by_one"}),
    "found prepared": Stopped({"One": PREPARED}),
    "a dead primary": Stopped(
        {"One": (READY[0], "unread"), "Two": (READY[0], "unread")},
        wish="unplanned",
        inputs={"reason": "primary_is_dead"},
    ),
    "an unusable primary": Stopped(
        {"One": READY}, wish="unplanned", inputs={"reason": "primary_unusable", "old_vm": "turn_off"}
    ),
    "the way home": Stopped({"One": ("Replica/FailedOver Running", "Primary/Error Off")}, wish="return_home"),
    "a failover is cancelled": Stopped(
        {"One": ("Replica/FailedOverWaitingCompletion Off", "Primary/PreparedForFailover Off")}, wish="cancel"
    ),
}


def sent(play: Play, ask: Ask) -> Answer:
    """It had its whole effect before the run was stopped."""
    return play.sim.answer(ask)


def not_sent(play: Play, ask: Ask) -> Answer:
    """The host had not begun with it: what leads on is not sent any more."""
    return late(ask) if ask.forward else play.sim.answer(ask)


def half_done(play: Play, ask: Ask) -> Answer:
    """The guest is off, and no last delta is begun."""
    if ask.stage != "prepare":
        return play.sim.answer(ask)
    for name in play.sim.names(ask.vms):
        play.sim._set(name, perform(play.sim.pairs[name], "stop_guest", "other") or play.sim.pairs[name])
    return Answer(ask.number, {"failures": [], "actions": [{"vm_id": vm} for vm in ask.vms]}, ask.vms)


def unanswered(play: Play, ask: Ask) -> Answer:
    """It had its effect, and the answer was lost."""
    done = play.sim.answer(ask)
    return replace(done, result={"unreachable": True, "msg": "lost", "actions": done.result["actions"]})


def runs_on(sim: Sim, name: str) -> list[str]:
    """The hosts where a VM runs."""
    one = sim.pairs[name]
    sides = zip(sim.place(name), (one.target, one.other), strict=True)
    return [host for host, side in sides if side is not None and side.may_run]


@pytest.mark.parametrize("fate", [sent, not_sent, half_done, unanswered])
@pytest.mark.parametrize("name", RUNS)
def test_whenever_it_is_stopped_what_was_stopped_runs_again_or_is_told(name: str, fate: Any) -> None:
    """After each answer of the run, with everything that is under way then having four fates; and then asked again."""
    for answers in range(MOST_STEPS):
        play = RUNS[name].play()
        for _unused in range(answers):
            if play.ended:
                return
            play.give(play.sim.answer(asked(play.talk)[0]))
        if play.ended:
            return
        before, acts = {vm: runs_on(play.sim, vm) for vm in play.sim.pairs}, play.talk.phase == ACT
        stopped_at, done = dict(play.sim.pairs), list(play.sim.log)
        told = [fate(play, ask) for ask in asked(play.talk) if ask.kind == CALL]
        play.interrupt()
        play.give(*told)
        play.as_far_as_it_goes()
        if not acts:
            assert (play.sim.pairs, play.sim.log) == (stopped_at, done), "nothing was begun"
            assert "Nothing was changed" in play.result["msg"]
            continue
        check_the_end(RUNS[name], play, before)


def check_the_end(run: Stopped, play: Play, before: Mapping[str, list[str]]) -> None:
    """Each VM runs once or is reported, the report is true, and the same run again ends well."""
    for vm in play.result["vms"]:
        name = vm["name"].removesuffix(" (copy)")
        runs = runs_on(play.sim, name)
        assert len(runs) <= 1
        assert vm["runs_on"] == runs, vm["message"]
        ran = side_of(run.vms[name][1]) or side_of(run.vms[name][0])
        assert ran
        expected = ran.may_run or bool(before[name]) or run.vms[name] == PREPARED
        assert runs or not expected or vm["result"] == "DOWN", f"{play.sim.log}: {vm['message']}"
        if not vm["failed"]:
            assert text_of(play.sim.pairs[name].target).endswith("Running") or run.wish == "cancel"
    again = Play(Sim(dict(play.sim.pairs), places=run.places), run.wish, run.inputs)
    again.as_far_as_it_goes()
    assert all(runs_on(again.sim, name) for name in again.sim.pairs), again.result


def test_a_run_that_is_stopped_says_so_and_fails() -> None:
    play = Play(Sim({"One": pair(), "Two": pair()}, places=TWO_PRIMARIES))
    play.until(lambda: len(play.open) == 2)
    told = play.sim.answer(play.talk.open[min(ask.number for ask in asked(play.talk))])
    play.interrupt("the time limit of the task (timeout) is over")
    play.give(told)
    play.as_far_as_it_goes()
    assert play.shown[0] == "stopped: the time limit of the task (timeout) is over"
    assert play.result["failed"]
    assert "the run was stopped: the time limit of the task" in play.result["msg"].replace("The run", "the run")
    assert play.sim.log == ["hv-a prepare One", "hv-a cancel_preparation One", "hv-a start_old One"]
    assert "One" in play.result["command"]
    assert "Two" in play.result["command"]


def test_a_conversation_that_is_over_cannot_be_stopped() -> None:
    play = Play(Sim({"One": pair()}))
    play.as_far_as_it_goes()
    before = play.talk
    play.interrupt()
    assert play.talk is before


@pytest.mark.parametrize("stage", ["prepare", "fail_over", "reverse", "start"])
def test_a_host_that_falls_silent_after_the_stop_leaves_its_vms_reported(stage: str) -> None:
    play = Play(Sim({"One": pair()}))
    play.until(lambda: bool(play.open) and play.open[0].split()[1] == stage)
    told = play.sim.answer(play.call(stage))
    play.interrupt()
    play.sim.silent = ("hv-a",)
    play.give(told)
    play.as_far_as_it_goes()
    runs = runs_on(play.sim, "One")
    assert runs == ["hv-b"] or play.marks["One"] in ("DOWN", "UNKNOWN"), play.sim.log


# -- any order of answers --------------------------------------------------------------------------------------------


@dataclass
class Chance:
    """Answers in any order, calls in parts, and until `calm` hosts that lose answers or are silent for a moment."""

    seed: int
    calm: int = 60

    def play(self, play: Play) -> None:
        """To the end."""
        chance, parts = random.Random(self.seed), list[Answer]()
        for number in range(MOST_STEPS):
            open_ = [ask for ask in asked(play.talk) if not any(part.number == ask.number for part in parts)]
            if play.ended:
                return
            some = [ask for ask in open_ if chance.random() < 0.4] or open_[:1]
            given: list[Answer] = []
            for ask in some:
                troubled = number < self.calm and play.talk.phase == ACT and play.talk.flow.last == 0
                trouble = troubled and chance.random() < 0.1
                given += self._answers(play, ask, trouble, chance)
            chance.shuffle(given)
            held = len(given) // 2 if chance.random() < 0.5 else 0
            now, parts = [*parts, *given[held:]], given[:held]
            play.give(*in_order(now))
            check_order(play)
        raise AssertionError(f"it does not end: {play.sim.log}")

    def _answers(self, play: Play, ask: Ask, trouble: bool, chance: random.Random) -> Iterable[Answer]:
        if ask.kind == READ and trouble:
            return [Answer(ask.number, dict(SILENT))]
        if ask.kind != CALL:
            return [play.sim.answer(ask)]
        if trouble:
            return [chance.choice([unanswered, lambda play, ask: late(ask)])(play, ask)]
        whole, vms = play.sim.answer(ask), list(ask.vms)
        cut = chance.randrange(len(vms))
        shares = [share for share in (vms[:cut], vms[cut:]) if share]
        return [
            Answer(ask.number, share_of(whole.result, share), tuple(share), last=share is shares[-1])
            for share in shares
        ]


def in_order(answers: Iterable[Answer]) -> list[Answer]:
    """A host tells the last part of a call last."""
    return sorted(answers, key=lambda answer: (answer.number, answer.last))


def share_of(result: Mapping[str, Any], vms: list[str]) -> dict[str, Any]:
    """What a result says of some of its VMs."""
    failures = [one for one in result.get("failures", ()) if one["id"] in vms]
    return {"failures": failures, "actions": [one for one in result["actions"] if one["vm_id"] in vms]}


def check_order(play: Play) -> None:
    """No VM is told to stop while one behind it still runs where it was, and may still be stopped by this run."""
    groups_ = {vm: number for number, group in enumerate(play.talk.run.get("groups", ())) for vm in group["vms"]}
    entries = play.talk.run.get("vms", {})
    for ask in play.talk.asks:
        if ask.stage != "prepare" or len(set(groups_.values())) < 2:
            continue
        for name in play.sim.names(ask.vms):
            behind = [vm for vm in play.sim.pairs if groups_[vm] > groups_[name]]
            runs = [vm for vm in behind if play.sim.place(vm)[1] in runs_on(play.sim, vm)]
            assert not [vm for vm in runs if entries[vm_id(vm)].status == "open"], play.sim.log


CHANCES = 150


@pytest.mark.parametrize("wild", [False, True])
def test_whatever_the_order_of_the_answers_it_ends_well_or_says_what_is_down(wild: bool) -> None:
    names = ("Db", "App", "Web", "Web2")
    places = {"Db": ("hv-b", "hv-a"), "App": ("hv-b", "hv-c"), "Web": ("hv-d", "hv-a"), "Web2": ("hv-d", "hv-c")}
    inputs = {
        "groups": [{"name": "1", "vms": ["Db"]}, {"name": "2", "vms": ["App"]}, {"name": "3", "vms": ["Web", "Web2"]}]
    }
    for seed in range(CHANCES):
        play = Play(Sim({name: pair() for name in names}, places=places), inputs=inputs if seed % 2 else {})
        Chance(seed, 60 if wild else 0).play(play)
        for vm in play.result["vms"]:
            runs = runs_on(play.sim, vm["name"].removesuffix(" (copy)"))
            unread = wild and vm["result"] == "UNKNOWN" and "is not known to run" in vm["message"]
            assert vm["runs_on"] == runs or unread, f"seed {seed}: {vm['message']}"
            assert runs or vm["result"] == "DOWN", f"seed {seed}: {vm['message']}"
            assert wild or not vm["failed"], f"seed {seed}: {vm['message']}"
