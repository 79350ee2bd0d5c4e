"""The planned failover through ansible-playbook against the lab: check, apply, repeat, fail back; and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.failover_play import Player

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=6, speed=60)

REPLICATING = ["Replica/Replicating Off", "Primary/Replicating Running"]
BEFORE = ["Primary/Replicating Running", "Replica/Replicating Off"]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B."""
    return Player.of(lab, tmp_path)


def test_there_and_back(player: Player) -> None:
    checked = player.over("hv-b", "App01,App03", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert player.sent() == []
    for cmdlet in ("Stop-VM:", "Start-VMFailover -Prepare:", "Start-VMFailover:", "Set-VMReplication -Reverse:"):
        assert cmdlet in checked.stdout, checked.stdout

    done = player.over("hv-b", "App01,App03")
    assert done.returncode == 0, done.stdout + done.stderr
    assert player.states("App01") == player.states("App03") == REPLICATING
    assert player.states("App05") == BEFORE
    assert sorted(player.sent()) == sorted(
        2
        * [
            "hv-a Stop-VM",
            "hv-a Start-VMFailover",
            "hv-b Start-VMFailover",
            "hv-b Set-VMReplication",
            "hv-b Start-VM",
        ]
    )

    again = player.over("hv-b", "App01,App03")
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout
    assert player.sent() == []

    back = player.over("hv-a", "App01,App03")
    assert back.returncode == 0, back.stdout
    assert player.states("App01") == player.states("App03") == BEFORE
    assert player.laws_broken() == []
