# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What an operator has to know of a VM that may be running on two hosts, to decide which copy to lose. Pure.

Nobody can tell from the outside which of the two the users work with, so everything that was read is told: where, since
when, and what reached the replica last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..base.units import duration
from ..base.values import number

Record = Mapping[str, Any]


def told(records: Mapping[str, Record]) -> str:
    """Half a sentence with each host, how long the copy there runs, and the last replication."""
    runs = ", and ".join(f"on {host} {_runs(record)}" for host, record in records.items())
    return f"{runs}; {_last_replication(records.values())}"


def _runs(record: Record) -> str:
    seconds = record.get("uptime_seconds")
    since = f"for {duration(float(seconds))}" if seconds is not None else "for a time that is not known"
    return f"it is {record['power']} {since} ({record['mode']}/{record['state']})"


def _last_replication(records: Iterable[Record]) -> str:
    """The newest that any of them tells."""
    found = [
        (str(leg["last_replication_time"]), number(leg.get("last_replication_age_seconds")))
        for record in records
        for leg in record.get("relations") or ()
        if leg.get("last_replication_time")
    ]
    if not found:
        return "when it last replicated is not known"
    time, age = max(found, key=lambda one: one[0])
    return f"it last replicated at {time}" + (f" ({duration(age)} ago)" if age is not None else "")
