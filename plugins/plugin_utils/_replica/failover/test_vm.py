# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The test VM of a replica: made from a recovery point, started, and ended again. Pure.

Sources: Microsoft's pages of Start-VMFailover (-AsTest) and Stop-VMFailover.
"""

from __future__ import annotations

from ..base.acts import ACTS
from ..base.pipeline import Command, Statement, vm_by_id
from ..base.states import OFF, REPLICA_MODES, RUNNING
from ..engine.plan import Decision, Step, Wait
from .case import Case
from .point import NoPoint, choose_point


def test_running(case: Case) -> Decision:
    """What is next until the test VM is there, and runs where that was asked for."""
    own = case.own
    if own.mode in REPLICA_MODES and own.test_vm:
        return _started(case)
    try:
        point = choose_point(case.want.point, case.vm.points)
    except NoPoint as error:
        return case.refuse(f"recovery point: {error}.")
    return case.from_point("start_test", point.id if point else "")


def _started(case: Case) -> Decision:
    if case.vm.test_power == RUNNING or not case.want.start:
        return case.done(f"its test VM is {case.vm.test_power or 'there'}")
    if case.vm.test_power != OFF:
        return Wait(f"the test VM of {case.vm.name} is {case.vm.test_power or 'not listed yet'}")
    command = Command(ACTS["start"].cmdlet, {"Confirm": False})
    why = "start the test VM; it is connected to what its test switch says and to nothing else"
    return Step("start_test_vm", Statement((vm_by_id(case.vm.test_id),)) | command, why, case.vm.id)


def test_absent(case: Case) -> Decision:
    """What is next until there is none."""
    own = case.own
    if own.mode in REPLICA_MODES and own.test_vm:
        return case.act("end_test")
    return case.done("there is no test VM of it")
