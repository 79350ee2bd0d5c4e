# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One VM under decision of hyperv_failover: what is known of it and of its other side, and how its steps are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.acts import ACTS, allowed
from ..base.names import is_one_of
from ..base.pipeline import Command, Statement, vm_by_id
from ..base.proof import Proof
from ..base.states import PRIMARY, Side
from ..engine.plan import Decision, Done, Refused, Step, Wait
from .options import Want
from .read import VM, Have


def own_names(vm: VM) -> tuple[str, ...]:
    """How the relation calls this side: on a cluster its broker, or the node."""
    own = vm.relation.get("primary_server" if vm.side.mode == PRIMARY else "replica_server")
    return (str(own),) if own else ()


def partner_names(vm: VM) -> tuple[str, ...]:
    """How the relation calls the other side."""
    primary = ("replica_server", "current_replica_server")
    keys = primary if vm.side.mode == PRIMARY else ("primary_server", "allowed_primary_server")
    return tuple(str(name) for key in keys if (name := vm.relation.get(key)))


def third_names(vm: VM) -> tuple[str, ...]:
    """How the leg to a third site calls it; nothing without one."""
    keys = ("replica_server", "current_replica_server")
    return tuple(str(name) for key in keys if (name := vm.sends_on.get(key)))


@dataclass(frozen=True)
class Case:
    """One VM under decision. `proof` is the other side's word, if the task brought one."""

    have: Have
    want: Want
    vm: VM
    sent: frozenset[str]

    @property
    def own(self) -> Side:
        """This host's side."""
        return self.vm.side

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """What other hosts answered."""
        return self.want.proofs.get(self.vm.id, ())

    @property
    def proof(self) -> Proof | None:
        """What the host of the other side answered, whatever its age."""
        names = partner_names(self.vm)
        return next((proof for proof in self.proofs if not names or proof.is_of(names)), None)

    @property
    def third(self) -> Proof | None:
        """What the third site answered, for a replica that is replicated on."""
        names = third_names(self.vm)
        return next((proof for proof in self.proofs if names and proof.is_of(names)), None)

    @property
    def stranger(self) -> Proof | None:
        """A record of a host that no relation of the VM names."""
        names = (*partner_names(self.vm), *third_names(self.vm))
        return next((proof for proof in self.proofs if names and not proof.is_of(names)), None)

    @property
    def here(self) -> bool:
        """True when the VM shall run on this host: by its own name, or by the broker under which it replicates."""
        return is_one_of(self.want.runs_on, (self.have.host, *own_names(self.vm), self.want.broker))

    @property
    def misdirected(self) -> bool:
        """True when runs_on is neither of the two hosts that are known, so that it cannot be meant."""
        known = partner_names(self.vm)
        elsewhere = (*known, self.proof.host) if self.proof else known
        return bool(known) and not self.here and not is_one_of(self.want.runs_on, elsewhere)

    @property
    def partner_host(self) -> str:
        """The other host, as it is known here."""
        return str(self.vm.record["partner"] or "its partner")

    def refuse(self, text: str) -> Refused:
        """A refusal that says which VM where."""
        return Refused(f"{self.vm.name} on {self.have.host}: {text}")

    def done(self, reason: str, *open_ends: str) -> Done:
        """Nothing (more) to do; what stays open are warnings."""
        return Done(reason, tuple(f"{self.vm.name} on {self.have.host}: {text}" for text in open_ends))

    def step(self, act: str, statement: Statement, why: str = "", **marks: Any) -> Step:
        """The act as a step, if Windows allows it from the states read."""
        return Step(act, statement, why or ACTS[act].meaning, self.vm.id, waits=ACTS[act].waits, **marks)

    def act(self, act: str, extra: Mapping[str, Any] | None = None, **marks: Any) -> Decision:
        """The act on this VM's object, or a wait while it changes, or a refusal."""
        if self.own.changing:
            return Wait(f"{self.vm.name} on {self.have.host} is {self.own}")
        if not allowed(act, self.own, self.proof.side if self.proof else None):
            other = f"; {self.proof.host}: {self.proof.side}" if self.proof else ""
            return self.refuse(f"cannot {ACTS[act].meaning} from here. It is {self.own}{other}.")
        command = Command(ACTS[act].cmdlet, {**ACTS[act].parameters, **(extra or {}), "Confirm": False})
        return self.step(act, Statement((vm_by_id(self.vm.id),)) | command, **marks)

    def from_point(self, act: str, point: str) -> Decision:
        """A failover from the recovery point of that id, or from the latest data. The point belongs to this VM."""
        plain = self.act(act)
        if not isinstance(plain, Step) or not point:
            return plain
        chosen = Command("Where-Object", {"Property": "Id", "EQ": True, "Value": point})
        command = plain.statement.commands[-1]
        statement = Statement((vm_by_id(self.vm.id),)) | Command("Get-VMSnapshot") | chosen | command
        return self.step(act, statement)
