"""Measure-VMReplication and Reset-VMReplicationStatistics."""

from __future__ import annotations

from collections.abc import Iterator

from ..values import Output, Record
from ..world.health import details, health_of
from ..world.laws_refusals import refuse
from ..world.laws_replication import judge
from ..world.relation import Statistics
from ..world.replicating import pending
from ..world.vm import VM
from . import shapes
from .filters import Filters
from .registry import Call, cmdlet
from .replication import asked_by_name, over, shown_relations
from .resolve import each_vm, pass_relation, relation_asked


@cmdlet("Measure-VMReplication")
def measure(call: Call) -> Iterator[Record]:
    """Statistics of relations, filtered as Get-VMReplication does."""
    filters = Filters.of(call)

    def show(vm: VM) -> Iterator[Record]:
        found = [r for r in shown_relations(call, vm) if filters.admit_kind(r)]
        if not found and asked_by_name(call):
            raise refuse("not_enabled", vm=vm)
        now = call.world.clock.now()
        for relation in found:
            health = health_of(vm, relation, now)
            if filters.admit(vm, relation, health):
                waiting = pending(call.world, vm, relation)
                words = details(vm, relation, now)
                yield Output(shapes.replication_health(call.host, vm, relation, health, waiting, words))

    yield from over(call, show)


@cmdlet("Reset-VMReplicationStatistics")
def reset(call: Call) -> Iterator[Record]:
    """Begin a new window with counters of zero."""

    def act(vm: VM) -> Iterator[Record]:
        relation = relation_asked(call, vm)
        judge(call.cmdlet, vm, relation)
        if relation is not None:
            relation.statistics = Statistics(since=call.world.clock.now(), last_test=relation.statistics.last_test)
        yield from pass_relation(call, vm, relation)

    yield from each_vm(call, act)
