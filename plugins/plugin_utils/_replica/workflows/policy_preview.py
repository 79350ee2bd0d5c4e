# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the playbooks say before anything is done: which VMs could be protected, and what that means. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..base.partner_server import PartnerServer, read_server
from ..base.states import NONE
from ..base.units import size
from ..relation.settings import PORT_OF_TYPE
from .policy import Hosts, selected

_METHODS = {
    "network": "copy over the network",
    "external_media": "copy to external media",
    "existing_copy": "copy from what the replica's host has",
    "none": "no copy yet",
}


def candidates(vms: Iterable[Mapping[str, Any]]) -> list[str]:
    """Lines: the VMs of a host that are not protected, with their power, and those that are, with their state."""
    told = sorted(vms, key=lambda vm: str(vm["name"]).casefold())
    free = [vm for vm in told if vm["mode"] == NONE]
    rest = [vm for vm in told if vm["mode"] != NONE]
    lines = _table("Not protected", [(str(vm["name"]), str(vm["power"])) for vm in free])
    shown = [
        (str(vm["name"]), str(vm["power"]), f"{vm['mode']}, {vm['state']}", f"with {vm.get('partner') or 'unknown'}")
        for vm in rest
    ]
    return lines + _table("Protected already", shown)


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return [f"{title}: none"]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    cells = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [f"{title}: {len(rows)}", *(f"  {line.rstrip()}" for line in cells)]


def preview(tasks: Iterable[Mapping[str, Any]], hosts: Hosts) -> list[str]:
    """Lines: for each VM of the tasks what will be done, with the server, type, frequency, method and size to copy."""
    lines: list[str] = []
    for task in tasks:
        choice = {"vms": task.get("names"), "ids": task.get("ids")}
        paired = {record["id"] for record in task.get("partner") or () if selected(record, choice)}
        lines += [_line(vm, task) for vm in hosts.vms(hosts.me) if selected(vm, choice) or vm["id"] in paired]
    return lines


def _line(vm: Mapping[str, Any], task: Mapping[str, Any]) -> str:
    if vm["mode"] != NONE:
        return f"{vm['name']}: {vm['mode']} of {vm.get('partner')} already ({vm['state']}); its settings are enforced"
    server = task.get("replica_server") or _other(task)
    type_, port = _connection(task, read_server(task.get("partner_server")), str(server))
    every = f"every {task.get('frequency') or 300} s"
    method = _METHODS[task.get("initial_copy") or "network"]
    start = f", starting {task['initial_copy_start']}" if task.get("initial_copy_start") else ""
    return (
        f"{vm['name']} ({vm['power']}): to {server}, {type_} on port {port}, {every}, {method}{start},"
        f" {size(to_copy(vm), 'an unknown size')} to copy"
    )


def _other(task: Mapping[str, Any]) -> str:
    return next((str(name) for name in task.get("between") or () if name != task.get("first_primary")), "nobody")


def _connection(task: Mapping[str, Any], server: PartnerServer | None, name: str) -> tuple[str, str]:
    type_ = task.get("authentication") or (server.only_type if server else None)
    if type_ is None:
        return "no type given", "?"
    port = task.get("replica_port") or (server.port(type_, name) if server else None) or PORT_OF_TYPE[type_]
    return str(type_), str(port)


def to_copy(vm: Mapping[str, Any]) -> int | None:
    """Bytes in the files of the VM's disks; None when they were not read."""
    sizes = vm.get("disk_sizes")
    return None if sizes is None else sum(int(disk.get("file_size_bytes") or 0) for disk in sizes)


def to_confirm(tasks: Iterable[Mapping[str, Any]]) -> str:
    """What the operator types to confirm: the VM's name; for several the other host and their number (`hv-b 40`)."""
    told = list(tasks)
    vms = [str(vm) for task in told for vm in (*(task.get("names") or ()), *(task.get("ids") or ()))]
    if len(vms) == 1:
        return vms[0]
    hosts = dict.fromkeys(str(task["partner_host"]) for task in told if task.get("partner_host"))
    return " ".join([*hosts, str(len(vms))])
