"""Arguments and pipeline input to parameters, in the steps and the order in which PowerShell's binder takes them.

`Binder` serves one command of one pipeline: first its own arguments (`bind_arguments`), then each object that comes
down the pipeline (`bind_input`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .arguments import NotCast, accept
from .failures import Failure, Record, Speaker
from .objects import Note, lookup, plain
from .parameter_sets import Sets
from .signatures import Parameter, Signature

Argument = tuple[str | None, Any]
"""A parameter's name, or None for a positional argument, and its value."""


class Phase(Enum):
    """The four ways in which pipeline input is tried, in this order."""

    BY_VALUE = (True, False)
    BY_PROPERTY = (False, False)
    BY_VALUE_CONVERTED = (True, True)
    BY_PROPERTY_CONVERTED = (False, True)

    @property
    def by_value(self) -> bool:
        """The object itself, not a property of it."""
        return bool(self.value[0])

    @property
    def coerce(self) -> bool:
        """Whether the value may be converted."""
        return bool(self.value[1])


@dataclass
class _Position:
    parameter: Parameter
    flags: list[int]


class Binder:
    """What is bound for one command. `values` holds cmdlet parameters, `common` the common ones."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.speaker = Speaker(signature.name, signature.owner)
        self.sets = Sets(signature)
        self.bound: dict[str, Any] = {}
        self._before: tuple[int, int, list[Parameter]] = (0, 0, [])
        self._not_cast: NotCast | None = None  # why the last positional argument did not bind

    @property
    def values(self) -> dict[str, Any]:
        """The bound parameters that are the cmdlet's own, in the order of binding."""
        own = self.signature.by_name
        return {name: value for name, value in self.bound.items() if not own[name.lower()].common}

    @property
    def set_name(self) -> str:
        """The parameter set in use."""
        return self.signature.set_name(self.sets.current)

    def bind_arguments(self, arguments: Iterable[Argument], piped: bool) -> None:
        """Bind what the command was given. `piped`: more may come from the pipeline. Raises Failure."""
        leftover = self._bind_named(arguments)
        leftover = self._bind_positional(leftover)
        leftover = self._bind_remaining(leftover)
        for name, value in leftover:
            if self._not_cast is not None:
                raise self._not_cast
            if name is None and self.sets.current == 0:
                raise self.speaker.ambiguous_set()
            raise self.speaker.not_found(name) if name is not None else self.speaker.no_position(value)
        count = self.sets.validate(before_input=piped, choose_default=not piped)
        if count > 1 and piped:
            narrowed = self.sets.without_input()
            if narrowed != self.sets.current:
                self.sets.current = narrowed
                count = self.sets.validate(before_input=True, choose_default=False)
        missing = self.sets.missing_mandatory(count, piped)
        if missing:
            raise self.speaker.missing([parameter.name for parameter in missing])
        if not piped and self.sets.count > 1:
            raise self.speaker.ambiguous_set()
        self._before = (self.sets.current, self.sets.preferred, list(self.sets.unbound))

    def bind_input(self, value: Any) -> None:
        """Bind one object of the pipeline on top of the arguments. Raises Failure with the object as its target."""
        self.sets.current, self.sets.preferred, unbound = self._before
        for parameter in unbound:
            self.bound.pop(parameter.name, None)
        self.sets.unbound = list(unbound)
        try:
            taken = self._bind_input(value)
            if not taken:
                raise self._not_bound()
            missing = self.sets.missing_mandatory(1, piped=False)
            if missing:
                raise self._lacks(missing)
        except Failure as failure:
            raise _targeted(failure, value) from None

    def _find(self, name: str) -> Parameter | None:
        """The parameter of that name or alias, or the only one that begins so. Raises Failure: it is ambiguous."""
        lowered = name.lower()
        exact = self.signature.by_name.get(lowered)
        if exact:
            return exact
        begins = [
            parameter
            for parameter in self.signature.parameters
            if any(one.lower().startswith(lowered) for one in (parameter.name, *parameter.aliases))
        ]
        own = [parameter for parameter in begins if not parameter.common]
        matches = own if len(own) == 1 else begins
        if len(matches) > 1:
            raise self.speaker.ambiguous(name, [parameter.name for parameter in matches])
        return matches[0] if matches else None

    def _bind_named(self, arguments: Iterable[Argument]) -> list[Argument]:
        leftover: list[Argument] = []
        named: list[tuple[str, Parameter, Any]] = []
        for name, value in arguments:
            parameter = self._find(name.removeprefix("-").removesuffix(":")) if name is not None else None
            if name is None or parameter is None:
                leftover.append((name, value))
            else:
                named.append((name, parameter, value))
        for name, parameter, value in named:
            if parameter.name in self.bound:
                raise self.speaker.bound_twice(name)
            self._bind(parameter, value)
        return leftover

    def _bind(self, parameter: Parameter, value: Any, *, coerce: bool = True) -> bool:
        taken, converted = accept(value, parameter, self.signature, coerce=coerce)
        if taken:
            self.bound[parameter.name] = converted
            self.sets.narrow(parameter)
        return taken

    def _positions(self) -> list[list[_Position]]:
        """The parameters that could take an argument by position, grouped by position in ascending order."""
        table: dict[int, dict[str, _Position]] = {}
        for parameter in self.sets.unbound:
            for place in parameter.places_in(self.sets.current):
                if place.position is not None:
                    row = table.setdefault(place.position, {})
                    self._check_position(row, parameter.name, place.flag)
                    row.setdefault(parameter.name, _Position(parameter, [])).flags.append(place.flag)
        return [list(table[at].values()) for at in sorted(table)]

    def _check_position(self, row: dict[str, _Position], name: str, flag: int) -> None:
        """Two parameters at one position of one set: the position says nothing."""
        for other, position in row.items():
            if other != name and flag in position.flags:
                raise self.speaker.binding(
                    "Cannot bind positional parameters because no names were given.",
                    "AmbiguousPositionalParameterNoName",
                )

    def _bind_positional(self, arguments: list[Argument]) -> list[Argument]:
        if arguments:
            self._positions()
        pending = [value for name, value in arguments if name is None]
        leftover: list[Argument] = [(name, value) for name, value in arguments if name is not None]
        unbindable: list[Argument] = []
        tried = 0
        while pending:
            positions = self._positions()
            if tried >= len(positions):
                break
            before = len(self.sets.unbound)
            value = pending.pop(0)
            if not self._tried_at(positions[tried], value):
                unbindable.append((None, value))
            if len(self.sets.unbound) == before:
                tried += 1
        return leftover + unbindable + [(None, value) for value in pending]

    def _tried_at(self, candidates: list[_Position], value: Any) -> bool:
        """Bind at a position or keep why not: the argument after it is tried at the next position all the same."""
        self._not_cast = None
        try:
            return self._bind_at(candidates, value)
        except NotCast as failure:
            self._not_cast = failure
            return False

    def _bind_at(self, candidates: list[_Position], value: Any) -> bool:
        """First the default set, then any, without conversion; then both with it."""
        default = self.signature.default_flag & self.sets.current
        for coerce in (False, True):
            for sets in (default, self.sets.current):
                for candidate in candidates:
                    fits = any(flag == 0 or flag & sets for flag in candidate.flags)
                    # A null binds to anything unconverted: it waits for conversion, for its error.
                    ready = sets and fits and (coerce or value is not None)
                    if ready and self._bind_or_not(candidate.parameter, value, coerce):
                        return True
        return False

    def _bind_or_not(self, parameter: Parameter, value: Any, coerce: bool) -> bool:
        try:
            return self._bind(parameter, value, coerce=coerce)
        except NotCast:
            if coerce:
                raise
            return False

    def _bind_remaining(self, arguments: list[Argument]) -> list[Argument]:
        """ValueFromRemainingArguments takes every positional argument that is left."""
        values = [value for name, value in arguments if name is None]
        taker = next((each for each in self.sets.unbound if each.remaining and self._in_sets(each)), None)
        already = next((p for p in self.signature.parameters if p.remaining and p.name in self.bound), None)
        if not values or (taker is None and already is None):
            return arguments
        if taker is not None:
            self._bind(taker, values[0] if len(values) == 1 else values)
        elif already is not None:
            first = self.bound[already.name]
            self.bound[already.name] = [*(first if isinstance(first, list) else [first]), *values]
        return [(name, value) for name, value in arguments if name is not None]

    def _in_sets(self, parameter: Parameter) -> bool:
        return bool(parameter.places_in(self.sets.current))

    def _bind_input(self, value: Any) -> bool:
        """Try the four phases, in the preferred set first where there is one."""
        taken = False
        preferred = self.sets.preferred & self.sets.current
        if preferred:
            others = self.sets.current
            self.sets.current = preferred
            taken = self._bind_phases(value, validate=False)
            if not taken:
                self.sets.current = others & ~preferred
        if not taken:
            taken = self._bind_phases(value, validate=True)
        self.sets.validate(before_input=False, choose_default=True)
        return taken

    def _bind_phases(self, value: Any, *, validate: bool) -> bool:
        taken = False
        for phase in Phase:
            if self._bind_phase(value, phase, self.sets.current):
                taken = True
                if validate:
                    self.sets.validate(before_input=True, choose_default=True)
        return taken

    def _bind_phase(self, value: Any, phase: Phase, sets: int) -> bool:
        default = self.signature.default_flag
        if default & sets:
            if self._bind_phase_in(value, phase, default):
                return True
            sets &= ~default
        return self._bind_phase_in(value, phase, sets)

    def _bind_phase_in(self, value: Any, phase: Phase, sets: int) -> bool:
        taken = False
        for parameter in reversed(list(self.sets.unbound)):
            if not parameter.piped or not (parameter.everywhere or parameter.flags & sets):
                continue
            for place in parameter.places_in(sets):
                if phase.by_value and place.by_value:
                    bound = self._try(parameter, value, phase)
                elif not phase.by_value and place.by_property and value is not None:
                    bound = self._try_property(parameter, value, phase)
                else:
                    bound = False
                if bound:
                    taken = True
                    break
        return taken

    def _try(self, parameter: Parameter, value: Any, phase: Phase) -> bool:
        try:
            return self._bind(parameter, value, coerce=phase.coerce)
        except NotCast:
            return False

    def _try_property(self, parameter: Parameter, value: Any, phase: Phase) -> bool:
        for name in (parameter.name, *parameter.aliases):
            found = lookup(value, name) if isinstance(value, Note) or not isinstance(plain(value), dict) else None
            if found is not None:
                return self._try(parameter, found[1], phase)
        return False

    def _not_bound(self) -> Failure:
        return self._about_input(
            "The input object cannot be bound to any parameters for the command either because the command does not "
            "take pipeline input or the input and its properties do not match any of the parameters that take pipeline "
            "input.",
            "InputObjectNotBound",
        )

    def _lacks(self, missing: list[Parameter]) -> Failure:
        names = " ".join(parameter.name for parameter in missing)
        return self._about_input(
            "The input object cannot be bound because it did not contain the information required to bind all "
            f"mandatory parameters: {names}",
            "InputObjectMissingMandatory",
        )

    def _about_input(self, message: str, identifier: str) -> Failure:
        return self.speaker.binding(message, identifier)


def _targeted(failure: Failure, value: Any) -> Failure:
    record = failure.record
    targeted = Record(
        record.message,
        record.fqid,
        record.category,
        record.exception,
        record.activity,
        value,
        record.hresult,
        piped_target=value is not None,
    )
    return Failure(targeted, binding=True)
