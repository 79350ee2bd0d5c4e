# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What hyperv_failover was asked for, and how its options are read. Raises OptionError before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..base.errors import OptionError
from ..base.names import not_a_host_name
from ..base.option_groups import VM_SELECTION, WAITING, VMSelection
from ..base.proof import Proof, read_proofs
from ..base.ranges import check_ranges
from ..base.values import thumbprint, utc_now
from .point import ANY, PointWish, read_point_wish

PREPARED_STATE = "prepared"
TEST_RUNNING = "test_running"
TEST_ABSENT = "test_absent"
FAILED_OVER_STATE = "failed_over"
COMMITTED = "committed"
REVERSED = "reversed"
CANCELLED = "cancelled"
CONTINUED = "continued"
FENCED = "fenced"
REPLICA_STATE = "replica"
DIRECTED = (PREPARED_STATE, FAILED_OVER_STATE, COMMITTED, REVERSED, CANCELLED, CONTINUED, FENCED, REPLICA_STATE)
"""States that have no direction by themselves: after a reverse the sides have swapped."""
STATES = (PREPARED_STATE, TEST_RUNNING, TEST_ABSENT, *DIRECTED[1:])
STARTING_STATES = (FAILED_OVER_STATE, REVERSED, CANCELLED)
"""States with which a VM may be started; a test VM apart."""

DEAD, UNUSABLE, PREPARED_WORD = "dead", "unusable", "prepared"

SPEC: Mapping[str, Any] = {
    **VM_SELECTION,
    **WAITING,
    "state": {"type": "str", "choices": list(STATES), "required": True},
    "runs_on": {"type": "str"},
    "expected_host": {"type": "str"},
    "partner": {"type": "list", "elements": "dict"},
    "partner_max_age": {"type": "int", "default": 120},
    "accept_unread": {"type": "list", "elements": "str", "default": []},
    "partner_declared": {"type": "str", "choices": [DEAD, UNUSABLE, PREPARED_WORD]},
    "recovery_point": {"type": "str"},
    "recovery_point_time": {"type": "str"},
    "shutdown": {"type": "str", "choices": ["refuse", "clean", "force"], "default": "refuse"},
    "shutdown_timeout": {"type": "int", "default": 900},
    "patience": {"type": "float"},
    "start": {"type": "bool", "default": False},
    "heartbeat_timeout": {"type": "float"},
    "start_action": {"type": "str", "choices": ["Nothing", "StartIfRunning", "Start"]},
    "old_vm": {"type": "str", "choices": ["leave", "turn_off", "discard_saved_state"], "default": "leave"},
    "allowed_primary_server": {"type": "str"},
    "unconnected_adapters": {"type": "str", "choices": ["refuse", "allow"], "default": "refuse"},
    "changes_since_failover": {"type": "str", "choices": ["keep", "discard", "never_started"], "default": "keep"},
    "certificate_thumbprint": {"type": "str"},
}
RULES: Mapping[str, Any] = {
    "mutually_exclusive": [["recovery_point", "recovery_point_time"]],
    "required_one_of": [["names", "ids"]],
}


@dataclass(frozen=True)
class Want:
    """The task. `proofs` are the words of other hosts by VM id. `clock` is the control node's.

    `broker` is no option: the name of this host's cluster for its partners, where that had to be asked for.
    """

    vms: VMSelection
    state: str
    runs_on: str = ""
    expected_host: str = ""
    proofs: Mapping[str, tuple[Proof, ...]] = field(default_factory=dict)
    max_age: int = 120
    accept_unread: tuple[str, ...] = ()
    declared: str = ""
    point: PointWish = ANY
    shutdown: str = "refuse"
    shutdown_timeout: float = 900
    start: bool = False
    heartbeat_timeout: float | None = None
    start_action: str = ""
    turn_off: bool = False
    discard_saved: bool = False
    allowed_primary_server: str = ""
    unconnected: bool = False
    discard_changes: bool = False
    never_started: bool = False
    certificate: str = ""
    broker: str = ""
    clock: Callable[[], datetime] = utc_now

    @property
    def unplanned(self) -> bool:
        """True for a failover that loses what was not replicated."""
        return self.state == FAILED_OVER_STATE and self.declared in (DEAD, UNUSABLE)


def read_want(options: Mapping[str, Any]) -> Want:
    """The options as one value. Raises OptionError, naming the option, for what cannot be meant."""
    given = options.get("certificate_thumbprint")
    want = Want(
        vms=VMSelection.of(options),
        state=options["state"],
        runs_on=_runs_on(options),
        expected_host=options.get("expected_host") or "",
        proofs=read_proofs(options.get("partner") or []),
        max_age=options["partner_max_age"],
        accept_unread=tuple(options.get("accept_unread") or ()),
        declared=options.get("partner_declared") or "",
        point=read_point_wish(options.get("recovery_point"), options.get("recovery_point_time")),
        shutdown=options["shutdown"],
        shutdown_timeout=options["shutdown_timeout"],
        start=options["start"],
        heartbeat_timeout=options.get("heartbeat_timeout"),
        start_action=options.get("start_action") or "",
        turn_off=options["old_vm"] == "turn_off",
        discard_saved=options["old_vm"] == "discard_saved_state",
        allowed_primary_server=options.get("allowed_primary_server") or "",
        unconnected=options["unconnected_adapters"] == "allow",
        discard_changes=options["changes_since_failover"] == "discard",
        never_started=options["changes_since_failover"] == "never_started",
        certificate=_thumbprint(given) if given else "",
    )
    _check(want)
    return want


def _runs_on(options: Mapping[str, Any]) -> str:
    name = options.get("runs_on")
    if name is None:
        if options["state"] in DIRECTED:
            raise OptionError(
                "runs_on",
                f"state {options['state']} has no direction without it.",
                "Give the Windows name of the host (or of its broker) where the VMs shall run.",
            )
        return ""
    wrong = not_a_host_name(name)
    if wrong:
        raise OptionError("runs_on", wrong, "Give the Windows name of the host where the VMs shall run.")
    return str(name)


def _thumbprint(given: str) -> str:
    try:
        return thumbprint(given)
    except ValueError as error:
        raise OptionError("certificate_thumbprint", str(error), "Give this host's own certificate.") from None


def _check(want: Want) -> None:
    if want.declared and want.state not in (FAILED_OVER_STATE, CANCELLED, REVERSED, COMMITTED, FENCED):
        raise OptionError("partner_declared", f"state {want.state} does not ask about the other side.", "Leave it out.")
    if want.point != ANY and want.state not in (FAILED_OVER_STATE, TEST_RUNNING):
        raise OptionError("recovery_point", f"state {want.state} uses none.", "Leave it out.")
    if want.point != ANY and want.state == FAILED_OVER_STATE and not want.unplanned:
        raise OptionError(
            "recovery_point",
            "a planned failover takes the newest data, which the primary has just sent.",
            "An older point is an unplanned failover, with its own reason: partner_declared.",
        )
    if want.shutdown != "refuse" and want.state not in (PREPARED_STATE, CANCELLED):
        raise OptionError("shutdown", f"state {want.state} shuts no guest down.", "Leave it out.")
    _check_power(want)
    check_ranges({"partner_max_age": want.max_age, "shutdown_timeout": want.shutdown_timeout})


def _check_power(want: Want) -> None:
    """Options that only some states have a use for."""
    if want.start_action and want.state != FENCED:
        raise OptionError("start_action", f"state {want.state} does not set it.", "Leave it out.")
    if want.allowed_primary_server and want.state != REPLICA_STATE:
        raise OptionError("allowed_primary_server", f"state {want.state} uses none.", "Leave it out.")
    if (want.turn_off or want.discard_saved) and want.state != FENCED:
        raise OptionError("old_vm", f"state {want.state} turns nothing off.", "Leave it out, or use state: fenced.")
    if want.heartbeat_timeout is not None and not (want.start and want.state in STARTING_STATES):
        raise OptionError("heartbeat_timeout", "nothing is started.", "Leave it out, or set start: true.")
