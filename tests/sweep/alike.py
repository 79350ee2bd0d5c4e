"""Whether two worlds are alike: the same in all that their hosts can show, but for times and what grows with them.

A play remembers nothing from one run to the next: where it goes on is decided by what it reads. So what a play does
from a world, it does from every world like it, and a sweep needs to see that once.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from tests.lab.world.clock import Due
from tests.lab.world.host import Host
from tests.lab.world.recovery_point import RecoveryPoint
from tests.lab.world.relation import Relation, Transfer
from tests.lab.world.storage import Disk, Entry, Volume
from tests.lab.world.vm import VM
from tests.lab.world.world import World

GUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
GROWS: Mapping[type, frozenset[str]] = {
    Host: frozenset({"_world"}),
    VM: frozenset({"_written", "_written_at", "watch", "test_of"}),
    Relation: frozenset({"statistics", "sent_mark"}),
    Transfer: frozenset({"size", "seconds", "began"}),
    RecoveryPoint: frozenset({"size", "id", "created"}),
    Disk: frozenset({"file_size"}),
    Entry: frozenset({"size", "created"}),
    Volume: frozenset({"free"}),
}
"""Fields that time changes, or chance, or that lead back up."""


def likeness(world: World) -> Hashable:
    """What worlds that are alike have in common; None while something is under way that no host shows."""
    with world.lock:
        world.settle()
        if world.faults.late or any(call.outcome == "running" for call in world.recorder.calls) or _at_work():
            return None
        return _of(world.hosts), frozenset(world.links_cut)


def _at_work() -> bool:
    """Whether a pipeline or a job still runs here whose client is gone."""
    return any(thread.name.startswith(("pipeline ", "job ")) for thread in threading.enumerate())


def _of(value: Any) -> Hashable:
    if isinstance(value, Due):
        return "due" if value.open else None
    if isinstance(value, datetime):
        return "some time"
    if isinstance(value, (str, uuid.UUID)):
        return GUID.sub("id", str(value))
    if is_dataclass(value):
        left_out = GROWS.get(type(value), frozenset[str]())
        names = [field.name for field in fields(value) if field.name not in left_out]
        return type(value).__name__, tuple((name, _of(getattr(value, name))) for name in names)
    if isinstance(value, Mapping):
        return tuple(sorted(((_of(key), _of(item)) for key, item in value.items()), key=repr))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(_of, value))
    if isinstance(value, (list, tuple)):
        alike = map(_of, value)
        # Replication makes points as time goes by: of which kinds they are matters, not how many there are.
        return frozenset(alike) if value and isinstance(value[0], RecoveryPoint) else tuple(alike)
    if value is None or isinstance(value, (bool, int, float, timedelta, tzinfo)):
        return value
    raise TypeError(f"{type(value)} in a world: say here what of it a host can show")
