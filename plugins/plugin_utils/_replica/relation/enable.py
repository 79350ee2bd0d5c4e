# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The first enable of a VM, its extension to a third host, and the mark on a copy that shall become a replica.

An empty answer of Get-VMReplication is not yet "no replication" on a host that has just started: for about a minute it
lists nothing (observed behaviour, not documented). So before a first enable everything is read once more, a poll later.
Source: https://learn.microsoft.com/powershell/module/hyper-v/enable-vmreplication
"""

from __future__ import annotations

from typing import Any

from ..base.names import is_one_of
from ..base.partner_server import problem as server_problem
from ..base.states import REPLICA
from ..engine.plan import Decision, Look
from ..facts import disks
from . import settings as relation_settings
from .case import Case, Goal, connection_test, goal_of
from .initial_copy import schedule_problem
from .partner import collision
from .settings import PORT_OF_TYPE, SETTINGS
from .want import EXISTING

TEST = "test_connection"
CONFIRM = "confirm_unprotected"
ENABLE = "enable"
MARK = "mark_as_replica"
_LEAST_EXTENDED = 300


def enable(case: Case) -> Decision:
    """The next thing for a VM without a relation of the wanted kind."""
    want = case.want
    if not want.names_partner:
        return case.refuse("it is not replicated, so there is nothing to act on. Give replica_server to protect it.")
    if want.between and not is_one_of(str(want.first_primary), case.have.host_names):
        return case.done(f"left alone: {want.first_primary} protects it first")
    goal = goal_of(case)
    problem = enable_problem(case, goal)
    if problem:
        return case.refuse(problem)
    if not case.sent:
        return _look_again(case)
    settings = first_settings(case, goal)
    if TEST not in case.sent:
        return connection_test(case, str(goal.server), settings)
    parameters = {"ReplicaServerName": goal.server, **relation_settings.to_enable(settings)}
    excluded = [] if case.extended else _excluded(case, goal)
    if excluded:
        parameters["ExcludedVhdPath"] = [disk.path for disk in excluded]
    return case.step(ENABLE, "Enable-VMReplication", parameters, f"it is not replicated to {goal.server} yet")


def first_settings(case: Case, goal: Goal) -> dict[str, Any]:
    """What the first enable takes: the options, else what the server says, the type's port, and 300 seconds.

    Nothing else is chosen.
    """
    settings, server = dict(goal.settings), case.want.partner_server
    if settings.get("authentication") is None and server is not None:
        settings["authentication"] = server.only_type
    type_ = str(settings.get("authentication"))
    port = server.port(type_, str(goal.server)) if server is not None else None
    settings.setdefault("replica_port", port or PORT_OF_TYPE.get(type_))
    settings.setdefault("frequency", max(_LEAST_EXTENDED, _first_leg_frequency(case)) if case.extended else 300)
    return settings


def _first_leg_frequency(case: Case) -> int:
    first = case.vm.relations.get("Simple")
    return int(first.settings.get("frequency") or 0) if first else 0


def enable_problem(case: Case, goal: Goal) -> str:
    """Why the VM cannot be enabled; "" when nothing known speaks against it."""
    problem = own_broker_problem(case) or goal.problem
    if problem:
        return problem
    settings = first_settings(case, goal)
    type_ = settings.get("authentication")
    if type_ is None:
        return (
            "authentication is needed when a VM is first protected. Give kerberos or certificate, as the server has it."
        )
    if type_ == "certificate" and not settings.get("certificate_thumbprint"):
        return f"{goal.server} takes certificates only. Give certificate_thumbprint, or auto, and authentication too."
    if type_ == "kerberos" and settings.get("certificate_thumbprint"):
        return "certificate_thumbprint: Kerberos uses no certificate. Leave it out, or say authentication: certificate."
    if settings.get("app_consistent_hours") and not settings.get("recovery_history"):
        return "app_consistent_hours needs recovery points. Give recovery_history of 1 to 24 too."
    return (
        _partner_problem(case, goal, str(type_))
        or schedule_problem(case)
        or (_extended_problem(case, goal) if case.extended else _disk_problem(case, goal))
    )


def own_broker_problem(case: Case) -> str:
    """What is wrong with the broker of this host's own cluster; "" for a VM that is no role of one.

    A cluster needs a broker on the primary's side too, else Enable-VMReplication is refused (Microsoft: set up a
    cluster). That one which failed is a hindrance as well is the harsher reading: nothing is documented.
    """
    return (case.have.broker_problem or case.want.broker_problem) if case.vm.clustered else ""


def _partner_problem(case: Case, goal: Goal, type_: str) -> str:
    """What the other host said that speaks against it: of the VM, and of itself."""
    view, server, host = case.partner, case.want.partner_server, case.have.host
    found = collision(view, case.have.host_names, case.want.copy == EXISTING) if view and not case.extended else ""
    if found or server is None:
        return found
    return server_problem(server, str(goal.server), type_, host, case.vm.clustered)


def _disk_problem(case: Case, goal: Goal) -> str:
    choice = disks.choose(goal.disks, case.vm.disks, None, lenient=bool(case.want.between))
    if not choice.problem:
        return ""
    return f"disks: the VM {choice.problem}. Name the disks to leave out in excluded_disks, or correct the list."


def _extended_problem(case: Case, goal: Goal) -> str:
    first = case.vm.relations.get("Simple")
    if first is None or first.mode != REPLICA:
        found = f"{first.mode}/{first.state}" if first else "not replicated"
        return f"it is {found} here. Only the host that holds the replica can extend it: run the task there."
    asked, least = goal.settings.get("frequency"), _first_leg_frequency(case)
    if asked is not None and asked < least:
        return f"frequency: {asked} is shorter than the {least} seconds of the first replica. Give {least} or more."
    return ""


def _excluded(case: Case, goal: Goal) -> list[disks.Disk]:
    kept = disks.choose(goal.disks, case.vm.disks, None, lenient=bool(case.want.between)).replicate
    return [disk for disk in case.vm.disks if not disks.among(disk, kept)]


def _look_again(case: Case) -> Look:
    return Look(CONFIRM, f"{case.have.host} lists no replication of it; it may have just started, so it is asked again")


def mark(case: Case) -> Decision:
    """The next thing for a copy on the replica's host that shall take the initial copy of its primary."""
    if case.vm.power != "Off":
        return case.refuse(
            f"it is {case.vm.power}, and a VM that becomes a replica must be off. If it is the live one, leave it;"
            " else shut it down first."
        )
    problem = own_broker_problem(case)
    if problem:
        return case.refuse(problem)
    if not case.sent:
        return _look_again(case)
    parameters: dict[str, Any] = {"AsReplica": True}
    if case.want.allowed_primary_server:
        parameters["AllowedPrimaryServer"] = case.want.allowed_primary_server
    return case.step(MARK, "Enable-VMReplication", parameters, "this copy shall become the replica of its primary")


def lost_by_moving(case: Case, goal: Goal) -> list[str]:
    """Options that were left out and whose stored values a new first enable would not have."""
    if case.relation is None:
        return []
    stored = case.relation.settings
    lost = [
        f"{row.option}: {_yaml(stored[row.option])}"
        for row in SETTINGS
        if row.usual is not None and goal.settings.get(row.option) is None and stored.get(row.option) != row.usual
    ]
    if not goal.disks.said and not disks.equal(case.relation.disks, case.vm.disks):
        kept = ", ".join(disk.place for disk in case.relation.disks)
        lost.append(f"disks: [{kept}]")
    return lost


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
