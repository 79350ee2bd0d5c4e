"""What is typed, and what the inventory holds, through ansible-playbook: how it ends, and that nothing is sent."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.order import inputs_of

from tests.conftest import COLLECTIONS, ROOT
from tests.gate import only
from tests.integration.failover_play import Player

if TYPE_CHECKING:
    from tests.lab.lab import Lab

PLAYBOOKS = {path.stem: path for path in sorted((ROOT / "playbooks").glob("*.yml"))}
TARGET = {"failover_to": "hv-b", "remove_on": "hv-b", "test_on": "hv-b", "from_host": "hv-a", "to_host": "hv-b"}
IN_EVERY_RUN = ("planned_failover", "remove_replication", "replica_server", "test_connection")
NO_HOSTS = {
    "unset": "",
    "misspelt": "hv-bb",
    "short": "hv-c",
    "a group": "hyperv",
    "outside": "hv-b",
}


class Desk:
    """Two hosts that nobody may call: whoever does is heard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ear = socket.create_server(("127.0.0.1", 0))
        self.ear.settimeout(0.01)
        host = {"ansible_host": "127.0.0.1", "ansible_port": self.ear.getsockname()[1], "ansible_connection": "psrp"}
        hosts = {"hv-a": host, "hv-b": host, "HV-C.corp.example": host}
        inventory = {"all": {"children": {"hyperv": {"hosts": hosts}}}}
        (folder / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")

    def plant(self, file: str, **values: object) -> None:
        """Variables beside the inventory."""
        (self.folder / file).parent.mkdir(exist_ok=True)
        (self.folder / file).write_text(yaml.safe_dump(values), encoding="utf-8")

    def play(self, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "hosts.yml", playbook, *arguments],
            cwd=self.folder,
            env={
                "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
                "HOME": str(self.folder),
                "LC_ALL": "C.UTF-8",
                "PATH": "/usr/bin:/bin",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def heard(self) -> bool:
        """True when somebody connected."""
        try:
            self.ear.accept()
        except TimeoutError:
            return False
        return True


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An inventory whose hosts only listen."""
    made = Desk(tmp_path)
    yield made
    made.ear.close()


def hosts_of(playbook: str) -> list[str]:
    names = inputs_of(PLAYBOOKS[playbook].read_text(encoding="utf-8"))
    return [part for name, host in TARGET.items() if name in names for part in ("-e", f"{name}={host}")]


@pytest.mark.parametrize("playbook", only(IN_EVERY_RUN, PLAYBOOKS))
def test_nothing_that_only_the_inventory_gives_is_taken_for_an_order(desk: Desk, playbook: str) -> None:
    """All inputs at once in a real run; one at a time they are in tests/unit/plugins/test_guard.py."""
    names = [name for name in inputs_of(PLAYBOOKS[playbook].read_text(encoding="utf-8")) if name not in TARGET]
    desk.plant("host_vars/hv-b.yml", **dict.fromkeys(names[::2], "x"))
    desk.plant("group_vars/all.yml", **dict.fromkeys(names[1::2], "x"))
    run = desk.play(f"hyperv.replica.{playbook}", *hosts_of(playbook))
    assert run.returncode not in (0, 250), run.stdout + run.stderr
    for name in names:
        assert f"{name} is set in the inventory" in run.stdout
        assert f"-e {name}= " in run.stdout
    assert not desk.heard()


@pytest.mark.parametrize("playbook", only(IN_EVERY_RUN, PLAYBOOKS))
def test_no_blank_cuts_anything_off(desk: Desk, playbook: str) -> None:
    names = [name for name in inputs_of(PLAYBOOKS[playbook].read_text(encoding="utf-8")) if name not in TARGET]
    typed = [part for name in names for part in ("-e", f"{name}=App05 old copy")]
    run = desk.play(f"hyperv.replica.{playbook}", *hosts_of(playbook), *typed)
    assert run.returncode not in (0, 250), run.stdout + run.stderr
    assert run.stdout.count("'old copy' was cut off") >= len(names)
    assert not desk.heard()


SKIPS = {
    "foreign tags": ("--tags", "x"),
    "without the guard": ("--skip-tags", "always"),
    "both": ("--tags", "x", "--skip-tags", "always"),
    "without what is tagged": ("--skip-tags", "tagged"),
    "past the guard": ("--start-at-task", "Fail over after a disaster"),
    "past everything": ("--start-at-task", "no such task"),
}


@pytest.mark.parametrize("name", SKIPS)
def test_no_tag_and_no_start_leaves_the_look_out(desk: Desk, name: str) -> None:
    asked = ("-e", "failover_to=hv-b", "-e", "vms=App01", "-e", "reason=primary_is_dead", "-e", "confirm=App01")
    run = desk.play("hyperv.replica.unplanned_failover", *asked, *SKIPS[name])
    assert run.returncode not in (0, 250), run.stdout + run.stderr
    assert "un it without" in run.stdout + run.stderr
    assert not desk.heard()


def test_a_playbook_that_imports_ours_and_starts_behind_its_guard_meets_the_guard_of_the_role(desk: Desk) -> None:
    playbook = desk.folder / "site.yml"
    imported = [{"import_playbook": "hyperv.replica.planned_failover", "vars": {"confirm": "App01"}}]
    playbook.write_text(yaml.safe_dump(imported), encoding="utf-8")
    desk.plant("host_vars/hv-b.yml", vms=["App01"])
    behind = ("--start-at-task", "Fail over as planned", "-e", "failover_to=hv-b")
    found = desk.play(str(playbook), *behind)
    assert "vms is set in the inventory, for hv-b" in found.stdout
    assert "confirm is set" not in found.stdout
    cut = desk.play(str(playbook), *behind, "-e", "vms=App01 old")
    assert "'old' was cut off" in cut.stdout
    for run in (found, cut):
        assert run.returncode not in (0, 250), run.stdout + run.stderr
    assert not desk.heard()


@pytest.mark.parametrize("name", NO_HOSTS)
def test_no_wrong_target_is_a_green_job(desk: Desk, name: str) -> None:
    limit = ["--limit", "hv-a"] if name == "outside" else []
    for playbook, variable in (("test_failover", "test_on"), ("reprotect", "failover_to")):
        given = ["-e", f"{variable}={NO_HOSTS[name]}"] if NO_HOSTS[name] else []
        run = desk.play(f"hyperv.replica.{playbook}", *given, *limit)
        assert run.returncode not in (0, 250), run.stdout + run.stderr
        assert f"{variable} is " in run.stdout
        assert ("Did you mean HV-C.corp.example?" in run.stdout) == (name == "short")
    assert not desk.heard()


def test_an_inventory_without_hosts_is_no_green_job(desk: Desk) -> None:
    (desk.folder / "hosts.yml").write_text("all: {}\n", encoding="utf-8")
    for playbook in ("status", "replica_server"):
        run = desk.play(f"hyperv.replica.{playbook}")
        assert run.returncode not in (0, 250), run.stdout + run.stderr
    assert not desk.heard()


def test_the_syntax_of_every_playbook_can_be_checked_and_its_tasks_listed(desk: Desk) -> None:
    first, *others = (f"hyperv.replica.{name}" for name in PLAYBOOKS)
    for option in ("--syntax-check", "--list-tasks"):
        run = desk.play(first, *others, option)
        assert run.returncode == 0, run.stdout + run.stderr


# ---- against the lab -------------------------------------------------------------------------------------------------

TRICK = "{{ lookup('pipe', 'touch pwned') }}"


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B."""
    return Player.of(lab, tmp_path)


@pytest.mark.lab(hosts=2, vms=6, speed=60)
def test_a_blank_in_a_name_deletes_no_other_vm(player: Player) -> None:
    for host in ("hv-a", "hv-b"):
        player.vm(host, "App03").name = "App05 old copy"
    words = ("vms=App05 old copy", "confirm=App05 old copy", "delete=vm_and_disks")
    run = player.play("remove_replication", *(part for word in words for part in ("-e", word)), remove_on="hv-a")
    assert run.returncode != 0
    assert """'{"vms": ["App05 old copy"]}'""" in run.stdout.replace('\\"', '"')
    assert player.sent() == []


@pytest.mark.lab(hosts=2, vms=4, speed=60)
def test_a_name_with_a_template_is_never_run_and_never_printed_in_a_command(player: Player) -> None:
    ids = {}
    for host in ("hv-a", "hv-b"):
        ids[str(player.vm(host, "App01").id)] = str(player.vm(host, "App03").id)
        player.vm(host, "App01").name = TRICK
        player.vm(host, "App03").name = "App03\033[2J\nok: [hv-b]\u202e"
    one, other = next(iter(ids.items()))
    single = player.play("planned_failover", failover_to="hv-b", vms=one, confirm="x")
    assert single.returncode != 0
    assert f"Type -e confirm={one} to go on (you typed 'x')." in single.stdout
    assert "assertion" not in single.stdout
    assert player.sent() == []
    player.lab.world.faults.add("refuse", "HV-B", "Start-VMFailover")
    done = player.play("planned_failover", failover_to="hv-b", vms=f"{one},{other}", confirm="hv-b:2")
    assert done.returncode != 0
    commands = [line for line in done.stdout.splitlines() if line.startswith("ansible-playbook ")]
    assert commands
    for command in commands:
        assert not [marker for marker in ("{{", "{%", "{#") if marker in command], command
        assert one in command
    for run in (single, done):
        assert "\033" not in run.stdout + run.stderr
        assert "\u202e" not in run.stdout + run.stderr
    assert not list(player.folder.rglob("pwned"))
    assert shlex.split(commands[0])[:2] == ["ansible-playbook", "hyperv.replica.planned_failover"]


@pytest.mark.lab(hosts=2, vms=4, speed=60)
def test_a_number_beyond_its_range_is_refused_before_anything_is_read(player: Player) -> None:
    beyond = {"group_timeout": "-1", "receive_check": "0", "poll_interval": "0", "wait_timeout": "1000000000"}
    run = player.play("planned_failover", **player.confirmed("hv-b", "App01"), **beyond)
    assert run.returncode != 0
    for name, value in beyond.items():
        assert f"failover_{name}: {value} is out of range. Give " in " ".join(run.stdout.split())
    assert player.lab.world.recorder.calls == []
