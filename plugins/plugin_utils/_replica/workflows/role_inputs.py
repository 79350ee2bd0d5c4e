# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The inputs of a role, validated and converted by the role's own argument spec.

`-e name=value` and AWX surveys give text, and Ansible checks a role's inputs without converting them: `=false` stays
a true string. So a role's first task passes all its inputs through here, and everything after reads only the answer.

Text becomes what the spec says. Empty text is "not given": that is what an unanswered survey question sends. A list
may be one text with commas or line ends between the items, or JSON. A number has its range (base/ranges.py). What
cannot be converted is an error that names the input; all of them are told at once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..base.errors import ReplicaError
from ..base.ranges import RANGES
from ..base.values import plain
from .target import strangers

_TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})
_FALSE = frozenset({"false", "no", "off", "0", "n", "f"})


_OF_THE_INVENTORY: Mapping[str, str] = {
    "hosts": "",
    "lives_on": "",
    "partners": " Servers that are in no inventory go by their full Windows name, in replica_server_allowed_primaries.",
}
"""Inputs that name inventory hosts, by their name without the role's, and what to add about one that is none."""


class RoleInputError(ReplicaError):
    """Inputs of a role that cannot be used; `problems` has one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class _Unfit(Exception):
    """One value that does not fit; the text goes on after the name of the input."""


def role_inputs(
    values: Mapping[str, Any], spec: Mapping[str, Any], prefix: str = "", known_hosts: Sequence[str] | None = None
) -> dict[str, Any]:
    """Typed inputs by name, with defaults and None for what is left out.

    `values` are the inputs as they came, None for one that is not set. `spec` is the content of the role's
    meta/argument_specs.yml, one entry point of it, or its options. `prefix` (the role's name and an underscore) is
    taken off the names in the answer. `known_hosts` are the hosts of the inventory, to which inputs that name some are
    held; None: they are not. Raises RoleInputError.
    """
    options = _options(plain(spec, "spec"))
    problems: list[str] = []
    typed = _typed("", plain(values, "inputs"), options, problems)
    if known_hosts is not None:
        problems += _strange_hosts({name.removeprefix(prefix): name for name in typed}, typed, known_hosts)
    if problems:
        raise RoleInputError(problems)
    return {name.removeprefix(prefix): value for name, value in typed.items()}


def _strange_hosts(names: Mapping[str, str], typed: Mapping[str, Any], known: Sequence[str]) -> Iterator[str]:
    for bare, advice in _OF_THE_INVENTORY.items():
        value = typed.get(names.get(bare, ""))
        told = strangers(value if isinstance(value, list) else [value] if value else [], known)
        if told:
            yield f"{names[bare]}: {told}{advice}"


def _options(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    entry = spec.get("argument_specs", spec)
    entry = entry.get("main", entry)
    options = entry.get("options", entry)
    return options if isinstance(options, Mapping) else {}


def _typed(path: str, values: Mapping[str, Any], options: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    known = {alias: name for name, option in options.items() for alias in (name, *(option.get("aliases") or ()))}
    given: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            problems.append(f"{path}{key} is not an input here. Known are: {', '.join(sorted(options))}.")
        elif not _is_empty(value):
            given[known[key]] = value
    return {name: _one(path, name, given.get(name), option or {}, problems) for name, option in options.items()}


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _one(path: str, name: str, value: Any, option: Mapping[str, Any], problems: list[str]) -> Any:
    if value is None:
        value = option.get("default")
    if value is None:
        if option.get("required"):
            problems.append(f"{path}{name} is required, and it is not set or empty.")
        return None
    try:
        return _convert(f"{path}{name}", value, str(option.get("type") or "str"), option, problems)
    except _Unfit as unfit:
        problems.append(f"{path}{name}: {unfit}")
        return None


def _convert(path: str, value: Any, kind: str, option: Mapping[str, Any], problems: list[str]) -> Any:
    if kind == "list":
        return _list(path, value, option, problems)
    if kind == "dict":
        found = _dict(value)
        options = option.get("options")
        return _typed(f"{path}.", found, options, problems) if options else found
    converter = _SCALARS.get(kind)
    typed = converter(value) if converter else value
    allowed = RANGES.get(_bare(path)) if kind in ("int", "float") else None
    if allowed and not allowed.least <= typed <= allowed.most:
        raise _Unfit(f"{_shown(value)} is out of range. Give {allowed}.")
    choices = option.get("choices")
    if choices and typed not in choices:
        raise _Unfit(f"'{_shown(value)}' is not one of {', '.join(map(_shown, choices))}.")
    return typed


def _bare(path: str) -> str:
    """The last name of `vm_replication_policies[0].replica_port`; an input goes by its name without the role's."""
    name = path.rpartition(".")[2]
    return next((known for known in RANGES if name == known or name.endswith(f"_{known}")), name)


def _list(path: str, value: Any, option: Mapping[str, Any], problems: list[str]) -> list[Any]:
    element = {**option, "type": option.get("elements") or "str"}
    typed = []
    for index, item in enumerate(_items(value)):
        where = f"{path}[{index}]"
        if _is_empty(item):
            raise _Unfit("it has an empty item.")
        try:
            typed.append(_convert(where, item, str(element["type"]), element, problems))
        except _Unfit as unfit:
            problems.append(f"{where}: {unfit}")
    return typed


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        return [value]
    if value.lstrip().startswith(("[", "{")):
        found = _json(value)
        return found if isinstance(found, list) else [found]
    return [item for item in (part.strip() for part in re.split(r"[,\n]", value)) if item]


def _dict(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        if value.lstrip().startswith("{"):
            value = _json(value)
        else:
            pairs = [part.partition("=") for part in re.split(r"[,\n]", value) if part.strip()]
            if not all(sign for _unused, sign, _unused in pairs):
                raise _Unfit(f"'{value}' is not a dictionary. Give JSON, or key=value with commas between.")
            value = {key.strip(): item.strip() for key, _unused, item in pairs}
    if not isinstance(value, Mapping):
        raise _Unfit(f"{_shown(value)} is not a dictionary.")
    return value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _Unfit(f"'{text}' is not valid JSON ({error}).") from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        raise _Unfit(f"{_shown(value)} is a boolean where text is wanted. Put it in quotes if text is meant.")
    if isinstance(value, (list, Mapping)):
        raise _Unfit(f"{_shown(value)} is not a text.")
    return str(value)


def _path(value: Any) -> str:
    """A path on the control node; one that is relative is meant from where ansible was started."""
    return os.path.abspath(os.path.expanduser(_text(value)))


def _bool(value: Any) -> bool:
    text = str(value).strip().lower()
    if isinstance(value, (bool, int, str)) and text in _TRUE | _FALSE:
        return text in _TRUE
    raise _Unfit(f"'{_shown(value)}' is not true or false.")


def _int(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        text = str(value).strip()
        if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
            return int(text)
    raise _Unfit(f"'{_shown(value)}' is not a whole number.")


def _float(value: Any) -> float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        text = str(value).strip()
        if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text, re.ASCII):
            return float(text)
    raise _Unfit(f"'{_shown(value)}' is not a number.")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "str": _text,
    "path": _path,
    "bool": _bool,
    "int": _int,
    "float": _float,
}
