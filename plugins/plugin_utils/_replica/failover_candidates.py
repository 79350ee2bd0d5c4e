# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The VMs of a host with what a failover could do for each, as lines for the operator. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .failover_acts import ACTS, possible
from .failover_proof import side_of
from .failover_states import NONE, PRIMARY, REPLICATING

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


def candidates(vms: Iterable[Mapping[str, Any]]) -> list[str]:
    """Two lines a VM that replicates: power, mode, state, health, partner; and what is possible next."""
    found = sorted((vm for vm in vms if vm["mode"] != NONE), key=lambda vm: str(vm["name"]).casefold())
    return [line for vm in found for line in _lines(vm)] or ["  no VM replicates here"]


def _lines(vm: Mapping[str, Any]) -> Iterable[str]:
    partner = vm["partner"] or "a host that is not known"
    yield f"  {vm['name']}: {vm['power']}, {vm['mode']}/{vm['state']}, {vm['health']}, with {partner}"
    points = len(vm.get("recovery_points") or ())
    told = [*_possible(vm), *([f"{points} recovery points"] if points else [])]
    yield f"    possible: {'; '.join(told) or 'nothing'}"


def _possible(vm: Mapping[str, Any]) -> list[str]:
    try:
        side = side_of(vm)
    except ValueError as error:
        return [str(error)]
    stoppable = side.mode == PRIMARY and side.state == REPLICATING
    return [ACTS[name].meaning for name in possible(side) if name in _SHOWN or (stoppable and name == "stop_guest")]
