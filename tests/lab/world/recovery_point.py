"""A recovery point of a replica VM."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

STANDARD, APP_CONSISTENT, PLANNED = "Replica", "AppConsistentReplica", "SyncedReplica"


@dataclass(eq=False)
class RecoveryPoint:
    """`kind` is the SnapshotType by name; `size` what going back to it has to undo, in bytes."""

    created: datetime
    kind: str = STANDARD
    size: int = 0
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    def name(self, vm_name: str, shown: datetime) -> str:
        """As the product names it: kind and local date, with typographic dashes (recorded on a replica)."""
        words = {APP_CONSISTENT: "Application-consistent Replica", PLANNED: "Planned Failover Replica"}
        kind = words.get(self.kind, "Standard Replica")
        return f"{vm_name} – {kind} – ({shown.month}/{shown.day}/{shown.year} – {shown:%I:%M:%S %p})"
