"""Scenes, and the watch on the first law in them: over all hosts, and over every copy of an id, whatever its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.bench.fleet import prepare
from tests.integration.failover_play import Player
from tests.lab import control, scenes
from tests.lab.lab import Lab
from tests.lab.world.clock import Clock
from tests.lab.world.world import World
from tests.sweep.stage import NAMES, RUNS, STANDS, A, B, C, Stage
from tests.unit.lab.world.hands import START

REPLICATES = ("Primary", "Replicating"), ("Replica", "Replicating")


def stage(hosts: int = 2, *, apart: bool = False) -> Stage:
    """A stage without listeners, whose time leaps."""
    world = World.build(hosts, 4 if hosts == 2 else 6, clock=Clock(speed=0, start=START, leap=True))
    return Stage(cast("Lab", SimpleNamespace(world=world)), apart=apart)


def sides(on: Stage, host: str, name: str = RUNS) -> tuple[str, str]:
    return on.sides(host)[name][:2]


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(
    "begin",
    [
        Stage.protected,
        Stage.with_two_disks,
        Stage.prepared,
        Stage.failed_over,
        Stage.reversed,
        Stage.running_after_disaster,
        Stage.primary_back,
        Stage.old_copy_saved,
        Stage.testing,
    ],
)
def test_two_sides_may_have_different_names(begin: Callable[[Stage], None], apart: bool) -> None:
    on = stage(apart=apart)
    begin(on)
    assert [on.called(A, name) for name in NAMES] == NAMES
    assert [on.called(B, name) for name in NAMES] == [f"{name}-dr-b" if apart else name for name in NAMES]
    assert {on.vm(A, name).id for name in NAMES} == {on.vm(B, name).id for name in NAMES}
    assert on.world.recorder.violations == []


def test_two_live_copies_of_different_names_break_the_law() -> None:
    on = stage(apart=True)
    on.both_run()
    (broken,) = on.world.recorder.violations
    assert (broken.vm_id, broken.hosts) == (on.ids[RUNS], ("HV-A", "HV-B"))


@pytest.mark.parametrize("apart", [False, True])
def test_a_chain(apart: bool) -> None:
    on = stage(3, apart=apart)
    on.chain()
    assert [sides(on, host) for host in (A, B, C)] == [*REPLICATES, ("ExtendedReplica", "Replicating")]
    leg = on.vm(B, RUNS).leg
    assert leg is not None
    assert leg.state == "Replicating"
    assert (on.called(C, RUNS) == RUNS) is not apart


def test_a_chain_that_was_failed_over_to_its_third_site() -> None:
    on = stage(3)
    on.chain_at_third_site()
    assert on.sides(C) == {
        RUNS: ("ExtendedReplica", "FailedOverWaitingCompletion", "Running"),
        STANDS: ("ExtendedReplica", "FailedOverWaitingCompletion", "Off"),
    }
    assert [on.world.host(host).powered for host in (A, B, C)] == [False, False, True]
    assert on.world.recorder.violations == []


@pytest.mark.parametrize(("begin", "back"), [(Stage.chain_second_site_back, B), (Stage.chain_first_site_back, A)])
def test_the_other_sites_of_a_chain_come_back_and_the_law_is_watched_there(
    begin: Callable[[Stage], None], back: str
) -> None:
    on = stage(3, apart=True)
    begin(on)
    assert on.world.recorder.violations == []
    if back == B:
        on.cmdlet(B, "Start-VMFailover", RUNS)
    on.cmdlet(back, "Start-VM", RUNS)
    (broken,) = on.world.recorder.violations
    assert broken.hosts == tuple(sorted((back.upper(), "HV-C")))


@pytest.mark.parametrize("state", ["Off", "Running"])
def test_a_stranger_has_a_copy_of_the_same_id(state: str) -> None:
    on = stage(3)
    on.stranger(state)
    vm = on.vm(C, RUNS)
    assert (vm.mode, vm.relation, vm.state) == ("None", None, state)
    assert [disk.path for disk in vm.disks] != [disk.path for disk in on.vm(A, RUNS).disks]
    assert len(on.world.recorder.violations) == (state == "Running"), "it runs on HV-A"
    if state == "Off":
        on.cmdlet(C, "Start-VM", RUNS)
        assert on.world.recorder.violations[0].hosts == ("HV-A", "HV-C")


def test_a_stranger_runs_and_a_replica_is_started_beside_it() -> None:
    on = stage(3)
    on.stranger_runs()
    assert on.world.recorder.violations == []
    on.cmdlet(B, "Start-VMFailover", RUNS)
    on.cmdlet(B, "Start-VM", RUNS)
    assert on.world.recorder.violations[0].hosts == ("HV-B", "HV-C")


def test_a_namesake_and_a_test_vm_are_other_vms() -> None:
    on = stage()
    on.namesakes()
    same = [vm for vm in on.world.host(B).vms.values() if vm.name == RUNS]
    assert len({vm.id for vm in same}) == 2
    for vm in same:
        if vm.mode == "None":
            vm.turn("Running", on.world.clock.now())
    on.cmdlet(B, "Start-VMFailover", RUNS, AsTest=True)
    on.cmdlet(B, "Start-VM", f"{RUNS} - Test")
    alive = [vm.name for host in on.world.hosts.values() for vm in host.vms.values() if vm.alive and RUNS in vm.name]
    assert sorted(alive) == [RUNS, RUNS, f"{RUNS} - Test"]
    assert on.world.recorder.violations == []


def test_a_copy_is_not_restored_where_one_is() -> None:
    on = stage()
    on.protected()
    with pytest.raises(ValueError, match="already"):
        scenes.restore(on.world, on.ids[RUNS], B)


@pytest.mark.lab(vms=4)
def test_the_fleet_may_be_named_apart(lab: Lab) -> None:
    prepare(lab, apart=True)
    there = lab.world.host("hv-b").vms
    assert {there[vm.id].name for vm in lab.world.host("hv-a").vms.values()} == {"App01-dr", "App03-dr"}


@pytest.mark.lab(hosts=3, vms=6)
def test_a_player_finds_a_vm_by_its_name_on_either_side(lab: Lab, tmp_path: Path) -> None:
    player = Player.of(lab, tmp_path, apart=True)
    for name in ("App01", "App01-dr"):
        assert [player.vm(host, name).name for host in ("hv-a", "hv-b")] == ["App01", "App01-dr"]
        assert player.states(name) == ["Primary/Replicating Running", "Replica/Replicating Off"]
    player.extend("App01")
    player.restore("App04", "hv-c")
    assert player.vm("hv-c", "App01").mode == "ExtendedReplica"
    assert player.vm("hv-c", "App04").mode == "None"
    player.rename("hv-c", "App01", "Third")
    assert player.vm("hv-a", "Third").name == "App01"


@pytest.mark.lab(hosts=3, vms=3)
def test_scenes_by_the_remote_control(lab: Lab, tmp_path: Path) -> None:
    lab.write_files(tmp_path)
    served = control.Control(lab, tmp_path)
    try:
        control.ask(tmp_path, "restore", "App01", "hv-c")
        control.ask(tmp_path, "namesake", "App01", "hv-b", "Running")
        control.ask(tmp_path, "rename", "App01", "hv-c", "Old App01")
        found: list[dict[str, Any]] = control.ask(tmp_path, "vms")
        assert len([one for one in found if one["vm"] == "App01"]) == 2
        assert {one["host"] for one in found if one["id"] == str(lab.world.vm("hv-a", "App01").id)} == {"HV-A", "HV-C"}
        assert control.ask(tmp_path, "violations") == []
    finally:
        served.close()
