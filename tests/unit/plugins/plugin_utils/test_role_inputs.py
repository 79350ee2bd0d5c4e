"""Inputs of a role as they arrive: text from the command line and from surveys, typed values from files.

The last test goes through ansible-playbook, for what the filter gets there is what matters.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.role_inputs import (
    RoleInputError,
    role_inputs,
)

COLLECTIONS = Path(__file__).resolve().parents[4] / ".build" / "collections"

OPTIONS: dict[str, Any] = {
    "r_flag": {"type": "bool", "default": True},
    "r_count": {"type": "int", "default": 300},
    "r_share": {"type": "float"},
    "r_name": {"type": "str", "required": True},
    "r_mode": {"type": "str", "choices": ["kerberos", "certificate", "no"]},
    "r_vms": {"type": "list", "elements": "str"},
    "r_ports": {"type": "list", "elements": "int"},
    "r_map": {"type": "dict"},
    "r_policies": {
        "type": "list",
        "elements": "dict",
        "options": {
            "names": {"type": "list", "elements": "str", "required": True},
            "compress": {"type": "bool", "default": False},
        },
    },
    "r_any": {"type": "raw"},
}
SPEC = {"argument_specs": {"main": {"options": OPTIONS}}}


def one(name: str, value: object) -> object:
    return role_inputs({"r_name": "x", f"r_{name}": value}, SPEC, "r_")[name]


@pytest.mark.parametrize(
    "name, value, typed",
    [
        ("flag", "false", False),
        ("flag", "no", False),
        ("flag", " True ", True),
        ("flag", 0, False),
        ("flag", "", True),  # empty is not given: the default
        ("flag", None, True),
        ("count", "30", 30),
        ("count", 900.0, 900),
        ("count", "", 300),
        ("share", "0.5", 0.5),
        ("share", "2", 2.0),
        ("share", "", None),
        ("name", "false", "false"),  # a VM may be called so
        ("name", 7, "7"),
        ("name", "a,b", "a,b"),
        ("mode", "no", "no"),
        ("mode", "", None),
        ("vms", "a,b", ["a", "b"]),
        ("vms", "App01", ["App01"]),  # not A, p, p, 0, 1
        ("vms", "a\nb,\n", ["a", "b"]),
        ("vms", '["a,1", "b"]', ["a,1", "b"]),
        ("vms", ["a,1"], ["a,1"]),
        ("vms", [], []),
        ("vms", "", None),
        ("vms", 7, ["7"]),
        ("vms", "no", ["no"]),
        ("ports", "80, 443", [80, 443]),
        ("ports", 80, [80]),
        ("map", '{"a": 1}', {"a": 1}),
        ("map", "a=1, b=no", {"a": "1", "b": "no"}),
        ("map", "", None),
        ("policies", '[{"names": "a,b", "compress": "yes"}]', [{"names": ["a", "b"], "compress": True}]),
        ("policies", {"names": ["a"]}, [{"names": ["a"], "compress": False}]),
        ("any", "no", "no"),
    ],
)
def test_inputs_become_what_the_spec_says(name: str, value: object, typed: object) -> None:
    found = one(name, value)
    assert found == typed
    assert type(found) is type(typed)


@pytest.mark.parametrize(
    "name, value, says",
    [
        ("flag", "maybe", "'maybe' is not true or false."),
        ("flag", "a,b", "'a,b' is not true or false."),
        ("flag", 2, "'2' is not true or false."),
        ("count", "no", "'no' is not a whole number."),
        ("count", "false", "'false' is not a whole number."),
        ("count", False, "'false' is not a whole number."),
        ("count", "1.5", "'1.5' is not a whole number."),
        ("count", "a,b", "'a,b' is not a whole number."),
        ("share", "no", "'no' is not a number."),
        ("share", "nan", "'nan' is not a number."),
        ("name", False, "false is a boolean where text is wanted."),
        ("name", ["a"], '["a"] is not a text.'),
        ("mode", "false", "'false' is not one of kerberos, certificate, no."),
        ("mode", "a,b", "'a,b' is not one of"),
        ("vms", ["a", ""], "it has an empty item."),
        ("vms", [True], "r_vms[0]: true is a boolean where text is wanted."),
        ("vms", "[a", "is not valid JSON"),
        ("ports", "80,no", "r_ports[1]: 'no' is not a whole number."),
        ("map", "a,b", "'a,b' is not a dictionary."),
        ("map", "false", "'false' is not a dictionary."),
        ("policies", "App01", "r_policies[0]: 'App01' is not a dictionary."),
        ("policies", [{"names": "a", "compres": True}], "r_policies[0].compres is not an input here."),
        ("policies", [{"compress": "maybe", "names": ["a"]}], "r_policies[0].compress: 'maybe' is not true or false"),
        ("policies", [{"names": ""}], "r_policies[0].names is required"),
        ("nme", "x", "r_nme is not an input here. Known are: r_any,"),
    ],
)
def test_what_cannot_be_converted_names_the_input(name: str, value: object, says: str) -> None:
    with pytest.raises(RoleInputError) as caught:
        one(name, value)
    (problem,) = caught.value.problems
    assert problem.startswith(f"r_{name}")
    assert says in problem


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(RoleInputError) as caught:
        role_inputs({"r_name": " ", "r_flag": "maybe", "r_count": "x"}, SPEC)
    assert [problem.split(":")[0].split()[0] for problem in caught.value.problems] == ["r_flag", "r_count", "r_name"]


def test_the_answer_has_every_input_and_the_spec_may_be_any_part_of_the_file() -> None:
    for spec in (SPEC, SPEC["argument_specs"], SPEC["argument_specs"]["main"], OPTIONS):
        assert set(role_inputs({"r_name": "x"}, spec)) == set(OPTIONS)


PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        dest: "{{ playbook_dir }}/answer.json"
        content: >-
          {{ dict(names | zip(query('ansible.builtin.vars', *names, default='')))
             | hyperv.replica.role_inputs(spec, prefix='r_') | to_json }}
      vars:
        names: "{{ spec.argument_specs.main.options | list }}"
        spec: "{{ lookup('ansible.builtin.file', 'spec.yml') | from_yaml }}"
"""


def playbook(folder: Path, *extra: str) -> str:
    """What the play prints; its answer is in answer.json."""
    (folder / "play.yml").write_text(PLAY, encoding="utf-8")
    (folder / "spec.yml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "play.yml"]
    env = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    options = [part for text in extra for part in ("-e", text)]
    done = subprocess.run([*command, *options], cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_through_ansible(tmp_path: Path) -> None:
    playbook(tmp_path, "r_name=no r_flag=false r_vms=a,b r_mode=", '{"r_count": "30"}')
    found = json.loads((tmp_path / "answer.json").read_text(encoding="utf-8"))
    expected = {"name": "no", "flag": False, "vms": ["a", "b"], "mode": None, "count": 30, "share": None}
    assert {name: found[name] for name in expected} == expected
    refused = playbook(tmp_path, "r_name=x r_flag=maybe")
    assert "failed=1" in refused
    assert "r_flag: 'maybe' is not true or false." in refused


def test_hosts_that_the_inventory_does_not_have_are_told_together_with_what_may_be_meant() -> None:
    spec = {"x_hosts": {"type": "list", "elements": "str"}, "x_lives_on": {"type": "str"}}
    known = ["hv-a", "HV-B.corp.example"]
    given = {"x_hosts": "a,b,hv-a", "x_lives_on": "hv-b"}
    with pytest.raises(RoleInputError) as error:
        role_inputs(given, spec, "x_", known)
    assert "x_hosts: a and b are not in the inventory." in str(error.value)
    assert "x_lives_on: hv-b is not in the inventory. Did you mean HV-B.corp.example?" in str(error.value)
    assert role_inputs(given, spec, "x_")["lives_on"] == "hv-b"
