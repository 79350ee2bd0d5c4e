"""When each VM of a lab was down, as the lab saw it: from the moment it runs no more until it runs somewhere."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from tests.lab.lab import Lab
from tests.lab.world.vm import VM


@dataclass
class PowerLog:
    """Watches the power of all VMs of a lab. Times are those of the lab's clock."""

    lab: Lab
    down: dict[uuid.UUID, datetime] = field(default_factory=dict)
    up: dict[uuid.UUID, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for host in self.lab.world.hosts.values():
            for vm in host.vms.values():
                vm.watch = self._changed

    def _changed(self, vm: VM) -> None:
        self.lab.world.recorder.power_changed(vm)
        if vm.test_of is not None:
            return
        now = self.lab.world.clock.now()
        if vm.state != "Running":
            self.down.setdefault(vm.id, now)
        elif vm.id in self.down:
            self.up.setdefault(vm.id, now)

    def seconds(self) -> dict[uuid.UUID, float]:
        """How long each was down, of those that run again."""
        return {vm: (self.up[vm] - self.down[vm]).total_seconds() for vm in self.down if vm in self.up}
