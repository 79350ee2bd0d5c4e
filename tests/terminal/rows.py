"""Every playbook as data: where it begins, and what is asked. One VM, and default settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.failover_play import Player
from tests.lab import control
from tests.lab.lab import Lab
from tests.lab.model import Model

from .screen import folded, shown

ROOT = Path(__file__).resolve().parents[2]
Variables = Mapping[str, str]
TO_B: Variables = {"failover_to": "hv-b", "vms": "App01", "confirm": "App01"}
TEST: Variables = {"test_on": "hv-b", "vms": "App01"}
SERVERS: Variables = {
    "target": "hv-a,hv-b",
    "authentication": "kerberos",
    "partners": "hv-a,hv-b",
    "default_storage": r"D:\Replica",
    "create_storage": "true",
    "open_firewall": "true",
}
LOST: Variables = {**TO_B, "reason": "primary_is_dead", "receive_check": "1"}
OFF = ("power-off hv-a", {})
OVER_ONLY = ("planned_failover", {**TO_B, "reverse": "false"})


@dataclass(frozen=True)
class Row:
    """A playbook with its variables. `before`: what was played, or happened, before. `bare`: nothing is protected."""

    playbook: str
    variables: Variables = field(default_factory=dict)
    before: tuple[tuple[str, Variables], ...] = ()
    bare: bool = False


ROWS = (
    Row("replica_server", SERVERS, bare=True),
    Row("test_connection", {"from_host": "hv-a", "to_host": "hv-b"}),
    Row(
        "enable_replication",
        {"from_host": "hv-a", "to_host": "hv-b", "vms": "App01", "wait": "true"},
        (("replica_server", SERVERS),),
        bare=True,
    ),
    Row("status"),
    Row("test_failover", {**TEST, "test_switch": "Test isolated"}),
    Row("cleanup_test_failover", TEST, (("test_failover", {**TEST, "keep": "true"}),)),
    Row("planned_failover", TO_B),
    Row("unplanned_failover", LOST, (OFF,)),
    Row("cancel_failover", TO_B, (("planned_failover", {**TO_B, "reverse": "false", "start": "false"}),)),
    Row("commit_failover", TO_B, (OFF, ("unplanned_failover", LOST))),
    Row("reverse_replication", TO_B, (OVER_ONLY,)),
    Row("reprotect", {**TO_B, "new_replica": "hv-c"}, (OFF, ("unplanned_failover", LOST))),
    Row("remove_replication", {"remove_on": "hv-a", "vms": "App01", "confirm": "App01"}),
)
TWO: Variables = {"failover_to": "hv-b", "vms": "App01,App03", "confirm": "hv-b 2"}


@dataclass
class Desk:
    """A terminal beside a lab, in the home of somebody who has installed the collection. `typed`: the last command."""

    lab: Lab
    home: Path
    config: Path
    typed: str = ""

    @classmethod
    def beside(cls, lab: Lab, home: Path, bare: bool = False) -> Desk:
        """A new one. `bare`: nothing is protected yet, else all VMs of HV-A are, towards HV-B."""
        if not bare:
            Player.set_up(lab)
        link = home / ".ansible" / "collections" / "ansible_collections" / "hyperv" / "replica"
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT, target_is_directory=True)
        return cls(lab, home, lab.write_files(home / "lab"))

    def play(self, playbook: str, variables: Variables) -> tuple[int, list[str]]:
        """Play it; what it returned and showed. A name with a blank is something that happens to the lab."""
        event, _blank, host = playbook.partition(" ")
        if host:
            {"power-off": control.power_off}[event](self.lab, host)
            self.lab.world.clock.advance(600)
            return 0, []
        words = [f"{name}='{value}'" for name, value in variables.items()]
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, f"hyperv.replica.{playbook}", *(part for word in words for part in ("-e", word))]
        self.typed = " ".join(["ansible-playbook", *command[1:]])
        return shown(command, self._environment(), self.home)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE", "XDG"))}
        own = {"ANSIBLE_CONFIG": str(self.config), "HOME": str(self.home), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        return {**kept, **own, "ANSIBLE_COLLECTIONS_PATH": str(self.home / ".ansible" / "collections")}


def run(row: Row, home: Path) -> tuple[int, list[str]]:
    """Play a row on a lab of its own."""
    with Lab.start(Model(hosts=3, vms=9, speed=60)) as lab:
        desk = Desk.beside(lab, home, row.bare)
        for playbook, variables in row.before:
            desk.play(playbook, variables)
        return desk.play(row.playbook, row.variables)


def pictures(home: Path) -> Iterator[list[str]]:
    """Two terminals: two VMs are failed over; and the same is refused, for one of them would have no network there."""
    for number, connected in enumerate((True, False)):
        with Lab.start(Model(hosts=2, vms=6, speed=60)) as lab:
            desk = Desk.beside(lab, home / str(number))
            for adapter in lab.world.vm("hv-b", "App03").adapters if not connected else ():
                adapter.switch = None
            _returned, lines = desk.play("planned_failover", TWO)
            yield folded([f"$ {desk.typed}", *lines])
