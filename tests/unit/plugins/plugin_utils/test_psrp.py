"""The transport over Ansible's own psrp connection and the lab's wire."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import certifi
import pytest
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import (
    ConnectionLost,
    OptionError,
    UnsupportedConnection,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Command, Pipeline, vm_by_id
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.properties import select
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.psrp import PsrpSession, open_session

if TYPE_CHECKING:
    from tests.lab.lab import Lab

VMS = Pipeline.of(Command("Get-VM") | select("VirtualMachine", "Id", "Name", "State", "MemoryAssigned", "Uptime"))
HOST = Pipeline.of(Command("Get-VMHost") | select("VMHost", "Name", "MemoryCapacity"))
STOP = Pipeline.of(Command("Get-VM", {"Name": "App01"}) | Command("Stop-VM", {"Confirm": False}))

Connect = Callable[..., PsrpSession]


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def connect(connection_to: Callable[..., Any], log: list[str]) -> Connect:
    def session(name: str = "hv-a", **options: Any) -> PsrpSession:
        return open_session(connection_to(name, **options), name, become=False, bare_cmdlets=None, log=log.append)

    return session


@pytest.mark.parametrize("auth, https", [("basic", False), ("basic", True), ("ntlm", False)])
def test_rows_are_builtin_values(connect: Connect, lab: Lab, auth: str, https: bool) -> None:
    with connect(auth=auth, https=https) as session:
        output = session.run(VMS)
    assert output.errors == ()
    rows = {row.properties["Name"]: row.properties for row in output.of_type("VirtualMachine")}
    vms = {vm.name: vm for vm in lab.world.host("hv-a").vms.values()}
    assert set(rows) == set(vms)
    assert rows["App01"]["Id"] == str(vms["App01"].id)
    assert rows["App01"]["State"] == "Running"
    assert rows["App01"]["MemoryAssigned"] == 2147483648
    assert str(rows["App01"]["Uptime"]).startswith("PT")
    assert {type(value) for row in rows.values() for value in row.values()} == {str, int}
    assert lab.shells().open == 0


def test_a_pipeline_is_two_requests_however_many_statements(connect: Connect, lab: Lab) -> None:
    with connect() as session:
        session.run(HOST)
        before = lab.requests()
        session.run(Pipeline.of(*(statement for _unused in range(100) for statement in VMS.statements)))
        after = lab.requests()
    assert after["Command"] - before["Command"] == 1
    assert after.get("Send", 0) == before.get("Send", 0)


def test_errors_keep_what_they_are_matched_on(connect: Connect) -> None:
    with connect() as session:
        output = session.run(
            Pipeline.of(Command("Get-VM", {"Name": "nobody"}), *HOST.statements, Command("Get-VM", {"Nme": "x"}))
        )
    absent, unknown = output.errors
    assert (absent.id, absent.category) == ("InvalidParameter", "InvalidArgument")
    assert absent.cmdlet_class == "Microsoft.HyperV.PowerShell.Commands.GetVM"
    assert "nobody" in absent.message
    assert unknown.id == "NamedParameterNotFound"
    assert [row.properties["Name"] for row in output.of_type("VMHost")] == ["HV-A"], "the other statement ran"


def test_enums_are_names_also_after_select_object(connect: Connect) -> None:
    with connect() as session:
        disks = Command("Get-VMHardDiskDrive", {"VMName": "App01"}) | select("HardDiskDrive", "Path", "ControllerType")
        (disk,) = session.run(Pipeline.of(disks)).of_type("HardDiskDrive")
    assert disk.properties == {"Path": "D:\\VMs\\App01\\disk0.vhdx", "ControllerType": "SCSI"}


def test_live_objects_are_piped_and_large_numbers_arrive(connect: Connect, lab: Lab) -> None:
    vm_id = next(str(vm.id) for vm in lab.world.host("hv-a").vms.values() if vm.name == "App01")
    wanted = Command("Where-Object", {"Property": "MemoryCapacity", "GE": True, "Value": 2**31})
    with connect() as session:
        assert session.run(Pipeline.of(Command("Get-VMHost") | wanted)).of_type("VMHost")
        session.run(Pipeline.of(vm_by_id(vm_id) | Command("Stop-VM", {"Confirm": False, "TurnOff": True})))
        (row,) = session.run(Pipeline.of(vm_by_id(vm_id) | select("VirtualMachine", "State"))).rows
    assert row.properties == {"State": "Off"}


@pytest.mark.parametrize("value", ["a\ud800", ["\ufffe"], 2**63])
def test_what_would_end_the_session_is_refused_before_anything_is_sent(
    connect: Connect, lab: Lab, value: object
) -> None:
    with connect() as session, pytest.raises(OptionError):
        session.run(Pipeline.of(Command("Get-VM", {"Name": value})))
    assert lab.requests() == {}


def test_the_log_has_no_values(connect: Connect, log: list[str]) -> None:
    with connect() as session:
        session.run(Pipeline.of(Command("Get-VM", {"Name": "App01"})))
    assert log == ["PSRP: Get-VM -Name"]


def test_a_constrained_endpoint_takes_bare_names(connect: Connect, lab: Lab) -> None:
    with connect(configuration_name="Hyperv.Replica") as session:
        output = session.run(VMS + STOP)
    assert output.errors == ()
    assert len(output.of_type("VirtualMachine")) == 2
    assert [call.cmdlet for call in lab.world.recorder.state_changing()] == ["Stop-VM"]


def run_all(session: PsrpSession, *pipelines: Pipeline) -> None:
    for pipeline in pipelines:
        session.run(pipeline)


OPERATIONS = [("Create", 1), ("Command", 1), ("Command", 2), ("Receive", 1), ("Receive", 2), ("Receive", 3)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation, nth", OPERATIONS)
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_a_connection_lost_at_any_operation(
    connect: Connect, lab: Lab, auth: str, operation: str, nth: int, when: str
) -> None:
    """The session says that it was lost, and never that a cmdlet did not go out when it may have run."""
    rule = lab.world.faults.add_wire(operation, "*", nth, when)
    with connect(auth=auth) as session:
        with pytest.raises(ConnectionLost) as caught:
            run_all(session, HOST, STOP)
        assert rule.struck == 1
        sent = lab.requests()
        with pytest.raises(ConnectionLost) as again:
            session.run(HOST)
        assert lab.requests() == sent, "what did not answer is not asked again"
    assert again.value.sent is False
    assert not caught.value.answered
    ran = bool(lab.world.recorder.state_changing())
    assert caught.value.sent is None or not ran
    if operation == "Create":
        assert caught.value.sent is False
    assert lab.shells().open == 0, "the shell is deleted all the same"


def test_a_host_that_does_not_listen_was_not_reached(connect: Connect, lab: Lab) -> None:
    lab.endpoint("hv-a").http.stop()
    with connect() as session, pytest.raises(ConnectionLost) as caught:
        session.run(HOST)
    assert caught.value.sent is False
    assert not caught.value.answered
    assert caught.value.machine_up, "whoever refuses a connection has power"
    assert str(caught.value).startswith("hv-a: nothing listens at 127.0.0.1 port ")


def test_a_wrong_password_is_a_lost_connection_and_sent_nothing(connect: Connect) -> None:
    with connect(remote_password="wrong") as session, pytest.raises(ConnectionLost) as caught:
        session.run(HOST)
    assert caught.value.sent is False
    assert caught.value.answered, "whoever says no is not dead"


def test_a_certificate_that_is_not_trusted_is_an_answer(connect: Connect) -> None:
    with connect(https=True, ca_cert=certifi.where()) as session, pytest.raises(ConnectionLost) as caught:
        session.run(HOST)
    assert caught.value.sent is False
    assert caught.value.answered


@pytest.mark.parametrize("https", [False, True])
def test_a_host_that_is_switched_off_gives_no_answer(connect: Connect, lab: Lab, https: bool) -> None:
    lab.world.power_off("hv-a", clean=False)
    with connect(https=https) as session, pytest.raises(ConnectionLost) as caught:
        session.run(HOST)
    assert not caught.value.answered


def test_variables_that_do_not_go_together_are_named(connect: Connect) -> None:
    with connect(message_encryption="always") as session, pytest.raises(UnsupportedConnection) as caught:
        session.run(HOST)
    assert "ansible_psrp_" in str(caught.value)


@pytest.mark.parametrize("transport", ["local", "ssh", "winrm"])
def test_other_connections_are_refused(transport: str) -> None:
    connection = connection_loader.get(transport, PlayContext(), os.devnull)
    with pytest.raises(UnsupportedConnection) as caught:
        open_session(connection, "hv-a", become=False, bare_cmdlets=None, log=print)
    assert "ansible_connection: psrp" in str(caught.value)


def test_become_is_refused(connect: Connect, lab: Lab) -> None:
    connection = connection_loader.get("psrp", PlayContext(), os.devnull)
    with pytest.raises(UnsupportedConnection) as caught:
        open_session(connection, "hv-a", become=True, bare_cmdlets=None, log=print)
    assert "become: false" in str(caught.value)


def test_old_pipelines_are_forgotten_in_time(connect: Connect, lab: Lab) -> None:
    with connect() as session:
        for _unused in range(60):
            session.run(HOST)
    assert 5 <= lab.requests()["Signal"] <= 15
