"""Everything that is simulated: hosts, the links between them, the clock, and who watches.

The clock's condition is the lock of all of it (`world.lock`). Power and links are driven by tests through the methods
here; everything else happens through cmdlets.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..faults import Faults
from ..recorder import Recorder
from .clock import Clock
from .habits import Habits
from .host import Host
from .outage import start_host, stop_host
from .replicating import catch_up
from .vm import VM

if TYPE_CHECKING:
    import threading
    from datetime import datetime

CONTROL = "CONTROL"  # the control node, as an end of a link


def _serves(vm: VM, now: datetime) -> bool:
    booted = vm.guest.boot_seconds is not None and vm.uptime(now).total_seconds() >= vm.guest.boot_seconds
    return vm.state == "Stopping" or (vm.state == "Running" and booted)


class World:
    """Hosts by short name. `links_cut` holds pairs of ends; an end is a host's name or CONTROL."""

    def __init__(self, clock: Clock | None = None, seed: int = 0) -> None:
        self.clock = clock or Clock()
        self.seed = seed
        self.hosts: dict[str, Host] = {}
        self.links_cut: set[frozenset[str]] = set()
        self.habits = Habits()
        self.recorder = Recorder(self)
        self.faults = Faults(seed)
        self.domain_controller: uuid.UUID | None = None  # a VM without which no new log-on works
        self.on_change: list[Callable[[], None]] = []  # called when power or links changed (listeners drop clients)

    @property
    def lock(self) -> threading.Condition:
        """Held by whoever reads or changes the world."""
        return self.clock.condition

    def settle(self) -> None:
        """Apply what is due."""
        self.clock.settle()

    # -- inhabitants ---------------------------------------------------------------------------------------------

    def add_host(self, host: Host) -> Host:
        """Put a host into the world."""
        self.hosts[host.name] = host
        host.join(self)
        for vm in host.vms.values():
            self.adopt(vm)
        return host

    def add_vm(self, host: Host, vm: VM) -> VM:
        """Put a VM on a host; its disks become files there."""
        host.vms[vm.id] = vm
        vm.created = vm.created or self.clock.now()
        for disk in vm.disks:
            if not disk.pass_through:
                host.files.write(disk.path, disk.file_size)
        return self.adopt(vm)

    def adopt(self, vm: VM) -> VM:
        """Watch the VM's power from now on."""
        vm.watch = self.recorder.power_changed
        return vm

    def host(self, name: str) -> Host:
        """The host of that short or full name, without case."""
        return self.hosts[name.partition(".")[0].upper()]

    def vm(self, host: str, name: str) -> VM:
        """The first VM of that very name on a host."""
        return self.host(host).named(name)

    def copies(self, vm_id: uuid.UUID) -> Iterator[tuple[Host, VM]]:
        """Every host that holds a VM of this id, with it."""
        for host in self.hosts.values():
            found = host.vms.get(vm_id)
            if found is not None:
                yield host, found

    def home(self, vm: VM) -> Host | None:
        """The host where this very VM object is now."""
        return next((host for host, found in self.copies(vm.id) if found is vm), None)

    # -- links and power -----------------------------------------------------------------------------------------

    def cut(self, one: str, other: str) -> None:
        """Cut the link between two ends (names of hosts, or CONTROL)."""
        self._relink(one, other, cut=True)

    def mend(self, one: str, other: str) -> None:
        """Mend a link that was cut."""
        self._relink(one, other, cut=False)

    def _relink(self, one: str, other: str, *, cut: bool) -> None:
        with self.lock:
            self.replicate_all()
            pair = frozenset(self._end(name) for name in (one, other))
            (self.links_cut.add if cut else self.links_cut.discard)(pair)
        self._changed()

    def _end(self, name: str) -> str:
        end = name.partition(".")[0].upper()
        if end != CONTROL and end not in self.hosts:
            raise KeyError(f"no host {name}")
        return end

    def linked(self, one: str, other: str) -> bool:
        """Whether the network between two ends is whole; a host always reaches itself."""
        return frozenset((self._end(one), self._end(other))) not in self.links_cut

    def answers(self, host: Host) -> bool:
        """Whether the control node reaches the host now."""
        return host.powered and self.linked(CONTROL, host.name)

    def logs_on(self) -> bool:
        """Whether somebody new can log on: the domain controller, if it is a VM here, runs on some host and has booted.

        Which sites reach it is not asked. While it shuts down it still answers.
        """
        if self.domain_controller is None:
            return True
        with self.lock:
            self.settle()
            now = self.clock.now()
            return any(_serves(vm, now) for _unused, vm in self.copies(self.domain_controller))

    def power_off(self, host: str, *, clean: bool = False) -> None:
        """Take the power from a host; `clean` shuts it down instead, with each VM's AutomaticStopAction."""
        with self.lock:
            self.replicate_all()
            with self.recorder.cause(f"power_off {host}"):
                stop_host(self, self.host(host), clean=clean)
        self._changed()

    def power_on(self, host: str) -> None:
        """Give the power back: VMs start by themselves before anyone can connect."""
        with self.lock:
            self.replicate_all()
            with self.recorder.cause(f"power_on {host}"):
                start_host(self, self.host(host))
        self._changed()

    def replicate_all(self) -> None:
        """Bring every relation up to now under the conditions that held until now."""
        self.settle()
        for host in self.hosts.values():
            for vm in host.sending():
                catch_up(self, host, vm)

    def move(self, vm_id: uuid.UUID, to: str) -> None:
        """Move a clustered VM to another node of its cluster."""
        with self.lock:
            target = self.host(to)
            if target.cluster is None:
                raise ValueError(f"{to} is no node of a cluster")
            self.replicate_all()
            target.cluster.move(vm_id, target)

    def carry(self, path: str, source: str, target: str) -> None:
        """Carry a folder of files from one host to another, as external media does."""
        with self.lock:
            files, there = self.host(source).files, self.host(target).files
            there.make_folder(path)
            for entry in files.below(path, recurse=True):
                there.make_folder(entry.path) if entry.is_folder else there.write(entry.path, entry.size or 0)

    def _changed(self) -> None:
        for callback in list(self.on_change):
            callback()
        with self.lock:
            self.lock.notify_all()

    @classmethod
    def build(cls, hosts: int = 2, vms: int = 20, **facts: Any) -> World:
        """A world from counts: see `build.build`."""
        from .build import build

        return build(hosts, vms, **facts)
