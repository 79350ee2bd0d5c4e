"""A role over hyperv_recovery has the inputs of its operation, as the module has them, and hands on all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.operations import (
    SPEC,
    WORKFLOWS,
    options_of,
)

from tests.unit.plugins.test_docs_parity import specified

ROLES = Path(__file__).resolve().parents[3] / "roles"
MODULE = "hyperv.replica.hyperv_recovery"


@dataclass(frozen=True)
class Entry:
    """An entry point of a role, and the operation that its task begins.

    role_only: inputs that the role deals with itself. module_only: options that the role has no input for. differs:
    inputs with another default, with the reason. kept: inputs that need not be handed on. shared: options that the task
    has for another operation only.
    """

    role: str
    entry: str
    tasks: str
    operation: str
    role_only: frozenset[str] = frozenset()
    module_only: frozenset[str] = frozenset()
    differs: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.role}, {self.entry}"


NO_PATIENCE = frozenset({"patience"})  # it does nothing
TO = frozenset({"to"})  # a role plays there
WHERE = frozenset({"runs_on"})  # where they shall run, for who only prepares
FAILOVER = [
    Entry("failover", entry, "run.yml", operation, frozenset({"type"}), frozenset({"given"}), TO, NO_PATIENCE, WHERE)
    for entry, operation in (
        ("main", "planned_failover"),
        ("main", "unplanned_failover"),
        ("cancel", "cancel_failover"),
        ("commit", "commit_failover"),
        ("reverse", "reverse_replication"),
    )
]
FAILOVER += [
    Entry(
        "failover",
        "prepare",
        "run.yml",
        "prepare_failover",
        frozenset({"type"}),
        frozenset({"given"}) | WHERE,
        TO,
        NO_PATIENCE,
    )
]
OF_A_FAILOVER = options_of("planned_failover") - options_of("reprotect")  # the role takes them for every entry
REPROTECT = Entry(
    "failover",
    "reprotect",
    "reprotect.yml",
    "reprotect",
    frozenset({"type"}) | OF_A_FAILOVER,
    frozenset({"given"}),
    TO | {"new_replica"},  # required by the role
)
REST = [
    REPROTECT,
    Entry(
        "failover", "candidates", "candidates.yml", "list", module_only=frozenset({"vms", "poll_interval"}), differs=TO
    ),
    Entry("remove_replication", "main", "main.yml", "remove_replication", module_only=TO),
    Entry(
        "test_failover",
        "main",
        "main.yml",
        "test_failover",
        frozenset({"checks"}),
        TO | {"report"},
        frozenset({"keep"}),  # the role ends the test, and the module leaves that to another task
    ),
    Entry(
        "test_failover",
        "cleanup",
        "cleanup.yml",
        "cleanup_test_failover",
        module_only=TO | {"report"},
    ),
]
ENTRIES = [*FAILOVER, *REST]


def inputs_of(entry: Entry) -> dict[str, Any]:
    """The inputs of the role, by their names without the role's."""
    specs = yaml.safe_load((ROLES / entry.role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"][entry.entry]["options"]
    return {name.removeprefix(f"{entry.role}_"): option for name, option in options.items()}


def tasks_in(node: Any) -> Iterator[Mapping[str, Any]]:
    """All tasks of a file, those inside of blocks too."""
    for task in node if isinstance(node, list) else []:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks_in(task.get(part))


def handed_on(entry: Entry) -> dict[str, str]:
    """The options of the task that begins the operation, each with its template."""
    text = (ROLES / entry.role / "tasks" / entry.tasks).read_text(encoding="utf-8")
    (task,) = (task for task in tasks_in(yaml.safe_load(text)) if MODULE in task)
    return {name: str(value) for name, value in task[MODULE].items()}


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_the_inputs_of_a_role_are_the_options_of_its_operation(entry: Entry) -> None:
    inputs = specified(inputs_of(entry))
    options = specified({name: SPEC[name] for name in options_of(entry.operation)})
    assert inputs.keys() - options.keys() == entry.role_only
    assert options.keys() - inputs.keys() == entry.module_only
    both = inputs.keys() & options.keys()
    assert {name for name in both if inputs[name] != options[name]} == entry.differs
    for name in entry.differs:
        assert {**inputs[name], "default": 0, "required": 0} == {**options[name], "default": 0, "required": 0}


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_a_role_hands_on_every_input(entry: Entry) -> None:
    """What has no default is left out where it was not given: an empty text is something else to the module."""
    given, inputs = handed_on(entry), inputs_of(entry)
    assert given.keys() - entry.shared <= {"operation", *options_of(entry.operation)}
    assert inputs.keys() - given.keys() == (entry.role_only - {"to"}) | entry.kept
    for name in inputs.keys() & given.keys() - {"to"}:
        own = f"{{{{ {entry.role}.{name} }}}}" if "default" in inputs[name] else ""
        assert given[name] == (own or f"{{{{ {entry.role}.{name} | default(omit, true) }}}}"), name


def test_each_operation_is_some_roles() -> None:
    assert {entry.operation for entry in ENTRIES} == WORKFLOWS.keys()


@pytest.mark.parametrize(
    ("entry", "operation"),
    [("main", "{{ failover.type }}_failover"), *((entry.entry, entry.operation) for entry in FAILOVER[2:])],
)
def test_each_entry_of_the_failover_role_begins_its_operation(entry: str, operation: str) -> None:
    tasks = yaml.safe_load((ROLES / "failover" / "tasks" / f"{entry}.yml").read_text(encoding="utf-8"))
    (run,) = (task for task in tasks if task.get("ansible.builtin.import_tasks") == "run.yml")
    assert run["vars"] == {"failover_operation": operation}
    (read,) = (task for task in tasks if task.get("ansible.builtin.import_tasks") == "inputs.yml")
    assert read["vars"] == {"failover_entry": entry}
    assert {"planned", "unplanned"} == set(inputs_of(FAILOVER[0])["type"]["choices"])
