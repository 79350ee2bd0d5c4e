"""The conversation of a removal, played against records: who is asked what when, and whom nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    CALL,
    READ,
    Answer,
    Ask,
    Wanted,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.operations import read_inputs
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.removal.flow import (
    MOST_STALE,
    interrupt,
    step,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.removal.talk import RemovalTalk, start
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.role_inputs import RoleInputError

HOSTS = {"hv-a": "HV-A.example.com", "hv-b": "HV-B.example.com", "hv-c": "HV-C.example.com"}
VMS = {f"App{n:02}": f"11111111-2222-3333-4444-5555555555{n:02}" for n in (1, 2, 3)}
SILENT = {"unreachable": True, "msg": "no route to host"}
LONG = 30.0


def record(name: str, host: str, other: str, sends: bool, power: str) -> dict[str, Any]:
    """A record of the information module."""
    here, there = HOSTS[host], HOSTS[other]
    mode = "Primary" if sends else "Replica"
    leg = {
        "last_replication_time": None,
        "type": "Simple",
        "mode": mode,
        "state": "Replicating",
        "partner": there,
        "primary_server": here if sends else there,
        "replica_server": there if sends else here,
        "current_replica_server": None,
    }
    return {
        "id": VMS[name],
        "name": name,
        "host": here,
        "mode": mode,
        "state": "Replicating",
        "power": power,
        "health": "Normal",
        "partner": there,
        "relations": [leg],
        "test_vm": None,
        "clustered": False,
        "automatic_start_action": "StartIfRunning",
        "disks": [],
    }


@dataclass
class World:
    """What the hosts say. App01 and App02 replicate from hv-a to hv-b, App03 to hv-c."""

    now: float = 0.0
    silent: set[str] = field(default_factory=set)
    falls_silent: str = ""
    refused: set[tuple[str, str]] = field(default_factory=set)
    sent: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    reads: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    vms: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vms = {host: {} for host in HOSTS}
        for name, to in (("App01", "hv-b"), ("App02", "hv-b"), ("App03", "hv-c")):
            self.vms["hv-a"][VMS[name]] = record(name, "hv-a", to, True, "Running")
            self.vms[to][VMS[name]] = record(name, to, "hv-a", False, "Off")

    def want(self, *vms: str, check: bool = False, **inputs: Any) -> Wanted:
        given = {"operation": "remove_replication", "to": "hv-a", **({"vms": list(vms)} if vms else {}), **inputs}
        hosts = list(HOSTS)
        variables = {host: {"hyperv_replica_names": [name]} for host, name in HOSTS.items()}
        return Wanted("", read_inputs(given, hosts), given, ["hv-a"], hosts, hosts, hosts, variables, check)

    def answer(self, ask: Ask) -> Answer:
        if ask.host in self.silent:
            return Answer(ask.number, SILENT, ask.vms)
        if ask.kind == READ:
            self.reads.append((ask.host, tuple(ask.options.get("ids") or ask.options.get("names") or ())))
            return Answer(ask.number, self.read(ask.host, ask.options))
        self.silent |= {self.falls_silent} - {""}  # with the first call
        done = [vm for vm in ask.vms if (ask.stage, vm) not in self.refused]
        self.sent.append((ask.host, ask.stage, tuple(self.name(vm) for vm in ask.vms)))
        for vm in done:
            self.act(ask, vm)
        failed = [{"id": vm, "name": self.name(vm), "msg": "refused"} for vm in ask.vms if vm not in done]
        more = {"failed": True, "failures": failed} if failed else {}
        return Answer(ask.number, {"changed": bool(done), "vms": [], "actions": [], **more}, ask.vms)

    def name(self, vm: str) -> str:
        return next(name for name, known in VMS.items() if known == vm)

    def read(self, host: str, options: Mapping[str, Any]) -> dict[str, Any]:
        asked = {*(options.get("ids") or ()), *(VMS.get(name, name) for name in options.get("names") or ())}
        found = [dict(one) for vm, one in self.vms[host].items() if not asked or vm in asked]
        return {"inventory_host": host, "windows_name": HOSTS[host], "vms": found}

    def act(self, ask: Ask, vm: str) -> None:
        told = self.vms[ask.host][vm]
        if ask.stage == "idle":
            told["automatic_start_action"] = "Nothing"
        elif ask.stage == "delete":
            del self.vms[ask.host][vm]
        else:
            told.update(mode="None", state="Disabled", relations=[], partner=None)

    def play(
        self,
        talk: RemovalTalk,
        until: Callable[[RemovalTalk], bool] = lambda talk: False,
        late: frozenset[str] = frozenset(),
    ) -> RemovalTalk:
        """Answer everything, what is asked of `late` hosts only where there is nothing else."""
        talk, asks = step(talk, [], self.now), list[Ask]()
        while talk.end is None and not until(talk):
            asks += talk.asks
            quick = [ask for ask in asks if ask.host not in late]
            if not quick:
                self.now += LONG
            ask = (quick or asks)[0]
            asks.remove(ask)
            talk = step(talk, [self.answer(ask)], self.now)
        return talk


def ended(talk: RemovalTalk) -> Mapping[str, Any]:
    assert talk.end is not None
    return talk.end.result


def test_each_side_in_its_turn_and_one_call_for_those_that_go_together() -> None:
    world = World()
    result = ended(world.play(start(world.want("App01", "App02"))))
    both = ("App01", "App02")
    assert world.sent == [("hv-a", "primary", both), ("hv-b", "idle", both), ("hv-b", "replica", both)]
    assert (result["changed"], "failed" in result) == (True, False)
    assert [vm["result"] for vm in result["vms"]] == ["ok", "ok"]
    world.sent.clear()
    assert ended(world.play(start(world.want("App01", "App02"))))["changed"] is False
    assert world.sent == []


def test_check_mode_asks_and_changes_nothing() -> None:
    world = World()
    talk = world.play(start(world.want("App01", check=True)))
    assert (ended(talk), world.sent) == ({"changed": True}, [])


def test_nobody_waits_for_the_partner_of_others() -> None:
    """hv-c takes half a minute for each answer: App01 is through before App03 has ended its first stage."""
    world = World()
    talk = world.play(start(world.want("App01", "App03")), late=frozenset({"hv-c"}))
    order = [(host, names) for host, stage, names in world.sent if stage == "replica"]
    assert order == [("hv-b", ("App01",)), ("hv-c", ("App03",))]
    assert "failed" not in ended(talk)


def test_a_host_that_falls_silent_leaves_the_others_alone() -> None:
    world = World()
    world.falls_silent = "hv-c"
    talk = world.play(start(world.want("App01", "App03")))
    results = {vm["name"]: vm["result"] for vm in ended(talk)["vms"]}
    assert results == {"App01": "ok", "App03": "unknown"}
    assert VMS["App03"] in ended(talk)["command"]
    assert VMS["App01"] not in ended(talk)["command"]


def test_a_host_that_is_silent_from_the_start_is_a_matter_of_its_vms() -> None:
    world = World(silent={"hv-c"})
    refused = ended(world.play(start(world.want("App01", "App03"))))
    assert "App03: refused: HV-C.example.com could not be read" in refused["msg"]
    assert world.sent == []
    told = ended(world.play(start(world.want("App01", "App03", on_refusal="skip"))))
    assert {vm["name"]: vm["result"] for vm in told["vms"]} == {"App01": "ok", "App03": "NOT DONE"}


def test_what_windows_refused_is_not_tried_again() -> None:
    world = World(refused={("idle", VMS["App01"])})
    told = ended(world.play(start(world.want("App01", "App02"))))
    assert [names for _host, stage, names in world.sent if stage == "idle"] == [("App01", "App02")]
    assert [names for _host, stage, names in world.sent if stage == "replica"] == [("App02",)]
    assert "NOT DONE: App01: refused" in told["msg"]


def test_an_act_rests_on_a_reading_that_is_no_older_than_the_first_answer_of_its_look() -> None:
    world = World()
    talk = step(start(world.want("App01")), [], 0.0)
    while not any(ask.kind == CALL for ask in talk.asks):
        first, *rest = talk.asks
        talk = step(talk, [world.answer(first)], world.now)
        world.now += 3.0
        talk = step(talk, [world.answer(ask) for ask in rest], world.now) if rest else talk
    [call] = talk.asks
    assert (call.fresh, call.forward, call.at) == (True, True, world.now - 3.0)
    assert call.options["expected_host"] == HOSTS["hv-a"]


def test_readings_that_are_always_too_old_end_it() -> None:
    world = World()
    talk = world.play(start(world.want("App01")), until=lambda talk: any(ask.kind == CALL for ask in talk.asks))
    tries = 0
    while talk.end is None:
        calls = [ask for ask in talk.asks if ask.kind == CALL]
        tries += len(calls)
        reads = [world.answer(ask) for ask in talk.asks if ask.kind == READ]
        talk = step(talk, [*reads, *(Answer(ask.number, {}, ask.vms, stale=True) for ask in calls)], world.now)
    assert (tries, world.sent) == (MOST_STALE, [])
    assert "too old to act on" in ended(talk)["msg"]


def test_stopped_it_begins_nothing_more_and_says_what_is_left() -> None:
    world = World()
    talk = world.play(start(world.want("App01")), until=lambda talk: any(ask.kind == CALL for ask in talk.asks))
    [call] = talk.asks
    talk = interrupt(talk, "SIGTERM was received", world.now)
    talk = step(talk, [world.answer(call)], world.now)
    while talk.end is None:
        talk = step(talk, [world.answer(ask) for ask in talk.asks], world.now)
    assert world.sent == [("hv-a", "primary", ("App01",))]
    assert "NOT DONE: App01: SIGTERM was received" in ended(talk)["msg"]
    assert f"vms={VMS['App01']}" in ended(talk)["command"]


def test_stopped_before_the_first_act_nothing_was_changed() -> None:
    world = World()
    talk = step(start(world.want("App01")), [], 0.0)
    assert "Nothing was changed" in ended(interrupt(talk, "SIGINT was received", 0.0))["msg"]


def test_without_vms_it_lists() -> None:
    world = World()
    talk = world.play(start(world.want()))
    assert talk.end is not None
    assert talk.end.lines[:2] == ("hv-a:", "Replicated here: 3")
    world.silent.add("hv-a")
    assert "no route" in ended(world.play(start(world.want())))["msg"]


@pytest.mark.parametrize(
    "operation, option, value",
    [("remove_replication", "reason", "primary_is_dead"), ("planned_failover", "delete", "vm")],
)
def test_an_option_of_another_operation_is_one_clear_error(operation: str, option: str, value: str) -> None:
    with pytest.raises(RoleInputError, match=rf"{operation} does not have {option}\. .*Nothing was done"):
        read_inputs({"operation": operation, "to": "hv-a", option: value}, list(HOSTS))
