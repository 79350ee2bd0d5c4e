"""The filters of Get- and Measure-VMReplication."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..world.laws_refusals import refuse
from ..world.relation import Relation
from ..world.vm import VM
from .registry import Call
from .resolve import matches

# What these cmdlets refuse as a filter (observed behaviour).
REFUSED = {"ReplicationState": "Disabled", "ReplicationMode": "None"}


@dataclass(frozen=True)
class Filters:
    """What was asked for; None is anything. Server names fit in full or by their short part, with wildcards."""

    state: str | None = None
    mode: str | None = None
    health: str | None = None
    kind: str | None = None
    primary: str | None = None
    replica: str | None = None
    trust_group: str | None = None

    @classmethod
    def of(cls, call: Call) -> Filters:
        """Read the call. Raises invalid_filter for what can never be shown."""
        for parameter, value in REFUSED.items():
            if str(call.get(parameter, "")) == value:
                raise refuse("invalid_filter", value=f"-{parameter} {value}")
        return cls(
            _text(call.get("ReplicationState")),
            _text(call.get("ReplicationMode")),
            _text(call.get("ReplicationHealth")),
            _text(call.get("ReplicationRelationshipType")),
            _text(call.get("PrimaryServerName")),
            _text(call.get("ReplicaServerName")),
            _text(call.get("TrustGroup")),
        )

    def admit_kind(self, relation: Relation) -> bool:
        """Whether the relation is of the type asked for."""
        return self.kind in (None, relation.kind)

    def admit(self, vm: VM, relation: Relation, health: str) -> bool:
        """Whether the relation fits everything asked for."""
        return (
            self.admit_kind(relation)
            and self.state in (None, relation.state)
            and self.mode in (None, relation.mode)
            and self.health in (None, health)
            and _server_fits(self.primary, relation.primary_server)
            and _server_fits(self.replica, relation.replica_server)
            and (self.trust_group is None or self.trust_group.casefold() == relation.trust_group.casefold())
        )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _server_fits(wanted: str | None, name: str) -> bool:
    return wanted is None or matches(wanted, name) or matches(wanted, name.partition(".")[0])
