"""Errors of the engine itself, worded and named as PowerShell's own. A Failure carries the whole error record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .objects import short_type, text

BINDING = "System.Management.Automation.ParameterBindingException"
VALIDATION = "System.Management.Automation.ParameterBindingValidationException"
PARENT = "System.Management.Automation.ParentContainsErrorRecordException"
CATEGORIES = [
    "NotSpecified",
    "OpenError",
    "CloseError",
    "DeviceError",
    "DeadlockDetected",
    "InvalidArgument",
    "InvalidData",
    "InvalidOperation",
    "InvalidResult",
    "InvalidType",
    "MetadataError",
    "NotImplemented",
    "NotInstalled",
    "ObjectNotFound",
    "OperationStopped",
    "OperationTimeout",
    "SyntaxError",
    "ParserError",
    "PermissionDenied",
    "ResourceBusy",
    "ResourceExists",
    "ResourceUnavailable",
    "ReadError",
    "WriteError",
    "FromStdErr",
    "SecurityError",
    "ProtocolError",
    "ConnectionError",
    "AuthenticationError",
    "LimitsExceeded",
    "QuotaExceeded",
    "NotEnabled",
]
SYSTEM_EXCEPTION = -2146233087
EXCEPTION = -2146233088
HRESULTS = {
    "System.Management.Automation.PSArgumentException": -2147024809,
    "System.Management.Automation.PSInvalidOperationException": -2146233079,
    "System.InvalidOperationException": -2146233079,
}
"""What classes of exceptions carry by themselves; the engine's others carry SYSTEM_EXCEPTION."""
_MOST = 40


@dataclass(frozen=True)
class Record:
    """An error record as it travels. `fqid` is complete: id and class."""

    message: str
    fqid: str
    category: str
    exception: str
    activity: str = ""
    target: Any = None
    hresult: int = SYSTEM_EXCEPTION
    reason: str | None = None
    invocation: str = ""
    piped_target: bool = False
    """The target came down the pipeline: its wrapper is the type that the category shows."""

    @property
    def target_name(self) -> str:
        """What the category shows of the target."""
        return text(self.target)

    @property
    def target_type(self) -> str:
        """The type of the target, as the category shows it."""
        if self.target is None:
            return ""
        return "PSObject" if self.piped_target else short_type(self.target)

    @property
    def why(self) -> str:
        """The category's reason: the bare name of the exception's class."""
        return self.reason or self.exception.rpartition(".")[2]

    @property
    def category_message(self) -> str:
        """The category on one line; a long target is shortened in its middle."""
        name, kind = _shorten(self.target_name), _shorten(self.target_type)
        return f"{self.category}: ({name}:{kind}) [{self.activity}], {self.why}"


def _shorten(value: str) -> str:
    if len(value) <= _MOST:
        return value
    return value[: (_MOST - 1) // 2] + "…" + value[len(value) - _MOST // 2 :]


class Failure(Exception):
    """Ends a command: the statement is lost. `binding`: the command never ran, so another class reports it."""

    def __init__(self, record: Record, *, binding: bool = False) -> None:
        super().__init__(record.message)
        self.record = record
        self.binding = binding


class Stop(Exception):
    """`-ErrorAction Stop` met an error: no later statement runs either."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.message)
        self.record = record


class NotConverted(Exception):
    """A value does not become the wanted type. `cast`: an ordinary cast failed (piped input looks further then)."""

    def __init__(self, message: str, *, cast: bool = True) -> None:
        super().__init__(message)
        self.cast = cast


@dataclass(frozen=True)
class Speaker:
    """Whose error it is: the command's name, and what follows the comma of its error ids."""

    name: str
    owner: str

    def binding(
        self, message: str, identifier: str, *, category: str = "InvalidArgument", kind: str = BINDING
    ) -> Failure:
        """A parameter that does not bind."""
        return Failure(Record(message, f"{identifier},{self.owner}", category, kind, self.name), binding=True)

    def not_found(self, parameter: str) -> Failure:
        """The name stands for no parameter."""
        return self.binding(
            f"A parameter cannot be found that matches parameter name '{parameter}'.", "NamedParameterNotFound"
        )

    def ambiguous(self, parameter: str, matches: list[str]) -> Failure:
        """The name begins more than one."""
        names = "".join(f" -{one}" for one in matches)
        return self.binding(
            f"Parameter cannot be processed because the parameter name '{parameter}' is ambiguous. "
            f"Possible matches include:{names}.",
            "AmbiguousParameter",
        )

    def bound_twice(self, parameter: str) -> Failure:
        """Given more than once."""
        return self.binding(
            f"Cannot bind parameter because parameter '{parameter}' is specified more than once. To provide multiple "
            'values to parameters that can accept multiple values, use the array syntax. For example, "-parameter '
            'value1,value2,value3".',
            "ParameterAlreadyBound",
        )

    def no_position(self, argument: Any) -> Failure:
        """An argument for which there is no position."""
        return self.binding(
            f"A positional parameter cannot be found that accepts argument '{text(argument)}'.",
            "PositionalParameterNotFound",
        )

    def ambiguous_set(self) -> Failure:
        """No parameter set fits, or more than one."""
        return self.binding(
            "Parameter set cannot be resolved using the specified named parameters. One or more parameters issued "
            "cannot be used together or an insufficient number of parameters were provided.",
            "AmbiguousParameterSet",
        )

    def missing(self, parameters: list[str]) -> Failure:
        """Mandatory parameters that nobody can be asked for."""
        return self.binding(
            f"Cannot process command because of one or more missing mandatory parameters: {' '.join(parameters)}.",
            "MissingMandatoryParameter",
        )

    def invalid(self, parameter: str, why: str, identifier: str = "ParameterArgumentValidationError") -> Failure:
        """A value that the parameter's own rules refuse."""
        return self.binding(
            f"Cannot validate argument on parameter '{parameter}'. {why}",
            identifier,
            category="InvalidData",
            kind=VALIDATION,
        )

    def no_cast(self, parameter: str, why: str) -> Failure:
        """A value that cannot be cast to the parameter's type."""
        return self.binding(f"Cannot bind parameter '{parameter}'. {why}", "CannotConvertArgumentNoMessage")

    def no_conversion(self, parameter: str, shown: str, kind: str, why: str = "") -> Failure:
        """A value of a wrong shape: a list for one, a text for a switch."""
        return self.binding(
            f"Cannot convert '{shown}' to the type '{kind}' required by parameter '{parameter}'. {why}",
            "CannotConvertArgument",
        )


def command_not_found(name: str) -> Failure:
    """There is no such command, or it is not for this session to see."""
    return Failure(
        Record(
            f"The term '{name}' is not recognized as a name of a cmdlet, function, script file, or executable "
            "program.\nCheck the spelling of the name, or if a path was included, verify that the path is correct and "
            "try again.",
            "CommandNotFoundException",
            "ObjectNotFound",
            "System.Management.Automation.CommandNotFoundException",
            target=name,
        ),
        binding=True,
    )


def module_not_loaded(module: str, name: str) -> Failure:
    """A module-qualified name whose module is not there."""
    return Failure(
        Record(
            f"The module '{module}' could not be loaded. For more information, run 'Import-Module {module}'.",
            "CouldNotAutoLoadModule",
            "ObjectNotFound",
            "System.Management.Automation.CommandNotFoundException",
            target=name,
        ),
        binding=True,
    )


def nobody_to_ask(speaker: Speaker, question: str) -> Failure:
    """A confirmation is wanted and the client's host cannot give it."""
    return Failure(
        Record(
            "A command that prompts the user failed because the host program or the command type does not support user "
            f"interaction. The host was attempting to request confirmation with the following message: {question}",
            f"HostFunctionNotImplemented,{speaker.owner}",
            "NotImplemented",
            "System.Management.Automation.Host.HostException",
            speaker.name,
            invocation=speaker.name,
        )
    )
