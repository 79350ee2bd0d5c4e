"""The conversation that prepares primaries on their own host, answer by answer: what it rests on, what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import Pair
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    ACT,
    CALL,
    READ,
    Answer,
    Ask,
    Wanted,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.talk import FailoverTalk
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.operations import read_inputs, wanted
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.prepare.flow import (
    MOST_STALE,
    MOST_TRIES,
    interrupt,
    step,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.prepare.talk import start

from tests.unit.plugins.failover_sim import SILENT, Sim, asked, full_name, side_of, text_of, vm_id

RUNS, IS_OFF, READY = (
    f"Primary/{state}" for state in ("Replicating Running", "Replicating Off", "PreparedForFailover Off")
)
REPLICA = "Replica/Replicating Off"
HOSTS = ("hv-a", "hv-b", "hv-c")


def pair(own: str = RUNS, replica: str = REPLICA) -> Pair:
    """A VM as its primary and its replica stand."""
    return Pair(side_of(replica), side_of(own))


def want(vms: tuple[str, ...], reach: tuple[str, ...] = HOSTS, check: bool = False, **inputs: Any) -> Wanted:
    """What is asked of hyperv_recovery, for hv-a; hv-b and hv-c are one site, north."""
    given = {"operation": "prepare_failover", "to": "hv-a", "runs_on": "hv-b", **inputs}
    given |= {"vms": list(vms)} if vms else {}
    groups = {"all": list(HOSTS), "hyperv": list(HOSTS), "north": ["hv-b", "hv-c"]}
    told = {host: {"group_names": ["hyperv", *(["north"] if host != "hv-a" else [])]} for host in HOSTS}
    return wanted(read_inputs(given, list(HOSTS)), given, groups, list(reach), told, check)


@dataclass
class Play:
    """A conversation that is answered question by question. `pairs` by VM; `places` as the simulation has them."""

    pairs: dict[str, Pair]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    vms: tuple[str, ...] = ()
    sim: Sim = field(init=False)
    talk: FailoverTalk = field(init=False)
    shown: list[str] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sim = Sim(self.pairs)

    def begin(self) -> Play:
        """Ask the first questions."""
        self.talk = start(want(self.vms or tuple(self.pairs), **self.inputs))
        self.give()
        return self

    def give(self, *answers: Answer, after: float = 1.0) -> None:
        """Answer so."""
        self.sim.now += after
        self.take(step(self.talk, list(answers), self.sim.now))

    def take(self, talk: FailoverTalk) -> None:
        """Go on with this."""
        self.talk, self.asks = talk, [*self.asks, *talk.asks]
        self.shown += talk.lines
        self.plan += talk.plan

    def answer(self, ask: Ask) -> Answer:
        """As the host does; hv-c has none of the VMs."""
        if ask.host == "hv-c" and ask.kind == READ:
            told = SILENT if "hv-c" in self.sim.silent else {"windows_name": full_name("hv-c"), "vms": []}
            return Answer(ask.number, told)
        return self.sim.answer(ask)

    def until(self, there: Callable[[], bool]) -> Play:
        """Answer everything until it is so."""
        for _unused in range(200):
            if there():
                return self
            assert self.talk.end is None, f"it ended before: {self.talk.end}"
            self.give(*(self.answer(ask) for ask in asked(self.talk)))
        raise AssertionError(f"it does not end: {self.sim.log}")

    def through(self) -> Play:
        """Answer everything to the end."""
        return self.until(lambda: self.talk.end is not None)

    def until_acts(self) -> Play:
        """Answer everything until the plan is agreed on."""
        return self.until(lambda: self.talk.phase == ACT)

    def until_call(self, stage: str = "prepare") -> Ask:
        """Answer everything until this call is under way."""
        self.until(lambda: any(ask.stage == stage for ask in asked(self.talk)))
        (call,) = (ask for ask in asked(self.talk) if ask.stage == stage)
        return call

    def stop(self) -> Play:
        """Somebody stops the run."""
        self.sim.halted = True
        self.take(interrupt(self.talk, "SIGTERM was received", self.sim.now))
        return self

    @property
    def result(self) -> Mapping[str, Any]:
        """What it came to."""
        assert self.talk.end is not None
        return self.talk.end.result

    @property
    def lines(self) -> tuple[str, ...]:
        """The report."""
        assert self.talk.end is not None
        return self.talk.end.lines

    @property
    def marks(self) -> dict[str, str]:
        """How the report calls each VM."""
        return {vm["name"]: vm["result"] for vm in self.result["vms"]}

    def own(self, name: str = "One") -> str:
        """How the primary stands now."""
        return text_of(self.sim.pairs[name].other)


def played(*pairs: Pair, **inputs: Any) -> Play:
    """The whole run of VMs One, Two and so on."""
    return Play(dict(zip(("One", "Two", "Three"), pairs, strict=False)), inputs).begin().through()


# -- the whole run ---------------------------------------------------------------------------------------------------


def test_guests_are_shut_down_and_the_vms_prepared_in_one_call() -> None:
    play = played(pair(), pair(IS_OFF))
    assert play.sim.log == ["hv-a prepare One", "hv-a prepare Two"]
    assert len([ask for ask in play.asks if ask.kind == CALL]) == 1
    assert (play.own(), play.own("Two")) == (READY, READY)
    assert (play.result["changed"], play.result.get("failed")) == (True, None)
    assert play.marks == {"One": "prepared", "Two": "prepared"}
    assert play.lines[0] == "prepared: One is off on hv-a, and cannot be started there until that is cancelled"
    there = "ansible-playbook hyperv.replica.planned_failover -e failover_to=hv-b -e vms=One,Two"
    assert [line for line in play.lines if line.startswith(f"On hv-b: {there}") and "declared=prepared" in line]
    assert play.result["command"] == ""


def test_a_repeat_reads_each_host_once_and_changes_nothing() -> None:
    play = played(pair(READY))
    assert [ask.host for ask in play.asks] == ["hv-a", "hv-b", "hv-c"]
    assert (play.sim.log, play.result["changed"], play.marks) == ([], False, {"One": "prepared"})


def test_only_those_that_are_left_are_acted_on() -> None:
    play = played(pair(READY), pair())
    assert play.sim.log == ["hv-a prepare Two"]
    assert play.marks == {"One": "prepared", "Two": "prepared"}


def test_check_mode_shows_the_plan_and_sends_nothing() -> None:
    play = played(pair(), pair(READY), check=True)
    assert (play.result, play.sim.log) == ({"changed": True}, [])
    assert play.plan[0] == "What is going to be done:"
    assert [line for line in play.plan if "Stop-VM" in line]
    assert [line for line in play.plan if "Start-VMFailover" in line and "Prepare" in line]
    assert "Two: prepared already" in play.plan
    assert played(pair(READY), check=True).result == {"changed": False}


def test_nothing_is_sent_before_the_plan_is_shown_and_confirmed() -> None:
    refused = played(pair(), pair(), confirm="(nothing)")
    assert "Type -e 'confirm=\"hv-b 2\"' to go on (confirm was not given)" in refused.result["msg"]
    assert (refused.plan[0], refused.sim.log) == ("What is going to be done:", [])
    assert played(pair(), pair(), confirm="hv-b:2").marks == {"One": "prepared", "Two": "prepared"}
    assert played(pair(READY), confirm="(nothing)").marks == {"One": "prepared"}, "nothing has to be confirmed"


def test_a_call_rests_on_fresh_readings_of_all_hosts_in_reach() -> None:
    play = Play({"One": pair()}).begin().until_acts()
    reads = asked(play.talk)
    assert {(ask.kind, ask.host) for ask in reads} == {(READ, "hv-a"), (READ, "hv-b")}
    assert all(ask.options["ids"] == [vm_id("One")] for ask in reads)
    play.give(play.answer(reads[0]), after=2.0)
    first = play.sim.now
    play.give(play.answer(reads[1]), after=3.0)
    (call,) = asked(play.talk)
    assert (call.kind, call.at, call.fresh, call.forward) == (CALL, first, True, True)
    assert (call.options["state"], call.options["expected_host"]) == ("prepared", full_name("hv-a"))
    assert (call.options["runs_on"], call.options["shutdown"]) == (full_name("hv-b"), "clean")
    assert [proof["host"] for proof in call.options["partner"]] == [full_name("hv-b")]


def test_who_is_silent_is_not_waited_for_before_each_call() -> None:
    play = Play({"One": pair()})
    play.sim.silent = ("hv-b",)
    play.begin()
    call = play.until_call()
    assert [ask.host for ask in play.asks[-2:]] == ["hv-a", "hv-a"], "its reading, and the call"
    assert [ask.host for ask in play.asks].count("hv-b") == 1, "it was asked once, for the plan"
    assert call.options["partner"] == []
    play.through()
    assert (play.own(), play.marks) == (READY, {"One": "prepared"})


def test_with_its_own_host_in_reach_alone_nobody_else_is_asked() -> None:
    play = played(pair(), reach=("hv-a",))
    assert {ask.host for ask in play.asks} == {"hv-a"}
    assert play.marks == {"One": "prepared"}


def test_a_vm_goes_on_while_the_call_is_not_through_with_another() -> None:
    play = Play({"One": pair(), "Two": pair()}).begin()
    call = play.until_call()
    whole = play.sim.call(call)
    some = [action for action in whole["actions"] if action["vm_id"] == vm_id("One")]
    play.give(Answer(call.number, {"failures": [], "actions": some}, (vm_id("One"),), last=False))
    assert {(ask.host, tuple(ask.options["ids"])) for ask in play.talk.asks} == {
        (host, (vm_id("One"),)) for host in ("hv-a", "hv-b")
    }
    rest = [action for action in whole["actions"] if action["vm_id"] == vm_id("Two")]
    play.give(Answer(call.number, {"failures": [], "actions": rest}, (vm_id("Two"),)))
    play.through()
    assert play.marks == {"One": "prepared", "Two": "prepared"}
    assert len(play.result["actions"]) == len(whole["actions"])


# -- what is refused -------------------------------------------------------------------------------------------------

REFUSED = {
    "both run": (pair(RUNS, "Replica/FailedOverWaitingCompletion Running"), {}, "it may be running on BOTH hosts"),
    "a replica": (pair(REPLICA, RUNS), {}, "it is Replica/Replicating on hv-a"),
    "suspended": (pair("Primary/Suspended Running"), {}, "it is Primary/Suspended on hv-a"),
    "paused": (pair("Primary/Replicating Paused"), {}, "the VM is Paused, not Off"),
    "failed over": (
        pair(IS_OFF, "Replica/FailedOverWaitingCompletion Off"),
        {},
        "its replica on hv-b is Replica/FailedOverWaitingCompletion, Off, not Replicating",
    ),
    "another host": (pair(), {"runs_on": "hv-c"}, "its replica is on hv-b, and not on hv-c. Give hv-b as failover_to"),
    "its primary is dead": (pair(), {"declared": "dead"}, "declared is dead"),
    "a reason": (pair(), {"reason": "primary_is_dead"}, "reason belongs to an unplanned failover only"),
    "a point": (pair(), {"recovery_point": "latest"}, "a recovery point belongs to an unplanned failover"),
    "accepted by a wrong name": (pair(), {"accept": ["hv-x"]}, "accept has hv-x, which is not a finding"),
    "all": (pair(), {"vms": ["all"]}, "vms is all, which is for where the VMs shall run"),
    "twice": (pair(), {"vms": ["One", vm_id("One")]}, "is named twice"),
    "no such VM": (pair(), {"vms": ["Nobody"]}, "Nobody: hv-a has no VM of that name or id"),
    "vms and groups": (pair(), {"groups": [{"name": "db", "vms": ["One"]}]}, "vms and groups were both given"),
}


@pytest.mark.parametrize(("how", "inputs", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_is_told_and_nothing_is_sent(how: Pair, inputs: Mapping[str, Any], words: str) -> None:
    more = {name: value for name, value in inputs.items() if name != "vms"}
    play = Play({"One": how}, more, tuple(inputs.get("vms", ()))).begin().through()
    assert words in play.result["msg"]
    assert (play.result["failed"], play.result["changed"], play.sim.log) == (True, False, [])


def test_without_vms_nothing_is_asked() -> None:
    talk = step(start(want(())), [], 0.0)
    assert talk.end is not None
    assert "no VMs were given" in talk.end.result["msg"]
    assert not talk.asks


def test_a_test_vm_at_the_replica_has_to_go_first() -> None:
    tested = replace(pair(), target=replace(pair().target, test_vm=True))  # type: ignore[type-var]
    play = played(tested)
    assert "a test VM of it is on hv-b: end the test first" in play.result["msg"]
    assert play.sim.log == []


FINDINGS: dict[str, tuple[dict[str, Any], str]] = {
    "warning_health": ({"health": "Warning"}, "its health on hv-a is Warning"),
    "operation": ({"operational_status": "BackingUpVirtualMachine"}, "BackingUpVirtualMachine on hv-a"),
    "disks_left_behind": (
        {"disks": [{"place": "SCSI 0:1", "path": "D:\\x.vhdx", "replicated": False}]},
        "its disk SCSI 0:1",
    ),
    "pending_bytes": ({"statistics": [{"type": "Simple", "pending_bytes": 2**40}]}, "are still to be sent"),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_is_refused_and_accepted_by_its_name(name: str) -> None:
    facts, words = FINDINGS[name]
    play = Play({"One": pair()})
    play.sim.facts = facts
    play.begin().through()
    assert words in play.result["msg"]
    assert f"(to accept it: -e accept={name})" in play.result["msg"]
    assert play.sim.log == []
    accepted = Play({"One": pair()}, {"accept": [name]})
    accepted.sim.facts = facts
    accepted.begin().through()
    assert accepted.marks == {"One": "prepared"}
    assert [line for line in accepted.plan if line.startswith("One: accepted: ")]


@pytest.mark.parametrize(
    ("services", "inputs", "words"),
    [
        ([{"service": "shutdown", "enabled": True, "status": "Ok"}], {"shutdown": "refuse"}, "was not allowed"),
        ([{"service": "shutdown", "enabled": False, "status": None}], {}, "its shutdown integration service is off"),
    ],
)
def test_a_guest_that_cannot_be_shut_down_is_refused(
    services: list[Any], inputs: Mapping[str, Any], words: str
) -> None:
    play = Play({"One": pair()}, inputs)
    play.sim.facts = {"integration_services": services}
    assert words in play.begin().through().result["msg"]
    assert play.sim.log == []


def test_what_is_refused_is_left_out_when_that_was_asked() -> None:
    stopped = played(pair(), pair("Primary/Suspended Running"))
    assert stopped.result["msg"].splitlines() == [
        "Nothing was changed.",
        "Two: REFUSED: it is Primary/Suspended on hv-a",
    ]
    assert stopped.sim.log == []
    skipped = played(pair(), pair("Primary/Suspended Running"), on_refusal="skip")
    assert skipped.sim.log == ["hv-a prepare One"]
    assert skipped.marks == {"Two": "NOT DONE", "One": "prepared"}
    assert "NOT DONE: Two is Primary/Suspended, Running on hv-a" in skipped.result["msg"]
    assert "-e failover_from=hv-a -e failover_to=hv-b -e stop_at=prepared -e vms=Two" in skipped.result["command"]
    alone = played(pair("Primary/Suspended Running"), on_refusal="skip")
    assert "Nothing was changed." in alone.result["msg"]


def test_a_host_that_cannot_be_read_is_told() -> None:
    play = Play({"One": pair()})
    play.sim.silent = ("hv-a",)
    play.begin().through()
    assert "hv-a could not be read: hv-a: no answer" in play.result["msg"]
    assert play.sim.log == []


def test_where_they_shall_run_is_an_inventory_host_or_a_group() -> None:
    assert played(pair(), runs_on="north").marks == {"One": "prepared"}
    assert played(pair(), reach=("hv-a",)).marks == {"One": "prepared"}, "it need not be in reach"
    with pytest.raises(OptionError, match=r"runs_on.*hv-x is not in the inventory"):
        want(("One",), runs_on="hv-x")
    nowhere = played(pair(), runs_on="")
    assert [line for line in nowhere.lines if line.startswith("On the host where they shall run: ")]


def test_a_vm_goes_by_its_id_and_may_be_called_as_on_the_other_host() -> None:
    play = Play({"One": pair()}, vms=("One (copy)",)).begin().through()
    assert (play.marks, play.own()) == ({"One": "prepared"}, READY)


# -- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_vm_that_could_not_be_prepared_is_started_again() -> None:
    play = Play({"One": pair(), "Two": pair()})
    play.sim.faults = {"One": ["prepare"]}
    play.begin()
    call = play.until_call("start_old")
    assert (call.host, call.vms, call.forward, call.fresh) == ("hv-a", (vm_id("One"),), False, True)
    assert call.options["state"] == "cancelled"
    assert call.options["start"] is True
    assert (call.options["expected_host"], call.options["unconnected_adapters"]) == (full_name("hv-a"), "allow")
    assert [proof["host"] for proof in call.options["partner"]] == [full_name("hv-b")]
    play.through()
    assert (play.own(), play.own("Two")) == (RUNS, READY)
    assert play.sim.log.count("hv-a prepare One") == 1, "what failed is not tried again"
    assert play.marks == {"One": "NOT DONE", "Two": "prepared"}
    assert "NOT DONE: One is Primary/Replicating, Running on hv-a. Prepare failed." in play.result["msg"]
    assert play.result["vms"][0]["runs_on"] == ["hv-a"]


def test_it_stays_down_when_that_was_asked() -> None:
    play = Play({"One": pair()}, {"on_failure": "hold"})
    play.sim.faults = {"One": ["prepare"]}
    play.begin().through()
    assert play.sim.log == ["hv-a prepare One"]
    assert play.lines[0].startswith("DOWN: One is Primary/Replicating, Off on hv-a. Prepare failed.")
    assert [line for line in play.lines if line.startswith("To bring up what is down, when both are in reach: ")]


def test_it_is_not_started_where_its_other_copy_is_not_read() -> None:
    """hv-b may have failed it over meanwhile."""
    play = Play({"One": pair()}, {"reach": ("hv-a",)})
    play.sim.faults = {"One": ["prepare"]}
    play.begin().through()
    assert play.sim.log == ["hv-a prepare One"]
    assert play.lines[0].startswith("DOWN: ")
    assert "It is not started: the other host could not be read" in play.result["msg"]


def test_a_silent_host_is_asked_once_more_before_a_vm_is_left_down() -> None:
    play = Play({"One": pair()})
    play.sim.faults, play.sim.silent = {"One": ["prepare"]}, ("hv-b",)
    play.begin().until_call()
    play.until(lambda: play.talk.flow.last == 1)
    play.sim.silent = ()
    play.through()
    assert play.sim.log == ["hv-a prepare One", "hv-a start_old One"]
    assert play.own() == RUNS


def test_a_vm_that_was_off_is_not_started() -> None:
    play = Play({"One": pair(IS_OFF)})
    play.sim.faults = {"One": ["prepare"]}
    play.begin().through()
    assert play.sim.log == ["hv-a prepare One"]
    assert play.marks == {"One": "NOT DONE"}


def test_it_is_not_started_beside_a_copy_that_runs() -> None:
    play = Play({"One": pair()})
    play.sim.faults = {"One": ["prepare"]}
    play.begin().until_call()
    call = play.until_call()
    whole = play.sim.answer(call)
    play.sim._set("One", replace(play.sim.pairs["One"], target=side_of("Replica/FailedOverWaitingCompletion Running")))
    play.give(whole)
    play.through()
    assert play.sim.log == ["hv-a prepare One"]
    assert play.lines[0].startswith("DOWN: ")


def test_a_start_that_fails_is_not_tried_again() -> None:
    play = Play({"One": pair()})
    play.sim.faults = {"One": ["prepare", "start_old"]}
    play.begin().through()
    assert play.sim.log == ["hv-a prepare One", "hv-a start_old One"]
    assert (
        "DOWN: One is Primary/Replicating, Off on hv-a. Prepare failed. It is not started: start_old failed."
        in (play.result["msg"])
    )


def test_a_lost_answer_is_looked_at_and_what_is_done_counts() -> None:
    play = Play({"One": pair()})
    play.sim.lost = ["prepare"]
    play.begin().through()
    assert (play.sim.log, play.marks) == (["hv-a prepare One"], {"One": "prepared"})


def test_what_a_lost_answer_has_left_is_gone_on_with_and_then_given_up() -> None:
    play = Play({"One": pair()})
    play.sim.errors = ["prepare"] * 9
    play.begin().through()
    assert play.sim.log == ["hv-a prepare One"] * MOST_TRIES
    assert "The host could not be read" in play.result["msg"]
    again = Play({"One": pair()})
    again.sim.errors = ["prepare"]
    assert again.begin().through().marks == {"One": "prepared"}


def test_a_host_that_is_lost_for_good_leaves_what_it_may_have_stopped_as_down() -> None:
    play = Play({"One": pair(), "Two": pair("Primary/Suspended Running")}, {"on_refusal": "skip"}).begin()
    call = play.until_call()
    actions = [{"cmdlet": "Stop-VM", "vm_id": vm_id("One"), "sent": None}]
    play.sim.silent = ("hv-a",)
    play.give(Answer(call.number, {"unreachable": True, "msg": "cut", "actions": actions}, call.vms))
    play.through()
    assert play.marks == {"Two": "UNKNOWN", "One": "DOWN"}
    assert "One is not known to run: hv-a: no answer" in play.result["msg"]
    assert (play.result["changed"], play.sim.log) == (True, [])


def test_readings_that_are_always_too_old_end_it() -> None:
    play = Play({"One": pair()}).begin()
    for _unused in range(MOST_STALE):
        call = play.until_call()
        play.give(Answer(call.number, {}, call.vms, stale=True))
    play.through()
    assert (play.sim.log, play.own(), play.marks) == ([], RUNS, {"One": "NOT DONE"})
    assert "hv-a is too busy" in play.result["msg"]


def test_another_hand_is_seen_before_the_call_and_after_it() -> None:
    play = Play({"One": pair(), "Two": pair()}).begin().until_acts()
    play.sim._set("One", pair("Primary/Suspended Running"))
    play.through()
    assert play.sim.log == ["hv-a prepare Two"]
    assert play.marks == {"One": "NOT DONE", "Two": "prepared"}
    cancelled = Play({"One": pair()}).begin()
    cancelled.until_call()
    cancelled.give(cancelled.sim.answer(cancelled.until_call()))
    cancelled.sim._set("One", pair(RUNS))
    cancelled.through()
    assert cancelled.marks == {"One": "prepared"}
    assert cancelled.sim.log == ["hv-a prepare One"] * 2


def test_a_host_that_is_not_read_once_is_looked_at_again_at_the_end() -> None:
    play = Play({"One": pair()})
    play.sim.faults = {"One": ["prepare"]}
    play.begin().until_call()
    play.give(play.sim.answer(play.until_call()))
    play.sim.silent = ("hv-a",)
    play.until(lambda: play.talk.flow.last == 1)
    play.sim.silent = ()
    play.through()
    assert play.sim.log == ["hv-a prepare One", "hv-a start_old One"]
    assert (play.own(), play.marks) == (RUNS, {"One": "NOT DONE"})


def test_a_host_whose_entry_leads_elsewhere_meanwhile_is_sent_nothing() -> None:
    play = Play({"One": pair()}).begin().until_acts()
    told = [play.answer(ask) for ask in asked(play.talk)]
    stranger = {**told[0].result, "windows_name": "HV-X.x.example"}
    play.give(replace(told[0], result=stranger), *told[1:])
    assert play.talk.end is not None
    assert play.sim.log == []
    assert "hv-a answers as HV-X.x.example now" in play.result["msg"]


# -- stopped from outside --------------------------------------------------------------------------------------------


def halfway(play: Play) -> None:
    """The guest is down when the run is stopped, and nothing more is sent."""
    call = play.until_call()
    play.sim._set("One", pair(IS_OFF))
    play.stop()
    actions = [{"cmdlet": "Stop-VM", "vm_id": vm_id("One"), "sent": True}]
    play.give(Answer(call.number, {"failures": [], "actions": actions}, call.vms))


def test_stopped_before_the_first_act_nothing_was_changed() -> None:
    play = Play({"One": pair()}).begin().stop()
    assert play.result["msg"] == "The run was stopped: SIGTERM was received. Nothing was changed."
    assert play.shown == ["stopped: SIGTERM was received"]


def test_stopped_while_it_looks_no_guest_is_shut_down() -> None:
    play = Play({"One": pair(), "Two": pair()}).begin().until_acts().stop().through()
    assert (play.sim.log, play.marks) == ([], {"One": "NOT DONE", "Two": "NOT DONE"})
    assert "The run was stopped: SIGTERM was received" in play.result["msg"]
    assert "stop_at=prepared" in play.result["command"]


def test_stopped_between_two_acts_the_guest_comes_up_again() -> None:
    play = Play({"One": pair()}).begin()
    halfway(play)
    play.through()
    assert play.sim.log == ["hv-a start_old One"]
    assert (play.own(), play.marks) == (RUNS, {"One": "NOT DONE"})
    assert play.shown[-1] == "no further guest is shut down, and one that is not prepared comes up again"


def test_stopped_where_nobody_else_can_be_read_it_is_down_first_of_all() -> None:
    play = Play({"One": pair(), "Two": pair(READY)}, {"reach": ("hv-a",)}).begin()
    halfway(play)
    play.through()
    assert play.sim.log == []
    assert play.marks == {"One": "DOWN", "Two": "prepared"}
    assert play.lines[0].startswith("DOWN:     One is Primary/Replicating, Off on hv-a. The run was stopped")


def test_stopped_while_a_call_fails_its_own_words_are_told() -> None:
    play = Play({"One": pair()}).begin()
    call = play.until_call()
    play.stop()
    failure = {"id": vm_id("One"), "msg": "the guest denies it"}
    play.give(Answer(call.number, {"failures": [failure], "actions": []}, call.vms))
    play.through()
    assert "NOT DONE: One is Primary/Replicating, Running on hv-a. The guest denies it." in play.result["msg"]


def test_stopped_when_it_is_prepared_it_stays_so() -> None:
    play = Play({"One": pair()}).begin()
    call = play.until_call()
    play.stop()
    play.sim.halted = False  # the host was through with it already
    play.give(play.sim.answer(call))
    play.through()
    assert (play.own(), play.marks, play.result.get("failed")) == (READY, {"One": "prepared"}, None)


def test_stopped_after_the_end_nothing_more_happens() -> None:
    play = played(pair())
    assert interrupt(play.talk, "SIGINT was received", 0.0) is play.talk
