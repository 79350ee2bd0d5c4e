# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One VM under decision: what is known of it, what is wanted, and how its steps and sentences are made.

Statements pipe the live object by id. An extended leg is reached through its VMReplication object, because most cmdlets
know -ReplicationRelationshipType only beside -VMName, which takes patterns (cmdlets.json; Get-VMReplication).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.names import is_one_of
from ..base.pipeline import Command, Statement, vm_by_id
from ..engine.plan import Done, Refused, Step
from ..facts import disks
from ..facts.certificate import NoChoice, choose
from . import settings as relation_settings
from .have import VM, Have, Relation
from .partner import PartnerView, other_of
from .want import AUTO, HostValues, Want

QUIET: Mapping[str, Any] = {"Confirm": False}


@dataclass(frozen=True)
class Goal:
    """What the options come to on this host. `settings` may lack anything; `problem` is why they come to nothing."""

    server: str | None
    settings: Mapping[str, Any]
    disks: disks.Wish
    problem: str = ""


@dataclass(frozen=True)
class Case:
    """A VM with its relation of the kind that is asked about. `sent`: stages already sent in this run."""

    have: Have
    want: Want
    vm: VM
    relation: Relation | None
    sent: frozenset[str]

    @property
    def partner(self) -> PartnerView | None:
        """What the other host said of this VM, if the task brought it."""
        return self.want.partner.get(self.vm.id)

    @property
    def extended(self) -> bool:
        """True when the extended leg is asked about."""
        return self.want.relationship == "Extended"

    @property
    def where(self) -> str:
        """The VM and its host, for messages; the host alone where no VM is asked about."""
        return f"{self.vm.name} on {self.have.host}" if self.vm.name else self.have.host

    def refuse(self, text: str) -> Refused:
        """A refusal that says which VM where."""
        return Refused(f"{self.where}: {text}")

    def done(self, reason: str, *warnings: str) -> Done:
        """Nothing to do. Warnings say which VM where."""
        return Done(reason, tuple(f"{self.where}: {text}" for text in warnings if text))

    def step(self, stage: str, name: str, parameters: Mapping[str, Any], why: str, **marks: Any) -> Step:
        """A step for this VM's object, which is piped in."""
        return Step(stage, self._object() | Command(name, {**parameters, **QUIET}), why, subject=self.vm.id, **marks)

    def _object(self) -> Statement:
        vm = Statement((vm_by_id(self.vm.id),))
        if self.extended and self.relation is not None:
            return vm | Command("Get-VMReplication", {"ReplicationRelationshipType": "Extended"})
        return vm


def goal_of(case: Case) -> Goal:
    """The goal on this host: with `between` its own values and the other's port, else the options as they are."""
    want, have = case.want, case.have
    if not want.between:
        return _with_certificate(case, Goal(want.replica_server, want.settings, want.disks))
    other = other_of(want.between, have.host_names)
    mine, theirs = _values_of(want, have.host_names), _values_of(want, (other or "",))
    settings = {**want.settings, **mine.settings}
    settings.pop("replica_port", None)  # the port that is dialled is the one that the other host listens on
    if theirs.settings.get("replica_port") is not None:
        settings["replica_port"] = theirs.settings["replica_port"]
    return _with_certificate(case, Goal(other, settings, mine.disks or want.disks))


def _values_of(want: Want, host_names: tuple[str, ...]) -> HostValues:
    return next((values for host, values in want.per_host.items() if is_one_of(host, host_names)), HostValues())


def _with_certificate(case: Case, goal: Goal) -> Goal:
    """The goal with `auto` replaced by the certificate that it means now."""
    if goal.settings.get("certificate_thumbprint") != AUTO:
        return goal
    if case.have.certificates is None:
        return Goal(goal.server, goal.settings, goal.disks, "this host's certificates could not be read")
    hosts = _certified(case)
    if hosts is None:
        problem = "the certificate has to name the cluster's replica broker too, and that could not be read"
        return Goal(
            goal.server, goal.settings, goal.disks, f"certificate_thumbprint: auto: {problem}. Name the thumbprint."
        )
    stored = str(case.relation.settings.get("certificate_thumbprint") or "") if case.relation else ""
    try:
        chosen = choose(case.have.certificates, hosts, stored, case.want.renew_before)
    except NoChoice as error:
        return Goal(goal.server, goal.settings, goal.disks, f"certificate_thumbprint: auto: {error}")
    return Goal(goal.server, {**goal.settings, "certificate_thumbprint": chosen.thumbprint}, goal.disks)


def _certified(case: Case) -> tuple[str, ...] | None:
    """The names that the certificate has to have: the host's, and for a clustered VM its broker's; None: unknown."""
    if not case.vm.clustered:
        return (case.have.host,)
    return (case.have.host, case.have.broker) if case.have.broker else None


def connection_test(case: Case, server: str, settings: Mapping[str, Any]) -> Step:
    """The probe that comes before anything that depends on the partner. One for all VMs that share it."""
    statement = Statement((Command("Test-VMReplicationConnection", connection(server, settings)),))
    why = (
        f"{server} has to answer on port {settings.get('replica_port')} for {settings.get('authentication')}: enabled"
        " as a replica server with that port and type, its firewall open"
    )
    return Step("test_connection", statement, why, subject=case.vm.id, probe=True)


def connection(server: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of Test-VMReplicationConnection for these settings."""
    kept = {
        name: settings[name]
        for name in ("replica_port", "authentication", "certificate_thumbprint", "bypass_proxy")
        if settings.get(name) not in (None, "")
    }
    return {"ReplicaServerName": server, **relation_settings.to_set(kept)}
