"""Replication to and from a cluster, through ansible-playbook: HV-A alone, HV-B and HV-C the nodes of CL-1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.integration.relation_play import Player, let_replicate, rhythm
from tests.lab.world import certificate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(preset="cluster", vms=9, speed=400)

BROKER = "CL-1-BROKER.corp.example"


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose host and cluster take replicas of each other."""
    let_replicate(lab)
    return Player.of(lab, tmp_path)


def test_to_a_broker(player: Player) -> None:
    [done] = rhythm(
        player, {"names": ["App01", "App04"], "replica_server": BROKER, "authentication": "kerberos", "wait": True}
    )
    assert {vm["replica_server"] for vm in done["vms"]} == {BROKER}
    node = player.module({"names": ["App07"], "replica_server": "hv-b.corp.example", "authentication": "kerberos"})
    assert node["failed"], "a node does not stand for its cluster"
    assert player.vm("HV-A", "App07").relation is None


def test_from_a_cluster(player: Player) -> None:
    to_a = {"names": ["App02"], "replica_server": "HV-A.corp.example"}
    [done] = rhythm(
        player, {**to_a, "authentication": "certificate", "certificate_thumbprint": "auto", "wait": True}, host="hv-b"
    )
    shared = player.lab.world.host("HV-B").certificates[0].thumbprint
    assert done["vms"][0]["certificate_thumbprint"] == shared
    elsewhere = player.module({"names": ["App03"], "replica_server": "HV-A.corp.example"}, "hv-b")
    assert elsewhere["option"] == "names"
    assert "its cluster runs it on HV-C" in elsewhere["msg"]


@pytest.mark.parametrize("state, words", [(None, "has no Hyper-V Replica Broker"), ("Failed", "is Failed. Start it")])
def test_from_a_cluster_whose_broker_does_not_work_nothing_is_sent(
    player: Player, state: str | None, words: str
) -> None:
    cluster = player.lab.world.host("HV-B").cluster
    assert cluster
    assert cluster.broker
    if state is None:
        cluster.broker = None
    else:
        cluster.broker.state = state
    options = {"names": ["App02"], "replica_server": "HV-A.corp.example", "authentication": "kerberos"}
    for check_mode in (True, False):
        refused = player.module({**options, "check_mode": check_mode}, "hv-b")
        assert refused["failed"]
        assert words in refused["msg"]
    assert player.sent() == []


def test_a_certificate_that_names_the_node_only_is_not_chosen(player: Player) -> None:
    host = player.lab.world.host("HV-B")
    root = certificate.authority("Lab Root CA")
    host.certificates[:] = [certificate.issue(host.fqdn, root)]
    options = {"names": ["App02"], "replica_server": "HV-A.corp.example", "authentication": "certificate"}
    refused = player.module({**options, "certificate_thumbprint": "auto"}, "hv-b")
    assert refused["failed"]
    assert f"it does not name {BROKER}" in refused["msg"]
    assert player.sent() == []


def test_the_role_names_the_broker(player: Player) -> None:
    play = {
        "hosts": "hv-a,hv-b",
        "gather_facts": False,
        "roles": [{"role": "hyperv.replica.vm_replication"}],
        "vars": {
            "vm_replication_poll_interval": 0.05,
            "vm_replication_policies": [
                {"vms": ["App01"], "between": ["hv-a", "hv-b"], "first_primary": "hv-a", "authentication": "kerberos"},
                {"vms": ["App02"], "between": ["hv-a", "hv-b"], "first_primary": "hv-b", "authentication": "kerberos"},
            ],
        },
    }
    path = player.folder / "role.yml"
    path.write_text(yaml.safe_dump([play]), encoding="utf-8")
    for expected in (["Enable-VMReplication", "Start-VMInitialReplication"] * 2, []):
        ran = player.run(str(path))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert sorted(player.sent()) == sorted(expected)
    assert player.vm("HV-A", "App01").relation.replica_server.casefold() == BROKER.casefold()
    assert player.vm("HV-B", "App02").relation.replica_server.casefold() == "hv-a.corp.example"
