# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The noun of hyperv_failover: the failover of VMs, on one of its two hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .failover_acts import ACTS, Rule, fits, possible, rule_for
from .failover_here import decide
from .failover_options import RULES, SPEC, Want, read_want
from .failover_read import VM, Have, parse, query
from .failover_states import OFF, RUNNING, Side
from .plan import Noun, Step


def subjects(have: Have, want: Want) -> tuple[str, ...]:
    """Ids of the VMs in the order asked for. Names that mean nothing, or two VMs, have ended the task before."""
    by_name = {vm.name.casefold(): vm.id for vm in have.vms.values()}
    asked = [by_name[name.casefold()] for name in want.vms.names or ()] + list(want.vms.ids or ())
    return tuple(dict.fromkeys(asked))


def predict(have: Have, want: Want, step: Step) -> Have:
    """What the host will say when the step has settled."""
    vm = have.vms[step.subject]
    if step.stage == "start_test_vm":
        return _with(have, replace(vm, test_power=RUNNING))
    if step.stage == "start_action":
        action = step.statement.commands[-1].parameters["AutomaticStartAction"]
        return _with(have, replace(vm, record={**vm.record, "automatic_start_action": action}))
    proof = want.proofs.get(vm.id)
    partner = proof.side if proof else None
    rule = rule_for(step.stage, vm.side, partner, True) or _any_rule(step.stage, vm.side)
    side = vm.side.with_(**dict(rule.then)) if rule else vm.side
    vm = replace(vm, side=side)
    if step.stage == "start_test":
        vm = replace(vm, test_id="the test VM", test_power=OFF)
    return _with(have, vm)


def _any_rule(act: str, own: Side) -> Rule | None:
    """The rule of the own side, where the partner was declared and not read."""
    return next((rule for rule in ACTS[act].rules if fits(rule.own, own)), None)


def _with(have: Have, vm: VM) -> Have:
    return replace(have, vms={**have.vms, vm.id: vm})


def record(have: Have, want: Want, subject: str) -> dict[str, Any]:
    """The result of one VM, from what was read."""
    vm = have.vms.get(subject)
    if vm is None:
        return {"id": subject, "name": None, "host": have.host}
    return {
        "id": vm.id,
        "name": vm.name,
        "host": have.host,
        "power": vm.side.power,
        "mode": vm.side.mode,
        "state": vm.side.state,
        "automatic_start_action": vm.start_action,
        "test_vm": None if not vm.side.test_vm else {"id": vm.test_id or None, "power": vm.test_power or None},
        "partner": vm.record["partner"],
        "possible": list(possible(vm.side)),
    }


FAILOVER: Noun[Have, Want] = Noun(
    name="hyperv_failover",
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
