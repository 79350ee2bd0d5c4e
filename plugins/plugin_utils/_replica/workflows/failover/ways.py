# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The connections that are tested before a failover. Pure.

A planned one needs the way from the primary to the replica's host, and after the reverse the way back. Before an
unplanned one a listener where the primary takes replicas is a sign of life, whoever of its cluster it is. A test
proves only that a listener of that type answers (Microsoft: Test-VMReplicationConnection).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...base.names import is_one_of, not_a_host_name
from ...base.partner_server import read_server
from ...base.states import PREPARED, PRIMARY, REPLICA_MODES
from .look import Run, look
from .sides import Seen, simple_leg


def ways(raw: Mapping[str, Any], readings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Connections to test, each once, with the ids of the VMs that need it."""
    run = look(raw, readings)
    found: list[dict[str, Any]] = []
    for vm, seen in run.seen.items():
        for way in _ways(run, seen):
            known = next((one for one in found if all(one[key] == value for key, value in way.items())), None)
            if known is None:
                known = {**way, "ids": []}
                found.append(known)
            known["ids"].append(vm)
    return found


def _ways(run: Run, seen: Seen) -> Iterable[dict[str, Any]]:
    if run.wish.goal.wish == "unplanned":
        yield from _to_a_dead_primary(seen)
        return
    target, other, here, there = seen.pair.target, seen.pair.other, seen.record, seen.other_record
    if run.wish.goal.wish != "planned" or not (target and other and here and there):
        return
    if target.mode not in REPLICA_MODES or target.failed_over or other.mode != PRIMARY or other.state == PREPARED:
        return
    leg = simple_leg(there)
    type_ = str(leg.get("authentication"))
    yield _way(seen.elsewhere, leg.get("replica_server"), leg.get("replica_port"), type_, leg)
    back = read_server((run.sight.readings.get(seen.elsewhere) or {}).get("server"))
    own = (run.sight.readings.get(seen.here) or {}).get("server") or {}
    if run.wish.goal.reverse and back is not None and back.enabled:
        name = run.raw["brokers"].get(seen.elsewhere) or seen.partner
        yield _way(seen.here, name, back.port(type_, name), type_, own)


def _to_a_dead_primary(seen: Seen) -> Iterable[dict[str, Any]]:
    target, leg = seen.pair.target, simple_leg(seen.record) if seen.record else {}
    if not leg or target is None or target.mode not in REPLICA_MODES or target.failed_over:
        return
    for name in names_of_primary(seen):
        yield _way(seen.here, name, leg.get("replica_port"), str(leg.get("authentication")), leg)


def names_of_primary(seen: Seen) -> list[str]:
    """The Windows names under which the primary may take replicas: the relation's, and the entry that admits it.

    On a cluster the first may be that of a node, and the second is its broker's.
    """
    leg = simple_leg(seen.record) if seen.record else {}
    entry = str(leg.get("allowed_primary_server") or "")
    names = [seen.partner, entry if not_a_host_name(entry) is None and not is_one_of(entry, (seen.partner,)) else ""]
    return [name for name in names if name]


def _way(host: str, server: Any, port: Any, type_: str, own: Mapping[str, Any]) -> dict[str, Any]:
    thumbprint = str(own.get("certificate_thumbprint") or "") if type_ == "certificate" else ""
    return {"host": host, "server": str(server), "port": port, "authentication": type_, "thumbprint": thumbprint}


def unreached(tests: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What does not reach what, by VM id. `tests` are results of connection tests with their `failover_way`."""
    found: dict[str, str] = {}
    for test in tests:
        way = test["failover_way"]
        if not (test.get("failures") or test.get("msg")):
            continue
        told = (
            f"{way['host']} does not reach {way['server']} on port {way['port']} as a replica server: {test.get('msg')}"
        )
        for vm in way["ids"]:
            found[vm] = f"{found[vm]}; {told}" if vm in found else told
    return found
