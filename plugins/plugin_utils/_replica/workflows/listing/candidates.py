# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The VMs of a host with what is possible for each: lines for the operator, and the commands to type. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...base.acts import ACTS, possible
from ...base.command_line import command, typed_vm
from ...base.names import same_host
from ...base.proof import side_of
from ...base.replication_states import left_alone
from ...base.states import NONE, OFF, PREPARED, PRIMARY, REPLICATING, RUNNING, Side, power_may_run

Record = Mapping[str, Any]
Hosts = Mapping[str, str]
"""Inventory hosts by Windows name, as far as they are known without asking."""

_SHOWN = (
    "prepare",
    "fail_over",
    "reverse",
    "continue",
    "commit",
    "cancel_failover",
    "cancel_preparation",
    "start_test",
    "end_test",
)


def candidates(vms: Iterable[Record], host: str, to: str, hosts: Hosts) -> list[dict[str, Any]]:
    """What a host has that replicates: an entry a VM with its states, `possible`, operations of hyperv_recovery each
    with its command, and `lines`. `to` is what the operator calls the host, which may be a cluster.
    """
    there = sorted((vm for vm in vms if vm["mode"] != NONE), key=lambda vm: str(vm["name"]).casefold())
    return [_entry(vm, host, to if vm.get("clustered") else host, hosts) for vm in there]


def _entry(vm: Record, host: str, to: str, hosts: Hosts) -> dict[str, Any]:
    partner = vm["partner"] or "a host that is not known"
    points = len(vm.get("recovery_points") or ())
    states = f"{vm['mode']}/{vm['state']}"
    ways: list[dict[str, str]] = []
    try:
        side = side_of(vm)
        acts = _acts(side)
        asked = _commands(vm, side, host, to, hosts)
        ways = [{"operation": operation, "command": command(playbook, more)} for operation, playbook, more in asked]
    except ValueError as error:
        acts = [str(error)]
    told = "; ".join([*acts, *([f"{points} recovery points"] if points else [])]) or "nothing"
    return {
        "id": vm["id"],
        "name": vm["name"],
        "runs_on": [host] if power_may_run(str(vm["power"])) else [],
        "target_host": host,
        "other_host": _host(vm, hosts) or None,
        "target": f"{states}, {vm['power']}",
        "possible": ways,
        "lines": [
            f"  {vm['name']}: {vm['power']}, {states}, {vm['health']}, with {partner}",
            f"    possible: {told}",
            *(f"    {way['command']}" for way in ways),
        ],
    }


def _host(vm: Record, hosts: Hosts) -> str:
    """The inventory host of a VM's partner; "" where that is not known."""
    partner = str(vm["partner"] or "")
    return next((host for name, host in hosts.items() if partner and same_host(name, partner)), "")


def _acts(side: Side) -> list[str]:
    """What Windows allows from here, for people."""
    stoppable = side.mode == PRIMARY and side.state == REPLICATING
    return [ACTS[name].meaning for name in possible(side) if name in _SHOWN or (stoppable and name == "stop_guest")]


def _commands(vm: Record, side: Side, host: str, to: str, hosts: Hosts) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The operations that lead on from here: each with its playbook and the variables of that. None is confirmed: what
    has to be typed for that, the playbook says with its plan.
    """
    acts, whom = set(possible(side)), {"vms": typed_vm(str(vm["name"]), str(vm["id"]))}
    here, there = {"failover_to": to, **whom}, _host(vm, hosts)
    if "fail_over" in acts:
        yield "planned_failover", "planned_failover", here
        yield "unplanned_failover", "unplanned_failover", here
    if "reverse" in acts:
        yield "reverse_replication", "reverse_replication", here
    if "commit" in acts:
        yield "commit_failover", "commit_failover", here
    if "cancel_failover" in acts:
        yield "cancel_failover", "cancel_failover", here
    if there and side.mode == PRIMARY:
        yield from _of_primary(side, host, {"failover_to": there, **whom})
    if "start_test" in acts:
        yield "test_failover", "test_failover", {"test_on": host, **whom}
    if "end_test" in acts:
        yield "cleanup_test_failover", "cleanup_test_failover", {"test_on": host, **whom}
    state = left_alone(side.state)
    if "remove" in acts and (state is None or state.removable):
        yield "remove_replication", "remove_replication", {"remove_on": host, **whom}


def _of_primary(side: Side, host: str, away: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The same for a primary whose partner is in the inventory: away to that."""
    if side.state == REPLICATING and side.power in (RUNNING, OFF):
        yield "planned_failover", "planned_failover", dict(away)
        prepare = {"failover_from": host, **away, "stop_at": "prepared"}
        yield "prepare_failover", "planned_failover", prepare
    if side.state == PREPARED:
        yield "planned_failover", "planned_failover", dict(away)
        yield "cancel_failover", "cancel_failover", dict(away)
