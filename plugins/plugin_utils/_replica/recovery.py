# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""hyperv_recovery: a workflow for VMs of many hosts in one task. Its options, and what they come to. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import OptionError
from .failover_talk import Wanted
from .role_inputs import RoleInputError, role_inputs
from .target import CLUSTER, target_problem

OPERATIONS: Mapping[str, str] = {
    "planned_failover": "planned",
    "unplanned_failover": "unplanned",
    "cancel_failover": "cancel",
    "commit_failover": "commit",
    "reverse_replication": "return_home",
}
"""What each operation is as a wish of the planner."""

SPEC: Mapping[str, Any] = {
    "operation": {"type": "str", "required": True, "choices": list(OPERATIONS)},
    "to": {"type": "str", "required": True},
    "vms": {"type": "list", "elements": "str"},
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
    "poll_interval": {"type": "float", "default": 5.0},
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
    "record": {"type": "path"},
    "given": {"type": "dict", "default": {}},
}
_OWN = ("operation", "record", "given")


def read_inputs(options: Mapping[str, Any], inventory: Sequence[str]) -> dict[str, Any]:
    """The options, typed. Raises RoleInputError, which names each that cannot be used."""
    return role_inputs(options, SPEC, known_hosts=inventory)


def targets_of(to: str, groups: Mapping[str, Sequence[str]], inside: Sequence[str]) -> list[str]:
    """The inventory hosts where the VMs shall run. `inside` are the hosts inside --limit. Raises OptionError."""
    problem = target_problem("to", to, CLUSTER, groups, inside)
    if problem:
        raise OptionError("to", problem.removeprefix(f"to is '{to}': "), "Nothing was done.")
    return [to] if to in groups["all"] else [str(host) for host in groups[to]]


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
    targets = targets_of(str(inputs["to"]), groups, inside)
    own = [group for host in targets for group in variables[host].get("group_names") or () if group in groups]
    near = [str(host) for group in dict.fromkeys(own) for host in groups[group]]
    return Wanted(
        wish=OPERATIONS[inputs["operation"]],
        inputs={name: value for name, value in inputs.items() if name not in _OWN},
        given=inputs["given"] or {name: value for name, value in given.items() if name not in _OWN},
        targets=targets,
        candidates=list(dict.fromkeys(inputs["hosts"] or near)),
        reach=list(inside),
        inventory=[str(host) for host in groups["all"]],
        variables=variables,
        check=check,
    )


__all__ = ["OPERATIONS", "SPEC", "RoleInputError", "read_inputs", "targets_of", "wanted"]
