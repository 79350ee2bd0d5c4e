# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The inputs of the failover role, typed already, as a run: what is wanted, how to go about it, and for whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...base.errors import PlanError
from ...base.names import is_one_of
from ...failover.point import read_point_wish
from .findings import FINDINGS

DECLARED = {"primary_is_dead": "dead", "primary_unusable": "unusable"}
_OPTIONS = (
    "shutdown",
    "shutdown_timeout",
    "wait_timeout",
    "patience",
    "order",
    "group_timeout",
    "on_failure",
    "unconnected_adapters",
    "certificate_thumbprint",
    "recovery_point",
    "recovery_point_time",
    "excluded_disks",
    "max_replication_age",
    "max_pending_bytes",
    "min_free_bytes",
)


def make_run(
    inputs: Mapping[str, Any],
    wish: str,
    targets: Sequence[str],
    partners: Mapping[str, Sequence[str]],
    reach: Sequence[str] | None = None,
    given: Mapping[str, Any] | None = None,
    found: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The run that `begin` takes. `wish` is planned, unplanned, cancel, commit, reverse or return_home.

    `reach` are the inventory hosts that the run may contact: what the job was limited to. None: all. `given` are the
    inputs that were not left out, as they came: the command for what is left repeats them. `found` is what the partners
    were found with (partners.py): further names of hosts, and Windows names that the inventory does not have.
    Raises PlanError for inputs that contradict each other.
    """
    _check(inputs, wish)
    declared = DECLARED.get(inputs["reason"] or "", "") if wish == "unplanned" else inputs["declared"] or ""
    return {
        "wish": {
            "wish": wish,
            "reverse": inputs["reverse"],
            "start": inputs["start"],
            "declared": declared,
            "shutdown": inputs["shutdown"] != "refuse",
            "turn_off": inputs["old_vm"] == "turn_off",
            "accept_loss": inputs["changes_since_failover"] == "discard",
            "fence": inputs["fence"],
            "discard": inputs["discard"] or "",
            "discard_saved": inputs["old_vm"] == "discard_saved_state",
            "accept": [str(name) for name in inputs.get("accept") or () if name not in FINDINGS],
        },
        "options": {
            **{name: inputs[name] for name in _OPTIONS},
            "goes_on": inputs["group_failure"] == "continue",
            **({"unconnected_adapters": "allow"} if "no_switch" in (inputs.get("accept") or ()) else {}),
        },
        "targets": list(targets),
        "reach": list(reach) if reach is not None else [*targets, *(h for hosts in partners.values() for h in hosts)],
        "partners": {name: list(hosts) for name, hosts in partners.items()},
        "accepted": [str(name) for name in inputs.get("accept") or ()],
        "names": dict((found or {}).get("names") or {}),
        "unknown": list((found or {}).get("unknown") or ()),
        "groups": groups_of(inputs),
        "to": inputs["to"] or ",".join(targets),
        "reason": inputs["reason"] if wish == "unplanned" else "",
        "given": dict(given or {}),
    }


def groups_of(inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The groups, in order; VMs that were given without groups are one. Raises PlanError."""
    groups, vms = inputs["groups"], inputs["vms"]
    if groups and vms:
        raise PlanError("vms and groups were both given. Name each VM once: in vms, or in a group.")
    if not groups and not vms:
        raise PlanError("no VMs were given. Name them in vms, or in groups.")
    found = groups or [{"name": "", "vms": vms}]
    for group in found:
        if not group["vms"]:
            raise PlanError(f"the group {group['name']} has no VMs.")
    return [{"name": str(group["name"]), "vms": list(dict.fromkeys(group["vms"]))} for group in found]


def _check(inputs: Mapping[str, Any], wish: str) -> None:
    if wish == "unplanned" and not inputs["reason"]:
        raise PlanError(
            "an unplanned failover loses data, and always needs its reason: primary_is_dead, or primary_unusable"
            " (the host answers, but its copy is not to be used)."
        )
    declarable = {"planned": "prepared", "cancel": "dead"}
    if inputs["declared"] and inputs["declared"] != declarable.get(wish):
        raise PlanError(
            f"declared is {inputs['declared']}. For a planned failover it can be prepared (its primary), to cancel one"
            " it can be dead (the host that it was to); else leave it out."
        )
    if wish != "unplanned" and inputs["reason"]:
        raise PlanError("reason belongs to an unplanned failover only. Leave it out.")
    point = inputs["recovery_point"] or inputs["recovery_point_time"]
    if point and wish != "unplanned":
        raise PlanError("a recovery point belongs to an unplanned failover: a planned one takes the newest data.")
    if inputs["recovery_point"] and inputs["recovery_point_time"]:
        raise PlanError("recovery_point and recovery_point_time were both given. Leave one of them out.")
    read_point_wish(inputs["recovery_point"], inputs["recovery_point_time"])


def check_names(raw: Mapping[str, Any], others: Sequence[str] = ()) -> None:
    """A host to lose a copy on, or to accept unread, that is no host of these VMs is a mistake. Raises PlanError.

    `others` are further hosts that have a copy, or are said to.
    """
    hosts = list(dict.fromkeys([*raw["targets"], *(h for hosts in raw["partners"].values() for h in hosts), *others]))
    discard = str(raw["wish"].get("discard") or "")
    if discard and discard not in hosts:
        raise PlanError(f"discard is {discard}, which is not one of {', '.join(hosts)}.")
    check_accepted(raw["wish"].get("accept") or (), [*hosts, *raw["partners"], *raw.get("unknown", ())])


def check_accepted(names: Iterable[object], known: Sequence[str]) -> None:
    """What is accepted is a finding, or one of the known hosts. Raises PlanError."""
    for name in map(str, names):
        if not (name in FINDINGS or name in known or is_one_of(name, known)):
            raise PlanError(
                f"accept has {name}, which is not a finding ({', '.join(FINDINGS)}) nor a host of these VMs"
                f" ({', '.join(known)})."
            )
