"""What a client sent, as psrpcore reads it: pipelines to statements, values to the values of values.py."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from psrpcore import Command, PowerShell
from psrpcore.types import PSObject

from ..values import Obj
from .clixml import ARRAY
from .convert import LOCAL
from .failures import Failure, Record
from .objects import Note, Sent, Typed
from .pipeline import Invocation, Statement


def value_of(value: Any) -> Any:
    """One value as builtins; a deserialized object becomes a Note, which is no live object whatever its type was."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=value.int)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, timedelta):
        return timedelta(days=value.days, seconds=value.seconds, microseconds=value.microseconds)
    if isinstance(value, Mapping):
        return Sent((value_of(key), value_of(each)) for key, each in value.items())
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        sent: PSObject | None = getattr(value, "PSObject", None)
        return Typed((value_of(each) for each in value), sent.type_names if sent is not None else ARRAY)
    return _object(value)


def _moment(value: datetime) -> datetime:
    made = datetime(value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
    return made if value.tzinfo is None else made.replace(tzinfo=value.tzinfo).astimezone(LOCAL)


def _object(value: Any) -> Any:
    shown: PSObject | None = getattr(value, "PSObject", None)
    if shown is None:
        return str(value)
    names = shown.type_names or ["System.Management.Automation.PSCustomObject"]
    found = [*shown.adapted_properties, *shown.extended_properties]
    properties = {each.name: value_of(each.get_value(value)) for each in found}
    made: Obj = Note(names[0], properties, shown.to_string)
    return made


def statements_of(metadata: PowerShell, no_language: bool) -> list[Statement]:
    """The statements of a pipeline. Raises Failure for a script: this engine has no language."""
    statements: list[Statement] = [[]]
    for command in metadata.commands:
        if command.is_script:
            raise _no_script(str(command.command_text), no_language)
        statements[-1].append(_invocation(command))
        if command.end_of_statement:
            statements.append([])
    return [statement for statement in statements if statement]


def _invocation(command: Command) -> Invocation:
    arguments = [(None if name is None else str(name), value_of(value)) for name, value in command.parameters]
    return Invocation(str(command.command_text), arguments)


def _no_script(script: str, no_language: bool) -> Failure:
    if no_language:
        return Failure(
            Record(
                "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
                "ScriptsNotAllowed",
                "ParserError",
                "System.Management.Automation.ParseException",
                target=script,
            ),
            binding=True,
        )
    return Failure(
        Record(
            "This lab runs cmdlets and their parameters, no script: send commands, not text.",
            "LabRunsNoScript",
            "NotImplemented",
            "System.Management.Automation.PSNotSupportedException",
        ),
        binding=True,
    )
