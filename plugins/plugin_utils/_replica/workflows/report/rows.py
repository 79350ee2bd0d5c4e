# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Results of hyperv_replication_info as the rows of a report: one a relation, and what is wrong with whole hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...base.replication_states import EXTENDING, HEALTHS, MODES, NO_OWNER, UNREADABLE, Level, State, state_of
from ...base.units import duration, size

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Trouble:
    """A host, or a kind of information of a host, that could not be read."""

    host: str
    what: str
    why: str


@dataclass(frozen=True)
class RelationRow:
    """One relation of one VM on one host, in words."""

    id: str
    vm: str
    host: str
    power: str
    mode: str
    state: State
    health: str
    last: str
    partner: str
    test: str
    level: Level
    details: tuple[str, ...] = ()
    late: bool = False

    @property
    def order(self) -> tuple[int, int, str, str]:
        """Worst first; test VMs left running before what is only fine; then by name."""
        return self.level, 0 if self.test else 1, self.vm.casefold(), self.host.casefold()


@dataclass(frozen=True)
class Report:
    """Everything that the table shows."""

    rows: tuple[RelationRow, ...]
    troubles: tuple[Trouble, ...]
    hosts: int
    read_at: tuple[str, ...]


def report_of(results: Mapping[str, Record]) -> Report:
    """The report on several hosts: results of hyperv_replication_info by inventory host, unreachable ones included."""
    rows = [row for host, result in results.items() for row in _rows(host, result)]
    troubles = [trouble for host, result in results.items() for trouble in _troubles(host, result)]
    read = sorted(str(result["read_at"]) for result in results.values() if result.get("read_at"))
    return Report(
        tuple(sorted(rows, key=lambda row: row.order)), tuple(troubles), len(results), tuple(dict.fromkeys(read))
    )


def _troubles(host: str, result: Record) -> Iterator[Trouble]:
    if result.get("unreachable"):
        yield Trouble(host, "UNREACHABLE", _sentence(host, result) or "it did not answer; nothing is known of its VMs")
    elif result.get("failed"):
        yield Trouble(host, "NOT READ", _sentence(host, result))
    elif "vms" not in result:
        yield Trouble(host, "NOT READ", _sentence(host, result) or "no answer of hyperv_replication_info")
    for part in result.get("unreadable") or ():
        if part["vm"] is None:
            yield Trouble(host, "UNREADABLE", f"{part['kind']}: {part['problem']}")


def _sentence(host: str, result: Record) -> str:
    return str(result.get("msg") or "").strip().removeprefix(f"{host}: ")


def _rows(host: str, result: Record) -> Iterator[RelationRow]:
    tests = {test["id"]: test for test in result.get("test_vms") or ()}
    for vm in result.get("vms") or ():
        if vm["mode"] == "TestReplica":
            continue
        owned = vm.get("test_vm")
        if owned is not None:
            tests.pop(owned["id"], None)
        legs = vm["relations"]
        if not legs:
            yield _bare(host, vm, unreadable=legs is None)
        for leg in legs or ():
            yield _relation(host, vm, leg)
    for test in tests.values():
        yield _lost_test(host, test)


def _bare(host: str, vm: Record, unreadable: bool) -> RelationRow:
    """A VM without a relation, or with one that could not be read."""
    state = UNREADABLE if unreadable else state_of("Disabled")
    level = Level.LOST if unreadable else Level.BARE
    health = "unknown" if unreadable else "-"
    mode = MODES.get(vm["mode"], vm["mode"])
    return RelationRow(vm["id"], vm["name"], host, _power(vm), mode, state, health, "-", "-", "", level)


def _relation(host: str, vm: Record, leg: Record) -> RelationRow:
    state = state_of(leg["state"])
    health, level = HEALTHS.get(leg["health"], (str(leg["health"]), Level.WARN))
    test = _test(leg.get("test_vm"))
    extends = leg["type"] == "Extended" and leg["mode"] == "Replica"
    late = _late(leg)
    worst = min(level, state.level, Level.WARN if late or test else Level.GOOD)
    return RelationRow(
        id=vm["id"],
        vm=vm["name"],
        host=host,
        power=_power(vm),
        mode=EXTENDING if extends else MODES.get(leg["mode"], leg["mode"]),
        state=state,
        health=health,
        last=_last(leg),
        partner=str(leg["partner"] or "-").partition(".")[0],
        test=test,
        level=worst,
        details=_details(vm, leg),
        late=late,
    )


def _lost_test(host: str, test: Record) -> RelationRow:
    """A test VM that no VM owns to: on a cluster the link is lost when one of the two moves."""
    mode, power = MODES["TestReplica"], _power(test)
    return RelationRow(test["id"], test["name"], host, power, mode, NO_OWNER, "-", "-", "-", power, Level.WARN)


def _power(vm: Record) -> str:
    return str(vm["power"])


def _test(test: Record | None) -> str:
    """A test VM that stands there, by its power state where that was read."""
    return "" if test is None else str(test.get("power") or "exists")


def _last(leg: Record) -> str:
    if leg["last_replication_time"] is None:
        return "never"
    age = leg["last_replication_age_seconds"]
    return "unknown" if age is None else duration(_rounded(age))


def _rounded(age: int) -> int:
    return age if age < 60 else age // 60 * 60


def _late(leg: Record) -> bool:
    """More than an hour since the last replication: what Hyper-V itself calls behind (team blog of 2012-06-15)."""
    age = leg["last_replication_age_seconds"]
    return age is not None and age > 3600 and leg["state"] == "Replicating"


def _details(vm: Record, leg: Record) -> tuple[str, ...]:
    """Sizes, pending, errors, latency and frequency, as far as they were gathered."""
    parts = []
    sizes = vm.get("disk_sizes")
    if sizes:
        parts.append(f"disks {size(sum(int(disk['size_bytes'] or 0) for disk in sizes))}")
    statistics = next((s for s in vm.get("statistics") or () if s["type"] == leg["type"]), None)
    if statistics is not None:
        parts += _counters(statistics)
    elif "statistics" in (vm.get("unreadable") or ()):
        parts.append("statistics unreadable")
    parts.append(f"every {duration(leg['frequency'])}")
    return tuple(parts)


def _counters(statistics: Record) -> Iterable[str]:
    """Numbers that the host told; one that it did not tell is left out, except sizes and times, which have a sign."""
    good, missed, errors = (statistics[name] for name in ("successful_count", "missed_count", "error_count"))
    yield f"pending {size(statistics['pending_bytes'])}"
    yield f"cycle {size(statistics['average_bytes'])}"
    yield f"latency {duration(statistics['average_latency_seconds'])}"
    if errors is not None:
        yield f"errors {errors}"
    if good is not None and missed is not None:
        yield f"missed {missed}/{good + missed}"


def alarms(results: Mapping[str, Record], least: Level) -> list[str]:
    """What is as bad as `least` or worse, a sentence each: hosts first, then VMs, the worst first."""
    report = report_of(results)
    hosts = [f"{trouble.host}: {trouble.what} ({trouble.why})" for trouble in report.troubles]
    return [*hosts, *(_alarm(row) for row in report.rows if row.level <= least)]


def _alarm(row: RelationRow) -> str:
    said = f"{row.vm} on {row.host}: {row.state.words}, health {row.health}"
    said += f", last replication {row.last} ago" if row.late else ""
    return said + (f", test VM {row.test}" if row.test else "")
