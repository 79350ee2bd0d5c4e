# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Both sides of VMs as their hosts show them now, from registered results of hyperv_replication_info. Pure.

A VM is its id. A host that was not read makes its side unseen, which is never taken for absent, off or dead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ReplicaError
from .failover_proof import side_of
from .failover_states import ABSENT, Pair, Side
from .names import same_host
from .values import same_text

Record = Mapping[str, Any]


@dataclass(eq=False)
class PlanError(ReplicaError):
    """The input of a failover filter cannot be a reading of hosts, or what was asked cannot be meant."""

    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(frozen=True)
class Seen:
    """One VM as both hosts show it. `elsewhere` is the inventory host of the other side, "" when none was read.

    `partner` is the other host's Windows name, as the target knows it.
    """

    id: str
    name: str
    here: str
    elsewhere: str
    pair: Pair
    partner: str
    record: Record | None = None
    other_record: Record | None = None

    @property
    def last_sent_planned(self) -> bool:
        """True when the last that the replica received was the last delta of a preparation (Measure-VMReplication)."""
        counters = (self.record or {}).get("statistics") or ()
        return any(c["type"] == "Simple" and c.get("last_replication_type") == "Planned" for c in counters)

    def host(self, where: str) -> str:
        """Inventory host of a side (target or other)."""
        return self.here if where == "target" else self.elsewhere

    def host_shown(self, where: str) -> str:
        """The same for people, also where the inventory has no such host."""
        return self.host(where) or self.partner or "the other host"

    def record_of(self, where: str) -> Record | None:
        """The record of a side; None when it was not read, or has no such VM."""
        return self.record if where == "target" else self.other_record


@dataclass(frozen=True)
class Sight:
    """What is known of hosts: results by inventory host, the target's hosts, and which hosts a Windows name means."""

    readings: Mapping[str, Any]
    targets: Sequence[str]
    partners: Mapping[str, Sequence[str]]

    def records(self, host: str) -> Sequence[Record] | None:
        """VM records of a host; None when it was not read."""
        return records_of(self.readings.get(host))

    def targets_read(self) -> bool:
        """True when every host of the target answered."""
        return all(self.records(host) is not None for host in self.targets)

    def asked_for(self, vm: str) -> Record:
        """The target's record of a VM, by name or id. Raises PlanError for none, and for two of one name."""
        found = [r for host in self.targets for r in self.records(host) or () if _is(r, vm)] or self._renamed(vm)
        if len(found) == 1:
            return found[0]
        unread = [host for host in self.targets if self.records(host) is None]
        if unread and not found:
            problem = str((self.readings.get(unread[0]) or {}).get("msg") or "it gave no answer")
            raise PlanError(f"{vm}: {unread[0]}, where the VMs shall run, could not be read: {problem}")
        where = ", ".join(self.targets)
        if found:
            raise PlanError(f"{vm}: {where} has {len(found)} VMs of that name. Give the id of the one that is meant.")
        raise PlanError(f"{vm}: {where} has no VM of that name or id. VMs can run only where their replica is.")

    def _renamed(self, vm: str) -> list[Record]:
        """The target's records of VMs that have this name on their other side: a VM is its id."""
        others = [host for host in self.readings if host not in self.targets]
        ids = {r["id"] for host in others for r in self.records(host) or () if _is(r, vm)}
        return [r for host in self.targets for r in self.records(host) or () if r["id"] in ids]

    def see(self, vm_id: str, name: str, here: str = "", partner: str = "") -> Seen:
        """Both sides of a VM now. `here` and `partner` are what was known before, for when the target is not read."""
        found = next(
            (r for host in self.targets for r in self.records(host) or () if r["id"] == vm_id),
            None,
        )
        target = _side(found) if found else Side(mode=ABSENT) if self.targets_read() else None
        partner = str((found or {}).get("partner") or partner)
        hosts = self.partner_hosts(partner)
        other = next((r for host in hosts for r in self.records(host) or () if r["id"] == vm_id), None)
        read = bool(hosts) and all(self.records(host) is not None for host in hosts)
        other_side = _side(other) if other else Side(mode=ABSENT) if read else None
        at = str(found["inventory_host"]) if found else here or (self.targets[0] if self.targets else "")
        elsewhere = str(other["inventory_host"]) if other else hosts[0] if hosts else ""
        return Seen(
            vm_id,
            str((found or {}).get("name") or name),
            at,
            elsewhere,
            Pair(target, other_side),
            partner,
            found,
            other,
        )

    def is_cluster(self, where: str, partner: str) -> bool:
        """True for a side of several nodes: a VM that was there a moment ago may be moving between two of them."""
        return len(self.targets if where == "target" else self.partner_hosts(partner)) > 1

    def partner_hosts(self, partner: str) -> Sequence[str]:
        """Inventory hosts that a Windows name means."""
        for name, hosts in self.partners.items():
            if same_host(name, partner):
                return hosts
        return ()


def records_of(result: Any) -> Sequence[Record] | None:
    """The VM records of a result; None where the host could not be read."""
    if not isinstance(result, Mapping) or result.get("failed") or result.get("unreachable"):
        return None
    vms = result.get("vms")
    return list(vms) if vms is not None else None


def host_answered(result: Any) -> bool:
    """True when the host said something, be it an error. Only a connection that was refused or cut is silence."""
    if not isinstance(result, Mapping) or not result:
        return False
    return bool(result.get("host_answered", not result.get("unreachable")))


def partner_names(records: Iterable[Record]) -> list[str]:
    """Windows names of the other hosts of these VMs, each once."""
    names: list[str] = []
    for record in records:
        name = record.get("partner")
        if name and not any(same_host(str(name), known) for known in names):
            names.append(str(name))
    return names


def _is(record: Record, vm: str) -> bool:
    return same_text(record["name"], vm) or same_text(record["id"], vm.strip("{}"))


def _side(record: Record) -> Side | None:
    """A side, or None for one whose replication could not be read."""
    try:
        return side_of(record)
    except ValueError:
        return None
