# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What must be right before the first guest of a planned failover is shut down. Pure.

A finding refuses the VM unless it is accepted by its name. VMs whose failover has begun are not held up: what they are
in the middle of is worse than any finding. Sources: Microsoft, "Hyper-V Replica" (set-up and failover pages).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...base.partner_server import problem as server_problem
from ...base.partner_server import read_server
from ...base.states import PRIMARY, REPLICA_MODES, REPLICATING, RUNNING, Pair
from ...base.units import size
from ...base.values import number, path_key
from ...facts.disks import before_checkpoint, name_key
from ...facts.vm_status import is_deaf, operations_of
from .findings import NO_SWITCH
from .look import Run, look
from .sides import Record, Seen, Sight, simple_leg
from .warnings import on_a_cluster_volume, warnings_of
from .ways import unreached
from .witness import points, signs_of_life


@dataclass(frozen=True)
class Finding:
    """What speaks against a VM's failover. `name` is "" for what cannot be accepted."""

    name: str
    text: str


@dataclass(frozen=True)
class Bench:
    """One VM on the bench, with what both hosts say of themselves."""

    run: Run
    seen: Seen
    here: Record
    there: Record

    def limit(self, name: str) -> float:
        """A limit of the run."""
        return float(self.run.options[name])

    def host(self, where: str, kind: str) -> Any:
        """What a host says of itself."""
        reading = self.run.sight.readings.get(self.seen.host(where)) or {}
        return reading.get(kind)


def preflight(
    raw: Mapping[str, Any],
    readings: Mapping[str, Any],
    accepted: Iterable[str],
    earlier: Mapping[str, Any] | None = None,
    answered: Iterable[str] = (),
    tests: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """`refused`, the reason by VM id; `lines` for the operator; `warnings`. `raw` is a run that has begun.

    `earlier` and `answered` are the witnesses of life of a primary that was declared dead (witness.py),
    `tests` results of the connection tests (ways.py).
    """
    run, allowed = look(raw, readings), set(accepted)
    allowed |= {NO_SWITCH} if run.options["unconnected_adapters"] == "allow" else set()
    lines, no_point = points(run)
    refused = {**no_point, **signs_of_life(run, earlier or {}, answered, allowed)}
    warnings: list[str] = []
    cut_off = unreached(tests)
    for vm, entry in run.entries.items():
        plan, seen = run.plans[vm], run.seen[vm]
        if plan.outcome == "refused":
            refused.setdefault(vm, plan.message)
            continue
        bench = _bench(run, seen)
        found = [finding for check in CHECKS for finding in check(bench)] if bench else list(_begun(run, seen))
        found += [Finding("no_connection", cut_off[vm])] if vm in cut_off else []
        warnings += [f"{entry.name}: accepted: {f.text}" for f in found if f.name in allowed]
        against = [finding for finding in found if finding.name not in allowed]
        if against:
            refused[vm] = "; ".join(
                f.text + (f" (to accept it: -e accept={f.name})" if f.name else "") for f in against
            )
    for vm, reason in refused.items():
        lines.append(f"{run.entries[vm].name}: REFUSED: {reason}")
        lines += [f"  to go on: {way}" for way in run.plans[vm].ways]
    return {"refused": refused, "lines": lines, "warnings": [*warnings, *warnings_of(run)]}


def _bench(run: Run, seen: Seen) -> Bench | None:
    """The VM, if its planned failover has not begun and both sides were read."""
    target, other = seen.pair.target, seen.pair.other
    if run.wish.goal.wish != "planned" or seen.record is None or seen.other_record is None:
        return None
    begun = not (target and other and target.mode in REPLICA_MODES and other.mode == PRIMARY)
    if begun or (target and target.state != REPLICATING) or (other and other.state != REPLICATING):
        return None
    return Bench(run, seen, seen.record, seen.other_record)


# -- the checks ------------------------------------------------------------------------------------------------------


def of_primary(raw: Mapping[str, Any], record: Record, host: str) -> list[Finding]:
    """What speaks against stopping this VM, as far as its primary alone can tell. `raw` is a run."""
    seen = Seen(str(record["id"]), str(record["name"]), "", host, Pair(None, None), "", None, record)
    bench = Bench(Run(raw, Sight({}, (), {}), 0.0, {}), seen, {}, record)
    checks = (_health, _age, _pending, _operation, _shutdown_service, _disks)
    return [finding for check in checks for finding in check(bench)]


def _sides(bench: Bench) -> Iterable[tuple[str, Record]]:
    """The sides that were read, with their records."""
    return ((where, record) for where, record in (("other", bench.there), ("target", bench.here)) if record)


def _health(bench: Bench) -> Iterable[Finding]:
    for where, record in _sides(bench):
        if record["health"] in ("Normal", "NotApplicable", None):
            continue
        counters = _counters(record)
        cause = "; ".join(str(text).strip() for text in counters.get("health_details") or ())
        name = "warning_health" if record["health"] == "Warning" else ""
        host = bench.seen.host_shown(where)
        yield Finding(name, f"its health on {host} is {record['health']}" + (f": {cause}" if cause else ""))


def _age(bench: Bench) -> Iterable[Finding]:
    leg = simple_leg(bench.there)
    age, frequency = number(leg.get("last_replication_age_seconds")), number(leg.get("frequency")) or 300
    limit = bench.run.options.get("max_replication_age") or max(3 * frequency, 900)
    if age is not None and age > limit:
        yield Finding("old_replication", f"it last replicated {age} seconds ago, and {limit:g} is the limit")


def _pending(bench: Bench) -> Iterable[Finding]:
    pending, limit = number(_counters(bench.there).get("pending_bytes")), bench.limit("max_pending_bytes")
    if pending is not None and pending > limit:
        yield Finding("pending_bytes", f"{size(pending)} are still to be sent, and {size(int(limit))} is the limit")


def _operation(bench: Bench) -> Iterable[Finding]:
    for where, record in _sides(bench):
        under_way = operations_of(record)
        if under_way:
            yield Finding("operation", f"{', '.join(under_way)} on {bench.seen.host_shown(where)}")


def _shutdown_service(bench: Bench) -> Iterable[Finding]:
    services = bench.there.get("integration_services")
    if bench.there["power"] != RUNNING or services is None:
        return
    if bench.run.options["shutdown"] == "refuse":
        yield Finding("", "it runs, and shutting its guest down was not allowed")
    found = next((service for service in services if service["service"] == "shutdown" and service["enabled"]), None)
    if found is None:
        yield Finding("", "its shutdown integration service is off, so its guest cannot be shut down cleanly")
    elif is_deaf(found.get("status")):
        text = f"its shutdown integration service does not run in the guest ({found['status']}): it may not shut down"
        yield Finding("shutdown_service", text)


def _disks(bench: Bench) -> Iterable[Finding]:
    excluded = {name_key(str(name)) for name in bench.run.options.get("excluded_disks") or ()}
    for disk in bench.there.get("disks") or ():
        place, path = str(disk["place"]), disk["path"]
        if disk["replicated"] is not False or excluded & {name_key(place), path_key(path)}:
            continue
        text = f"its disk {place} ({path}) is not replicated; name it in excluded_disks"
        if before_checkpoint(path) in excluded:
            text = f"its disk {place} runs on a checkpoint ({path}); name it in excluded_disks by its place, {place}"
        yield Finding("disks_left_behind", text)


def _extended(bench: Bench) -> Iterable[Finding]:
    """A reverse costs the third site; a failover without one can go on to it instead."""
    legs = [leg for leg in bench.here["relations"] or () if leg["type"] == "Extended"]
    if legs and bench.run.wish.goal.reverse:
        yield Finding(
            "extended_leg",
            f"{bench.seen.host_shown('target')} replicates it on to a third site ({legs[0]['replica_server']}),"
            " which stops when the replication is reversed; to go on to there instead: reverse=false, then reprotect"
            " with that host as new_replica",
        )


def _ready_to_receive(bench: Bench) -> Iterable[Finding]:
    """The old primary becomes the replica: it has to be a replica server that admits the new primary."""
    if not bench.run.wish.goal.reverse:
        return
    server, host = read_server(bench.host("other", "server")), bench.seen.host_shown("other")
    if server is None:
        yield Finding("primary_not_ready", f"whether {host} is a replica server could not be read")
        return
    type_ = str(simple_leg(bench.there).get("authentication"))
    broker = bench.run.raw["brokers"].get(bench.seen.here)
    own = str(bench.here["host"])
    names = [str(broker)] if broker else [own, str(simple_leg(bench.there).get("replica_server") or own)]
    unknown = bool(bench.here.get("clustered")) and not broker
    problems = [server_problem(server, host, type_, name, unknown) for name in names]
    if all(problems):
        yield Finding("primary_not_ready", f"the replication could not be reversed: {problems[0]}")
    known = (bench.host("other", "host") or {}).get("supported_vm_versions") or ()
    if known and str(bench.here["version"]) not in {str(version) for version in known}:
        yield Finding("primary_not_ready", f"{host} does not know VMs of version {bench.here['version']}")


def _switches(bench: Bench) -> Iterable[Finding]:
    """Adapters that lose their network; and those that never had one, which would keep the VM from being started."""
    there, here, host = bench.there.get("adapters"), bench.here.get("adapters"), bench.seen.host_shown("target")
    if there is None or here is None:
        return
    on = [adapter["name"] for adapter in there if adapter["connected"]]
    yield from _unconnected(here, host, None if bench.run.wish.goal.start else on)
    if len(here) < len(on):
        other = bench.seen.host_shown("other")
        yield Finding(NO_SWITCH, f"{host} has {len(here)} of the {len(on)} adapters that are connected on {other}")


def _begun(run: Run, seen: Seen) -> Iterable[Finding]:
    """What speaks against going on with what is no fresh planned failover."""
    yield from _stranded(run, seen)
    target, back = seen.pair.target, run.wish.goal.wish in ("return_home", "reverse")
    if back and target is not None and target.failed_over and seen.record and seen.other_record:
        yield from _ready_to_receive(Bench(run, seen, seen.record, seen.other_record))


def _stranded(run: Run, seen: Seen) -> Iterable[Finding]:
    """Adapters that would keep the VM of an unplanned failover from being started, once it is failed over."""
    target, record = seen.pair.target, seen.record
    goal = run.wish.goal
    if goal.wish != "unplanned" or not goal.start or target is None or target.failed_over or record is None:
        return
    if target.mode in REPLICA_MODES:
        yield from _unconnected(record.get("adapters") or (), seen.host_shown("target"))


def _unconnected(adapters: Iterable[Record], host: str, among: Sequence[str] | None = None) -> Iterable[Finding]:
    """A finding for adapters that are connected to nothing: all of them, or those of these names."""
    off = [str(a["name"]) for a in adapters if not a["connected"] and (among is None or a["name"] in among)]
    if off:
        yield Finding(
            NO_SWITCH,
            f"on {host} {', '.join(dict.fromkeys(off))} is connected to nothing: connect it there first (module"
            " hyperv_failover_network, option switch)",
        )


def _space(bench: Bench) -> Iterable[Finding]:
    least = bench.limit("min_free_bytes")
    paths = [str(disk["path"]) for disk in bench.here.get("disks") or ()]
    drives = {path[:1].upper() for path in paths if path[1:2] == ":" and not on_a_cluster_volume(path)}
    for volume in bench.host("target", "storage") or ():
        letter, free = str(volume["drive_letter"] or "").upper(), number(volume["free_bytes"])
        if letter in drives and free is not None and free < least:
            host = bench.seen.host_shown("target")
            yield Finding(
                "low_space", f"only {size(free)} are free on {letter}: of {host}; {size(int(least))} are wanted"
            )


def _addresses(bench: Bench) -> Iterable[Finding]:
    here, there = _has_addresses(bench.here), _has_addresses(bench.there)
    if here is not None and there is not None and here != there:
        side, none = ("target", "other") if here else ("other", "target")
        hosts = f"{bench.seen.host_shown(side)} and not on {bench.seen.host_shown(none)}"
        yield Finding("failover_addresses", f"its failover addresses are set on {hosts}")


def _security(bench: Bench) -> Iterable[Finding]:
    security = bench.there.get("security") or bench.here.get("security") or {}
    if not (security.get("tpm") or security.get("shielded")):
        return
    if not _counters(bench.here).get("last_test_failover_time"):
        what = "is shielded" if security.get("shielded") else "has a TPM"
        yield Finding("tpm", f"it {what}, and no test VM of it was ever started on {bench.seen.host_shown('target')}")


CHECKS: Sequence[Callable[[Bench], Iterable[Finding]]] = (
    _health,
    _age,
    _pending,
    _operation,
    _shutdown_service,
    _disks,
    _extended,
    _ready_to_receive,
    _switches,
    _space,
    _addresses,
    _security,
)


def _counters(record: Record) -> Mapping[str, Any]:
    return next((c for c in record.get("statistics") or () if c["type"] == "Simple"), {})


def _has_addresses(record: Record) -> bool | None:
    network = record.get("failover_network")
    if network is None:
        return None
    return any(adapter.get("ipv4_address") or adapter.get("ipv6_address") for adapter in network)
