"""The role remove_replication, and reprotect of the failover role, without ansible-playbook: see role.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from tests.conftest import ROOT

from .hands import Hands, Stopped
from .role import Finding, candidates
from .stage import NAMES

# isort: split
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_reprotect import to_protect
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.removal import removal_hosts
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.removal_plan import removal_plan
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.removal_report import report
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.role_inputs import role_inputs

ROUNDS = 3
"""How often tasks/find.yml looks for further hosts."""


def removal_role(hands: Hands, on: str, **inputs: Any) -> None:
    """Run remove_replication on a host. Raises Stopped, with every VM that is left, where the role would fail."""
    try:
        told = _removed(hands, on, _inputs("remove_replication", "main", {"vms": NAMES, **inputs}))
    except ReplicaError as error:  # a filter fails
        raise Stopped(f"{', '.join(NAMES)}: {error}") from error
    if told["failures"]:
        raise Stopped("; ".join(told["failures"]))


def _removed(hands: Hands, on: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """tasks/run.yml of remove_replication: what it reports. Raises Stopped where it refuses before anything is done."""
    found: dict[str, Any] = {"ids": [], "missing": given["vms"]}
    readings, everyone = dict[str, Any](), given["hosts"] or candidates(hands)

    def read(hosts: Iterable[str]) -> None:
        asked = {"ids": found["ids"], "names": found["missing"]}
        asked = {name: list(vms) for name, vms in asked.items() if vms}
        for host in list(hosts) if asked else []:
            readings[host] = hands.information(host, **asked, gather=["relations", "disks", "cluster"])

    def plan(known: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return removal_plan(readings, on, given, found, known)

    read([on])
    for _unused in range(ROUNDS):
        everywhere = given["delete"] != "nothing"
        found = removal_hosts(readings, on, given["vms"], everyone, {}, everywhere, everyone)
        named = [host for host in [given["lives_on"]] if host and host not in readings]
        read(dict.fromkeys([*found["read"], *named]))
    first, done = plan(), list[dict[str, Any]]()
    if first["refused"]:
        raise Stopped("; ".join(f"{one['name']}: {one['reason']}" for one in first["refused"]))
    for stage in first["stages"]:
        read(readings)
        for call in plan(first["known"])["calls"]:
            if call["stage"] == stage:
                done.append({"ids": call["ids"], "result": _remove(hands, call)})
    if first["stages"]:
        read(readings)
    return report(first, plan(first["known"]), done, on, given)


def _remove(hands: Hands, call: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: call[name] for name in ("ids", "expected_host", "partner")}
    if call["stage"] in ("idle", "delete"):
        more = {name: call[name] for name in ("lives_on", "delete_files") if call[name]}
        state = "absent" if call["stage"] == "delete" else "idle"
        return hands.attempt("hyperv_replica_vm", call["host"], state=state, **given, **more)
    more = {"relationship": call["relationship"]} if call["relationship"] else {}
    return hands.attempt("hyperv_vm_replication", call["host"], state="absent", **given, **more)


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
