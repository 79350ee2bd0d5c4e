# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The one table of failover: what each act is as a cmdlet, from which states Windows allows it, and where it leads.

The planner, `possible` of the information module, the model's search and the documentation's state diagram all read it.
Rules are data: patterns on the side that acts and on its partner, and the fields that change. The first rule that fits
wins; an act without a fitting rule is refused by Windows. Sources: Microsoft's pages of the cmdlets (Start-VMFailover,
Stop-VMFailover, Complete-VMFailover, Set-VMReplication, Start-VM, Stop-VM), "Hyper-V Replica: failover" for the flows;
allowed states that no page lists are observed behaviour, not documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .states import (
    COPYING,
    DISABLED,
    ERROR,
    FAILED_OVER,
    FAILED_OVER_STATES,
    FAILED_OVER_WAITING,
    NONE,
    OFF,
    PAUSED,
    PREPARED,
    PRIMARY,
    READY,
    RECOVERING,
    REPLICA,
    REPLICA_MODES,
    REPLICATING,
    RESYNC_SUSPENDED,
    RESYNCHRONIZING,
    RUNNING,
    SAVED,
    STOPPING,
    SUSPENDED,
    UPDATING_DISKS,
    WAITING_FOR_COPY,
    WANTS_RESYNC,
    Pair,
    Side,
)

Pattern = Mapping[str, object]


@dataclass(frozen=True)
class Rule:
    """From `own` (and `partner`) an act leads to the changes; `link`: only while the hosts reach each other."""

    own: Pattern
    then: Pattern
    partner: Pattern = field(default_factory=dict)
    partner_then: Pattern = field(default_factory=dict)
    link: bool = False
    certain: bool = True  # False: only unofficial sources tell; Windows may also refuse


@dataclass(frozen=True)
class Act:
    """A cmdlet with the parameters that make it this act. `waits`: it returns only when Windows is through."""

    cmdlet: str
    parameters: Mapping[str, object]
    rules: tuple[Rule, ...]
    meaning: str
    waits: bool = False


_FAILED_OVER = {"mode": REPLICA_MODES, "state": FAILED_OVER_STATES}
_LIVE_REPLICA = {REPLICATING, RESYNCHRONIZING, SUSPENDED, UPDATING_DISKS}
_STARTABLE_POWER = {OFF, SAVED, PAUSED}  # from Paused the guest goes on, as by Resume-VM
_ENABLED = {PRIMARY, *REPLICA_MODES}
_STARTABLE_PRIMARY = {
    READY,
    COPYING,
    REPLICATING,
    SUSPENDED,
    ERROR,
    WANTS_RESYNC,
    RESYNCHRONIZING,
    RESYNC_SUSPENDED,
    UPDATING_DISKS,
}

ACTS: Mapping[str, Act] = {
    "stop_guest": Act(
        "Stop-VM",
        {},
        (Rule({"power": RUNNING}, {"power": OFF}),),
        "shut the guest down cleanly",
        waits=True,
    ),
    "prepare": Act(
        "Start-VMFailover",
        {"Prepare": True},
        (
            Rule(
                {"mode": PRIMARY, "state": REPLICATING, "power": OFF},
                {"state": PREPARED},
                partner={"mode": REPLICA_MODES, "state": REPLICATING},
                link=True,
            ),
        ),
        "send the last changes, prepare the primary",
        waits=True,
    ),
    "fail_over": Act(
        "Start-VMFailover",
        {},
        (
            Rule(
                {"mode": REPLICA_MODES, "state": _LIVE_REPLICA, "power": OFF, "test_vm": False, "copied": True},
                {"state": FAILED_OVER_WAITING},
            ),
            Rule(
                {"mode": REPLICA_MODES, "state": ERROR, "power": OFF, "test_vm": False, "copied": True},
                {"state": FAILED_OVER_WAITING},
                certain=False,
            ),
        ),
        "fail over to the replica",
        waits=True,
    ),
    "reverse": Act(
        "Set-VMReplication",
        {"Reverse": True},
        (
            Rule(
                _FAILED_OVER,
                {"mode": PRIMARY, "state": REPLICATING},
                partner={"mode": PRIMARY, "state": PREPARED, "power": OFF},
                partner_then={"mode": REPLICA, "state": REPLICATING},
                link=True,
            ),
            Rule(
                _FAILED_OVER,
                {"mode": PRIMARY, "state": READY, "copied": False},
                partner={"mode": REPLICA, "state": WAITING_FOR_COPY, "power": OFF},
                link=True,
            ),
        ),
        "reverse the replication: this side becomes the primary",
        waits=True,
    ),
    "start": Act(
        "Start-VM",
        {},
        (
            Rule({"mode": NONE, "power": _STARTABLE_POWER}, {"power": RUNNING}),
            Rule({"mode": PRIMARY, "state": _STARTABLE_PRIMARY, "power": _STARTABLE_POWER}, {"power": RUNNING}),
            Rule({**_FAILED_OVER, "power": _STARTABLE_POWER}, {"power": RUNNING}),
        ),
        "start the VM",
    ),
    "commit": Act(
        "Complete-VMFailover",
        {},
        (Rule({"mode": REPLICA_MODES, "state": FAILED_OVER_WAITING}, {"state": FAILED_OVER}),),
        "commit the failover: all recovery points go, there is no way back",
    ),
    "cancel_failover": Act(
        "Stop-VMFailover",
        {},
        (
            Rule(
                # Microsoft's page says that it turns a running VM off; others met a refusal. So it is Off before.
                {"mode": REPLICA_MODES, "state": {FAILED_OVER_WAITING, RECOVERING}, "test_vm": False, "power": OFF},
                {"state": REPLICATING},
            ),
        ),
        "undo the failover: the replica goes back, what ran here since is lost",
        waits=True,
    ),
    "cancel_preparation": Act(
        "Stop-VMFailover",
        {},
        (Rule({"mode": PRIMARY, "state": PREPARED}, {"state": REPLICATING}),),
        "undo the preparation: the primary may be started again",
        waits=True,
    ),
    # Microsoft's page calls the switch a resumed comparison; what it does for a chain is observed behaviour.
    "continue": Act(
        "Resume-VMReplication",
        {"Continue": True},
        (
            Rule(
                {"mode": REPLICA, "state": FAILED_OVER_STATES, "leg": True, "test_vm": False},
                {"mode": PRIMARY, "state": REPLICATING, "leg": False},
            ),
        ),
        "go on towards the third site: this side becomes its primary, and the failover is committed",
    ),
    "start_test": Act(
        "Start-VMFailover",
        {"AsTest": True},
        (
            Rule(
                {"mode": REPLICA_MODES, "state": {REPLICATING, SUSPENDED}, "test_vm": False, "copied": True},
                {"test_vm": True},
            ),
        ),
        "make a test VM of the replica",
        waits=True,
    ),
    "end_test": Act(
        "Stop-VMFailover",
        {},
        (Rule({"mode": REPLICA_MODES, "test_vm": True}, {"test_vm": False}),),
        "stop and delete the test VM",
        waits=True,
    ),
    "become_replica": Act(
        "Set-VMReplication",
        {"AsReplica": True},
        (
            Rule(
                {"mode": PRIMARY, "power": OFF},
                {"mode": REPLICA, "state": WAITING_FOR_COPY, "copied": False},
            ),
        ),
        "turn the old primary into the replica of the side that runs",
    ),
    "start_copy": Act(
        "Start-VMInitialReplication",
        {},
        (
            Rule(
                {"mode": PRIMARY, "state": READY},
                {"state": REPLICATING, "copied": True},
                partner={"mode": REPLICA, "state": WAITING_FOR_COPY},
                partner_then={"state": REPLICATING, "copied": True},
                link=True,
            ),
        ),
        "start the copy towards the old primary",
    ),
    "remove": Act(
        "Remove-VMReplication",
        {},
        # Whether a replica whose test VM stands may be removed is not documented: the test is ended first.
        (Rule({"mode": _ENABLED, "test_vm": False}, {"mode": NONE, "state": DISABLED}),),
        "remove the replication from this side",
    ),
    "turn_off": Act(
        "Stop-VM",
        {"TurnOff": True},
        (Rule({"power": {RUNNING, PAUSED, STOPPING}}, {"power": OFF}),),
        "pull the VM's plug",
    ),
}


def fits(pattern: Pattern, side: Side) -> bool:
    """True when every field of the pattern equals, or contains, the side's."""
    for name, wanted in pattern.items():
        value = getattr(side, name)
        if value not in wanted if isinstance(wanted, (set, frozenset)) else value != wanted:
            return False
    return True


def rule_for(act: str, own: Side, partner: Side | None, link: bool) -> Rule | None:
    """The rule by which Windows lets `act` happen, or None: it refuses."""
    for rule in ACTS[act].rules:
        if not fits(rule.own, own) or (rule.link and not link):
            continue
        if rule.partner and (partner is None or not fits(rule.partner, partner)):
            continue
        return rule
    return None


def perform(pair: Pair, act: str, where: str) -> Pair | None:
    """The pair after `act` on the side `where` (target, other), or None when Windows refuses it."""
    own = pair.side(where)
    partner_name = "other" if where == "target" else "target"
    partner = pair.side(partner_name)
    if own is None:
        return None
    rule = rule_for(act, own, partner, pair.link)
    if rule is None:
        return None
    pair = pair.with_side(where, replace(own, **rule.then))  # type: ignore[arg-type]
    if rule.partner_then and partner is not None:
        pair = pair.with_side(partner_name, replace(partner, **rule.partner_then))  # type: ignore[arg-type]
    return pair


def allowed(act: str, own: Side, partner: Side | None) -> bool:
    """Whether the states that were read let the act be tried; a partner that was not read is given the benefit."""
    return any(
        fits(rule.own, own) and (not rule.partner or partner is None or fits(rule.partner, partner))
        for rule in ACTS[act].rules
    )


def possible(side: Side) -> tuple[str, ...]:
    """Acts that this host's state alone allows next, in the order of the table."""
    return tuple(name for name, act in ACTS.items() if any(fits(rule.own, side) for rule in act.rules))
