# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which options of hyperv_vm_replication go together: every check is one sentence to the operator.

What only the host can tell (its own name, its disks, the stored relation) is checked where that is read.
"""

from __future__ import annotations

from ..base import names
from ..base.errors import OptionError
from ..base.replication_states import RESYNCHRONIZE
from ..facts import disks
from .want import (
    ABSENT,
    CANCEL_COPY,
    CANCEL_RESYNC,
    EXISTING,
    MEDIA,
    NETWORK,
    NO_COPY,
    PRESENT,
    RESYNCHRONIZE_NOW,
    TESTED,
    Want,
)


def check(want: Want) -> None:
    """Raise OptionError for the first thing that cannot be meant.

    What `absent` does not need is superfluous beside it and not wrong: the same variables may say present today.
    """
    _check_selection(want)
    _check_acts(want)
    if want.state == ABSENT:
        return
    _check_certificate(want)
    _check_points(want)
    _check_window(want)
    _check_between(want)
    _check_copy(want)
    _check_extended(want)
    _check_side(want)


def _check_selection(want: Want) -> None:
    if want.state == TESTED:
        if want.replica_server is None and not want.vms.names and not want.vms.ids:
            raise OptionError(
                "replica_server", "there is nothing to test.", "Give replica_server, or VMs by names or ids."
            )
        return
    if not want.vms.names and not want.vms.ids:
        raise OptionError("names", "no VM was named.", "Give the VMs by names or by ids.")


def _check_certificate(want: Want) -> None:
    """The type and the thumbprint belong together, also where each host has its own."""
    type_ = want.settings.get("authentication")
    bare = want.settings.get("certificate_thumbprint")
    own = [values.settings.get("certificate_thumbprint") for values in want.per_host.values()]
    if type_ == "kerberos" and (bare or any(own)):
        raise OptionError(
            "certificate_thumbprint",
            "Kerberos uses no certificate.",
            "Leave it out, or say authentication: certificate.",
        )
    if type_ == "certificate" and not bare and not (own and all(own)):
        raise OptionError(
            "certificate_thumbprint",
            "authentication: certificate needs one.",
            "Give this host's own thumbprint, or 'auto'"
            + (" (with between: for each host under per_host, or 'auto')." if want.between else "."),
        )


def _check_points(want: Want) -> None:
    hours, history = want.settings.get("app_consistent_hours"), want.settings.get("recovery_history")
    if hours and history == 0:
        raise OptionError(
            "app_consistent_hours",
            f"every {hours} hours needs recovery points, and recovery_history is 0.",
            "Give recovery_history of 1 to 24, or app_consistent_hours: 0.",
        )


def _check_window(want: Want) -> None:
    """Half a window leaves it to chance what the other half is: what was stored, or what Windows takes by itself."""
    ends = ("auto_resynchronize_from", "auto_resynchronize_until")
    given = [name for name in ends if want.settings.get(name) is not None]
    if len(given) == 1:
        missing = next(name for name in ends if name not in given)
        raise OptionError(given[0], f"{missing} is missing.", f"Give both ends of the window, {' and '.join(ends)}.")


def _check_between(want: Want) -> None:
    if not want.between:
        if want.per_host:
            raise OptionError("per_host", "it is for plays on both hosts.", "Give between, or the values as they are.")
        return
    if not names.is_one_of(want.first_primary or "", want.between):
        problem = f"'{want.first_primary}' is not one of {', '.join(want.between)}."
        raise OptionError("first_primary", problem, "Give the host that runs the VMs when they are first protected.")
    for host in want.per_host:
        if not names.is_one_of(host, want.between):
            problem = f"'{host}' is not one of {', '.join(want.between)}."
            raise OptionError("per_host", problem, "Give the names as between has them.")
    _check_bare(want)


def _check_bare(want: Want) -> None:
    """With `between` a value that is right on one host only must say for which (L10)."""
    bare = [
        name for name in ("replica_port", "certificate_thumbprint") if want.settings.get(name) not in (None, "auto")
    ]
    if bare:
        raise OptionError(
            bare[0],
            "it holds for one host, and between means both.",
            f"Give it under per_host for each host{'' if bare[0] == 'replica_port' else ', or auto'}.",
        )
    paths = disks.bare_paths(want.disks)
    if paths:
        raise OptionError(
            "excluded_disks" if set(paths) & set(want.disks.excluded) else "disks",
            f"the path {paths[0]} holds for one host, and between means both.",
            "Name the disk by its place (SCSI 0:1), or give the paths under per_host for each host.",
        )


def _check_copy(want: Want) -> None:
    if want.copy_start and want.copy not in (None, NETWORK):
        raise OptionError(
            "initial_copy_start",
            f"initial_copy: {want.copy} cannot be scheduled.",
            "Leave the start out, or copy over the network.",
        )
    if want.copy == MEDIA and not want.copy_path:
        what = "the folder that holds the exported VM" if want.side == "replica" else "a folder to export to"
        raise OptionError("initial_copy_path", "initial_copy: external_media needs one.", f"Give {what}.")
    if want.copy_path and want.copy != MEDIA:
        raise OptionError(
            "initial_copy_path",
            "it is used with initial_copy: external_media only.",
            "Leave it out, or say initial_copy: external_media.",
        )
    if want.copy_start and want.wait:
        raise OptionError("wait", "a scheduled copy is not waited for.", "Leave out wait, or initial_copy_start.")


def _check_extended(want: Want) -> None:
    if want.relationship != "Extended":
        return
    if want.settings.get("frequency") == 30:
        raise OptionError("frequency", "an extended replication cannot run every 30 seconds.", "Give 300 or 900.")
    if want.settings.get("app_consistent_hours"):
        raise OptionError(
            "app_consistent_hours",
            "an extended replication takes no application-consistent points of its own.",
            "Leave it out; those of the first replica are carried on.",
        )
    if want.disks.said:
        raise OptionError("disks", "an extended replication carries all disks of the first.", "Leave the disks out.")
    if want.copy == EXISTING or want.between or want.side:
        option = "between" if want.between else "side" if want.side else "initial_copy"
        raise OptionError(option, "it cannot be used with relationship: extended.", "Leave it out.")


def _check_side(want: Want) -> None:
    if want.side != "replica":
        if want.allowed_primary_server:
            raise OptionError(
                "allowed_primary_server", "it belongs to the replica's side.", "Say side: replica, or leave it out."
            )
        return
    given = [*want.settings] + (["disks"] if want.disks.said else [])
    if want.state == PRESENT and (given or want.names_partner):
        option = "replica_server" if want.replica_server else "between" if want.between else given[0]
        raise OptionError(
            option,
            "with side: replica it has no meaning, because settings are kept by the primary's side.",
            "Give it in the task for the primary's host.",
        )
    if want.recover == RESYNCHRONIZE:
        raise OptionError("recover", "a resynchronization starts at the primary.", "Leave out side: replica.")
    if want.copy == NETWORK:
        raise OptionError("initial_copy", "a copy over the network starts at the primary.", "Leave out side: replica.")


def _check_acts(want: Want) -> None:
    if want.acts and want.state != PRESENT:
        raise OptionError("acts", f"they do not go with state: {want.state}.", "Give them in a task of their own.")
    for act in (RESYNCHRONIZE_NOW, CANCEL_RESYNC):
        if act in want.acts and (want.suspended or want.recover or want.side == "replica"):
            raise OptionError(
                "acts",
                f"{act} does not go with suspended: true, recover or side: replica.",
                "Give it in a task of its own, on the primary's host.",
            )
    if CANCEL_RESYNC in want.acts and (want.wait or RESYNCHRONIZE_NOW in want.acts):
        raise OptionError("acts", f"{CANCEL_RESYNC} does not go with wait or {RESYNCHRONIZE_NOW}.", "Leave one out.")
    if CANCEL_COPY in want.acts and (want.wait or want.copy not in (None, NO_COPY)):
        raise OptionError("acts", f"{CANCEL_COPY} and a wanted copy exclude each other.", "Leave one of them out.")
