"""One command of a running pipeline: it binds, it acts, and what it writes goes to the next command or to the client.

`Body` is what a kind of command does; `Processor` is what PowerShell does for every command around it: preferences,
errors, confirmation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..values import Enum
from ..wildcard import NotAPattern, wildcard
from .binder import Argument, Binder
from .failures import HRESULTS, SYSTEM_EXCEPTION, Failure, Record, Speaker, Stop, nobody_to_ask
from .objects import enumerate_value, text
from .signatures import Signature

if TYPE_CHECKING:
    from ..cmdlets.registry import Session
    from .jobs import Jobs

_TARGETS = [
    "VM",
    "VMReplication",
    "VMSnapshot",
    "VMRecoverySnapshot",
    "VMNetworkAdapter",
    "VMName",
    "Name",
    "AllowedPrimaryServer",
    "InputObject",
    "DisplayName",
    "Path",
    "LiteralPath",
]


class Streams(Protocol):
    """Where a pipeline writes."""

    def output(self, value: Any) -> None:
        """An object for the client."""

    def error(self, record: Record) -> None:
        """An error record."""

    def message(self, kind: str, message: str) -> None:
        """A warning, verbose or debug record."""

    def information(self, data: Any, source: str) -> None:
        """An information record."""

    def progress(self, activity: str, status: str, percent: int) -> None:
        """A progress record."""


@dataclass
class Context:
    """What every command of a pipeline shares."""

    session: Session
    streams: Streams
    jobs: Jobs
    visible: Callable[[], Iterable[Signature]]


class Stopped(Exception):
    """The client stopped the pipeline, or is gone."""


class StopUpstream(Exception):
    """`Select-Object -First` has enough: the commands before `processor` end."""

    def __init__(self, processor: Processor) -> None:
        super().__init__()
        self.processor = processor


class Body:
    """What a command does. A new one is made for each command of a pipeline."""

    def __init__(self, processor: Processor) -> None:
        self.me = processor

    @property
    def bound(self) -> dict[str, Any]:
        """The parameters as they are bound now."""
        return self.me.binder.bound

    def on(self, switch: str) -> bool:
        """Whether a switch is set."""
        return bool(self.bound.get(switch))

    def begin(self) -> None:
        """Before the first object."""

    def process(self) -> None:
        """Once for each object (or once, where nothing is piped)."""

    def end(self) -> None:
        """After the last object."""


class Processor:
    """A command in its pipeline."""

    def __init__(self, context: Context, signature: Signature, body: Callable[[Processor], Body]) -> None:
        self.context = context
        self.signature = signature
        inner = signature.behind or signature
        self.speaker = Speaker(inner.name, inner.owner)
        """Whose errors they are once it runs: the cmdlet's, also behind a proxy function."""
        self.binder = Binder(signature)
        self.piped = False
        self.next: Processor | None = None
        self.body = body(self)

    def prepare(self, arguments: Iterable[Argument], piped: bool) -> None:
        """Bind the command's own arguments. Raises Failure."""
        self.piped = piped
        self.binder.bind_arguments(arguments, piped)

    def feed(self, value: Any) -> None:
        """Take one object from the pipeline. What does not bind is an error, and the next one follows."""
        try:
            self.binder.bind_input(value)
        except Failure as failure:
            self.write_error(failure.record)
            return
        self.body.process()

    def write(self, value: Any, *, enumerate: bool = False) -> None:
        """Hand an object on; with `enumerate` a list one by one."""
        if self.context.session.stopped:
            raise Stopped
        for one in enumerate_value(value) if enumerate else (value,):
            if self.next is None:
                self.context.streams.output(one)
            else:
                self.next.feed(one)

    def preference(self, parameter: str) -> str:
        """A common parameter's choice, `Continue` when it is not given."""
        given = self.binder.bound.get(parameter)
        return given.name if isinstance(given, Enum) else "Continue"

    def write_error(self, record: Record) -> None:
        """An error that lets the command go on, unless -ErrorAction says otherwise."""
        action = self.preference("ErrorAction")
        if action == "Stop":
            raise Stop(record)
        if action == "Inquire":
            raise nobody_to_ask(self.speaker, record.message)
        if action not in ("SilentlyContinue", "Ignore"):
            self.context.streams.error(record)

    def write_message(self, stream: str, message: str) -> None:
        """A warning, verbose, debug or information record, as the preferences have it."""
        if stream == "information":
            self.write_information(message)
        elif stream == "warning":
            self._write_warning(message)
        elif self.binder.bound.get(stream.capitalize()):
            self.context.streams.message(stream.capitalize(), message)

    def write_information(self, data: Any) -> None:
        """It travels whether the client shows it or not."""
        if self.preference("InformationAction") != "Ignore":
            self.context.streams.information(data, self.signature.name)

    def _write_warning(self, message: str) -> None:
        action = self.preference("WarningAction")
        if action in ("SilentlyContinue", "Ignore"):
            return
        if action == "Inquire":
            raise nobody_to_ask(self.speaker, "Continue with this operation?")
        self.context.streams.message("Warning", message)
        if action == "Stop":
            raise Stop(self._stopped_by_warning(message))

    def _stopped_by_warning(self, message: str) -> Record:
        return Record(
            'The running command stopped because the preference variable "WarningPreference" or common parameter is '
            f"set to Stop: {message}",
            f"ActionPreferenceStop,{self.signature.owner}",
            "OperationStopped",
            "System.Management.Automation.ActionPreferenceStopException",
            self.signature.name,
        )

    def should_process(self) -> bool:
        """Whether to act: not with -WhatIf. Raises Failure where a confirmation is wanted, for nobody can give it."""
        if not self.signature.asks:
            return True
        bound = self.binder.bound
        if bound.get("WhatIf"):
            return False
        target = target_of(self.binder.values)
        performing = f'Performing the operation "{self.signature.name}" on target "{target}".'
        if bound.get("Confirm", self.signature.impact == "High"):
            raise nobody_to_ask(
                self.speaker,
                f"Are you sure you want to perform this action?\n{performing}",
            )
        self.write_message("verbose", performing)
        return True

    def pattern(self, text: str) -> re.Pattern[str]:
        """A wildcard pattern. Raises Failure for one that is not valid."""
        try:
            return wildcard(text)
        except NotAPattern as problem:
            kind = "System.Management.Automation.WildcardPatternException"
            raise Failure(self.error(str(problem), "RuntimeException", "NotSpecified", exception=kind)) from None

    def error(
        self,
        message: str,
        identifier: str,
        category: str,
        target: Any = None,
        *,
        exception: str = "System.Management.Automation.PSArgumentException",
    ) -> Record:
        """An error record of this command."""
        return Record(
            message,
            f"{identifier},{self.signature.owner}",
            category,
            exception,
            self.signature.name,
            target,
            HRESULTS.get(exception, SYSTEM_EXCEPTION),
            invocation=self.signature.name,
            piped_target=target is not None and self.piped,
        )


def target_of(parameters: dict[str, Any]) -> str:
    """What a confirmation names: the objects that were bound, or the machine."""
    for name in _TARGETS:
        if parameters.get(name) is None:
            continue
        value = parameters[name]
        items = value if isinstance(value, list) else [value]
        names = [
            text(item.get("VMName") or item.get("Name")) if hasattr(item, "properties") else text(item)
            for item in items
        ]
        return ", ".join(names)
    return "localhost"
