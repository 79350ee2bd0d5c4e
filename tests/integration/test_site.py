"""A site in one run: each VM goes to the host of the group that has its replica."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.failover_play import Player
from tests.lab import scenes
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=4, vms=8, speed=60)
PAIRS = (("hv-a", "hv-b"), ("hv-c", "hv-d"))


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    world = lab.world
    scenes.make_servers(world)
    scenes.protect(world, list(world.host("HV-C").vms), "HV-C", "HV-D", RecoveryHistory=4)
    return Player.of(lab, tmp_path)


def primaries(player: Player) -> dict[str, tuple[str, str]]:
    """The VMs that are to move, with the host that they leave and the one that has their replica."""
    world = player.lab.world
    return {vm.name: pair for pair in PAIRS for vm in world.host(pair[0]).vms.values()}


def where(player: Player) -> set[tuple[str, ...]]:
    return {tuple(player.states(name, pair)) for name, pair in primaries(player).items()}


MOVED = {("Replica/Replicating Off", "Primary/Replicating Running")}
BACK = {("Primary/Replicating Running", "Replica/Replicating Off")}


def test_all_of_a_site_there_and_back(player: Player) -> None:
    names = primaries(player)
    own = {vm.name for host in ("HV-B", "HV-D") for vm in player.lab.world.host(host).vms.values()} - set(names)
    over = {"failover_to": "site_south", "vms": "all", "confirm": f"site_south {len(names)}"}
    planned = player.play("planned_failover", "--check", **over)
    assert planned.returncode == 0, planned.stdout
    assert player.sent() == []
    run = player.play("planned_failover", **over)
    assert run.returncode == 0, run.stdout
    assert where(player) == MOVED
    touched = {name for _unused, name in player.steps()}
    assert touched == set(names)
    assert not touched & own
    again = player.play("planned_failover", **{**over, "vms": ",".join(names)})
    assert again.returncode == 0, again.stdout
    player.sent()
    nothing = player.play("planned_failover", **over)
    assert nothing.returncode == 0, nothing.stdout
    assert "No VM has its replica on site_south: nothing to do." in nothing.stdout
    assert player.sent() == []
    home = player.play(
        "planned_failover", **{**over, "failover_to": "site_north", "confirm": f"site_north {len(names)}"}
    )
    assert home.returncode == 0, home.stdout
    assert where(player) == BACK
    assert player.laws_broken() == []


@pytest.mark.parametrize("run_once", ["true", "false"])
def test_the_module_runs_once_in_a_play_of_many_hosts(player: Player, run_once: str) -> None:
    """Whoever of them is chosen: with run_once Ansible takes the first host of the play, which is not the target."""
    play = player.folder / "play.yml"
    play.write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - hyperv.replica.hyperv_recovery:\n"
        "        {operation: planned_failover, to: hv-b, vms: [App01], poll_interval: 0.05}\n"
        f"      run_once: {run_once}\n",
        encoding="utf-8",
    )
    done = player.play_file(play)
    assert done.returncode == 0, done.stdout
    assert player.states("App01") == ["Replica/Replicating Off", "Primary/Replicating Running"]
    assert player.names("Start-VM") == ["App01"]


def test_groups_across_hosts(player: Player) -> None:
    names = primaries(player)
    first = [name for name, pair in names.items() if pair[0] == "hv-a"]
    second = [name for name in names if name not in first]
    groups = f'[{{"name": "first", "vms": {first}}}, {{"name": "second", "vms": {second}}}]'.replace("'", '"')
    run = player.play(
        "planned_failover",
        "-e",
        f'{{"groups_of_vms": {groups}}}',
        failover_to="site_south",
        confirm=f"site_south {len(names)}",
    )
    assert run.returncode == 0, run.stdout
    assert where(player) == MOVED
    starts = [name for name in player.names("Start-VM") if name in names]
    assert starts[: len(first)] == sorted(starts[: len(first)], key=first.index)
    assert set(starts[: len(first)]) == set(first)
    stops = [name for name in player.names("Stop-VM") if name in names]
    assert set(stops[: len(second)]) == set(second)


def test_a_silent_host_of_the_other_site_concerns_its_vms_only(player: Player) -> None:
    names = primaries(player)
    player.cut("hv-c", "control")
    over = {"failover_to": "site_south", "vms": ",".join(names), "confirm": f"site_south {len(names)}"}
    refused = player.play("planned_failover", **over)
    assert refused.returncode != 0
    assert player.sent() == []
    for name, (source, _unused) in names.items():
        assert (f"{name}: REFUSED" in refused.stdout) == (source == "hv-c")
    skipped = player.play("planned_failover", on_refusal="skip", **over)
    assert skipped.returncode != 0
    for name, pair in names.items():
        assert tuple(player.states(name, pair)) in (MOVED if pair[0] == "hv-a" else BACK), name


def test_a_disaster_of_one_host_of_a_site(player: Player) -> None:
    names = primaries(player)
    player.off("hv-c")
    player.lab.world.clock.advance(600)
    over = {"failover_to": "site_south", "vms": ",".join(names), "confirm": f"site_south {len(names)}"}
    run = player.play("unplanned_failover", reason="primary_is_dead", receive_check="1", on_refusal="skip", **over)
    assert run.returncode != 0
    for name, pair in names.items():
        refused = f"{name}: REFUSED" in run.stdout
        assert refused == (pair[0] == "hv-a"), run.stdout
        if not refused:
            assert player.states(name, pair)[1] == "Replica/FailedOverWaitingCompletion Running"
    assert player.laws_broken() == []


def test_a_silent_host_of_the_target_is_told(player: Player) -> None:
    player.cut("hv-d", "control")
    over = {"failover_to": "site_south", "vms": "all", "confirm": "site_south 2"}
    refused = player.play("planned_failover", **over)
    assert refused.returncode != 0
    assert "To go on without: -e accept=hv-d" in refused.stdout
    assert player.sent() == []
    run = player.play("planned_failover", accept="hv-d", **over)
    assert run.returncode == 0, run.stdout
