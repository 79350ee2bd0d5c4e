# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which VMs a task means: names are literal, and one that fits two VMs or none is an error before anything is sent.

A VM is its id, and may have another name on the other host: a name is looked up on either side, and paired by id.
"""

from __future__ import annotations

from ..base.errors import OptionError
from ..base.identity import LOOK, not_meant
from ..base.names import is_one_of
from .have import Have
from .partner import other_of
from .want import ABSENT, TESTED, Want

NOT_HERE = "not here: "
"""Begins the subject of a VM that a play on both hosts does not find on the one that is to hold the replica."""


def check_host(want: Want, host: tuple[str, ...]) -> None:
    """Raise OptionError for another host than the task is for, for a host as its own replica, and for one that is
    neither of `between`.
    """
    elsewhere = not_meant(host[0], want.expected_host)
    if elsewhere:
        raise OptionError("expected_host", elsewhere, LOOK)
    if want.state != ABSENT and want.replica_server and is_one_of(want.replica_server, host):
        raise OptionError(
            "replica_server",
            f"{want.replica_server} is this host itself, and a host cannot be its own replica.",
            "Run the task on the VM's primary host, or name the other host.",
        )
    if want.between and other_of(want.between, host) is None:
        raise OptionError(
            "between",
            f"this host is {host[0]}, which is not one of {', '.join(want.between)}.",
            "Run the play on the two hosts that between names, with their Windows names.",
        )


def subjects(have: Have, want: Want) -> tuple[str, ...]:
    """Ids of the VMs in the order asked for; "" for the host itself where no VM is asked about."""
    if want.state == TESTED and not want.vms.names and not want.vms.ids:
        return ("",)
    found = [_by_name(have, want, name) for name in want.vms.names or ()]
    found += [vm_id if vm_id in have.vms else _missing(have, want, "ids", vm_id) for vm_id in want.vms.ids or ()]
    return tuple(dict.fromkeys(found))


def _by_name(have: Have, want: Want, name: str) -> str:
    there = want.ids_there(name)
    fits = [vm for vm in have.vms.values() if vm.name.casefold() == name.casefold() or vm.id in there]
    if len(fits) > 1:
        listed = ", ".join(sorted(vm.id if vm.name == name else f"{vm.id} (here {vm.name})" for vm in fits))
        where = "here or on the other host" if there else f"of {have.host}"
        problem = f"{len(fits)} VMs {where} are named {name}: {listed}."
        raise OptionError("names", problem, "Give the id of the one that is meant, in ids.")
    return fits[0].id if fits else _missing(have, want, "names", name)


def _missing(have: Have, want: Want, option: str, asked: str) -> str:
    """The subject of a VM that may be missing. Raises OptionError for one that may not."""
    if want.between and not is_one_of(want.first_primary, have.host_names):
        return NOT_HERE + asked
    owner = have.owners.get(asked.casefold())
    if owner and not is_one_of(owner, have.host_names):
        raise OptionError(
            option, f"{asked} is not on {have.host}: its cluster runs it on {owner}.", f"Run the task on {owner}."
        )
    literal = " Names are taken literally; * and ? stand for themselves." if set(asked) & set("*?[") else ""
    raise OptionError(
        option,
        f"{have.host} has no VM {asked}.{literal}",
        "Give the name as Hyper-V shows it. On a cluster the VM may be on another node.",
    )
