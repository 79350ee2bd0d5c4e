# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The resource of hyperv_failover: the failover of VMs, on one of its two hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..base.acts import ACTS, Rule, fits, possible, rule_for
from ..base.errors import OptionError
from ..base.names import is_one_of
from ..base.pipeline import Pipeline
from ..base.session import Output
from ..base.states import OFF, RUNNING, Side
from ..engine.plan import Resource, Step
from ..facts.cluster import ClusterUnreadable, parse_cluster, query_cluster
from .case import Case, own_names, partner_names
from .decide import decide
from .options import RULES, SPEC, Want, read_want
from .read import VM, Have, parse, query


def more(have: Have, want: Want) -> Pipeline | None:
    """The cluster, where a VM of one shall run on a host that its relation does not know: that may be its broker."""
    unknown = (
        vm.record["clustered"] and not is_one_of(want.runs_on, (have.host, *own_names(vm), *partner_names(vm)))
        for vm in have.vms.values()
    )
    return query_cluster() if want.runs_on and any(unknown) else None


def learn(output: Output, want: Want) -> Want:
    """The task with the name of this cluster's broker. Raises OptionError when the cluster does not tell."""
    try:
        cluster = parse_cluster(output)
    except ClusterUnreadable as error:
        raise OptionError(
            "runs_on",
            f"whether {want.runs_on} is this host's cluster could not be read: {error}.",
            "Give the name of the node.",
        ) from None
    return replace(want, broker=cluster.broker.name if cluster and cluster.broker else "")


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
    proof = Case(have, want, vm, frozenset()).proof
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


FAILOVER: Resource[Have, Want] = Resource(
    name="hyperv_failover",
    spec=SPEC,
    rules=RULES,
    read_options=read_want,
    query=query,
    parse=parse,
    more=more,
    learn=learn,
    subjects=subjects,
    decide=decide,
    predict=predict,
    record=record,
)
