# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Both sides of VMs as their hosts show them now, from registered results of hyperv_replication_info. Pure.

A VM is its id. A host that was not read makes its side unseen, which is never taken for absent, off or dead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...base.command_line import typed_vm
from ...base.errors import PlanError
from ...base.identity import Identity, identify, moved, windows_name_of
from ...base.names import normal, same_host
from ...base.proof import own_leg, side_of
from ...base.states import ABSENT, PRIMARY, REPLICA_MODES, Copy, Pair, Side
from ..heard import may_have_a_copy, records_of

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """One VM as its hosts show it. `elsewhere` is the inventory host of the other side, "" when none was read.

    `partner` is the other host's Windows name, as the target knows it. `strange`: an answer that is not that of the
    host which was meant. `unread`: why the other side could not be read.
    """

    id: str
    name: str
    here: str
    elsewhere: str
    pair: Pair
    partner: str
    record: Record | None = None
    other_record: Record | None = None
    strange: str = ""
    unread: str = ""
    unread_here: str = ""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    causes: Mapping[str, str] = field(default_factory=dict)
    third: str = ""
    beyond: Record | None = None

    @property
    def last_sent(self) -> str:
        """The type of what the replica received last (Measure-VMReplication): Planned is a preparation's last delta.

        "" where it was not read.
        """
        counters = (self.record or {}).get("statistics") or ()
        return next((str(c.get("last_replication_type") or "") for c in counters if c["type"] == "Simple"), "")

    @property
    def name_or_id(self) -> str:
        """What a command calls it: its name where that is plain text, else its id."""
        return typed_vm(self.name, self.id)

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
    """What is known of hosts: results by inventory host, the target's hosts, and which hosts a Windows name means.

    `names` are further names of hosts: the operator's, their clusters'. `first` are the Windows names that hosts
    answered with when the run began, `copies` what was read before of holders beside the two sides (by VM id and
    host). `reach` are the hosts that may be contacted, None for all. `cells` are the targets as they belong together:
    a host, or the nodes of a cluster; a VM has one of them. `to` is what the operator calls all of them.
    """

    readings: Mapping[str, Any]
    targets: Sequence[str]
    partners: Mapping[str, Sequence[str]]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    first: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, Mapping[str, Side]] = field(default_factory=dict)
    reach: Sequence[str] | None = None
    cells: Sequence[Sequence[str]] = ()
    to: str = ""

    def records(self, host: str) -> Sequence[Record] | None:
        """VM records of a host; None when it was not read, or when another one answered than before."""
        if host not in self._records:
            self._records[host] = None if self.changed(host) else records_of(self.readings.get(host))
        return self._records[host]

    def holders_of(self, vm_id: str) -> Mapping[str, Record]:
        """Records of a VM by inventory host."""
        return self._holders.get(vm_id, {})

    @cached_property
    def _records(self) -> dict[str, Sequence[Record] | None]:
        """What `records` has found so far: it is asked for every VM."""
        return {}

    @cached_property
    def _identities(self) -> dict[str, Identity]:
        """The same for `identity`."""
        return {}

    def changed(self, host: str) -> str:
        """Why the answer is not that of the host that answered when the run began; "" when it is."""
        return moved(host, windows_name_of(self.readings.get(host)), self.first.get(host, ""))

    def identity(self, host: str) -> Identity:
        """Who answered there."""
        if host not in self._identities:
            self._identities[host] = identify(host, self.readings.get(host), self.names.get(host, ()))
        return self._identities[host]

    def all_read(self, hosts: Iterable[str]) -> bool:
        """True when every one of these hosts answered."""
        return all(self.records(host) is not None for host in hosts)

    def cell_of(self, vm_id: str, name: str) -> Sequence[str]:
        """The hosts of the target where a VM shall run: those of a site that have its copy. Raises PlanError for a VM
        that two of them have.
        """
        holders = self._holders.get(vm_id, {})
        found = [cell for cell in self.cells if any(host in holders for host in cell)]
        if len(found) > 1:
            hosts = " and ".join(host for cell in found for host in cell if host in holders)
            raise PlanError(
                f"{name}: {hosts} both have it, and both belong to {self.to}. Give the host where it shall run as"
                " failover_to."
            )
        return found[0] if found else self.targets

    @cached_property
    def _holders(self) -> Mapping[str, Mapping[str, Record]]:
        """Records by VM id and inventory host."""
        found: dict[str, dict[str, Record]] = {}
        for host in self.readings:
            for record in self.records(host) or ():
                found.setdefault(str(record["id"]), {})[host] = record
        return found

    @cached_property
    def _named(self) -> Mapping[str, Sequence[tuple[str, Record]]]:
        """Hosts and records by what a VM may be called: its id, and its name on each host."""
        found: dict[str, list[tuple[str, Record]]] = {}
        for host in self.readings:
            for record in self.records(host) or ():
                for text in dict.fromkeys((str(record["id"]).casefold(), str(record["name"]).casefold())):
                    found.setdefault(text, []).append((host, record))
        return found

    def asked_for(self, vm: str) -> Record:
        """The target's record of a VM, by name or id. Raises PlanError for none, and for two of one name."""
        named = self._named.get(vm.strip("{}").casefold(), ())
        found = self._on_targets(named)
        if len(found) == 1:
            return found[0]
        unread = [host for host in self.targets if self.records(host) is None]
        if unread and not found:
            problem = str((self.readings.get(unread[0]) or {}).get("msg") or "it gave no answer")
            raise PlanError(f"{vm}: {unread[0]}, where the VMs shall run, could not be read: {problem}")
        where = ", ".join(self.identity(host).shown for host in self.targets) if len(self.cells) < 2 else self.to
        if found:
            ids = ", ".join(str(record["id"]) for record in found)
            raise PlanError(
                f"{vm}: {where} has {len(found)} VMs that this name may mean, by their names on either side ({ids})."
                " Give the id of one of them."
            )
        raise PlanError(f"{vm}: {where} has no VM of that name or id. VMs can run only where their replica is.")

    def called(self, vm: str, record: Record) -> str:
        """The name by which a VM was asked for, as its host spells it; for an id, its name on the target."""
        text = vm.strip("{}").casefold()
        names = [str(r["name"]) for _unused, r in self._named.get(text, ()) if r["id"] == record["id"]]
        return next((name for name in names if name.casefold() == text), str(record["name"]))

    def _on_targets(self, named: Iterable[tuple[str, Record]]) -> list[Record]:
        """The target's records of VMs that have this name there or on another host: a VM is its id."""
        found: list[Record] = []
        for vm, name in {str(record["id"]): str(record["name"]) for _unused, record in named}.items():
            has = self._holders[vm]
            found += [has[host] for host in self.cell_of(vm, name) if host in has]
        return found

    def see(self, vm_id: str, name: str, here: str = "", partner: str = "", cell: Sequence[str] = ()) -> Seen:
        """All sides of a VM now. `name` is what it is called ("": its name on the target). `here` and `partner` are
        what was known before, for when the target is not read. `cell` are the hosts of the target that are its own.
        """
        cell = cell or self.targets
        holders = self._holders.get(vm_id, {})
        found = next((holders[host] for host in cell if host in holders), None)
        target = side_or_none(found) if found else Side(mode=ABSENT) if self.all_read(cell) else None
        partner = str((found or {}).get("partner") or partner)
        name = name or str((found or {}).get("name") or vm_id)
        hosts = self.partner_hosts(partner)
        strange = self._strange(hosts, partner, f"the partner of {name}")
        proper = [host for host in hosts if host not in strange]
        other = next((holders[host] for host in proper if host in holders), None)
        read = bool(hosts) and all(host in proper and self.records(host) is not None for host in hosts)
        other_side = side_or_none(other) if other else Side(mode=ABSENT) if read else None
        third = str(third_leg(found).get("replica_server") or "") if found else ""
        beyond = next((holders[host] for host in self.partner_hosts(third) if host in holders), None)
        rest = self._rest(vm_id, holders, partner, hosts, cell)
        at = {"target": found, "other": other, "third": beyond}
        reasons = (*strange.values(), *(filter(None, map(self.changed, (*cell, *hosts)))))
        reason = next(iter(reasons), "") or self._not_to_here(name, found, other)
        return Seen(
            id=vm_id,
            name=name,
            here=str(found["inventory_host"]) if found else here or (cell[0] if cell else ""),
            elsewhere=str(other["inventory_host"]) if other else hosts[0] if hosts else "",
            pair=Pair(target, other_side, rest=rest),
            partner=partner,
            record=found,
            other_record=other,
            strange=reason,
            unread=self._unread(partner, hosts) if other_side is None else "",
            unread_here=self._unread("", cell) if target is None else "",
            names={w: self.identity(str(r["inventory_host"])).names for w, r in at.items() if r is not None},
            causes={copy.host: self._unread(copy.host, self._known(copy.host)) for copy in rest if copy.side is None},
            third=third,
            beyond=beyond,
        )

    # -- who is who --------------------------------------------------------------------------------------------------

    def _strange(self, hosts: Iterable[str], name: str, whose: str) -> dict[str, str]:
        """Hosts that answered as somebody else than the one that was looked for, each with a sentence."""
        read = [host for host in hosts if self.records(host) is not None]
        told = {host: self.identity(host).differs(name, whose) for host in read}
        return {host: text for host, text in told.items() if text}

    def _not_to_here(self, name: str, found: Record | None, other: Record | None) -> str:
        """A primary that replicates the VM to somebody else is not the one whose replica the target has."""
        if found is None or other is None or found["mode"] not in REPLICA_MODES or other["mode"] != PRIMARY:
            return ""
        leg = simple_leg(other)
        names = [str(leg[key]) for key in ("replica_server", "current_replica_server") if leg.get(key)]
        own = self.identity(str(found["inventory_host"]))
        if not names or any(own.answers_to(one) for one in names):
            return ""
        return (
            f"{other['inventory_host']} replicates {name} to {names[0]}, and not to {own.windows_name}: what is here"
            f" is not its replica any more. If {names[0]} is another name of {own.host}, add it to its"
            " hyperv_replica_names"
        )

    def _unread(self, partner: str, hosts: Sequence[str]) -> str:
        """Why the other side could not be read."""
        if not hosts:
            return f"{partner} is not in the inventory" if partner else "it names no partner"
        outside = [host for host in hosts if self.reach is not None and host not in self.reach]
        if outside:
            return f"{', '.join(outside)} is outside --limit and was not asked"
        host = next((host for host in hosts if self.records(host) is None), hosts[0])
        told = self.changed(host) or str((self.readings.get(host) or {}).get("msg") or "").strip().rstrip(".")
        return f"{host}: {told}" if told and not told.startswith(host) else told or f"{host} was not asked"

    def _known(self, host: str) -> Sequence[str]:
        """The host itself, where the inventory has it; else it is a Windows name that fits none."""
        return (host,) if any(host in hosts for hosts in self.partners.values()) or host in self.readings else ()

    # -- every other copy --------------------------------------------------------------------------------------------

    def _rest(
        self, vm_id: str, holders: Mapping[str, Record], partner: str, hosts: Sequence[str], cell: Sequence[str]
    ) -> tuple[Copy, ...]:
        """Who else has the VM, or is said to have it: every leg is followed, and whoever was asked counts."""
        sides = (*cell, *hosts)
        found: dict[str, Side | None] = {
            host: side_or_none(record) for host, record in holders.items() if host not in sides
        }
        for name in partner_names(holders.values()):
            if same_host(name, partner) or any(self.identity(host).answers_to(name) for host in cell):
                continue
            found.update(self._named_elsewhere(name, holders, sides))
        for host in self.readings:
            if host not in sides and may_have_a_copy(self.readings[host]):
                found.setdefault(host, None)
        for host, side in self.copies.get(vm_id, {}).items():
            # Read in this run as what cannot be started, and not to be read now: that stands (L1).
            if found.get(host, side) is None or (host not in found and self.records(host) is None):
                found[host] = None if side.startable else side
        return tuple(Copy(host, side) for host, side in sorted(found.items()))

    def _named_elsewhere(
        self, name: str, holders: Mapping[str, Record], sides: Sequence[str]
    ) -> Mapping[str, Side | None]:
        """A host that a relation of the VM names, and that could not be read: it may have a copy."""
        hosts = self.partner_hosts(name)
        if any(host in sides for host in hosts):
            return {}
        strange = self._strange(hosts, name, "the host that was looked for")
        if any(host in holders for host in hosts if host not in strange):
            return {}
        unread = [host for host in hosts if host in strange or self.records(host) is None]
        return {unread[0]: None} if unread else {} if hosts else {name: None}

    def is_cluster(self, where: str, partner: str, cell: Sequence[str]) -> bool:
        """True for a side of several nodes: a VM that was there a moment ago may be moving between two of them."""
        return len((cell or self.targets) if where == "target" else self.partner_hosts(partner)) > 1

    def partner_hosts(self, partner: str) -> Sequence[str]:
        """Inventory hosts that a Windows name means."""
        for name, hosts in self.partners.items():
            if same_host(name, partner):
                return hosts
        return ()


def partner_names(records: Iterable[Record]) -> list[str]:
    """Windows names of the other hosts of these VMs, each once: those of every relation, also the leg to a third
    site.
    """
    names: dict[str, str] = {}
    for record in records:
        for name in (record.get("partner"), *(leg.get("partner") for leg in record.get("relations") or ())):
            if name and normal(str(name)) not in names:
                names[normal(str(name))] = str(name)
    found: list[str] = []
    for name in names.values():
        if not any(same_host(name, known) for known in found):
            found.append(name)
    return found


def simple_leg(record: Record) -> Mapping[str, Any]:
    """The relation between a primary and its replica; empty without one."""
    return own_leg(record.get("relations") or ())


def third_leg(record: Record) -> Mapping[str, Any]:
    """The leg on which a replica is replicated on to a third site; empty without one."""
    own = simple_leg(record)
    return next((leg for leg in record.get("relations") or () if leg["type"] == "Extended" and leg is not own), {})


def side_or_none(record: Record) -> Side | None:
    """A side, or None for one whose replication could not be read."""
    try:
        return side_of(record)
    except ValueError:
        return None
