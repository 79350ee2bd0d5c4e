# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Spans of time and sizes as people read them, the one way everywhere. Pure."""

from __future__ import annotations


def duration(seconds: float | None) -> str:
    """A span of time in its one or two largest units: `45 s`, `5 min`, `2 h 10 min`, `3 d 4 h`."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:g} s" if seconds == int(seconds) else f"{seconds:.1f} s"
    minutes = int(seconds) // 60
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h" if hours % 24 and days < 10 else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min"


def size(count: int | None, unknown: str = "-") -> str:
    """Bytes for people, the one way everywhere: in steps of 1024, as Windows counts, with the unit that says so.

    `512 B`, `4.0 KiB`, `6.3 GiB`; `unknown` for None.
    """
    if count is None:
        return unknown
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
