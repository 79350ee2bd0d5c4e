# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""hyperv_replication_info: what a host says of its VMs, their replication, and itself.

`gather` is the whole module as a generator: it yields requests, one a kind, and takes their answers; it returns the
result. Knows no session and no Ansible. A part that cannot be read is an error, or is listed as unreadable when that
was asked for; it is never empty.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..base.errors import UnexpectedOutput
from ..base.option_groups import VM_SELECTION, VMSelection
from ..base.pipeline import Pipeline
from ..base.replication_states import STATES, UNKNOWN_STATES
from ..base.session import Output
from ..base.values import time_text
from .clock import READ_CLOCK, UNKNOWN, other_errors, read_clock
from .scope import REPLICATING, Filters, Scope, Wanted
from .section import Answer, HostKind, Unknown, VMKind
from .sections import ALL, HOST_KINDS, KINDS, VM_KINDS
from .unreadable import CannotRead, Unreadable, by_owner, path_keys, problem_of
from .vms import KIND as RELATIONS
from .vms import VMs, parse_vms, query_vms

REPORT = "report"
STATE_CHOICES = [*(code for code in STATES if code != "Disabled"), *UNKNOWN_STATES]
SPEC: Mapping[str, Any] = {
    **VM_SELECTION,
    "gather": {"type": "list", "elements": "str", "choices": [ALL, *KINDS], "default": [RELATIONS]},
    "modes": {"type": "list", "elements": "str", "choices": [*REPLICATING, "TestReplica"]},
    "states": {"type": "list", "elements": "str", "choices": STATE_CHOICES},
    "healths": {"type": "list", "elements": "str", "choices": ["NotApplicable", "Normal", "Warning", "Critical"]},
    "partners": {"type": "list", "elements": "str"},
    "unprotected": {"type": "bool", "default": False},
    "missing": {"type": "str", "choices": ["error", REPORT], "default": "error"},
    "unreadable": {"type": "str", "choices": ["error", REPORT], "default": "error"},
}


@dataclass(frozen=True)
class Request:
    """A pipeline to run, and the kind that its answer is."""

    kind: str
    pipeline: Pipeline


Gathering = Generator[Request, Output, dict[str, Any]]


def read_options(options: Mapping[str, Any]) -> Wanted:
    """The options as values. Raises OptionError."""
    asked = options["gather"]
    return Wanted(
        gather=tuple(kind for kind in KINDS if ALL in asked or kind in asked),
        selection=VMSelection.of(options),
        filters=Filters(
            modes=tuple(options.get("modes") or ()),
            states=tuple(options.get("states") or ()),
            healths=tuple(options.get("healths") or ()),
            partners=tuple(options.get("partners") or ()),
        ),
        unprotected=options["unprotected"],
        report_unreadable=options["unreadable"] == REPORT,
        report_missing=options["missing"] == REPORT,
    )


def gather(want: Wanted, host: str, now: Callable[[], datetime]) -> Gathering:
    """Read what is wanted of `host` (its inventory name); `now` is the control node's clock.

    Returns the result of the task. Raises CannotRead for a part that cannot be read, unless that is to be reported, and
    OptionError for VMs that are not there.
    """
    result = _Result(want, host, time_text(now()))
    if _wants_vms(want):
        yield from _gather_vms(want, result)
    for name in want.gather:
        if name in HOST_KINDS:
            yield from _gather_host_part(HOST_KINDS[name], result)
    return result.finish()


class _Result:
    """The result as it grows."""

    def __init__(self, want: Wanted, host: str, read_at: str | None) -> None:
        self.inventory_host = host
        self.stops = not want.report_unreadable
        self.vms: VMs | None = None
        self.values: dict[str, Any] = {"changed": False, "inventory_host": host, "read_at": read_at}
        self.unreadable: list[Unreadable] = []

    @property
    def names(self) -> Mapping[str, str]:
        return self.vms.names if self.vms else {}

    def add_unreadable(self, parts: Iterable[Unreadable]) -> None:
        """Note parts that could not be read; raises CannotRead where that ends the task."""
        found = tuple(parts)
        if found and self.stops:
            raise CannotRead(self.inventory_host, found, self.names)
        self.unreadable.extend(found)

    def finish(self) -> dict[str, Any]:
        """The result of the task."""
        if self.vms is not None:
            _join_test_vms(self.values.get("vms"), self.values.get("test_vms"))
        return {**self.values, "unreadable": [part.result(self.names) for part in self.unreadable]}


def _wants_vms(want: Wanted) -> bool:
    chosen = want.named or want.unprotected or want.filters != Filters()
    return chosen or any(kind == RELATIONS or kind in VM_KINDS for kind in want.gather)


def _gather_vms(want: Wanted, result: _Result) -> Generator[Request, Output, None]:
    output = yield Request(RELATIONS, query_vms(want))
    try:
        vms = parse_vms(output, want)
    except UnexpectedOutput as error:
        vms = VMs(None, None, Scope({}), unreadable=(Unreadable(RELATIONS, str(error)),))
    result.vms = vms
    result.add_unreadable(vms.unreadable)
    if vms.records is None:
        kinds = [kind for kind in want.gather if kind in VM_KINDS]
        result.add_unreadable(Unreadable(kind, "the host's VMs could not be read") for kind in kinds)
        result.values.update(windows_name=None, host_time=None, vms=None, missing=[])
        return
    host_time = time_text(vms.scope.clock.now)
    for vm in vms.records:
        vm.update(inventory_host=result.inventory_host, read_at=result.values["read_at"], host_time=host_time)
        vm["unreadable"] = []
    _mark(vms.records, vms.unreadable)
    result.values.update(windows_name=vms.host, host_time=host_time, vms=list(vms.records), missing=list(vms.missing))
    for name in want.gather:
        if name in VM_KINDS:
            yield from _gather_vm_part(VM_KINDS[name], vms, result)


def _gather_vm_part(kind: VMKind, vms: VMs, result: _Result) -> Generator[Request, Output, None]:
    pipeline = kind.query(vms.scope) if vms.scope.names else None
    records = vms.records or ()
    if pipeline is None:
        for vm in records:
            vm[kind.name] = kind.empty()
        return
    output = yield Request(kind.name, pipeline)
    parts, unreadable = read_part(kind, output, vms.scope)
    result.add_unreadable(unreadable)
    for vm in records:
        vm[kind.name] = parts[vm["id"]] if vm["id"] in parts else kind.empty()
    _mark(records, unreadable)


def read_part(kind: VMKind, output: Output, scope: Scope) -> tuple[Mapping[str, Any], tuple[Unreadable, ...]]:
    """The parts by VM id, and what could not be read: of some VMs, or (an error that nobody owns) of all."""
    owned = by_owner(output.errors, scope.names, path_keys(kind.paths(output))) if output.errors else {}
    if None in owned:
        return {}, (Unreadable(kind.name, problem_of(owned[None]), None, owned[None]),)
    failed = frozenset(vm for vm in owned if vm)
    try:
        parts = kind.parse(Answer(output, scope, failed))
    except (Unknown, UnexpectedOutput) as error:
        return {}, (Unreadable(kind.name, str(error)),)
    silent = (vm for vm in kind.must(scope) if vm not in parts and vm not in failed)
    return parts, (
        *(Unreadable(kind.name, problem_of(records), vm, records) for vm, records in owned.items()),
        *(Unreadable(kind.name, "the host gave no answer for it", vm) for vm in silent),
    )


def _mark(records: Iterable[dict[str, Any]], unreadable: Iterable[Unreadable]) -> None:
    """A part that could not be read is null in the VM's record, and named there."""
    parts = tuple(unreadable)
    everyone = [part.kind for part in parts if part.vm is None]
    of_vm: dict[str, list[str]] = {}
    for part in parts:
        if part.vm is not None:
            of_vm.setdefault(part.vm, []).append(part.kind)
    if not parts:
        return
    for vm in records:
        for kind in (*everyone, *of_vm.get(vm["id"], ())):
            vm[kind] = None
            vm["unreadable"].append(kind)


def _gather_host_part(kind: HostKind, result: _Result) -> Generator[Request, Output, None]:
    pipeline = kind.query() + Pipeline.of(READ_CLOCK) if kind.timed else kind.query()
    output = yield Request(kind.name, pipeline)
    errors = tuple(error for error in other_errors(output) if not kind.expected(error))
    result.values[kind.name] = None
    if errors:
        result.add_unreadable([Unreadable(kind.name, problem_of(errors), None, errors)])
        return
    try:
        result.values[kind.name] = kind.parse(output, read_clock(output) if kind.timed else UNKNOWN)
    except (Unknown, UnexpectedOutput) as error:
        result.add_unreadable([Unreadable(kind.name, str(error))])


def _join_test_vms(vms: list[dict[str, Any]] | None, test_vms: list[dict[str, Any]] | None) -> None:
    """Each test VM gets the VM that it is a test of (null when Windows lost the link), and the other way round."""
    if test_vms is None:
        return
    owners = {vm["test_vm"]["id"]: vm for vm in vms or () if vm["test_vm"]}
    for test in test_vms:
        owner = owners.get(test["id"])
        test["of"] = None if owner is None else {"id": owner["id"], "name": owner["name"]}
        if owner is not None:
            owner["test_vm"].update(name=test["name"], power=test["power"])
