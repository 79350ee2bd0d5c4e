"""Every call of a cmdlet with what stood around it; and the watch on the first law, at every moment.

A VM of one id that is alive on two hosts breaks it (a test VM has an id of its own and does not count).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .values import Obj

if TYPE_CHECKING:
    from .world.vm import VM
    from .world.world import World

READING_VERBS = frozenset({"Get", "Measure", "Test", "Resolve", "Select", "Where", "Sort", "Receive", "Wait"})
# Parameters that name VMs, by object, name or id.
NAMING = ("VM", "VMName", "Name", "Id", "VMId", "VMReplication", "VMRecoverySnapshot", "VMSnapshot", "VMNetworkAdapter")

State = tuple[str, str, str, str, str]  # host, power, mode, state, state of the extended leg


def changes_state(cmdlet: str) -> bool:
    """Whether a cmdlet of this name may change anything."""
    return cmdlet.partition("-")[0] not in READING_VERBS


@dataclass
class Recorded:
    """One call. `outcome` is ok, dropped, lost (its host or client went away), or the ids of its errors.

    `before` and `after` hold, for a state-changing call, the joint state of the VMs it names: id -> one State a host.
    """

    number: int
    host: str
    session: object
    user: str
    cmdlet: str
    parameter_set: str
    parameters: dict[str, Any]
    at: datetime
    vms: tuple[str, ...] = ()
    before: dict[uuid.UUID, tuple[State, ...]] = field(default_factory=dict)
    after: dict[uuid.UUID, tuple[State, ...]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    fault: str = ""
    outcome: str = "running"
    ended: datetime | None = None

    @property
    def state_changing(self) -> bool:
        """Whether this cmdlet may change anything."""
        return changes_state(self.cmdlet)

    def __str__(self) -> str:
        words = " ".join(f"-{name} {_plain(value)}" for name, value in self.parameters.items())
        return f"{self.number}. {self.host}: {self.cmdlet} {words} [{self.outcome}]"


@dataclass(frozen=True)
class Violation:
    """The first law broken: which VM, where it is alive, when, and by what."""

    vm: str
    vm_id: uuid.UUID
    hosts: tuple[str, ...]
    at: datetime
    cause: str


@dataclass(eq=False)
class _Cause:
    words: str


class Recorder:
    """Calls in order, and violations of the first law."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.calls: list[Recorded] = []
        self.violations: list[Violation] = []
        self._causes: list[_Cause] = []

    def state_changing(self, host: str | None = None) -> list[Recorded]:
        """The state-changing calls so far (on one host), in order."""
        return [c for c in self.calls if c.state_changing and host in (None, c.host)]

    def of(self, cmdlet: str) -> list[Recorded]:
        """The calls of one cmdlet."""
        return [c for c in self.calls if c.cmdlet == cmdlet]

    def clear(self) -> None:
        """Forget the calls; violations stay."""
        self.calls.clear()

    def begin(self, host: str, session: Any, cmdlet: str, parameter_set: str, parameters: dict[str, Any]) -> Recorded:
        """Note a call that is about to run."""
        entry = Recorded(
            number=len(self.calls) + 1,
            host=host,
            session=session,
            user=str(getattr(session, "user", "")),
            cmdlet=cmdlet,
            parameter_set=parameter_set,
            parameters={name: _brief(value) for name, value in parameters.items()},
            at=self._world.clock.now(),
        )
        if entry.state_changing:
            concerned = self._concerned(host, parameters)
            entry.vms = tuple(vm.name for vm in concerned)
            entry.before = {vm.id: self._joint(vm.id) for vm in concerned}
        self.calls.append(entry)
        return entry

    def end(self, entry: Recorded, outcome: str) -> None:
        """Note how a call ended and what it left."""
        entry.outcome = ", ".join(entry.errors) if outcome == "ok" and entry.errors else outcome
        entry.ended = self._world.clock.now()
        entry.after = {vm_id: self._joint(vm_id) for vm_id in entry.before}

    @contextmanager
    def cause(self, words: str) -> Iterator[None]:
        """Blame what happens inside on these words."""
        # By identity: threads come and go here in any order, for one that waits gives up the lock.
        token = _Cause(words)
        self._causes.append(token)
        try:
            yield
        finally:
            self._causes.remove(token)

    def power_changed(self, vm: VM) -> None:
        """A VM's power changed: the first law is checked here, whoever did it."""
        if not vm.alive or vm.test_of is not None:
            return
        alive = [host.name for host, copy in self._world.copies(vm.id) if copy.alive]
        if len(alive) > 1:
            cause = self._causes[-1].words if self._causes else "time"
            self.violations.append(Violation(vm.name, vm.id, tuple(alive), self._world.clock.now(), cause))

    def _joint(self, vm_id: uuid.UUID) -> tuple[State, ...]:
        return tuple(
            (
                host.name,
                vm.state,
                vm.mode,
                vm.relation.state if vm.relation else "Disabled",
                vm.leg.state if vm.leg else "",
            )
            for host, vm in self._world.copies(vm_id)
        )

    def _concerned(self, host: str, parameters: dict[str, Any]) -> list[VM]:
        mine = self._world.hosts[host].vms
        found: dict[uuid.UUID, VM] = {}
        for value in (v for name in NAMING if (given := parameters.get(name)) is not None for v in _listed(given)):
            vm_id = _id_of(value)
            if vm_id in mine:
                found[vm_id] = mine[vm_id]
            elif isinstance(value, str):
                found.update((v.id, v) for v in mine.values() if v.name.casefold() == value.casefold())
        return list(found.values())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _id_of(value: Any) -> Any:
    if isinstance(value, Obj):
        return value.get("VMId") or value.get("Id")
    return value if isinstance(value, uuid.UUID) else None


def _brief(value: Any) -> Any:
    """A parameter as it is kept: objects by name and id, so that a record holds no copy of a world."""
    if isinstance(value, list):
        return [_brief(one) for one in value]
    if isinstance(value, Obj):
        vm_id = value.get("VMId") or value.get("Id")
        name = value.get("VMName") or value.get("Name")
        return f"{name} ({vm_id})" if vm_id else str(name or value.text or value.type)
    return value


def _plain(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
