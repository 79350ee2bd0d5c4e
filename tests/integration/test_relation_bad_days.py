"""hyperv_vm_replication on bad days: what ended a replication is mended in the order that Windows needs, and what stays
open is said first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.relation_play import INFO, Player, let_replicate, rhythm
from tests.lab.world.certificate import Certificate, authority, issue

if TYPE_CHECKING:
    from tests.lab.lab import Lab

SERVER = {"names": ["App01"], "replica_server": "HV-B.corp.example"}
KERBEROS = {**SERVER, "authentication": "kerberos"}
TO_C = {"names": ["App01"], "replica_server": "HV-C.corp.example", "authentication": "kerberos", "other_server": "move"}

pytestmark = pytest.mark.lab(hosts=3, vms=9, speed=400)


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Iterator[Player]:
    """A player for a lab whose hosts take replicas of each other."""
    let_replicate(lab)
    yield Player.of(lab, tmp_path)
    assert not lab.world.recorder.violations


def certified(player: Player, *days: float) -> list[Certificate]:
    """Certificates of HV-A with one authority, issued a day ago for so many days; HV-B has one too."""
    now, ca = player.lab.world.clock.now(), authority("Lab CA")
    for host in player.lab.world.hosts.values():
        host.certificates = [issue(host.fqdn, ca), ca.certificate]
        host.server.thumbprint = host.certificates[0].thumbprint
    own = player.lab.world.host("HV-A")
    mine = [issue(own.fqdn, ca, not_before=now - timedelta(days=1), days=many) for many in days]
    own.certificates = [*mine, ca.certificate]
    return mine


def test_a_certificate_that_ran_out_is_replaced_before_the_resume(player: Player) -> None:
    old, new = certified(player, 2, 700)
    with_old = {**SERVER, "authentication": "certificate", "certificate_thumbprint": old.thumbprint, "wait": True}
    player.module(with_old)
    player.lab.world.clock.advance(2 * 86400)
    by_auto = {**SERVER, "authentication": "certificate", "certificate_thumbprint": "auto"}
    left = player.module(by_auto)
    assert (left["changed"], left["vms"][0]["state"]) == (False, "Error")
    assert f"certificate_thumbprint is {old.thumbprint}, not {new.thumbprint}" in left["warnings"][0]
    assert "recover: resume sends what the connection needs first" in left["warnings"][0]
    refused = player.module({"names": ["App01"], "recover": "resume"})
    assert refused["failed"]
    assert "0x00002F8F" in refused["msg"]
    [done] = rhythm(player, {**by_auto, "recover": "resume"})
    assert [action["cmdlet"] for action in done["actions"]] == ["Set-VMReplication", "Resume-VMReplication"]
    assert done["vms"][0]["state"] == "Replicating"


def test_another_port_of_the_replica_server_is_set_before_the_resume(player: Player) -> None:
    player.module({**KERBEROS, "wait": True})
    host = player.lab.world.host("HV-B")
    host.server.kerberos_port = 8080
    for rule in host.firewall.rules:
        rule.local_ports = ("Any",)
    player.lab.world.clock.advance(3600)
    left = player.module({**KERBEROS, "replica_port": 8080, "frequency": 900})
    assert "replica_port is 80, not 8080; frequency is 300, not 900" in left["warnings"][0]
    [done] = rhythm(player, {**KERBEROS, "replica_port": 8080, "frequency": 900, "recover": "resume"})
    sent = [action["cmdlet"] for action in done["actions"]]
    assert sent == ["Set-VMReplication", "Resume-VMReplication", "Set-VMReplication"]
    assert done["actions"][0]["parameters"] == {"ReplicaServerPort": 8080, "Confirm": False}


def test_the_time_out_of_a_wait_names_vm_host_state_and_progress(player: Player) -> None:
    player.vm("HV-A", "App01").send_bytes_per_second = 1000
    player.module(KERBEROS)
    late = player.module({**KERBEROS, "wait": True, "wait_timeout": 0.2})
    assert late["failed"]
    assert late["actions"] == []
    for words in ("hv-a: App01: an initial copy with ", " to go is not over", "state InitialReplicationInProgress"):
        assert words in late["msg"]


def test_resume_is_not_the_word_where_a_resynchronization_is_wanted(player: Player) -> None:
    player.module({**KERBEROS, "wait": True})
    with player.lab.world.lock:
        player.vm("HV-A", "App01").relation.state = "WaitingForStartResynchronize"
    player.sent()
    for check in (True, False):
        refused = player.module({"names": ["App01"], "recover": "resume", "check_mode": check})
        assert refused["failed"]
        assert "recover: resynchronize" in refused["msg"]
    assert player.sent() == []


def test_a_resynchronization_that_runs_is_cancelled(player: Player) -> None:
    player.module({**KERBEROS, "wait": True})
    player.vm("HV-A", "App01").send_bytes_per_second = 1000
    cancel = {"names": ["App01"], "acts": ["cancel_resynchronization"]}
    refused = player.module(cancel)
    assert "no resynchronization runs: its state is Replicating" in refused["msg"]
    player.module({"names": ["App01"], "acts": ["resynchronize_now"]})
    foreseen, done, again = player.tasks("hv-a", [{**cancel, "check_mode": True}, cancel, cancel])
    assert [action["cmdlet"] for action in foreseen["actions"]] == ["Stop-VMReplication"]
    assert [action["cmdlet"] for action in done["actions"]] == ["Stop-VMReplication"]
    assert foreseen["vms"][0]["state"] == done["vms"][0]["state"] == "WaitingForStartResynchronize"
    assert (again["changed"], again["actions"]) == (False, [])


def moving(player: Player) -> dict[str, Any]:
    """App01 replicates to HV-B; the options that move it to HV-C."""
    player.module({**KERBEROS, "wait": True})
    server = player.module({"module": INFO, "gather": ["server"]}, "hv-c")["server"]
    return {**TO_C, "partner": [], "partner_server": server}


def test_a_move_whose_enable_fails_says_unprotected_first_and_the_next_run_protects(player: Player) -> None:
    to_c = moving(player)
    player.lab.world.faults.add("refuse", host="HV-A", cmdlet="Enable-VMReplication", message="no room there")
    failed = player.module(to_c)
    assert failed["failed"]
    assert failed["msg"].startswith("UNPROTECTED: App01 on HV-A.corp.example: its replication to HV-B.corp.example has")
    for words in (
        "the old replica on HV-B.corp.example",
        "HV-C.corp.example",
        "no room there",
        "run the same task again",
    ):
        assert words in failed["msg"]
    assert failed["failures"][0]["msg"].startswith("UNPROTECTED")
    again = player.module(to_c)
    assert not again.get("failed"), again["msg"]
    assert again["vms"][0]["replica_server"] == "HV-C.corp.example"


@pytest.mark.parametrize("cmdlet", ["Remove-VMReplication", "Enable-VMReplication"])
def test_a_move_that_loses_the_connection_says_unprotected_first(player: Player, cmdlet: str) -> None:
    to_c = moving(player)
    player.lab.world.faults.add("drop_after", host="HV-A", cmdlet=cmdlet)
    lost = player.module(to_c)
    assert lost["unreachable"]
    assert lost["msg"].startswith("UNPROTECTED: App01 on HV-A.corp.example")
    again = player.module(to_c)
    assert again["vms"][0]["replica_server"] == "HV-C.corp.example"


def test_a_move_whose_old_protection_stays_says_nothing_of_the_kind(player: Player) -> None:
    to_c = moving(player)
    player.lab.world.faults.add("refuse", host="HV-A", cmdlet="Remove-VMReplication", message="not now")
    failed = player.module(to_c)
    assert failed["failed"]
    assert "UNPROTECTED" not in failed["msg"]
    assert "not now" in failed["msg"]


def test_a_move_away_from_a_server_that_is_gone_needs_no_resume(player: Player) -> None:
    to_c = moving(player)
    player.lab.world.power_off("HV-B")
    player.lab.world.clock.advance(7200)
    [done] = rhythm(player, to_c)
    assert [action["cmdlet"] for action in done["actions"]][:2] == ["Remove-VMReplication", "Enable-VMReplication"]


def test_the_role_says_unprotected_first(player: Player) -> None:
    player.module({**KERBEROS, "wait": True})
    policy = {
        "vms": ["App01"],
        "replica_host": "hv-c",
        "authentication": "kerberos",
        "other_server": "move",
        "frequency": 300,
    }
    play = {
        "hosts": "hv-a",
        "gather_facts": False,
        "roles": ["hyperv.replica.vm_replication"],
        "vars": {
            "vm_replication_policies": [{**policy, "vms": ["App99"]}, policy],
            "vm_replication_poll_interval": 0.05,
        },
    }
    path = player.folder / "role.yml"
    path.write_text(yaml.safe_dump([play]), encoding="utf-8")
    player.lab.world.faults.add("refuse", host="HV-A", cmdlet="Enable-VMReplication", message="no room there")
    ran = player.run(str(path), "--limit", "hv-a,hv-c")
    assert ran.returncode == 2
    report = ran.stdout.partition("Report the failures]")[2]
    assert "UNPROTECTED: App01 on HV-A.corp.example" in report
    assert report.index("UNPROTECTED") < report.index("App99")
