"""hyperv_replica_server on bad days: connections lost at every change, reads that fail, endpoints that are narrow. The
same task again finishes the job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.gate import only
from tests.integration.server_play import CHECK, Player, rhythm

if TYPE_CHECKING:
    from tests.lab.lab import Lab

WISHES: dict[str, Any] = {
    "state": "enabled",
    "authentication": "kerberos",
    "kerberos_port": 8080,
    "allowed_primaries": [{"name": "hv-a.corp.example"}],
    "default_storage": "C:\\Replica",
    "create_storage": True,
    "open_firewall": True,
}
STEPS = ("New-Item", "Set-VMReplicationServer", "New-VMReplicationAuthorizationEntry", "New-NetFirewallRule")
# Once at each change, and each kind of loss once at the call that matters most.
LOSSES = [
    *(("Set-VMReplicationServer", kind) for kind in ("drop_before", "drop_after", "drop_late")),
    ("New-Item", "drop_before"),
    ("New-VMReplicationAuthorizationEntry", "drop_late"),
    ("New-NetFirewallRule", "drop_after"),
]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for the lab of the test."""
    return Player(lab, tmp_path, lab.write_files(tmp_path / "lab"))


def _reached(player: Player) -> None:
    host = player.host("hv-b")
    assert (host.server.enabled, host.server.kerberos_port) == (True, 8080)
    assert [(one.name, one.storage) for one in host.server.entries] == [("hv-a.corp.example", "C:\\Replica")]
    assert host.firewall.admits(8080)


ALWAYS = ("Set-VMReplicationServer drop_after", "New-VMReplicationAuthorizationEntry drop_late")


@pytest.mark.parametrize("lost", only(ALWAYS, LOSSES, " ".join))
def test_a_connection_lost_at_a_change_is_unreachable_and_the_next_run_finishes(
    player: Player, lost: tuple[str, str]
) -> None:
    cmdlet, kind = lost
    rule = player.lab.world.faults.add(kind, host="HV-B", cmdlet=cmdlet)
    lost = player.module("hv-b", WISHES)
    assert rule.struck == 1
    assert lost["unreachable"]
    assert lost["actions"][-1]["cmdlet"] == cmdlet
    assert lost["actions"][-1]["sent"] is None
    assert "Run the same task again" in lost["msg"]
    done = player.module("hv-b", WISHES)
    assert not done.get("failed"), done["msg"]
    _reached(player)
    player.sent()
    again = player.module("hv-b", WISHES)
    assert not again["changed"]
    assert player.sent() == []


@pytest.mark.parametrize("cmdlet", only(["Set-VMReplicationServer"], STEPS))
def test_a_refusal_by_windows_is_told_and_nothing_later_is_sent(player: Player, cmdlet: str) -> None:
    player.lab.world.faults.add(
        "refuse",
        host="HV-B",
        cmdlet=cmdlet,
        nth=0,
        id="AccessDenied",
        category="PermissionDenied",
        message="No rights.",
    )
    result = player.module("hv-b", {**WISHES, "settle_timeout": 0.2})
    assert result["failed"]
    assert "No rights." in result["msg"]
    assert "AccessDenied" in result["msg"]
    assert [action["cmdlet"] for action in result["actions"]] == list(STEPS[: STEPS.index(cmdlet) + 1])


READS = {
    "Get-VMReplicationServer": {},
    "Get-VMHost": {},
    "Get-VMReplicationAuthorizationEntry": {},
    "Get-VMReplication": {"state": "disabled"},
    "Get-ChildItem": {"report": ["certificates"]},
    "Get-NetFirewallRule": {"report": ["firewall"]},
    "Get-NetFirewallPortFilter": {"report": ["firewall"]},
    "Test-Path": {"admit": "any_server", "default_storage": "C:\\Replica"},
}


@pytest.mark.parametrize("cmdlet", only(["Get-VMReplicationServer", "Get-NetFirewallRule"], READS))
def test_a_read_that_fails_is_a_failure_and_no_answer(player: Player, cmdlet: str) -> None:
    player.lab.world.faults.add("refuse", host="HV-B", cmdlet=cmdlet, nth=0, message="It is broken.")
    for arguments in ([], CHECK):
        result = player.module("hv-b", READS[cmdlet], *arguments)
        assert result["failed"]
        assert "It is broken." in result["msg"]
        assert result["actions"] == []
    assert player.sent() == []


def test_reads_that_the_task_does_not_need_are_not_made(player: Player) -> None:
    result = player.module("hv-b", {"monitoring_interval_hours": 24})
    assert not result.get("failed")
    asked = {call.cmdlet for call in player.lab.world.recorder.calls}
    assert not asked & {"Get-VMReplication", "Get-ChildItem", "Get-NetFirewallRule", "Test-Path"}
    assert (result["replicas"], result["certificates"], result["firewall"]) == (None, None, None)


def test_a_host_without_hyper_v_is_told(player: Player) -> None:
    host = player.host("hv-b")
    host.modules.remove("Hyper-V")
    result = player.module("hv-b", WISHES)
    assert result["failed"]
    assert "Install the Hyper-V role" in result["msg"]


def test_an_unchanged_run_is_one_pipeline(player: Player) -> None:
    player.module("hv-b", WISHES)
    before = player.lab.requests().get("Command", 0)
    result = player.module("hv-b", WISHES)
    assert not result["changed"]
    assert player.lab.requests()["Command"] == before + 1


def test_the_rhythm_on_a_constrained_endpoint(lab: Lab, tmp_path: Path) -> None:
    files = lab.write_files(tmp_path / "lab", configuration="Hyperv.Replica")
    player = Player(lab, tmp_path, files)
    rhythm(player, {**WISHES, "authentication": "both", "certificate_thumbprint": "auto"})
    _reached(player)
    rhythm(player, {"allowed_primaries": [], "unlisted": "purge"})


@pytest.mark.all_only
def test_the_rhythm_over_https_with_ntlm(lab: Lab, tmp_path: Path) -> None:
    player = Player(lab, tmp_path, lab.write_files(tmp_path / "lab", https=True, auth="ntlm"))
    rhythm(player, WISHES)
    _reached(player)
