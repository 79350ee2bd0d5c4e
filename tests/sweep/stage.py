"""Sets the stage of a workflow: brings a lab's world to where it begins, by cmdlets at the hosts, without a wire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.lab.cmdlets.registry import dispatch
from tests.lab.lab import Lab
from tests.lab.values import Enum, Error, Record
from tests.lab.world.host import Host
from tests.lab.world.server import AuthorizationEntry
from tests.lab.world.vm import VM
from tests.lab.world.world import World

A, B, C = "hv-a", "hv-b", "hv-c"
RUNS, STANDS = "App01", "App03"
NAMES = [RUNS, STANDS]
"""The VMs of HV-A: the first runs when a workflow begins, the second is Off."""
STORAGE = "D:\\Replica"
HOUR = 3600


class Operator:
    """Who works at the hosts before the sweep begins, and the other hand that meddles during it."""

    user = "operator"
    stopped = False

    def __init__(self, host: Host) -> None:
        self.host = host

    def drop(self) -> None:
        """Nobody cuts an operator off."""


class Stage:
    """A lab whose HV-A has two VMs. HV-B is there, and HV-C where a workflow needs a third host."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    @property
    def world(self) -> World:
        """What is simulated."""
        return self.lab.world

    def fqdn(self, host: str) -> str:
        """Full Windows name of a host."""
        return self.world.host(host).fqdn

    def vm(self, host: str, name: str) -> VM:
        """A VM's side on a host."""
        return self.world.vm(host, name)

    def sides(self, host: str) -> dict[str, tuple[str, str, str]]:
        """Mode, state and power of the VMs of the workflow on a host, by name; a VM that is not there is left out."""
        found = {vm.name: vm for vm in self.world.host(host).vms.values() if vm.name in NAMES}
        return {n: (vm.mode, vm.relation.state if vm.relation else "Disabled", vm.state) for n, vm in found.items()}

    def cmdlet(self, host: str, cmdlet: str, *names: str, **parameters: Any) -> list[Record]:
        """Run a cmdlet for VMs at a host; its records. Raises RuntimeError when it is refused."""
        by = "Name" if cmdlet in ("Start-VM", "Stop-VM", "Get-VM", "Set-VM") else "VMName"
        given = {by: list(names or NAMES), **parameters}
        records = list(dispatch(Operator(self.world.host(host)), cmdlet, by, given))
        refused = [record.message for record in records if isinstance(record, Error)]
        if refused:
            raise RuntimeError(f"{cmdlet} on {host}: {refused[0]}")
        return records

    # -- where workflows begin -----------------------------------------------------------------------------------

    def servers(self) -> None:
        """Both hosts are replica servers."""
        for host in self.world.hosts.values():
            host.server.enabled, host.server.authentication = True, "Kerberos"
            host.server.entries = [AuthorizationEntry("*", STORAGE, "DEFAULT")]
            for rule in host.firewall.rules:
                rule.enabled = True

    def protected(self) -> None:
        """The VMs replicate from HV-A to HV-B."""
        self.servers()
        way = {"ReplicaServerName": self.fqdn(B), "ReplicaServerPort": 80, "AuthenticationType": Enum("", "Kerberos")}
        self.cmdlet(A, "Enable-VMReplication", **way, RecoveryHistory=4, ReplicationFrequencySec=300)
        self.cmdlet(A, "Start-VMInitialReplication")
        self.world.clock.advance(HOUR)

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

    def chain_after_disaster(self) -> None:
        """The VMs run on the failed-over replicas of HV-B, which are replicated on to HV-C; HV-A is off."""
        self._both_on_the_first_of_three()
        self.protected()
        way = {"ReplicaServerName": self.fqdn(C), "ReplicaServerPort": 80, "AuthenticationType": Enum("", "Kerberos")}
        self.cmdlet(B, "Enable-VMReplication", **way, ReplicationFrequencySec=300)
        self.cmdlet(B, "Start-VMInitialReplication")
        self.world.clock.advance(HOUR)
        self.world.power_off(A)
        self.cmdlet(B, "Start-VMFailover")
        self.cmdlet(B, "Start-VM", RUNS)

    def _both_on_the_first_of_three(self) -> None:
        """Of three hosts' VMs, HV-A has those that it has of two hosts'."""
        there = self.world.host(C)
        vm = there.vms.pop(there.named(STANDS).id)
        vm.turn("Off", self.world.clock.now())
        self.world.add_vm(self.world.host(A), vm)

    def testing(self) -> None:
        """A test VM of each replica runs."""
        self.protected()
        self.cmdlet(B, "Start-VMFailover", AsTest=True)
        self.cmdlet(B, "Start-VM", *(f"{name} - Test" for name in NAMES))
