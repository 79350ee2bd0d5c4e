"""Planned failover through ansible-playbook where a host reads as the sources say that it may, other than usual."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.gate import only
from tests.integration.failover_play import Player

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=4, speed=60)

# Field of the lab's habits -> what App01 is like on HV-A and HV-B afterwards.
READINGS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a copy has to be started after a reverse": (
        {"reverse_state": "ReadyForInitialReplication"},
        ["Replica/Replicating Off", "Primary/Replicating Running"],
    ),
    "a reverse leaves replication suspended, so it is resumed": (
        {"reverse_state": "Suspended"},
        ["Replica/Replicating Off", "Primary/Replicating Running"],
    ),
    "a reverse wants a resynchronization": (
        {"reverse_state": "WaitingForStartResynchronize"},
        ["Replica/Replicating Off", "Primary/WaitingForStartResynchronize Running"],
    ),
    "states lag by a minute": (
        {"settle_seconds": 60.0},
        ["Replica/Replicating Off", "Primary/Replicating Running"],
    ),
}


@pytest.mark.parametrize(
    "name", only(set(READINGS) - {"a reverse leaves replication suspended, so it is resumed"}, READINGS)
)
def test_a_planned_failover_gets_there_and_stays(lab: Lab, tmp_path: Path, name: str) -> None:
    habits, wanted = READINGS[name]
    player = Player.of(lab, tmp_path)
    for field, value in habits.items():
        setattr(lab.world.habits, field, value)

    done = player.over("hv-b", "App01,App03")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [player.vm("hv-b", vm).state for vm in ("App01", "App03")] == ["Running", "Running"]
    lab.world.clock.advance(600)

    player.sent()
    again = player.over("hv-b", "App01,App03")
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout
    assert player.sent() == []
    assert player.states("App01") == player.states("App03") == wanted
    assert player.laws_broken() == []
