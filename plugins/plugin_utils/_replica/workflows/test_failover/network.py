# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a test VM is isolated: what its adapters hang on, or will. Pure.

A test VM is connected to the test switch of each adapter and to nothing where there is none. An external switch reaches
the real network; the production switch reaches the VM that is tested (Microsoft: Set-VMNetworkAdapter).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...base.states import RUNNING, power_may_run
from ...base.values import same_text
from ...network.options import EXTERNAL_TEST, PRODUCTION_TEST


def kinds_of(read: Mapping[str, Any]) -> dict[str, str]:
    """Types of the host's switches by name, as hyperv_replication_info gives them."""
    return {str(switch["name"]): str(switch["type"]) for switch in read.get("switches") or ()}


def isolation_problem(
    switch: str | None, production: Iterable[str | None], kinds: Mapping[str, str], allow: Iterable[str]
) -> str:
    """Why a test VM on that switch would not be isolated; "" when it is, or when it was allowed by name."""
    if not switch:
        return ""
    kind = next((kind for name, kind in kinds.items() if same_text(name, switch)), None)
    if kind is None:
        known = ", ".join(f"{name} ({kind})" for name, kind in kinds.items()) or "none"
        return f"this host has no switch {switch}; it has: {known}"
    if any(same_text(switch, name) for name in production if name) and PRODUCTION_TEST not in allow:
        return f"{switch} is its production switch, where it would meet the live VM. Give another, or allow it"
    if kind.casefold() == "external" and EXTERNAL_TEST not in allow:
        return f"{switch} is external, so it would be on the real network. Give an isolated one, or allow it"
    return ""


def isolation(vms: Iterable[Mapping[str, Any]], made: Any, read: Any, allow: Iterable[str]) -> dict[str, Any]:
    """Which test VMs may be started, by what they are really connected to now.

    `vms` is the plan's, `made` the result of hyperv_failover with the test VMs, `read` what hyperv_replication_info
    says of them. Gives `ids` (of the replicas), `tests` (the id of each one's test VM) and `problems` by replica id.
    A test VM that runs already, on a switch that it should not be on, is a problem too.
    """
    allowed = frozenset(allow)
    tests = test_vms(vms, made)
    shown = {str(record["id"]): record for record in (read or {}).get("vms") or ()}
    kinds, problems = kinds_of(read or {}), {}
    for vm in vms:
        if vm["id"] in tests:
            problems[vm["id"]] = _problem(vm, shown.get(tests[vm["id"]]), kinds, allowed)
    return {
        "tests": tests,
        "ids": [vm_id for vm_id, problem in problems.items() if not problem],
        "problems": {vm_id: problem for vm_id, problem in problems.items() if problem},
    }


def test_vms(vms: Iterable[Mapping[str, Any]], made: Any) -> dict[str, str]:
    """Ids of the test VMs by the ids of their replicas, as far as they are there."""
    wanted = {vm["id"] for vm in vms}
    found = {str(vm["id"]): (vm.get("test_vm") or {}).get("id") for vm in (made or {}).get("vms") or ()}
    return {vm_id: str(test) for vm_id, test in found.items() if test and vm_id in wanted}


def _problem(
    vm: Mapping[str, Any], test: Mapping[str, Any] | None, kinds: Mapping[str, str], allow: frozenset[str]
) -> str:
    if test is None or test.get("adapters") is None:
        return "its test VM, or what that is connected to, could not be read, so it is not started"
    for adapter in test["adapters"]:
        problem = isolation_problem(adapter["switch"], vm["production_switches"], kinds, allow)
        if problem:
            power = str(test["power"])
            runs = "RUNS" if power == RUNNING else f"MAY RUN ({power})"
            state = runs if power_may_run(power) else "is not started"
            return f"its test VM {state}, connected by {adapter['name']} to {adapter['switch']}: {problem}"
    return ""
