"""Parts of VMs as a host shows them: names in its language, ids in none, and statuses that hinder nothing."""

from __future__ import annotations

import pytest

from tests.unit.lab.world.hands import Hands

ENGLISH = "Hard Drive on SCSI controller number 0 at location 0"


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_id_of_a_drive_says_its_place_in_every_language(language: str) -> None:
    hands = Hands(vms=2)
    vm = hands.vm("HV-A", "App01")
    vm.disks[0].controller, vm.disks[0].number, vm.disks[0].location = "IDE", 1, 0
    hands.world.host("HV-A").language = language
    (drive,) = hands.ok("HV-A", "Get-VMHardDiskDrive", VM="App01")
    own = f"Microsoft:{str(vm.id).upper()}\\83F8638B-8DCA-4152-9EDA-2CA8B33039B4\\1\\0\\D"
    assert drive["Id"] == own
    assert drive.text.endswith(f"[Id = '{own}', VMId = '{vm.id}']")
    assert drive["Name"].startswith("Hard Drive on IDE") == (language == "en")


def test_the_english_name_of_a_drive() -> None:
    (drive,) = Hands(vms=2).ok("HV-A", "Get-VMHardDiskDrive", VM="App01")
    assert drive["Name"] == ENGLISH
    assert f"(Name = '{ENGLISH}', VMName = 'App01')" in drive.text


@pytest.mark.parametrize("language, name", [("en", "VSS"), ("de", "VSS (Volumeschattenkopie)")])
def test_services_by_id_in_every_language(language: str, name: str) -> None:
    hands = Hands(vms=2)
    hands.world.host("HV-A").language = language
    services = hands.ok("HV-A", "Get-VMIntegrationService", VM="App01")
    (vss,) = (one for one in services if one["Id"].endswith("\\5CED1297-4598-4915-A5FC-AD21BB4D02A4"))
    assert vss["Name"] == name
    assert vss.text.endswith(f"[Id = '{vss['Id']}', VMId = '{vss['VMId']}']")


def test_a_service_of_a_vm_that_is_off_has_no_status() -> None:
    hands = Hands(vms=2)
    hands.vm("HV-A", "App01").turn("Off", hands.world.clock.now())
    for service in hands.ok("HV-A", "Get-VMIntegrationService", VM="App01"):
        assert (service["PrimaryOperationalStatus"], service["OperationalStatus"]) == (None, [])


def test_older_services_of_a_guest_are_ok_with_a_second_line() -> None:
    hands = Hands(vms=2)
    hands.vm("HV-A", "App01").guest.old_services = True
    (service,) = hands.ok("HV-A", "Get-VMIntegrationService", VM="App01", Name=["Shutdown"])
    statuses = [str(service[name]) for name in ("PrimaryOperationalStatus", "SecondaryOperationalStatus")]
    assert statuses == ["Ok", "ProtocolMismatch"]


def test_the_guest_service_interface_says_ok_though_it_is_off() -> None:
    (service,) = Hands(vms=2).ok("HV-A", "Get-VMIntegrationService", VM="App01", Name=["Guest Service Interface"])
    assert (service["Enabled"], str(service["PrimaryOperationalStatus"])) == (False, "Ok")


def test_a_condition_is_the_second_status_and_holds_nothing_back() -> None:
    hands = Hands(vms=2)
    hands.protect()
    vm = hands.vm("HV-A", "App01")
    vm.conditions = ("SwitchNotInIovMode",)
    shown = hands.shown("HV-A", "App01")
    assert [str(one) for one in shown["OperationalStatus"]] == ["Ok", "SwitchNotInIovMode"]
    assert str(shown["SecondaryOperationalStatus"]) == "SwitchNotInIovMode"
    vm.turn("Off", hands.world.clock.now())
    hands.ok("HV-A", "Start-VMFailover", VM="App01", Prepare=True)


def test_the_heartbeat_of_a_guest_whose_applications_tell_nothing() -> None:
    hands = Hands(vms=2)
    hands.vm("HV-A", "App01").guest.applications = "Unknown"
    assert str(hands.shown("HV-A", "App01")["Heartbeat"]) == "OkApplicationsUnknown"
