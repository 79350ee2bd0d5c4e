# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The connections that a planned failover needs: from the primary to the replica's host, and after the reverse back.

Pure. A test proves only that a listener of that type answers (Microsoft: Test-VMReplicationConnection).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .failover_run import Run, look
from .failover_sight import Record, Seen
from .failover_states import PREPARED, PRIMARY, REPLICA_MODES
from .partner_server import read_server


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
    target, other, here, there = seen.pair.target, seen.pair.other, seen.record, seen.other_record
    if run.wish.goal.wish != "planned" or not (target and other and here and there):
        return
    if target.mode not in REPLICA_MODES or target.failed_over or other.mode != PRIMARY or other.state == PREPARED:
        return
    leg = _leg(there)
    type_ = str(leg.get("authentication"))
    yield _way(seen.elsewhere, leg.get("replica_server"), leg.get("replica_port"), type_, leg)
    back = read_server((run.sight.readings.get(seen.elsewhere) or {}).get("server"))
    own = (run.sight.readings.get(seen.here) or {}).get("server") or {}
    if run.wish.goal.reverse and back is not None and back.enabled:
        yield _way(seen.here, seen.partner, back.port(type_, seen.partner), type_, own)


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


def _leg(record: Record) -> Mapping[str, Any]:
    return next((leg for leg in record["relations"] or () if leg["type"] == "Simple"), {})
