"""One side of a replication relation, as its own host knows it. The other side is another object on another host.

What is allowed is in laws_replication.py, what time does to it in replicating.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .clock import Due

SIMPLE, EXTENDED = "Simple", "Extended"
PRIMARY, REPLICA, EXTENDED_REPLICA = "Primary", "Replica", "ExtendedReplica"

DEFAULT_FREQUENCY = 300
RESYNC_WINDOW = (timedelta(hours=18, minutes=30), timedelta(hours=6))


@dataclass
class Settings:
    """What Enable- and Set-VMReplication set; kept equal on both sides while they can talk.

    CompressionEnabled and BypassProxyServer when left out are unverified: on and off here.
    """

    frequency: int = DEFAULT_FREQUENCY
    history: int = 0
    vss_hours: int = 0
    compression: bool = True
    bypass_proxy: bool = False
    host_kvp: bool = True
    auto_resync: bool = False
    resync_start: timedelta = RESYNC_WINDOW[0]
    resync_end: timedelta = RESYNC_WINDOW[1]


@dataclass
class Statistics:
    """Counters of the monitoring window that began at `since`. Sizes are bytes."""

    since: datetime | None = None
    succeeded: int = 0
    missed: int = 0
    errors: int = 0
    sent: int = 0
    largest: int = 0
    latency: timedelta = timedelta()
    slowest: timedelta = timedelta()
    last_test: datetime | None = None
    last_vss: datetime | None = None

    def missed_share(self) -> float:
        """Part of the cycles that was missed, 0 to 1."""
        cycles = self.succeeded + self.missed
        return self.missed / cycles if cycles else 0.0


@dataclass
class Transfer:
    """Work under way that takes time: `kind` is initial, export, import, resync, update, delta or failover."""

    kind: str
    size: int
    began: datetime
    ends: Due | None = None
    seconds: float = 0.0

    def remaining(self, now: datetime) -> int:
        """Bytes still to go."""
        gone = (now - self.began).total_seconds() / self.seconds if self.seconds > 0 else 1.0
        return int(self.size * (1.0 - min(max(gone, 0.0), 1.0)))

    def percent(self, now: datetime) -> int:
        """How far it is."""
        return 100 - (self.remaining(now) * 100 // self.size if self.size else 0)


@dataclass(eq=False)
class Relation:
    """`mode` Primary, Replica or ExtendedReplica; `kind` Simple, or Extended for the leg on which a replica sends."""

    mode: str
    state: str
    primary_server: str = ""
    primary_point: str = ""  # the name under which the primary came: its broker's on a cluster
    replica_server: str = ""
    current_replica_server: str = ""
    port: int = 80
    authentication: str = "Kerberos"
    thumbprint: str = ""
    kind: str = SIMPLE
    allowed_primary: str = ""
    trust_group: str = ""
    settings: Settings = field(default_factory=Settings)
    disks: list[str] = field(default_factory=list)  # ids of the disks in the relation
    initial_start: datetime | None = None
    resync_start: datetime | None = None
    scheduled: Due | None = None
    last_replication: datetime | None = None
    last_applied: datetime | None = None
    last_type: str = "None"
    failed_over_type: str = "None"
    statistics: Statistics = field(default_factory=Statistics)
    transfer: Transfer | None = None
    next_cycle: datetime | None = None
    sent_mark: int = 0  # of the VM's written bytes, how many the other side has
    failures: int = 0  # cycles missed in a row
    resume_to: str = ""  # what a pause or an error goes back to
    cannot_send: bool = False
    exported: bool = False
    initial_done: bool = False
    as_replica: bool = False  # marked -AsReplica: waits for a primary to adopt it

    @property
    def sends(self) -> bool:
        """Whether this side sends to another host."""
        return self.mode == PRIMARY or self.kind == EXTENDED

    @property
    def receives(self) -> bool:
        """Whether this side takes from another host."""
        return not self.sends

    def drop_work(self) -> None:
        """Forget work under way and what is scheduled."""
        for due in (self.scheduled, self.transfer.ends if self.transfer else None):
            if due is not None:
                due.cancel()
        self.scheduled = self.transfer = None
        self.initial_start = self.resync_start = None
