# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What hyperv_vm_replication does next for one VM, and what its steps make of it. Pure; every read is decided anew."""

from __future__ import annotations

from ..base.names import is_one_of
from ..base.states import NONE, PRIMARY, REPLICA, REPLICA_MODES
from ..engine.plan import Decision, Done, Refused, Wait
from .case import Case
from .change import change
from .enable import enable
from .find import NOT_HERE
from .have import VM, Have, Relation
from .partner import other_of
from .sides import absent, connection_tested, here_is_replica, replica_side
from .want import ABSENT, TESTED, Want


def decide(have: Have, want: Want, subject: str, sent: frozenset[str]) -> Decision:
    """The next step for the VM of that id ("" with `connection_tested` without VMs)."""
    if subject.startswith(NOT_HERE):
        return Done(f"left alone: it is not here yet, and {want.first_primary} protects it first")
    vm = have.vms.get(subject, VM("", "")) if subject == "" else have.vms.get(subject)
    if vm is None:
        return Refused(
            f"{have.host}: the VM {subject} was here when the task began and is not any more. Look for it first."
        )
    case = Case(have, want, vm, vm.relations.get(want.relationship), sent)
    if want.state == TESTED:
        return connection_tested(case)
    for ask in (_unlisted, _of_another_host):
        decision = ask(case)
        if decision is not None:
            return decision
    if want.state == ABSENT:
        return absent(case)
    return replica_side(case) if want.side == "replica" else _primary_side(case)


def _unlisted(case: Case) -> Decision | None:
    """Get-VM shows a mode that Get-VMReplication does not list: so it is for a minute after a host has started."""
    vm = case.vm
    if vm.relations or vm.mode == NONE:
        return None
    if vm.mode == PRIMARY or vm.mode in REPLICA_MODES:
        return Wait(f"{case.where} is {vm.mode}, and Get-VMReplication does not list it yet")
    return case.refuse(f"it is {vm.mode}: a test VM is not replicated. Name the VM that it is a test of.")


def _of_another_host(case: Case) -> Decision | None:
    """A record of a host that this VM has nothing to do with counts neither for nor against anything (L11).

    It was looked at before anything was sent: a relation that has been ended since names its host no more.
    """
    view, want = case.partner, case.want
    if view is None or case.sent or (want.state == ABSENT and case.relation is None):
        return None
    named = [want.replica_server or "", other_of(want.between, case.have.host_names) or ""]
    for relation in case.vm.relations.values():
        receives = relation.mode in REPLICA_MODES and relation.kind == "Simple"
        named += [relation.primary_server] if receives else [relation.replica_server, relation.current_replica_server]
    named = [name for name in named if name and not is_one_of(name, case.have.host_names)]
    if not named or view.is_of(named):
        return None
    return case.refuse(
        f"partner: its record is of {view.host}, and its other host is {named[0]}. Read {named[0]}, or, if that is"
        f" another name of {view.host}, give the record host_names: [{named[0]}]."
    )


def _primary_side(case: Case) -> Decision:
    relation = case.relation
    if relation is None:
        return enable(case)
    if case.extended or relation.mode == PRIMARY:
        return _sender(case, relation)
    if relation.mode in REPLICA_MODES:
        return here_is_replica(case, relation)
    return case.refuse(f"it is {relation.mode}/{relation.state}, in which nothing can be changed.")


def _sender(case: Case, relation: Relation) -> Decision:
    first = case.vm.relations.get("Simple")
    if case.extended and (first is None or first.mode != REPLICA):
        found = f"{first.mode}/{first.state}" if first else "not replicated"
        return case.refuse(f"it is {found} here, and an extended replication starts at a replica. Look at it first.")
    return change(case, relation)
