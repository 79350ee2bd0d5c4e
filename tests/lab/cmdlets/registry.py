"""The explicit register of handlers, and the one door (`dispatch`) that both engines call.

dispatch: late effects -> faults -> recorder -> handler -> recorder. A handler is a generator of records; each of its
steps runs under the world's lock, which it gives up between two records and inside `call.wait_until(...)`.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from ..faults import BUSY, DELAY, DROP_AFTER, DROP_BEFORE, DROP_LATE, HANG, Fault
from ..recorder import changes_state
from ..values import Error, Record, Refusal
from . import rights

if TYPE_CHECKING:
    from ..recorder import Recorded
    from ..world.host import Host
    from ..world.world import World


class Session(Protocol):
    """Who calls: one WSMan shell (or one conformance run). Both engines give one of these to `dispatch`."""

    host: Host
    user: str

    def drop(self) -> None:
        """Cut the client's connection now (a fault); the shell is gone for the client."""

    @property
    def stopped(self) -> bool:
        """The pipeline was stopped or its client is gone: a handler that waits gives up (its effect may go on)."""


@dataclass
class Call:
    """One call of a cmdlet: its parameter set, the parameters bound (names as in the signature), and where it runs."""

    cmdlet: str
    parameter_set: str
    parameters: dict[str, Any]
    session: Session
    world: World
    extra: dict[str, Any] = field(default_factory=dict)
    on_wait: Callable[[], None] | None = None

    @property
    def host(self) -> Host:
        """The host whose shell this is."""
        return self.session.host

    def get(self, name: str, default: Any = None) -> Any:
        """A bound parameter, or `default`."""
        return self.parameters.get(name, default)

    @property
    def gone(self) -> bool:
        """Whether nobody waits for the answer any more, or the host lost its power."""
        return self.session.stopped or not self.host.powered

    def wait_until(self, ready: Callable[[], bool], limit_seconds: float | None = None) -> bool:
        """Give up the world's lock until `ready()`; False at the limit (virtual time) or when nobody waits any more."""
        if self.on_wait is not None:
            self.on_wait()
        return self.world.clock.wait_until(ready, lambda: self.gone, limit_seconds)


Handler = Callable[[Call], Iterator[Record]]
HANDLERS: dict[str, Handler] = {}


def cmdlet(name: str) -> Callable[[Handler], Handler]:
    """Register a handler under the cmdlet's name as PowerShell spells it."""

    def register(handler: Handler) -> Handler:
        if name in HANDLERS:
            raise ValueError(f"two handlers for {name}")
        HANDLERS[name] = handler
        return handler

    return register


@cache
def handlers() -> Mapping[str, Handler]:
    """All handlers; the files beside this one are imported at the first call."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")
    return HANDLERS


class GoneSession:
    """The session of an effect whose client was cut off: nobody listens, and the work goes on."""

    def __init__(self, session: Session) -> None:
        self.host = session.host
        self.user = session.user
        self.stopped = False

    def drop(self) -> None:
        """There is nothing left to cut."""


def dispatch(session: Session, cmdlet: str, parameter_set: str, parameters: dict[str, Any]) -> Iterator[Record]:
    """Run one call and give its records. Nothing comes from a host without power or for a client that is gone.

    A Refusal raised by a handler becomes its last record. KeyError for a cmdlet that has no handler.
    """
    with session.host.world.lock:
        due = session.host.world.faults.due(session.host.name, cmdlet)
    for moment in due:
        if moment.before:
            moment.act()
    try:
        yield from _dispatch(session, cmdlet, parameter_set, parameters)
    finally:
        for moment in due:
            if not moment.before:
                moment.act()


def _dispatch(session: Session, cmdlet: str, parameter_set: str, parameters: dict[str, Any]) -> Iterator[Record]:
    handler = handlers()[cmdlet]
    world = session.host.world
    call = Call(cmdlet, parameter_set, parameters, session, world)
    with world.lock:
        world.faults.land()
        world.settle()
        if call.gone:
            return
        entry = world.recorder.begin(session.host.name, session, cmdlet, parameter_set, parameters)
        fault = world.faults.judge(session.host.name, cmdlet)
        entry.fault = fault.kind if fault else ""
    if fault is not None and fault.kind in (DROP_BEFORE, DROP_LATE):
        _drop(call, handler, entry, fault)
        return
    if fault is not None and fault.kind == HANG:
        with world.lock:
            call.wait_until(lambda: False)
            world.recorder.end(entry, "lost")
        return
    if fault is not None and fault.kind == DELAY:
        with world.lock:
            call.wait_until(lambda: False, fault.seconds)
    elif fault is not None and fault.kind != DROP_AFTER:
        yield _finish(call, entry, _refused(fault))
        return
    records = _run(call, handler, entry)
    if fault is None or fault.kind == DELAY:
        yield from records
        return
    for _unused in records:  # drop_after: the effect happens, its answer is lost
        pass
    session.drop()


def _refused(fault: Fault) -> Error:
    if fault.kind == BUSY:
        return Error(fault.message, "ObjectInUse", "ResourceBusy", hresult=fault.hresult)
    return Error(fault.message, fault.id, fault.category, hresult=fault.hresult)


def _finish(call: Call, entry: Recorded, error: Error) -> Error:
    with call.world.lock:
        entry.errors.append(error.id)
        call.world.recorder.end(entry, "ok")
    return error


def _drop(call: Call, handler: Handler, entry: Recorded, fault: Fault) -> None:
    world = call.world
    with world.lock:
        world.recorder.end(entry, "dropped")
        if fault.kind == DROP_LATE:
            late = Call(call.cmdlet, call.parameter_set, call.parameters, GoneSession(call.session), world)
            world.faults.postpone(fault.lands_after, lambda: _land(late, handler, entry))
    call.session.drop()


def _land(call: Call, handler: Handler, entry: Recorded) -> None:
    """Let a late effect happen: at once as far as it does not wait; what it waits for happens in time by itself."""
    if call.gone:
        return
    world, begun = call.world, threading.Event()
    call.on_wait = begun.set

    def work() -> None:
        for _unused in _run(call, handler, entry):
            pass
        begun.set()

    threading.Thread(target=work, daemon=True, name=f"late {call.cmdlet}").start()
    with world.lock:
        while not begun.is_set():
            world.lock.wait(0.01)


# What may let replication through, or stop it.
_CONDITIONS = frozenset({"NetFirewallRule", "VMReplicationServer", "VMReplicationAuthorizationEntry"})


def _allowed(call: Call, handler: Handler) -> Iterator[Record]:
    rights.check(call)
    if changes_state(call.cmdlet) and call.cmdlet.partition("-")[2] in _CONDITIONS:
        # The cycles until now ran under the conditions that held until now.
        call.world.replicate_all()
    yield from handler(call)


def _run(call: Call, handler: Handler, entry: Recorded) -> Iterator[Record]:
    """Run a handler step by step, each under the lock; always closes the entry."""
    world = call.world
    records = _allowed(call, handler)
    outcome = "lost"
    try:
        while True:
            with world.lock, world.recorder.cause(f"{call.host.name}: {call.cmdlet}"):
                try:
                    record = next(records)
                except StopIteration:
                    outcome = "ok"
                    return
                except Refusal as refusal:
                    record = refusal.error
                if isinstance(record, Error):
                    entry.errors.append(record.id)
            yield record
    finally:
        with world.lock:
            records.close()  # type: ignore[attr-defined]
            world.recorder.end(entry, "lost" if call.gone else outcome)
            world.lock.notify_all()
