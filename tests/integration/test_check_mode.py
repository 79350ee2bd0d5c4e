"""Check mode lists what the real run sends, call by call and in that order, over several VMs whose plans differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.fleet import prepare
from tests.integration.relation_play import Player, let_replicate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=10, speed=400)

SERVER = {"replica_server": "HV-B.corp.example", "authentication": "kerberos"}
ALL = {"names": ["App01", "App03", "App05", "App07", "App09"]}


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab of two hosts that take replicas of each other."""
    let_replicate(lab)
    return Player.of(lab, tmp_path)


def foreseen_and_done(player: Player, options: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Run in check mode and for real; the actions of both are equal, and are what the lab was sent."""
    player.sent()
    foreseen, done = player.tasks("hv-a", [{**options, "check_mode": True}, options])
    assert not done.get("failed"), done["msg"]
    assert [{**action, "sent": True} for action in foreseen["actions"]] == done["actions"]
    actions = [(action["cmdlet"], action["vm"]) for action in done["actions"]]
    assert player.sent() == [cmdlet for cmdlet, _vm in actions]
    return actions


def test_vms_whose_replications_differ(player: Player) -> None:
    player.tasks(
        "hv-a",
        [
            {"names": ["App03", "App05"], **SERVER, "wait": True},
            {"names": ["App03"], "suspended": True},
            {"names": ["App07"], **SERVER, "initial_copy": "none"},
        ],
    )
    options = {**ALL, **SERVER, "frequency": 30, "recovery_history": 4, "suspended": False, "wait": True}
    actions = foreseen_and_done(player, options)
    assert actions[0] == ("Enable-VMReplication", "App01")
    assert ("Resume-VMReplication", "App03") in actions
    assert len({vm for _cmdlet, vm in actions}) == 5


@pytest.mark.lab(hosts=2, vms=10, speed=30)
def test_vms_in_different_power_states(lab: Lab, tmp_path: Path) -> None:
    """At a speed at which guests take their time to shut down."""
    prepare(lab)
    player = Player.of(lab, tmp_path)
    now = player.lab.world.clock.now()
    for number, name in enumerate(ALL["names"]):
        vm = player.vm("HV-A", name)
        with player.lab.world.lock:
            vm.turn("Off" if number % 2 else "Running", now)
            vm.guest = replace(vm.guest, shutdown_seconds=60.0)
    options = {
        **ALL,
        "module": "hyperv.replica.hyperv_failover",
        "state": "prepared",
        "runs_on": "HV-B.corp.example",
        "shutdown": "clean",
    }
    actions = foreseen_and_done(player, options)
    assert [cmdlet for cmdlet, _vm in actions] == ["Stop-VM"] * 3 + ["Start-VMFailover"] * 5


def test_a_server_with_folders_entries_and_firewall(player: Player) -> None:
    entry = {"trust_group": "blue", "storage": "D:\\New"}
    player.lab.world.host("HV-A").server.enabled = False
    options = {
        "module": "hyperv.replica.hyperv_replica_server",
        "state": "enabled",
        "authentication": "kerberos",
        "kerberos_port": 8080,
        "admit": "listed",
        "allowed_primaries": [{"name": f"{name}.corp.example", **entry} for name in ("hv-x", "hv-b")],
        "create_storage": True,
        "open_firewall": True,
    }
    actions = foreseen_and_done(player, options)
    assert len({cmdlet for cmdlet, _vm in actions}) > 2
