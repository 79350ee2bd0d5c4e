# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reading what hyperv_failover decides on: one pipeline, whatever the number of VMs.

The VMs and their relations are read as the information module reads them, so that a record of either side is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..base.errors import ReplicaError
from ..base.pipeline import Command, Pipeline, Statement
from ..base.proof import own_leg, side_of
from ..base.properties import select
from ..base.session import Output
from ..base.states import PRIMARY, Side
from ..facts.clock import Clock, read_clock
from ..facts.network import ADAPTER
from ..facts.parts import RECOVERY_POINT
from ..facts.record import properties
from ..facts.scope import Scope, Wanted
from ..facts.section import Answer
from ..facts.sections import VM_KINDS
from ..facts.unreadable import CannotRead
from ..facts.vms import VMs, parse_vms, query_vms
from .options import PREPARED_STATE, STARTING_STATES, TEST_RUNNING, Want
from .point import ANY, Point, parse_points

_TEST_VM = ("Id", "Name", "State")


@dataclass(frozen=True)
class VM:
    """One VM of this host: its information record, and what else the state asked for needs."""

    record: Mapping[str, Any]
    side: Side
    test_id: str = ""
    test_power: str = ""
    points: tuple[Point, ...] = ()
    unconnected: tuple[str, ...] = ()
    task: str = ""
    """What Windows is doing with its replication, where that was read."""

    @property
    def start_action(self) -> str:
        """What it does when its host starts."""
        return str(self.record["automatic_start_action"])

    @property
    def id(self) -> str:
        """Its id, the same on both sides."""
        return str(self.record["id"])

    @property
    def name(self) -> str:
        """Its name on this host."""
        return str(self.record["name"])

    @property
    def relation(self) -> Mapping[str, Any]:
        """The relation between a primary and its replica; empty without one."""
        return own_leg(self.record["relations"])

    @property
    def sends_on(self) -> Mapping[str, Any]:
        """The leg on which this replica is replicated on to a third site; empty without one."""
        legs = (leg for leg in self.record["relations"] if leg["type"] == "Extended" and leg is not self.relation)
        return next(legs, {})


@dataclass(frozen=True)
class Have:
    """What the host said: its full Windows name, when (the control node's clock), and the VMs by id."""

    host: str
    read_at: datetime
    vms: Mapping[str, VM] = field(default_factory=dict)


def wanted(want: Want) -> Wanted:
    """The VMs of the task, as the information module asks for them."""
    return Wanted(gather=(), selection=want.vms)


def query(want: Want) -> Pipeline:
    """Everything that the decisions need, in one pipeline."""
    return query_vms(wanted(want), _more(want))


def _more(want: Want) -> Iterator[Statement]:
    if needs_points(want):
        columns = ("VMId", *properties(RECOVERY_POINT))
        yield from (vms | Command("Get-VMSnapshot") | select("VMSnapshot", *columns) for vms in _sources(want))
    if needs_adapters(want):
        columns = ("VMId", *properties(ADAPTER))
        yield from (
            vms | Command("Get-VMNetworkAdapter") | select("VMNetworkAdapter", *columns) for vms in _sources(want)
        )
    if needs_tasks(want):
        primaries = Command("Where-Object", {"Property": "ReplicationMode", "EQ": True, "Value": PRIMARY})
        columns = ("VMId", "CurrentTask")
        yield from (
            vms | primaries | Command("Measure-VMReplication") | select("VMReplicationHealth", *columns)
            for vms in _sources(want)
        )
    if want.state == TEST_RUNNING:
        tests = Command("Get-VM") | Command(
            "Where-Object", {"Property": "ReplicationMode", "EQ": True, "Value": "TestReplica"}
        )
        yield tests | select("VirtualMachine", *_TEST_VM)


def needs_points(want: Want) -> bool:
    """Recovery points are read where one may be chosen."""
    return want.point != ANY


def needs_adapters(want: Want) -> bool:
    """Adapters are read where a VM may be started and has to come up with a network."""
    return want.start and want.state in STARTING_STATES and not want.unconnected


def needs_tasks(want: Want) -> bool:
    """A last delta may be on its way already, sent by a run that did not wait for it."""
    return want.state == PREPARED_STATE


def _sources(want: Want) -> tuple[Statement, ...]:
    groups = (("Name", want.vms.names or ()), ("Id", want.vms.ids or ()))
    return tuple(
        Command("Get-VM") | Command("Where-Object", {"Property": by, "In": True, "Value": list(values)})
        for by, values in groups
        if values
    )


def parse(output: Output, want: Want) -> Have:
    """What the host said. Raises CannotRead for a read that failed, OptionError for VMs that are not there."""
    tests, rest = _split_test_vms(output, want)
    vms = parse_vms(rest, wanted(want))
    if vms.unreadable or vms.records is None:
        raise CannotRead(vms.host or "", vms.unreadable, vms.names)
    clock = read_clock(rest)
    points = _part(rest, "recovery_points", "VMSnapshot", vms, clock) if needs_points(want) else {}
    adapters = _part(rest, "adapters", "VMNetworkAdapter", vms, clock) if needs_adapters(want) else {}
    tasks = _tasks(rest)
    read = {r["id"]: _vm(r, tests, points.get(r["id"], []), adapters.get(r["id"], [])) for r in vms.records}
    return Have(
        host=str(vms.host),
        read_at=want.clock(),
        vms={id: replace(vm, task=tasks.get(id, "")) for id, vm in read.items()},
    )


def _tasks(output: Output) -> dict[str, str]:
    """What Windows is doing, by VM id. A nested task arrives as its properties or as its text."""
    found = {}
    for row in output.of_type("VMReplicationHealth"):
        named = [str(t.get("Name") if isinstance(t, Mapping) else t) for t in row.properties["CurrentTask"] or ()]
        found[str(row.properties["VMId"]).lower()] = ", ".join(named)
    return found


def _split_test_vms(output: Output, want: Want) -> tuple[Mapping[str, str], Output]:
    """Power by id of the test VMs, and the answer without their rows, which hold three properties only."""
    if want.state != TEST_RUNNING:
        return {}, output
    tests = [r for r in output.of_type("VirtualMachine") if set(r.properties) == set(_TEST_VM)]
    rest = Output(tuple(row for row in output.rows if row not in tests), output.errors, output.warnings)
    return {str(row.properties["Id"]).lower(): str(row.properties["State"]) for row in tests}, rest


def _part(output: Output, kind: str, of_type: str, vms: VMs, clock: Clock) -> Mapping[str, Any]:
    return VM_KINDS[kind].parse(Answer(Output(output.of_type(of_type)), Scope(vms.names, clock=clock)))


def _vm(record: Mapping[str, Any], tests: Mapping[str, str], points: list[Any], adapters: list[Any]) -> VM:
    try:
        side = side_of(record)
    except ValueError as error:
        raise ReplicaError(f"{record['host']}: {error}") from None
    test_id = str((record["test_vm"] or {}).get("id") or "")
    return VM(
        record=record,
        side=side,
        test_id=test_id,
        test_power=tests.get(test_id, ""),
        points=parse_points(points),
        unconnected=tuple(str(adapter["name"]) for adapter in adapters if not adapter["connected"]),
    )
