"""Sets the stage of a workflow: brings a lab's world to where it begins, by cmdlets at the hosts, without a wire."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.lab import scenes
from tests.lab.lab import USER, Lab
from tests.lab.scenes import HOUR, STORAGE, Operator
from tests.lab.values import Record
from tests.lab.world.vm import VM
from tests.lab.world.world import World

__all__ = ["HOUR", "NAMES", "RUNS", "STANDS", "STORAGE", "A", "B", "C", "Operator", "Stage"]

A, B, C, D = "hv-a", "hv-b", "hv-c", "hv-d"
RUNS, STANDS = "App01", "App03"
NAMES = [RUNS, STANDS]
"""The VMs of HV-A: the first runs when a workflow begins, the second is Off."""
SPEED = 2000.0
"""How fast the lab's clock goes: a guest that takes 20 s to shut down is off within a poll."""


def login(operator: str, host: str) -> str:
    """The user by whom an operator logs on to a host: a call tells whose it is, and for which host it was meant."""
    return f"{operator}@{host}"


def operator_of(user: str) -> str:
    """Whose login it is."""
    return user.partition("@")[0]


def open_lab(hosts: int, operators: Sequence[str] = (USER,)) -> Lab:
    """A lab of so many hosts that all of these operators can log on to."""
    entries = (A, B, C, D)[:hosts]
    logins = [login(operator, host) for operator in operators for host in entries]
    return Lab.start(hosts=hosts, vms=2 * hosts, speed=SPEED, certificates=False, others=logins)


class Stage:
    """A lab whose HV-A has two VMs. HV-B is there, and HV-C where a workflow needs a third host.

    With `apart` the copies on the other hosts have other names; everything here goes on to name VMs as HV-A does.
    """

    def __init__(self, lab: Lab, *, apart: bool = False) -> None:
        self.lab = lab
        self.apart = apart
        self.ids = {vm.name: vm.id for host in self.world.hosts.values() for vm in host.vms.values()}

    @property
    def world(self) -> World:
        """What is simulated."""
        return self.lab.world

    def fqdn(self, host: str) -> str:
        """Full Windows name of a host."""
        return self.world.host(host).fqdn

    def vm(self, host: str, name: str) -> VM:
        """A VM's side on a host, by the name that it has on HV-A. KeyError: it is not there."""
        return self.world.host(host).vms[self.ids[name]]

    def called(self, host: str, name: str) -> str:
        """The name that a VM of HV-A has on a host."""
        return self.vm(host, name).name

    def sides(self, host: str) -> dict[str, tuple[str, str, str]]:
        """Mode, state and power of the VMs of the workflow on a host, by name; a VM that is not there is left out."""
        there = self.world.host(host).vms
        found = {name: there[self.ids[name]] for name in NAMES if self.ids.get(name) in there}
        return {n: (vm.mode, vm.relation.state if vm.relation else "Disabled", vm.state) for n, vm in found.items()}

    def cmdlet(self, host: str, cmdlet: str, *names: str, **parameters: Any) -> list[Record]:
        """Run a cmdlet for VMs at a host, named as on HV-A; its records. Raises RuntimeError when it is refused."""
        there = self.world.host(host)
        vms = [self.ids[n] if self.ids.get(n) in there.vms else there.named(n).id for n in names or NAMES]
        return scenes.run(self.world, host, cmdlet, vms, **parameters)

    # -- where workflows begin -----------------------------------------------------------------------------------

    def servers(self) -> None:
        """All hosts are replica servers."""
        scenes.make_servers(self.world)

    def protected(self) -> None:
        """The VMs replicate from HV-A to HV-B."""
        self.servers()
        scenes.protect(self.world, self._mine(), A, B, RecoveryHistory=4, ReplicationFrequencySec=300)
        self._name_apart(B)

    def both_run_here(self) -> None:
        """The VMs replicate from HV-A to HV-B, and both run."""
        self.protected()
        self.cmdlet(A, "Start-VM", STANDS)

    def site(self) -> None:
        """A site of HV-A and HV-C, with a running VM each that replicates to HV-B and to HV-D."""
        self.servers()
        for name, source, target in ((RUNS, A, B), (STANDS, C, D)):
            vm = self.vm(source, name)
            vm.turn("Running", self.world.clock.now())
            scenes.protect(self.world, [vm.id], source, target, RecoveryHistory=4, ReplicationFrequencySec=300)
            self._name_apart(target)

    def _mine(self) -> list[uuid.UUID]:
        return [self.ids[name] for name in NAMES]

    def _name_apart(self, host: str) -> None:
        if self.apart:
            for name in (one for one in NAMES if self.ids[one] in self.world.host(host).vms):
                scenes.rename(self.world, self.ids[name], host, f"{scenes.name_apart(name)}-{host[-1]}")

    def with_two_disks(self) -> None:
        """The VM that is Off has a second disk, and both replicate."""
        vm = self.vm(A, STANDS)
        vm.disks.append(replace(vm.disks[0], id="second", path=vm.disks[0].path.replace(".vhdx", "-2.vhdx")))
        vm.disks[1].location = 1
        self.protected()

    def prepared(self) -> None:
        """The primaries are prepared for a planned failover."""
        self.protected()
        self.cmdlet(A, "Stop-VM", RUNS)
        self.cmdlet(A, "Start-VMFailover", Prepare=True)

    def failed_over(self) -> None:
        """The replicas are failed over as planned, and Off."""
        self.prepared()
        self.cmdlet(B, "Start-VMFailover")

    def reversed(self) -> None:
        """A planned failover to HV-B is through."""
        self.failed_over()
        self.cmdlet(B, "Set-VMReplication", Reverse=True)
        self.world.clock.advance(HOUR)
        self.cmdlet(B, "Start-VM", RUNS)

    def disaster(self) -> None:
        """HV-A has lost its power."""
        self.protected()
        self.world.power_off(A)

    def running_after_disaster(self) -> None:
        """The VMs run on the failed-over replicas; HV-A is still off."""
        self.disaster()
        self.cmdlet(B, "Start-VMFailover")
        self.cmdlet(B, "Start-VM", RUNS)

    def primary_back(self) -> None:
        """HV-A is back, its old copies Off, and they would start with their host."""
        self.running_after_disaster()
        old = [self.vm(A, name) for name in NAMES]
        for vm in old:
            vm.start_action = "Nothing"
        self.world.power_on(A)
        for vm in old:
            vm.start_action = "StartIfRunning"

    def both_run(self) -> None:
        """HV-A is back, and its old copy of the VM that runs has started with it."""
        self.running_after_disaster()
        self.world.power_on(A)

    def old_copy_saved(self) -> None:
        """HV-A is back, and somebody has saved its old copy of the VM that runs."""
        self.primary_back()
        self.vm(A, RUNS).turn("Saved", self.world.clock.now())

    def lost_for_good(self) -> None:
        """As after a disaster, with a third host."""
        self._both_on_the_first_of_three()
        self.running_after_disaster()

    def chain(self) -> None:
        """The VMs replicate from HV-A to HV-B, and from there to HV-C."""
        self._both_on_the_first_of_three()
        self.protected()
        scenes.protect(self.world, self._mine(), B, C, ReplicationFrequencySec=300)
        self._name_apart(C)

    def chain_after_disaster(self) -> None:
        """The VMs run on the failed-over replicas of HV-B, which are replicated on to HV-C; HV-A is off."""
        self.chain()
        self.world.power_off(A)
        self.cmdlet(B, "Start-VMFailover")
        self.cmdlet(B, "Start-VM", RUNS)

    def chain_at_third_site(self) -> None:
        """Of a chain, HV-A and HV-B are off; the VMs run on the failed-over copies of HV-C."""
        self.chain()
        self.world.power_off(A)
        self.world.power_off(B)
        self.cmdlet(C, "Start-VMFailover")
        self.cmdlet(C, "Start-VM", RUNS)

    def chain_second_site_back(self) -> None:
        """As before, and HV-B is back with its replicas, which were never failed over. HV-A is still off."""
        self.chain_at_third_site()
        self.world.power_on(B)

    def chain_first_site_back(self) -> None:
        """As at the third site, and HV-A is back with its old primaries, Off; HV-B is still off."""
        self.chain_at_third_site()
        for name in NAMES:
            self.vm(A, name).start_action = "Nothing"
        self.world.power_on(A)

    def stranger(self, state: str = "Off") -> None:
        """The VMs replicate from HV-A to HV-B; HV-C has a restored copy of the one that runs: same id, no relation."""
        self._both_on_the_first_of_three()
        self.protected()
        scenes.restore(self.world, self.ids[RUNS], C, state)

    def stranger_runs(self) -> None:
        """HV-A is off, and somebody has brought its VM back from a backup on HV-C, where it runs."""
        self._both_on_the_first_of_three()
        self.protected()
        self.world.power_off(A)
        scenes.restore(self.world, self.ids[RUNS], C, "Running")

    def namesakes(self) -> None:
        """The VMs replicate from HV-A to HV-B, which has another VM of the same name as the one that runs."""
        scenes.namesake(self.world, RUNS, B)
        self.protected()

    def _both_on_the_first_of_three(self) -> None:
        """Of three hosts' VMs, HV-A has those that it has of two hosts'."""
        there = self.world.host(C)
        vm = there.vms.pop(self.ids[STANDS])
        vm.turn("Off", self.world.clock.now())
        self.world.add_vm(self.world.host(A), vm)

    def testing(self) -> None:
        """A test VM of each replica runs."""
        self.protected()
        self.cmdlet(B, "Start-VMFailover", AsTest=True)
        self.cmdlet(B, "Start-VM", *(f"{self.called(B, name)} - Test" for name in NAMES))
