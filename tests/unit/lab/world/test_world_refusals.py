"""Every (operation, state) of the law tables through the door: allowed ones lead where they say, others are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.lab.values import Enum
from tests.lab.world.certificate import Certificate, authority, issue
from tests.lab.world.laws_replication import BEFORE, LAWS, SAME
from tests.unit.lab.world.hands import BAD, FAILED, NOT_APPLICABLE, SERVICE, WRONG_STATE, Answer, Hands

STATES = (
    "ReadyForInitialReplication",
    "InitialReplicationInProgress",
    "WaitingForInitialReplication",
    "Replicating",
    "PreparedForFailover",
    "FailedOverWaitingCompletion",
    "FailedOver",
    "Suspended",
    "Error",
    "WaitingForStartResynchronize",
    "Resynchronizing",
    "ResynchronizeSuspended",
    "RecoveryInProgress",
    "WaitingForUpdateCompletion",
    "UpdateError",
)
SWITCHES: dict[str, dict[str, Any]] = {
    "-Prepare": {"Prepare": True},
    "-AsTest": {"AsTest": True},
    "-Reverse": {"Reverse": True},
    "-AsReplica": {"AsReplica": True},
    "-Resynchronize": {"Resynchronize": True},
    "-Continue": {"Continue": True},
}
LIVES_ELSEWHERE = {"Resume-VMReplication -Continue", "Set-VMReplication -ReplicatedDisks"}


@pytest.fixture
def hands() -> Hands:
    made = Hands(vms=2)
    made.protect()
    made.vm("HV-A", "App01").turn("Off", made.world.clock.now())
    return made


def _refused_cases() -> Iterator[Any]:
    for operation, law in LAWS.items():
        if law.states is None or operation in LIVES_ELSEWHERE or "StartTime" in operation:
            continue
        for side, host in (("primary", "HV-A"), ("replica", "HV-B")):
            for state in STATES:
                if side in law.sides and state not in law.states:
                    yield pytest.param(operation, host, state, id=f"{operation} {side} {state}")


def _act(hands: Hands, host: str, operation: str, **facts: Any) -> Answer:
    cmdlet, _unused, switch = operation.partition(" ")
    given: dict[str, Any] = {"Path": "D:\\x"} if cmdlet.startswith("Import") else {}
    return hands.run(host, cmdlet, VM="App01", **SWITCHES.get(switch, {}), **given, **facts)


@pytest.mark.parametrize(("operation", "host", "state"), list(_refused_cases()))
def test_wrong_state_is_refused(operation: str, host: str, state: str) -> None:
    hands = _shared()
    relation = hands.relation(host, "App01")
    relation.state = state
    before = hands.world.vm("HV-A", "App01").state, hands.both("App01")
    assert _act(hands, host, operation).refused == WRONG_STATE
    assert (hands.world.vm("HV-A", "App01").state, hands.both("App01")) == before


_SHARED: list[Hands] = []


def _shared() -> Hands:
    """One world for cases that change nothing: set back to where it was."""
    if not _SHARED:
        made = Hands(vms=2)
        made.protect()
        made.vm("HV-A", "App01").turn("Off", made.world.clock.now())
        _SHARED.append(made)
    for host in ("HV-A", "HV-B"):
        _SHARED[0].relation(host, "App01").state = "Replicating"
    return _SHARED[0]


WRONG_SIDE = [
    ("Start-VMFailover", "HV-A", BAD),
    ("Start-VMFailover -AsTest", "HV-A", BAD),
    ("Start-VMFailover -Prepare", "HV-B", NOT_APPLICABLE),
    ("Complete-VMFailover", "HV-A", NOT_APPLICABLE),
    ("Set-VMReplication -Reverse", "HV-A", NOT_APPLICABLE),
    ("Set-VMReplication -AsReplica", "HV-B", NOT_APPLICABLE),
    ("Resume-VMReplication -Resynchronize", "HV-B", NOT_APPLICABLE),
    ("Resume-VMReplication -Continue", "HV-A", NOT_APPLICABLE),
    ("Start-VMInitialReplication", "HV-B", WRONG_STATE),
    ("Stop-VMInitialReplication", "HV-B", WRONG_STATE),
    ("Import-VMInitialReplication", "HV-A", WRONG_STATE),
]


@pytest.mark.parametrize(("operation", "host", "refused"), WRONG_SIDE, ids=[f"{o} {h}" for o, h, _unused in WRONG_SIDE])
def test_wrong_side_is_refused(operation: str, host: str, refused: tuple[str, str]) -> None:
    assert _act(_shared(), host, operation).refused == refused


WITHOUT: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("Get-VMReplication", {}, FAILED),
    ("Measure-VMReplication", {}, FAILED),
    ("Set-VMReplication", {"RecoveryHistory": 1}, WRONG_STATE),
    ("Set-VMReplication", {"Reverse": True}, WRONG_STATE),
    ("Set-VMReplication", {"AsReplica": True}, WRONG_STATE),
    ("Remove-VMReplication", {}, WRONG_STATE),
    ("Reset-VMReplicationStatistics", {}, NOT_APPLICABLE),
    ("Suspend-VMReplication", {}, NOT_APPLICABLE),
    ("Resume-VMReplication", {}, NOT_APPLICABLE),
    ("Start-VMInitialReplication", {}, NOT_APPLICABLE),
    ("Start-VMFailover", {}, NOT_APPLICABLE),
    ("Start-VMFailover", {"Prepare": True}, NOT_APPLICABLE),
    ("Stop-VMFailover", {}, NOT_APPLICABLE),
    ("Complete-VMFailover", {}, NOT_APPLICABLE),
]


@pytest.mark.parametrize(("cmdlet", "facts", "refused"), WITHOUT, ids=[f"{c} {list(f)}" for c, f, _unused in WITHOUT])
def test_a_vm_without_replication_is_refused(cmdlet: str, facts: dict[str, Any], refused: tuple[str, str]) -> None:
    assert _shared().run("HV-B", cmdlet, VM="App02", **facts).refused == refused


def _moves() -> Iterator[Any]:
    instant: dict[str, tuple[str, ...]] = {
        "Suspend-VMReplication": ("HV-A", "HV-B"),
        "Complete-VMFailover": ("HV-B",),
        "Start-VMFailover": ("HV-B",),
        "Start-VMFailover -Prepare": ("HV-A",),
        "Start-VMFailover -AsTest": ("HV-B",),
        "Stop-VMFailover": ("HV-A", "HV-B"),
        "Resume-VMReplication": ("HV-A",),
    }
    reachable = {
        "HV-A": {"Replicating", "PreparedForFailover", "Suspended", "Error", "InitialReplicationInProgress"}
        | {"WaitingForStartResynchronize", "ResynchronizeSuspended", "Resynchronizing", "UpdateError"},
        "HV-B": {"Replicating", "Suspended", "Resynchronizing", "FailedOverWaitingCompletion", "RecoveryInProgress"}
        | {"WaitingForInitialReplication", "WaitingForUpdateCompletion"},
    }
    for operation, hosts in instant.items():
        for host in hosts:
            for state, after in (LAWS[operation].states or {}).items():
                if state in reachable[host]:
                    yield pytest.param(operation, host, state, after, id=f"{operation} {host} {state}")


@pytest.mark.parametrize(("operation", "host", "state", "after"), list(_moves()))
def test_allowed_state_leads_where_the_table_says(
    hands: Hands, operation: str, host: str, state: str, after: str
) -> None:
    relation = hands.relation(host, "App01")
    relation.state = state
    assert _act(hands, host, operation).refused is None
    wanted = {SAME: state, BEFORE: "Replicating"}.get(after, after)
    assert relation.state == wanted


Preparation = Callable[[Hands], Any]


def _saved(hands: Hands) -> None:
    hands.vm("HV-A", "App01").state = "Saved"


def _paused(hands: Hands) -> None:
    hands.vm("HV-A", "App01").state = "Paused"


def _running(hands: Hands) -> None:
    hands.vm("HV-A", "App01").state = "Running"


NEED_OFF: list[tuple[str, str, Preparation]] = [
    (f"{operation} on {name}", operation, prepare)
    for operation in ("Start-VMFailover -Prepare", "Set-VMReplication -AsReplica")
    for name, prepare in (("Saved", _saved), ("Paused", _paused), ("Running", _running))
]


@pytest.mark.parametrize(("operation", "prepare"), [c[1:] for c in NEED_OFF], ids=[c[0] for c in NEED_OFF])
def test_not_off_is_refused(hands: Hands, operation: str, prepare: Preparation) -> None:
    prepare(hands)
    assert _act(hands, "HV-A", operation).refused == WRONG_STATE


@pytest.mark.parametrize(("operation", "host"), [("Start-VMFailover -Prepare", "HV-A"), ("Start-VMFailover", "HV-B")])
def test_a_backup_in_progress_holds_a_failover_off(hands: Hands, operation: str, host: str) -> None:
    hands.vm(host, "App01").busy = "BackingUpVirtualMachine"
    assert _act(hands, host, operation).refused == ("ObjectInUse", "ResourceBusy")
    shown = hands.shown(host, "App01")
    assert str(shown["PrimaryOperationalStatus"]) == "InService"
    assert str(shown["SecondaryOperationalStatus"]) == "BackingUpVirtualMachine"


def test_failover_needs_a_copy_that_was_finished(hands: Hands) -> None:
    hands.relation("HV-B", "App01").last_replication = None
    assert _act(hands, "HV-B", "Start-VMFailover").refused == WRONG_STATE
    assert _act(hands, "HV-B", "Start-VMFailover -AsTest").refused == WRONG_STATE


def test_failover_asks_nothing_of_the_primary(hands: Hands) -> None:
    hands.ok("HV-A", "Start-VM", VM="App01")
    hands.world.cut("HV-A", "HV-B")
    assert _act(hands, "HV-B", "Start-VMFailover").refused is None
    assert hands.seen("HV-B", "App01") == "Replica/FailedOverWaitingCompletion"


def test_prepare_needs_the_replica(hands: Hands) -> None:
    hands.world.cut("HV-A", "HV-B")
    answer = _act(hands, "HV-A", "Start-VMFailover -Prepare")
    assert answer.refused == SERVICE
    assert "0x00002EFD" in answer.errors[0].message
    assert hands.seen("HV-A", "App01") == "Primary/Replicating"


def test_prepare_loses_its_link_on_the_way(hands: Hands) -> None:
    vm = hands.vm("HV-A", "App01")
    vm.write(100 * 1024**3)
    hands.world.clock.after(10, lambda: hands.world.links_cut.add(frozenset({"HV-A", "HV-B"})))
    assert _act(hands, "HV-A", "Start-VMFailover -Prepare").refused == SERVICE
    assert (hands.seen("HV-A", "App01"), hands.health("HV-A", "App01")) == ("Primary/Replicating", "Critical")


def test_replica_vm_cannot_be_started_before_a_failover() -> None:
    assert _shared().run("HV-B", "Start-VM", VM="App01").refused == WRONG_STATE


def test_recovery_point_that_is_gone(hands: Hands) -> None:
    hands.ok("HV-A", "Set-VMReplication", VM="App01", RecoveryHistory=3)
    hands.pass_time(2 * 3600)
    point = hands.ok("HV-B", "Get-VMSnapshot", VM="App01")[0]
    hands.vm("HV-B", "App01").recovery_points.clear()
    refused = hands.run("HV-B", "Start-VMFailover", VMRecoverySnapshot=point)
    assert "0x80004004" in refused.errors[0].message


def test_reverse_with_certificate_needs_the_thumbprint(hands: Hands) -> None:
    hands.relation("HV-B", "App01").authentication = "Certificate"
    hands.fail_over()
    assert _act(hands, "HV-B", "Set-VMReplication -Reverse").refused == BAD


def test_reverse_needs_the_old_primary_as_replica_server(hands: Hands) -> None:
    hands.fail_over()
    hands.world.host("HV-A").server.enabled = False
    refused = _act(hands, "HV-B", "Set-VMReplication -Reverse")
    assert "0x00002EFD" in refused.errors[0].message
    assert hands.both("App01") == ("Primary/PreparedForFailover", "Replica/FailedOverWaitingCompletion")


def test_reverse_twice_is_refused(hands: Hands) -> None:
    hands.fail_over()
    assert _act(hands, "HV-B", "Set-VMReplication -Reverse").refused is None
    hands.pass_time(5)
    assert _act(hands, "HV-B", "Set-VMReplication -Reverse").refused == NOT_APPLICABLE


def test_reverse_loses_its_link_on_the_way(hands: Hands) -> None:
    hands.fail_over()
    hands.world.clock.after(1, lambda: hands.world.links_cut.add(frozenset({"HV-A", "HV-B"})))
    _act(hands, "HV-B", "Set-VMReplication -Reverse")
    hands.pass_time(5)
    assert hands.both("App01") == ("Primary/PreparedForFailover", "Replica/FailedOverWaitingCompletion")


def test_commit_before_a_planned_reverse_does_not_block_it(hands: Hands) -> None:
    hands.fail_over()
    hands.ok("HV-B", "Complete-VMFailover", VM="App01")
    hands.ok("HV-B", "Set-VMReplication", VM="App01", Reverse=True)
    hands.pass_time(5)
    assert hands.both("App01") == ("Replica/Replicating", "Primary/Replicating")


def test_as_replica_needs_an_entry(hands: Hands) -> None:
    hands.world.host("HV-A").server.entries.clear()
    assert _act(hands, "HV-A", "Set-VMReplication -AsReplica").refused == BAD
    unknown = _act(hands, "HV-A", "Set-VMReplication -AsReplica", AllowedPrimaryServer="x.corp.example")
    assert unknown.refused == BAD


def test_a_prepared_primary_cancelled_while_the_replica_is_failed_over_falls_into_error(hands: Hands) -> None:
    hands.fail_over()
    hands.ok("HV-A", "Stop-VMFailover", VM="App01")
    hands.pass_time(301)
    assert hands.seen("HV-A", "App01") == "Primary/Error"


@pytest.mark.parametrize("power", ["Running", "Saved"])
def test_cancel_of_a_running_vm_by_habit(hands: Hands, power: str) -> None:
    hands.world.power_off("HV-A")
    hands.ok("HV-B", "Start-VMFailover", VM="App01")
    hands.vm("HV-B", "App01").turn(power, hands.world.clock.now())
    assert hands.run("HV-B", "Stop-VMFailover", VM="App01").refused == WRONG_STATE
    assert (hands.seen("HV-B", "App01"), hands.vm("HV-B", "App01").state) == (
        "Replica/FailedOverWaitingCompletion",
        power,
    )
    hands.world.habits.cancel_of_running = "turned_off"
    hands.ok("HV-B", "Stop-VMFailover", VM="App01")
    assert (hands.seen("HV-B", "App01"), hands.vm("HV-B", "App01").state) == ("Replica/Replicating", "Off")


@pytest.mark.parametrize("state", ["InitialReplicationInProgress", "Suspended", "Error", "ReadyForInitialReplication"])
def test_stop_of_an_initial_copy(state: str) -> None:
    hands = Hands(vms=2)
    hands.enable()
    hands.ok("HV-A", "Start-VMInitialReplication", VM="App01")
    hands.relation("HV-A", "App01").state = state
    hands.ok("HV-A", "Stop-VMInitialReplication", VM="App01")
    assert hands.seen("HV-A", "App01") == "Primary/ReadyForInitialReplication"
    hands.pass_time(60)
    assert hands.both("App01") == ("Primary/ReadyForInitialReplication", "Replica/WaitingForInitialReplication")


@pytest.mark.parametrize("state", ["Suspended", "Error"])
def test_a_copy_that_was_finished_cannot_be_stopped(hands: Hands, state: str) -> None:
    hands.relation("HV-A", "App01").state = state
    assert _act(hands, "HV-A", "Stop-VMInitialReplication").refused == WRONG_STATE


def _certified() -> tuple[Hands, Certificate, Certificate]:
    """App01 replicates by certificate; that of HV-A, which ends in a day, and the one that follows it."""
    hands = Hands(vms=2)
    now, ca = hands.world.clock.now(), authority("Lab CA")
    for host in hands.world.hosts.values():
        host.server.authentication = "CertificateAndKerberos"
        host.certificates = [ca.certificate, issue(host.fqdn, ca)]
        host.server.thumbprint = host.certificates[1].thumbprint
    own = hands.world.host("HV-A")
    old, new = (issue(own.fqdn, ca, not_before=now - timedelta(days=1), days=days) for days in (2, 700))
    own.certificates += [old, new]
    way = {"ReplicaServerPort": 443, "AuthenticationType": Enum("", "Certificate")}
    hands.protect(**way, CertificateThumbprint=old.thumbprint)
    return hands, old, new


def test_a_resume_with_a_certificate_that_has_expired_is_refused_until_another_one_is_set() -> None:
    hands, _old, new = _certified()
    hands.pass_time(86400 + 3600)
    assert hands.seen("HV-A", "App01") == "Primary/Error"
    for _unused in range(2):
        refused = hands.run("HV-A", "Resume-VMReplication", VM="App01")
        assert (refused.refused, "0x00002F8F" in refused.errors[0].message) == (SERVICE, True)
        assert hands.seen("HV-A", "App01") == "Primary/Error"
    hands.ok("HV-A", "Set-VMReplication", VM="App01", CertificateThumbprint=new.thumbprint)
    assert hands.seen("HV-A", "App01") == "Primary/Error", "a setting is no resume"
    hands.ok("HV-A", "Resume-VMReplication", VM="App01")
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")


@pytest.mark.parametrize("state", ["Error", "Suspended", "ResynchronizeSuspended", "WaitingForStartResynchronize"])
@pytest.mark.parametrize("switch", ["", "Resynchronize"])
def test_a_resume_towards_another_port_than_the_server_listens_on_is_refused(
    hands: Hands, state: str, switch: str
) -> None:
    hands.relation("HV-A", "App01").state = state
    hands.world.host("HV-B").server.kerberos_port = 8080
    for rule in hands.world.host("HV-B").firewall.rules:
        rule.local_ports = ("Any",)
    switches = {switch: True} if switch else {}
    refused = hands.run("HV-A", "Resume-VMReplication", VM="App01", **switches)
    assert "0x00002EFD" in refused.errors[0].message
    assert hands.relation("HV-A", "App01").state == state
    hands.ok("HV-A", "Set-VMReplication", VM="App01", ReplicaServerPort=8080)
    hands.ok("HV-A", "Resume-VMReplication", VM="App01", **switches)
