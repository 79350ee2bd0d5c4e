"""The conversations of a test failover, played against records: what is asked when, and what is left when it is cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    CALL,
    PAUSE,
    READ,
    Answer,
    Ask,
    Talk,
    Wanted,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.operations import WORKFLOWS, read_inputs
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.test_failover import (
    end_talk as end_of_test_talk,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.test_failover import (
    talk as failover_test_talk,
)

B = "HV-B.example.com"
VMS = {f"App{n:02}": f"11111111-2222-3333-4444-5555555555{n:02}" for n in (1, 2)}
TESTS = {vm: vm.replace("11111111", "99999999") for vm in VMS.values()}
LEG = {"type": "Simple", "mode": "Replica", "state": "Replicating", "last_replication_time": "2026-11-30T11:00:00Z"}
LOST = {"unreachable": True, "msg": "no route to host"}


@dataclass
class World:
    """hv-b with two replicas. `slow`: guests that do not answer; `lost`: stages whose call is lost after its effect."""

    now: float = 0.0
    tests: dict[str, str] = field(default_factory=dict)
    switch: str = "Test isolated"
    slow: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    sent: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    options: list[Mapping[str, Any]] = field(default_factory=list)

    def start(self, *vms: str, operation: str = "test_failover", check: bool = False, **inputs: Any) -> Any:
        given = {"operation": operation, "to": "hv-b", "vms": list(vms), **inputs}
        want = Wanted("", read_inputs(given, ["hv-b"]), given, ["hv-b"], ["hv-b"], ["hv-b"], ["hv-b"], {}, check)
        return WORKFLOWS[operation].start(want)

    def answers(self, ask: Ask) -> list[Answer]:
        if ask.kind == PAUSE:
            self.now += ask.seconds
            return [Answer(ask.number, {})]
        if ask.kind == READ:
            return [Answer(ask.number, self.read(ask.options))]
        self.options.append(ask.options)
        state = str(ask.options.get("state") or "switch")
        stage = f"{state}{' start' if ask.options.get('start') else ''}"
        ids = list(ask.options["ids"])
        self.sent.append((stage, tuple(self.name(vm) for vm in ids)))
        for vm in ids:
            if state == "test_absent":
                self.tests.pop(vm, None)
            elif state == "test_running":
                self.tests[vm] = "Running" if ask.options.get("start") else self.tests.get(vm, "Off")
        if stage in self.lost:
            acts = [{"vm_id": vm, "sent": None} for vm in ids]
            return [Answer(ask.number, {**LOST, "vms": [], "actions": acts, "changed": True}, ask.vms)]
        whole = {"changed": True, "actions": [{"vm_id": vm, "sent": True} for vm in ids]}
        if not ask.vms:
            return [Answer(ask.number, {**whole, "adapters": []})]
        parts = [{**whole, "vms": [self.record(vm)], "actions": [{"vm_id": vm, "sent": True}]} for vm in ids]
        last = len(parts) - 1
        return [Answer(ask.number, part, (ids[n],), last=n == last) for n, part in enumerate(parts)]

    def name(self, vm: str) -> str:
        return next(name for name, known in VMS.items() if known == vm)

    def record(self, vm: str) -> dict[str, Any]:
        power = self.tests.get(vm)
        return {
            "id": vm,
            "name": self.name(vm),
            "host": B,
            "inventory_host": "hv-b",
            "mode": "Replica",
            "state": "Replicating",
            "health": "Normal",
            "power": "Off",
            "partner": "HV-A.example.com",
            "relations": [dict(LEG)],
            "statistics": [{"last_test_failover_time": "2026-11-30T12:00:00Z"}],
            "recovery_points": [],
            "adapters": [{"name": "NIC", "switch": "Production", "test_switch": self.switch, "ip_addresses": []}],
            "test_vm": {"id": TESTS[vm], "power": power} if power else None,
            "heartbeat": "",
            "automatic_start_action": "Nothing",
            "clustered": False,
        }

    def test(self, vm: str) -> dict[str, Any]:
        return {
            "id": TESTS[vm],
            "name": f"{self.name(vm)} - Test",
            "host": B,
            "power": self.tests[vm],
            "adapters": [{"name": "NIC", "switch": self.switch, "ip_addresses": ["192.0.2.7"]}],
            "heartbeat": "OkApplicationsHealthy" if self.name(vm) not in self.slow else "NoContact",
            "uptime_seconds": 5.0,
            "of": {"id": vm, "name": self.name(vm)},
        }

    def read(self, options: Mapping[str, Any]) -> dict[str, Any]:
        asked = {*(options.get("ids") or ()), *(VMS.get(name, name) for name in options.get("names") or ())}
        known = [self.record(vm) for vm in VMS.values() if not asked or vm in asked]
        known += [self.test(vm) for vm in self.tests if TESTS[vm] in asked]
        switches = [{"name": "Test isolated", "type": "private"}, {"name": "Production", "type": "external"}]
        own = {"inventory_host": "hv-b", "windows_name": B, "switches": switches}
        return {**own, "vms": known, "test_vms": [self.test(vm) for vm in self.tests]}

    def play(self, rules: Any, talk: Any, until: Callable[[Talk], bool] = lambda talk: False) -> Any:
        """Answer everything that is asked, to the end or to where `until` holds."""
        talk, asks = rules.step(talk, [], self.now), list[Ask]()
        while talk.end is None and not until(talk):
            asks += talk.asks
            for answer in self.answers(asks.pop(0)):
                self.now += 0.1
                talk = rules.step(talk, [answer], self.now)
                asks += talk.asks
                talk = talk if talk.end else _without_asks(talk)
        return talk


def _without_asks(talk: Any) -> Any:
    """The next part of the same answer finds no asks that are new."""
    return replace(talk, asks=())


def ended(talk: Any) -> Mapping[str, Any]:
    assert talk.end is not None
    result: Mapping[str, Any] = talk.end.result
    return result


def test_made_seen_to_be_isolated_started_and_left_running() -> None:
    world = World()
    result = ended(world.play(failover_test_talk, world.start("App01", "App02")))
    assert world.sent[0] == ("test_running", ("App01", "App02"))
    assert world.sent[1:] == [("test_running start", ("App01",)), ("test_running start", ("App02",))]
    assert set(world.tests.values()) == {"Running"}
    assert [(vm["result"], vm["failed"]) for vm in result["vms"]] == [("left running", False)] * 2
    assert [one["ip_addresses"] for one in result["came_up"]] == [["192.0.2.7"]] * 2
    assert "cleanup_test_failover" in result["command"]
    assert {options["expected_host"] for options in world.options} == {B}


def test_one_whose_guest_does_not_answer_has_its_time_and_the_other_is_well() -> None:
    world = World(slow={"App02"})
    talk = world.play(failover_test_talk, world.start("App01", "App02", heartbeat_timeout=30))
    assert world.now > 30
    assert "App02: its guest did not answer within 30 seconds" in ended(talk)["msg"]
    assert [one["name"] for one in ended(talk)["came_up"]] == ["App01"]


def test_one_that_is_not_isolated_is_not_started() -> None:
    world = World(tests={VMS["App01"]: "Off"}, switch="Production")
    result = ended(world.play(failover_test_talk, world.start("App01", report=False)))
    assert world.tests == {VMS["App01"]: "Off"}
    assert "production" in str(result["test"]["run"]["isolation"]["problems"])
    assert "failed" not in result, "whoever asks says so in its report"


def test_a_start_rests_on_what_was_read_right_before() -> None:
    world = World()
    talk = world.play(
        failover_test_talk, world.start("App01"), until=lambda talk: any(a.stage == "start" for a in talk.open.values())
    )
    [call] = [ask for ask in talk.open.values() if ask.kind == CALL]
    assert (call.fresh, call.forward, call.at) == (True, True, world.now)
    talk = failover_test_talk.step(talk, [Answer(call.number, {}, call.vms, stale=True)], world.now)
    assert [ask.stage for ask in talk.asks] == ["isolation"], "too old: it is looked at again"


def test_a_lost_answer_is_no_test_that_was_passed() -> None:
    world = World(lost={"test_running start"})
    result = ended(world.play(failover_test_talk, world.start("App01")))
    assert result["failed"]
    assert "no route to host" in result["msg"]


@pytest.mark.parametrize("keep", [True, False])
def test_before_the_checks_begin_it_is_told_what_ends_the_test_vms(keep: bool) -> None:
    """A play that is stopped in its checks has no task that could say it. One that keeps them says it in its report."""
    world = World()
    talk = world.play(failover_test_talk, world.start("App01", keep=keep, report=False))
    assert world.tests
    assert any("cleanup_test_failover -e test_on=hv-b -e vms=App01" in line for line in talk.end.lines) is not keep


@pytest.mark.parametrize("keep", [True, False])
def test_stopped_no_test_vm_is_left_behind_that_was_not_to_be_kept(keep: bool) -> None:
    world = World(slow={"App01"})
    talk = world.play(
        failover_test_talk, world.start("App01", keep=keep, report=False), until=lambda talk: bool(talk.until)
    )
    talk = failover_test_talk.interrupt(talk, "SIGTERM was received", world.now)
    asks = [*talk.asks, *(ask for ask in talk.open.values() if ask not in talk.asks)]
    while talk.end is None:
        for answer in world.answers(asks.pop(0)):
            talk = failover_test_talk.step(talk, [answer], world.now)
            asks += talk.asks
    assert bool(world.tests) == keep
    assert "SIGTERM was received" in ended(talk)["msg"]
    [line] = [line for line in talk.end.lines if "App01" in line and "To end" not in line]
    assert "its guest did not answer before that" in line
    assert ("its test VM is left as it is" if keep else "its test VM is gone") in line


def test_stopped_while_it_is_read_how_it_ended_the_end_is_read_again() -> None:
    """What was read before the test VMs were ended is no sign that they are still there."""
    world = World()
    talk = world.play(
        failover_test_talk, world.start("App01", keep=False), until=lambda talk: bool(talk.asks_for("after"))
    )
    talk = failover_test_talk.interrupt(talk, "SIGTERM was received", world.now)
    asks = list(talk.open.values())
    while talk.end is None:
        for answer in world.answers(asks.pop(0)):
            talk = failover_test_talk.step(talk, [answer], world.now)
            asks += talk.asks
    assert world.tests == {}
    assert [vm["result"] for vm in ended(talk)["vms"]] == ["ok"]


def test_check_mode_shows_the_end_that_whoever_asks_will_ask_for() -> None:
    world = World()
    shown: list[str] = []
    for keep in (True, False):
        talk = world.play(failover_test_talk, world.start("App01", keep=keep, check=True))
        shown.append("\n".join(talk.plan))
        assert ended(talk) == {"changed": True}
    assert ["Stop-VMFailover" in text for text in shown] == [False, True]
    assert world.sent == []


def test_ended_by_name_and_nothing_else() -> None:
    world = World(tests=dict.fromkeys(VMS.values(), "Running"))
    talk = world.play(end_of_test_talk, world.start("App01", operation="cleanup_test_failover"))
    assert world.sent == [("test_absent", ("App01",))]
    assert list(world.tests) == [VMS["App02"]]
    assert "App01: its test VM is gone" in talk.end.lines


def test_an_end_that_cannot_be_reached_is_told() -> None:
    world = World(tests={VMS["App01"]: "Running"}, lost={"test_absent"})
    talk = world.play(end_of_test_talk, world.start("App01", operation="cleanup_test_failover"))
    assert ended(talk)["msg"] == "no route to host"
    role = World(tests={VMS["App01"]: "Running"}, lost={"test_absent"})
    told = ended(role.play(end_of_test_talk, role.start(VMS["App01"], operation="cleanup_test_failover", report=False)))
    assert "failed" not in told
    assert told["test"]["run"]["ended"]["failures"] == [{"id": VMS["App01"], "name": None, "msg": "no route to host"}]


def test_stopped_before_anything_was_sent() -> None:
    world = World()
    for operation, rules in (("test_failover", failover_test_talk), ("cleanup_test_failover", end_of_test_talk)):
        talk = rules.step(world.start("App01", operation=operation), [], 0.0)
        assert "Nothing was changed" in ended(rules.interrupt(talk, "SIGINT was received", 0.0))["msg"]
