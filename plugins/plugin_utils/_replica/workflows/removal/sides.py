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

from ...base.identity import Identity, identify, twins
from ...base.names import is_one_of, same_host
from ...base.states import PRIMARY, REPLICA, REPLICA_MODES, Side
from ...base.values import is_guid, same_text
from ..failover.partners import Variables, partners
from ..heard import records_of

Record = Mapping[str, Any]
Readings = Mapping[str, Any]
EXTENDED_LEG = "Extended"
_NONE: Mapping[str, Any] = {"partners": {}, "unknown": [], "names": {}, "ask": []}
NOT_IN_INVENTORY = "it is not in the inventory"


@dataclass
class Subject:
    """One VM: its record on each host that has it, and what is known of partners that have none.

    `unseen` are Windows names that could not be read, and why; `unlinked` of hosts that were read and have no such VM;
    `silent` inventory hosts that were asked for a copy and gave no answer; `strange` is what is wrong with who
    answered.
    """

    id: str
    name: str
    sides: dict[str, Record] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)
    unlinked: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    strange: str = ""

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
    inventory: Sequence[str] = (),
) -> dict[str, Any]:
    """`partners`, the inventory hosts of each Windows name; `unknown`, names without one; `names`, further names of
    hosts; `read`, hosts to be read next; `ids` of the VMs, and `missing`, names that the host has no VM of: what the
    others are asked for. `everywhere`: every candidate is to be asked. `inventory` are all its hosts.
    """
    records = chosen(readings, host, vms)
    ids = [str(r["id"]) for r in records]
    gone = missing(readings, host, vms)
    found = partners(readings, [host], ids, candidates, variables, inventory) if ids else _NONE
    wanted = [one for hosts in found["partners"].values() for one in hosts] + list(found["ask"])
    wanted += list(candidates) if everywhere or gone or any(not r["relations"] for r in records) else []
    return {
        "partners": found["partners"],
        "unknown": found["unknown"],
        "names": found["names"],
        "ids": ids + [vm.strip("{}").lower() for vm in gone if is_guid(vm)],
        "missing": [vm for vm in gone if not is_guid(vm)],
        "read": [one for one in dict.fromkeys(wanted) if one not in readings],
    }


def sends(leg: Record) -> bool:
    """True on the host from which a relation sends: a primary's, and a replica's that goes on to a third host."""
    return bool(leg["mode"] == PRIMARY or (leg["mode"] == REPLICA and leg["type"] == EXTENDED_LEG))


@dataclass(frozen=True)
class World:
    """What was read, which inventory hosts a Windows name means, and what else hosts are called."""

    readings: Readings
    hosts: Mapping[str, Sequence[str]]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def identity(self, host: str) -> Identity:
        """Who answered there."""
        return identify(host, self.readings.get(host), self.names.get(host, ()))

    def meant(self, name: str) -> Sequence[str]:
        """Inventory hosts of a Windows name."""
        return next((found for known, found in self.hosts.items() if same_host(known, name)), ())

    def why_not(self, host: str) -> str:
        """Why a host could not be read."""
        return str((self.readings.get(host) or {}).get("msg") or "it gave no answer")


def see(world: World, vm_id: str, name: str, known: Mapping[str, str] | None = None) -> Subject:
    """Everything that was read of one VM; `known` are inventory hosts that had it when the run began, and who it was
    that answered there.
    """
    subject = Subject(vm_id, name)
    for host in world.readings:
        found = _record(world.readings, host, vm_id)
        if found is not None:
            subject.sides[host] = found
    subject.silent = unread(world.readings)
    subject.strange = _strange(world, subject, known or {})
    for own, leg in list(subject.legs()):
        _follow(world, subject, own, leg)
    # Without a relation any candidate may have the other half of a removal cut off. Once it was seen who has it,
    # the silence of others says nothing.
    alone = known is None and not list(subject.legs())
    lost = subject.silent if alone else [host for host in known or {} if host in subject.silent]
    subject.unseen.update({host: world.why_not(host) for host in lost})
    return subject


def unread(readings: Readings) -> list[str]:
    """Inventory hosts that could not be read."""
    return [host for host in readings if records_of(readings[host]) is None]


def _strange(world: World, subject: Subject, known: Mapping[str, str]) -> str:
    """An answer that is not that of the host which was looked for, or of one that answered elsewhere too."""
    twice = twins(world.identity(host) for host in subject.sides)
    if twice:
        return twice
    for _unused, leg in subject.legs():
        read = [host for host in world.meant(str(leg["partner"])) if host not in subject.silent]
        read = [host for host in read if host in world.readings]
        told = [world.identity(host).differs(str(leg["partner"]), f"the partner of {subject.name}") for host in read]
        if told and all(told):
            return told[0]
    for host, name in known.items():
        now = world.identity(host).windows_name
        if now and name and not same_host(now, name):
            return f"{host} answered as {now}, and as {name} when this run began. Correct its address in the inventory"
    return ""


def _follow(world: World, subject: Subject, own: str, leg: Record) -> None:
    """Note the partner of a relation where its part was not read, or is not there."""
    name = str(leg["partner"] or "")
    if any(is_called(record, name) for host, record in subject.sides.items() if host != own):
        return
    meant = world.meant(name)
    if any(host in subject.sides for host in meant if host != own):
        return
    silent = [host for host in meant if records_of(world.readings.get(host)) is None]
    if meant and not silent:
        if not is_one_of(name, subject.unlinked):
            subject.unlinked.append(name)
    elif not is_one_of(name, subject.unseen):
        subject.unseen[name] = world.why_not(silent[0]) if silent else NOT_IN_INVENTORY


def is_called(record: Record, name: str) -> bool:
    """True when the host of the record goes by that Windows name, or its relations have it by that name."""
    own = [record["host"]]
    for leg in record["relations"] or ():
        own.append(leg["primary_server"] if sends(leg) else leg["replica_server"])
        own.append(None if sends(leg) else leg["current_replica_server"])
    return is_one_of(name, tuple(str(one) for one in own if one))


def _record(readings: Readings, host: str, vm_id: str) -> Record | None:
    return next((r for r in records_of(readings.get(host)) or () if r["id"] == vm_id), None)
