# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a number may be: one table for the options of all modules and the inputs of all roles. Pure.

An argument spec of Ansible cannot hold a range, so descriptions name it, and a test compares them with this table. A
limit beyond its range is a slip of the finger: a negative one is over at once, a huge one never ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import OptionError

_HOUR, _DAY = 3600, 86400
_PIB = 2**50


class Range(NamedTuple):
    """From `least` to `most`, both allowed; `unit` as errors say it."""

    least: float
    most: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.least} to {self.most}{self.unit and ' ' + self.unit}"


RANGES: Mapping[str, Range] = {
    "poll_interval": Range(0.01, 300, "seconds"),
    "settle_timeout": Range(0, _DAY, "seconds"),
    "wait_timeout": Range(0, 7 * _DAY, "seconds"),
    "patience": Range(0, _DAY, "seconds"),
    "shutdown_timeout": Range(1, _DAY, "seconds"),
    "group_timeout": Range(0, _DAY, "seconds"),
    "heartbeat_timeout": Range(1, _DAY, "seconds"),
    "receive_check": Range(1, _HOUR, "seconds"),
    "partner_max_age": Range(1, _HOUR, "seconds"),
    "max_replication_age": Range(1, 30 * _DAY, "seconds"),
    "max_pending_bytes": Range(0, _PIB, "bytes"),
    "min_free_bytes": Range(0, _PIB, "bytes"),
    "renew_before": Range(0, 3650, "days"),
    "replica_port": Range(1, 65535),
    "kerberos_port": Range(1, 65535),
    "certificate_port": Range(1, 65535),
    # What Set-VMReplication takes: https://learn.microsoft.com/powershell/module/hyper-v/set-vmreplication
    "recovery_history": Range(0, 24),
    "app_consistent_hours": Range(0, 12, "hours"),
    "width": Range(72, 1000, "cells"),
}


def check_ranges(options: Mapping[str, Any]) -> None:
    """Raises OptionError for the first number that is beyond its range; options without one pass."""
    for name, value in options.items():
        allowed = RANGES.get(name)
        if allowed is None or not isinstance(value, (int, float)) or isinstance(value, bool):
            continue
        if not allowed.least <= value <= allowed.most:
            raise OptionError(name, f"{value:.15g} is out of range.", f"Give {allowed}.")
