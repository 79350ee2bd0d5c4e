# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What an answer's rows are, where the host does not say it by their type.

Windows types most objects, but not all by the same name everywhere: what Select-Object made of a CIM instance or of a
function's output is a `Selected.…CimInstance` or `Selected.…PSCustomObject`, a failover setting has two documented type
names, and a build may have a name of its own. What was asked is known: so a row of a type that nobody asked for is told
by its columns, which are those of one Select-Object of the pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..base.pipeline import Pipeline
from ..base.session import Output, Row, short_type

_ID = re.compile(r"\{?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?", re.ASCII)
_IDS = ("Id", "VMId")


def recognised(pipeline: Pipeline, output: Output) -> Output:
    """The output with the types, the spelling of the property names and the form of the ids that were asked for."""
    asked = [(s.gives, s.columns) for s in pipeline.statements if s.gives and s.columns]
    if not asked:
        return output
    spelling = {name.casefold(): name for _unused, columns in asked for name in columns}
    kinds: dict[frozenset[str], set[str]] = {}
    for gives, columns in asked:
        kinds.setdefault(frozenset(name.casefold() for name in columns), set()).add(gives)
    known = {gives for gives, _unused in asked}
    return replace(output, rows=tuple(_row(row, known, kinds, spelling) for row in output.rows))


def _row(row: Row, known: set[str], kinds: Mapping[frozenset[str], set[str]], spelling: Mapping[str, str]) -> Row:
    fits = kinds.get(frozenset(name.casefold() for name in row.properties), set())
    if not fits and short_type(row.type) not in known:
        return row
    properties = {name: _value(name, value) for name, value in _spelled(row.properties, spelling).items()}
    told = short_type(row.type) in known or len(fits) != 1
    return Row(row.type if told else next(iter(fits)), properties, row.text)


def _spelled(properties: Mapping[str, Any], spelling: Mapping[str, str]) -> Mapping[str, Any]:
    return {spelling.get(name.casefold(), name): value for name, value in properties.items()}


def _value(name: str, value: Any) -> Any:
    """Ids in the one form in which they are compared: a Guid may come as text, in capitals or in braces."""
    match = _ID.fullmatch(value) if name in _IDS and isinstance(value, str) else None
    return match.group(1).lower() if match else value
