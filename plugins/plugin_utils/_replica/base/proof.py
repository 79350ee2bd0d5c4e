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
from .names import is_one_of
from .states import EXTENDED, Side
from .values import guid, time_utc

_ADVICE = "Register hyperv_replication_info on the other host right before this task, and give its `vms`."


@dataclass(frozen=True)
class Proof:
    """One VM as another host showed it, and when (the control node's clock).

    `names` are further names of that host: its cluster's, and those that the inventory gives it. `clustered`: it is a
    node, and the relation may know its broker only.
    """

    host: str
    side: Side
    read_at: datetime
    names: tuple[str, ...] = ()
    clustered: bool = False

    def is_of(self, names: Iterable[str]) -> bool:
        """True when it is the word of the host that has one of these names."""
        known = tuple(names)
        told = any(is_one_of(name, known) for name in (self.host, *self.names))
        return told or (self.clustered and not self.names)

    def age_seconds(self, now: datetime) -> float:
        """How long ago that was."""
        return (now - self.read_at).total_seconds()


def read_proofs(records: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Proof, ...]]:
    """Proofs by VM id. Raises OptionError for a record that is not one of hyperv_replication_info."""
    proofs: dict[str, tuple[Proof, ...]] = {}
    for record in records:
        try:
            read_at = time_utc(record["read_at"])
            if read_at is None:
                raise ValueError("read_at is null")
            vm, names = guid(record["id"]), tuple(str(name) for name in record.get("host_names") or ())
            clustered = bool(record.get("clustered"))
            proof = Proof(str(record["host"]), side_of(record), read_at, names, clustered)
            proofs[vm] = (*proofs.get(vm, ()), proof)
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
    simple = own_leg(legs)
    return Side(
        mode=str(record["mode"]),
        state=str(record["state"]),
        power=str(record["power"]),
        test_vm=bool(record["test_vm"]),
        copied=bool(simple and simple["last_replication_time"]),
        leg=any(leg is not simple and leg["type"] == "Extended" for leg in legs),
    )


def own_leg(legs: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The relation that makes this side what it is: not the leg on which a replica sends on. Empty without one.

    Which type the relation of a third site has is not documented: its mode tells.
    """
    known = tuple(legs)
    simple = next((leg for leg in known if leg["type"] == "Simple"), None)
    return simple or next((leg for leg in known if leg.get("mode") == EXTENDED), {})
