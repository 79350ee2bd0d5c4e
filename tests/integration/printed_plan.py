"""The plan that a playbook prints, read back, and what the lab was sent, in the same words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.lab.recorder import Recorded

_VALUE = r"(?:'(?:[^']|'')*'|[\w.*][\w.*-]*|…)"
_STEP = re.compile(
    rf"^  \d+\. (?P<host>[\w-]+): (?P<cmdlet>[A-Z]\w+-\w+)(?P<told>(?: -\w+(?::\$false| {_VALUE}(?:,{_VALUE})*)?)*): \S"
)
_TOLD = re.compile(rf" -(\w+)(:\$false|(?: {_VALUE}(?:,{_VALUE})*)?)")
_HEAD = re.compile(r"^(?P<owner>[\w-]+):")
# Which object a cmdlet acts on, and how it travels: no plan has to say it.
BESIDE = frozenset({"VM", "VMReplication", "VMNetworkAdapter", "VMRecoverySnapshot", "Confirm", "AsJob"})


@dataclass(frozen=True)
class Line:
    """One cmdlet: of which VM (or host), where, and its parameters as text."""

    owner: str
    host: str
    cmdlet: str
    parameters: tuple[tuple[str, str], ...]

    def without(self, *names: str) -> Line:
        """The same without some parameters."""
        return Line(self.owner, self.host, self.cmdlet, tuple(p for p in self.parameters if p[0] not in names))


def printed(output: str) -> list[Line]:
    """Every numbered cmdlet of an output, under the line that names its VM."""
    found, owner = [], ""
    for line in output.splitlines():
        step = _STEP.match(line)
        if step:
            found.append(Line(owner, step["host"], step["cmdlet"], tuple(sorted(_read(step["told"])))))
        elif re.match(r"^  \d+\. ", line):
            raise AssertionError(f"a line of the plan that names no host and cmdlet: {line}")
        elif head := _HEAD.match(line):
            owner = head["owner"]
    return found


def sent(calls: list[Recorded], files: Mapping[str, str]) -> list[Line]:
    """State-changing calls of the lab's record. The test VM counts as its VM, and a disk's file as its VM's (`files`:
    name of the VM by path); what concerns no VM is its host's.
    """
    return [line for call in calls for line in _lines(call, files)]


def _lines(call: Recorded, files: Mapping[str, str]) -> Iterator[Line]:
    parameters = tuple(sorted((name, _shown(v)) for name, v in call.parameters.items() if name not in BESIDE))
    host = call.host.lower()
    paths = call.parameters.get("LiteralPath") or ()
    owners = call.vms or tuple({files[path] for path in paths if path in files}) or (host,)
    for owner in owners:
        yield Line(owner.removesuffix(" - Test"), host, call.cmdlet, parameters)


def _read(told: str) -> Iterator[tuple[str, str]]:
    for name, value in _TOLD.findall(told):
        if value in ("", ":$false"):
            yield name, str(value == "")
        else:
            yield name, ",".join(_plain(word) for word in re.findall(_VALUE, value))


def _plain(word: str) -> str:
    return word[1:-1].replace("''", "'") if word.startswith("'") else word


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(_shown(one) for one in value)
    return str(value)


def by_owner(lines: list[Line]) -> Mapping[str, list[Line]]:
    """The cmdlets of each VM, in their order."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.owner, []).append(line)
    return found
