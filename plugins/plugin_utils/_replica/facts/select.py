# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which of the VMs that were read an information task asked for, and which of those asked for are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..base.errors import OptionError
from ..base.names import same_host
from .scope import REPLICATING, Filters, Wanted

Record = Mapping[str, Any]


def find_missing(want: Wanted, names: Mapping[str, str], host: str) -> tuple[str, ...]:
    """Names and ids that no VM of the host has (`names` by id). A name is taken literally, without case.

    Raises OptionError for a name that fits two VMs, and for one that fits none unless missing ones are to be reported.
    """
    by_name: dict[str, list[str]] = {}
    for vm, name in names.items():
        by_name.setdefault(name.casefold(), []).append(vm)
    asked = want.selection.names or ()
    for name in asked:
        found = by_name.get(name.casefold(), [])
        if len(found) > 1:
            problem = f"{len(found)} VMs of {host} are named {name}: {', '.join(sorted(found))}."
            raise OptionError("names", problem, "Give the id of the one that is meant, in ids.")
    missing_names = [name for name in asked if name.casefold() not in by_name]
    missing_ids = [vm for vm in want.selection.ids or () if vm not in names]
    if not want.report_missing:
        _refuse(missing_names, "names", host)
        _refuse(missing_ids, "ids", host)
    return (*missing_names, *missing_ids)


def _refuse(missing: list[str], option: str, host: str) -> None:
    if not missing:
        return
    literal = " Names are taken literally; * and ? stand for themselves." if _has_pattern(missing) else ""
    advice = "Leave the option out to get all VMs of the host, or give missing=report to have these listed."
    raise OptionError(option, f"{host} has no VM {', '.join(missing)}.{literal}", advice)


def _has_pattern(names: Iterable[str]) -> bool:
    return any(set(name) & set("*?[") for name in names)


def chooser(want: Wanted) -> Callable[[Record], bool]:
    """Whether a record is wanted: asked for by name or id (if any was), and fitting the filters.

    VMs without replication come when they were asked for by name or id, or with `unprotected`, whatever the filters on
    relations say; a filter that is given, without `unprotected`, leaves them out.
    """
    names = frozenset(name.casefold() for name in want.selection.names or ())
    ids = frozenset(want.selection.ids or ())
    filters, filtered = want.filters, want.filters != Filters()

    def wanted(vm: Record) -> bool:
        if want.named and vm["id"] not in ids and str(vm["name"]).casefold() not in names:
            return False
        if vm["mode"] in REPLICATING:
            return not filtered or _fits(vm, filters)
        if vm["mode"] in filters.modes:
            return True
        return (want.named and not filtered) or (want.unprotected and vm["mode"] == "None")

    return wanted


def _fits(vm: Record, filters: Filters) -> bool:
    """One of the relations fits every filter; a VM whose relations are unknown is kept where its mode fits."""
    if vm["relations"] is None:
        return not filters.modes or vm["mode"] in filters.modes
    return any(_leg_fits(leg, filters) for leg in vm["relations"])


def _leg_fits(leg: Record, filters: Filters) -> bool:
    return (
        (not filters.modes or leg["mode"] in filters.modes)
        and (not filters.states or leg["state"] in filters.states)
        and (not filters.healths or leg["health"] in filters.healths)
        and (not filters.partners or any(same_host(h, p) for h in _partners(leg) for p in filters.partners))
    )


def _partners(leg: Record) -> tuple[str, ...]:
    """The other side's names: the connection point, and on a cluster also the node that holds the replica."""
    sends = leg["partner"] == leg["replica_server"]
    names = (leg["partner"], leg["current_replica_server"] if sends else None)
    return tuple(name for name in names if name)
