"""The role remove_replication, and reprotect of the failover role, without ansible-playbook: see role.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from tests.conftest import ROOT

from .hands import Hands, Stopped
from .stage import NAMES, A, B, C

# isort: split
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_partners import partners
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_reprotect import to_protect
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.removal import removal_hosts
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.removal_plan import removal_plan
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.removal_report import report
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.role_inputs import role_inputs

HOSTS = (A, B)
ROUNDS = 3
"""How often tasks/find.yml looks for further hosts."""


def removal_role(hands: Hands, on: str, **inputs: Any) -> None:
    """Run remove_replication on a host. Raises Stopped, with every VM that is left, where the role would fail."""
    given = _inputs("remove_replication", "main", {"vms": NAMES, **inputs})
    readings = {on: _read_first(hands, on)}
    for _unused in range(ROUNDS):
        found = removal_hosts(readings, on, NAMES, HOSTS, {}, given["delete"] != "nothing")
        readings |= {host: hands.information(host, ids=found["ids"]) for host in found["read"]}

    def plan(known: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return removal_plan(readings, on, given, found, known)

    first, done = plan(), list[dict[str, Any]]()
    if first["refused"]:
        raise Stopped("; ".join(f"{one['name']}: {one['reason']}" for one in first["refused"]))
    for stage in first["stages"]:
        readings |= {host: hands.information(host, ids=found["ids"]) for host in readings}
        for call in plan(first["known"])["calls"]:
            if call["stage"] == stage:
                done.append({"ids": call["ids"], "result": _remove(hands, call)})
    if first["stages"]:
        readings |= {host: hands.information(host, ids=found["ids"]) for host in readings}
    told = report(first, plan(first["known"]), done, on, given)
    if told["failures"]:
        raise Stopped("; ".join(told["failures"]))


def _remove(hands: Hands, call: Mapping[str, Any]) -> dict[str, Any]:
    given = {"ids": call["ids"], "partner": call["partner"]}
    if call["stage"] in ("idle", "delete"):
        more = {name: call[name] for name in ("lives_on", "delete_files") if call[name]}
        state = "absent" if call["stage"] == "delete" else "idle"
        return hands.attempt("hyperv_replica_vm", call["host"], state=state, **given, **more)
    more = {"relationship": call["relationship"]} if call["relationship"] else {}
    return hands.attempt("hyperv_vm_replication", call["host"], state="absent", **given, **more)


def reprotect(hands: Hands, on: str, new: str) -> None:
    """Protect VMs anew whose old primary is lost for good. Raises Stopped where the role would fail."""
    given = _inputs("failover", "reprotect", {"vms": NAMES, "to": on, "new_replica": new})
    readings = {on: _read_first(hands, on)}
    found = partners(readings, [on], NAMES, (A, B, C), {})
    others = [host for hosts in found["partners"].values() for host in hosts]
    for host in dict.fromkeys([*others, new]):
        readings[host] = hands.information(host, ids=found["ids"], gather=["relations", "cluster", "server"])
    name = str(readings[new].get("windows_name") or new)
    plan = to_protect(given, readings, on, [host for host in others if host != new], name)
    if plan["refused"]:
        raise Stopped("; ".join(plan["refused"]))
    own = readings[on]["windows_name"]
    if plan["continue"]:
        hands.module("hyperv_failover", on, ids=plan["continue"], state="continued", runs_on=own)
    if plan["commit"]:
        hands.module("hyperv_failover", on, ids=plan["commit"], state="committed", runs_on=own)
    if plan["remove"]:
        hands.module("hyperv_vm_replication", on, ids=plan["remove"], state="absent", side="replica")
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
