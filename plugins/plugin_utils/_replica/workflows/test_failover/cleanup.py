# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The end of test failovers: which test VMs are ended, what else stays, and what it came to. Pure.

A test VM is found by the relation of its replica, by id, never by its name. One that the relation has forgotten is met
in the field (observed behaviour, not documented): Stop-VMFailover does not end it, and without a test VM that cmdlet
undoes a real failover (Microsoft: Stop-VMFailover). So it is told, with what ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...base.command_line import command, typed_vm
from ...base.errors import PlanError
from ...base.states import FAILED_OVER, FAILED_OVER_STATES, REPLICA_MODES
from .plan import chosen, forgotten, is_asked

Record = Mapping[str, Any]


def cleanup(read: Any, vms: Iterable[str]) -> dict[str, Any]:
    """`ids` of the VMs that were asked for, and `lines` about what stays whatever is done. Raises PlanError.

    `read` holds relations and test_vms of all VMs of the host.
    """
    if not isinstance(read, Mapping) or read.get("vms") is None:
        raise PlanError(f"the host could not be read: {(read or {}).get('msg') or 'it gave no answer'}")
    asked = list(vms)
    missing = [vm for vm in asked if not any(is_asked(record, vm) for record in read["vms"])]
    if missing:
        raise PlanError(
            f"{read['inventory_host']} has no VM {', '.join(missing)}; a copy may have another name there than on its"
            " primary. Leave vms out for the list."
        )
    twins = [vm for vm in asked if sum(is_asked(record, vm) for record in read["vms"]) > 1]
    if twins:
        raise PlanError(
            f"{read['inventory_host']} has several VMs named {', '.join(twins)}. Give the id of the one that is meant."
        )
    return {"ids": [str(record["id"]) for record in chosen(read, asked)], "lines": list(orphans(read))}


def cleaned(before: Any, ended: Any, check: bool) -> list[str]:
    """A line a VM: what became of its test VM, from what was read before and what the module read back."""
    known = {str(record["id"]): record for record in (before or {}).get("vms") or ()}
    lines = []
    for record in (ended or {}).get("vms") or ():
        was = known.get(str(record["id"]), {})
        there = bool(record.get("test_vm"))
        lines.append(f"{record['name']}: {_told(was, there, check)}")
    return lines


def _told(was: Record, there: bool, check: bool) -> str:
    if was.get("test_vm") or there:
        return (
            "its test VM would be ended" if check else "its test VM is still there" if there else "its test VM is gone"
        )
    if was.get("mode") in REPLICA_MODES and was.get("state") in FAILED_OVER_STATES:
        host = was["inventory_host"]
        return (
            "there is no test VM of it. It is failed over to this host, which is no test, and that stays:"
            f" {ways_out(host, typed_vm(str(was['name']), str(was['id'])), str(was['state']))}"
        )
    return "there is no test VM of it"


def ways_out(host: str, vm: str, state: str) -> str:
    """The commands that end a real failover of a VM, as it is typed; one that is committed can only be kept."""
    given = {"failover_to": host, "vms": [vm], "confirm": vm}
    if state == FAILED_OVER:
        return f"protect it again with {command('reverse_replication', given)}"
    return (
        f"to keep it, {command('reverse_replication', given)}; to undo it, with what was written since,"
        f" {command('cancel_failover', given)}"
    )


def orphans(read: Record) -> Iterator[str]:
    """Lines: test VMs of a whole host that no relation knows of, and what ends them."""
    for test in read.get("test_vms") or ():
        if not (test.get("of") or {}).get("id"):
            yield f"LEFT BEHIND: {test['name']} ({test['id']}), {test['power']}: a test VM {forgotten(read)}"
    if read.get("test_vms") is None:
        yield "unknown: the test VMs of this host could not be read"
