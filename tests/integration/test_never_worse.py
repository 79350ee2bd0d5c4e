"""What went wrong when the playbooks were attacked: a VM ran twice, a host was another one, a copy was lost.

Each is one instance of a kind; the pure cases of the kinds are in tests/unit/plugins/test_every_copy.py and in the
cases of runs. Here the playbooks meet the worlds themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.failover_play import Player
from tests.lab.wire.gate import SILENT
from tests.sweep.stage import Stage

if TYPE_CHECKING:
    from tests.lab.lab import Lab

DEAD = {"reason": "primary_is_dead", "receive_check": "1"}
TO_B = Player.confirmed("hv-b", "App01")


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Iterator[Player]:
    yield Player.of(lab, tmp_path)
    broken = lab.world.recorder.violations
    assert not broken, broken


def refused(done: Any, *words: str) -> str:
    """A play that failed, and said so plainly."""
    text = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, text
    for word in words:
        assert word in text, text
    return text


@pytest.mark.lab(hosts=3, vms=6, speed=120)
def test_a_vm_that_runs_at_the_third_site_is_not_started_at_the_second(lab: Lab, tmp_path: Path) -> None:
    """A chain from hv-a to hv-c: failed over to hv-c, where it runs; hv-b is back, hv-a is not."""
    Stage(lab).chain_second_site_back()
    lab.world.recorder.clear()
    player = Player(lab, tmp_path, lab.write_files(tmp_path / "lab"))
    done = player.play("unplanned_failover", **TO_B, **DEAD)
    refused(done, "App01: REFUSED", "it runs on hv-c", "Nothing was changed")
    assert player.sent() == []
    assert player.laws_broken() == []


@pytest.mark.lab(hosts=3, vms=6, speed=120)
def test_an_entry_that_leads_to_another_host_with_a_copy_proves_nothing(player: Player) -> None:
    """hv-a leads to HV-C, which has a restored copy of the same id; the real primary runs."""
    vm, copy = player.vm("hv-a", "App01"), player.vm("hv-b", "App01")
    player.restore("App01", "hv-c")
    player.lab.lead("hv-a", to="hv-c")
    done = player.play("unplanned_failover", **TO_B, reason="primary_unusable", old_vm="turn_off")
    refused(done, "hv-a answered as HV-C.corp.example", "the partner of App01 is HV-A.corp.example")
    assert player.sent() == []
    assert (vm.state, copy.state) == ("Running", "Off")


def test_a_host_that_takes_connections_and_says_nothing_is_not_dead(player: Player) -> None:
    player.cut("hv-a", "hv-b")
    player.lab.behave("hv-a", SILENT)
    given = {**TO_B, **DEAD, "accept": "recent_replication", "ansible_psrp_read_timeout": "5"}
    done = player.play("unplanned_failover", **given)
    refused(done, "the machine of hv-a accepts or refuses connections", "accept=machine_answers")
    assert player.sent() == []


def test_sites_without_a_common_group(player: Player) -> None:
    """The primary is in no group of the target's: it is found in the whole inventory, and asked."""
    player.cut("hv-a", "hv-b")
    done = player.play("unplanned_failover", **TO_B, **DEAD, candidates="hv-b")
    refused(done, "the primary was declared dead, but its host answers")
    assert player.sent() == []


def test_declared_prepared_while_the_replica_received_an_ordinary_replication(player: Player) -> None:
    done = player.play("planned_failover", "--limit", "hv-b", **TO_B, declared="prepared", receive_check="1")
    refused(done, "the last replication that arrived was an ordinary one")
    assert player.sent() == []


def test_a_dead_host_that_comes_back_between_the_failover_and_the_start(player: Player) -> None:
    player.off("hv-a")
    player.at("hv-b", "Start-VMFailover", lambda: player.on("hv-a"))
    done = player.play("unplanned_failover", **TO_B, **DEAD, accept="recent_replication")
    text = refused(done, "this one is not started")
    assert player.sent() == ["hv-b Start-VMFailover"]
    assert "runs on hv-a" in text


def test_a_copy_of_another_name_comes_up_where_it_was(player: Player) -> None:
    player.rename("hv-b", "App01", "App01-dr")
    player.lab.world.faults.add("refuse", "HV-A", "Start-VMFailover")
    done = player.over("hv-b", "App01")
    refused(done, "App01 runs on hv-a")
    assert player.vm("hv-a", "App01").state == "Running"
    assert "IndexError" not in done.stdout + done.stderr


def test_both_run_after_a_committed_failover_and_the_advice_works(player: Player) -> None:
    player.off("hv-a")
    player.run_cmdlets("App01", ["hv-b Start-VMFailover", "hv-b Start-VM", "hv-b Complete-VMFailover"])
    player.on("hv-a")
    player.lab.world.recorder.violations.clear()
    told = refused(player.over("hv-a", "App01"), "may be running on both hosts")
    command = told.partition("to go on: ansible-playbook hyperv.replica.")[2].partition(" to go on:")[0]
    name, *words = command.split()
    values = dict(word.partition("=")[::2] for word in words if "=" in word)
    assert (name, values["discard"], values["old_vm"]) == ("planned_failover", "hv-b", "turn_off")
    done = player.play(name, **{key: value.strip("'") for key, value in values.items()})
    assert done.returncode == 0, done.stdout
    assert player.vm("hv-a", "App01").state == "Running"
    assert player.vm("hv-b", "App01").state == "Off"
