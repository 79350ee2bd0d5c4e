"""Nightly enforcement on both hosts: after a planned failover and reverse the same playbook changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.relation_play import INFO, Player

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=6, speed=400)

FAILOVER = {"module": "hyperv.replica.hyperv_failover", "runs_on": "hv-b.corp.example"}
NIGHTLY: list[dict[str, Any]] = [
    {
        "hosts": "hv-a,hv-b",
        "gather_facts": False,
        "roles": ["hyperv.replica.replica_server", "hyperv.replica.vm_replication"],
        "vars": {
            "replica_server_authentication": "certificate",
            "replica_server_certificate_thumbprint": "auto",
            "replica_server_admit": "listed",
            "replica_server_partners": ["hv-a", "hv-b"],
            "replica_server_default_storage": "D:\\Replica",
            "replica_server_create_storage": True,
            "replica_server_open_firewall": True,
            "replica_server_poll_interval": 0.05,
            "vm_replication_poll_interval": 0.05,
            "vm_replication_policies": [
                {
                    "vms": ["App01", "App03"],
                    "between": ["hv-a", "hv-b"],
                    "first_primary": "hv-a",
                    "authentication": "certificate",
                    "certificate_thumbprint": "auto",
                    "frequency": 900,
                    "recovery_history": 4,
                    "app_consistent_hours": 2,
                    "compression": False,
                    "disks": "all",
                    "wait": True,
                }
            ],
        },
    }
]


def nightly(player: Player) -> list[str]:
    """Run the playbook; the state-changing cmdlets that it sent."""
    path = player.folder / "nightly.yml"
    path.write_text(yaml.safe_dump(NIGHTLY), encoding="utf-8")
    player.sent()
    ran = player.run(str(path))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    sent = player.sent()
    assert ("changed=0" in ran.stdout.partition("hv-b  ")[2]) is (sent == []), ran.stdout
    return sent


def ids(player: Player) -> list[str]:
    """The id of App01, whatever its name."""
    return [str(player.vm("HV-A", "App01").id)]


def records(player: Player, host: str) -> list[dict[str, Any]]:
    """What a host says of App01, as proof for the other."""
    vms: list[dict[str, Any]] = player.module({"module": INFO, "ids": ids(player)}, host)["vms"]
    return vms


def fail_over_and_reverse(player: Player) -> None:
    """App01 from HV-A to HV-B as planned, by the module, each side in its turn."""
    own = player.lab.world.host("HV-B").certificates[0].thumbprint
    steps: list[tuple[str, dict[str, Any]]] = [
        ("hv-a", {"state": "prepared", "shutdown": "clean"}),
        ("hv-b", {"state": "failed_over"}),
        ("hv-b", {"state": "reversed", "certificate_thumbprint": own, "start": True, "unconnected_adapters": "allow"}),
    ]
    for host, options in steps:
        proof = {"partner": records(player, "hv-a")} if host == "hv-b" else {}
        result = player.module({**FAILOVER, "ids": ids(player), **options, **proof}, host)
        assert not result.get("failed"), result["msg"]
    player.lab.world.clock.advance(3600)


@pytest.mark.parametrize("there", ["App01", "App01-dr"])
def test_after_a_failover_and_reverse_nothing_changes(lab: Lab, tmp_path: Path, there: str) -> None:
    player = Player.of(lab, tmp_path)
    assert nightly(player).count("Enable-VMReplication") == 2
    player.vm("HV-B", "App01").name = there
    assert nightly(player) == []
    settings = player.vm("HV-A", "App01").relation.settings
    fail_over_and_reverse(player)
    moved, kept = player.vm("HV-B", there), player.vm("HV-A", "App01")
    assert [(vm.mode, vm.relation.state) for vm in (moved, kept)] == [
        ("Primary", "Replicating"),
        ("Replica", "Replicating"),
    ]
    assert nightly(player) == []
    assert moved.relation.settings.frequency == settings.frequency == 900
    moved.relation.settings.frequency = 300  # what drifts is enforced where the primary is now, whatever its name there
    assert nightly(player) == ["Set-VMReplication"]
    assert moved.relation.settings.frequency == 900
    assert not lab.world.recorder.violations
