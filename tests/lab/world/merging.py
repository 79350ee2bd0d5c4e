"""The reference point of a primary whose replication has ended: for a while its disks stand on an .avhdx."""

from __future__ import annotations

import ntpath
import uuid
from typing import TYPE_CHECKING

from .storage import Disk

if TYPE_CHECKING:
    from .host import Host
    from .vm import VM
    from .world import World

SMALL = 4 * 1024 * 1024


def merge_reference_point(world: World, host: Host, vm: VM) -> None:
    """Put the disks on an .avhdx until it is merged (observed by one project: the harsher reading)."""
    seconds = world.habits.reference_merge_seconds
    for disk in vm.disks if seconds > 0 else ():
        if not disk.pass_through and not disk.shared:
            _merge(world, host, disk, seconds)


def _merge(world: World, host: Host, disk: Disk, seconds: float) -> None:
    base, kind, parent = disk.path, disk.kind, disk.parent
    stem, extension = ntpath.splitext(base)
    disk.path = f"{stem}_{str(uuid.uuid5(uuid.NAMESPACE_URL, base)).upper()}.a{extension.lstrip('.')}"
    disk.kind, disk.parent = "Differencing", base
    above = disk.path
    host.files.write(above, SMALL)

    def merged() -> None:
        if disk.path == above:
            disk.path, disk.kind, disk.parent = base, kind, parent
        host.files.remove(above)

    world.clock.after(seconds, merged)
