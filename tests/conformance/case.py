"""A conformance case: a pipeline as data, and how it is read from a file. cases/README.md says how to write one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pypsrp.serializer import TaggedValue

CASES = Path(__file__).with_name("cases")
TAGS = {
    "$i64": "I64",
    "$u32": "U32",
    "$u64": "U64",
    "$double": "Db",
    "$datetime": "DT",
    "$timespan": "TS",
    "$char": "C",
}


@dataclass(frozen=True)
class Cmd:
    """One command: its parameters by name, then its arguments by position."""

    name: str
    parameters: tuple[tuple[str | None, Any], ...] = ()

    def __str__(self) -> str:
        words = [f"-{name} {value!r}" if name else repr(value) for name, value in self.parameters]
        return " ".join([self.name, *words])


@dataclass(frozen=True)
class Case:
    """One pipeline of one or more statements, sent to a fresh world."""

    name: str
    statements: tuple[tuple[Cmd, ...], ...]
    input: tuple[Any, ...] | None = None
    constrained: bool = False
    given: str = "plain"
    script: str | None = None
    tags: tuple[str, ...] = field(default=(), compare=False)

    @property
    def jobs(self) -> int:
        """How many of its commands are to run as jobs, however that is spelled."""
        parameters = [one for statement in self.statements for command in statement for one in command.parameters]
        named = [name for name, value in parameters if name and value is True]
        return sum(len(name) > len("As") and "asjob".startswith(name.casefold()) for name in named)

    def __str__(self) -> str:
        text = "; ".join(" | ".join(map(str, statement)) for statement in self.statements)
        given = f"{list(self.input)!r} | " if self.input is not None else ""
        return f"{given}{self.script or text}{' (constrained)' if self.constrained else ''}"


def cmd(name: str, *arguments: Any, **parameters: Any) -> Cmd:
    """A command with parameters, for cases made by code."""
    named = list(parameters.items())
    return Cmd(name, (*named, *((None, value) for value in arguments)))


def value(written: Any) -> Any:
    """A value as a file writes it: `{$guid: …}`, `{$i64: …}` and so on stand for what YAML cannot say."""
    if isinstance(written, list):
        return [value(item) for item in written]
    if not isinstance(written, dict):
        return written
    if len(written) == 1:
        ((mark, inner),) = written.items()
        if mark == "$guid":
            return uuid.UUID(inner)
        if mark in TAGS:
            return TaggedValue(TAGS[mark], str(inner))
    return {key: value(item) for key, item in written.items()}


def _command(written: Any) -> Cmd:
    if isinstance(written, str):
        return Cmd(written)
    ((name, given),) = written.items()
    if isinstance(given, list):
        return Cmd(name, tuple((None, value(item)) for item in given))
    return Cmd(name, tuple((key, value(item)) for key, item in (given or {}).items()))


def _case(written: dict[str, Any], file: str, given: str) -> Case:
    statements = tuple(
        tuple(_command(one) for one in (statement if isinstance(statement, list) else [statement]))
        for statement in written.get("run", [])
    )
    return Case(
        name=f"{file}: {written['case']}",
        statements=statements,
        input=tuple(value(item) for item in written["input"]) if "input" in written else None,
        constrained=written.get("constrained", False),
        given=written.get("given", given),
        script=written.get("script"),
    )


def load(folder: Path = CASES) -> Iterator[Case]:
    """All cases of the folder's files, in order."""
    for file in sorted(folder.glob("*.yml")):
        written = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        for one in written.get("cases", []):
            yield _case(one, file.stem, written.get("given", "plain"))
