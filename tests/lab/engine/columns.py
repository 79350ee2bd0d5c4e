"""The general cmdlets that look at properties by name: Select-Object and Sort-Object."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from ..wildcard import wildcard
from .command import Body, Processor, StopUpstream
from .compare import equal, has_wildcard, order, sort_key
from .failures import Failure
from .objects import Note, Noted, lookup, plain, properties, text, type_name


@dataclass(frozen=True)
class Column:
    """A column asked for: a property's name or a pattern of names, and what it shall be called."""

    pattern: str
    name: str | None = None
    descending: bool | None = None

    def find(self, item: Any) -> list[tuple[str, Any]]:
        """Name and value of what the column finds in an object; nothing where there is no such property."""
        if isinstance(plain(item), dict):
            found = lookup(plain(item), self.pattern)
            if found is not None:
                return [(self.name or self.pattern, found[1])]
        if has_wildcard(self.pattern):
            matcher = wildcard(self.pattern)
            return [(self.name or name, value) for name, value in properties(item).items() if matcher.fullmatch(name)]
        found = lookup(item, self.pattern)
        return [(self.name or found[0], found[1])] if found else []


def columns(given: Any, me: Processor) -> list[Column]:
    """-Property as columns: names, or tables of Name and Expression (a name: there are no script blocks here)."""
    return [_column(plain(one), me) for one in given or [] if one is not None]


def _column(given: Any, me: Processor) -> Column:
    if not isinstance(given, dict):
        return Column(text(given))
    named: dict[str, Any] = {}
    for key, value in given.items():
        lowered = str(key).lower()
        for word in ("name", "label", "expression", "descending", "ascending"):
            if lowered and word.startswith(lowered):
                named["name" if word == "label" else word] = value
                break
        else:
            message, kind = f"The {key} key is not valid.", "System.Management.Automation.PSInvalidOperationException"
            raise Failure(me.error(message, "InvalidOperation", "InvalidOperation", exception=kind))
    descending = named.get("descending")
    if descending is None and "ascending" in named:
        descending = not named["ascending"]
    name = named.get("name")
    return Column(text(named.get("expression", name)), None if name is None else text(name), descending)


class SelectObject(Body):
    """Select-Object. A name that no property has makes a null: a typing mistake looks like "empty"."""

    def begin(self) -> None:
        asked = self.bound.get("Property")
        if asked is None and self.bound.get("ExcludeProperty") and not self.bound.get("ExpandProperty"):
            asked = ["*"]
        self._columns = columns(asked, self.me)
        self._without = self.bound.get("ExcludeProperty") or []
        self._held: deque[Any] = deque()
        self._seen: list[Any] = []
        self._met = self._sent = 0

    def process(self) -> None:
        item = self.bound.get("InputObject")
        if item is None:
            return
        at, self._met = self._met, self._met + 1
        index, skipped = self.bound.get("Index"), self.bound.get("SkipIndex")
        if index is not None:
            if at in index:
                self._send(item)
            if not self.on("Wait") and at >= max(index):
                raise StopUpstream(self.me)
        elif skipped is not None:
            if at not in skipped:
                self._send(item)
        elif "SkipLast" in self.bound:
            self._held.append(item)
            if len(self._held) > self.bound["SkipLast"]:
                self._send(self._held.popleft())
        else:
            self._count(item, at)

    def _count(self, item: Any, at: int) -> None:
        """-First, -Last and -Skip: with -Last, -Skip counts from the end."""
        first, last, skip = self.bound.get("First"), self.bound.get("Last"), self.bound.get("Skip", 0)
        if first is not None and self._sent < first and (last is not None or at >= skip):
            self._sent += 1
            self._send(item)
            if last is None and self._sent == first and not self.on("Wait"):
                raise StopUpstream(self.me)
        elif last is not None:
            self._held.append(item)
            if len(self._held) > last + skip:
                self._held.popleft()
        elif first is not None:
            if first == 0 and not self.on("Wait"):
                raise StopUpstream(self.me)
        elif at >= skip:
            self._send(item)

    def end(self) -> None:
        if self.bound.get("Last") is None:
            return
        for _unused in range(len(self._held) - self.bound.get("Skip", 0)):
            self._send(self._held.popleft())

    def _send(self, item: Any) -> None:
        expand = self.bound.get("ExpandProperty")
        if expand is not None:
            self._expand(item, expand)
        elif not self._columns:
            self._emit(item)
        else:
            made = Note(f"Selected.{type_name(item)}")
            self._add(made.properties, made.properties, item)
            self._emit(made)

    def _expand(self, item: Any, name: str) -> None:
        found = Column(name).find(item)
        if not found:
            self._fail("ExpandPropertyNotFound", f'Property "{name}" cannot be found.', "InvalidArgument", item)
            return
        if len(found) > 1:
            self._fail("MutlipleExpandProperties", "Multiple properties cannot be expanded.", "InvalidArgument", item)
            return
        value = found[0][1]
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is None:
                continue
            if not self._columns:
                self._emit(one)
                continue
            noted = Noted(one)
            self._add(noted.notes, dict(properties(one)), item)
            self._emit(noted if noted.notes else one)

    def _add(self, to: dict[str, Any], present: dict[str, Any], item: Any) -> None:
        """Put the columns of `item` into `to`, unless `present` has one of that name."""
        names = {name.lower() for name in present}
        for column in self._columns:
            pattern = has_wildcard(column.pattern) and self.me.pattern(column.pattern) is not None
            found = column.find(item)
            if not found and not pattern:
                found = [(column.name or column.pattern, None)]
            for name, value in found:
                if any(self.me.pattern(one).fullmatch(name) for one in self._without):
                    continue
                if name.lower() not in names:
                    names.add(name.lower())
                    to[name] = value
                elif not pattern:
                    self._exists(name, item)

    def _exists(self, name: str, item: Any) -> None:
        kind = "NoExpand" if self.bound.get("ExpandProperty") is None else "Expand"
        self._fail(
            f"AlreadyExistingUserSpecifiedProperty{kind}",
            f'The property cannot be processed because the property "{name}" already exists.',
            "InvalidOperation",
            item,
        )

    def _fail(self, identifier: str, message: str, category: str, item: Any) -> None:
        self.me.write_error(self.me.error(message, identifier, category, item))

    def _emit(self, item: Any) -> None:
        if self.on("Unique"):
            if any(self._same(one, item) for one in self._seen):
                return
            self._seen.append(item)
        self.me.write(item)

    def _same(self, left: Any, right: Any) -> bool:
        case = not self.on("CaseInsensitive")
        if not (isinstance(left, Note) and isinstance(right, Note)):
            return equal(left, right, case)
        mine, other = left.properties, right.properties
        return not self._columns or (
            [name.lower() for name in mine] == [name.lower() for name in other]
            and all(equal(one, two, case) for one, two in zip(mine.values(), other.values(), strict=True))
        )


class SortObject(Body):
    """Sort-Object: stable; what lacks the property comes last."""

    def begin(self) -> None:
        self._held: list[Any] = []

    def process(self) -> None:
        if self.bound.get("InputObject") is not None:
            self._held.append(self.bound["InputObject"])

    def end(self) -> None:
        keys, case = columns(self.bound.get("Property"), self.me), self.on("CaseSensitive")
        compare = sort_key(case)
        items = list(self._held)
        # One stable sort a column, the least important first.
        by: list[Column | None] = list(keys) or [None]
        for column in reversed(by):
            downwards = column.descending if column and column.descending is not None else self.on("Descending")
            found = [(self._key(item, column), item) for item in items]
            there = [pair for pair in found if pair[0]]
            there.sort(key=lambda pair: compare(pair[0][0]), reverse=bool(downwards))
            items = [item for _unused, item in there] + [item for key, item in found if not key]
        for item in self._limited(items, keys, case):
            self.me.write(item)

    @staticmethod
    def _key(item: Any, column: Column | None) -> list[Any]:
        return [item] if column is None else [value for _unused, value in column.find(item)][:1]

    def _limited(self, items: list[Any], keys: list[Column], case: bool) -> list[Any]:
        if self.on("Unique"):
            items = [
                item for at, item in enumerate(items) if at == 0 or not self._alike(items[at - 1], item, keys, case)
            ]
        if "Top" in self.bound:
            return items[: self.bound["Top"]]
        return items[-self.bound["Bottom"] :] if "Bottom" in self.bound else items

    def _alike(self, left: Any, right: Any, keys: list[Column], case: bool) -> bool:
        by: list[Column | None] = list(keys) or [None]
        pairs = [(self._key(left, key), self._key(right, key)) for key in by]
        return all(bool(one) == bool(two) and (not one or order(one[0], two[0], case) == 0) for one, two in pairs)


BODIES: dict[str, type[Body]] = {
    "Select-Object": SelectObject,
    "Sort-Object": SortObject,
}
