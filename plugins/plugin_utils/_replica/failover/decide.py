# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What hyperv_failover does next for one VM on the host where it runs. Pure; decided anew from every read.

The acts and what Windows allows are base/acts.py's. The module sees one side only, so every act that depends on the
other side asks for proof of it: `partner`, no older than partner_max_age, or partner_declared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..base.acts import ACTS
from ..base.identity import LOOK, not_meant
from ..base.pipeline import Command, Statement, vm_by_id
from ..base.states import (
    FAILED_OVER,
    FAILED_OVER_WAITING,
    OFF,
    PAUSED,
    PREPARED,
    PRIMARY,
    READY,
    RECOVERING,
    REPLICA_MODES,
    REPLICATING,
    RUNNING,
    SAVED,
    STOPPING,
    SUSPENDED,
    WAITING_FOR_COPY,
)
from ..engine.plan import Decision, Refused, Step, Wait
from .case import Case
from .options import (
    CANCELLED,
    COMMITTED,
    CONTINUED,
    DEAD,
    FAILED_OVER_STATE,
    FENCED,
    PREPARED_STATE,
    PREPARED_WORD,
    REPLICA_STATE,
    REVERSED,
    TEST_ABSENT,
    TEST_RUNNING,
    UNUSABLE,
    Want,
)
from .point import NoPoint, choose_point
from .power import (
    UNPROTECTED,
    as_replica,
    beyond_the_pair,
    fenced,
    old_copy_on,
    stale,
    started,
    stop_guest,
)
from .read import Have
from .test_vm import test_absent, test_running

_REVERSE = "reverse"


def decide(have: Have, want: Want, subject: str, sent: frozenset[str]) -> Decision:
    """The next step for the VM of that id."""
    vm = have.vms.get(subject)
    if vm is None:
        return Refused(
            f"{have.host}: the VM {subject} was here when the task began and is not any more. Look for it first."
        )
    case = Case(have, want, vm, sent)
    if want.runs_on and case.misdirected:
        return case.refuse(
            f"runs_on is {want.runs_on}, which is not this host or its partner {case.partner_host}. Give one of these."
        )
    elsewhere = not_meant(have.host, want.expected_host)
    if elsewhere:
        return Refused(f"{elsewhere} {LOOK}")
    wrong = case.stranger
    if wrong is not None:
        return case.refuse(
            f"partner has a record of {wrong.host}, and the partner is {case.partner_host}. Read the right host; or, if"
            f" {wrong.host} is the same one by another name, give that name in its record's host_names."
        )
    if want.declared in (DEAD, PREPARED_WORD) and case.proof is not None:
        return case.refuse(
            f"the partner is declared {want.declared}, but partner holds what {case.proof.host} answered. A declaration"
            " never beats a reading: leave one of the two out."
        )
    both = _both_run(case)
    return both or _STATES[want.state](case)


def _both_run(case: Case) -> Refused | None:
    """Both copies may be running: neither is touched, unless this one was named to be lost. Tests are no matter."""
    proof = case.proof
    want = case.want
    named = want.turn_off or want.start_action or (want.state == CANCELLED and want.discard_changes)
    about_tests = want.state in (TEST_RUNNING, TEST_ABSENT)
    if proof is None or about_tests or named or not (case.own.may_run and proof.side.may_run):
        return None
    return case.refuse(
        f"it may be running on BOTH hosts ({case.own.power} here, {proof.side.power} on {proof.host}); neither copy is"
        " touched. Find out which one the users work with, shut the other one down, then run this again."
    )


# -- prepared --------------------------------------------------------------------------------------------------------


def _prepared(case: Case) -> Decision:
    own = case.own
    if case.here:
        if own.mode == PRIMARY:
            return case.done("it is the primary on the host where it shall run")
        return case.refuse(
            f"it shall run here, so the side to prepare is its primary: run this on {case.partner_host}."
        )
    if own.mode in REPLICA_MODES:
        if case.proof and case.proof.side.mode == PRIMARY:
            return case.done(f"it is the primary on {case.proof.host} already")
        return case.refuse(f"it is {own}; only a primary can be prepared. Read {case.partner_host} first.")
    if own.state == PREPARED:
        return case.done("it is prepared for the failover")
    return _stop_and_prepare(case)


def _stop_and_prepare(case: Case) -> Decision:
    own = case.own
    if own.mode != PRIMARY or own.state != REPLICATING:
        if own.changing:
            return Wait(f"{case.vm.name} on {case.have.host} is {own}")
        return case.refuse(
            f"a planned failover starts from Primary/Replicating. It is {own}. Repair its replication first."
        )
    if case.proof and case.proof.side.test_vm:
        return case.refuse(f"a test VM of it is on {case.proof.host}: end the test first (state: test_absent there).")
    if case.proof and case.proof.side.state != REPLICATING:
        return case.refuse(f"its replica on {case.proof.host} is {case.proof.side}, not Replicating.")
    if own.power == STOPPING:
        return Wait(f"the shutdown of the guest of {case.vm.name}", case.want.shutdown_timeout)
    if own.power == RUNNING:
        return stop_guest(case)
    if case.vm.task:
        return Wait(f"what Windows is doing with {case.vm.name} ({case.vm.task})")
    if own.power in (SAVED, PAUSED):
        return case.refuse(
            f"it is {own.power}, not Off. Its state would be lost or left behind: resume it and shut it down, or decide"
            " that the state can go, then run this again."
        )
    return case.act("prepare")


# -- failed over -----------------------------------------------------------------------------------------------------


def _failed_over(case: Case) -> Decision:
    own = case.own
    if not case.here:
        if own.mode == PRIMARY and case.proof is None:
            return case.refuse(f"it shall run on {case.want.runs_on}: run this there.")
        return case.refuse(f"it shall run on {case.want.runs_on}, and this is {case.have.host}: run this there.")
    if own.mode == PRIMARY:
        return started(case, "it is the primary here already")
    if own.mode not in REPLICA_MODES:
        return case.refuse(f"there is no replica of it here: it is {own}.")
    if own.test_vm:
        return case.refuse("a test VM of it is here: end the test first (state: test_absent).")
    unproven = _unproven(case) or beyond_the_pair(case)
    if unproven:
        return unproven
    if own.failed_over:
        return started(case, "it is failed over to this host")
    return _fail_over(case)


def _fail_over(case: Case) -> Decision:
    try:
        point = choose_point(case.want.point, case.vm.points)
    except NoPoint as error:
        return case.refuse(f"recovery point: {error}.")
    return case.from_point("fail_over", point.id if point else "")


def _unproven(case: Case) -> Refused | None:
    """Why the other side's state does not allow a failover to here (L1, L8); None when it does."""
    proof, want = case.proof, case.want
    if proof is None:
        if want.declared in (DEAD, PREPARED_WORD):
            return None
        if want.declared == UNUSABLE:
            return case.refuse("unusable waives no reading: give partner, with the old VM read as Off.")
        return case.refuse(
            f"nothing is known of its primary. Read {case.partner_host} and give it as partner; or declare it with"
            " partner_declared, if it cannot be read."
        )
    too_old = stale(case, proof)
    if too_old:
        return too_old
    if want.declared == UNUSABLE:
        return None if proof.side.power == OFF else old_copy_on(case, proof)
    if proof.side.mode in REPLICA_MODES and case.own.failed_over:
        return None
    if proof.side.state != PREPARED:
        return case.refuse(
            f"its primary on {proof.host} is {proof.side}, not PreparedForFailover. A planned failover prepares it"
            " first (state: prepared there); an unplanned one loses data and has to be declared (partner_declared)."
        )
    return None


# -- committed, reversed, cancelled ----------------------------------------------------------------------------------


def _committed(case: Case) -> Decision:
    own = case.own
    if not case.here:
        return case.refuse(f"the failover to commit is on {case.want.runs_on}: run this there.")
    if own.mode in REPLICA_MODES and own.state == FAILED_OVER:
        return case.done("the failover is committed", UNPROTECTED)
    if own.mode == PRIMARY:
        return case.done("it is the primary here: there is no failover to commit")
    return case.act("commit")


def _continued(case: Case) -> Decision:
    own, proof = case.own, case.proof
    if not case.here:
        return case.refuse(f"the side that goes on is on {case.want.runs_on}: run this there.")
    if own.mode == PRIMARY:
        return case.done(f"it is the primary here, and replicates to {case.partner_host}")
    if own.failed_over and not own.leg:
        return case.refuse("it replicates on to no third site. Reverse it, or protect it anew.")
    if proof and proof.side.may_run:
        return case.refuse(f"its old copy on {proof.host} is {proof.side.power}: see to that one first.")
    return case.act("continue")


def _reversed(case: Case) -> Decision:
    own, proof = case.own, case.proof
    if not case.here:
        return case.refuse(f"the side to reverse is on {case.want.runs_on}: run this there.")
    if own.mode == PRIMARY:
        if own.state == READY and (_REVERSE in case.sent or (proof and proof.side.state == WAITING_FOR_COPY)):
            return _start_copy(case)
        if own.state == SUSPENDED and _REVERSE in case.sent:
            return _resume(case)
        return started(case, "it is the primary here")
    if own.changing and not own.failed_over:
        return Wait(f"{case.vm.name} on {case.have.host} is {own}")
    if not own.failed_over:
        return case.refuse(f"nothing is failed over here: it is {own}.")
    if proof and proof.side.mode == PRIMARY and proof.side.state != PREPARED:
        return case.refuse(
            f"its old primary on {proof.host} is {proof.side} and still thinks that it is the primary: turn it into the"
            " replica first (state: replica there, its VM Off)."
        )
    if str(case.vm.relation.get("authentication")) == "certificate" and not case.want.certificate:
        return case.refuse(
            "its relation uses a certificate, and Windows wants this host's own one at a reverse:"
            " give certificate_thumbprint."
        )
    return case.act(_REVERSE, {"CertificateThumbprint": case.want.certificate} if case.want.certificate else {})


def _start_copy(case: Case) -> Step:
    """The copy that a reverse may leave to be started. The proof is older than the reverse, so it is not asked."""
    act = ACTS["start_copy"]
    command = Command(act.cmdlet, {**act.parameters, "Confirm": False})
    return case.step("start_copy", Statement((vm_by_id(case.vm.id),)) | command)


def _resume(case: Case) -> Step:
    """A reverse may settle in a pause, which is nobody's wish then. One that was found paused stays so."""
    command = Command("Resume-VMReplication", {"Confirm": False})
    why = "let the replication go on, which the reverse has left paused"
    return Step("resume", Statement((vm_by_id(case.vm.id),)) | command, why, case.vm.id)


def _cancelled(case: Case) -> Decision:
    """On the replica the failover goes, on the primary the preparation. Each only when it is there (L7)."""
    own = case.own
    if own.mode == PRIMARY and own.state == PREPARED:
        if case.proof and (case.proof.side.failed_over or case.proof.side.state == RECOVERING):
            return case.refuse(
                f"it is failed over to {case.proof.host}: cancel there first, then here, or the VM could start twice."
            )
        return case.act("cancel_preparation")
    if own.mode in REPLICA_MODES and own.test_vm:
        return case.refuse("a test VM of it is here, and Windows would end that instead: end the test first.")
    if own.mode in REPLICA_MODES and own.state == FAILED_OVER_WAITING:
        return _cancel_failover(case)
    if own.state == FAILED_OVER:
        return case.refuse("the failover is committed and cannot be cancelled: fail back instead.")
    if own.changing:
        return Wait(f"{case.vm.name} on {case.have.host} is {own}")
    if own.mode == PRIMARY and case.want.start:
        return started(case, "nothing is prepared here")
    return case.done(f"nothing is prepared or failed over here: it is {own}")


def _cancel_failover(case: Case) -> Decision:
    prepared = case.proof is not None and case.proof.side.state == PREPARED
    lossless = case.own.power == OFF and (prepared or case.want.never_started)
    if not lossless and not case.want.discard_changes:
        return case.refuse(
            f"it is {case.own.power}, and what it changed since the failover is lost when that is cancelled. Reverse"
            " instead, or accept the loss with changes_since_failover: discard."
        )
    if case.own.power == RUNNING:
        return stop_guest(case, "Windows may refuse to cancel the failover of a VM that runs: ")
    if case.own.power == STOPPING:
        return Wait(f"the shutdown of the guest of {case.vm.name}", case.want.shutdown_timeout)
    if case.own.power in (SAVED, PAUSED):
        return case.refuse(
            f"it is {case.own.power}, not Off, and its failover cannot be cancelled like that. Turn it off, or remove"
            " its saved state (Remove-VMSavedState), then run this again."
        )
    return case.act("cancel_failover")


_STATES: Mapping[str, Callable[[Case], Decision]] = {
    PREPARED_STATE: _prepared,
    FAILED_OVER_STATE: _failed_over,
    COMMITTED: _committed,
    REVERSED: _reversed,
    CANCELLED: _cancelled,
    CONTINUED: _continued,
    TEST_RUNNING: test_running,
    TEST_ABSENT: test_absent,
    FENCED: fenced,
    REPLICA_STATE: as_replica,
}
