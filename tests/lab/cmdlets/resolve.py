"""From parameters to VMs and relations of the host: by object, by name with wildcards, by id."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..values import Obj, Output, Record, Refusal
from ..wildcard import NotAPattern, wildcard
from ..world.health import health_of
from ..world.host import Host
from ..world.laws_refusals import refuse
from ..world.relation import SIMPLE, Relation
from ..world.replicating import catch_up
from ..world.vm import VM
from . import shapes
from .registry import Call


def pattern(text: str) -> re.Pattern[str]:
    """A wildcard pattern. Raises the refusal of one that PowerShell calls not valid.

    What Hyper-V's own cmdlets make of such a text is not documented: the harsher reading is taken, they refuse it too.
    """
    try:
        return wildcard(text)
    except NotAPattern as error:
        raise Refusal(str(error), "InvalidParameter", "InvalidArgument", text) from None


def is_pattern(text: str) -> bool:
    """Whether the text holds a wildcard."""
    return any(sign in text for sign in "*?[")


def matches(text: str, value: str) -> bool:
    """Whether a value fits a pattern as a whole, without case."""
    return pattern(text).fullmatch(value) is not None


def listed(value: Any) -> list[Any]:
    """A list of what was given, be it one or many."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def named(host: Host, name: str) -> list[VM]:
    """VMs whose name fits. Raises vm_not_found for a name without wildcards that fits none."""
    if not is_pattern(name) and "`" not in name:
        wanted = name.casefold()
        found = [vm for vm in host.vms.values() if vm.name.casefold() == wanted]
    else:
        fits = pattern(name).fullmatch
        found = [vm for vm in host.vms.values() if fits(vm.name)]
    if not found and not is_pattern(name):
        raise refuse("vm_not_found", name=name, target=name)
    return found


def by_object(host: Host, given: Obj) -> VM:
    """The VM that an object stands for. Raises ObjectNotFound when it is no longer here."""
    vm_id = given.get("VMId") or given.get("Id")
    vm = host.vms.get(vm_id) if vm_id is not None else None
    if vm is None:
        text = (
            f"Hyper-V encountered an error trying to access an object on computer '{host.name}' because the object "
            "was not found. The object might have been deleted. Verify that the Virtual Machine Management service "
            "is running."
        )
        raise Refusal(text, "ObjectNotFound", "ObjectNotFound")
    return vm


Finder = Callable[[], list[VM]]


def finders(call: Call) -> Iterator[Finder]:
    """One look-up for each thing that was named, so that one that is not there does not stop the others."""
    for given in (*listed(call.get("VM")), *listed(call.get("VMReplication"))):
        yield lambda given=given: [by_object(call.host, given)]  # type: ignore[misc]
    for name in (*listed(call.get("VMName")), *listed(call.get("Name"))):
        yield lambda name=name: named(call.host, name)  # type: ignore[misc]


def each_vm(call: Call, act: Callable[[VM], Iterable[Record]]) -> Iterator[Record]:
    """Serve the VMs one after the other; a refusal is an error record and the next one has its turn."""
    for find in finders(call):
        try:
            found = find()
        except Refusal as refusal:
            yield refusal.error
            continue
        for vm in found:
            try:
                yield from act(vm)
            except Refusal as refusal:
                yield refusal.error
            if call.gone:
                return


def relation_asked(call: Call, vm: VM) -> Relation | None:
    """The relation that a call is about: of the object piped in, of the type named, else the Simple one."""
    kind = str(call.get("ReplicationRelationshipType") or SIMPLE)
    for given in listed(call.get("VMReplication")):
        if given.get("VMId") == vm.id:
            kind = str(given.get("ReplicationRelationshipType") or SIMPLE)
    catch_up(call.world, call.host, vm)
    return vm.relations.get(kind)


def vm_output(call: Call, vm: VM) -> Output:
    """The VM for the pipeline."""
    relation = vm.relation
    if relation is not None:
        catch_up(call.world, call.host, vm)
    return Output(shapes.virtual_machine(call.host, vm, health_of(vm, vm.relation, call.world.clock.now())))


def relation_output(call: Call, vm: VM, relation: Relation) -> Output:
    """The relation for the pipeline."""
    return Output(shapes.replication(call.host, vm, relation, health_of(vm, relation, call.world.clock.now())))


def pass_thru(call: Call, vm: VM) -> Iterator[Record]:
    """The VM when -Passthru was given."""
    if call.get("Passthru"):
        yield vm_output(call, vm)


def pass_relation(call: Call, vm: VM, relation: Relation | None) -> Iterator[Record]:
    """The relation when -Passthru was given."""
    if call.get("Passthru") and relation is not None:
        yield relation_output(call, vm, relation)
