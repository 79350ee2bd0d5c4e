# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The replication of VMs on all hosts that have a part in it, before it is removed. Pure.

Input are results of hyperv_replication_info by inventory host. A relation knows only its partner's Windows name, and
after half a removal one side knows nothing any more: then the candidates are asked for the VM's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .failover_partners import Variables, partners
from .failover_sight import records_of
from .failover_states import MAY_RUN, PRIMARY, REPLICA_MODES
from .names import is_one_of, same_host
from .values import is_guid, same_text

Record = Mapping[str, Any]
Readings = Mapping[str, Any]
EXTENDED_LEG = "Extended"


@dataclass
class Subject:
    """One VM: its record on each host that has it, and what is known of partners that have none.

    `unseen` are Windows names that could not be read, `unlinked` of hosts that were read and have no such VM.
    """

    id: str
    name: str
    sides: dict[str, Record] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    unlinked: list[str] = field(default_factory=list)

    def legs(self) -> Iterator[tuple[str, Record]]:
        """Every relation, with the inventory host that shows it."""
        for host, record in self.sides.items():
            for leg in record["relations"] or ():
                yield host, leg

    def live(self, named: str = "") -> str:
        """Inventory host of the live VM, "" where nothing shows it; `named` decides where both are at rest."""
        primaries = [host for host, record in self.sides.items() if record["mode"] == PRIMARY]
        running = [host for host, record in self.sides.items() if record["power"] in MAY_RUN]
        idle = [host for host, record in self.sides.items() if is_replica(record)]
        rest = [host for host in self.sides if host not in idle]
        for found in (primaries, running, rest if idle else ()):
            if len(found) == 1:
                return found[0]
        return named if named in rest else ""


def is_replica(record: Record) -> bool:
    """True for a replica that is not failed over, which cannot be the live VM."""
    return record["mode"] in REPLICA_MODES and record["power"] not in MAY_RUN and "FailedOver" not in record["state"]


def chosen(readings: Readings, host: str, vms: Iterable[str]) -> list[Record]:
    """Records of the VMs on the host where the role plays, by name or id."""
    return [r for r in records_of(readings.get(host)) or () if any(is_vm(r, vm) for vm in vms)]


def is_vm(record: Record, vm: str) -> bool:
    """True when the text is the name, or the id, of the VM."""
    return same_text(record["id"], vm.strip("{}")) if is_guid(vm) else same_text(record["name"], vm)


def removal_hosts(
    readings: Readings, host: str, vms: Sequence[str], candidates: Sequence[str], variables: Variables
) -> dict[str, Any]:
    """`partners`, the inventory hosts of each Windows name; `read`, hosts to be read next; `ids` of the VMs."""
    ids = [str(r["id"]) for r in chosen(readings, host, vms)]
    legs = [leg for leg in _legs_of(readings, ids) if not is_one_of(leg["partner"], _own_names(readings, host, ids))]
    # As records of one host, so that a leg to a third host is looked for as the first one is.
    shown = {**readings, host: {**(readings.get(host) or {}), "vms": legs}}
    found = partners(shown, [host], (), candidates, variables)
    alone = {str(r["id"]) for r in chosen(readings, host, vms) if not r["relations"]}
    wanted = [one for hosts in found["partners"].values() for one in hosts] + list(found["ask"])
    wanted += list(candidates) if alone else []
    return {
        "partners": found["partners"],
        "ids": ids,
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
            simple = leg["type"] == "Simple" and leg["mode"] != PRIMARY
            own.append(leg["replica_server"] if simple else leg["primary_server"])
    return tuple(str(name) for name in own if name)


def see(readings: Readings, host: str, record: Record, hosts: Mapping[str, Sequence[str]]) -> Subject:
    """Everything that was read of one VM."""
    subject = Subject(str(record["id"]), str(record["name"]))
    subject.sides[host] = record
    for other in readings:
        found = _record(readings, other, subject.id)
        if found is not None:
            subject.sides.setdefault(other, found)
    for own, leg in list(subject.legs()):
        _follow(subject, own, leg, readings, hosts)
    if not list(subject.legs()):  # any candidate may have the other half of a removal that was cut off
        subject.unseen += unread(readings)
    return subject


def unread(readings: Readings) -> list[str]:
    """Inventory hosts that could not be read."""
    return [host for host in readings if records_of(readings[host]) is None]


def _follow(subject: Subject, own: str, leg: Record, readings: Readings, hosts: Mapping[str, Sequence[str]]) -> None:
    """Note the partner of a relation where its part was not read, or is not there."""
    name = str(leg["partner"] or "")
    if any(_called(record, name) for host, record in subject.sides.items() if host != own):
        return
    meant = next((found for known, found in hosts.items() if same_host(known, name)), ())
    if any(host in subject.sides for host in meant if host != own):
        return
    read = bool(meant) and all(records_of(readings.get(host)) is not None for host in meant)
    known = subject.unlinked if read else subject.unseen
    if not any(same_host(name, one) for one in known):
        known.append(name)


def _called(record: Record, name: str) -> bool:
    own = [record["host"]]
    for leg in record["relations"] or ():
        own.append(
            leg["primary_server"] if leg["mode"] == PRIMARY or leg["type"] == EXTENDED_LEG else leg["replica_server"]
        )
        own.append(leg["current_replica_server"] if leg["mode"] != PRIMARY else None)
    return is_one_of(name, tuple(str(one) for one in own if one))


def _record(readings: Readings, host: str, vm_id: str) -> Record | None:
    return next((r for r in records_of(readings.get(host)) or () if r["id"] == vm_id), None)
