"""The explicit register of handlers, and the one door (`dispatch`) that both engines call.

dispatch: recorder -> faults -> handler -> recorder. A handler is a generator of records; it runs under the world's lock,
which it gives up only inside `call.wait_until(...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..values import Record

if TYPE_CHECKING:
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

    @property
    def host(self) -> Host:
        """The host whose shell this is."""
        return self.session.host

    def get(self, name: str, default: Any = None) -> Any:
        """A bound parameter, or `default`."""
        return self.parameters.get(name, default)

    def wait_until(self, ready: Callable[[], bool], limit_seconds: float | None = None) -> bool:
        """Give up the world's lock until `ready()` (looked at as virtual time passes); False at the limit or when stopped."""
        return self.world.clock.wait_until(ready, lambda: self.session.stopped, limit_seconds)


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
