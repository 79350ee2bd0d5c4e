# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What refuses no VM of a planned failover and is told all the same, before anything is done. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ...base.states import EXTENDED, RUNNING
from ...base.units import size
from ...base.values import number
from .look import Run


def warnings_of(run: Run) -> Iterable[str]:
    """Sentences for the operator, from what both hosts say before anything is done."""
    yield from _not_read(run)
    yield from _memory(run)
    yield from _unknown_space(run)
    yield from _from_third_sites(run)


def _not_read(run: Run) -> Iterable[str]:
    """A warning for candidates that no relation names and that were not read: whether they have a copy is not known."""
    partners = (host for hosts in run.sight.partners.values() for host in hosts)
    holders = (host for hosts in run.raw["holders"].values() for host in hosts)
    named = {*run.sight.targets, *partners, *holders}
    for host in run.sight.readings:
        if host not in named and run.sight.records(host) is None:
            told = str((run.sight.readings[host] or {}).get("msg") or "it gave no answer").strip()
            yield f"{host} was asked for copies of these VMs and could not be read: {told}"


def _memory(run: Run) -> Iterable[str]:
    """A warning where the VMs of the run need more memory than a host seems to have. Windows knows no exact number."""
    for host in run.sight.targets:
        free = number(((run.sight.readings.get(host) or {}).get("host") or {}).get("memory_free_estimate_bytes"))
        coming = [s.record for s in run.seen.values() if s.here == host and s.record and s.record["power"] != RUNNING]
        need = sum(number(record.get("memory_startup_bytes")) or 0 for record in coming)
        if free is not None and need > free and run.wish.goal.start:
            yield f"{host}: the VMs need {size(need)} to start, and about {size(free)} are free: some may not start"


def _unknown_space(run: Run) -> Iterable[str]:
    """A warning for the folders of which no volume with a letter tells the free space."""
    folders: dict[str, list[str]] = {}
    for seen in run.seen.values():
        for disk in (seen.record or {}).get("disks") or ():
            path = str(disk["path"])
            if run.wish.goal.wish == "planned" and on_a_cluster_volume(path):
                folders.setdefault("\\".join(path.split("\\")[:3]), []).append(seen.name)
    for folder, names in folders.items():
        vms = ", ".join(dict.fromkeys(names))
        yield f"how much is free on {folder} is not known: look at it yourself, the undo data of {vms} grows there"


def on_a_cluster_volume(path: str) -> bool:
    """Cluster volumes are mounted below this folder, and are not the drive that it is on."""
    return path[2:].casefold().startswith("\\clusterstorage\\")


def _from_third_sites(run: Run) -> Iterable[str]:
    """Whether Windows reverses from a third site is not documented; when it refuses, nothing protects the VM there."""
    goal = run.wish.goal
    for seen in run.seen.values() if goal.wish == "planned" and goal.reverse else ():
        if seen.pair.target is not None and seen.pair.target.mode == EXTENDED:
            yield (
                f"{seen.name}: {seen.here} is its third site, and Windows may refuse to reverse from there: it would"
                " run unprotected then, until reprotect gives it a new replica host"
            )
