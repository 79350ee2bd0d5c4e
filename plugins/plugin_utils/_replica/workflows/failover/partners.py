# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which inventory hosts the partners of VMs are. Pure.

A Windows name is looked for among the candidates, and where none of them fits, in the whole inventory. A broker's name,
and that of a node, means all nodes of the cluster, for a VM may have moved. What no candidate fits by its names is
asked of those that are left; what still fits none is out of reach, and never connected to. Every relation of every
copy is followed: a chain has a site behind the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...base.identity import given_names, identify, windows_name_of
from ...base.names import AmbiguousName, Candidate, inventory_host, is_one_of
from ...base.values import is_guid
from ..heard import records_of
from .cluster import Cluster, clusters_of
from .sides import Record, partner_names

Variables = Mapping[str, Mapping[str, Any]]

MOST_NEIGHBOURS = 7
"""How many hosts beside a silent one are asked whether it is a node of theirs: each may take its 30 seconds."""


@dataclass(frozen=True)
class Found:
    """What a Windows name means: inventory hosts, and hosts that have to be asked before that is known."""

    hosts: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


@dataclass(frozen=True)
class Search:
    """Where names are looked for. `others` are candidates that are no targets, `everyone` those of the inventory that
    are no candidates.
    """

    targets: Sequence[str]
    others: Sequence[str]
    known: Sequence[Candidate]
    everyone: Sequence[Candidate]
    clusters: Sequence[Cluster]
    readings: Mapping[str, Any]
    variables: Variables

    def find(self, name: str) -> Found:
        """What the name means. Raises AmbiguousName for a name that fits hosts that are not one cluster."""
        cluster = next((one for one in self.clusters if one.is_called(name)), None)
        if cluster is not None:
            return Found(self._nodes(cluster))
        try:
            host = inventory_host(name, self.known) or inventory_host(name, self.everyone)
        except AmbiguousName as error:
            return self._shared(error)
        if host is None:
            return Found()
        cluster = next((one for one in self.clusters if one.has(host)), None)
        if cluster is not None:
            return Found(self._nodes(cluster))
        silent = host in self.readings and records_of(self.readings[host]) is None
        return Found((host,), self._unheard(self._neighbours(host)) if silent else ())

    def names_of(self, hosts: Iterable[str]) -> Iterable[str]:
        """What else these hosts may be called: a reverse makes the other side known by another of its names."""
        for candidate in (*self.known, *self.everyone):
            if candidate.host in hosts:
                yield from (*candidate.names, *candidate.asked)
        for cluster in self.clusters:
            if any(cluster.has(host) for host in hosts):
                yield from (name for name in (cluster.broker, *cluster.nodes) if name)

    def _shared(self, error: AmbiguousName) -> Found:
        """Several hosts with one name are nodes of a cluster, or a mistake: they are asked."""
        unheard = self._unheard(error.hosts)
        if unheard:
            return Found((), unheard)
        cluster = next((one for one in self.clusters if all(one.has(host) for host in error.hosts)), None)
        if cluster is None:
            raise error
        return Found(self._nodes(cluster))

    def _nodes(self, cluster: Cluster) -> tuple[str, ...]:
        """Inventory hosts of the nodes; a node that the inventory does not have by its Windows name: never read."""
        return tuple(dict.fromkeys(cluster.host_of(node) or node for node in cluster.nodes))

    def _unheard(self, hosts: Iterable[str]) -> tuple[str, ...]:
        return tuple(host for host in hosts if host not in self.readings)

    def _neighbours(self, host: str) -> tuple[str, ...]:
        """The hosts of the smallest inventory group of a host that has others, and none of the targets."""
        groups = [self._members(group) for group in (self.variables.get(host) or {}).get("group_names") or ()]
        small = sorted((members for members in groups if 1 < len(members) <= MOST_NEIGHBOURS + 1), key=len)
        return tuple(small[0]) if small else ()

    def _members(self, group: str) -> list[str]:
        if any(group in ((self.variables.get(host) or {}).get("group_names") or ()) for host in self.targets):
            return []
        return [one for one in self.others if group in ((self.variables.get(one) or {}).get("group_names") or ())]


def partners(
    readings: Mapping[str, Any],
    targets: Sequence[str],
    vms: Iterable[str],
    candidates: Iterable[str],
    variables: Variables,
    inventory: Iterable[str] = (),
) -> dict[str, Any]:
    """`partners`, inventory hosts by Windows name; `unknown`, names without one; `ask`, hosts that may tell; `read`,
    partners that were not read yet; `ids` of the VMs; `namesakes`, ids of other VMs of these names; `missing`, names
    that the targets have no VM of; `names`, further names of hosts (hyperv_replica_names, and those of their clusters).
    A host is among the partners by all of its names.

    `readings` are results of hyperv_replication_info by inventory host, `vms` names or ids (none: all). `variables`
    have hyperv_replica_names, ansible_host and group_names of each host. `inventory` are all its hosts. Asked again
    with what was read since, it may know more. Raises AmbiguousName for a name that fits two hosts.
    """
    vms = [str(vm) for vm in vms]
    wanted = {vm.strip("{}").casefold() for vm in vms}
    ids = [str(r["id"]) for host in targets for r in records_of(readings.get(host)) or () if _is_wanted(r, wanted)]
    chosen = set(ids)
    records = [r for result in readings.values() for r in records_of(result) or () if r["id"] in chosen]
    others = [host for host in dict.fromkeys(candidates) if host not in targets]
    rest = [host for host in dict.fromkeys(inventory) if host not in targets and host not in others]
    known = [_candidate(host, variables.get(host) or {}, readings.get(host)) for host in others]
    everyone = [_candidate(host, variables.get(host) or {}, readings.get(host)) for host in rest]
    search = Search(targets, others, known, everyone, clusters_of([*known, *everyone], readings), readings, variables)
    names = {host: _names(host, readings, variables) for host in dict.fromkeys([*targets, *readings])}
    own = [name for host in targets for name in identify(host, readings.get(host), names[host]).names]
    found = {name: search.find(name) for name in partner_names(records) if not is_one_of(name, own)}
    unknown = [name for name, one in found.items() if not one.hosts]
    matched = {host for one in found.values() for host in one.hosts}
    lost = any(not one.hosts and not one.ask for one in found.values())
    ask = [host for host in others if lost and host not in readings and host not in matched]
    ask += [host for one in found.values() for host in one.ask]
    meant = {name: list(one.hosts) for name, one in found.items() if one.hosts}
    for hosts in list(meant.values()):
        for name in search.names_of(hosts):
            if not is_one_of(name, meant):
                meant[name] = hosts
    return {
        "partners": meant,
        "unknown": unknown,
        "ask": list(dict.fromkeys(ask)),
        "read": [h for h in dict.fromkeys(h for hosts in meant.values() for h in hosts) if _unread(readings.get(h))],
        "ids": ids,
        "namesakes": _namesakes(wanted, chosen, readings),
        "missing": _missing(vms, [records_of(readings.get(host)) for host in targets]),
        "names": {host: list(more) for host, more in names.items() if more},
    }


def _unread(result: Any) -> bool:
    """True for a host that was not asked for its VMs. One that could not be reached is not asked again: logins lock."""
    return not isinstance(result, Mapping) or not ({"vms", "unreachable", "failed"} & set(result))


def _namesakes(wanted: set[str], chosen: set[str], readings: Mapping[str, Any]) -> list[str]:
    """Ids of other VMs that have one of the names on whatever host: which one is meant has to be asked."""
    names, every = wanted - chosen, [r for result in readings.values() for r in records_of(result) or ()]
    alike = (str(r["id"]) for r in every if str(r["name"]).casefold() in names)
    return [vm for vm in dict.fromkeys(alike) if vm not in chosen]


def _names(host: str, readings: Mapping[str, Any], variables: Variables) -> tuple[str, ...]:
    """What a host is called beside its Windows name."""
    return identify(host, readings.get(host), given_names(variables.get(host) or {})).others


def _is_wanted(record: Record, wanted: set[str]) -> bool:
    return not wanted or str(record["name"]).casefold() in wanted or str(record["id"]) in wanted


def _missing(vms: Iterable[str], read: Sequence[Sequence[Record] | None]) -> list[str]:
    """Names that no target has a VM of, where all of them were read: it may have another name there."""
    if None in read:
        return []
    names = {str(record["name"]).casefold() for records in read for record in records or ()}
    return [vm for vm in vms if vm.casefold() not in names and not is_guid(vm.strip("{}"))]


def _candidate(host: str, variables: Mapping[str, Any], reading: Any) -> Candidate:
    asked, address = windows_name_of(reading), variables.get("ansible_host")
    return Candidate(
        host=host,
        names=given_names(variables),
        address=str(address) if address else None,
        asked=(asked,) if asked else (),
    )
