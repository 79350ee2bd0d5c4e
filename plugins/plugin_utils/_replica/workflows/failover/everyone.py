# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which VMs `vms=all` means: every VM that has its replica on the target. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...base.states import FAILED_OVER_STATES, OFF, PRIMARY, REPLICA_MODES

EVERY = "all"


@dataclass(frozen=True)
class Everyone:
    """Ids of the VMs, what the operator has to know of others, and why nobody can be meant ("" mostly)."""

    ids: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


def everyone(told: Mapping[str, Sequence[Mapping[str, Any]]], wish: str) -> Everyone:
    """The VMs of the target's hosts, from their records by host.

    A VM of which two of the hosts have a copy is left out: it has to be said where it shall run. One that is the
    primary here, and Off, may be what an earlier run could not start any more: it is told, and not touched.
    """
    records = [record for records in told.values() for record in records]
    called = [record for record in records if str(record["name"]).casefold() == EVERY]
    if called:
        return Everyone(problem=f"vms is {EVERY}, and {called[0]['host']} has a VM of that name. Give the VMs by name.")
    holders: dict[str, list[str]] = {}
    for host, own in told.items():
        for record in own:
            holders.setdefault(str(record["id"]), []).append(host)
    twice = {vm: hosts for vm, hosts in holders.items() if len(hosts) > 1}
    meant = [record for record in records if record["id"] not in twice and _is_meant(record, wish)]
    names = {str(record["id"]): str(record["name"]) for record in records}
    both = (f"{names[vm]} is left out: {' and '.join(hosts)} both have it" for vm, hosts in twice.items())
    off = (
        f"{record['name']} is left out: it is the primary on {record['inventory_host']} already, and Off"
        for record in records
        if record["id"] not in twice and record["mode"] == PRIMARY and record["power"] == OFF
    )
    return Everyone(tuple(dict.fromkeys(str(record["id"]) for record in meant)), (*both, *off))


def _is_meant(record: Mapping[str, Any], wish: str) -> bool:
    """A replica that is to be failed over; for what follows a failover, one that is."""
    failed_over = record["state"] in FAILED_OVER_STATES
    return record["mode"] in REPLICA_MODES and (failed_over or wish in ("planned", "unplanned"))
