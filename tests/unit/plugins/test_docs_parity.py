"""What a module documents and what its argument spec says are the same, option by option, both ways.

Nothing in Ansible's sanity tests does this for a module whose code is an action plugin. The documentation is read as
users read it, by ansible-doc, with the fragments merged in.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Resource
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.operations import SPEC, WORKFLOWS
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.recap import Recap
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.timeline import Happened

ROOT = Path(__file__).resolve().parents[3]
COLLECTIONS = ROOT / ".build" / "collections"
ACTIONS = "ansible_collections.hyperv.replica.plugins.action"


def modules() -> list[str]:
    """Action plugins that bind a resource: those have an argument spec of their own."""
    names = sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py") if path.stem != "__init__")
    return [name for name in names if hasattr(_action(name), "resource")]


def _action(name: str) -> Any:
    return importlib.import_module(f"{ACTIONS}.{name}").ActionModule


@cache
def documentation() -> Mapping[str, Any]:
    return _documented(*modules())


def _documented(*names: str) -> Mapping[str, Any]:
    command = [str(Path(sys.executable).with_name("ansible-doc")), "-t", "module", "-j"]
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)}
    done = subprocess.run(
        [*command, *(f"hyperv.replica.{name}" for name in names)],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def documented(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the documentation, in the form in which both sides are compared."""
    return {
        name: _form(option, list(option.get("choices") or ()), option.get("suboptions"), documented)
        for name, option in options.items()
    }


def specified(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an argument spec, in the same form."""
    return {
        name: _form(option, list(option.get("choices") or ()), option.get("options"), specified)
        for name, option in options.items()
    }


def _form(option: Mapping[str, Any], choices: list[Any], inner: Mapping[str, Any] | None, of: Any) -> dict[str, Any]:
    return {
        "type": option.get("type", "str"),
        "elements": option.get("elements"),
        "choices": choices,
        "default": option.get("default"),
        "required": bool(option.get("required", False)),
        "aliases": list(option.get("aliases") or ()),
        "options": of(inner) if inner else None,
    }


@pytest.mark.parametrize("name", modules())
def test_options(name: str) -> None:
    doc = documentation()[f"hyperv.replica.{name}"]["doc"]
    assert documented(doc["options"]) == specified(_action(name).resource.spec)


@pytest.mark.parametrize("name", modules())
def test_what_every_noun_answers_is_documented(name: str) -> None:
    """The keys that the runner adds itself; a resource's own are compared where its records are made."""
    resource = _action(name).resource
    if not isinstance(resource, Resource):
        return
    returned = documentation()[f"hyperv.replica.{name}"]["return"]
    assert set(returned["actions"]["contains"]) == {"cmdlet", "parameters", "host", "vm", "vm_id", "why", "sent"}
    assert set(returned["failures"]["contains"]) == {"id", "name", "msg"}
    if resource.subject_key:
        assert resource.subject_key in returned


def test_options_of_the_workflows() -> None:
    """hyperv_recovery is bound to no resource: its options are those of all operations together."""
    doc = _documented("hyperv_recovery")["hyperv.replica.hyperv_recovery"]["doc"]
    assert documented(doc["options"]) == specified(SPEC)
    own = {name for workflow in WORKFLOWS.values() for name in workflow.options}
    assert own <= SPEC.keys(), "an operation has no option that is none"


def test_what_the_workflows_answer() -> None:
    """The keys that the runner and the driver add; those of a VM are compared where a play has made them."""
    returned = _documented("hyperv_recovery")["hyperv.replica.hyperv_recovery"]["return"]
    recap = Recap()
    recap.asked("hv-a")
    assert set(returned["hosts"]["contains"]) == set(recap.to_result()[0])
    happened = Happened(datetime.now(timezone.utc), 0.0, "hv-a", (), "start").to_result()
    assert set(returned["timeline"]["contains"]) == set(happened)


def test_there_is_something_to_compare() -> None:
    assert {"hyperv_replica_server", "hyperv_vm_replication", "hyperv_replication_info"} <= set(modules())


def test_every_module_is_documented_and_every_documentation_is_a_module() -> None:
    folder = ROOT / "plugins" / "modules"
    pairs = {path.stem for path in folder.glob("*.yml")}
    assert pairs == {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
    assert pairs == {path.stem for path in (ROOT / "plugins" / "action").glob("*.py") if path.stem != "__init__"}


def test_the_action_group_has_every_module_that_reaches_hosts() -> None:
    """With `module_defaults` of the group an option that modules share is given once."""
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert set(runtime["action_groups"]["replica"]) == {
        path.stem for path in (ROOT / "plugins" / "action").glob("hyperv_*.py")
    }
