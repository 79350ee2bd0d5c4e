"""The conversation that protects VMs anew, played against records: what is asked when, refused, sent, told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    CALL,
    FRESH_SECONDS,
    READ,
    TEST,
    Answer,
    Ask,
    Wanted,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.operations import read_inputs, wanted
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.reprotect.flow import (
    MOST_STALE,
    MOST_UNREAD,
    SILENT_SECONDS,
    interrupt,
    step,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.reprotect.talk import (
    ReprotectTalk,
    start,
)

HOSTS = {host: f"{host.upper()}.example.com" for host in ("hv-a", "hv-b", "hv-c", "hv-d")}
A, B, C, D = HOSTS.values()
VMS = {f"App{n:02}": f"11111111-2222-3333-4444-5555555555{n:02}" for n in (1, 2)}
ONE, TWO = VMS.values()
SILENT = {"unreachable": True, "msg": "no route to host", "host_answered": False}
WAITING, COPYING = "FailedOverWaitingCompletion", "InitialReplicationInProgress"
THUMBPRINT, OTHER_THUMBPRINT = "A1" * 20, "B2" * 20
STAGES = ("commit", "remove", "protect")


def leg(kind: str, mode: str, state: str, here: str, there: str) -> dict[str, Any]:
    """A relation of a VM on the host called `here`."""
    return {
        "type": kind,
        "mode": mode,
        "state": state,
        "partner": there,
        "primary_server": there if mode == "Replica" and kind == "Simple" else here,
        "replica_server": here if mode == "Replica" and kind == "Simple" else there,
        "current_replica_server": None,
        "last_replication_time": "2026-03-01T12:00:00Z",
    }


def record(name: str, host: str, mode: str, state: str, power: str, partner: str | None) -> dict[str, Any]:
    """A record of the information module."""
    return {
        "id": VMS[name],
        "name": name,
        "host": HOSTS[host],
        "inventory_host": host,
        "mode": mode,
        "state": state,
        "power": power,
        "partner": partner,
        "relations": [leg("Simple", mode, state, HOSTS[host], partner)] if partner else [],
        "test_vm": None,
        "clustered": False,
    }


def server(**changes: Any) -> dict[str, Any]:
    """What a replica server says of itself."""
    own = {"enabled": True, "authentication": "kerberos", "kerberos_port": 8080, "certificate_port": 443}
    return {**own, "any_server": True, "entries": [], "certificate_thumbprint": None, **changes}


def no_cluster() -> dict[str, Any]:
    return {"name": None, "domain": None, "nodes": [], "broker": None}


def cluster(broker: str | None, *nodes: str) -> dict[str, Any]:
    """A cluster of these nodes, with a broker of that name or none."""
    told = {"name": broker, "state": "Online", "owner": nodes[0]} if broker else None
    return {
        "name": "CL",
        "domain": "example.com",
        "nodes": [{"name": node, "state": "Up"} for node in nodes],
        "broker": told,
    }


@dataclass
class World:
    """What the hosts say. Both VMs run on hv-b, failed over from hv-a, which is silent; hv-c is a replica server."""

    now: float = 0.0
    silent: set[str] = field(default_factory=lambda: {"hv-a"})
    unreadable: set[str] = field(default_factory=set)
    refused: set[tuple[str, str]] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    takes: dict[str, float] = field(default_factory=dict)
    reached: bool = True
    sent: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    calls: list[Ask] = field(default_factory=list)
    tests: list[Ask] = field(default_factory=list)
    reads: list[tuple[str, float]] = field(default_factory=list)
    servers: dict[str, dict[str, Any]] = field(default_factory=lambda: {host: server() for host in HOSTS})
    clusters: dict[str, dict[str, Any]] = field(default_factory=lambda: {host: no_cluster() for host in HOSTS})
    names: dict[str, str] = field(default_factory=lambda: dict(HOSTS))
    vms: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {host: {} for host in HOSTS})

    def __post_init__(self) -> None:
        for name in VMS:
            self.put("hv-a", record(name, "hv-a", "Primary", "Replicating", "Off", B))
            self.put("hv-b", record(name, "hv-b", "Replica", WAITING, "Running", A))

    def put(self, host: str, vm: dict[str, Any]) -> dict[str, Any]:
        """A host has a VM."""
        self.vms[host][vm["id"]] = vm
        return vm

    def chain(self) -> World:
        """The VMs are replicated on from hv-b to hv-c."""
        for name in VMS:
            vm = self.vms["hv-b"][VMS[name]]
            vm["relations"].append(leg("Extended", "Replica", "Replicating", B, C))
            self.put("hv-c", record(name, "hv-c", "ExtendedReplica", "Replicating", "Off", B) | {"name": f"{name}-c"})
        return self

    def want(self, *vms: str, check: bool = False, reach: tuple[str, ...] = tuple(HOSTS), **inputs: Any) -> Wanted:
        given = {"to": "hv-b", "vms": list(vms) or list(VMS), "new_replica": "hv-c", **inputs}
        given = {name: value for name, value in given.items() if value is not None}
        groups = {"all": list(HOSTS), "hyperv": list(HOSTS)}
        variables = {host: {"hyperv_replica_names": [name], "group_names": ["hyperv"]} for host, name in HOSTS.items()}
        typed = read_inputs({"operation": "reprotect", **given}, list(HOSTS))
        return wanted(typed, given, groups, list(reach), variables, check)

    def answer(self, ask: Ask) -> Answer:
        self.now += self.takes.get(ask.host if ask.kind == READ else ask.stage, 0.0)
        if ask.kind == READ:
            self.reads.append((ask.host, self.now))
        if ask.host in self.silent:
            return Answer(ask.number, SILENT, ask.vms)
        if ask.host in self.unreadable:
            return Answer(ask.number, {"failed": True, "msg": "it is not ready"}, ask.vms)
        if ask.kind == READ:
            return Answer(ask.number, self.read(ask.host, ask.options))
        if ask.kind == TEST:
            self.tests.append(ask)
            return Answer(ask.number, self.tested(ask.options))
        return self.call(ask)

    def tested(self, options: Mapping[str, Any]) -> dict[str, Any]:
        if not self.reached:
            return {"failed": True, "msg": "nobody listens", "failures": [{"id": None, "msg": "nobody listens"}]}
        asked = {"replica_server": options["replica_server"], "authentication": options["authentication"]}
        return {"changed": False, "vms": [{"host": B, "connection": {**asked, "replica_port": 8080}}], "actions": []}

    def call(self, ask: Ask) -> Answer:
        self.calls.append(ask)
        self.sent.append((ask.stage, tuple(sorted(self.name(vm) for vm in ask.vms))))
        if ask.stage in self.lost:
            self.lost.remove(ask.stage)
            return Answer(ask.number, {**SILENT, "changed": True, "actions": []}, ask.vms)
        done = [vm for vm in ask.vms if (ask.stage, vm) not in self.refused]
        for vm in done:
            self.act(ask, vm)
        failed = [{"id": vm, "name": self.name(vm), "msg": "Windows refused"} for vm in ask.vms if vm not in done]
        more = {"failed": True, "msg": "Windows refused", "failures": failed} if failed else {}
        return Answer(ask.number, {"changed": bool(done), "vms": [], "actions": [], **more}, ask.vms)

    def act(self, ask: Ask, vm: str) -> None:
        """What a call makes of a VM."""
        assert ask.options["expected_host"] == self.names[ask.host]
        here, to = self.vms[ask.host][vm], str(ask.options.get("replica_server"))
        if ask.stage == "commit":
            here["state"] = here["relations"][0]["state"] = "FailedOver"
        elif ask.stage == "remove":
            here.update(mode="None", state="Disabled", partner=None, relations=[])
        elif ask.stage == "continue":
            here.update(record(here["name"], ask.host, "Primary", "Replicating", here["power"], C))
        else:
            here.update(record(here["name"], ask.host, "Primary", COPYING, here["power"], to))
            self.put("hv-c", record(here["name"], "hv-c", "Replica", "WaitingForInitialReplication", "Off", B))

    def name(self, vm: str) -> str:
        return next(name for name, known in VMS.items() if known == vm)

    def read(self, host: str, options: Mapping[str, Any]) -> dict[str, Any]:
        names, ids = options.get("names") or (), options.get("ids") or ()
        every = [dict(vm, relations=[dict(one) for one in vm["relations"]]) for vm in self.vms[host].values()]
        found = [vm for vm in every if vm["id"] in ids or vm["name"] in names or not (names or ids)]
        told: dict[str, Any] = {"inventory_host": host, "windows_name": self.names[host], "vms": found}
        told |= {"server": self.servers[host]} if "server" in options["gather"] else {}
        return told | ({"cluster": self.clusters[host]} if "cluster" in options["gather"] else {})

    def play(self, talk: ReprotectTalk, until: Callable[[ReprotectTalk], bool] = lambda talk: False) -> ReprotectTalk:
        """Answer everything, one question after the other, until it is so."""
        talk = step(talk, [], self.now)
        while talk.end is None and not until(talk):
            talk = self.on(talk)
        return talk

    def on(self, talk: ReprotectTalk) -> ReprotectTalk:
        """The next question is answered."""
        asks = sorted(talk.open.values(), key=lambda ask: ask.number)
        return step(talk, [self.answer(asks[0])], self.now)

    def whole(self, **inputs: Any) -> Mapping[str, Any]:
        """The result of the whole conversation."""
        return ended(self.play(start(self.want(**inputs))))


def ended(talk: ReprotectTalk) -> Mapping[str, Any]:
    assert talk.end is not None
    return talk.end.result


def lines(talk: ReprotectTalk) -> tuple[str, ...]:
    assert talk.end is not None
    return talk.end.lines


def calling(stage: str) -> Callable[[ReprotectTalk], bool]:
    """Until such a call is open."""
    return lambda talk: any(ask.kind == CALL and ask.stage == stage for ask in talk.open.values())


# -- the whole way ---------------------------------------------------------------------------------------------------


def test_commit_remove_protect_and_a_repeat_changes_nothing() -> None:
    world = World()
    talk = world.play(start(world.want()))
    both = tuple(VMS)
    assert world.sent == [(stage, both) for stage in STAGES]
    assert "failed" not in ended(talk)
    assert ended(talk)["changed"]
    assert [vm["result"] for vm in ended(talk)["vms"]] == ["COPYING", "COPYING"]
    vm = ended(talk)["vms"][0]
    assert (vm["runs_on"], vm["target"], vm["other_host"]) == (["hv-b"], f"Primary/{COPYING}, Running", "hv-c")
    assert vm["other"] == "Replica/WaitingForInitialReplication, Off"
    assert "UNPROTECTED until that is complete" in vm["open"]
    assert lines(talk)[0].startswith("COPYING: App01 runs on hv-b, protected towards hv-c (")
    world.sent.clear()
    again = world.whole(confirm="anything")  # where nothing is done, nothing is confirmed
    assert (again["changed"], world.sent, len(world.tests)) == (False, [], 1)


def test_every_call_says_which_vms_and_on_which_host() -> None:
    world = World()
    world.whole(settle_timeout=7, poll_interval=0.5, wait_timeout=9)
    assert {ask.host for ask in world.calls} == {"hv-b"}
    assert all(ask.fresh and ask.forward and ask.vms == (ONE, TWO) for ask in world.calls)
    assert all(ask.options["ids"] == [ONE, TWO] for ask in world.calls)
    assert all(ask.options["expected_host"] == B for ask in world.calls)
    waits = {"settle_timeout": 7.0, "poll_interval": 0.5, "wait_timeout": 9.0}
    assert all(waits.items() <= ask.options.items() for ask in world.calls)
    commit, remove, protect = world.calls
    assert (commit.module, commit.options["state"], commit.options["runs_on"]) == ("hyperv_failover", "committed", B)
    assert (remove.module, remove.options["state"], remove.options["side"]) == (
        "hyperv_vm_replication",
        "absent",
        "replica",
    )
    assert protect.module == "hyperv_vm_replication"
    assert "state" not in protect.options
    assert (protect.options["replica_server"], protect.options["authentication"]) == (C, "kerberos")
    assert (protect.options["partner_server"], protect.options["partner"]) == (world.servers["hv-c"], [])


def test_the_way_is_tested_after_it_is_confirmed_and_before_anything_is_changed() -> None:
    world = World()
    told = world.whole(confirm="App01")
    assert "hv-b 2" in told["msg"]
    assert (world.tests, world.sent) == ([], [])
    world.reached = False
    told = world.whole(confirm="hv-b:2")
    assert "hv-b does not reach HV-C.example.com as a replica server: nobody listens" in told["msg"]
    assert "Nothing was changed." in told["msg"]
    assert (len(world.tests), world.sent) == (1, [])
    options = world.tests[0].options
    assert (world.tests[0].host, options["state"], options["replica_server"]) == ("hv-b", "connection_tested", C)
    assert options["partner_server"] == world.servers["hv-c"]


def test_check_mode_plans_and_tests_and_changes_nothing() -> None:
    world = World()
    talk = world.play(start(world.want(check=True, confirm="(nothing)")), until=lambda talk: bool(talk.plan))
    assert talk.plan[0] == "What is going to be done:"
    assert sum("UNPROTECTED from then on" in line for line in talk.plan) == 2
    talk = world.play(talk)
    assert (ended(talk), len(world.tests), world.sent) == ({"changed": True}, 1, [])
    world.reached = False
    assert world.whole(check=True)["failed"]


def test_a_vm_is_found_by_the_name_that_it_has_elsewhere() -> None:
    world = World().chain()
    told = world.whole(vms=["App01-c"])
    assert (world.sent, told["vms"][0]["id"]) == ([("continue", ("App01",))], ONE)


def test_what_is_asked_for_twice_is_done_once() -> None:
    world = World()
    assert len(world.whole(vms=["App01", ONE])["vms"]) == 1
    assert world.sent == [(stage, ("App01",)) for stage in STAGES]


# -- what is refused, before anything is done ------------------------------------------------------------------------


def old_host_answers(world: World) -> None:
    world.silent.clear()


def both_run(world: World) -> None:
    world.silent.clear()
    world.vms["hv-a"][ONE]["power"] = "Running"


def copy_runs(world: World) -> None:
    world.put("hv-d", record("App01", "hv-d", "None", "Disabled", "Running", None))


def not_failed_over(world: World) -> None:
    world.vms["hv-b"][ONE].update(state="Replicating", power="Off")


def new_is_silent(world: World) -> None:
    world.silent.add("hv-c")


def no_server(world: World) -> None:
    world.servers["hv-c"] = server(enabled=False, authentication=None)


def both_types(world: World) -> None:
    world.servers["hv-c"] = server(authentication="certificateandkerberos")


def certificates(world: World) -> None:
    world.servers["hv-c"] = server(authentication="certificate")


def admits_others(world: World) -> None:
    world.servers["hv-c"] = server(any_server=False, entries=[{"name": "hv-x.example.com"}])


def no_broker_here(world: World) -> None:
    world.vms["hv-b"][ONE]["clustered"] = True
    world.clusters["hv-b"] = cluster(None, "HV-B", "HV-B2")


def a_stranger_there(world: World) -> None:
    world.vms["hv-b"][ONE].update(mode="None", state="Disabled", partner=None, relations=[])
    world.put("hv-c", record("App01", "hv-c", "Replica", "Replicating", "Off", D))


def one_host_twice(world: World) -> None:
    world.names["hv-c"] = B


def nothing(world: World) -> None:
    """As it is."""


REFUSED = [
    (old_host_answers, {}, "hv-a answers and has it (Primary/Replicating, Off), so it is not lost"),
    (both_run, {}, "running on BOTH hosts: Primary/"),
    (copy_runs, {}, "it runs on hv-d"),
    (not_failed_over, {}, "it is Replica/Replicating, Off on hv-b, and not failed over to it"),
    (nothing, {"reach": ("hv-b", "hv-c")}, "hv-a is outside --limit and was not asked"),
    (nothing, {"reach": ("hv-a", "hv-b")}, "hv-c could not be read: it is not in the inventory, or outside of --limit"),
    (new_is_silent, {}, "new_replica: hv-c could not be read: no route to host"),
    (no_server, {}, "hv-c is not a replica server"),
    (both_types, {}, "hv-c takes certificateandkerberos. Give one of them"),
    (nothing, {"authentication": "certificate"}, "hv-c takes kerberos, not certificate"),
    (certificates, {}, "certificate_thumbprint: hv-c is reached by certificate. Give that of hv-b, or auto"),
    (nothing, {"certificate_thumbprint": THUMBPRINT}, "Kerberos uses no certificate"),
    (admits_others, {}, "admits hv-x.example.com, not HV-B.example.com"),
    (no_broker_here, {}, "cluster CL has no Hyper-V Replica Broker"),
    (a_stranger_there, {}, "has a VM of the same id that is not this replication's"),
    (one_host_twice, {}, "new_replica: hv-b and hv-c are one host: both answered as HV-B.example.com"),
    (nothing, {"new_replica": "hv-b"}, "new_replica is hv-b itself"),
    (nothing, {"new_replica": None}, "new_replica is required"),
    (nothing, {"vms": ["App09"]}, "hv-b has no VM of that name or id"),
    (nothing, {"accept": ["hv-x"]}, "accept has hv-x"),
    (
        lambda world: (world.silent.clear(), world.unreadable.add("hv-a")),
        {},
        "hv-a answers, so it is not lost: it is not ready",
    ),
]


@pytest.mark.parametrize(("change", "inputs", "words"), REFUSED, ids=[words for _unused, _more, words in REFUSED])
def test_refused(change: Callable[[World], None], inputs: Mapping[str, Any], words: str) -> None:
    world = World()
    change(world)
    told = ended(world.play(start(world.want(**inputs))))
    assert words in told["msg"]
    assert told["failed"]
    assert (told["changed"], world.sent, world.tests) == (False, [], [])


def test_a_host_that_nobody_asked_is_accepted_by_name() -> None:
    world = World()
    assert "failed" not in ended(world.play(start(world.want(reach=("hv-b", "hv-c"), accept=["hv-a"]))))


def test_own_certificate_and_that_of_the_own_replica_server() -> None:
    for own, given, sent in ((THUMBPRINT, None, THUMBPRINT), (THUMBPRINT, "auto", "auto"), (None, "auto", "auto")):
        world = World()
        certificates(world)
        world.servers["hv-b"] = server(authentication="certificate", certificate_thumbprint=own)
        assert "failed" not in world.whole(certificate_thumbprint=given)
        for ask in (world.tests[0], world.calls[-1]):
            assert (ask.options["authentication"], ask.options["certificate_thumbprint"]) == ("certificate", sent)


def test_a_clustered_vm_is_admitted_by_the_name_of_its_broker() -> None:
    world = World()
    world.vms["hv-b"][ONE]["clustered"] = True
    world.clusters["hv-b"] = cluster("CL-Broker.example.com", "HV-B", "HV-B2")
    world.servers["hv-c"] = server(any_server=False, entries=[{"name": "CL-Broker.example.com"}])
    assert "failed" not in world.whole(vms=["App01"])


def test_what_an_interrupted_enable_left_there_is_in_nobodys_way() -> None:
    world = World()
    world.vms["hv-b"][ONE].update(mode="None", state="Disabled", partner=None, relations=[])
    world.put("hv-c", record("App01", "hv-c", "Replica", "WaitingForInitialReplication", "Off", B))
    assert "failed" not in world.whole(vms=["App01"])
    assert world.sent == [("protect", ("App01",))]
    assert [vm["id"] for vm in world.calls[0].options["partner"]] == [ONE]


# -- a chain, a cluster ----------------------------------------------------------------------------------------------


def test_on_to_the_third_site_without_a_copy_and_without_a_test() -> None:
    world = World().chain()
    talk = world.play(start(world.want()), until=calling("continue"))
    assert not any("Enable-VMReplication" in line for line in talk.plan)
    talk = world.play(talk)
    assert (world.sent, world.tests) == ([("continue", tuple(VMS))], [])
    assert [vm["result"] for vm in ended(talk)["vms"]] == ["ok", "ok"]
    [call] = world.calls
    assert (call.module, call.options["state"], call.options["runs_on"]) == ("hyperv_failover", "continued", B)
    world.sent.clear()
    assert (world.whole()["changed"], world.sent) == (False, [])


@pytest.mark.parametrize(
    ("change", "inputs", "words"),
    [
        (nothing, {"new_replica": "hv-d"}, "it replicates on to HV-C.example.com, which has a copy of it"),
        (lambda world: world.vms["hv-c"].clear(), {}, "hv-c has no copy of it"),
        (lambda world: world.vms["hv-c"][ONE].update(power="Saved"), {}, "its copy on hv-c is Saved, not Off"),
        (new_is_silent, {}, "hv-c could not be read"),
    ],
)
def test_no_chain_to_go_on_with(change: Callable[[World], None], inputs: Mapping[str, Any], words: str) -> None:
    world = World().chain()
    change(world)
    assert words in world.whole(**inputs)["msg"]
    assert world.sent == []


def test_a_prepared_primary_stays_behind() -> None:
    world = World().chain()
    world.silent.clear()
    for vm in world.vms["hv-a"].values():
        vm["state"] = vm["relations"][0]["state"] = "PreparedForFailover"
    talk = world.play(start(world.want()), until=lambda talk: bool(talk.plan))
    assert sum("hv-a keeps its copy and its relation" in line for line in talk.plan) == 2
    assert "failed" not in ended(world.play(talk))


@pytest.mark.parametrize("shown", ["CL-Broker.example.com", "HV-C2.example.com"])
def test_a_broker_as_the_new_host(shown: str) -> None:
    """The relation names the broker; which node takes it is shown by some hosts instead."""
    world = World()
    world.clusters["hv-c"] = cluster("CL-Broker.example.com", "HV-C", "HV-C2")
    assert "failed" not in world.whole()
    assert {ask.options["replica_server"] for ask in (*world.tests, world.calls[-1])} == {"CL-Broker.example.com"}
    for vm in world.vms["hv-b"].values():
        vm.update(state="Replicating", partner=shown)
        vm["relations"][0].update(state="Replicating", partner=shown)
    world.sent.clear()
    again = world.whole()
    assert (again["changed"], world.sent, [vm["result"] for vm in again["vms"]]) == (False, [], ["ok", "ok"])


def test_the_copy_of_a_chain_on_another_node_of_the_cluster() -> None:
    """hv-c and hv-d are one cluster; the copies are on hv-d, and new_replica is hv-c."""
    world = World().chain()
    world.clusters |= dict.fromkeys(("hv-c", "hv-d"), cluster("CL-Broker.example.com", "HV-C", "HV-D"))
    world.vms["hv-d"] = {vm: {**one, "host": D, "inventory_host": "hv-d"} for vm, one in world.vms["hv-c"].items()}
    world.vms["hv-c"] = {}
    for vm in world.vms["hv-b"].values():
        vm["relations"][1].update(replica_server="CL-Broker.example.com", partner="CL-Broker.example.com")
    assert "failed" not in world.whole()
    assert world.sent == [("continue", tuple(VMS))]


# -- each VM goes on as far as it can --------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_a_step_that_fails_for_one_holds_up_nobody_else(stage: str) -> None:
    world = World(refused={(stage, ONE)})
    talk = world.play(start(world.want()))
    results = {vm["name"]: vm["result"] for vm in ended(talk)["vms"]}
    assert results == {"App01": "UNPROTECTED", "App02": "COPYING"}
    before = STAGES[: STAGES.index(stage) + 1]
    assert [names for one, names in world.sent if one in before] == [("App01", "App02")] * len(before)
    assert [names for one, names in world.sent if one not in before] == [("App02",)] * (len(STAGES) - len(before))
    assert lines(talk)[0].startswith("UNPROTECTED: App01 is ")
    assert "nothing replicates it: Windows refused" in ended(talk)["msg"]
    assert ended(talk)["command"] in ended(talk)["msg"]
    again = "-e failover_to=hv-b -e vms=App01 -e confirm=App01 -e new_replica=hv-c"
    assert ended(talk)["command"] == f"ansible-playbook hyperv.replica.reprotect {again}"
    world.refused.clear()
    world.sent.clear()
    assert "failed" not in world.whole()
    assert world.sent == [(one, ("App01",)) for one in STAGES[STAGES.index(stage) :]]


def test_what_is_half_done_goes_on_from_there() -> None:
    world = World()
    world.vms["hv-b"][ONE].update(mode="None", state="Disabled", partner=None, relations=[])
    world.vms["hv-b"][TWO]["state"] = "FailedOver"
    assert "failed" not in world.whole()
    assert world.sent == [("protect", ("App01",)), ("remove", ("App02",)), ("protect", ("App02",))]


def test_what_nothing_replicates_any_more_is_first_in_turn() -> None:
    """Both are looked at together, for the old host is out of reach."""
    world = World()
    world.vms["hv-b"][TWO].update(mode="None", state="Disabled", partner=None, relations=[])
    assert "failed" not in ended(world.play(start(world.want(reach=("hv-b", "hv-c"), accept=["hv-a"]))))
    assert world.sent[:2] == [("protect", ("App02",)), ("commit", ("App01",))]


def test_one_that_waits_for_its_first_copy_gets_it_started() -> None:
    world = World()
    ready = record("App01", "hv-b", "Primary", "ReadyForInitialReplication", "Running", C)
    world.put("hv-b", ready)
    talk = world.play(start(world.want("App01")), until=lambda talk: bool(talk.plan))
    assert [line for line in talk.plan if "hv-b: " in line] == [
        "  1. hv-b: Start-VMInitialReplication: start the first copy towards the new host"
    ]
    assert "failed" not in ended(world.play(talk))
    assert world.sent == [("protect", ("App01",))]


def test_the_first_copy_that_could_not_be_started_leaves_it_unprotected() -> None:
    world = World(refused={("protect", ONE)})
    world.put("hv-b", record("App01", "hv-b", "Primary", "ReadyForInitialReplication", "Running", C))
    told = world.whole(vms=["App01"])
    assert told["vms"][0]["result"] == "UNPROTECTED"
    assert told["failed"]


def test_a_replication_that_sends_nothing_is_not_called_well() -> None:
    world = World()
    world.put("hv-b", record("App01", "hv-b", "Primary", "Error", "Running", C))
    talk = world.play(start(world.want("App01")))
    assert lines(talk)[0].startswith("UNPROTECTED:")
    assert "recover: resume" in lines(talk)[0]
    assert (ended(talk)["changed"], "failed" in ended(talk)) == (False, False)


def test_inputs_are_repeated_in_the_command() -> None:
    world = World(refused={("commit", ONE), ("commit", TWO)})
    told = world.whole(hosts="hv-a,hv-b,hv-c", authentication="kerberos", settle_timeout="30", accept=["hv-a"])
    for words in (
        'confirm="hv-b 2"',
        "candidates=hv-a,hv-b,hv-c",
        "authentication=kerberos",
        "settle_timeout=30",
        "accept=hv-a",
    ):
        assert words in told["command"]


# -- what an act rests on --------------------------------------------------------------------------------------------


def test_an_act_rests_on_fresh_readings() -> None:
    """The new host takes its time: what the other one said before is read again."""
    world = World(takes={"hv-c": 12.0})
    talk = world.play(start(world.want("App01")), until=calling("commit"))
    [call] = talk.open.values()
    last = dict(world.reads)
    assert last["hv-b"] >= last["hv-c"]
    assert call.at == min(last["hv-b"], last["hv-c"])
    assert world.now - call.at <= FRESH_SECONDS


def test_the_silence_of_the_old_host_makes_no_reading_old() -> None:
    world = World(takes={"hv-a": 30.0})
    assert "failed" not in world.whole(vms=["App01"])


def test_readings_that_are_always_too_old_end_it() -> None:
    world = World()
    talk = world.play(start(world.want("App01")), until=calling("remove"))
    tries = 0
    while talk.end is None:
        ask = next(iter(sorted(talk.open.values(), key=lambda ask: ask.number)))
        tries += ask.kind == CALL
        late = Answer(ask.number, {}, ask.vms, stale=True)
        talk = step(talk, [late if ask.kind == CALL else world.answer(ask)], world.now)
    assert (tries, [stage for stage, _unused in world.sent]) == (MOST_STALE, ["commit"])
    assert "UNPROTECTED: App01" in ended(talk)["msg"]
    assert "too old to act on" in ended(talk)["msg"]


@pytest.mark.parametrize(("seconds", "asked"), [(SILENT_SECONDS / 2, 0), (2 * SILENT_SECONDS, 1)])
def test_whether_the_old_host_is_lost_is_asked_again_before_more_is_given_up(seconds: float, asked: int) -> None:
    world = World(takes={"commit": seconds, "remove": 2 * SILENT_SECONDS})
    talk = world.play(start(world.want("App01")), until=calling("commit"))
    world.reads.clear()
    talk = world.play(talk, until=calling("remove"))
    assert [host for host, _unused in world.reads].count("hv-a") == asked
    talk = world.play(talk, until=calling("protect"))  # that gives nothing up, and waits for nobody
    assert [host for host, _unused in world.reads].count("hv-a") == asked
    assert "failed" not in ended(world.play(talk))


@pytest.mark.parametrize(
    ("until", "sent"),
    [(lambda talk: bool(talk.looks), []), (calling("commit"), ["commit"])],
    ids=["at once", "later"],
)
def test_an_old_host_that_comes_back_is_not_lost(until: Callable[[ReprotectTalk], bool], sent: list[str]) -> None:
    """It is back before the first act; or while the commit goes on, which takes its time."""
    world = World(takes={"commit": 2 * SILENT_SECONDS})
    talk = world.play(start(world.want("App01")), until=until)
    world.silent.clear()
    told = ended(world.play(talk))
    assert [one for one, _unused in world.sent] == sent
    assert "UNPROTECTED: App01" in told["msg"]
    assert "hv-a answers and has it" in told["msg"]


@pytest.mark.parametrize("unreadable", [False, True])
def test_once_its_replication_has_ended_it_is_protected_whoever_comes_back(unreadable: bool) -> None:
    world = World(takes={"remove": 2 * SILENT_SECONDS})
    talk = world.play(start(world.want("App01")), until=calling("protect"))
    world.silent.clear()
    world.unreadable |= {"hv-a"} if unreadable else set()
    talk = replace(talk, silent={})
    [call] = talk.open.values()
    talk = step(talk, [Answer(call.number, {}, call.vms, stale=True)], world.now)
    assert "failed" not in ended(world.play(talk))
    assert world.sent[-1][0] == "protect"


def test_a_copy_that_runs_meanwhile_stops_it() -> None:
    world = World()
    world.put("hv-d", record("App01", "hv-d", "None", "Disabled", "Off", None))
    talk = world.play(start(world.want("App01")), until=calling("commit"))
    world.vms["hv-d"][ONE]["power"] = "Running"
    told = ended(world.play(talk))
    assert [stage for stage, _unused in world.sent] == ["commit"]
    assert "it runs on hv-d" in told["msg"]


def test_another_host_that_answers_now_is_acted_on_no_more() -> None:
    world = World()
    talk = world.play(start(world.want("App01")), until=calling("commit"))
    talk = world.on(talk)
    world.names["hv-b"] = D
    told = ended(world.play(talk))
    assert [stage for stage, _unused in world.sent] == ["commit"]
    assert "hv-b answers as HV-D.example.com now" in told["msg"]
    assert told["vms"][0]["result"] == "UNKNOWN"


def test_a_new_host_that_is_another_one_now_gets_nothing() -> None:
    world = World()
    talk = world.play(start(world.want("App01")), until=calling("commit"))
    talk = world.on(talk)
    world.names["hv-c"] = D
    told = ended(world.play(talk))
    assert [stage for stage, _unused in world.sent] == ["commit"]
    assert "hv-c answers as HV-D.example.com now" in told["msg"]


def test_a_vm_that_is_gone_is_told_and_the_other_goes_on() -> None:
    world = World()
    talk = world.play(start(world.want()), until=calling("remove"))
    del world.vms["hv-b"][ONE]
    world.refused.add(("remove", ONE))
    [call] = talk.open.values()
    told = [{"id": ONE, "name": "App01", "msg": "it is not here"}]
    world.act(call, TWO)
    talk = step(talk, [Answer(call.number, {"changed": True, "failures": told, "actions": []}, call.vms)], world.now)
    result = ended(world.play(talk))
    assert {vm["name"]: vm["result"] for vm in result["vms"]} == {"App01": "UNKNOWN", "App02": "COPYING"}
    assert "it is not on hv-b any more" in result["msg"]


# -- answers that are lost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_a_call_whose_answer_was_lost_is_made_once_more(stage: str) -> None:
    world = World(lost=[stage])
    assert "failed" not in world.whole(vms=["App01"])
    assert [one for one, _unused in world.sent].count(stage) == 2
    world = World(lost=[stage] * 3)
    told = world.whole(vms=["App01"])
    assert [one for one, _unused in world.sent].count(stage) == 2
    assert "UNPROTECTED: App01" in told["msg"]
    assert "no route to host" in told["msg"]


def test_a_call_that_had_its_effect_before_its_answer_was_lost_is_not_made_again() -> None:
    world = World()
    talk = world.play(start(world.want("App01")), until=calling("remove"))
    [call] = talk.open.values()
    world.act(call, ONE)
    talk = step(talk, [Answer(call.number, {**SILENT, "changed": True}, call.vms)], world.now)
    assert "failed" not in ended(world.play(talk))
    assert [one for one, _unused in world.sent] == ["commit", "protect"]


def test_a_host_that_falls_silent_is_asked_again_and_then_nothing_is_known() -> None:
    world = World()
    talk = world.play(start(world.want("App01")), until=calling("remove"))
    world.silent.add("hv-b")
    world.reads.clear()
    told = ended(world.play(talk))
    assert [host for host, _unused in world.reads].count("hv-b") == MOST_UNREAD
    assert told["vms"][0]["result"] == "UNKNOWN"
    assert "hv-b could not be read again (no route to host), so whether it is protected is not known" in told["msg"]
    assert "reprotect" in told["command"]


# -- stopped from outside --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("was_sent", [True, False])
def test_stopped_it_begins_nothing_more_and_names_first_what_is_unprotected(stage: str, was_sent: bool) -> None:
    world = World()
    ready = record("App02", "hv-b", "Primary", "Replicating", "Running", C)  # one that is through comes after it
    world.put("hv-b", ready)
    talk = world.play(start(world.want("App02", "App01")), until=calling(stage))
    talk = interrupt(talk, "SIGTERM was received", world.now)
    assert talk.lines == ("stopped: SIGTERM was received. No further step begins",)
    [call] = [ask for ask in talk.open.values() if ask.kind == CALL]
    talk = step(talk, [world.answer(call) if was_sent else Answer(call.number, {}, call.vms, stale=True)], world.now)
    talk = world.play(talk)
    sent = [one for one, _unused in world.sent]
    assert sent == list(STAGES[: STAGES.index(stage) + was_sent])
    if (stage, was_sent) == ("protect", True):
        assert "failed" not in ended(talk)
        return
    assert lines(talk)[0].startswith("UNPROTECTED: App01 is ")
    assert "the run was stopped: SIGTERM was received" in lines(talk)[0]
    assert lines(talk)[-1] == f"What is left: {ended(talk)['command']}"
    assert "-e vms=App01 -e confirm=App01 " in ended(talk)["command"]
    world.sent.clear()
    assert "failed" not in world.whole()
    assert [one for one, _unused in world.sent] == list(STAGES[len(sent) :])


def test_stopped_while_it_is_read_it_begins_nothing() -> None:
    world = World()
    talk = world.play(start(world.want("App01")), until=calling("commit"))
    talk = world.on(talk)
    assert {ask.kind for ask in talk.open.values()} == {READ}
    talk = world.play(interrupt(talk, "the time limit is over", world.now))
    assert [one for one, _unused in world.sent] == ["commit"]
    assert "UNPROTECTED: App01 is Replica/FailedOver, Running on hv-b" in ended(talk)["msg"]


def test_stopped_before_the_first_act_nothing_was_changed() -> None:
    world = World()
    for until in (lambda talk: bool(talk.readings), lambda talk: talk.phase == "tested"):
        talk = world.play(start(world.want("App01")), until=until)
        told = ended(interrupt(talk, "SIGINT was received", world.now))
        assert told["msg"] == "The run was stopped: SIGINT was received. Nothing was changed."
    done = world.play(start(world.want("App01")))
    assert interrupt(done, "SIGINT was received", world.now) is done
