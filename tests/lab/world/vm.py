"""A virtual machine as its host holds it: power, guest, disks, adapters, relations, recovery points.

A VM does not know its host: it may move. What it may do in which state is in the laws; here is only what it is, and
what time makes of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .clock import Due
from .network import Adapter
from .recovery_point import RecoveryPoint
from .relation import EXTENDED, SIMPLE, Relation
from .storage import GIB, Disk

# States in which the guest is alive: two of them for one id on two hosts break the first law.
LIVE = frozenset({"Running", "Starting", "Stopping", "Paused", "Pausing", "Resuming", "Saving"})

GUEST_SERVICES, HEARTBEAT, KEY_VALUE_PAIRS = "Guest Service Interface", "Heartbeat", "Key-Value Pair Exchange"
SHUTDOWN, TIME, VSS = "Shutdown", "Time Synchronization", "VSS"
SERVICES = (GUEST_SERVICES, HEARTBEAT, KEY_VALUE_PAIRS, SHUTDOWN, TIME, VSS)


@dataclass
class Guest:
    """How the system inside behaves.

    `answer` to a shutdown: "clean" (off after `shutdown_seconds`), "hang" (never off), or a code of
    Msvm_ShutdownComponent.InitiateShutdown as a number: refused with it. `notice_seconds` is how long a VM that was
    told to shut down still shows Running. `boot_seconds` pass before the first heartbeat; None: it never beats.
    `applications` is what the heartbeat tells of them, Healthy or Unknown: both are normal. `old_services`: their
    protocol is older than the host's, which a second line of their status says and which hinders nothing.
    """

    answer: str | int = "clean"
    shutdown_seconds: float = 20.0
    notice_seconds: float = 0.0
    boot_seconds: float | None = 15.0
    writes_bytes_per_second: int = 200_000
    healthy: bool = True
    locked: bool = False
    applications: str = "Healthy"
    old_services: bool = False


@dataclass
class IntegrationService:
    """One integration service: switched on here, and whether it runs in the guest."""

    name: str
    enabled: bool = True
    running: bool = True


def standard_services() -> dict[str, IntegrationService]:
    """The six services of a fresh VM; the guest service interface is off by default."""
    return {name: IntegrationService(name, enabled=name != GUEST_SERVICES) for name in SERVICES}


@dataclass(eq=False)
class VM:
    """One VM on one host. Sizes are bytes, times are virtual UTC."""

    name: str
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    state: str = "Off"
    generation: int = 2
    version: str = "10.0"
    processors: int = 2
    memory_startup: int = 2 * GIB
    dynamic_memory: bool = False
    path: str = ""
    notes: str = ""
    start_action: str = "StartIfRunning"
    start_delay: int = 0
    stop_action: str = "Save"
    checkpoint_type: str = "Production"
    created: datetime | None = None
    disks: list[Disk] = field(default_factory=list)
    adapters: list[Adapter] = field(default_factory=list)
    guest: Guest = field(default_factory=Guest)
    services: dict[str, IntegrationService] = field(default_factory=standard_services)
    tpm: bool = False
    shielded: bool = False
    guardian: str = ""
    clustered: bool = False
    relations: dict[str, Relation] = field(default_factory=dict)
    recovery_points: list[RecoveryPoint] = field(default_factory=list)
    test_of: VM | None = None
    test_vm: VM | None = None
    ran_at_stop: bool = False
    busy: str = ""  # a backup, merge or migration in progress: the operational status by name
    conditions: tuple[str, ...] = ()  # statuses that name no operation (SwitchNotInIovMode …) and may stay for ever
    send_bytes_per_second: int | None = None  # of this VM alone; None: the world's
    started: datetime | None = None
    shutdown: Due | None = None
    watch: Callable[[VM], None] | None = field(default=None, repr=False)
    settings: dict[str, object] = field(default_factory=dict)  # what Set-VM stored and nothing here acts on
    _written: int = 0
    _written_at: datetime | None = None

    @property
    def relation(self) -> Relation | None:
        """The Simple relation, the one that Get-VM shows."""
        return self.relations.get(SIMPLE)

    @property
    def leg(self) -> Relation | None:
        """The Extended relation that a replica sends on, if any."""
        return self.relations.get(EXTENDED)

    @property
    def mode(self) -> str:
        """ReplicationMode by name."""
        if self.test_of is not None:
            return "TestReplica"
        return self.relation.mode if self.relation else "None"

    @property
    def alive(self) -> bool:
        """Whether the guest is in memory and may write."""
        return self.state in LIVE

    def turn(self, state: str, now: datetime) -> None:
        """Go to a power state. Uptime, written bytes and a shutdown under way follow."""
        self._settle_writes(now)
        was_alive = self.alive
        self.state = state
        if not self.alive:
            self.started = None
            if self.shutdown is not None:
                self.shutdown.cancel()
                self.shutdown = None
        elif not was_alive:
            self.started = now
        if self.watch is not None:
            self.watch(self)

    def uptime(self, now: datetime) -> timedelta:
        """Time since the guest was started."""
        return max(now - self.started, timedelta()) if self.started else timedelta()

    def heartbeat(self, now: datetime) -> bool:
        """Whether the guest answers: it runs, has booted, and its service is on."""
        boot, service = self.guest.boot_seconds, self.services.get(HEARTBEAT)
        if self.state != "Running" or boot is None or not self.guest.healthy or service is None or not service.enabled:
            return False
        return self.uptime(now).total_seconds() >= boot

    def written(self, now: datetime) -> int:
        """All bytes that the guest has written to its disks so far."""
        self._settle_writes(now)
        return self._written

    def write(self, size: int) -> None:
        """The guest writes so many bytes at once: a large delta to come."""
        self._written += size

    def _settle_writes(self, now: datetime) -> None:
        if self.state in ("Running", "Stopping") and self._written_at is not None:
            elapsed = max((now - self._written_at).total_seconds(), 0.0)
            self._written += int(elapsed * self.guest.writes_bytes_per_second)
        self._written_at = now
