"""The flows of Hyper-V Replica from end to end, on the handlers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.lab.values import Enum
from tests.lab.world.storage import GIB
from tests.unit.lab.world.hands import Hands


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_enable_and_network_copy(hands: Hands) -> None:
    assert hands.both("App01")[0] == "None/Disabled"
    hands.enable()
    assert hands.both("App01") == ("Primary/ReadyForInitialReplication", "Replica/WaitingForInitialReplication")
    assert hands.health("HV-A", "App01") == "Warning"
    copy = hands.vm("HV-B", "App01")
    assert (copy.id, copy.state, copy.adapters[0].switch) == (hands.vm("HV-A", "App01").id, "Off", None)
    hands.ok("HV-A", "Start-VMInitialReplication", VM="App01")
    assert hands.both("App01") == ("Primary/InitialReplicationInProgress", "Replica/WaitingForInitialReplication")
    assert hands.health("HV-A", "App01") == "Normal"
    assert hands.ok("HV-A", "Get-VMReplication", VM="App01")[0]["LastReplicationTime"] is None
    hands.pass_time(60)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")
    assert hands.ok("HV-B", "Get-VMReplication", VM="App01")[0]["LastReplicationTime"] is not None


def test_copy_takes_time_by_its_bytes(hands: Hands) -> None:
    hands.vm("HV-A", "App01").disks[0].file_size = 100 * GIB
    hands.protect()
    assert hands.seen("HV-A", "App01") == "Primary/InitialReplicationInProgress"
    measured = hands.ok("HV-A", "Measure-VMReplication", VM="App01")[0]
    assert 30 * GIB < measured["PendingReplicationSize"].value < 50 * GIB
    hands.pass_time(60)
    assert hands.seen("HV-A", "App01") == "Primary/Replicating"


def test_planned_failover_and_reverse(hands: Hands) -> None:
    hands.protect()
    hands.ok("HV-A", "Stop-VM", VM="App01")
    hands.ok("HV-A", "Start-VMFailover", VM="App01", Prepare=True)
    assert hands.both("App01") == ("Primary/PreparedForFailover", "Replica/Replicating")
    assert hands.run("HV-A", "Start-VM", VM="App01").refused == ("InvalidState", "InvalidOperation")
    hands.ok("HV-B", "Start-VMFailover", VM="App01")
    assert hands.both("App01") == ("Primary/PreparedForFailover", "Replica/FailedOverWaitingCompletion")
    hands.ok("HV-B", "Set-VMReplication", VM="App01", Reverse=True)
    assert hands.both("App01")[0] == "Primary/PreparedForFailover", "the states lag the cmdlet"
    hands.pass_time(5)
    assert hands.both("App01") == ("Replica/Replicating", "Primary/Replicating")
    hands.ok("HV-B", "Start-VM", VM="App01")
    hands.pass_time(600)
    assert hands.both("App01") == ("Replica/Replicating", "Primary/Replicating")
    assert hands.health("HV-B", "App01") == "Normal"
    assert hands.world.recorder.violations == []
    hands.fail_over(primary="HV-B", replica="HV-A")
    hands.ok("HV-A", "Set-VMReplication", VM="App01", Reverse=True)
    hands.pass_time(5)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")


@pytest.mark.parametrize("state", ["ReadyForInitialReplication", "Suspended", "WaitingForStartResynchronize"])
def test_reverse_may_settle_elsewhere(hands: Hands, state: str) -> None:
    hands.world.habits.reverse_state = state
    hands.protect()
    hands.fail_over()
    hands.ok("HV-B", "Set-VMReplication", VM="App01", Reverse=True)
    hands.pass_time(5)
    assert hands.seen("HV-B", "App01") == f"Primary/{state}"
    cmdlet = "Start-VMInitialReplication" if state == "ReadyForInitialReplication" else "Resume-VMReplication"
    hands.ok("HV-B", cmdlet, VM="App01")
    hands.pass_time(60)
    assert hands.both("App01") == ("Replica/Replicating", "Primary/Replicating")


def test_cancel_a_planned_failover(hands: Hands) -> None:
    hands.protect()
    hands.fail_over()
    hands.ok("HV-B", "Stop-VMFailover", VM="App01")
    assert hands.both("App01") == ("Primary/PreparedForFailover", "Replica/Replicating")
    hands.ok("HV-A", "Stop-VMFailover", VM="App01")
    hands.ok("HV-A", "Start-VM", VM="App01")
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")


@pytest.mark.parametrize(
    ("clean", "found"),
    [(False, "Primary/WaitingForStartResynchronize"), (True, "Primary/Error")],
    ids=["crash", "clean"],
)
def test_unplanned_failover_and_the_way_home(hands: Hands, clean: bool, found: str) -> None:
    hands.protect()
    hands.vm("HV-A", "App01").start_action = "Nothing"
    hands.vm("HV-A", "App01").stop_action = "TurnOff"
    hands.world.power_off("HV-A", clean=clean)
    hands.ok("HV-B", "Start-VMFailover", VM="App01")
    assert hands.vm("HV-B", "App01").state == "Off"
    hands.ok("HV-B", "Start-VM", VM="App01")
    hands.ok("HV-B", "Complete-VMFailover", VM="App01")
    assert hands.seen("HV-B", "App01") == "Replica/FailedOver"
    assert hands.health("HV-B", "App01") == "Warning"
    hands.world.power_on("HV-A")
    hands.pass_time(400)
    assert hands.seen("HV-A", "App01") == found
    refused = hands.run("HV-B", "Set-VMReplication", VM="App01", Reverse=True)
    assert refused.refused == ("OperationFailed", "NotSpecified"), "the old primary still thinks that it is the primary"
    hands.ok("HV-A", "Set-VMReplication", VM="App01", AsReplica=True)
    assert hands.seen("HV-A", "App01") == "Replica/WaitingForInitialReplication"
    hands.ok("HV-B", "Set-VMReplication", VM="App01", Reverse=True, ReplicaServerName="HV-A.corp.example")
    hands.pass_time(5)
    assert hands.both("App01") == ("Replica/WaitingForInitialReplication", "Primary/ReadyForInitialReplication")
    hands.ok("HV-B", "Start-VMInitialReplication", VM="App01")
    hands.pass_time(60)
    assert hands.both("App01") == ("Replica/Replicating", "Primary/Replicating")
    assert hands.world.recorder.violations == []


def test_old_primary_starts_by_itself_and_the_law_is_seen_broken(hands: Hands) -> None:
    hands.protect()
    hands.vm("HV-A", "App01").start_action = "Start"
    hands.world.power_off("HV-A")
    hands.ok("HV-B", "Start-VMFailover", VM="App01")
    hands.ok("HV-B", "Start-VM", VM="App01")
    hands.world.power_on("HV-A")
    assert hands.vm("HV-A", "App01").state == "Running"
    broken = hands.world.recorder.violations
    assert [(one.vm, one.hosts, one.cause) for one in broken] == [("App01", ("HV-A", "HV-B"), "power_on HV-A")]


def test_bad_point_another_one(hands: Hands) -> None:
    hands.world.habits.cancel_of_running = "turned_off"
    hands.protect(RecoveryHistory=4)
    hands.pass_time(3 * 3600)
    points = hands.ok("HV-B", "Get-VMSnapshot", VM="App01", SnapshotType=Enum("", "Replica"))
    assert len(points) == 3
    hands.world.cut("HV-A", "HV-B")
    hands.ok("HV-B", "Start-VMFailover", VMRecoverySnapshot=points[2])
    hands.ok("HV-B", "Start-VM", VM="App01")
    hands.ok("HV-B", "Stop-VMFailover", VM="App01")
    assert hands.vm("HV-B", "App01").state == "Off", "taking back turns a running VM off"
    assert hands.seen("HV-B", "App01") == "Replica/Replicating"
    hands.ok("HV-B", "Start-VMFailover", VMRecoverySnapshot=points[0])
    hands.ok("HV-B", "Complete-VMFailover", VM="App01")
    assert hands.ok("HV-B", "Get-VMSnapshot", VM="App01") == []


def test_test_failover(hands: Hands) -> None:
    hands.protect()
    hands.vm("HV-B", "App01").adapters[0].test_switch = "Test isolated"
    test = hands.ok("HV-B", "Start-VMFailover", VM="App01", AsTest=True)[0]
    assert (test["Name"], str(test["ReplicationMode"]), str(test["ReplicationState"])) == (
        "App01 - Test",
        "TestReplica",
        "Disabled",
    )
    shown = hands.ok("HV-B", "Get-VMReplication", VM="App01")[0]
    assert shown["TestVirtualMachine"]["Id"] == test["Id"]
    assert [r["VMName"] for r in hands.ok("HV-B", "Get-VMReplication")] == ["App01"]
    assert hands.vm("HV-B", "App01 - Test").adapters[0].switch == "Test isolated"
    hands.ok("HV-B", "Start-VM", VM="App01 - Test")
    assert hands.world.recorder.violations == [], "a test VM does not count"
    assert hands.run("HV-B", "Start-VMFailover", VM="App01").refused == ("InvalidState", "InvalidOperation")
    assert hands.run("HV-B", "Start-VMFailover", VM="App01", AsTest=True).errors
    hands.ok("HV-B", "Stop-VMFailover", VM="App01")
    assert [vm.name for vm in hands.world.host("HV-B").vms.values() if "Test" in vm.name] == []
    assert hands.seen("HV-B", "App01") == "Replica/Replicating"


def test_extended_replica() -> None:
    hands = Hands(hosts=3, vms=3)
    hands.protect()
    hands.enable("App01", "HV-B", "HV-C.corp.example", ReplicationFrequencySec=900)
    hands.ok("HV-B", "Start-VMInitialReplication", VM="App01")
    hands.pass_time(60)
    shown = hands.ok("HV-B", "Get-VMReplication", VM="App01")
    assert [(str(r["ReplicationRelationshipType"]), str(r["ReplicationState"])) for r in shown] == [
        ("Simple", "Replicating"),
        ("Extended", "Replicating"),
    ]
    assert hands.seen("HV-C", "App01") == "ExtendedReplica/Replicating"
    measured = hands.ok("HV-B", "Measure-VMReplication", VM="App01", ReplicationRelationshipType=Enum("", "Extended"))
    assert len(measured) == 1
    assert len(hands.ok("HV-C", "Start-VMFailover", VM="App01", AsTest=True)) == 1
    hands.ok("HV-C", "Stop-VMFailover", VM="App01")
    hands.ok("HV-B", "Start-VMFailover", VM="App01", Prepare=True)
    assert hands.seen("HV-B", "App01", "Extended") == "Replica/Disabled", "a prepared leg shows Disabled"
    hands.ok("HV-C", "Start-VMFailover", VM="App01")
    assert hands.seen("HV-C", "App01") == "ExtendedReplica/FailedOverWaitingCompletion"


def test_extended_replica_after_failover_and_continue() -> None:
    hands = Hands(hosts=3, vms=3)
    hands.protect()
    hands.enable("App01", "HV-B", "HV-C.corp.example")
    hands.ok("HV-B", "Start-VMInitialReplication", VM="App01")
    hands.pass_time(60)
    hands.fail_over()
    hands.ok("HV-B", "Resume-VMReplication", VM="App01", Continue=True)
    hands.pass_time(60)
    assert hands.seen("HV-B", "App01") == "Primary/Replicating"


def test_removal_primary_first(hands: Hands) -> None:
    hands.protect()
    hands.ok("HV-A", "Remove-VMReplication", VM="App01")
    assert hands.both("App01") == ("None/Disabled", "Replica/Replicating")
    hands.ok("HV-B", "Remove-VMReplication", VM="App01")
    assert hands.both("App01") == ("None/Disabled", "None/Disabled")
    assert hands.vm("HV-B", "App01").disks, "VM and disks stay"
    hands.ok("HV-B", "Start-VM", VM="App01")
    assert len(hands.world.recorder.violations) == 1, "nothing of the product keeps the second copy from starting"


def test_removal_replica_first_leaves_a_primary_in_error(hands: Hands) -> None:
    hands.protect()
    hands.ok("HV-B", "Remove-VMReplication", VM="App01")
    assert hands.seen("HV-A", "App01") == "Primary/Replicating"
    hands.pass_time(301)
    assert hands.seen("HV-A", "App01") == "Primary/Error"


def test_existing_copy(hands: Hands) -> None:
    hands.protect()
    for host in ("HV-A", "HV-B"):
        hands.ok(host, "Remove-VMReplication", VM="App01")
    hands.ok("HV-B", "Enable-VMReplication", VM="App01", AsReplica=True)
    hands.enable()
    assert hands.both("App01") == ("Primary/ReadyForInitialReplication", "Replica/WaitingForInitialReplication")
    hands.ok("HV-A", "Start-VMInitialReplication", VM="App01", UseBackup=True)
    hands.pass_time(10)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")


def test_external_media(hands: Hands) -> None:
    hands.enable()
    hands.world.host("HV-A").files.make_folder("D:\\Export")
    hands.ok("HV-A", "Start-VMInitialReplication", VM="App01", DestinationPath="D:\\Export")
    folder = f"D:\\Export\\App01_{hands.vm('HV-A', 'App01').id}"
    assert hands.world.host("HV-A").files.is_folder(folder)
    assert hands.both("App01") == ("Primary/InitialReplicationInProgress", "Replica/WaitingForInitialReplication")
    assert hands.run("HV-A", "Stop-VMInitialReplication", VM="App01").refused == ("InvalidState", "InvalidOperation")
    assert hands.run("HV-B", "Import-VMInitialReplication", VM="App01", Path=folder).refused is not None
    hands.world.carry("D:\\Export", "HV-A", "HV-B")
    hands.ok("HV-B", "Import-VMInitialReplication", VM="App01", Path=folder)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")


def test_scheduled_copy(hands: Hands) -> None:
    hands.enable()
    when = hands.world.clock.now() + timedelta(hours=2)
    hands.ok("HV-A", "Start-VMInitialReplication", VM="App01", InitialReplicationStartTime=when)
    shown = hands.ok("HV-A", "Get-VMReplication", VM="App01")[0]
    assert shown["InitialReplicationStartTime"] == when
    assert shown["InitialReplicationStartTime"].utcoffset() == timedelta(hours=1), "a local time of the host"
    assert str(shown["ReplicationState"]) == "ReadyForInitialReplication"
    hands.pass_time(2 * 3600 + 1)
    assert hands.seen("HV-A", "App01") == "Primary/InitialReplicationInProgress"
    hands.pass_time(60)
    shown = hands.ok("HV-A", "Get-VMReplication", VM="App01")[0]
    assert (str(shown["ReplicationState"]), shown["InitialReplicationStartTime"]) == ("Replicating", None)


def test_cancel_a_scheduled_copy(hands: Hands) -> None:
    hands.enable()
    when = hands.world.clock.now() + timedelta(hours=2)
    hands.ok("HV-A", "Start-VMInitialReplication", VM="App01", InitialReplicationStartTime=when)
    hands.ok("HV-A", "Stop-VMInitialReplication", VM="App01")
    hands.pass_time(3 * 3600)
    assert hands.seen("HV-A", "App01") == "Primary/ReadyForInitialReplication"


def test_resynchronization(hands: Hands) -> None:
    hands.protect(RecoveryHistory=2)
    hands.pass_time(2 * 3600)
    assert hands.ok("HV-B", "Get-VMSnapshot", VM="App01")
    hands.ok("HV-A", "Suspend-VMReplication", VM="App01")
    assert (hands.seen("HV-A", "App01"), hands.health("HV-A", "App01")) == ("Primary/Suspended", "Warning")
    hands.ok("HV-A", "Resume-VMReplication", VM="App01", Resynchronize=True)
    assert hands.both("App01") == ("Primary/Resynchronizing", "Replica/Resynchronizing")
    assert hands.ok("HV-B", "Get-VMSnapshot", VM="App01") == [], "a resynchronization deletes the points"
    hands.pass_time(60)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")


def test_stop_replication_only_cancels_a_resynchronization(hands: Hands) -> None:
    hands.protect()
    assert hands.run("HV-A", "Stop-VMReplication", VM="App01").refused == ("InvalidState", "InvalidOperation")
    hands.ok("HV-A", "Suspend-VMReplication", VM="App01")
    hands.ok("HV-A", "Resume-VMReplication", VM="App01", Resynchronize=True)
    hands.ok("HV-A", "Stop-VMReplication", VM="App01")
    assert hands.seen("HV-A", "App01") == "Primary/WaitingForStartResynchronize"
    assert hands.health("HV-A", "App01") == "Critical"


def test_another_set_of_disks(hands: Hands) -> None:
    vm = hands.vm("HV-A", "App01")
    hands.protect()
    extra = type(vm.disks[0])("D:\\VMs\\App01\\new.vhdx", location=5)
    vm.disks.append(extra)
    shown = hands.ok("HV-A", "Get-VMReplication", VM="App01")[0]
    assert [d["Path"] for d in shown["ExcludedDisks"]] == [extra.path]
    assert hands.health("HV-A", "App01") == "Normal", "a disk that is not replicated hurts no health"
    paths = [disk.path for disk in vm.disks]
    hands.ok("HV-A", "Set-VMReplication", VM="App01", ReplicatedDiskPaths=paths)
    assert hands.both("App01") == ("Primary/WaitingForUpdateCompletion", "Replica/WaitingForUpdateCompletion")
    hands.pass_time(60)
    assert hands.both("App01") == ("Primary/Replicating", "Replica/Replicating")
    assert len(hands.vm("HV-B", "App01").disks) == 2


def test_settings_go_to_both_sides(hands: Hands) -> None:
    hands.protect()
    hands.ok("HV-A", "Set-VMReplication", VM="App01", RecoveryHistory=5, VSSSnapshotFrequencyHour=2)
    for host in ("HV-A", "HV-B"):
        shown = hands.ok(host, "Get-VMReplication", VM="App01")[0]
        assert (shown["RecoveryHistory"], shown["VSSSnapshotFrequencyHour"]) == (5, 2)
    hands.ok("HV-A", "Set-VMReplication", VM="App01", RecoveryHistory=0)
    assert hands.ok("HV-A", "Get-VMReplication", VM="App01")[0]["VSSSnapshotReplicationEnabled"] is False
