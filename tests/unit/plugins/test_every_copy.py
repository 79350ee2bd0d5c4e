"""A VM runs once among all hosts: every copy of its id counts, and every answer counts for the host that gave it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import Side
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    CALL,
    READ,
    TEST,
    Ask,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.partners import partners
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.talk import ACT, FailoverTalk
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.heard import records_of

from tests.unit.plugins.failover_sim import SERVER, chosen, converse, record_of, side_of, vm_id, want

SILENT: dict[str, Any] = {"unreachable": True, "msg": "hv-a did not answer within 30 seconds.", "host_answered": False}
NO_LIBRARY = {"failed": True, "msg": "no kerberos.", "host_answered": False, "machine_up": None}
OLD = {"last_replication_age_seconds": 800}  # neither recent nor old


def side(text: str) -> Side:
    """A side that was read."""
    found = side_of(text)
    assert found
    return found


def leg(kind: str, mode: str, primary: str, replica: str, partner: str) -> dict[str, Any]:
    """One relation of a record; hosts by inventory name."""
    full = {host: f"{host.upper()}.x.example" for host in (primary, replica, partner)}
    base = record_of("App", "hv-b", "hv-a", side("Replica/Replicating"))["relations"][0]
    servers = {"primary_server": full[primary], "replica_server": full[replica], "partner": full[partner]}
    return {**base, **OLD, "type": kind, "mode": mode, **servers}


def reading(host: str, *records: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """What a host answers."""
    windows = name or f"{host.upper()}.x.example"
    return {"windows_name": windows, "vms": [{**r, "host": windows, "inventory_host": host} for r in records]}


def first(text: str = "Primary/Replicating Running", to: str = "hv-b") -> dict[str, Any]:
    """hv-a, the primary."""
    record = record_of("App", "hv-a", to, side(text))
    return reading("hv-a", {**record, "relations": [leg("Simple", "Primary", "hv-a", to, to)]})


def middle(text: str = "Replica/Replicating", on: bool = True) -> dict[str, Any]:
    """hv-b, replica of hv-a; `on`: replicated on to hv-c."""
    legs = [leg("Simple", "Replica", "hv-a", "hv-b", "hv-a")]
    legs += [leg("Extended", "Replica", "hv-b", "hv-c", "hv-c")] if on else []
    return reading("hv-b", {**record_of("App", "hv-b", "hv-a", side(text)), "relations": legs})


def last(text: str = "ExtendedReplica/Replicating", kind: str = "Simple") -> dict[str, Any]:
    """hv-c, the third site. Which type its relation has is not documented."""
    record = record_of("App", "hv-c", "hv-b", side(text))
    return reading("hv-c", {**record, "relations": [leg(kind, "ExtendedReplica", "hv-b", "hv-c", "hv-b")]})


def stranger(host: str, text: str = "None/Disabled Off", name: str = "") -> dict[str, Any]:
    """A host with a restored copy of the same id, which replicates nowhere."""
    return reading(host, {**record_of("App", host, "", side(text)), "relations": [], "partner": None}, name=name)


def told(error: str) -> dict[str, Any]:
    """What a host answers whose VMs cannot be read, for this error."""
    return {"windows_name": "HV-D.x.example", "unreadable": [{"kind": "relations", "errors": [{"id": f"{error}"}]}]}


def begun(talk: FailoverTalk) -> bool:
    """Whether it was agreed to: nothing speaks against it."""
    return talk.phase == ACT


def first_calls(talk: FailoverTalk) -> bool:
    """Whether something is to be sent."""
    return any(ask.kind == CALL for ask in talk.asks)


def ask(
    readings: dict[str, Any],
    to: str = "hv-b",
    wish: str = "planned",
    until: Callable[[FailoverTalk], bool] = begun,
    called: Callable[[Ask], dict[str, Any]] = lambda ask: {},
    **inputs: Any,
) -> FailoverTalk:
    """The conversation until its first act, or until it is refused, with hosts that answer so. Of those that have no
    reading each answers, and has no such VM.
    """
    inventory = inputs.pop("inventory", ["hv-a", "hv-b", "hv-c", "hv-d"])
    inputs["hosts"] = inputs.pop("candidates", inventory)
    inputs.setdefault("vms", [record["id"] for record in readings[to]["vms"][:1]])
    asked = want(wish, inventory, targets=[to], **inputs)

    def answer(ask: Ask) -> Mapping[str, Any]:
        if ask.kind == CALL:
            return called(ask)
        if ask.kind == TEST:
            return {} if wish == "planned" else {"failures": [{"id": None, "msg": "0x2EFD"}], "msg": "0x2EFD"}
        return told_by(readings, ask) if ask.kind == READ else {}

    return converse(asked, answer, until)


def told_by(readings: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
    """What a host answers to a question."""
    found = readings.get(ask.host) or reading(ask.host)
    records = records_of(found)
    if records is None:
        return dict(found)
    rest = {"server": SERVER, "cluster": None, **{name: value for name, value in found.items() if name != "vms"}}
    return {**rest, "vms": chosen(records, ask.options)} if "relations" in ask.options["gather"] else rest


def refusal(talk: FailoverTalk) -> str:
    """Why the one VM is refused; "" when it is not."""
    told = str(talk.end.result.get("msg", "")) if talk.end else ""
    refused = [line.partition(": REFUSED: ")[2] for line in told.splitlines() if ": REFUSED: " in line]
    assert len(refused) <= 1
    assert bool(refused) == told.startswith("Nothing was changed.\n")
    return refused[0] if refused else ""


def mistake(talk: FailoverTalk) -> str:
    """Why what was asked cannot be meant."""
    assert talk.end
    assert talk.end.result["failed"]
    assert not talk.end.result["changed"]
    return str(talk.end.result["msg"])


DEAD = {"wish": "unplanned", "reason": "primary_is_dead"}
UNUSABLE = {"wish": "unplanned", "reason": "primary_unusable", "old_vm": "turn_off"}
RUNS_THERE = "ExtendedReplica/FailedOverWaitingCompletion Running"
OFF_THERE = "ExtendedReplica/FailedOverWaitingCompletion Off"

REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    # A1, A8: every relation and leg is followed, and every candidate is asked.
    "it runs at the third site": ({"hv-b": middle(), "hv-a": SILENT, "hv-c": last(RUNS_THERE)}, DEAD, "runs on hv-c"),
    "it runs at the third site, whose relation is called Extended": (
        {"hv-b": middle(), "hv-a": SILENT, "hv-c": last(RUNS_THERE, kind="Extended")},
        DEAD,
        "runs on hv-c",
    ),
    "the third site holds what may be newer": (
        {"hv-b": middle(), "hv-a": SILENT, "hv-c": last(OFF_THERE)},
        DEAD,
        "failed over to hv-c",
    ),
    "planned, it runs at the third site too": (
        {"hv-b": middle(), "hv-a": first(), "hv-c": last(RUNS_THERE)},
        {},
        "more than one host, hv-c among them",
    ),
    "the third site is not read": ({"hv-b": middle(), "hv-a": SILENT, "hv-c": SILENT}, DEAD, "accept=hv-c"),
    "planned, the third site is not read": ({"hv-b": middle(), "hv-a": first(), "hv-c": SILENT}, {}, "accept=hv-c"),
    "planned, the third site is not in the inventory": (
        {"hv-b": middle(), "hv-a": first()},
        {"inventory": ["hv-a", "hv-b"]},
        "accept=HV-C.x.example",
    ),
    "at the third site, while the first one runs": (
        {"hv-c": last(), "hv-b": SILENT, "hv-a": first()},
        {**DEAD, "to": "hv-c"},
        "hv-c is its third site, and hv-a answers, which has it too: Primary/Replicating, Running",
    ),
    "a stranger runs it": (
        {"hv-b": middle(on=False), "hv-a": SILENT, "hv-d": stranger("hv-d", "None/Disabled Running")},
        DEAD,
        "runs on hv-d",
    ),
    "a stranger has it saved": (
        {"hv-b": middle(on=False), "hv-a": SILENT, "hv-d": stranger("hv-d", "None/Disabled Saved")},
        DEAD,
        "its copy on hv-d is Saved",
    ),
    "a power that nobody has heard of may be running": (
        {"hv-b": middle(on=False), "hv-a": SILENT, "hv-d": stranger("hv-d", "None/Disabled ComponentServicing")},
        DEAD,
        "runs on hv-d",
    ),
    "a host that lives did not tell its VMs": (
        {"hv-b": middle(on=False), "hv-a": SILENT, "hv-d": {**SILENT, "host_answered": True}},
        DEAD,
        "hv-d may have a copy of it and could not be read",
    ),
    "planned, a host whose machine is up did not tell its VMs": (
        {"hv-b": middle(on=False), "hv-a": first(), "hv-d": {**SILENT, "machine_up": True}},
        {},
        "accept=hv-d",
    ),
    "a host whose Hyper-V fails did not tell its VMs": (
        {"hv-b": middle(on=False), "hv-a": first(), "hv-d": told("CouldNotAutoLoadModule")},
        {},
        "hv-d may have a copy of it",
    ),
    # A2: who answered.
    "another host answers in the primary's place, with a copy that is Off": (
        {"hv-b": middle(on=False), "hv-a": stranger("hv-a", name="HV-C.lab.example")},
        UNUSABLE,
        "hv-a answered as HV-C.lab.example; the partner of App (copy) is HV-A.x.example",
    ),
    "another host answers in the primary's place, planned": (
        {"hv-b": middle(on=False), "hv-a": {**first(), "windows_name": "HV-A.other.example"}},
        {},
        "hv-a answered as HV-A.other.example",
    ),
    "another host answers, and has no such VM": (
        {"hv-b": middle(on=False), "hv-a": reading("hv-a", name="HV-C.lab.example")},
        DEAD,
        "hv-a answered as HV-C.lab.example",
    ),
    "the primary replicates it to somebody else by now": (
        {"hv-b": middle(on=False), "hv-a": first(to="hv-d")},
        {},
        "hv-a replicates App (copy) to HV-D.x.example, and not to HV-B.x.example",
    ),
    "the way home, and the old primary has another replica": (
        {"hv-b": middle("Replica/FailedOver Running", on=False), "hv-a": first("Primary/Replicating Off", to="hv-d")},
        {"wish": "return_home"},
        "not to HV-B.x.example",
    ),
    # A5: what nobody asked is not silent.
    "the primary is not in the inventory": (
        {"hv-b": middle(on=False)},
        {**DEAD, "inventory": ["hv-b"]},
        "HV-A.x.example, which has the other copy, is not in the inventory",
    ),
    "the primary is outside the limit": (
        {"hv-b": middle(on=False)},
        {**DEAD, "reach": ["hv-b"]},
        "hv-a is outside --limit: nobody asked it whether it lives",
    ),
    "the primary cannot be asked, for a library is missing": (
        {"hv-b": middle(on=False), "hv-a": NO_LIBRARY},
        DEAD,
        "hv-a could not be asked whether it lives: no kerberos. Repair that",
    ),
    "a proxy lies between": (
        {"hv-b": middle(on=False), "hv-a": {**SILENT, "machine_up": None}},
        DEAD,
        "hv-a could not be asked whether it lives",
    ),
    # A4: signs of life.
    "its machine takes connections": (
        {"hv-b": middle(on=False), "hv-a": {**SILENT, "machine_up": True}},
        DEAD,
        "the primary was declared dead, but the machine of hv-a accepts or refuses connections",
    ),
    # A7: what was received last.
    "declared prepared, and an ordinary replication came in last": (
        {"hv-b": {**middle(on=False)}, "hv-a": SILENT},
        {"declared": "prepared", "last": "Regular"},
        "the last replication that arrived was an ordinary one",
    ),
    # D11
    "the first copy never finished": (
        {"hv-b": middle("Replica/WaitingForInitialReplication", on=False), "hv-a": SILENT},
        DEAD,
        "its initial replication never finished: there is nothing to fail over to",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_before_anything_is_sent(case: str) -> None:
    readings, inputs, words = REFUSED[case]
    inputs = dict(inputs)
    received = inputs.pop("last", "")
    for record in readings["hv-b"]["vms"] if received else ():
        record["statistics"] = [{"type": "Simple", "last_replication_type": received}]
    assert words in refusal(ask(readings, **inputs))


ALLOWED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a chain whose third site is a replica": ({"hv-b": middle(), "hv-a": SILENT, "hv-c": last()}, DEAD),
    "the third site is accepted by name": (
        {"hv-b": middle(), "hv-a": SILENT, "hv-c": SILENT},
        {**DEAD, "accept": ["hv-c"]},
    ),
    "a failed-over third site may be lost": (
        {"hv-b": middle(), "hv-a": SILENT, "hv-c": last(OFF_THERE)},
        {**DEAD, "discard": "hv-c"},
    ),
    "a stranger's copy is Off": ({"hv-b": middle(on=False), "hv-a": SILENT, "hv-d": stranger("hv-d")}, DEAD),
    "a host shows no sign of life, and nothing names it": (
        {"hv-b": middle(on=False), "hv-a": SILENT, "hv-d": SILENT},
        DEAD,
    ),
    "a host has no Hyper-V": (
        {"hv-b": middle(on=False), "hv-a": SILENT, "hv-d": told("CommandNotFoundException")},
        DEAD,
    ),
    "a host that lives did not tell its VMs, which is accepted": (
        {"hv-b": middle(on=False), "hv-a": SILENT, "hv-d": {**SILENT, "host_answered": True}},
        {**DEAD, "accept": ["hv-d"]},
    ),
    "the primary is not in the inventory, which is accepted": (
        {"hv-b": middle(on=False)},
        {**DEAD, "inventory": ["hv-b"], "accept": ["HV-A.x.example"]},
    ),
    "the primary is outside the limit, which is accepted": (
        {"hv-b": middle(on=False)},
        {**DEAD, "reach": ["hv-b"], "accept": ["hv-a"]},
    ),
    "a proxy lies between, which is accepted": (
        {"hv-b": middle(on=False), "hv-a": {**SILENT, "machine_up": None}},
        {**DEAD, "accept": ["hv-a"]},
    ),
    "a router answers for it, which is accepted": (
        {"hv-b": middle(on=False), "hv-a": {**SILENT, "machine_up": True}},
        {**DEAD, "accept": ["machine_answers"]},
    ),
    "it answers to a name of the operator's": (
        {"hv-b": middle(on=False), "hv-a": {**first("Primary/Error Off"), "windows_name": "OLD-NAME.x.example"}},
        {**UNUSABLE, "variables": {"hv-a": {"hyperv_replica_names": ["HV-A.x.example"]}}},
    ),
    "declared prepared, and the last delta came in last": (
        {"hv-b": middle(on=False), "hv-a": SILENT},
        {"declared": "prepared", "last": "Planned"},
    ),
    "one group a site, no common parent": (
        {"hv-b": middle(on=False), "hv-a": SILENT},
        {**DEAD, "candidates": ["hv-b"]},
    ),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_it_is_allowed(case: str) -> None:
    readings, inputs = ALLOWED[case]
    inputs = dict(inputs)
    received = inputs.pop("last", "")
    for record in readings["hv-b"]["vms"]:
        record["statistics"] = [{"type": "Simple", "last_replication_type": received}] if received else None
    talk = ask(readings, **inputs)
    assert begun(talk)
    assert talk.run["acts"] == 1


def test_a_name_that_no_candidate_has_is_looked_up_in_the_whole_inventory() -> None:
    found = partners({"hv-b": middle(on=False)}, ["hv-b"], [], ["hv-b"], {}, ["hv-a", "hv-b", "web-1"])
    assert found["partners"] == {"HV-A.x.example": ["hv-a"]}
    assert found["read"] == ["hv-a"]


def test_two_inventory_hosts_that_are_one_host() -> None:
    readings = {
        "hv-b": middle(on=False),
        "hv-a": first(),
        "hv-d": {**stranger("hv-d"), "windows_name": "hv-a.X.example."},
    }
    assert "hv-a and hv-d are one host: both answered as" in mistake(ask(readings))


def test_a_target_that_is_another_host_and_has_no_such_vm_says_who_answered() -> None:
    """Its address may be wrong: that it has no such VM is no more than half of what was found."""
    lost = mistake(ask({"hv-b": {**reading("hv-b", name="HV-C.x.example")}, "hv-a": first()}, vms=["App03"]))
    assert lost == (
        "App03: hv-b (it answers as HV-C.x.example) has no VM of that name or id."
        " VMs can run only where their replica is."
    )


@pytest.mark.parametrize("name", ["hv-x", "no_swich"])
def test_what_is_accepted_has_to_exist(name: str) -> None:
    talk = ask({"hv-b": middle(on=False), "hv-a": first()}, accept=[name])
    assert f"accept has {name}, which is not a finding" in mistake(talk)


def test_a_host_that_changes_in_the_middle_of_a_run_is_not_acted_on() -> None:
    readings = {"hv-b": middle(on=False), "hv-a": first()}
    states: list[str] = []

    def called(call: Ask) -> dict[str, Any]:
        states.append(call.options["state"])
        readings["hv-a"] = stranger("hv-a", "None/Disabled Off", name="HV-C.lab.example")
        return {"failures": [], "actions": [{"vm": "App", "vm_id": vm_id("App")}]}

    talk = ask(readings, until=lambda talk: False, called=called)
    assert talk.end
    assert states == ["prepared"]
    told = talk.end.result["vms"][0]["message"]
    assert "hv-a answers as HV-C.lab.example now, and answered as HV-A.x.example" in told


def test_a_call_says_which_host_it_is_for_and_names_the_copies_that_were_read() -> None:
    readings = {"hv-b": middle(), "hv-a": first("Primary/PreparedForFailover Off"), "hv-c": last()}
    (call,) = ask(readings, until=first_calls).asks
    assert (call.options["state"], call.options["expected_host"]) == ("failed_over", "HV-B.x.example")
    assert [proof["host"] for proof in call.options["partner"]] == ["HV-A.x.example", "HV-C.x.example"]
    assert (call.host, call.vms, call.options["ids"]) == ("hv-b", (vm_id("App"),), [vm_id("App")])


def test_a_name_that_means_one_vm_here_and_another_one_there() -> None:
    """hv-b has a VM called App of its own, and under another name the copy of hv-a's App."""
    own = {
        **record_of("App", "hv-a", "", side("None/Disabled Running")),
        "id": vm_id("own"),
        "relations": [],
        "partner": None,
        "inventory_host": "hv-b",
    }
    here, there = middle(on=False), first()
    here["vms"].append(own)
    found = partners({"hv-b": reading("hv-b", own), "hv-a": there}, ["hv-b"], ["App"], ["hv-a"], {})
    assert (found["ids"], found["namesakes"]) == ([vm_id("own")], [vm_id("App")])
    assert "2 VMs that this name may mean" in mistake(ask({"hv-b": here, "hv-a": there}, vms=["App"]))
    talk = ask({"hv-b": here, "hv-a": there}, vms=[vm_id("App")])
    assert begun(talk)
    assert talk.run["confirm"] == vm_id("App")


def test_why_a_third_site_could_not_be_read_is_told() -> None:
    talk = ask({"hv-b": middle(), "hv-a": first(), "hv-c": {**SILENT, "msg": "hv-c: wrong password."}})
    assert "(hv-c: wrong password)" in refusal(talk)
    talk = ask({"hv-b": middle(), "hv-a": first()}, reach=["hv-a", "hv-b"])
    assert "hv-c is outside --limit and was not asked" in refusal(talk)


def test_all_that_could_not_be_read_are_named_at_once_and_the_others_are_a_warning() -> None:
    readings = {"hv-b": middle(), "hv-a": first(), "hv-c": SILENT, "hv-d": {**SILENT, "msg": "hv-d: no answer."}}
    talk = ask(readings)
    assert "accept=hv-c)" in refusal(talk)
    assert "hv-d was asked for copies of these VMs and could not be read: hv-d: no answer." in talk.plan


def test_a_declaration_stands_for_the_partner_and_not_for_the_third_site() -> None:
    readings = {"hv-b": middle(), "hv-a": SILENT, "hv-c": last()}
    (call,) = (ask for ask in ask(readings, until=first_calls, **DEAD).asks if ask.kind == CALL)
    assert call.options["partner_declared"] == "dead"
    assert [proof["host"] for proof in call.options["partner"]] == ["HV-C.x.example"]
