"""The workflow remove_replication, and reprotect of the failover role, without ansible-playbook: see role.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from tests.conftest import ROOT

from .hands import Hands, Stopped
from .role import Finding, candidates, operation
from .stage import NAMES

# isort: split
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_reprotect import to_protect
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.role_inputs import role_inputs


def removal_role(hands: Hands, on: str, **inputs: Any) -> None:
    """Run remove_replication on a host. Raises Stopped, with every VM that is left, where it fails."""
    operation(hands, "remove_replication", on, **inputs)


def reprotect(hands: Hands, on: str, new: str) -> None:
    """Protect VMs anew whose old primary is lost for good. Raises Stopped where the role would fail."""
    given = _inputs("failover", "reprotect", {"vms": NAMES, "to": on, "new_replica": new})
    world = Finding(
        hands, on, {on: _read_first(hands, on)}, candidates(hands), gather=("relations", "cluster", "server")
    )
    try:
        world.look()
        if new not in world.readings:
            world.readings[new] = hands.information(new, ids=world.found["ids"], gather=list(world.gather))
        readings, found = world.readings, world.found
        others = [host for hosts in found["partners"].values() for host in hosts if host != new]
        name = str(readings[new].get("windows_name") or new)
        plan = to_protect(given, readings, on, others, name, found, world.candidates)
    except ReplicaError as error:
        raise Stopped(str(error)) from error
    if plan["refused"]:
        raise Stopped("; ".join(plan["refused"]))
    own = readings[on]["windows_name"]
    if plan["continue"]:
        hands.module("hyperv_failover", on, ids=plan["continue"], state="continued", runs_on=own, expected_host=own)
    if plan["commit"]:
        hands.module("hyperv_failover", on, ids=plan["commit"], state="committed", runs_on=own, expected_host=own)
    if plan["remove"]:
        hands.module("hyperv_vm_replication", on, ids=plan["remove"], state="absent", side="replica", expected_host=own)
    if plan["protect"]:
        way = {"replica_server": name, "authentication": "kerberos"}
        hands.module("hyperv_vm_replication", on, ids=plan["protect"], **way)


def _read_first(hands: Hands, host: str) -> dict[str, Any]:
    reading = hands.information(host, names=NAMES)
    if reading.get("unreachable") or reading.get("failed"):
        raise Stopped(f"{', '.join(NAMES)}: {reading['msg']}")
    return reading


def _inputs(role: str, entry: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    text = (ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    options = yaml.safe_load(text)["argument_specs"][entry]["options"]
    typed: dict[str, Any] = role_inputs({f"{role}_{name}": v for name, v in inputs.items()}, options, f"{role}_")
    return typed
