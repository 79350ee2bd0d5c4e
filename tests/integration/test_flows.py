"""The flows between two and three hosts, each from its beginning and from every state that a run which was cut leaves.

A row is a state, the playbook that is run from there, and the cmdlets that are still to be sent; then the same again
sends nothing. All of it on the lab's own engine; on the real one a row of each flow, where there is one. IN_GATE is
always run, a row of each kind of beginning; the rest with --all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.fleet import Operator
from tests.integration.failover_play import Player
from tests.lab.cmdlets.registry import dispatch
from tests.lab.values import Enum, Error

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=3, vms=6, speed=120)

BEFORE = ["Primary/Replicating Running", "Replica/Replicating Off"]
THERE = ["Replica/Replicating Off", "Primary/Replicating Running"]
RUNS_ON_B = "Replica/FailedOverWaitingCompletion Running"
TO_B = Player.confirmed("hv-b", "App01")
ON_B = {"test_on": "hv-b", "vms": "App01"}
DISASTER = {**TO_B, "reason": "primary_is_dead", "receive_check": "1"}
ENABLE = {"from_host": "hv-a", "to_host": "hv-b", "vms": "App01", "authentication": "kerberos", "wait": "true"}
REMOVE = {"remove_on": "hv-a", "vms": "App01", "confirm": "App01"}

Begin = Callable[[Player], object]


@dataclass(frozen=True)
class Row:
    """A state, a playbook, what it sends from there, and the sides of App01 at the end. `real`: on both engines."""

    name: str
    begin: Begin
    playbook: str
    given: Mapping[str, str]
    sends: Sequence[str]
    ends: Sequence[str] = ()
    real: bool = False
    repeats: Sequence[str] = ()
    hosts: tuple[str, ...] = field(default=("hv-a", "hv-b"))


def steps(*done: str) -> Begin:
    """Another hand, or a run that was cut, did these."""
    return lambda player: player.run_cmdlets("App01", done)


def nothing(player: Player) -> None:
    """The beginning."""


# -- enabling --------------------------------------------------------------------------------------------------------


def unprotected(player: Player) -> None:
    """App01 is on HV-A only."""
    player.run_cmdlets("App01", ("hv-a Remove-VMReplication", "hv-b Remove-VMReplication"))
    host = player.lab.world.host("HV-B")
    host.vms = {key: vm for key, vm in host.vms.items() if vm.name != "App01"}


def cmdlet(player: Player, host: str, name: str, **parameters: Any) -> None:
    """One cmdlet on App01, with parameters."""
    operator = Operator(player.lab.world.host(host.upper()))
    vm = next(iter(dispatch(operator, "Get-VM", "Name", {"Name": ["App01"]}))).value  # type: ignore[union-attr]
    for record in dispatch(operator, name, "VMObject", {"VM": [vm], **parameters}):
        assert not isinstance(record, Error), record
    player.lab.world.recorder.clear()


def enabled(player: Player) -> None:
    """Enabled, and no copy begun."""
    unprotected(player)
    server = {"ReplicaServerName": "HV-B.corp.example", "ReplicaServerPort": 80}
    cmdlet(player, "hv-a", "Enable-VMReplication", AuthenticationType=Enum("", "Kerberos"), **server)


def copying(player: Player) -> None:
    """The copy is under way: it takes two minutes yet."""
    enabled(player)
    size = sum(disk.file_size for disk in player.vm("hv-a", "App01").disks)
    player.lab.world.habits.send_bytes_per_second = max(size // 120, 1)
    cmdlet(player, "hv-a", "Start-VMInitialReplication")


def primary_forgot(player: Player) -> None:
    """Somebody removed the replication on the primary only."""
    player.run_cmdlets("App01", ("hv-a Remove-VMReplication",))


# -- failing over ----------------------------------------------------------------------------------------------------

PREPARED = ("hv-a Stop-VM", "hv-a Start-VMFailover")
FAILED_OVER = (*PREPARED, "hv-b Start-VMFailover")
REVERSED = (*FAILED_OVER, "hv-b Set-VMReplication")
PLANNED = (*REVERSED, "hv-b Start-VM")


def shutting_down(player: Player) -> None:
    """The guest was told to shut down, and is not through."""
    vm, clock = player.vm("hv-a", "App01"), player.lab.world.clock
    with player.lab.world.lock:
        vm.turn("Stopping", clock.now())
        clock.after(240, lambda: vm.turn("Off", clock.now()))


def settles_in(state: str) -> Begin:
    """What a reverse settles in on this build."""

    def begin(player: Player) -> None:
        player.lab.world.habits.reverse_state = state

    return begin


def dead(player: Player) -> None:
    """HV-A has lost its power, ten minutes ago."""
    player.off("hv-a")
    player.lab.world.clock.advance(600)


def disaster(*done: str) -> Begin:
    """The same, and so much was done on HV-B."""

    def begin(player: Player) -> None:
        dead(player)
        player.run_cmdlets("App01", done)

    return begin


def back(*done: str) -> Begin:
    """After a disaster, App01 running on HV-B: the old host is back, its copy did not start, and so much was done."""

    def begin(player: Player) -> None:
        disaster("hv-b Start-VMFailover", "hv-b Start-VM")(player)
        for vm in player.lab.world.host("HV-A").vms.values():
            vm.ran_at_stop = False
        player.on("hv-a")
        player.vm("hv-a", "App01").start_action = "Nothing"  # fenced already, so that rows tell only what follows
        player.lab.world.clock.advance(5)
        for step in done:  # each when the one before has settled
            player.run_cmdlets("App01", (step,))

    return begin


AS_REPLICA = "hv-a Set-VMReplication -AsReplica"
HOME = ("hv-a Set-VMReplication", "hv-b Set-VMReplication", "hv-b Start-VMInitialReplication")
ROWS = (
    Row(
        "enable",
        unprotected,
        "enable_replication",
        ENABLE,
        ["hv-a Enable-VMReplication", "hv-a Start-VMInitialReplication"],
        BEFORE,
        real=True,
    ),
    Row("enable, enabled", enabled, "enable_replication", ENABLE, ["hv-a Start-VMInitialReplication"], BEFORE),
    Row("enable, copying", copying, "enable_replication", ENABLE, [], BEFORE, real=True),
    Row("planned", nothing, "planned_failover", TO_B, PLANNED, THERE, real=True),
    Row("planned, the guest shuts down", shutting_down, "planned_failover", TO_B, PLANNED[1:], THERE, real=True),
    Row("planned, guest off", steps(*PLANNED[:1]), "planned_failover", TO_B, PLANNED[1:], THERE),
    Row("planned, prepared", steps(*PREPARED), "planned_failover", TO_B, PLANNED[2:], THERE),
    Row("planned, failed over", steps(*FAILED_OVER), "planned_failover", TO_B, PLANNED[3:], THERE, real=True),
    Row(
        "planned, failed over and committed by another hand",
        steps(*FAILED_OVER, "hv-b Complete-VMFailover"),
        "planned_failover",
        TO_B,
        PLANNED[3:],
        THERE,
    ),
    Row("planned, reversed", steps(*REVERSED), "planned_failover", TO_B, PLANNED[4:], THERE),
    Row("planned, done", steps(*PLANNED), "planned_failover", TO_B, [], THERE),
    Row(
        "planned, where a reverse leaves a copy to be started",
        settles_in("ReadyForInitialReplication"),
        "planned_failover",
        TO_B,
        (*REVERSED, "hv-b Start-VMInitialReplication", "hv-b Start-VM"),
        THERE,
    ),
    Row(
        "planned, where a reverse leaves replication paused",
        settles_in("Suspended"),
        "planned_failover",
        TO_B,
        (*REVERSED, "hv-b Resume-VMReplication", "hv-b Start-VM"),
        THERE,
    ),
    Row(
        "cancel, prepared",
        steps(*PREPARED),
        "cancel_failover",
        TO_B,
        ["hv-a Stop-VMFailover", "hv-a Start-VM"],
        BEFORE,
    ),
    Row(
        "cancel, failed over",
        steps(*FAILED_OVER),
        "cancel_failover",
        TO_B,
        ["hv-b Stop-VMFailover", "hv-a Stop-VMFailover", "hv-a Start-VM"],
        BEFORE,
        real=True,
    ),
    Row(
        "cancel, cancelled on the replica only",
        steps(*FAILED_OVER, "hv-b Stop-VMFailover"),
        "cancel_failover",
        TO_B,
        ["hv-a Stop-VMFailover", "hv-a Start-VM"],
        BEFORE,
    ),
    Row(
        "unplanned",
        dead,
        "unplanned_failover",
        DISASTER,
        ["hv-b Start-VMFailover", "hv-b Start-VM"],
        [RUNS_ON_B],
        real=True,
        hosts=("hv-b",),
    ),
    Row(
        "unplanned, failed over and not started",
        disaster("hv-b Start-VMFailover"),
        "unplanned_failover",
        DISASTER,
        ["hv-b Start-VM"],
        [RUNS_ON_B],
        hosts=("hv-b",),
    ),
    Row(
        "unplanned, running",
        disaster("hv-b Start-VMFailover", "hv-b Start-VM"),
        "unplanned_failover",
        DISASTER,
        [],
        [RUNS_ON_B],
        hosts=("hv-b",),
    ),
    Row(
        "unplanned, a bad point is given back",
        disaster("hv-b Start-VMFailover", "hv-b Start-VM"),
        "cancel_failover",
        {**TO_B, "changes_since_failover": "discard", "start": "false"},
        ["hv-b Stop-VM", "hv-b Stop-VMFailover"],
        ["Replica/Replicating Off"],
        hosts=("hv-b",),
    ),
    Row(
        "commit",
        disaster("hv-b Start-VMFailover", "hv-b Start-VM"),
        "commit_failover",
        TO_B,
        ["hv-b Complete-VMFailover"],
        ["Replica/FailedOver Running"],
        hosts=("hv-b",),
    ),
    Row("way home", back(), "reverse_replication", TO_B, HOME, THERE, real=True),
    Row("way home, committed", back("hv-b Complete-VMFailover"), "reverse_replication", TO_B, HOME, THERE),
    Row("way home, the old primary a replica", back(AS_REPLICA), "reverse_replication", TO_B, HOME[1:], THERE),
    Row(
        "way home, reversed",
        back(AS_REPLICA, "hv-b Set-VMReplication"),
        "reverse_replication",
        TO_B,
        HOME[2:],
        THERE,
        real=True,
    ),
    Row(
        "way home, the copy begun",
        back(AS_REPLICA, "hv-b Set-VMReplication", "hv-b Start-VMInitialReplication"),
        "reverse_replication",
        TO_B,
        [],
        THERE,
    ),
    Row(
        "test, its VM made",
        steps("hv-b Start-VMFailover -AsTest"),
        "test_failover",
        ON_B,
        ["hv-b Start-VM", "hv-b Stop-VMFailover"],
        BEFORE,
        repeats=["hv-b Start-VMFailover", "hv-b Start-VM", "hv-b Stop-VMFailover"],
        real=True,
    ),
    Row(
        "clean up a test, its VM made",
        steps("hv-b Start-VMFailover -AsTest"),
        "cleanup_test_failover",
        ON_B,
        ["hv-b Stop-VMFailover"],
        BEFORE,
        real=True,
    ),
    Row(
        "remove",
        nothing,
        "remove_replication",
        REMOVE,
        ["hv-a Remove-VMReplication", "hv-b Set-VM", "hv-b Remove-VMReplication"],
        ["None/Disabled Running", "None/Disabled Off"],
        real=True,
    ),
    Row(
        "remove, the primary done",
        steps("hv-a Remove-VMReplication"),
        "remove_replication",
        REMOVE,
        ["hv-b Set-VM", "hv-b Remove-VMReplication"],
        ["None/Disabled Running", "None/Disabled Off"],
    ),
    Row(
        "remove, the replica went first",
        steps("hv-b Remove-VMReplication"),
        "remove_replication",
        REMOVE,
        ["hv-a Remove-VMReplication", "hv-b Set-VM"],
        ["None/Disabled Running", "None/Disabled Off"],
    ),
    Row(
        "remove, both done and the copy not kept from starting",
        steps("hv-a Remove-VMReplication", "hv-b Remove-VMReplication"),
        "remove_replication",
        REMOVE,
        ["hv-b Set-VM"],
        ["None/Disabled Running", "None/Disabled Off"],
    ),
)
IN_GATE = (
    "own: enable, enabled",
    "own: enable, copying",
    "real: planned",
    "own: planned, the guest shuts down",
    "own: planned, failed over",
    "own: cancel, failed over",
    "own: unplanned, failed over and not started",
    "own: unplanned, a bad point is given back",
    "own: way home, reversed",
    "real: test, its VM made",
    "own: remove, the replica went first",
)
CASES = [
    pytest.param(
        {"engine": engine},
        row,
        id=f"{engine}: {row.name}",
        marks=() if f"{engine}: {row.name}" in IN_GATE else pytest.mark.all_only,
    )
    for row in ROWS
    for engine in (("own", "real") if row.real else ("own",))
]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B; HV-C is another replica server."""
    return Player.of(lab, tmp_path)


@pytest.mark.parametrize(("lab", "row"), CASES, indirect=["lab"])
def test_goes_on_from_there(player: Player, row: Row) -> None:
    row.begin(player)
    player.sent()
    done = player.play(row.playbook, **row.given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert player.sent() == list(row.sends)
    player.lab.world.clock.advance(1200)
    assert player.states("App01", row.hosts) == list(row.ends)
    again = player.play(row.playbook, **row.given)
    assert again.returncode == 0, again.stdout + again.stderr
    assert player.sent() == list(row.repeats)
    assert player.laws_broken() == []


def test_a_reverse_that_wants_a_resynchronization_is_told(player: Player) -> None:
    settles_in("WaitingForStartResynchronize")(player)
    done = player.over("hv-b", "App01", settle_timeout="5")
    assert player.states("App01")[1] == "Primary/WaitingForStartResynchronize Running", done.stdout
    assert "UNPROTECTED:" in done.stdout
    assert "recover: resynchronize" in done.stdout
    assert player.laws_broken() == []


def test_a_replica_that_its_primary_forgot_is_not_enabled_over(player: Player) -> None:
    primary_forgot(player)
    run = player.play("enable_replication", **ENABLE)
    assert run.returncode != 0, run.stdout
    assert player.sent() == []


# -- with a third site -----------------------------------------------------------------------------------------------


def extended(player: Player) -> None:
    """App01 goes on from HV-B to HV-C, its copy there complete."""
    server = {"ReplicaServerName": "HV-C.corp.example", "ReplicaServerPort": 80, "ReplicationFrequencySec": 300}
    cmdlet(player, "hv-b", "Enable-VMReplication", AuthenticationType=Enum("", "Kerberos"), **server)
    operator = Operator(player.lab.world.host("HV-B"))
    given = {"Name": ["App01"], "ReplicationRelationshipType": Enum("", "Extended")}
    leg = next(iter(dispatch(operator, "Get-VMReplication", "VMName", {**given, "VMName": given.pop("Name")})))
    for record in dispatch(operator, "Start-VMInitialReplication", "VMName", {"VMName": ["App01"]}):
        assert not isinstance(record, Error), (leg, record)
    player.lab.world.clock.advance(600)
    player.lab.world.recorder.clear()
    third = player.vm("hv-c", "App01")
    for adapter in third.adapters:
        adapter.switch = next(iter(player.lab.world.host("HV-C").switches))
    assert player.states("App01", ("hv-c",)) == ["ExtendedReplica/Replicating Off"]


def test_planned_with_a_third_site_is_accepted_by_name(player: Player) -> None:
    extended(player)
    refused = player.over("hv-b", "App01")
    assert refused.returncode != 0
    assert "extended_leg" in refused.stdout
    assert player.sent() == []
    done = player.over("hv-b", "App01", accept="extended_leg")
    assert done.returncode == 0, done.stdout
    assert player.sent() == list(PLANNED)
    assert player.states("App01") == THERE
    assert player.laws_broken() == []


def test_planned_and_on_to_the_third_site_then_over_there(player: Player) -> None:
    extended(player)
    early = player.over("hv-c", "App01")
    assert early.returncode != 0
    assert "the target is its third site" in " ".join(early.stdout.split())
    over = player.over("hv-b", "App01", reverse="false")
    assert over.returncode == 0, over.stdout
    assert "as new_replica makes its third site the replica" in " ".join(over.stdout.split())
    player.sent()
    listed = player.play("reprotect", failover_to="hv-b")
    assert "go on towards the third site" in listed.stdout
    new = {**player.confirmed("hv-b", "App01"), "new_replica": "hv-c"}
    elsewhere = player.play("reprotect", **{**new, "new_replica": "hv-a"})
    assert elsewhere.returncode != 0
    checked = player.play("reprotect", "--check", **new)
    assert checked.returncode == 0, checked.stdout
    assert "hv-b: Resume-VMReplication -Continue" in checked.stdout
    assert player.sent() == []
    done = player.play("reprotect", **new)
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-b Resume-VMReplication"]
    assert "hv-a keeps its copy and its relation" in done.stdout
    player.lab.world.clock.advance(600)
    assert player.states("App01", ("hv-b", "hv-c")) == [
        "Primary/Replicating Running",
        "ExtendedReplica/Replicating Off",
    ]
    assert player.play("reprotect", **new).returncode == 0
    assert player.sent() == []
    there = player.over("hv-c", "App01", candidates="hv-b", reverse="false")
    assert there.returncode == 0, there.stdout
    assert player.states("App01", ("hv-b", "hv-c")) == [
        "Primary/PreparedForFailover Off",
        "ExtendedReplica/FailedOverWaitingCompletion Running",
    ]
    assert player.laws_broken() == []


def test_on_to_the_third_site_after_a_disaster(player: Player) -> None:
    extended(player)
    player.off("hv-a")
    player.lab.world.clock.advance(1200)
    given = {**player.confirmed("hv-b", "App01"), "reason": "primary_is_dead", "receive_check": "1"}
    over = player.play("unplanned_failover", **given)
    assert over.returncode == 0, over.stdout
    player.sent()
    new = {**player.confirmed("hv-b", "App01"), "new_replica": "hv-c"}
    done = player.play("reprotect", **new)
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-b Resume-VMReplication"]
    player.lab.world.clock.advance(600)
    assert player.states("App01", ("hv-b", "hv-c")) == [
        "Primary/Replicating Running",
        "ExtendedReplica/Replicating Off",
    ]
    assert player.laws_broken() == []


def test_the_third_site_after_both_others_are_lost(player: Player) -> None:
    extended(player)
    given = {**player.confirmed("hv-c", "App01"), "reason": "primary_is_dead", "receive_check": "1"}
    player.off("hv-b")
    player.lab.world.clock.advance(1200)
    alive = player.play("unplanned_failover", **given)  # HV-B is lost, and the VM runs on HV-A
    assert alive.returncode != 0, alive.stdout
    assert "hv-a answers, which has it too" in " ".join(alive.stdout.split())
    assert player.sent() == []
    player.on("hv-b")
    unusable = player.play("unplanned_failover", **{**given, "reason": "primary_unusable"})  # nor does its copy count
    assert unusable.returncode != 0, unusable.stdout
    assert "hv-a answers, which has it too" in " ".join(unusable.stdout.split())
    assert player.sent() == []
    player.off("hv-b")
    player.off("hv-a")
    player.lab.world.clock.advance(1200)
    done = player.play("unplanned_failover", **given)
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-c Start-VMFailover", "hv-c Start-VM"]
    assert player.states("App01", ("hv-c",)) == ["ExtendedReplica/FailedOverWaitingCompletion Running"]
    assert player.laws_broken() == []
