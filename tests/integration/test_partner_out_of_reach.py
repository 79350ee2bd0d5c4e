"""A partner that cannot be contacted counts as not read: the run ends with its plan or report, and no exception."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.failover_play import Player
from tests.lab.engine import framing, psrp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=4, speed=60)

CREDSSP = {"ansible_psrp_auth": "credssp", "ansible_psrp_message_encryption": "auto"}
WINRM = {"ansible_connection": "winrm", "ansible_winrm_transport": "ntlm"}
BECOME = {"ansible_become": True, "ansible_become_method": "ansible.builtin.runas", "ansible_become_user": "x"}
ODD = '<Obj RefId="0"><MS><I32 N="A">x300</I32></MS></Obj>'

PARTNERS = [
    pytest.param(
        CREDSSP,
        "python -m pip install 'pypsrp[credssp]'",
        id="credssp without its library",
        marks=pytest.mark.skipif(find_spec("requests_credssp") is not None, reason="the library is there"),
    ),
    pytest.param(WINRM, "ansible_psrp_auth: ntlm", id="winrm"),
    pytest.param(BECOME, "become is not possible with this module", id="become for one host"),
]


@pytest.mark.parametrize("variables, said", PARTNERS)
def test_a_planned_failover_ends_with_its_plan(lab: Lab, tmp_path: Path, variables: dict[str, Any], said: str) -> None:
    """The primary is not read, so nothing is done, and the cause is told."""
    player = Player.of(lab, tmp_path, host_vars={"hv-a": variables})
    run = player.over("hv-b", "App01")
    assert run.returncode != 0
    assert player.sent() == []
    assert "Unexpected failure" not in run.stdout
    assert "Traceback" not in run.stdout + run.stderr
    assert "App01" in run.stdout
    assert "the primary could not be read" in run.stdout or said in run.stdout


@pytest.mark.skipif(find_spec("requests_credssp") is not None, reason="the library is there")
def test_a_dead_primary_whose_library_is_missing_stands_in_nobodys_way(lab: Lab, tmp_path: Path) -> None:
    """Nothing was asked of it, so nothing can have answered: that is no sign of life."""
    player = Player.of(lab, tmp_path, host_vars={"hv-a": CREDSSP})
    player.off("hv-a")
    lab.world.clock.advance(900)
    run = player.play(
        "unplanned_failover", reason="primary_is_dead", receive_check="1", **player.confirmed("hv-b", "App01")
    )
    assert "its host answers" not in run.stdout
    assert "Unexpected failure" not in run.stdout
    assert player.laws_broken() == []


def test_a_primary_that_answers_what_cannot_be_read_is_alive(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its replication is down and its answers are broken, and it runs the VM: it is not dead."""
    player = Player.of(lab, tmp_path)
    player.cut("hv-a", "hv-b")
    lab.world.clock.advance(900)
    ordinary = psrp.Pipeline.output

    def output(self: psrp.Pipeline, value: Any) -> None:
        if self.session.host.name == "HV-A":
            self._send(framing.PIPELINE_OUTPUT, ODD)
        else:
            ordinary(self, value)

    monkeypatch.setattr(psrp.Pipeline, "output", output)
    run = player.play(
        "unplanned_failover", reason="primary_is_dead", receive_check="1", **player.confirmed("hv-b", "App01")
    )
    assert run.returncode != 0
    assert player.sent() == []
    assert "Unexpected failure" not in run.stdout
    assert "'x300' is not a number of type I32" in run.stdout
