"""A lab whose VMs of HV-A are protected towards HV-B, and the failover playbooks against it."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.fleet import prepare
from tests.lab import control, scenes
from tests.lab.lab import Lab
from tests.lab.world.relation import Relation
from tests.lab.world.vm import VM

QUICK = {"poll_interval": "0.05", "settle_timeout": "20"}


@dataclass
class Player:
    """Runs the playbooks, and looks at the world."""

    lab: Lab
    folder: Path
    config: Path
    arguments: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, lab: Lab, folder: Path, *, apart: bool = False, **files: Any) -> Player:
        """A player for a lab that is set up: VMs protected, switches on both sides, VMs running.

        `apart`: the copies on HV-B have other names than their primaries.
        """
        cls.set_up(lab, apart=apart)
        return cls(lab, folder, lab.write_files(folder / "lab", **files))

    @staticmethod
    def set_up(lab: Lab, *, apart: bool = False) -> None:
        """Protect the VMs of HV-A towards HV-B, connect them on both sides, and let them run."""
        prepare(lab, apart=apart)
        for host in lab.world.hosts.values():
            switch = next(iter(host.switches))
            for vm in host.vms.values():
                for adapter in vm.adapters:
                    adapter.switch = switch
                if vm.relation is not None and vm.relation.sends and vm.state == "Off":
                    vm.turn("Running", lab.world.clock.now())
        lab.world.recorder.clear()

    def play(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook of the collection with these extra variables."""
        return self._run(self._command(name, *arguments, **variables))

    def play_file(self, path: Path) -> subprocess.CompletedProcess[str]:
        """Run a playbook of the test's own."""
        return self._run([str(Path(sys.executable).with_name("ansible-playbook")), str(path)])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self._environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def begun(self, output: Path, name: str, **variables: str) -> subprocess.Popen[bytes]:
        """The same without waiting for its end; what it says goes to a file."""
        with output.open("wb") as file:
            return subprocess.Popen(
                self._command(name, **variables),
                env=self._environment(),
                cwd=self.folder,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def _command(self, name: str, *arguments: str, **variables: str) -> list[str]:
        words = [f"{key}={value}" for key, value in {**QUICK, **variables}.items()]
        return [
            str(Path(sys.executable).with_name("ansible-playbook")),
            f"hyperv.replica.{name}",
            *(part for word in words for part in ("-e", _quoted(word))),
            *self.arguments,
            *arguments,
        ]

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE")}
        return {**kept, "ANSIBLE_CONFIG": str(self.config), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}

    def over(self, to: str, vms: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A planned failover, confirmed."""
        return self.play("planned_failover", *arguments, **self.confirmed(to, vms), **variables)

    @staticmethod
    def confirmed(to: str, vms: str) -> dict[str, str]:
        """Target, VMs and what confirms them."""
        names = vms.split(",")
        return {"failover_to": to, "vms": vms, "confirm": names[0] if len(names) == 1 else f"{to} {len(names)}"}

    def sent(self) -> list[str]:
        """The state-changing cmdlets since the last look, with the host."""
        calls = [f"{call.host.lower()} {call.cmdlet}" for call in self.lab.world.recorder.state_changing()]
        self.lab.world.recorder.clear()
        return calls

    def steps(self) -> list[tuple[str, str]]:
        """The state-changing cmdlets with the VM of each, in order."""
        calls = self.lab.world.recorder.state_changing()
        return [(call.cmdlet, name) for call in calls for name in call.vms]

    def names(self, cmdlet: str) -> list[str]:
        """The VMs of a cmdlet's calls, in order."""
        return [name for called, name in self.steps() if called == cmdlet]

    def vm(self, host: str, name: str) -> VM:
        """The copy of a VM on a host; where the two sides name it apart, by the name that it has on either."""
        world, vm_id = self.lab.world, self.id(name)
        return world.host(host).vms.get(vm_id) or world.vm(host, name)

    def id(self, name: str) -> uuid.UUID:
        """The id of a VM of this name on whatever host, the one in a relation first. KeyError: there is none."""
        named = [vm for host in self.lab.world.hosts.values() for vm in host.vms.values() if vm.name == name]
        if not named:
            raise KeyError(f"no VM {name}")
        return next((vm.id for vm in named if vm.relation is not None), named[0].id)

    def rename(self, host: str, name: str, new_name: str) -> None:
        """Give the copy on one host another name."""
        scenes.rename(self.lab.world, self.id(name), host, new_name)

    def restore(self, name: str, host: str, state: str = "Off") -> VM:
        """A copy of a VM from a backup, on a host that has nothing to do with it: same id, in no relation."""
        return scenes.restore(self.lab.world, self.id(name), host, state)

    def extend(self, name: str, to: str = "hv-c", source: str = "hv-b") -> None:
        """Replicate a replica on to a third site."""
        scenes.protect(self.lab.world, [self.id(name)], source, to, ReplicationFrequencySec=300)
        self.lab.world.recorder.clear()

    def states(self, name: str, hosts: Iterable[str] = ("hv-a", "hv-b")) -> list[str]:
        """Mode, state and power of a VM on each host."""
        found = []
        for host in hosts:
            vm = self.vm(host, name)
            relation: Relation | None = vm.relation
            found.append(f"{vm.mode}/{relation.state if relation else 'Disabled'} {vm.state}")
        return found

    def run_cmdlets(self, name: str, steps: Iterable[str]) -> None:
        """Another hand: cmdlets on one VM, as `host name -Switch`; a primary is prepared, and a replica reversed."""
        for step in steps:
            host, cmdlet, *switches = step.split()
            usual = {"hv-a Start-VMFailover": ["-Prepare"], "hv-b Set-VMReplication": ["-Reverse"]}.get(step, [])
            parameters = {switch.removeprefix("-"): True for switch in switches or usual}
            scenes.run(self.lab.world, host, cmdlet, [self.vm(host, name).id], **parameters)
            self.lab.world.clock.advance(5)  # states lag the cmdlet
        self.lab.world.recorder.clear()

    def at(self, host: str, cmdlet: str, action: Callable[[], object]) -> None:
        """Do something once, right before the first call of a cmdlet on a host."""
        recorder = self.lab.world.recorder
        begin, done = recorder.begin, list[bool]()

        def watched(on: str, session: Any, called: str, *more: Any) -> Any:
            if not done and (on.lower(), called) == (host, cmdlet):
                done.append(True)
                action()
            return begin(on, session, called, *more)

        recorder.begin = watched  # type: ignore[method-assign]

    def cut(self, one: str, other: str) -> None:
        """Cut the link between two hosts, or to the control node."""
        self.lab.world.cut(one.upper(), other.upper())

    def off(self, host: str) -> None:
        """The host loses its power."""
        control.power_off(self.lab, host)

    def on(self, host: str) -> None:
        """And has it back: what starts by itself starts before anybody can connect."""
        control.power_on(self.lab, host)

    def laws_broken(self) -> list[Any]:
        """What the lab found against the first law."""
        return list(self.lab.world.recorder.violations)


def _quoted(word: str) -> str:
    """`key=value` as ansible takes it, whatever the value holds."""
    name, _unused, value = word.partition("=")
    return f"{name}='{value}'"
