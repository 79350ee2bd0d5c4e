# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The plan of a test failover: which VMs, from which recovery point, on which switch, and why not. Pure.

Input is one result of hyperv_replication_info on the replica's host. A test VM that is there already, from a run that
was cut off or left it running, is adopted. Isolation is the switch's: Windows provides none by itself.
Source of the flow: https://learn.microsoft.com/powershell/module/hyper-v/start-vmfailover (-AsTest).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...base.acts import possible
from ...base.errors import PlanError
from ...base.plan_lines import plan_line
from ...base.proof import side_of
from ...base.states import PRIMARY, REPLICA_MODES, RUNNING, Side
from ...base.values import is_guid, same_text, time_text
from ...failover.point import NoPoint, Point, PointWish, choose_point, parse_points, read_point_wish
from .network import isolation_problem, kinds_of

LATEST_DATA = "the latest data"
FORGOTTEN = (
    "of no replica that is here, so ending a test does not end it. On this host, by this id: Stop-VM -TurnOff, then"
    " Remove-VM, then delete its own .avhdx files"
)
"""A test VM that its relation has forgotten is met in the field (observed behaviour, not documented)."""
NO_SUCH_VM = "this host has no such VM; a copy may have another name here. Without vms all are listed"
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Wish:
    """What the role was asked for. `point` may be any; `point_given` says whether one was asked for."""

    vms: tuple[str, ...]
    point: PointWish
    point_given: bool
    test_switch: str | None
    allow: frozenset[str]
    keep: bool = False

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> Wish:
        """From the typed inputs of the role. Raises OptionError for a time without an offset."""
        point, time = inputs.get("recovery_point"), inputs.get("recovery_point_time")
        if point and time:
            raise PlanError("recovery_point and recovery_point_time exclude each other. Give one of them.")
        return cls(
            vms=tuple(inputs.get("vms") or ()),
            point=read_point_wish(point, time),
            point_given=bool(point or time),
            test_switch=inputs.get("test_switch"),
            allow=frozenset(inputs.get("allow") or ()),
            keep=bool(inputs.get("keep")),
        )


@dataclass(frozen=True)
class ReplicaUnderTest:
    """One VM of the run. `problem` is why it is left out, "" when it is not."""

    record: Record
    side: Side | None
    points: tuple[Point, ...] = ()
    point: Point | None = None
    problem: str = ""

    @property
    def adopted(self) -> bool:
        """True when a test VM of it is there already."""
        return self.side is not None and self.side.test_vm

    @property
    def point_shown(self) -> str:
        """What the test VM is made of, for people."""
        if self.adopted:
            return "the point of the run that made it"
        return str(self.point) if self.point else LATEST_DATA


def failover_test_plan(read: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The plan: `lines` for people, `refused`, and `vms`, one entry for each VM that can be tested.

    `read` holds relations, statistics, recovery_points, adapters, switches and test_vms of the VMs. Raises
    PlanError.
    """
    if not isinstance(read, Mapping) or read.get("vms") is None:
        raise PlanError(f"the host could not be read: {(read or {}).get('msg') or 'it gave no answer'}")
    wish = Wish.of(inputs)
    replicas = [_under_test(record, read, wish) for record in chosen(read, wish.vms)]
    refused = [{"id": d.record["id"], "name": d.record["name"], "reason": d.problem} for d in replicas if d.problem]
    refused += [{"id": None, "name": vm, "reason": NO_SUCH_VM} for vm in _missing(read, wish)]
    going = [replica for replica in replicas if not replica.problem]
    return {
        "vms": [_entry(replica, read, wish) for replica in going],
        "switch_tasks": _switch_tasks(going, wish),
        "acts": sum(len(list(_all_steps(replica, read, wish))) for replica in going),
        "refused": refused,
        "lines": [line for replica in replicas for line in _lines(replica, read, wish)]
        + [f"{one['name']}: REFUSED: {one['reason']}" for one in refused if one["id"] is None],
    }


def chosen(read: Record, vms: Iterable[str]) -> Iterator[Record]:
    """Records of the VMs of these names or ids."""
    asked = list(vms)
    for record in read["vms"]:
        if any(is_asked(record, vm) for vm in asked):
            yield record


def is_asked(record: Record, vm: str) -> bool:
    """True when the text is the name, or the id, of the VM."""
    return same_text(record["id"], vm.strip("{}")) if is_guid(vm) else same_text(record["name"], vm)


def _missing(read: Record, wish: Wish) -> list[str]:
    return [vm for vm in wish.vms if not any(is_asked(record, vm) for record in read["vms"])]


def _under_test(record: Record, read: Record, wish: Wish) -> ReplicaUnderTest:
    try:
        side = side_of(record)
    except ValueError as error:
        return ReplicaUnderTest(record, None, problem=str(error))
    points = parse_points(record.get("recovery_points") or ())
    replica = ReplicaUnderTest(record, side, points)
    problem = _untestable(replica)
    point = None
    if not problem and not replica.adopted:
        try:
            point = choose_point(wish.point, points)
        except NoPoint as error:
            problem = f"recovery point: {error}"
        problem = problem or _switch_problem(record, read, wish)
    twins = sum(is_asked(other, str(record["name"])) for other in read["vms"])
    if not problem and twins > 1 and any(same_text(record["name"], vm) for vm in wish.vms):
        problem = f"this host has {twins} VMs of that name; give the id of the one that is meant"
    return ReplicaUnderTest(record, side, points, point, problem)


def _untestable(replica: ReplicaUnderTest) -> str:
    """Why the state of the VM allows no test here; "" when it does."""
    record, side = replica.record, replica.side
    if side is None:
        return "its replication could not be read"
    if side.mode == PRIMARY:
        return f"this host is its primary; the test is made where its replica is: {record['partner']}"
    if side.mode not in REPLICA_MODES:
        return f"there is no replica of it here: it is {side}"
    if replica.adopted or "start_test" in possible(side):
        return ""
    if side.failed_over:
        return (
            f"it is failed over to this host ({side}), so there is nothing to test before that has ended (playbooks"
            " reverse_replication, to keep it, and cancel_failover, to undo it)"
        )
    return f"it is {side}, and a test needs a replica that is Replicating, or paused, after its first copy"


def _switch_problem(record: Record, read: Record, wish: Wish) -> str:
    """Why a test VM of it would not be isolated. A switch that is given replaces what each adapter has stored."""
    adapters = record.get("adapters")
    if adapters is None or read.get("switches") is None:
        return "its adapters or the host's switches could not be read, so whether its test is isolated is not known"
    for adapter in adapters:
        switch = wish.test_switch or adapter["test_switch"]
        problem = isolation_problem(switch, [adapter["switch"]], kinds_of(read), wish.allow)
        if problem:
            return f"adapter {adapter['name']}: {problem}"
    return ""


def _entry(replica: ReplicaUnderTest, read: Record, wish: Wish) -> dict[str, Any]:
    record = replica.record
    return {
        "id": record["id"],
        "name": record["name"],
        "adopted": replica.adopted,
        "point": replica.point_shown,
        "point_time": None if replica.point is None else time_text(replica.point.time),
        "production_switches": sorted({str(a["switch"]) for a in record.get("adapters") or () if a["switch"]}),
        "steps": list(_steps(replica, read, wish)),
    }


def _switched(replica: ReplicaUnderTest, wish: Wish) -> Iterator[str]:
    """Names of its adapters whose test switch is to be changed. That of a test VM that is there cannot be any more."""
    if wish.test_switch is not None and not replica.adopted:
        for adapter in replica.record.get("adapters") or ():
            if not same_text(adapter["test_switch"] or "", wish.test_switch):
                yield str(adapter["name"])


def _switch_tasks(replicas: Sequence[ReplicaUnderTest], wish: Wish) -> list[dict[str, Any]]:
    """One task for adapters of the same name: `adapter`, and the `ids` of the VMs that have it."""
    tasks: dict[str, list[str]] = {}
    for replica in replicas:
        for name in _switched(replica, wish):
            tasks.setdefault(name, []).append(str(replica.record["id"]))
    return [{"adapter": name, "ids": ids} for name, ids in tasks.items()]


def _steps(replica: ReplicaUnderTest, read: Record, wish: Wish) -> Iterator[dict[str, Any]]:
    for name in _switched(replica, wish):
        why = f"connect {name} of its test VM to {wish.test_switch}"
        yield {"cmdlet": "Set-VMNetworkAdapter", "parameters": {"TestReplicaSwitchName": wish.test_switch}, "why": why}
    if not replica.adopted:
        why = f"make a test VM from {replica.point_shown}"
        yield {"cmdlet": "Start-VMFailover", "parameters": {"AsTest": True}, "why": why}
    if _power_of_test(replica, read) != RUNNING:
        yield {"cmdlet": "Start-VM", "parameters": {}, "why": "start the test VM, when it has proved to be isolated"}


def _power_of_test(replica: ReplicaUnderTest, read: Record) -> str | None:
    test = replica.record.get("test_vm") or {}
    found = (one for one in read.get("test_vms") or () if one["id"] == test.get("id"))
    return next((str(one["power"]) for one in found), test.get("power"))


def _lines(replica: ReplicaUnderTest, read: Record, wish: Wish) -> Iterator[str]:
    record = replica.record
    yield f"{record['name']}: {replica.side or 'not readable'}, {record['health']}; last tested: {last_tested(record)}"
    if replica.problem:
        yield f"  REFUSED: {replica.problem}"
        return
    if not wish.point_given:
        yield f"  recovery points: {', '.join(map(str, replica.points)) or 'none but the latest data'}"
    yield f"  from {replica.point_shown}" if not replica.adopted else "  adopts the test VM that is there already"
    for number, step in enumerate(_all_steps(replica, read, wish), 1):
        yield plan_line(number, str(read["inventory_host"]), step["cmdlet"], step["parameters"], step["why"])


def _all_steps(replica: ReplicaUnderTest, read: Record, wish: Wish) -> Iterator[dict[str, Any]]:
    """Those that begin the test, and the one that ends it."""
    yield from _steps(replica, read, wish)
    if not wish.keep:
        yield {"cmdlet": "Stop-VMFailover", "parameters": {}, "why": "stop and delete the test VM, whatever it came to"}


def last_tested(record: Record) -> str:
    """When a test failover was last begun, as the host's statistics have it."""
    counted = [one.get("last_test_failover_time") for one in record.get("statistics") or ()]
    return max((str(time) for time in counted if time), default="never" if counted else "not known")


def candidates(read: Any) -> list[str]:
    """Lines: the replicas of a host with power, mode, state, health and what is possible, and its test VMs."""
    if not isinstance(read, Mapping) or read.get("vms") is None:
        raise PlanError(f"the host could not be read: {(read or {}).get('msg') or 'it gave no answer'}")
    replicas = [record for record in read["vms"] if record["mode"] in REPLICA_MODES]
    lines = [f"Replicas here: {len(replicas) or 'none'}"]
    lines += [f"  {_candidate(record)}" for record in sorted(replicas, key=lambda r: str(r["name"]).casefold())]
    return lines + list(_test_vms(read))


def _candidate(record: Record) -> str:
    replica = _seen(record)
    why = _untestable(replica)
    can = "a test VM of it is there" if replica.adopted else why or "can be tested"
    return (
        f"{record['name']}  {record['power']}  {record['mode']}, {record['state']}, {record['health']}"
        f"  last tested: {last_tested(record)}  {can}"
    )


def _seen(record: Record) -> ReplicaUnderTest:
    try:
        return ReplicaUnderTest(record, side_of(record))
    except ValueError:
        return ReplicaUnderTest(record, None)


def _test_vms(read: Record) -> Iterator[str]:
    if read.get("test_vms") is None:
        yield "Test VMs here: could not be read"
        return
    yield f"Test VMs here: {len(read['test_vms']) or 'none'}"
    for test in read["test_vms"]:
        of = (test.get("of") or {}).get("name")
        yield f"  {test['name']}  {test['power']}  " + (f"of {of}" if of else f"{test['id']}  {forgotten(read)}")


def forgotten(read: Record) -> str:
    """What a test VM without a replica is, in a reading of a whole host: it may be one that was not read."""
    unread = [str(record["name"]) for record in read["vms"] if record["relations"] is None]
    return f"whose replica is not known, for {', '.join(unread)} could not be read" if unread else FORGOTTEN
