# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The host's own clock, so that an age never mixes two clocks.

Ages are counted on the clock of the host that answered (Microsoft's replication times are local times of that host).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..base.errors import UnexpectedOutput
from ..base.pipeline import Command
from ..base.session import ErrorRecord, Output
from ..base.values import has_zone, time_utc

READ_CLOCK = Command("Get-Date", {"Format": "o"})  # round-trip format: 2026-03-01T18:30:00.1234567+01:00


@dataclass(frozen=True)
class Clock:
    """The host's time when it answered, and its zone; both None when it could not be asked.

    A DateTime of Hyper-V is local time of the host that answers. Those that say no offset are read in `zone`, and are
    null where the zone is unknown: a guess would be wrong by hours.
    """

    now: datetime | None = None
    zone: timezone | None = None

    @classmethod
    def of(cls, text: str) -> Clock:
        """The clock from `Get-Date -Format o`. Raises ValueError for text that is no time or says no offset."""
        if not has_zone(text):
            raise ValueError(f"'{text}' does not say its offset.")
        local = time_utc(text[:19] + "Z")
        now = time_utc(text)
        if local is None or now is None:
            raise ValueError(f"'{text}' is not a time of today.")
        minutes = round((local - now.replace(microsecond=0)).total_seconds() / 60)
        return cls(now, timezone(timedelta(minutes=minutes)))

    def moment(self, value: Any) -> datetime | None:
        """A time that the host answered, in UTC; None for null, and for one without offset when the zone is unknown."""
        if value is None or value == "":
            return None
        if self.zone is None and not has_zone(str(value)):
            return None
        return time_utc(value, self.zone or timezone.utc)

    def age(self, value: Any) -> int | None:
        """Whole seconds since that time on the host's clock; None when either is unknown, never below 0."""
        then = self.moment(value)
        if then is None or self.now is None:
            return None
        return max(0, int((self.now - then).total_seconds()))


UNKNOWN = Clock()


def read_clock(output: Output) -> Clock:
    """The clock from the answer to READ_CLOCK; unknown when there is none. Raises UnexpectedOutput."""
    texts = [row.text for row in output.of_type("String")]
    if not texts:
        return UNKNOWN
    try:
        return Clock.of(texts[-1])
    except ValueError as error:
        raise UnexpectedOutput("Get-Date", str(error)) from error


def other_errors(output: Output) -> tuple[ErrorRecord, ...]:
    """The errors that do not come from asking for the time.

    A constrained endpoint may not admit Get-Date; then ages are unknown and nothing else is.
    """
    return tuple(error for error in output.errors if not _is_clock(error))


def _is_clock(error: ErrorRecord) -> bool:
    said = (error.target.rpartition("\\")[2], error.cmdlet_class)
    return "Get-Date" in said or error.cmdlet_class.endswith(".GetDateCommand")
