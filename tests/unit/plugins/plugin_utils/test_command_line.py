"""The command that the reports print: the shell and ansible read it as what was meant."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from ansible.parsing.splitter import parse_kv
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.command_line import command

VALUES: dict[str, Any] = {
    "plain": ["App01", "Db-01.x"],
    "blanks": "hv-b 40",
    "one with blanks": ["App 01"],
    "quotes": ["App 01's", 'Bücher "ß"'],
    "pattern": ["[x]*?"],
    "comma": ["a,b"],
    "path": ["D:\\VMs\\a.vhdx"],
    "time": "2026-03-01T20:00:00+01:00",
    "groups": [{"name": "db", "vms": ["Db01", "Db 02"]}],
    "number": 60,
    "text with commas": "warning_health,no_switch",
    "shell": "$(touch x) `y` ; & | < > !",
}


def read_back(line: str) -> dict[str, Any]:
    """The variables as `ansible-playbook -e …` takes them from a shell."""
    words = shlex.split(line)
    assert words[0] == "ansible-playbook"
    found: dict[str, Any] = {}
    for flag, value in zip(words[2::2], words[3::2], strict=True):
        assert flag == "-e"
        found.update(json.loads(value) if value.startswith("{") else parse_kv(value))
    return found


@pytest.mark.parametrize("name", VALUES)
def test_what_is_pasted_is_what_was_meant(name: str) -> None:
    value = VALUES[name]
    found = read_back(command("planned_failover", {"failover_to": "hv-b", "value": value}))
    assert found.pop("failover_to") == "hv-b"
    as_text = ",".join(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else str(value)
    assert found == {"value": value} or found == {"value": as_text}
    if name == "comma":
        assert found == {"value": value}


def test_what_is_empty_is_left_out_and_a_choice_stays() -> None:
    assert command("x", {"vms": ["A"], "a": "", "b": None, "c": [], "start": False}) == (
        "ansible-playbook hyperv.replica.x -e vms=A -e start=false"
    )
