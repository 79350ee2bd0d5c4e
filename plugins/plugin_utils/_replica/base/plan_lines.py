# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The lines of a plan: every playbook prints what it is going to send in the same words, one cmdlet a line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_BARE = re.compile(r"[\w.*][\w.*-]*")
_SILENT = ("Confirm", "AsJob")  # how a cmdlet travels: neither says anything about what is done


def plan_line(number: int, host: str, cmdlet: str, parameters: Mapping[str, Any], why: str) -> str:
    """`  1. hv-a: Stop-VM -TurnOff: why`."""
    return f"  {number}. {host}: {cmdlet}{_told(parameters)}: {why}"


def action_lines(actions: Iterable[Mapping[str, Any]]) -> list[str]:
    """The plan in the `actions` of modules in check mode: under each VM, or host, its cmdlets in their order."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for action in actions:
        found.setdefault(str(action["vm"] or action["host"]), []).append(action)
    return [line for owner, own in found.items() for line in _owned(owner, own)]


def _owned(owner: str, actions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield f"{owner}:"
    for number, action in enumerate(actions, 1):
        yield plan_line(number, str(action["host"]), action["cmdlet"], action["parameters"], action["why"])


def _told(parameters: Mapping[str, Any]) -> str:
    return "".join(f" -{name}{_value(value)}" for name, value in parameters.items() if name not in _SILENT)


def _value(value: Any) -> str:
    """A value as it would be typed behind its parameter; a switch has none, and what is not known yet is `…`."""
    if isinstance(value, bool):
        return "" if value else ":$false"
    if isinstance(value, (list, tuple)):
        return " " + ",".join(_word(one) for one in value)
    return f" {_word(value)}"


def _word(value: Any) -> str:
    if value is None:
        return "…"
    text = str(value)
    return text if _BARE.fullmatch(text) else "'" + text.replace("'", "''") + "'"
