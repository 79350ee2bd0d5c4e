"""The general cmdlets that count: Measure-Object and Group-Object."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ..values import Enum, Obj
from .columns import columns
from .command import Body
from .compare import order, sort_key
from .objects import Typed, plain, text

_COLLECTION = "System.Collections.ObjectModel.Collection`1[[System.Management.Automation.PSObject]]"
_COMMANDS = "Microsoft.PowerShell.Commands"


@dataclass
class _Tally:
    count: int = 0
    numbers: list[float] | None = None
    high: Any = None
    low: Any = None
    lines: int = 0
    words: int = 0
    characters: int = 0


class MeasureObject(Body):
    """Measure-Object: counts, and what else is asked for, of the objects or of one property each."""

    def begin(self) -> None:
        self._columns = columns(self.bound.get("Property"), self.me)
        self._tallies: dict[str, _Tally] = {} if self._columns else {"": _Tally()}

    def process(self) -> None:
        item = self.bound.get("InputObject")
        if item is None:
            return
        if not self._columns:
            self._count(self._tallies[""], item)
        for column in self._columns:
            for name, value in column.find(item):
                tally = self._tallies.setdefault(name, _Tally())
                if value is not None:
                    self._count(tally, plain(value))

    def _count(self, tally: _Tally, value: Any) -> None:
        tally.count += 1
        if any(self.on(one) for one in ("Line", "Word", "Character", "IgnoreWhiteSpace")):
            self._count_text(tally, text(value))
            return
        numeric = any(self.on(one) for one in ("Sum", "Average", "StandardDeviation", "AllStats"))
        extremes = any(self.on(one) for one in ("Maximum", "Minimum", "AllStats"))
        if not numeric and not extremes:
            return
        number = _as_number(value)
        if number is not None:
            tally.numbers = [*(tally.numbers or []), number]
        elif numeric:
            message = f'Input object "{text(value)}" is not numeric.'
            kind = "System.InvalidOperationException"
            record = self.me.error(message, "NonNumericInputObject", "InvalidType", value, exception=kind)
            self.me.write_error(replace(record, piped_target=False))
        if extremes:
            one = value if number is None else number
            tally.high = one if tally.high is None or order(tally.high, one, True) < 0 else tally.high
            tally.low = one if tally.low is None or order(tally.low, one, True) > 0 else tally.low

    def _count_text(self, tally: _Tally, value: str) -> None:
        tally.lines += value.count("\n") + 1 if value else 0
        tally.words += len(value.split())
        shown = "".join(value.split()) if self.on("IgnoreWhiteSpace") else value
        tally.characters += len(shown)

    def end(self) -> None:
        for name, tally in self._tallies.items():
            own = name if self._columns else None
            textual = any(self.on(one) for one in ("Line", "Word", "Character", "IgnoreWhiteSpace"))
            self.me.write(self._of_text(own, tally) if textual else self._generic(own, tally))

    def _of_text(self, name: str | None, tally: _Tally) -> Obj:
        found = {"Line": tally.lines, "Word": tally.words, "Character": tally.characters}
        shown = {f"{one}s": value if self.on(one) else None for one, value in found.items()}
        kind = f"{_COMMANDS}.TextMeasureInfo"
        return Obj(kind, {**shown, "Property": name}, kind)

    def _generic(self, name: str | None, tally: _Tally) -> Obj:
        every, numbers = self.on("AllStats"), tally.numbers or []
        mean = sum(numbers) / len(numbers) if numbers else None
        high = tally.high if self.on("Maximum") or every else None
        low = tally.low if self.on("Minimum") or every else None
        numeric = all(one is None or isinstance(one, float) for one in (high, low))
        kind = f"{_COMMANDS}.{'GenericMeasureInfo' if numeric else 'GenericObjectMeasureInfo'}"
        added = math.fsum(numbers) if numbers or tally.count == 0 else None
        stats = {
            "Count": tally.count,
            "Average": mean if self.on("Average") or every else None,
            "Sum": added if self.on("Sum") or every else None,
            "Maximum": high,
            "Minimum": low,
            "StandardDeviation": _deviation(numbers) if self.on("StandardDeviation") or every else None,
            "Property": name,
        }
        return Obj(kind, stats, kind)


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, Enum | Obj | list | dict) or value is None:
        return None
    try:
        return float(text(value))
    except ValueError:
        return None


def _deviation(numbers: list[float]) -> float | None:
    if not numbers:
        return None
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((one - mean) ** 2 for one in numbers) / (len(numbers) - 1)) if len(numbers) > 1 else 0.0


class GroupObject(Body):
    """Group-Object: one group for each combination of values, in ascending order."""

    def begin(self) -> None:
        self._groups: dict[str, tuple[list[Any], list[Any]]] = {}

    def process(self) -> None:
        item = self.bound.get("InputObject")
        if item is None:
            return
        keys = columns(self.bound.get("Property"), self.me)
        values = [next((value for _unused, value in key.find(item)), None) for key in keys] if keys else [item]
        name = ", ".join(text(value) for value in values)
        folded = name if self.on("CaseSensitive") else name.casefold()
        self._groups.setdefault(folded, (values, []))[1].append(item)

    def end(self) -> None:
        compare = sort_key(self.on("CaseSensitive"))
        groups = sorted(self._groups.values(), key=lambda group: [compare(value) for value in group[0]])
        if self.on("AsHashTable"):
            single = not self.on("AsString")
            self.me.write(
                {values[0] if single and len(values) == 1 else _joined(values): items for values, items in groups}
            )
            return
        kind = f"{_COMMANDS}.GroupInfo{'NoElement' if self.on('NoElement') else ''}"
        for values, items in groups:
            shown = [] if self.on("NoElement") else items
            row = {
                "Values": Typed(values, ("System.Collections.ArrayList", "System.Object")),
                "Count": len(items),
                "Group": Typed(shown, (_COLLECTION, "System.Object")),
                "Name": _joined(values),
            }
            self.me.write(Obj(kind, row, kind))


def _joined(values: list[Any]) -> str:
    return ", ".join(text(value) for value in values)


BODIES: dict[str, type[Body]] = {
    "Measure-Object": MeasureObject,
    "Group-Object": GroupObject,
}
