# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which inventory hosts the partners of VMs are. Pure.

A Windows name is looked for among candidates only. A broker's name means all nodes of its cluster. What no candidate
fits by its names is asked of those that are left; what still fits none is out of reach, and never connected to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .failover_sight import Record, partner_names, records_of
from .names import Candidate, inventory_host, is_one_of
from .values import same_text

Variables = Mapping[str, Mapping[str, Any]]


def partners(
    readings: Mapping[str, Any],
    targets: Sequence[str],
    vms: Iterable[str],
    candidates: Iterable[str],
    variables: Variables,
) -> dict[str, Any]:
    """`partners`, the inventory hosts of each Windows name; `unknown`, names without one; `ask`, hosts that may tell;
    `ids` of the VMs.

    `readings` are results of hyperv_replication_info by inventory host, `vms` names or ids (none: all). Raises
    AmbiguousName for a name that fits two hosts.
    """
    wanted = {str(vm).strip("{}").casefold() for vm in vms}
    records = [r for host in targets for r in records_of(readings.get(host)) or () if _is_wanted(r, wanted)]
    others = [host for host in dict.fromkeys(candidates) if host not in targets]
    known = [_candidate(host, variables.get(host) or {}, readings.get(host)) for host in others]
    found: dict[str, list[str]] = {}
    for name in partner_names(records):
        found[name] = _hosts(name, known, readings)
    unknown = [name for name, hosts in found.items() if not hosts]
    matched = {host for hosts in found.values() for host in hosts}
    ask = [host for host in others if unknown and host not in readings and host not in matched]
    return {
        "partners": {n: h for n, h in found.items() if h},
        "unknown": unknown,
        "ask": ask,
        "ids": [str(r["id"]) for r in records],
    }


def _is_wanted(record: Record, wanted: set[str]) -> bool:
    return not wanted or str(record["name"]).casefold() in wanted or str(record["id"]) in wanted


def _candidate(host: str, variables: Mapping[str, Any], reading: Any) -> Candidate:
    names = variables.get("hyperv_replica_names") or []
    result = reading if isinstance(reading, Mapping) else {}
    asked = [result.get("windows_name"), (result.get("host") or {}).get("fqdn"), _broker(result)]
    address = variables.get("ansible_host")
    return Candidate(
        host=host,
        names=(str(names),) if isinstance(names, str) else tuple(str(name) for name in names),
        address=str(address) if address else None,
        asked=tuple(str(name) for name in asked if name),
    )


def _broker(result: Mapping[str, Any]) -> str | None:
    broker = (result.get("cluster") or {}).get("broker") or {}
    return str(broker["name"]) if broker.get("name") else None


def _hosts(name: str, candidates: Sequence[Candidate], readings: Mapping[str, Any]) -> list[str]:
    """The host that a name means; all nodes when it is a cluster's broker, or a node of a cluster that was read."""
    nodes = [c.host for c in candidates if is_one_of(name, (_broker(readings.get(c.host) or {}) or "",))]
    if nodes:
        return nodes
    host = inventory_host(name, candidates)
    if host is None:
        return []
    cluster = _cluster(readings.get(host))
    siblings = [c.host for c in candidates if cluster and same_text(_cluster(readings.get(c.host)), cluster)]
    return siblings or [host]


def _cluster(reading: Any) -> str:
    cluster = (reading.get("cluster") or {}) if isinstance(reading, Mapping) else {}
    return str(cluster.get("name") or "")
