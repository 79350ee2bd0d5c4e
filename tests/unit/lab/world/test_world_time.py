"""What time does to relations: cycles, links, recovery points, health, restarts of hosts."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from tests.lab.values import Enum
from tests.lab.world.health import RULES
from tests.unit.lab.world.hands import START, Hands


@pytest.fixture
def hands() -> Hands:
    made = Hands(vms=2)
    made.protect()
    return made


def test_last_replication_time_goes_on(hands: Hands) -> None:
    hands.pass_time(3600)
    shown = hands.ok("HV-B", "Get-VMReplication", VM="App01")[0]
    assert hands.world.clock.now() - shown["LastReplicationTime"] < timedelta(seconds=300)
    measured = hands.ok("HV-A", "Measure-VMReplication", VM="App01")[0]
    assert measured["SuccessfulReplicationCount"].value == 12
    assert measured["AverageReplicationSize"].value > 0


def test_a_cut_link_is_critical_then_an_error_then_resumed(hands: Hands) -> None:
    hands.world.cut("HV-A", "HV-B")
    hands.pass_time(301)
    assert (hands.seen("HV-A", "App01"), hands.health("HV-A", "App01")) == ("Primary/Replicating", "Critical")
    hands.pass_time(900)
    assert hands.seen("HV-A", "App01") == "Primary/Error"
    hands.world.mend("HV-A", "HV-B")
    hands.ok("HV-A", "Resume-VMReplication", VM="App01")
    hands.pass_time(301)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")
    assert hands.health("HV-A", "App01") == "Warning", "the window remembers"
    hands.ok("HV-A", "Reset-VMReplicationStatistics", VM="App01")
    assert hands.health("HV-A", "App01") == "Normal"


def test_what_was_missed_is_judged_by_what_held_then(hands: Hands) -> None:
    hands.pass_time(650)
    hands.world.cut("HV-A", "HV-B")
    hands.pass_time(100)
    measured = hands.ok("HV-A", "Measure-VMReplication", VM="App01")[0]
    assert measured["SuccessfulReplicationCount"].value == 2
    assert measured["MissedReplicationCount"].value == 0


def test_replica_that_hears_nothing_warns_after_an_hour(hands: Hands) -> None:
    hands.world.power_off("HV-A")
    hands.pass_time(3000)
    assert hands.health("HV-B", "App01") == "Normal"
    hands.pass_time(1000)
    assert hands.health("HV-B", "App01") == "Warning"


def test_paused_replica_is_critical_and_holds_the_primary_up(hands: Hands) -> None:
    hands.ok("HV-B", "Suspend-VMReplication", VM="App01")
    assert hands.health("HV-B", "App01") == "Critical"
    hands.pass_time(301)
    assert hands.health("HV-A", "App01") == "Critical"
    hands.ok("HV-B", "Resume-VMReplication", VM="App01")
    hands.pass_time(301)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")


def test_recovery_points_one_an_hour_up_to_the_history(hands: Hands) -> None:
    hands.ok("HV-A", "Set-VMReplication", VM="App01", RecoveryHistory=6, VSSSnapshotFrequencyHour=2)
    hands.pass_time(24 * 3600)
    points = hands.ok("HV-B", "Get-VMSnapshot", VM="App01")
    assert len(points) == 6
    times = [point["CreationTime"] for point in points]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {timedelta(hours=1)}
    consistent = hands.ok("HV-B", "Get-VMSnapshot", VM="App01", SnapshotType=Enum("", "AppConsistentReplica"))
    assert len(consistent) == 3
    assert hands.ok("HV-B", "Get-VMSnapshot", VM="App01", Name="*Standard Replica*")
    hands.ok("HV-A", "Set-VMReplication", VM="App01", RecoveryHistory=2)
    assert len(hands.ok("HV-B", "Get-VMSnapshot", VM="App01")) == 2


def test_last_delta_takes_as_long_as_it_has_bytes(hands: Hands) -> None:
    vm = hands.vm("HV-A", "App01")
    hands.ok("HV-A", "Stop-VM", VM="App01")
    vm.write(3600 * 1024**3)
    began = hands.world.clock.now()
    hands.ok("HV-A", "Start-VMFailover", VM="App01", Prepare=True)
    assert (hands.world.clock.now() - began).total_seconds() == pytest.approx(3600, abs=10)


def test_automatic_resynchronization_waits_for_its_window(hands: Hands) -> None:
    given = {"AutoResynchronizeEnabled": True}
    hands.ok("HV-A", "Set-VMReplication", VM="App01", **given)  # 18:30 to 06:00 of the host, which is at 09:00 now
    hands.vm("HV-A", "App01").start_action = "Start"
    hands.world.power_off("HV-A")
    hands.world.power_on("HV-A")
    hands.pass_time(3600)
    assert hands.seen("HV-A", "App01") == "Primary/WaitingForStartResynchronize"
    hands.pass_time(10 * 3600)
    assert hands.seen("HV-A", "App01") == "Primary/Resynchronizing"
    hands.pass_time(60)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")


@pytest.mark.parametrize(
    ("action", "running", "after"),
    [
        ("Start", True, "Running"),
        ("Start", False, "Running"),
        ("StartIfRunning", True, "Running"),
        ("StartIfRunning", False, "Off"),
        ("Nothing", True, "Off"),
    ],
)
def test_autostart(hands: Hands, action: str, running: bool, after: str) -> None:
    vm = hands.vm("HV-A", "App01")
    vm.start_action = action
    vm.turn("Running" if running else "Off", hands.world.clock.now())
    hands.world.power_off("HV-A")
    assert vm.state == "Off"
    hands.world.power_on("HV-A")
    assert vm.state == after


def test_a_prepared_primary_and_a_replica_do_not_start_by_themselves(hands: Hands) -> None:
    for host in ("HV-A", "HV-B"):
        hands.vm(host, "App01").start_action = "Start"
    hands.ok("HV-A", "Stop-VM", VM="App01")
    hands.ok("HV-A", "Start-VMFailover", VM="App01", Prepare=True)
    for host in ("HV-A", "HV-B"):
        hands.world.power_off(host)
        hands.world.power_on(host)
        assert hands.vm(host, "App01").state == "Off"


def test_clean_stop_saves_and_the_saved_vm_comes_back(hands: Hands) -> None:
    vm = hands.vm("HV-A", "App01")
    hands.world.power_off("HV-A", clean=True)
    assert vm.state == "Saved"
    hands.world.power_on("HV-A")
    assert vm.state == "Running"


def test_crash_in_the_middle_of_a_failover_leaves_it_undone(hands: Hands) -> None:
    hands.world.clock.after(1, lambda: hands.world.power_off("HV-B"))
    hands.run("HV-B", "Start-VMFailover", VM="App01")
    hands.world.power_on("HV-B")
    assert hands.seen("HV-B", "App01") == "Replica/Replicating"


def test_copy_whose_link_breaks_is_an_error_that_resumes() -> None:
    hands = Hands(vms=2)
    hands.enable()
    hands.ok("HV-A", "Start-VMInitialReplication", VM="App01")
    hands.world.cut("HV-A", "HV-B")
    hands.pass_time(60)
    assert hands.seen("HV-A", "App01") == "Primary/Error"
    hands.world.mend("HV-A", "HV-B")
    hands.ok("HV-A", "Resume-VMReplication", VM="App01")
    assert hands.seen("HV-A", "App01") == "Primary/InitialReplicationInProgress"
    hands.pass_time(60)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")


def test_heartbeat_comes_after_the_boot() -> None:
    hands = Hands(vms=2)
    vm = hands.vm("HV-A", "App01")
    vm.turn("Off", START)
    hands.ok("HV-A", "Start-VM", VM="App01")
    assert str(hands.shown("HV-A", "App01")["Heartbeat"]) == "NoContact"
    hands.pass_time(20)
    assert str(hands.shown("HV-A", "App01")["Heartbeat"]) == "OkApplicationsHealthy"
    service = hands.ok("HV-A", "Get-VMIntegrationService", VM="App01", Name=["Heartbeat"])[0]
    assert str(service["PrimaryOperationalStatus"]) == "Ok"


def test_every_health_rule_names_the_vm() -> None:
    assert all("{vm}" in sentence for _unused, _unused, sentence in RULES)


def test_parts_of_a_vm() -> None:
    hands = Hands(vms=2)
    memory = hands.ok("HV-A", "Get-VMMemory", VM="App01")[0]
    assert memory["Startup"].value == hands.vm("HV-A", "App01").memory_startup
    hands.vm("HV-A", "App01").tpm = True
    assert hands.ok("HV-A", "Get-VMSecurity", VM="App01")[0]["TpmEnabled"] is True
