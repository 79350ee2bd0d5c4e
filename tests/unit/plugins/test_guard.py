"""The guard of every playbook, one input at a time: each is planted in the inventory, and each has a blank in it.

The inputs are read from the playbooks, so that a new playbook, or a new input, is tested by itself. Nothing can be sent
here; that ansible-playbook ends as it should is in tests/integration/test_keyboard.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.order import inputs_of

from tests.conftest import COLLECTIONS

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOKS = {path.stem: path for path in sorted((ROOT / "playbooks").glob("*.yml"))}
INPUTS = {name: inputs_of(path.read_text(encoding="utf-8")) for name, path in PLAYBOOKS.items()}
EACH = [(playbook, name) for playbook, names in INPUTS.items() for name in names]
TARGET = {"failover_to": "hv-b", "remove_on": "hv-b", "test_on": "hv-b", "from_host": "hv-a", "to_host": "hv-b"}
FILES = ("host_vars/hv-b.yml", "group_vars/hyperv.yml", "group_vars/all.yml", "host_vars/web-1.yml")
ANOTHER = {"vms": ["App01"], "confirm": "App01"}  # what a planted input looks like; all others are text
LEAVING_OUT: dict[str, tuple[list[str], list[str]]] = {
    "--tags x": (["x"], []),
    "--tags x,y --skip-tags z": (["x", "y"], ["z"]),
    "--tags tagged": (["tagged"], []),
    "--skip-tags untagged": (["all"], ["untagged"]),
    "--skip-tags all": (["all"], ["all"]),
}
HARMLESS: dict[str, tuple[list[str], list[str]]] = {
    "--skip-tags x": (["all"], ["x"]),
    "--tags untagged": (["untagged"], []),
    "--tags x,untagged": (["x", "untagged"], []),
}


def case(playbook: str, *texts: str, tags: tuple[list[str], list[str]] = (["all"], []), **files: Any) -> dict[str, Any]:
    """A case for the desk; the hosts that the playbook needs are typed, unless a text, or a file, has them."""
    there = {text.partition("=")[0] for text in texts} | {name for values in files.values() for name in values}
    needed = [f"{name}={host}" for name, host in TARGET.items() if name in INPUTS[playbook] and name not in there]
    return {
        "playbook": str(PLAYBOOKS[playbook]),
        "typed": [*needed, *texts],
        "tags": tags[0],
        "skip_tags": tags[1],
        "files": files,
    }


def cases() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for playbook in PLAYBOOKS:
        found[f"{playbook}: well"] = case(playbook)
        found[f"{playbook}: quoted"] = case(playbook, 'vms="App05 old copy"', "ansible_user=me")
        for title, tags in {**LEAVING_OUT, **HARMLESS}.items():
            found[f"{playbook}: {title}"] = case(playbook, tags=tags)
        for file in FILES:
            everything = {name: ANOTHER.get(name, "hv-b") for name in INPUTS[playbook]}
            found[f"{playbook}: {file}"] = case(playbook, **{file: everything})
        found[f"{playbook}: commas"] = case(playbook, *(f"{name}=hv-b, App05" for name in INPUTS[playbook]))
    for playbook, name in EACH:
        planted = {FILES[0]: {name: ANOTHER.get(name, "hv-b"), f"failover_{name}": "x"}}
        found[f"{playbook} {name}: planted"] = case(playbook, **planted)
        found[f"{playbook} {name}: typed"] = case(playbook, f"{name}={TARGET.get(name, '')}", **planted)
        found[f"{playbook} {name}: blank"] = case(playbook, f"{name}=hv-b old copy")
    return found


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    """What the guard says in each case: "" where it lets the playbook go on."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("guard_desk.py"))],
        input=json.dumps(cases()),
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_what_is_typed_well_passes(said: Mapping[str, str], playbook: str) -> None:
    assert said[f"{playbook}: well"] == said[f"{playbook}: quoted"] == ""


@pytest.mark.parametrize(("playbook", "name"), EACH)
def test_an_input_that_the_inventory_alone_gives_is_refused_by_name(
    said: Mapping[str, str], playbook: str, name: str
) -> None:
    for title in (f"{playbook} {name}: planted", *(f"{playbook}: {file}" for file in FILES)):
        assert f"{name} is set in the inventory" in said[title], title
        assert f"Type -e {name}= " in said[title]
    assert said[f"{playbook} {name}: planted"].count("is set in") == 1
    assert "is set in" not in said[f"{playbook} {name}: typed"]


@pytest.mark.parametrize(("playbook", "name"), EACH)
def test_an_input_with_a_blank_that_is_not_quoted_is_refused(said: Mapping[str, str], playbook: str, name: str) -> None:
    told = said[f"{playbook} {name}: blank"]
    assert "'old copy' was cut off" in told
    assert "hv-b old copy" in told.partition("Type ")[2]
    again = "vms=hv-b,App05" if name == "vms" else f'{name}="hv-b, App05"'
    assert again in said[f"{playbook}: commas"] or f'"{name}": "hv-b, App05"' in said[f"{playbook}: commas"]


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_tags_that_leave_the_work_out_are_refused(said: Mapping[str, str], playbook: str) -> None:
    for title in LEAVING_OUT:
        assert "leaves the work of this playbook out" in said[f"{playbook}: {title}"], title
    for title in HARMLESS:
        assert said[f"{playbook}: {title}"] == "", title


class _AnyFilter(dict):  # type: ignore[type-arg]  # Ansible's filters are none of jinja's
    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> object:
        return str

    def get(self, name: str, default: object = None) -> object:
        return str


def names_in(value: Any) -> set[str]:
    """Variables that the templates and conditions of a playbook use."""
    if isinstance(value, Mapping):
        conditions = [f"{{{{ {value[key]} }}}}" for key in ("when", "that") if isinstance(value.get(key), str)]
        return set().union(*(names_in(item) for item in [*value.values(), *conditions]))
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    if not isinstance(value, str) or "{{" not in value:
        return set()
    known = jinja2.Environment(autoescape=True)
    known.filters = _AnyFilter()
    return set(jinja2.meta.find_undeclared_variables(known.parse(value)))


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_no_input_escapes_the_guard(playbook: str) -> None:
    """What a playbook uses is an input, a variable of a task of its own, or Ansible's."""
    plays = yaml.safe_load(PLAYBOOKS[playbook].read_text(encoding="utf-8"))
    own = {name for play in plays for task in play["tasks"] for name in task.get("vars") or {}}
    assert names_in(plays) - set(INPUTS[playbook]) - own <= {"groups", "ansible_play_hosts_all"}
    assert INPUTS[playbook]


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_begins_with_the_guard_and_looks_at_its_hosts(playbook: str) -> None:
    first, *others = yaml.safe_load(PLAYBOOKS[playbook].read_text(encoding="utf-8"))
    guard = first["tasks"][0]
    assert first["hosts"] == "all"
    assert "tags" not in first
    assert guard["hyperv.replica.guard"]["targets"]
    assert (guard["run_once"], guard["tags"]) == (True, "always")
    assert all(task["tags"] == "always" for task in first["tasks"])
    for play in others:
        assert "hyperv.replica.target(" in play["hosts"]


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir()))
def test_every_entry_of_a_role_begins_with_the_guard(role: str) -> None:
    folder = ROOT / "roles" / role
    entries = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    for entry in entries:
        first = yaml.safe_load((folder / "tasks" / f"{entry}.yml").read_text(encoding="utf-8"))[0]
        if "ansible.builtin.import_tasks" in first:
            included = folder / "tasks" / first["ansible.builtin.import_tasks"]
            first = yaml.safe_load(included.read_text(encoding="utf-8"))[0]
        assert "hyperv.replica.guard" in first, f"{role}/{entry}"
        assert "when" not in first
