# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The command that goes on with what is left, to be pasted into a shell as it stands. Pure.

Ansible splits `-e key=value` at blanks and takes backslashes and quotes for its own, and the shell has its own ideas of
all of them. What is not plainly safe therefore travels as JSON, which both leave alone once it is quoted.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[\w.:/@%+-]+")
_WITH_BLANKS = re.compile(r"[\w.:/@%+-]+( [\w.:/@%+-]+)*")


def is_plain(text: str) -> bool:
    """True for text that a shell and Ansible both leave as it is."""
    return bool(_PLAIN.fullmatch(text))


def command(playbook: str, values: Mapping[str, Any]) -> str:
    """`ansible-playbook hyperv.replica.PLAYBOOK` with these variables; what is empty is left out."""
    words, rest = [f"ansible-playbook hyperv.replica.{playbook}"], dict[str, Any]()
    for name, value in values.items():
        if value is None or value in ("", [], {}):
            continue
        word = _word(value)
        if word is None:
            rest[name] = value
        else:
            words.append("-e " + shlex.quote(f"{name}={word}"))
    if rest:
        words.append("-e " + shlex.quote(json.dumps(rest, ensure_ascii=False)))
    return " ".join(words)


def _word(value: Any) -> str | None:
    """The value as it stands after `key=`, or None where only JSON says it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(value) if all(isinstance(v, str) and _PLAIN.fullmatch(v) for v in value) else None
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str):
        return None
    if all(_PLAIN.fullmatch(part) for part in value.split(",")):
        return value
    return f'"{value}"' if _WITH_BLANKS.fullmatch(value) else None
