# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The resource of hyperv_replica_vm: what becomes of the idle copy of a VM whose replication ends.

It is kept from starting with its host, or deleted. Both only for a copy that is Off and certainly not the live one: a
replica that is not failed over, or a VM whose other copy lives elsewhere, by what that host answered. Files go before
the VM, so that a run that was cut off still finds in the VM which they were. Sources:
https://learn.microsoft.com/powershell/module/hyper-v/remove-vmreplication (VM and disks stay), set-vm, remove-vm. That
Remove-VM may write an error after it has removed the VM, and that disks stand on an .avhdx for a while after a
replication has ended, is observed behaviour, not documented: what counts is what is read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..base.errors import OptionError, ReplicaError, UnexpectedOutput
from ..base.identity import LOOK, not_meant
from ..base.names import host_name
from ..base.pipeline import Command, Pipeline, Statement, vm_by_id
from ..base.proof import side_of
from ..base.properties import select
from ..base.session import Output
from ..base.states import NO_START, NONE, OFF, PRIMARY, REPLICA_MODES, SAVED, Side
from ..base.values import path_key, same_text
from ..engine.plan import Decision, Done, Refused, Resource, Step, Wait
from ..facts.scope import Wanted
from ..facts.unreadable import CannotRead
from ..facts.vms import parse_vms, query_vms
from .options import ABSENT, IDLE, RULES, SPEC, Want, merged, read_want
from .proof import not_elsewhere


@dataclass(frozen=True)
class Copy:
    """One VM of this host. `paths` are its disks' files, `checkpoints` their number."""

    id: str
    name: str
    side: Side
    start_action: str
    clustered: bool
    paths: frozenset[str] = frozenset()
    checkpoints: int = 0


@dataclass(frozen=True)
class Have:
    """What the host said, and when. `owners` are ids of the VMs that use a file, `files` tell whether one is there.

    Paths are in the form of path_key.
    """

    host: str
    read_at: datetime
    copies: Mapping[str, Copy] = field(default_factory=dict)
    owners: Mapping[str, frozenset[str]] = field(default_factory=dict)
    files: Mapping[str, bool] = field(default_factory=dict)


def _wanted(want: Want) -> Wanted:
    return Wanted(gather=(), selection=want.vms, report_missing=want.state == ABSENT)


def query(want: Want) -> Pipeline:
    """Everything in one pipeline: the VMs; to delete them, also the files of all VMs and the checkpoints of these."""
    return query_vms(_wanted(want)) + Pipeline.of(*_more(want))


def _more(want: Want) -> Iterator[Statement]:
    if want.state == ABSENT:
        yield Command("Get-VM") | Command("Get-VMHardDiskDrive") | select("HardDiskDrive", "VMId", "Path")
        for by, values in (("Name", want.vms.names), ("Id", want.vms.ids)):
            if values:
                chosen = Command("Where-Object", {"Property": by, "In": True, "Value": list(values)})
                yield Command("Get-VM") | chosen | Command("Get-VMSnapshot") | select("VMSnapshot", "VMId", "Id")
    if want.files:
        yield Statement((Command("Test-Path", {"LiteralPath": list(want.places), "PathType": "Leaf"}),))


def parse(output: Output, want: Want) -> Have:
    """What the host said. Raises CannotRead for a read that failed, OptionError for another host than the task is for,
    and for a file of none of the VMs.
    """
    _check_host(output, want)
    vms = parse_vms(output, _wanted(want))
    if vms.unreadable or vms.records is None:
        raise CannotRead(vms.host or "", vms.unreadable, vms.names)
    owners: dict[str, set[str]] = {}
    for row in output.of_type("HardDiskDrive"):
        if row.properties.get("Path"):
            owners.setdefault(path_key(row.properties["Path"]), set()).add(str(row.properties["VMId"]).lower())
    checkpoints = [str(row.properties["VMId"]).lower() for row in output.of_type("VMSnapshot")]
    have = Have(
        host=str(vms.host),
        read_at=want.clock(),
        copies={r["id"]: _copy(r, owners, checkpoints) for r in vms.records},
        owners={path: frozenset(found) for path, found in owners.items()},
        files=_files(output, want),
    )
    _check_files(have, want)
    return have


def _check_host(output: Output, want: Want) -> None:
    for row in output.of_type("VMHost"):
        elsewhere = not_meant(host_name(row.properties), want.expected_host)
        if elsewhere:
            raise OptionError("expected_host", elsewhere, LOOK)


def _copy(record: Mapping[str, Any], owners: Mapping[str, set[str]], checkpoints: Iterable[str]) -> Copy:
    try:
        side = side_of(record)
    except ValueError as error:
        raise ReplicaError(f"{record['host']}: {error}") from None
    return Copy(
        id=str(record["id"]),
        name=str(record["name"]),
        side=side,
        start_action=str(record["automatic_start_action"]),
        clustered=bool(record["clustered"]),
        paths=frozenset(path for path, vms in owners.items() if record["id"] in vms),
        checkpoints=sum(vm == record["id"] for vm in checkpoints),
    )


def _files(output: Output, want: Want) -> dict[str, bool]:
    """Answers come in the order of the question."""
    if not want.files:
        return {}
    answers = [row.text for row in output.of_type("Boolean")]
    if len(answers) != len(want.places):
        raise UnexpectedOutput("Test-Path", f"{len(answers)} answers for {len(want.places)} paths.")
    return {path_key(path): same_text(answer, "True") for path, answer in zip(want.places, answers, strict=True)}


def _check_files(have: Have, want: Want) -> None:
    """Refuse a file of none of the VMs. What is being merged is still there for a while, and its disk elsewhere."""
    merging = {merged(path) for copy in have.copies.values() for path in copy.paths}
    for path in want.files:
        here = have.files[path_key(path)] and merged(path_key(path)) not in merging
        if here and not have.owners.get(path_key(path), frozenset()) & have.copies.keys():
            raise OptionError(
                "delete_files",
                f"{path} is there, and is a disk of none of these VMs.",
                "Only disks that a VM of this task uses are deleted with it. Look at it, and delete it by hand.",
            )


def subjects(have: Have, want: Want) -> tuple[str, ...]:
    """Ids of the VMs; the name that was asked for stands for one that is not there."""
    by_name = {copy.name.casefold(): copy.id for copy in have.copies.values()}
    asked = [by_name.get(name.casefold(), name) for name in want.vms.names or ()] + list(want.vms.ids or ())
    return tuple(dict.fromkeys(asked))


def decide(have: Have, want: Want, subject: str, sent: frozenset[str]) -> Decision:
    """The next step for the copy of that id."""
    copy = have.copies.get(subject)
    if copy is None:
        return Done("it is not there")
    problem = _maybe_live(have, want, copy) or (_undeletable(have, copy, want) if want.state == ABSENT else "")
    if want.state == IDLE and not problem and copy.start_action == NO_START:
        return Done("it does not start with its host")
    if problem:
        return Refused(f"{copy.name} on {have.host}: {problem}")
    return _keep_from_starting(copy) if want.state == IDLE else _delete(have, want, copy)


def _maybe_live(have: Have, want: Want, copy: Copy) -> str:
    """Why this copy is, or may be, the live one; "" when it certainly is not."""
    side = copy.side
    if side.power != OFF:
        return f"it is {side.power}, so it may be the live one. Only a copy that is Off is idle.{_saved(side)}"
    if side.mode == PRIMARY:
        return "it is the primary, the live one. The idle copy is on the other host."
    if side.failed_over:
        return f"it is failed over ({side}), so it may be the live one. Reverse or cancel the failover first."
    if side.mode in REPLICA_MODES:
        return ""
    if side.mode != NONE:
        return f"it is {side}, which is not an idle copy."
    return not_elsewhere(have.host, have.read_at, want, copy.id)


def _saved(side: Side) -> str:
    if side.power != SAVED:
        return ""
    return (
        " If it is the older copy, end its saved state (Remove-VMSavedState), and what its memory held is lost. Do not"
        " start it: that would make a second live VM."
    )


def _undeletable(have: Have, copy: Copy, want: Want) -> str:
    if copy.side.mode != NONE:
        return f"it is {copy.side}: end its replication first (hyperv_vm_replication with state: absent)."
    if copy.clustered:
        return "it is a role of a cluster: remove that role first (Remove-ClusterGroup), then run this again."
    files = _own_files(have, want, copy)
    if files and copy.checkpoints:
        return f"it has {copy.checkpoints} checkpoints, whose files would be left behind. Remove those first."
    shared = [path for path in files if len(have.owners[path_key(path)]) > 1]
    return f"{shared[0]} is a disk of another VM too." if shared else ""


def _own_files(have: Have, want: Want, copy: Copy) -> list[str]:
    """The files to delete that are there and are disks of this VM."""
    return [path for path in want.places if path_key(path) in copy.paths and have.files.get(path_key(path))]


def _keep_from_starting(copy: Copy) -> Step:
    command = Command("Set-VM", {"AutomaticStartAction": NO_START, "Confirm": False})
    return Step("idle", vm_by_id(copy.id) | command, "keep the idle copy from starting with its host", copy.id)


def _delete(have: Have, want: Want, copy: Copy) -> Step | Wait:
    merging = sorted(path for path in copy.paths if merged(path) != path) if want.files else ()
    if merging:
        return Wait(
            f"the merge of {merging[0]} on {have.host}, as after a replication has ended. If it does not end, merge"
            " that disk by hand"
        )
    files = _own_files(have, want, copy)
    if files:
        command = Command("Remove-Item", {"LiteralPath": files, "Confirm": False})
        return Step("delete_files", Statement((command,)), "delete its disks' files, as asked by name", copy.id)
    # -Force is "without asking for confirmation" (Microsoft: Remove-VM): here it was given by name.
    command = Command("Remove-VM", {"Force": True, "Confirm": False})
    return Step("delete_vm", vm_by_id(copy.id) | command, "delete the idle copy, as asked by name", copy.id)


def predict(have: Have, want: Want, step: Step) -> Have:
    """What the host will say when the step has settled."""
    copy = have.copies[step.subject]
    if step.stage == "idle":
        return replace(have, copies={**have.copies, copy.id: replace(copy, start_action=NO_START)})
    if step.stage == "delete_files":
        gone = {path_key(path) for path in step.statement.commands[-1].parameters["LiteralPath"]}
        return replace(have, files={path: there and path not in gone for path, there in have.files.items()})
    return replace(have, copies={vm: one for vm, one in have.copies.items() if vm != copy.id})


def record(have: Have, want: Want, subject: str) -> dict[str, Any]:
    """The result of one VM, from what was read."""
    copy = have.copies.get(subject)
    if copy is None:
        return {"id": subject, "name": None, "host": have.host, "present": False}
    return {
        "id": copy.id,
        "name": copy.name,
        "host": have.host,
        "present": True,
        "power": copy.side.power,
        "mode": copy.side.mode,
        "state": copy.side.state,
        "automatic_start_action": copy.start_action,
        "files": sorted(_own_files(have, want, copy)),
    }


REPLICA_VM: Resource[Have, Want] = Resource(
    name="hyperv_replica_vm",
    spec=SPEC,
    rules=RULES,
    read_options=read_want,
    query=query,
    parse=parse,
    subjects=subjects,
    decide=decide,
    predict=predict,
    record=record,
)
