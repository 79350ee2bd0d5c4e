# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Proof of the other side: what its host answered about the same VMs, as records that were registered, with their age.

Input is the option `partner`: the `vms` of hyperv_replication_info from the other host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .errors import OptionError
from .failover_states import Side
from .values import guid, time_utc

_ADVICE = "Register hyperv_replication_info on the other host right before this task, and give its `vms`."


@dataclass(frozen=True)
class Proof:
    """One VM as its other host showed it, and when (the control node's clock)."""

    host: str
    side: Side
    read_at: datetime

    def age_seconds(self, now: datetime) -> float:
        """How long ago that was."""
        return (now - self.read_at).total_seconds()


def read_proofs(records: Iterable[Mapping[str, Any]]) -> dict[str, Proof]:
    """Proofs by VM id. Raises OptionError for a record that is not one of hyperv_replication_info."""
    proofs: dict[str, Proof] = {}
    for record in records:
        try:
            read_at = time_utc(record["read_at"])
            if read_at is None:
                raise ValueError("read_at is null")
            proofs[guid(record["id"])] = Proof(str(record["host"]), side_of(record), read_at)
        except (KeyError, ValueError, TypeError) as error:
            raise OptionError(
                "partner", f"a record is not one of hyperv_replication_info ({error}).", _ADVICE
            ) from None
    return proofs


def side_of(record: Mapping[str, Any]) -> Side:
    """The record of a VM, reduced to what decides a failover. Raises KeyError or ValueError for an unreadable one.

    The states are those of the simple relation. Of a leg to a third site only that it is there counts.
    """
    legs = record["relations"]
    if legs is None:
        raise ValueError(f"the replication of {record['name']} could not be read there")
    simple = next((leg for leg in legs if leg["type"] == "Simple"), None)
    return Side(
        mode=str(record["mode"]),
        state=str(record["state"]),
        power=str(record["power"]),
        test_vm=bool(record["test_vm"]),
        copied=bool(simple and simple["last_replication_time"]),
        leg=any(leg["type"] == "Extended" for leg in legs),
    )
