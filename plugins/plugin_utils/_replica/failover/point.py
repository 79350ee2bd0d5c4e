# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which recovery point a failover takes: what was asked for, and which point of a VM that is.

Points are chosen by id or time, never by matching parts of a name, which holds a localised date. Sources:
https://learn.microsoft.com/powershell/module/hyper-v/get-vmsnapshot (types) and start-vmfailover (-VMRecoverySnapshot).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..base.errors import OptionError
from ..base.units import duration
from ..base.values import has_zone, is_guid, number, time_text, time_utc

LATEST = "latest"
APPLICATION_CONSISTENT = "application_consistent"


@dataclass(frozen=True)
class Point:
    """A recovery point. `time` is null where the host's clock is not known, and so is its `age` in seconds by that."""

    id: str
    name: str
    type: str
    time: datetime | None
    age: int | None = None

    def __str__(self) -> str:
        age = "" if self.age is None else f", {duration(self.age)} old"
        return f"{self.name} ({time_text(self.time) or 'time not known'}{age})"


@dataclass(frozen=True)
class PointWish:
    """latest, application_consistent, by text (a name or an id), or the newest not after a moment."""

    kind: str = LATEST
    text: str = ""
    moment: datetime | None = None


ANY = PointWish()


class NoPoint(ValueError):
    """No recovery point is what was asked for."""


def read_point_wish(point: str | None, time: str | None) -> PointWish:
    """The two options as one value. Raises OptionError."""
    if time is not None:
        moment = time_utc(time) if has_zone(time) else None
        if moment is None:
            raise OptionError(
                "recovery_point_time",
                f"'{time}' is not a time with an offset.",
                "Write it with one, as 2026-03-01T12:00:00+01:00 or 2026-03-01T11:00:00Z.",
            )
        return PointWish("time", moment=moment)
    if point is None or point == LATEST:
        return ANY
    if not point.strip():
        raise OptionError(
            "recovery_point", "an empty text was given.", "Give latest, application_consistent, a name or an id."
        )
    return PointWish(APPLICATION_CONSISTENT) if point == APPLICATION_CONSISTENT else PointWish("text", text=point)


def choose_point(wish: PointWish, points: Iterable[Point]) -> Point | None:
    """The point that is meant; None is "the latest data", which needs no snapshot object. Raises NoPoint."""
    newest_first = (
        sorted(points, key=lambda point: point.time or datetime.min.replace(tzinfo=None), reverse=True)
        if (all(point.time for point in points))
        else list(points)
    )
    if wish.kind == LATEST:
        return None
    if wish.kind == "text":
        return _by_text(wish.text, newest_first)
    if not all(point.time for point in newest_first):
        raise NoPoint("the times of its recovery points could not be read; choose one by name or id")
    fits = [point for point in newest_first if _fits(wish, point)]
    if not fits:
        raise NoPoint(f"it has none {_described(wish)}; it has {listed(newest_first)}")
    return fits[0]


def _fits(wish: PointWish, point: Point) -> bool:
    if wish.kind == APPLICATION_CONSISTENT:
        return point.type == "AppConsistentReplica"
    return point.time is not None and wish.moment is not None and point.time <= wish.moment


def _by_text(text: str, points: list[Point]) -> Point:
    fits = [
        p
        for p in points
        if (p.id == text.strip("{}").lower() if is_guid(text) else p.name.casefold() == text.casefold())
    ]
    if len(fits) != 1:
        found = "no recovery point" if not fits else f"{len(fits)} recovery points"
        raise NoPoint(f"it has {found} {text}; it has {listed(points)}")
    return fits[0]


def _described(wish: PointWish) -> str:
    return (
        "that is application-consistent"
        if wish.kind == APPLICATION_CONSISTENT
        else f"from {time_text(wish.moment)} or before"
    )


def listed(points: Iterable[Point]) -> str:
    """The points, for a sentence."""
    return ", ".join(str(point) for point in points) or "none"


def parse_points(records: Iterable[Mapping[str, Any]]) -> tuple[Point, ...]:
    """Points from the `recovery_points` of an information record."""
    return tuple(
        Point(str(r["id"]).lower(), str(r["name"]), str(r["type"]), time_utc(r["time"]), number(r.get("age_seconds")))
        for r in records
    )
