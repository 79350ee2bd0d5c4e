"""The driver and the threads of its hosts over sessions of the tests' own: who waits for whom, what may go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import (
    ConnectionLost,
    ReplicaError,
    UnsupportedConnection,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Command, Pipeline
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import FunctionSession, Output
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.reading import Reading
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.clock import READ_CLOCK
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows import driver as drivers
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows import host_thread
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    CALL,
    FRESH_SECONDS,
    PAUSE,
    READ,
    Answer,
    Ask,
    End,
    Talk,
    Wanted,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.driver import Driver
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.host_thread import Opening

from tests.unit.plugins.plugin_utils.test_phases import NOUN, Host

CLOCK = Pipeline.of(READ_CLOCK)
LOOK = Pipeline.of(Command("Get-VMHost"))
ONE, TWO = "3d5626ad-7fe4-5c0b-95e9-77a4ed2fb255", "aa67c98c-d81f-5a9c-b0bc-26caa0051aea"
NOTHING = Wanted("", {}, {}, [], [], [], [], {})
LONG = 30.0
"""Nothing takes so long, unless something hangs."""


@dataclass(frozen=True)
class Question:
    """One pipeline of the reading that stands in for hyperv_replication_info."""

    pipeline: Pipeline


def gather(want: Any, host: str, now: Callable[[], datetime]) -> Generator[Question, Output, dict[str, Any]]:
    yield Question(LOOK)
    return {"host": host}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small reading and a small resource in place of the real ones, and no long pauses."""
    reading: Reading[Any] = Reading("hyperv_replication_info", {}, lambda options: options, gather)
    monkeypatch.setattr(host_thread, "INFORMATION", reading)
    monkeypatch.setitem(host_thread.RESOURCES, "hyperv_failover", NOUN)
    monkeypatch.setattr(host_thread, "FIRST_POLL", 0.01)
    monkeypatch.setattr(drivers, "TICK_SECONDS", 0.02)


# -- hosts -----------------------------------------------------------------------------------------------------------


@dataclass
class Site:
    """Hosts of a test. `answer` answers a pipeline of a host; `opens` raises where a session is not to be had.

    Every session is used by one thread, and every way is looked up by the one that began.
    """

    answer: Callable[[str, Pipeline], Output] = lambda host, pipeline: Output()
    opens: Callable[[str], None] = lambda host: None
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    sent: list[tuple[str, Pipeline]] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    def openings(self, *hosts: str) -> Mapping[str, Opening]:
        return Ways(self, hosts, threading.get_ident())

    def open(self, host: str) -> Session:
        self.opened.append(host)
        self.opens(host)
        return Session(host, self, threading.get_ident())

    def of(self, host: str) -> list[Pipeline]:
        """What was sent to a host."""
        return [pipeline for one, pipeline in self.sent if one == host]


class Ways(Mapping[str, Opening]):
    """The ways to hosts, which are made in the thread that began."""

    def __init__(self, site: Site, hosts: Sequence[str], main: int) -> None:
        self.site, self.hosts, self.main = site, hosts, main

    def __getitem__(self, host: str) -> Opening:
        if threading.get_ident() != self.main:
            self.site.strays.append(f"the way to {host} was made in another thread")
        return Opening(host, lambda: self.site.open(host))

    def __iter__(self) -> Iterator[str]:
        return iter(self.hosts)

    def __len__(self) -> int:
        return len(self.hosts)


@dataclass
class Session:
    """A session that breaks with the first ConnectionLost."""

    host: str
    site: Site
    owner: int
    broken: ReplicaError | None = None

    def run(self, pipeline: Pipeline) -> Output:
        if threading.get_ident() != self.owner:
            self.site.strays.append(f"{self.host} was used by another thread")
        assert self.broken is None, "a broken session is not used"
        self.site.sent.append((self.host, pipeline))
        try:
            return self.site.answer(self.host, pipeline)
        except ReplicaError as error:
            self.broken = error
            raise

    def close(self) -> None:
        self.site.closed.append(self.host)


def host_with(*states: str, lag: int = 0) -> Host:
    """A small host with App01 and App02, or the first of them."""
    told = zip((ONE, TWO), ("App01", "App02"), states, strict=False)
    return Host({vm: {"id": vm, "name": name, "state": state, "notes": ""} for vm, name, state in told}, lag=lag)


# -- conversations ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scripted(Talk):
    """Questions in batches: each follows when the one before is answered. heard: all answers. stopped: why."""

    rest: tuple[tuple[Ask, ...], ...] = ()
    heard: tuple[Answer, ...] = ()
    stopped: tuple[str, ...] = ()


def script(*batches: Sequence[Ask]) -> Scripted:
    """A conversation that asks these."""
    return Scripted("script", want=NOTHING, rest=tuple(map(tuple, batches)))


class Rules:
    """The rules of such a conversation. `patient`: it waits for all answers of a batch, not for the first one only."""

    def __init__(self, patient: bool = True) -> None:
        self.patient = patient

    def step(self, talk: Scripted, answers: list[Answer], now: float) -> Scripted:
        done = {answer.number for answer in answers if answer.last}
        open_ = {number: ask for number, ask in talk.open.items() if number not in done}
        talk = replace(talk, asks=(), lines=(), plan=(), open=open_, heard=(*talk.heard, *answers))
        if open_ and (self.patient or not answers):
            return talk
        if not talk.rest:
            return replace(talk, end=End({"changed": False}))
        first, *rest = talk.rest
        asked = replace(talk, rest=tuple(rest)).also(replace(ask, at=ask.at or now) for ask in first)
        return replace(asked, lines=(f"batch of {len(first)}",))

    def interrupt(self, talk: Scripted, reason: str, now: float) -> Scripted:
        return replace(talk, asks=(), lines=(f"stopped: {reason}",), plan=(), stopped=(*talk.stopped, reason))


def read(host: str) -> Ask:
    return Ask(0, READ, host, {"gather": ["relations"]})


def pause(seconds: float) -> Ask:
    return Ask(0, PAUSE, seconds=seconds)


def call(host: str, *ids: str, **more: Any) -> Ask:
    return Ask(0, CALL, host, {}, ids, "hyperv_failover", **more)


@dataclass
class Ran:
    """What came of a conversation."""

    talk: Scripted
    shown: list[str]
    seconds: float

    def results(self, host: str) -> list[Mapping[str, Any]]:
        """What was answered in the name of a host."""
        return [one.result for one in self.talk.heard if one.result.get("host") == host or host in self.msg(one)]

    @staticmethod
    def msg(answer: Answer) -> str:
        return str(answer.result.get("msg", ""))


def run(site: Site, talk: Scripted, *hosts: str, patient: bool = True, stopped: Callable[[], str] = lambda: "") -> Ran:
    """Take a conversation to its end."""
    shown: list[str] = []
    driver = Driver(site.openings(*hosts), lambda event: shown.append(event.line()[10:]), stopped=stopped)
    begun = time.monotonic()
    ended = driver.run(Rules(patient), talk)
    assert site.strays == []
    return Ran(ended, shown, time.monotonic() - begun)


# -- side by side ----------------------------------------------------------------------------------------------------


def test_hosts_are_asked_side_by_side_over_one_session_each() -> None:
    """Each answers only when the others were asked too."""
    together = threading.Barrier(3)

    def answer(host: str, pipeline: Pipeline) -> Output:
        together.wait(LONG)
        return Output()

    site = Site(answer)
    hosts = ("hv-a", "hv-b", "hv-c")
    batch = [read(host) for host in hosts]
    ran = run(site, script(batch, batch, batch), *hosts)
    assert sorted(site.opened) == sorted(site.closed) == list(hosts)
    assert len(ran.talk.heard) == 9
    assert ran.shown == ["batch of 3"] * 3


def test_only_hosts_that_are_asked_are_reached() -> None:
    site = Site()
    run(site, script([read("hv-a")]), "hv-a", "hv-b")
    assert site.opened == ["hv-a"]


def test_a_host_that_takes_its_time_delays_nobody_else() -> None:
    slow = threading.Event()

    def answer(host: str, pipeline: Pipeline) -> Output:
        assert host != "hv-a" or slow.wait(LONG)
        return Output()

    class Impatient(Rules):
        def step(self, talk: Scripted, answers: list[Answer], now: float) -> Scripted:
            talk = super().step(talk, answers, now)
            if len([one for one in talk.heard if one.result.get("host") == "hv-b"]) == 3:
                slow.set()
            return talk

    site = Site(answer)
    talk = script([read("hv-a"), read("hv-b")], [read("hv-b")], [read("hv-b")], [pause(0.01)])
    ended = Driver(site.openings("hv-a", "hv-b"), lambda event: None).run(Impatient(patient=False), talk)
    assert slow.is_set()
    assert [one.result.get("host") for one in ended.heard][:3] == ["hv-b"] * 3


def test_a_call_that_waits_for_a_guest_holds_up_no_reading_and_is_told_of_in_parts() -> None:
    host = host_with("Running", "Off", lag=6)
    told: list[str] = []

    class Curious(Rules):
        """Asks for a reading as soon as the first part of the call is in."""

        def step(self, talk: Scripted, answers: list[Answer], now: float) -> Scripted:
            told.extend("read" if one.result.get("host") else ",".join(one.vms) for one in answers)
            talk = super().step(talk, answers, now)
            parts = [one for one in answers if not one.last]
            return talk.also([read("hv-a")]) if parts else talk

    site = Site(lambda name, pipeline: host(pipeline))
    talk = script([call("hv-a", ONE, TWO, stage="stop")])
    ended = Driver(site.openings("hv-a"), lambda event: None).run(Curious(), talk)
    assert told == [TWO, "read", ONE]
    assert site.opened == ["hv-a"]
    calls = [one for one in ended.heard if one.vms]
    assert [[vm["id"] for vm in one.result["vms"]] for one in calls] == [[TWO], [ONE]]
    assert [[(action["vm"], action["cmdlet"]) for action in one.result["actions"]] for one in calls] == [
        [("App02", "Set-VM")],
        [("App01", "Stop-VM"), ("App01", "Set-VM")],
    ]


# -- sessions --------------------------------------------------------------------------------------------------------


def test_a_session_that_rests_is_used_with_a_pipeline_that_only_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that neither its connection nor its log-on is lost while the run waits for another host."""
    monkeypatch.setattr(host_thread, "KEEP_SECONDS", 0.05)
    site = Site()
    ran = run(site, script([read("hv-a")], [pause(0.5)], [read("hv-a")]), "hv-a")
    first, *kept, last = site.of("hv-a")
    assert (first, last) == (LOOK, LOOK)
    assert 3 <= len(kept) <= ran.seconds / 0.05 + 1
    assert kept == [CLOCK] * len(kept)
    assert site.opened == ["hv-a"]


def test_a_session_that_is_used_is_not_kept_from_resting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_thread, "KEEP_SECONDS", 5.0)
    site = Site()
    run(site, script([read("hv-a")], [pause(0.2)], [read("hv-a")]), "hv-a")
    assert site.of("hv-a") == [LOOK, LOOK]


def test_nobody_is_logged_on_to_only_to_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_thread, "KEEP_SECONDS", 0.05)
    site = Site(opens=lambda host: lose(host, answered=True, again=False))
    run(site, script([read("hv-a")], [pause(0.3)]), "hv-a")
    assert (site.opened, site.sent) == (["hv-a"], [])


def lose(host: str, **more: Any) -> None:
    raise ConnectionLost(host, "it is gone", **more)


class Breaks:
    """A host whose n-th pipelines lose the connection."""

    def __init__(self, *numbers: int, **more: Any) -> None:
        self.numbers, self.more, self.count = numbers, more, 0

    def __call__(self, host: str, pipeline: Pipeline) -> Output:
        self.count += 1
        if self.count in self.numbers:
            lose(host, **self.more)
        return Output()


def test_a_session_that_broke_is_opened_anew_for_the_next_question() -> None:
    """The question that it broke at is not asked again: who asks decides that."""
    site = Site(Breaks(2))
    ran = run(site, script([read("hv-a")], [read("hv-a")], [read("hv-a")]), "hv-a")
    assert site.opened == ["hv-a", "hv-a"]
    assert site.closed == ["hv-a", "hv-a"]
    assert [bool(one.result.get("unreachable")) for one in ran.talk.heard] == [False, True, False]


def test_a_session_that_broke_while_it_rested_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_thread, "KEEP_SECONDS", 0.05)
    site = Site(Breaks(2))
    ran = run(site, script([read("hv-a")], [pause(0.3)], [read("hv-a")]), "hv-a")
    assert site.opened == ["hv-a", "hv-a"]
    assert not [one for one in ran.talk.heard if one.result.get("unreachable")]


def test_a_login_that_was_refused_is_not_tried_again() -> None:
    """Accounts lock."""
    site = Site(Breaks(1, answered=True, again=False))
    ran = run(site, script([read("hv-a")], [read("hv-a"), call("hv-a", ONE)], [read("hv-a")]), "hv-a")
    assert site.opened == ["hv-a"]
    assert len(site.sent) == 1
    assert [one.result["unreachable"] for one in ran.talk.heard] == [True] * 4
    assert {one.result["host_answered"] for one in ran.talk.heard} == {True}


def test_a_way_that_carries_no_cmdlets_is_that_hosts_error() -> None:
    def opens(host: str) -> None:
        if host == "hv-a":
            raise UnsupportedConnection("hv-a: its connection is local.", "Set ansible_connection.")

    site = Site(opens=opens)
    ran = run(site, script([read("hv-a"), read("hv-b")], [read("hv-a")]), "hv-a", "hv-b")
    assert site.opened.count("hv-a") == 1
    assert [result.get("failed", False) for result in ran.results("hv-a")] == [True, True]
    assert len(ran.results("hv-b")) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_nobody_thought_of_is_that_hosts_error_and_not_the_end_of_the_run() -> None:
    """Neither for what it was asked, nor for what it is asked afterwards."""

    def answer(host: str, pipeline: Pipeline) -> Output:
        if host == "hv-a":
            raise RuntimeError("a fault of ours")
        return Output()

    site = Site(answer)
    batch = [read("hv-a"), call("hv-a", ONE), read("hv-b")]
    ran = run(site, script(batch, batch), "hv-a", "hv-b")
    failed = [one for one in ran.talk.heard if one.result.get("failed")]
    assert len(failed) == 4
    assert all("hv-a: it was given up" in str(one.result["msg"]) for one in failed)
    assert [one.vms for one in failed if one.vms] == [(ONE,), (ONE,)]
    assert len(ran.results("hv-b")) == 2
    assert sorted(site.closed) == ["hv-a", "hv-b"]
    assert ran.seconds < LONG


def test_the_close_waits_for_nobody_longer_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hosts hang, and the run has its end without them."""
    monkeypatch.setattr(drivers, "CLOSE_SECONDS", 0.3)
    hangs = threading.Event()

    def answer(host: str, pipeline: Pipeline) -> Output:
        if host != "hv-a":
            hangs.wait(LONG)
        return Output()

    hosts = ("hv-a", "hv-b", "hv-c", "hv-d", "hv-e", "hv-f")
    site = Site(answer)
    ran = run(site, script([read(host) for host in hosts]), *hosts, patient=False)
    hangs.set()
    assert len(ran.talk.heard) == 1
    assert ran.seconds < 3.0


def test_the_sessions_are_closed_also_when_a_rule_fails() -> None:
    class Fails(Rules):
        def step(self, talk: Scripted, answers: list[Answer], now: float) -> Scripted:
            if answers:
                raise KeyError("a fault of ours")
            return super().step(talk, answers, now)

    site = Site()
    with pytest.raises(KeyError):
        Driver(site.openings("hv-a"), lambda event: None).run(Fails(), script([read("hv-a")]))
    assert site.closed == ["hv-a"]


# -- calls -----------------------------------------------------------------------------------------------------------


def test_a_call_whose_readings_have_grown_old_is_not_sent() -> None:
    site = Site()
    old = time.monotonic() - FRESH_SECONDS - 1
    ran = run(site, script([call("hv-a", ONE, fresh=True, at=old)]), "hv-a")
    (answer,) = ran.talk.heard
    assert (answer.stale, answer.last, answer.vms, dict(answer.result)) == (True, True, (ONE,), {})
    assert site.sent == []


@pytest.mark.parametrize("more", [{"fresh": True}, {"fresh": False, "at": 1.0}])
def test_a_call_with_fresh_readings_is_sent_and_so_is_one_that_rests_on_none(more: dict[str, Any]) -> None:
    host = host_with("Running")
    ran = run(Site(lambda name, pipeline: host(pipeline)), script([call("hv-a", ONE, **more)]), "hv-a")
    assert not any(answer.stale for answer in ran.talk.heard)
    assert host.vms[ONE]["state"] == "Off"


def test_what_is_sent_is_shown_with_the_names_of_its_vms() -> None:
    host = host_with("Running", "Running")
    ran = run(Site(lambda name, pipeline: host(pipeline)), script([call("hv-a", ONE, TWO)]), "hv-a")
    assert "hv-a  App01, App02  stop" in ran.shown
    assert ran.shown.index("hv-a  App01, App02  stop") < ran.shown.index("hv-a  App01, App02  note")


# -- stopped ---------------------------------------------------------------------------------------------------------


class Flag:
    """Says that the run is to stop from the n-th time on that it is asked, whoever asks."""

    def __init__(self, number: int) -> None:
        self.left, self.lock = number, threading.Lock()

    def __call__(self) -> str:
        with self.lock:
            self.left -= 1
            return "SIGTERM was received" if self.left < 0 else ""


@pytest.mark.parametrize("number", range(14))
def test_whenever_it_is_stopped_no_answer_is_lost_and_none_counts_twice(number: int) -> None:
    """The run is told once, and goes on with whatever it has asked."""
    hosts = {name: host_with("Running", "Off", lag=2) for name in ("hv-a", "hv-b")}
    site = Site(lambda name, pipeline: hosts[name](pipeline) if pipeline != LOOK else Output())
    batch = [read("hv-a"), call("hv-b", ONE, TWO, stage="stop"), read("hv-b")]
    ran = run(site, script(batch, batch, [pause(0.02)]), "hv-a", "hv-b", stopped=Flag(number))
    last = [answer.number for answer in ran.talk.heard if answer.last]
    assert sorted(last) == list(range(1, 8))
    vms_ = [vm for answer in ran.talk.heard for vm in answer.vms if answer.number == 2]
    assert sorted(vms_) == [ONE, TWO]
    assert len(ran.talk.stopped) <= 1
    assert ran.shown.count("stopped: SIGTERM was received") == len(ran.talk.stopped)


def test_what_leads_on_is_not_sent_once_the_run_is_stopped_and_what_leads_back_is() -> None:
    hosts = {name: host_with("Running") for name in ("hv-a", "hv-b")}
    site = Site(lambda name, pipeline: hosts[name](pipeline))
    talk = script([call("hv-a", ONE, forward=True), call("hv-b", ONE)])
    ran = run(site, talk, "hv-a", "hv-b", stopped=lambda: "SIGTERM was received")
    assert hosts["hv-a"].vms[ONE]["state"] == "Running"
    assert hosts["hv-b"].vms[ONE]["state"] == "Off"
    assert [answer.stale for answer in sorted(ran.talk.heard, key=lambda answer: answer.number)] == [True, False]
    assert ran.talk.stopped == ("SIGTERM was received",)


def test_a_stop_is_noticed_while_no_host_says_anything() -> None:
    silent, begun = threading.Event(), time.monotonic()

    def answer(host: str, pipeline: Pipeline) -> Output:
        silent.wait(LONG)
        return Output()

    class Gives(Rules):
        """The host speaks as soon as the run was told to stop."""

        def interrupt(self, talk: Scripted, reason: str, now: float) -> Scripted:
            silent.set()
            return super().interrupt(talk, reason, now)

    site = Site(answer)
    driver = Driver(
        site.openings("hv-a"),
        lambda event: None,
        stopped=lambda: "SIGINT was received" if time.monotonic() - begun > 0.2 else "",
    )
    ended = driver.run(Gives(), script([read("hv-a")]))
    assert ended.stopped == ("SIGINT was received",)
    assert time.monotonic() - begun < LONG


def test_function_sessions_serve_as_sessions() -> None:
    session = FunctionSession("hv-a", lambda pipeline: Output())
    driver = Driver({"hv-a": Opening("hv-a", lambda: session)}, lambda event: None)
    driver.run(Rules(), script([read("hv-a")]))
    assert session.sent == [LOOK]
