# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""hyperv_recovery: a workflow for VMs of many hosts in one task. Its operations, their options, and what these come to.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..base.errors import OptionError
from .conversation import Wanted
from .failover import flow as failover_flow
from .failover import talk as failover_talk
from .listing import talk as list_talk
from .prepare import flow as prepare_flow
from .prepare import talk as prepare_talk
from .removal import flow as removal_flow
from .removal import talk as removal_talk
from .reprotect import flow as reprotect_flow
from .reprotect import talk as reprotect_talk
from .role_inputs import RoleInputError, role_inputs
from .target import CLUSTER, KNOWN, ONE, target_problem
from .test_failover import end_talk as end_of_test_talk
from .test_failover import talk as failover_test_talk


@dataclass(frozen=True)
class Workflow:
    """An operation. start: its conversation before anything was asked; rules: how that goes on (step and interrupt).

    options: what it takes beside _ALL. wish: what it is to the planner of failovers. to: what its `to` may be.
    """

    start: Callable[[Wanted], Any]
    rules: Any
    options: frozenset[str]
    wish: str = ""
    to: str = ONE


_ALL: Mapping[str, Any] = {
    "to": {"type": "str", "required": True},
    "vms": {"type": "list", "elements": "str"},
    "poll_interval": {"type": "float", "default": 5.0},
    "record": {"type": "path"},
}
_FAILOVER: Mapping[str, Any] = {
    "groups": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "vms": {"type": "list", "elements": "str", "required": True},
        },
    },
    "hosts": {"type": "list", "elements": "str"},
    "reason": {"type": "str", "choices": ["primary_is_dead", "primary_unusable"]},
    "declared": {"type": "str", "choices": ["prepared", "dead"]},
    "reverse": {"type": "bool", "default": True},
    "start": {"type": "bool", "default": True},
    "shutdown": {"type": "str", "choices": ["refuse", "clean", "force"], "default": "clean"},
    "shutdown_timeout": {"type": "int", "default": 900},
    "patience": {"type": "float", "default": 90.0},
    "wait_timeout": {"type": "float", "default": 3600.0},
    "settle_timeout": {"type": "float", "default": 120.0},
    "order": {"type": "str", "choices": ["dependency", "one_by_one"], "default": "dependency"},
    "group_timeout": {"type": "float", "default": 300.0},
    "group_failure": {"type": "str", "choices": ["stop", "continue"], "default": "stop"},
    "on_refusal": {"type": "str", "choices": ["stop", "skip"], "default": "stop"},
    "on_failure": {"type": "str", "choices": ["recover", "hold"], "default": "recover"},
    "accept": {"type": "list", "elements": "str", "default": []},
    "excluded_disks": {"type": "list", "elements": "str", "default": []},
    "max_replication_age": {"type": "int"},
    "max_pending_bytes": {"type": "int", "default": 2**30},
    "min_free_bytes": {"type": "int", "default": 5 * 2**30},
    "unconnected_adapters": {"type": "str", "choices": ["refuse", "allow"], "default": "refuse"},
    "certificate_thumbprint": {"type": "str"},
    "recovery_point": {"type": "str"},
    "recovery_point_time": {"type": "str"},
    "old_vm": {"type": "str", "choices": ["leave", "turn_off", "discard_saved_state"], "default": "leave"},
    "discard": {"type": "str"},
    "fence": {"type": "bool", "default": True},
    "changes_since_failover": {"type": "str", "choices": ["keep", "discard"], "default": "keep"},
    "receive_check": {"type": "int", "default": 30},
    "confirm": {"type": "str"},
    "given": {"type": "dict", "default": {}},
}
_PREPARE: Mapping[str, Any] = {"runs_on": {"type": "str"}}
_REMOVAL: Mapping[str, Any] = {
    "other_side": {"type": "str", "choices": ["reached", "gone"], "default": "reached"},
    "delete": {"type": "str", "choices": ["nothing", "vm", "vm_and_disks"], "default": "nothing"},
    "lives_on": {"type": "str"},
}
_REPROTECT: Mapping[str, Any] = {
    "new_replica": {"type": "str"},
    "authentication": {"type": "str", "choices": ["kerberos", "certificate"]},
}
_TEST: Mapping[str, Any] = {
    "test_switch": {"type": "str"},
    "allow": {
        "type": "list",
        "elements": "str",
        "choices": ["external_test_switch", "production_test_switch"],
        "default": [],
    },
    "wait_for": {"type": "str", "choices": ["heartbeat", "nothing"], "default": "heartbeat"},
    "heartbeat_timeout": {"type": "int", "default": 600},
    "keep": {"type": "bool", "default": True},
    "report": {"type": "bool", "default": True},
}


def _failover(wish: str) -> Workflow:
    return Workflow(failover_talk.start, failover_flow, frozenset(_FAILOVER), wish, CLUSTER)


WORKFLOWS: Mapping[str, Workflow] = {
    "planned_failover": _failover("planned"),
    "unplanned_failover": _failover("unplanned"),
    "cancel_failover": _failover("cancel"),
    "commit_failover": _failover("commit"),
    "reverse_replication": _failover("return_home"),
    "prepare_failover": Workflow(prepare_talk.start, prepare_flow, frozenset(_FAILOVER) | frozenset(_PREPARE)),
    "reprotect": Workflow(
        reprotect_talk.start,
        reprotect_flow,
        frozenset(_REPROTECT)
        | {"groups", "hosts", "accept", "certificate_thumbprint", "wait_timeout", "settle_timeout", "confirm", "given"},
    ),
    "remove_replication": Workflow(
        removal_talk.start,
        removal_flow,
        frozenset(_REMOVAL) | {"hosts", "confirm", "on_refusal", "settle_timeout"},
    ),
    "test_failover": Workflow(
        failover_test_talk.start,
        failover_test_talk,
        frozenset(_TEST) | {"recovery_point", "recovery_point_time", "on_refusal", "wait_timeout"},
    ),
    "cleanup_test_failover": Workflow(end_of_test_talk.start, end_of_test_talk, frozenset({"report", "wait_timeout"})),
    "list": Workflow(list_talk.start, list_talk, frozenset(), to=CLUSTER),
}
SPEC: Mapping[str, Any] = {
    "operation": {"type": "str", "required": True, "choices": list(WORKFLOWS)},
    **_ALL,
    **_FAILOVER,
    **_PREPARE,
    **_REPROTECT,
    **_REMOVAL,
    **_TEST,
}
_OWN = ("operation", "record", "given")


def read_inputs(options: Mapping[str, Any], inventory: Sequence[str]) -> dict[str, Any]:
    """The options that were given, typed, with defaults for the others. Raises RoleInputError, which names each that
    cannot be used, or that the operation does not have.
    """
    inputs = role_inputs(options, SPEC, known_hosts=inventory)
    _refuse_others(str(inputs["operation"]), options)
    return inputs


def options_of(operation: str) -> frozenset[str]:
    """The options that an operation has."""
    return WORKFLOWS[operation].options | _ALL.keys()


def _refuse_others(operation: str, given: Iterable[str]) -> None:
    """Raises RoleInputError for options of other operations."""
    own = options_of(operation)
    strange = [name for name in given if name not in own and name != "operation"]
    if strange:
        told = f"{operation} does not have {', '.join(strange)}. Leave that out: it has {', '.join(sorted(own))}."
        raise RoleInputError([f"{told} Nothing was done."])


def targets_of(to: str, kind: str, groups: Mapping[str, Sequence[str]], inside: Sequence[str]) -> list[str]:
    """The inventory hosts that `to` means, which may be of that kind (target.py). `inside` are the hosts inside
    --limit. Raises OptionError.
    """
    _check_target("to", to, kind, groups, inside)
    return [to] if to in groups["all"] else [str(host) for host in groups[to]]


def _check_target(name: str, value: str, kind: str, groups: Mapping[str, Sequence[str]], inside: Sequence[str]) -> None:
    """Raises OptionError for a host or group that is none."""
    problem = target_problem(name, value, kind, groups, inside)
    if problem:
        raise OptionError(name, problem.removeprefix(f"{name} is '{value}': "), "Nothing was done.")


def wanted(
    inputs: Mapping[str, Any],
    given: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    inside: Sequence[str],
    variables: Mapping[str, Mapping[str, Any]],
    check: bool,
) -> Wanted:
    """What was asked. `inputs` are typed, `given` those that were not left out, as they came. `groups` and `inside` are
    of the inventory, `variables` of its hosts. Raises OptionError for a target that is none.
    """
    workflow = WORKFLOWS[inputs["operation"]]
    targets = targets_of(str(inputs["to"]), workflow.to, groups, inside)
    if inputs["runs_on"]:
        _check_target("runs_on", str(inputs["runs_on"]), KNOWN, groups, inside)
    own = [group for host in targets for group in variables[host].get("group_names") or () if group in groups]
    near = [str(host) for group in dict.fromkeys(own) for host in groups[group]]
    return Wanted(
        wish=workflow.wish,
        inputs={name: value for name, value in inputs.items() if name not in _OWN},
        given=inputs["given"] or {name: value for name, value in given.items() if name not in _OWN},
        targets=targets,
        candidates=list(dict.fromkeys(inputs["hosts"] or near)),
        reach=list(inside),
        inventory=[str(host) for host in groups["all"]],
        variables=variables,
        check=check,
    )


__all__ = ["SPEC", "WORKFLOWS", "RoleInputError", "options_of", "read_inputs", "targets_of", "wanted"]
