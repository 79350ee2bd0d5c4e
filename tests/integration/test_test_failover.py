"""The playbooks test_failover and cleanup_test_failover against the lab: isolated, proved, checked, and gone again."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.gate import only
from tests.integration.failover_play import Player
from tests.integration.printed_plan import printed
from tests.lab.world.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=6, speed=60)

ROOT = Path(__file__).resolve().parents[2]
STAYS = ["Primary/Replicating Running", "Replica/Replicating Off"]
ISOLATED = "Test isolated"
WHOLE_TEST = ["hv-b Set-VMNetworkAdapter", "hv-b Start-VMFailover", "hv-b Start-VM", "hv-b Stop-VMFailover"]
Run = subprocess.CompletedProcess[str]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B, where they are connected already."""
    found = Player.of(lab, tmp_path)
    for vm in lab.world.host("HV-B").vms.values():
        for adapter in vm.adapters:
            adapter.switch = "Production"
    return found


def play(player: Player, vms: str = "App01", *arguments: str, **variables: str) -> Run:
    return player.play("test_failover", *arguments, **{"test_on": "hv-b", "vms": vms, **variables})


def cleanup(player: Player, vms: str = "App01", *arguments: str) -> Run:
    return player.play("cleanup_test_failover", *arguments, test_on="hv-b", vms=vms)


def flat(run: Run) -> str:
    return " ".join((run.stdout + run.stderr).split())


def vms_under_test(player: Player, *names: str) -> list[str]:
    """Power of the test VMs that are there."""
    found = [player.vm("hv-b", name).test_vm for name in names]
    return [test.state for test in found if test is not None]


def planned(run: Run) -> list[str]:
    """Host and cmdlet of the plan's lines."""
    return [f"{line.host} {line.cmdlet}" for line in printed(run.stdout)]


def checks(player: Player, *tasks: object) -> str:
    path = player.folder / "checks.yml"
    path.write_text(yaml.safe_dump(list(tasks)), encoding="utf-8")
    return path.name  # relative to where ansible is started, whatever PWD says


def test_the_whole_of_it(player: Player) -> None:
    looks = {"ansible.builtin.assert": {"that": ["test_failover_vm.test_name == test_failover_vm.name ~ ' - Test'"]}}
    record = player.folder / "test.log"
    done = play(player, "App01,App03", test_switch=ISOLATED, checks=checks(player, looks), record=str(record))
    assert done.returncode == 0, done.stdout
    begun, ended = record.read_text(encoding="utf-8").split("recorded in ")[1:]
    assert "App01, App03  starting" in begun, begun
    assert "ending its test VM" in ended, "the task that ends the test adds to it"
    assert player.sent() == [step for step in WHOLE_TEST for _unused in range(2)]
    assert vms_under_test(player, "App01", "App03") == []
    assert [player.states(vm) for vm in ("App01", "App03")] == [STAYS, STAYS]
    assert re.search(
        r"ok: +App01: came up in \d+ s from the latest data; its test VM is gone; last tested: 2", done.stdout
    )
    assert "recovery points: " in done.stdout
    assert player.vm("hv-b", "App01").adapters[0].test_switch == ISOLATED
    assert player.laws_broken() == []


def test_check_mode_shows_what_is_sent_then(player: Player) -> None:
    foreseen = play(player, "App01", "--check", test_switch=ISOLATED)
    assert foreseen.returncode == 0, foreseen.stdout
    assert player.sent() == []
    done = play(player, test_switch=ISOLATED)
    assert planned(foreseen) == planned(done)
    assert player.sent() == planned(foreseen) == WHOLE_TEST


def test_ended_when_a_check_fails(player: Player) -> None:
    fails = {
        "name": "Is the page there",
        "ansible.builtin.assert": {"that": ["test_failover_vm.name != 'App03'"], "fail_msg": "no page"},
    }
    run = play(player, "App01,App03,App05", checks=checks(player, fails))
    assert run.returncode != 0
    assert vms_under_test(player, "App01", "App03", "App05") == []
    assert "a check failed: Is the page there: no page" in flat(run)
    assert re.search(r"ok: +App05: came up", run.stdout), "the others are checked all the same"
    assert player.names("Stop-VMFailover") == ["App01", "App03", "App05"]


def test_ended_when_a_check_loses_its_host(player: Player) -> None:
    lost = {
        "ansible.builtin.raw": "true",
        "delegate_to": "guest",
        "vars": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
    }
    play(player, checks=checks(player, lost))
    assert vms_under_test(player, "App01") == []
    assert player.sent()[-1] == "hv-b Stop-VMFailover"


def test_ended_when_the_guest_does_not_answer(player: Player) -> None:
    player.vm("hv-b", "App01").guest.boot_seconds = None
    run = play(player, "App01,App03", heartbeat_timeout="1")
    assert run.returncode != 0
    assert "App01: its guest did not answer within 1 seconds" in flat(run)
    assert re.search(r"ok: +App03: came up", run.stdout)
    assert vms_under_test(player, "App01", "App03") == []


def test_kept_adopted_and_cleaned_up(player: Player) -> None:
    kept = play(player, keep="yes")
    assert kept.returncode == 0, kept.stdout
    assert vms_under_test(player, "App01") == ["Running"]
    assert "cleanup_test_failover -e test_on=hv-b -e vms=App01" in kept.stdout
    player.sent()
    again = play(player, keep="true")
    assert again.returncode == 0, again.stdout
    assert "adopts the test VM" in again.stdout
    assert (player.sent(), "changed=0" in again.stdout) == ([], True)
    listed = player.play("cleanup_test_failover", test_on="hv-b")
    assert "App01 - Test  Running  of App01" in listed.stdout
    foreseen = cleanup(player, "App01", "--check")
    assert "hv-b: Stop-VMFailover: stop and delete the test VM" in foreseen.stdout
    assert player.sent() == []
    assert cleanup(player).returncode == 0
    assert (player.sent(), vms_under_test(player, "App01")) == (["hv-b Stop-VMFailover"], [])
    repeated = cleanup(player)
    assert (repeated.returncode, player.sent()) == (0, [])
    assert "there is no test VM of it" in repeated.stdout


LOSSES = product(
    ("drop_before", "drop_after"), ("Set-VMNetworkAdapter", "Start-VMFailover", "Start-VM", "Stop-VMFailover")
)


@pytest.mark.parametrize("lost", only(["drop_before Start-VM", "drop_after Stop-VMFailover"], LOSSES, " ".join))
def test_a_lost_connection(player: Player, lost: tuple[str, str]) -> None:
    kind, cmdlet = lost
    player.lab.world.faults.add(kind, "HV-B", cmdlet, nth=1)
    first = play(player, test_switch=ISOLATED)
    seen_to_be_well = (cmdlet, kind) == ("Stop-VMFailover", "drop_after")
    assert (first.returncode == 0) == seen_to_be_well, first.stdout
    second = play(player, test_switch=ISOLATED)
    assert second.returncode == 0, second.stdout
    assert vms_under_test(player, "App01") == []
    assert player.states("App01") == STAYS
    assert player.laws_broken() == []


def test_one_that_runs_where_it_should_not_is_not_started_and_goes(player: Player) -> None:
    adapter = player.vm("hv-b", "App01").adapters[0]
    adapter.test_switch = "Production"
    first = play(player, keep="true", allow="external_test_switch,production_test_switch", wait_for="nothing")
    assert first.returncode == 0, first.stdout
    adapter.test_switch = ISOLATED
    player.sent()
    run = play(player)
    assert run.returncode != 0
    assert "its test VM RUNS, connected by Network Adapter to Production" in flat(run)
    assert player.sent() == ["hv-b Stop-VMFailover"]


@pytest.mark.parametrize(
    "variables, says",
    [
        ({"test_switch": "Production"}, "production switch"),
        ({"test_switch": "Production", "allow": "production_test_switch"}, "Production is external"),
        ({"test_switch": "No such"}, "has no switch No such; it has: Production (external), Test isolated (private)"),
        ({"recovery_point": "application_consistent"}, "none that is application-consistent"),
        ({"recovery_point_time": "2001-01-01T00:00:00Z"}, "from 2001-01-01T00:00:00Z or before"),
        ({"recovery_point": "no such point"}, "no recovery point no such point"),
        ({"recovery_point_time": "2026-01-01T00:00:00"}, "is not a time with an offset"),
        ({"vms": "App02"}, "there is no replica of it here"),
        ({"vms": "App99"}, "this host has no such VM"),
        ({"test_on": "hv-a"}, "this host is its primary"),
        ({"checks": "no-such-file.yml"}, "there is no file"),
        ({"keep": "perhaps"}, "not true or false"),
    ],
    ids=lambda value: ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_refused_before_anything_is_sent(player: Player, variables: dict[str, str], says: str) -> None:
    run = play(player, **variables)
    assert run.returncode != 0
    assert says in flat(run)
    assert player.sent() == []


def test_one_refusal_stops_all_unless_skipped(player: Player) -> None:
    assert play(player, "App01,App02").returncode != 0
    assert player.sent() == []
    run = play(player, "App01,App02", on_refusal="skip", keep="no", allow="", poll_interval="0.05")
    assert run.returncode != 0, "a VM that was not tested is a failure all the same"
    assert "App02: not tested" in flat(run)
    assert player.names("Start-VMFailover") == ["App01"]


def test_an_older_point(player: Player) -> None:
    now = player.lab.world.clock.now()
    old, new = RecoveryPoint(now - timedelta(hours=3)), RecoveryPoint(now - timedelta(hours=2))
    player.vm("hv-b", "App01").recovery_points[:] = [old, new]
    moment = old.created + timedelta(minutes=30)
    run = play(player, recovery_point_time=moment.isoformat())
    assert run.returncode == 0, run.stdout
    call = next(c for c in player.lab.world.recorder.state_changing() if c.cmdlet == "Start-VMFailover")
    assert "VMRecoverySnapshot" in call.parameters
    assert re.search(rf"ok: +App01: came up in \d+ s from .*{old.created:%Y-%m-%dT%H:%M}", run.stdout)
    assert "recovery points: " not in run.stdout, "listed only where none was asked for"


def test_listed_without_vms(player: Player) -> None:
    run = player.play("test_failover", test_on="hv-b", vms="")
    assert run.returncode == 0, run.stdout
    assert "App01  Off  Replica, Replicating, Normal  last tested: never  can be tested" in run.stdout
    assert player.sent() == []


def test_a_failover_is_no_test(player: Player) -> None:
    assert player.over("hv-b", "App01", reverse="false").returncode == 0
    player.sent()
    done = cleanup(player)
    assert done.returncode == 0, done.stdout
    assert "It is failed over to this host, which is no test, and that stays" in flat(done)
    run = play(player)
    assert run.returncode != 0
    assert "it is failed over to this host" in flat(run)
    assert player.sent() == []


@pytest.mark.parametrize("playbook", ["reverse_replication", "cancel_failover"])
def test_the_ways_out_of_a_real_failover_lead_out(player: Player, playbook: str) -> None:
    assert player.over("hv-b", "App01", reverse="false").returncode == 0
    text = flat(cleanup(player))
    words = text[text.index(f"ansible-playbook hyperv.replica.{playbook}") :]
    words = words.partition(",")[0].partition(";")[0].split()
    vm = player.vm("hv-b", "App01")
    if playbook == "cancel_failover":
        vm.turn("Off", player.lab.world.clock.now())
    out = player.play(playbook, *words[2:8])
    assert out.returncode == 0, out.stdout
    assert player.laws_broken() == []


def test_a_forgotten_test_vm_is_told_and_left_alone(player: Player) -> None:
    kept = play(player, keep="yes")
    assert kept.returncode == 0, kept.stdout
    player.sent()
    orphan = player.vm("hv-b", "App01").test_vm
    assert orphan is not None
    player.vm("hv-b", "App01").test_vm = None
    done = cleanup(player)
    assert f"LEFT BEHIND: App01 - Test ({orphan.id}), Running" in flat(done)
    assert player.sent() == [], "Stop-VMFailover would undo a real failover"


@pytest.mark.parametrize("name", ["test_failover", "cleanup_test_failover"])
@pytest.mark.parametrize(
    "target",
    only(
        ["-e test_on=hv-x", "-e test_on=hv-b --limit hv-a"],
        [
            ["-e", "vms=App01"],
            ["-e", "test_on=hv-x"],
            ["-e", "test_on=hv"],
            ["-e", "test_on=hyperv"],
            ["-e", "test_on="],
            ["-e", "test_on=hv-b", "--limit", "hv-a"],
        ],
        " ".join,
    ),
)
def test_the_guard(player: Player, name: str, target: list[str]) -> None:
    run = player.play(name, *target)
    assert run.returncode != 0
    assert "Nothing was done" in flat(run) or "test_on" in flat(run)
    assert player.lab.world.recorder.calls == []


def test_every_input_is_exercised_here() -> None:
    spec = yaml.safe_load((ROOT / "roles/test_failover/meta/argument_specs.yml").read_text())
    text = Path(__file__).read_text()
    for name in spec["argument_specs"]["main"]["options"]:
        short = name.removeprefix("test_failover_")
        used = f'{short}="' in text or f'"{short}":' in text or f"{short}=str(" in text
        assert used or short in ("vms", "wait_timeout"), name
