"""The command that the reports print: the shell and ansible read it as what was meant."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from ansible.parsing.splitter import parse_kv
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.command_line import (
    command,
    typed_vm,
    unconfirmed,
)

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


ID = "2f0f9a5c-0a3b-4c7e-9a53-0d9a8c1f7e10"
MARKED = ("{{ lookup('pipe','touch x') }}", "a {% set x = 1 %}", "{# gone #} b", "x{{y")


@pytest.mark.parametrize("name", MARKED)
def test_no_command_holds_a_template(name: str) -> None:
    """Ansible runs what stands between the markers in an extra variable."""
    for value in (name, [name, "App01"], [{"name": name, "vms": [name]}], {name: name}):
        line = command("x", {"value": value})
        assert not [marker for marker in ("{{", "{%", "{#") if marker in line], line
        assert "…" in line


def test_a_vm_goes_by_its_id_where_its_name_is_not_plain() -> None:
    for name in (*MARKED, "a,b", "App 01's", 'a"b', "App\n1", " App", "App  01", "", ID.upper(), "App\u202e"):
        assert typed_vm(name, ID) == ID
    for name in ("App01", "App 01", "Bücher-1", "db.x"):
        assert typed_vm(name, ID) == name


def test_what_is_not_seen_stands_as_its_number() -> None:
    line = command("x", {"value": ["a\u202eb\x9bc\u2028", "d"]})
    assert line.isprintable()
    assert read_back(line) == {"value": ["a\u202eb\x9bc\u2028", "d"]}


APP = [{"id": ID, "name": "App01"}]
CONFIRMS: dict[str, tuple[str, str, list[dict[str, str]], bool]] = {
    "the name": ("app01", "App01", APP, True),
    "the id, planned by name": (ID.upper(), "App01", APP, True),
    "the id in braces": ("{" + ID + "}", "App01", APP, True),
    "the name, planned by id": ("App01", ID, APP, True),
    "several": ("hv-b 2", "hv-b 2", APP * 2, True),
    "several, without a blank": ("HV-B:2", "hv-b 2", APP * 2, True),
    "another number": ("hv-b:3", "hv-b 2", APP * 2, False),
    "another host": ("hv-a 2", "hv-b 2", APP * 2, False),
    "one of several": (ID, "hv-b 2", APP * 2, False),
    "a name with a colon": ("App:1", "App:1", APP, True),
    "a name that is like it": ("App:1", "App 1", [], True),
    "nothing": ("", "App01", APP, False),
}


@pytest.mark.parametrize("name", CONFIRMS)
def test_what_confirms(name: str) -> None:
    typed, wanted, vms, fits = CONFIRMS[name]
    assert (unconfirmed(typed, wanted, vms) == "") == fits


def test_what_to_type_is_said_so_that_it_can_be_pasted() -> None:
    assert unconfirmed("x", "hv-b 2") == (
        """Type -e 'confirm="hv-b 2"' to go on (you typed 'x'). Nothing was changed."""
    )
    assert unconfirmed("(nothing)", "App01") == (
        "Type -e confirm=App01 to go on (confirm was not given). Nothing was changed."
    )
