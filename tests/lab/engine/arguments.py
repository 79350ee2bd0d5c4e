"""One argument for one parameter: conversion, then the parameter's own rules, with PowerShell's errors."""

from __future__ import annotations

from typing import Any

from .convert import ANY, SIZES, convert, is_instance
from .failures import Failure, NotConverted, Speaker
from .objects import Noted, text, type_name
from .signatures import SWITCH, Parameter, Signature, table

TRANSFORMATION = "System.Management.Automation.ParameterBindingArgumentTransformationException"
_NULL_OR_EMPTY = (
    "The argument is null or empty. Provide an argument that is not null or empty, and then try the command again."
)
_NULL = "The argument is null. Provide a valid value for the argument, and then try running the command again."
_ELEMENT = (
    "The argument is null, empty, or an element of the argument collection contains a null value. Supply a collection "
    "that does not contain any null values and then try the command again."
)
_TRUTH = ("System.Boolean", SWITCH)
_VALUES = ("System.Guid", "System.DateTime", "System.TimeSpan", "System.Double", "System.Char")
STRINGS = "System.Collections.Specialized.StringCollection"


class NotCast(Failure):
    """A Failure to convert: pipeline binding tries elsewhere instead of giving up."""


def needs_no_coercion(value: Any, parameter: Parameter) -> bool:
    """Whether the value binds as it is (for an array: it, or each of its items, is of the element's type)."""
    element = parameter.type.removesuffix("[]")
    if value is None:
        return parameter.type != "System.String"
    if not parameter.type.endswith("[]"):
        return is_instance(value, parameter.type)
    items = value if isinstance(value, list) else [value]
    return all(is_instance(item, element) for item in items)


def accept(value: Any, parameter: Parameter, signature: Signature, *, coerce: bool = True) -> tuple[bool, Any]:
    """(whether it binds, the converted value). Without `coerce` a value of another type does not bind.

    Raises Failure; NotCast where an ordinary cast failed.
    """
    speaker = Speaker(signature.name, signature.owner)
    if coerce:
        value = _converted(value, parameter, signature.function and not parameter.common, speaker)
    elif not needs_no_coercion(value, parameter):
        return False, None
    elif parameter.type.endswith("[]") and value is not None and not isinstance(value, list):
        value = [value]
    _check_kind(value, parameter, speaker)
    _check_rules(value, parameter, speaker)
    if value is None and is_value_type(parameter.type) and not parameter.nullable:
        raise _null_value(parameter, speaker)
    return True, value


def _converted(value: Any, parameter: Parameter, function: bool, speaker: Speaker) -> Any:
    """`function`: the parameter is a function's own, and converts by a transformation of its own."""
    element = parameter.type.removesuffix("[]")
    if parameter.type == SWITCH and value is None:
        # No value: the switch of a cmdlet is given; to a function it is a null, which is false.
        return not function
    if value is None and element not in _TRUTH and not (function and element == parameter.type):
        return None
    if value is None and parameter.type == "System.Boolean" and not parameter.nullable and not function:
        raise _null_truth(parameter, speaker)
    try:
        if function and isinstance(value, list):
            value = _transformed(value, element, parameter.type.endswith("[]"))
        if parameter.type.endswith("[]"):
            keep_nulls = not function and element not in (*_TRUTH, *SIZES, "System.Guid")
            return [None if item is None and keep_nulls else convert(item, element) for item in _items(value, element)]
        if parameter.type == STRINGS:
            return _strings(value)
        return convert(value, element, parameter.nullable)
    except NotConverted as problem:
        raise _cannot_convert(value, parameter, function, speaker, problem) from None


def is_value_type(kind: str) -> bool:
    """Whether a null is no value of the type."""
    return kind in SIZES or kind in table().enums or kind in _VALUES


def _null_value(parameter: Parameter, speaker: Speaker) -> Failure:
    try:
        convert(None, parameter.type)
        why = f'Cannot convert null to type "{parameter.type}".'
    except NotConverted as problem:
        why = str(problem)
    return speaker.binding(
        f'Cannot bind parameter \'{parameter.name}\' to the target. Exception setting "{parameter.name}": "{why}"',
        "ParameterBindingFailed",
        category="WriteError",
    )


def _null_truth(parameter: Parameter, speaker: Speaker) -> Failure:
    message = f"Cannot bind argument to parameter '{parameter.name}' because it is null."
    return speaker.binding(message, "ParameterArgumentValidationErrorNullNotAllowed")


def _transformed(value: list[Any], element: str, array: bool) -> Any:
    if not array:
        return _transformed_list(value, element)
    return [_transformed_list(item, element) if isinstance(item, list) else item for item in value]


def _transformed_list(value: list[Any], element: str) -> Any:
    """A function's parameters are converted as a cast does it: a list becomes text, but no number."""
    if element == "System.String":
        return " ".join("System.Collections.ArrayList" if isinstance(item, list) else text(item) for item in value)
    if element in table().enums or element in (*_TRUTH, *ANY):
        return value
    shown = "System.Collections.ArrayList"
    raise NotConverted(f'Cannot convert the "{shown}" value of type "{shown}" to type "{element}".')


def _items(value: Any, element: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if element == "System.Char" and isinstance(value, str):
        return list(value)
    return [value]


def _strings(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, str):
            raise NotConverted(
                f"Unable to cast object of type '{type_name(item)}' to type 'System.String'.", cast=False
            )
    return items


def _culprit(value: Any, element: str) -> Any:
    """The item of a list that does not convert."""
    if not isinstance(value, list):
        return value
    for item in value:
        try:
            convert(item, element)
        except NotConverted:
            return item
    return value


def _cannot_convert(
    value: Any, parameter: Parameter, function: bool, speaker: Speaker, problem: NotConverted
) -> Failure:
    element = parameter.type.removesuffix("[]")
    shown_type = f"System.Nullable`1[{element}]" if parameter.nullable and element == parameter.type else element
    if function:
        why = str(problem)
        if element in _TRUTH:
            why = (
                f'Cannot convert value "{_type_shown(value)}" to type "{shown_type}". Boolean parameters accept only '
                "Boolean values and numbers, such as $True, $False, 1 or 0."
            )
        made = speaker.binding(
            f"Cannot process argument transformation on parameter '{parameter.name}'. {why}",
            "ParameterArgumentTransformationError",
            category="InvalidData",
            kind=TRANSFORMATION,
        )
        return NotCast(made.record, binding=True)
    if problem.cast:
        return NotCast(speaker.no_cast(parameter.name, str(problem)).record, binding=True)
    if element in _TRUTH:
        return NotCast(speaker.no_conversion(parameter.name, _type_shown(value), shown_type).record, binding=True)
    culprit = _culprit(value, element) if parameter.type.endswith("[]") else value
    if parameter.type == STRINGS:
        shown_type = STRINGS
    made = speaker.no_conversion(parameter.name, text(culprit), shown_type, str(problem))
    return NotCast(made.record, binding=True)


def _type_shown(value: Any) -> str:
    return "System.Collections.ArrayList" if isinstance(value, list) else type_name(value)


def _check_kind(value: Any, parameter: Parameter, speaker: Speaker) -> None:
    """`PSTypeName`: an object of any class that carries the type name."""
    if parameter.kind is None or value is None:
        return
    for item in value if isinstance(value, list) else [value]:
        if not carries(item, parameter.kind):
            made = speaker.binding(
                f"Cannot bind argument to parameter '{parameter.name}', because PSTypeNames of the argument do not "
                f"match the PSTypeName required by the parameter: {parameter.kind}.",
                "MismatchedPSTypeName",
                kind=TRANSFORMATION,
            )
            raise NotCast(made.record, binding=True)


def carries(value: Any, kind: str) -> bool:
    """Whether one of the value's type names is `kind`."""
    from .objects import type_names

    base = value.base if isinstance(value, Noted) else value
    names = type_names(base) if hasattr(base, "properties") else [type_name(base)]
    return any(name.lower() == kind.lower() for name in names)


def _check_rules(value: Any, parameter: Parameter, speaker: Speaker) -> None:
    if parameter.empty in ("no", "null"):
        _check_empty(value, parameter, speaker)
    if parameter.range:
        for item in value if isinstance(value, list) else [value]:
            _check_range(item, parameter, speaker)
    if parameter.choices:
        _check_choice(value, parameter, speaker)
    if parameter.mandatory and parameter.empty != "any":
        _check_mandatory(value, parameter, speaker)


def _check_empty(value: Any, parameter: Parameter, speaker: Speaker) -> None:
    both = parameter.empty == "no"
    if value is None:
        raise speaker.invalid(parameter.name, _NULL_OR_EMPTY if both else _NULL)
    if isinstance(value, list) and parameter.type not in ANY:
        if any(item is None or (both and item == "") for item in value) or (both and not value):
            raise speaker.invalid(parameter.name, _ELEMENT)
    elif both and value in ("", {}):
        raise speaker.invalid(parameter.name, _NULL_OR_EMPTY)


def _check_range(value: Any, parameter: Parameter, speaker: Speaker) -> None:
    low, high = parameter.range or (0, 0)
    if value is None:
        raise speaker.invalid(parameter.name, _ELEMENT)
    shown = text(value)
    if value < low:
        raise speaker.invalid(
            parameter.name,
            f"The {shown} argument is less than the minimum allowed range of {low}. Supply an argument that is greater "
            f"than or equal to {low} and then try the command again.",
        )
    if value > high:
        raise speaker.invalid(
            parameter.name,
            f"The {shown} argument is greater than the maximum allowed range of {high}. Supply an argument that is "
            f"less than or equal to {high} and then try the command again.",
        )


def _check_choice(value: Any, parameter: Parameter, speaker: Speaker) -> None:
    allowed = {choice.lower() for choice in parameter.choices}
    for item in value if isinstance(value, list) else [value]:
        if text(item).lower() not in allowed:
            names = ",".join(parameter.choices)
            raise speaker.invalid(
                parameter.name,
                f'The argument "{text(item)}" does not belong to the set "{names}" specified by the ValidateSet '
                "attribute. Supply an argument that is in the set and then try the command again.",
            )


def _check_mandatory(value: Any, parameter: Parameter, speaker: Speaker) -> None:
    """What no mandatory parameter takes unless it says so."""
    why = _lacking(value, parameter.type)
    if why is None:
        return
    words, identifier = why
    made = speaker.invalid(parameter.name, "", f"ParameterArgumentValidationError{identifier}")
    message = f"Cannot bind argument to parameter '{parameter.name}' because it is {words}."
    raise speaker.binding(
        message, f"ParameterArgumentValidationError{identifier}", category="InvalidData", kind=made.record.exception
    )


def _lacking(value: Any, kind: str) -> tuple[str, str] | None:
    if value is None:
        return "null", "NullNotAllowed"
    if kind.startswith("System.String") and value == "":
        return "an empty string", "EmptyStringNotAllowed"
    if isinstance(value, list) and kind not in ANY:
        if not value:
            return "an empty array", "EmptyArrayNotAllowed"
        for item in value:
            if (found := _lacking(item, kind.removesuffix("[]"))) is not None:
                return found
    return None
