# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The command that goes on with what is left, to be pasted into a shell as it stands. Pure.

Ansible splits `-e key=value` at blanks and takes backslashes and quotes for its own, and the shell has its own ideas of
all of them. What is not plainly safe therefore travels as JSON, which both leave alone once it is quoted. Ansible also
runs what stands between template markers in an extra variable, so no command that is printed holds any: a VM goes by
its id where its name is not plain text, and any other text with markers is left for the operator to type.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from .values import is_guid

_PLAIN = re.compile(r"[\w.:/@%+-]+")
_WITH_BLANKS = re.compile(r"[\w.:/@%+-]+( [\w.:/@%+-]+)*")
_MARKERS = ("{{", "{%", "{#")
_TYPE_IT = "…"  # stands for a text that cannot be printed; no host and no file is called so


def command(playbook: str, values: Mapping[str, Any]) -> str:
    """`ansible-playbook hyperv.replica.PLAYBOOK` with these variables; what is empty is left out."""
    return " ".join([f"ansible-playbook hyperv.replica.{playbook}", assignments(values)]).rstrip()


def assignments(values: Mapping[str, Any]) -> str:
    """The `-e` of a command line that give these variables; what is empty is left out."""
    words, rest = list[str](), dict[str, Any]()
    for name, value in values.items():
        if value is None or value in ("", [], {}):
            continue
        safe = _without_markers(value)
        word = _word(safe)
        if word is None:
            rest[name] = safe
        else:
            words.append("-e " + shlex.quote(f"{name}={word}"))
    if rest:
        words.append("-e " + shlex.quote(_shown(json.dumps(rest, ensure_ascii=False))))
    return " ".join(words)


def typed_vm(name: str, vm_id: str) -> str:
    """What is typed for a VM: its name where that is plain text and reads as no id, else its id."""
    return name if _WITH_BLANKS.fullmatch(name) and not is_guid(name) else vm_id


def to_confirm(target: str, vms: Sequence[str], group: str = "") -> str:
    """What the operator types: the VM's or the group's name; for several, the target host and their number.

    `vms` are as they are typed (`typed_vm`).
    """
    return vms[0] if len(vms) == 1 else group or f"{target} {len(vms)}"


def unconfirmed(typed: str, wanted: str, vms: Sequence[Mapping[str, Any]] = ()) -> str:
    """What to type instead; "" when `typed` confirms it.

    `wanted` is what `to_confirm` gave. A single VM, a record with `id` and `name`, goes by either; `hv-b:2` is
    `hv-b 2`.
    """
    said, accepted = _compared(typed), {_compared(wanted)}
    if len(vms) == 1:
        accepted |= {_compared(str(vms[0].get(key) or wanted)) for key in ("id", "name")}
    if said in accepted or (re.search(r" \d+$", wanted) and re.sub(r"\s*:\s*(?=\d+$)", " ", said) in accepted):
        return ""
    told = "confirm was not given" if said in ("", "(nothing)") else f"you typed '{typed}'"
    return f"Type {assignments({'confirm': wanted})} to go on ({told}). Nothing was changed."


def _compared(text: str) -> str:
    """Without case and blanks around it; an id without braces."""
    stripped = text.strip().casefold()
    return stripped.strip("{}") if is_guid(stripped) else stripped


def _without_markers(value: Any) -> Any:
    if isinstance(value, str):
        return _TYPE_IT if any(marker in value for marker in _MARKERS) else value
    if isinstance(value, Mapping):
        return {_without_markers(key): _without_markers(item) for key, item in value.items()}
    return [_without_markers(item) for item in value] if isinstance(value, list) else value


def _shown(text: str) -> str:
    """JSON whose every character is seen as what it is: others stand as JSON's own escapes."""
    return "".join(c if unicodedata.category(c) not in _UNSEEN else json.dumps(c)[1:-1] for c in text)


_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")


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
