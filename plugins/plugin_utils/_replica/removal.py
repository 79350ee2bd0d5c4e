# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The replication of VMs on all hosts that have a part in it, before it is removed. Pure.

Input are results of hyperv_replication_info by inventory host. A relation knows only its partner's Windows name, and
after half a removal one side knows nothing any more: then the candidates are asked for the VM's id. A copy that no
relation names counts like any other, so all candidates are asked before anything is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .failover_partners import Variables, partners
from .failover_sight import records_of
from .failover_states import PRIMARY, REPLICA, REPLICA_MODES, Side
from .names import is_one_of, same_host
from .values import is_guid, same_text

Record = Mapping[str, Any]
Readings = Mapping[str, Any]
EXTENDED_LEG = "Extended"


@dataclass
class Subject:
    """One VM: its record on each host that has it, and what is known of partners that have none.

    `unseen` are Windows names that could not be read, `unlinked` of hosts that were read and have no such VM, `silent`
    inventory hosts that were asked for a copy and gave no answer.
    """

    id: str
    name: str
    sides: dict[str, Record] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    unlinked: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def legs(self) -> Iterator[tuple[str, Record]]:
        """Every relation, with the inventory host that shows it."""
        for host, record in self.sides.items():
            for leg in record["relations"] or ():
                yield host, leg

    def running(self) -> list[str]:
        """Inventory hosts of the copies that run, or may."""
        return [host for host, record in self.sides.items() if may_run(record)]


def may_run(record: Record) -> bool:
    """True unless the VM certainly executes nothing there."""
    return Side(power=str(record["power"])).may_run


def is_replica(record: Record) -> bool:
    """True for a replica that is not failed over, which cannot be the live VM."""
    return record["mode"] in REPLICA_MODES and not may_run(record) and "FailedOver" not in record["state"]


def chosen(readings: Readings, host: str, vms: Iterable[str]) -> list[Record]:
    """Records of the VMs on the host where the role plays, by name or id."""
    return [r for r in records_of(readings.get(host)) or () if any(is_vm(r, vm) for vm in vms)]


def is_vm(record: Record, vm: str) -> bool:
    """True when the text is the name, or the id, of the VM."""
    return same_text(record["id"], vm.strip("{}")) if is_guid(vm) else same_text(record["name"], vm)


def elsewhere(readings: Readings, host: str, vm: str) -> dict[str, Record]:
    """The VM of that name or id on other hosts, by inventory host."""
    others = {other: records_of(result) or () for other, result in readings.items() if other != host}
    return {other: r for other, records in others.items() for r in records if is_vm(r, vm)}


def missing(readings: Readings, host: str, vms: Iterable[str]) -> list[str]:
    """Names and ids that the host, which was read, has no VM of."""
    records = records_of(readings.get(host))
    return [vm for vm in vms if records is not None and not any(is_vm(r, vm) for r in records)]


def removal_hosts(
    readings: Readings,
    host: str,
    vms: Sequence[str],
    candidates: Sequence[str],
    variables: Variables,
    everywhere: bool = False,
) -> dict[str, Any]:
    """`partners`, the inventory hosts of each Windows name; `read`, hosts to be read next; `ids` of the VMs, and
    `names` that the host has no VM of: what the others are asked for. `everywhere`: every candidate is to be asked.
    """
    records = chosen(readings, host, vms)
    ids = [str(r["id"]) for r in records]
    gone = missing(readings, host, vms)
    legs = [leg for leg in _legs_of(readings, ids) if not is_one_of(leg["partner"], _own_names(readings, host, ids))]
    # As records of one host, so that a leg to a third host is looked for as the first one is.
    shown = {**readings, host: {**(readings.get(host) or {}), "vms": legs}}
    found = partners(shown, [host], (), candidates, variables)
    wanted = [one for hosts in found["partners"].values() for one in hosts] + list(found["ask"])
    wanted += list(candidates) if everywhere or gone or any(not r["relations"] for r in records) else []
    return {
        "partners": found["partners"],
        "ids": ids + [vm.strip("{}").lower() for vm in gone if is_guid(vm)],
        "names": [vm for vm in gone if not is_guid(vm)],
        "read": [one for one in dict.fromkeys(wanted) if one not in readings],
    }


def _legs_of(readings: Readings, ids: Sequence[str]) -> list[dict[str, Any]]:
    found = [r for result in readings.values() for r in records_of(result) or () if r["id"] in ids]
    return [
        {"id": r["id"], "name": r["name"], "partner": leg["partner"]}
        for r in found
        for leg in r["relations"] or ()
        if leg["partner"]
    ]


def _own_names(readings: Readings, host: str, ids: Sequence[str]) -> tuple[str, ...]:
    """How others may call the host: its own name, its broker's, and the one under which its relations have it."""
    result = readings.get(host) or {}
    broker = ((result.get("cluster") or {}).get("broker") or {}).get("name")
    own = [result.get("windows_name"), broker]
    for record in records_of(result) or ():
        for leg in record["relations"] or () if record["id"] in ids else ():
            own.append(leg["primary_server"] if sends(leg) else leg["replica_server"])
    return tuple(str(name) for name in own if name)


def sends(leg: Record) -> bool:
    """True on the host from which a relation sends: a primary's, and a replica's that goes on to a third host."""
    return bool(leg["mode"] == PRIMARY or (leg["mode"] == REPLICA and leg["type"] == EXTENDED_LEG))


def see(
    readings: Readings, vm_id: str, name: str, hosts: Mapping[str, Sequence[str]], known: Iterable[str] = ()
) -> Subject:
    """Everything that was read of one VM; `known` are inventory hosts that had it when the run began."""
    subject = Subject(vm_id, name)
    for host in readings:
        found = _record(readings, host, vm_id)
        if found is not None:
            subject.sides[host] = found
    for own, leg in list(subject.legs()):
        _follow(subject, own, leg, readings, hosts)
    subject.silent = unread(readings)
    lost = [host for host in known if host in subject.silent]
    # Without a relation any candidate may have the other half of a removal that was cut off.
    subject.unseen += lost if list(subject.legs()) else subject.silent
    return subject


def unread(readings: Readings) -> list[str]:
    """Inventory hosts that could not be read."""
    return [host for host in readings if records_of(readings[host]) is None]


def _follow(subject: Subject, own: str, leg: Record, readings: Readings, hosts: Mapping[str, Sequence[str]]) -> None:
    """Note the partner of a relation where its part was not read, or is not there."""
    name = str(leg["partner"] or "")
    if any(is_called(record, name) for host, record in subject.sides.items() if host != own):
        return
    meant = next((found for known, found in hosts.items() if same_host(known, name)), ())
    if any(host in subject.sides for host in meant if host != own):
        return
    read = bool(meant) and all(records_of(readings.get(host)) is not None for host in meant)
    known = subject.unlinked if read else subject.unseen
    if not any(same_host(name, one) for one in known):
        known.append(name)


def is_called(record: Record, name: str) -> bool:
    """True when the host of the record goes by that Windows name, or its relations have it by that name."""
    own = [record["host"]]
    for leg in record["relations"] or ():
        own.append(leg["primary_server"] if sends(leg) else leg["replica_server"])
        own.append(None if sends(leg) else leg["current_replica_server"])
    return is_one_of(name, tuple(str(one) for one in own if one))


def _record(readings: Readings, host: str, vm_id: str) -> Record | None:
    return next((r for r in records_of(readings.get(host)) or () if r["id"] == vm_id), None)
