"""hyperv_vm_replication, its role and its playbooks through ansible-playbook against the lab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.gate import only
from tests.integration.relation_play import Player, let_replicate, rhythm
from tests.lab.world.storage import Disk

if TYPE_CHECKING:
    from tests.lab.lab import Lab
    from tests.lab.world.vm import VM

SERVER = {"replica_server": "HV-B.corp.example", "authentication": "kerberos"}
BETWEEN = {"between": ["HV-A.corp.example", "HV-B.corp.example"], "first_primary": "hv-a"}
HV_C = {
    "enabled": True,
    "authentication": "certificateandkerberos",
    "kerberos_port": 80,
    "certificate_port": 443,
    "any_server": True,
    "entries": [],
}

pytestmark = pytest.mark.lab(hosts=3, vms=9, speed=400)


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Iterator[Player]:
    """A player for a lab whose hosts take replicas of each other."""
    let_replicate(lab)
    yield Player.of(lab, tmp_path)
    assert not lab.world.recorder.violations


def test_settings_one_after_the_other(player: Player) -> None:
    vms = {"names": ["App01"]}
    done = rhythm(
        player,
        {**vms, **SERVER, "initial_copy": "none"},
        {**vms, **SERVER, "wait": True},
        {**vms, **SERVER, "frequency": 30},
        {**vms, **SERVER, "recovery_history": 8, "app_consistent_hours": 4},
        {**vms, **SERVER, "compression": False, "bypass_proxy": True, "host_kvp": False},
        {
            **vms,
            **SERVER,
            "auto_resynchronize": True,
            "auto_resynchronize_from": "22:00",
            "auto_resynchronize_until": "05:30",
        },
        {**vms, "app_consistent_hours": 0},
        {**vms, "suspended": True},
        {**vms, "suspended": False},
        {**vms, "acts": ["reset_statistics"]},
    )
    assert done[0]["vms"][0]["state"] == "ReadyForInitialReplication"
    assert done[1]["vms"][0]["state"] == "Replicating"
    assert done[7]["vms"][0]["state"] == "Suspended"
    settings = player.vm("HV-A", "App01").relation.settings
    assert (settings.frequency, settings.history, settings.vss_hours) == (30, 8, 0)
    assert (settings.compression, settings.bypass_proxy, settings.host_kvp) == (False, True, False)
    assert (settings.resync_start, settings.resync_end) == (timedelta(hours=22), timedelta(hours=5, minutes=30))


def test_everything_at_the_first_enable_over_certificates(player: Player) -> None:
    own = player.lab.world.host("HV-A").certificates[0].thumbprint
    ids = [str(player.vm("HV-A", "App01").id), str(player.vm("HV-A", "App04").id)]
    [done] = rhythm(
        player,
        {
            "ids": ids,
            "replica_server": "HV-B.corp.example",
            "replica_port": 443,
            "authentication": "certificate",
            "certificate_thumbprint": own,
            "frequency": 900,
            "recovery_history": 2,
            "compression": True,
            "wait": True,
        },
    )
    assert [(vm["id"], vm["certificate_thumbprint"], vm["frequency"]) for vm in done["vms"]] == [
        (vm, own, 900) for vm in ids
    ]


def test_the_certificate_that_auto_means(player: Player) -> None:
    own = player.lab.world.host("HV-A").certificates[0].thumbprint
    [done] = rhythm(
        player,
        {
            "names": ["App01"],
            "replica_server": "HV-B.corp.example",
            "authentication": "certificate",
            "certificate_thumbprint": "auto",
            "renew_before": 10,
        },
    )
    assert done["vms"][0]["certificate_thumbprint"] == own


@pytest.mark.all_only  # test_transports.py plays there too
def test_on_the_constrained_endpoint(player: Player) -> None:
    player.lab.write_files(player.folder / "lab", configuration="Hyperv.Replica")
    vms = {"names": ["App01"]}
    soon = (player.lab.world.clock.now() + timedelta(days=2)).replace(microsecond=0).isoformat()
    rhythm(
        player,
        {**vms, **SERVER, "initial_copy_start": soon, "disks": "all"},
        {**vms, "acts": ["cancel_initial_copy"]},
        {**vms, **SERVER, "wait": True},
        {**vms, **SERVER, "frequency": 900, "recovery_history": 1, "compression": False},
        {**vms, "suspended": True},
        {**vms, "state": "absent"},
    )


def attach(vm: VM, location: int, **facts: Any) -> Disk:
    disk = Disk(f"D:\\VMs\\{vm.name}\\more{location}.vhdx", location=location, **facts)
    vm.disks.append(disk)
    return disk


def test_disks_by_place_and_path(player: Player) -> None:
    player.lab.world.host("HV-A").language = "de"  # names of disks are translated, their ids are not
    vm = player.vm("HV-A", "App01")
    swap, data = attach(vm, 1), attach(vm, 2)
    vms = {"names": ["App01"]}
    rhythm(player, {**vms, **SERVER, "excluded_disks": [swap.path.upper()], "wait": True})
    attach(vm, 3)
    unnamed = player.module({**vms, **SERVER, "excluded_disks": ["SCSI 0:1"]})
    assert not unnamed["changed"]
    assert any("SCSI 0:3" in warning for warning in unnamed["warnings"])
    done = rhythm(
        player,
        {**vms, **SERVER, "disks": "all", "excluded_disks": ["scsi 0:1"], "wait": True},
        {**vms, "disks": ["SCSI 0:0", data.path], "wait": True},
    )
    assert [disk["place"] for disk in done[0]["vms"][0]["replicated_disks"]] == ["SCSI 0:0", "SCSI 0:2", "SCSI 0:3"]
    assert [disk["place"] for disk in done[1]["vms"][0]["replicated_disks"]] == ["SCSI 0:0", "SCSI 0:2"]


@pytest.mark.lab(hosts=2, vms=4, speed=20)
def test_right_after_a_start_nothing_is_enabled_twice(player: Player) -> None:
    """For a minute the host lists no replication: the run waits until it does, and then has nothing to do."""
    world = player.lab.world
    options = {"names": ["App01", "App03"], **SERVER}
    player.module(options)
    world.clock.advance(3600)
    world.habits.service_start_seconds = 60
    world.power_off("HV-A", clean=True)
    world.power_on("HV-A")
    player.sent()
    before = world.clock.now()
    result = player.module(options)
    assert not result.get("failed"), result["msg"]
    assert (result["changed"], result["actions"], player.sent()) == (False, [], [])
    assert world.clock.now() - before >= timedelta(seconds=50)


def test_disks_that_cannot_be_replicated(player: Player) -> None:
    attach(player.vm("HV-A", "App01"), 5, disk_number=2)
    refused = player.module({"names": ["App01", "App04"], **SERVER, "initial_copy": "none"})
    assert "SCSI 0:5" in refused["failures"][0]["msg"]
    assert len(refused["failures"]) == 1
    assert [vm["mode"] for vm in refused["vms"]] == ["None", "Primary"], "one that is refused does not stop the others"


def test_a_copy_that_is_scheduled_moved_and_cancelled(player: Player) -> None:
    now = player.lab.world.clock.now()
    one, other = ((now + timedelta(days=days)).replace(microsecond=0).isoformat() for days in (2, 3))
    late = (datetime.now(timezone.utc) + timedelta(days=400)).isoformat(timespec="seconds")
    vms = {"names": ["App01"], **SERVER}
    refused = player.module({**vms, "initial_copy_start": late})
    assert "more than 7 days ahead" in refused["msg"]
    rhythm(
        player,
        {**vms, "initial_copy_start": one},
        {**vms, "initial_copy_start": other},
    )
    [cancelled] = rhythm(player, {"names": ["App01"], "acts": ["cancel_initial_copy"]})
    assert cancelled["vms"][0]["initial_copy_start"] is None


def test_external_media(player: Player) -> None:
    world, vm = player.lab.world, player.vm("HV-A", "App01")
    lost = player.module(
        {"names": ["App01"], **SERVER, "initial_copy": "external_media", "initial_copy_path": "D:\\Nowhere"}
    )
    assert lost["failed"]
    world.host("HV-A").files.make_folder("D:\\Export")
    rhythm(player, {"names": ["App01"], **SERVER, "initial_copy": "external_media", "initial_copy_path": "D:\\Export"})
    [folder] = [entry.path for entry in world.host("HV-A").files.below("D:\\Export", recurse=False)]
    world.carry(folder, "HV-A", "HV-B")
    [done] = rhythm(
        player,
        {
            "ids": [str(vm.id)],
            "side": "replica",
            "initial_copy": "external_media",
            "initial_copy_path": folder,
        },
        host="hv-b",
    )
    assert done["vms"][0]["state"] == "Replicating"


def test_an_existing_copy(player: Player) -> None:
    vm = player.vm("HV-A", "App01")
    copy = type(vm)(vm.name, id=vm.id, disks=[Disk("E:\\Restored\\disk0.vhdx")])
    player.lab.world.add_vm(player.lab.world.host("HV-B"), copy)
    partner = {"id": str(vm.id), "name": "App01", "host": "HV-B", "power": "Off", "mode": "None", "state": "Disabled"}
    refused = player.module({"names": ["App01"], **SERVER, "partner": [partner]})
    assert "initial_copy: existing_copy" in refused["msg"]
    rhythm(
        player,
        {"names": ["App01"], "side": "replica", "initial_copy": "existing_copy", "allowed_primary_server": "*"},
        host="hv-b",
    )
    rhythm(player, {"names": ["App01"], **SERVER, "initial_copy": "existing_copy", "wait": True})


def test_recovery_and_the_pause_of_the_replica(player: Player) -> None:
    player.module({"names": ["App01"], **SERVER, "wait": True})
    relation = player.vm("HV-A", "App01").relation
    with player.lab.world.lock:
        relation.drop_work()
        relation.state = "Error"
    left = player.module({"names": ["App01"], **SERVER, "frequency": 900})
    assert (left["changed"], left["actions"]) == (False, [])
    assert "recover: resume" in left["warnings"][0]
    rhythm(player, {"names": ["App01"], "recover": "resume", "wait": True})
    with player.lab.world.lock:
        relation.drop_work()
        relation.state = "WaitingForStartResynchronize"
    [resynchronized] = rhythm(player, {"names": ["App01"], "recover": "resynchronize", "wait": True})
    assert any("deletes its recovery points on HV-B" in warning for warning in resynchronized["warnings"])
    rhythm(
        player,
        {"names": ["App01"], "side": "replica", "suspended": True},
        {"names": ["App01"], "side": "replica", "suspended": False},
        host="hv-b",
    )
    now = player.module({"names": ["App01"], "acts": ["resynchronize_now"], "wait": True})
    assert [action["cmdlet"] for action in now["actions"]] == ["Suspend-VMReplication", "Resume-VMReplication"]
    assert now["vms"][0]["state"] == "Replicating"


def test_extended_moved_and_ended(player: Player) -> None:
    player.module({"names": ["App01"], **SERVER, "wait": True})
    extended = {"names": ["App01"], "relationship": "extended"}
    to_c = {"replica_server": "HV-C.corp.example", "authentication": "kerberos"}
    rhythm(player, {**extended, **to_c, "wait": True}, {**extended, "state": "absent"}, host="hv-b")
    refused = player.module({"names": ["App01"], **to_c})
    assert "other_server: move" in refused["msg"]
    player.module({"names": ["App04"], **SERVER, "wait": True})
    said = {"partner": [], "partner_server": {**HV_C}}
    [moved] = rhythm(player, {"names": ["App04"], **to_c, **said, "other_server": "move"})
    assert moved["vms"][0]["replica_server"] == "HV-C.corp.example"
    rhythm(player, {"names": ["App04"], "state": "absent", "side": "primary"})
    rhythm(player, {"names": ["App01", "App04"], "state": "absent"}, host="hv-b")
    assert player.vm("HV-B", "App01").relations == {}


def test_between_both_hosts(player: Player) -> None:
    options = {
        "names": ["App01"],
        **BETWEEN,
        "authentication": "kerberos",
        "per_host": {"hv-b": {"replica_port": 80}},
        "excluded_disks": ["SCSI 0:7"],
    }
    before = player.module(options, "hv-b")
    assert (before["changed"], before["vms"][0]["mode"]) == (False, None)
    rhythm(player, options)
    after = player.module({**options, "frequency": 900}, "hv-b")
    assert (after["changed"], after["actions"]) == (False, [])


def test_the_role_by_policies_on_both_hosts(player: Player) -> None:
    policies = [
        {"vms": ["App01", "App04"], "between": ["hv-a", "hv-b"], "first_primary": "hv-a", "frequency": "30"},
        {"vms": ["App02"], "between": ["hv-b", "hv-a"], "first_primary": "hv-b", "wait": "no", "disks": "all"},
        {"vms": ["App07"], "replica_host": "hv-c"},
    ]
    for policy in policies:
        policy["authentication"] = "kerberos"
    role = {"name": "hyperv.replica.vm_replication", "rolespec_validate": False}
    play = {
        "hosts": "hv-a,hv-b",
        "gather_facts": False,
        "vars": {"vm_replication_policies": policies[:2], "vm_replication_poll_interval": "0.05"},
        "tasks": [{"ansible.builtin.include_role": role}],
    }
    path = player.folder / "role.yml"
    path.write_text(yaml.safe_dump([play]), encoding="utf-8")
    foreseen = player.run(str(path), "--check")
    assert foreseen.returncode == 0, foreseen.stdout + foreseen.stderr
    assert player.sent() == []
    done = player.run(str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(player.sent()) == sorted(["Enable-VMReplication", "Start-VMInitialReplication"] * 3)
    assert player.vm("HV-A", "App01").relation.settings.frequency == 30
    assert player.vm("HV-B", "App02").relation.mode == "Primary"
    again = player.run(str(path), "-e", json.dumps({"vm_replication_policies": json.dumps(policies[:2])}))
    assert again.returncode == 0, again.stdout + again.stderr
    assert player.sent() == []
    player.lab.world.power_off("HV-B")
    alone = player.run(str(path), "--limit", "hv-a,hv-c", "-e", json.dumps({"vm_replication_policies": policies}))
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert sorted(player.sent()) == ["Enable-VMReplication", "Start-VMInitialReplication"]
    assert player.vm("HV-A", "App07").relation.replica_server.casefold() == "hv-c.corp.example"


def test_the_role_leaves_a_host_outside_the_limit_alone(player: Player) -> None:
    play = {
        "hosts": "all",
        "gather_facts": False,
        "roles": ["hyperv.replica.vm_replication"],
        "vars": {
            "vm_replication_policies": [
                {"vms": ["App01"], "between": ["hv-a", "hv-b"], "first_primary": "hv-a", "authentication": "kerberos"}
            ]
        },
    }
    path = player.folder / "role.yml"
    path.write_text(yaml.safe_dump([play]), encoding="utf-8")
    recorder = player.lab.world.recorder
    for limit, reached in (("hv-a", {"HV-A"}), ("hv-[a-b]", {"HV-A", "HV-B"})):
        recorder.clear()
        ran = player.run(str(path), "--check", "--limit", limit)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert {call.host for call in recorder.calls} == reached


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "address": ({**SERVER, "replica_server": "10.0.0.2"}, "replica_server", "IP address"),
    "itself": ({**SERVER, "replica_server": "HV-A"}, "replica_server", "cannot be its own replica"),
    "wildcard": ({**SERVER, "names": ["App*"]}, "names", "taken literally"),
    "certificate": (
        {**SERVER, "certificate_thumbprint": "00" * 20},
        "certificate_thumbprint",
        "Kerberos uses no certificate",
    ),
    "range": ({**SERVER, "recovery_history": 25}, "recovery_history", "0 to 24"),
}


@pytest.mark.parametrize("name", only(["itself", "wildcard"], BAD))
def test_bad_input_in_check_mode_too(player: Player, name: str) -> None:
    given, option, says = BAD[name]
    options = {"names": ["App01"], **given}
    for result in player.tasks("hv-a", [{**options, "check_mode": True}, options]):
        assert result["failed"]
        assert result["option"] == option
        assert says in result["msg"]
    assert player.sent() == []


def test_the_playbook_lists_confirms_and_protects(player: Player) -> None:
    name = "hyperv.replica.enable_replication"
    listed = player.run(name, "-e", "from_host=hv-a")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "Not protected: 3\n  App01  Running" in listed.stdout
    given = ["-e", "from_host=hv-a", "-e", "to_host=hv-b", "-e", "vms=App01,App04", "-e", "poll_interval=0.05"]
    given += ["-e", "authentication=kerberos"]
    refused = player.run(name, *given, "-e", "confirm=App01")
    assert refused.returncode == 2
    assert "Type -e 'confirm=\"hv-b 2\"' to go on" in refused.stdout
    checked = player.run(name, *given, "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert player.sent() == []
    done = player.run(name, *given, "-e", 'confirm="HV-B 2"', "-e", "wait=yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "to HV-B.corp.example, kerberos on port 80, every 300 s, copy over the network" in done.stdout
    assert sorted(player.sent()) == sorted(["Enable-VMReplication", "Start-VMInitialReplication"] * 2)
    again = player.run(name, *given, "-e", 'confirm="hv-b 2"', "-e", "wait=")
    assert "changed=0" in again.stdout.partition("RECAP")[2]
    assert player.sent() == []


NOT_MEANT = (
    "-e vms=App01 -e to_host=hv-b",
    "-e vms=App01 -e from_host=hv-x -e to_host=hv-b",
    "-e vms=App01 -e from_host=hyperv -e to_host=hv-b",
    "-e vms=App01 -e from_host=hv-a -e to_host=hv-x",
    "-e vms=App01 -e from_host=hv-a -e to_host=hv-b --limit hv-b",
    "-e from_host=hv-x",
)


@pytest.mark.parametrize("given", only(NOT_MEANT[3:5], NOT_MEANT))
def test_the_playbook_is_never_green_for_a_host_that_was_not_meant(player: Player, given: str) -> None:
    assert player.run("hyperv.replica.enable_replication", *given.split()).returncode == 2
    assert player.sent() == []


def test_the_connection_alone(player: Player) -> None:
    given = ["-e", "from_host=hv-a", "-e", "to_host=hv-b", "-e", "authentication=kerberos"]
    good = player.run("hyperv.replica.test_connection", *given)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "hv-a reached HV-B.corp.example on port 80 (kerberos)" in good.stdout
    assert "It does not prove" in good.stdout
    player.lab.world.host("HV-B").server.listener_up = False
    bad = player.run("hyperv.replica.test_connection", *given)
    assert bad.returncode == 2
    assert "0x00002EFD" in bad.stdout
    assert player.sent() == []
