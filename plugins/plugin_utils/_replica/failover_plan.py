# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The plan of a failover for many VMs: what both hosts say now, unfolded over the failover table to its end. Pure.

Input are results of hyperv_replication_info, as they were registered: one of the host where the VMs shall run, any
number of others. A host that was not read makes its VMs unseen there, never absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import ReplicaError
from .failover_acts import ACTS, perform
from .failover_next import Goal, NextAct, NextDone, NextRefused, NextWait, next_step
from .failover_proof import side_of
from .failover_states import ABSENT, Pair, Side
from .values import same_text

STAGES: Mapping[str, str] = {
    "stop_guest": "prepare",
    "prepare": "prepare",
    "turn_off": "prepare",
    "fail_over": "fail_over",
    "reverse": "reverse",
    "become_replica": "become_replica",
    "start_copy": "reverse",
    "start": "start",
    "commit": "commit",
    "cancel_failover": "cancel_failover",
    "cancel_preparation": "cancel_preparation",
    "start_test": "start_test",
    "end_test": "end_test",
    "remove": "remove",
}
"""Which stage of the roles does an act."""


@dataclass(eq=False)
class PlanError(ReplicaError):
    """The input of the filter cannot be a reading of hosts."""

    problem: str

    def __str__(self) -> str:
        return f"failover_plan: {self.problem}"


@dataclass(frozen=True)
class Seen:
    """One VM as both hosts show it. `elsewhere` is the inventory host of the other side, "" when none was read."""

    id: str
    name: str
    here: str
    elsewhere: str
    pair: Pair
    partner: str


@dataclass
class VMPlan:
    """What is to be done for one VM, act by act, and how it ends."""

    seen: Seen
    acts: list[NextAct] = field(default_factory=list)
    outcome: str = "done"
    message: str = ""
    open_ends: tuple[str, ...] = ()
    end: Pair | None = None

    def host_of(self, where: str) -> str:
        """Inventory host of a side."""
        return self.seen.here if where == "target" else self.seen.elsewhere

    def to_result(self) -> dict[str, Any]:
        """The entry of this VM in the plan."""
        end = self.end or self.seen.pair
        return {
            "id": self.seen.id,
            "name": self.seen.name,
            "target_host": self.seen.here,
            "other_host": self.seen.elsewhere or None,
            "partner": self.seen.partner or None,
            "now": {"target": str(self.seen.pair.target), "other": _shown(self.seen.pair.other)},
            "then": {"target": str(end.target), "other": _shown(end.other)},
            "steps": [
                {
                    "act": act.act,
                    "stage": STAGES[act.act],
                    "host": self.host_of(act.where),
                    "cmdlet": ACTS[act.act].cmdlet,
                    "parameters": dict(ACTS[act.act].parameters),
                    "why": act.why,
                }
                for act in self.acts
            ],
            "outcome": self.outcome,
            "message": self.message,
            "open_ends": list(self.open_ends),
        }


def failover_plan(target: Any, others: Any, goal: Mapping[str, Any]) -> dict[str, Any]:
    """The plan: an entry a VM, ids by stage and host for the next act, and what is refused.

    `target` is one result of hyperv_replication_info, `others` a list of them. `goal` has `vms` (names or ids, empty
    for all that were read) and the fields of Goal. Raises PlanError for input that cannot be meant.
    """
    wish = read_goal(goal)
    plans = [_unfold(seen, wish) for seen in pair_up(target, others, goal.get("vms") or ())]
    return {
        "vms": [plan.to_result() for plan in plans],
        "stages": _stages(plans),
        "refused": [
            {"id": p.seen.id, "name": p.seen.name, "reason": p.message} for p in plans if p.outcome == "refused"
        ],
        "waiting": [plan.seen.id for plan in plans if plan.outcome == "waiting"],
        "done": [plan.seen.id for plan in plans if plan.outcome == "done" and not plan.acts],
        "lines": [line for plan in plans for line in _lines(plan)],
    }


def read_goal(goal: Mapping[str, Any]) -> Goal:
    """The goal as a value. Raises PlanError for a word that is none."""
    known = {name: goal[name] for name in Goal.__dataclass_fields__ if goal.get(name) is not None}
    unknown = set(goal) - set(Goal.__dataclass_fields__) - {"vms"}
    if unknown:
        raise PlanError(f"{', '.join(sorted(unknown))} is nothing that a goal can have.")
    if "wish" not in known:
        raise PlanError("the goal has no wish.")
    return Goal(**known)


def pair_up(target: Any, others: Any, vms: Sequence[str]) -> list[Seen]:
    """The VMs wanted, each with both sides. Raises PlanError for one that the target does not have."""
    records = _records(target)
    if records is None:
        raise PlanError("the host where the VMs shall run could not be read.")
    seen = {str(r["id"]): _see(r, target, others) for r in _wanted(records, vms)}
    return list(seen.values())


def _wanted(records: Sequence[Mapping[str, Any]], vms: Sequence[str]) -> Iterable[Mapping[str, Any]]:
    if not vms:
        yield from records
    for asked in vms:
        found = [r for r in records if same_text(r["name"], asked) or same_text(r["id"], asked)]
        if len(found) != 1:
            problem = "no VM of that name or id" if not found else f"{len(found)} VMs of that name"
            raise PlanError(f"{asked}: the host where it shall run has {problem}.")
        yield found[0]


def _records(result: Any) -> list[Mapping[str, Any]] | None:
    """The VM records of a result; None where the host could not be read."""
    if not isinstance(result, Mapping) or result.get("failed") or result.get("unreachable"):
        return None
    vms = result.get("vms")
    return list(vms) if vms is not None else None


def _see(record: Mapping[str, Any], target: Mapping[str, Any], others: Iterable[Any]) -> Seen:
    """The other side of a VM is the host that has the same id; a host read without it has no such VM."""
    elsewhere, other = "", None
    read = False
    for result in others:
        records = _records(result)
        if records is None:
            continue
        read = True
        found = next((r for r in records if r["id"] == record["id"]), None)
        if found is not None:
            elsewhere, other = str(found["inventory_host"]), _side(found)
            break
    if other is None and read and not any(_records(result) is None for result in others):
        other = Side(mode=ABSENT)
    return Seen(
        id=str(record["id"]),
        name=str(record["name"]),
        here=str(record["inventory_host"]),
        elsewhere=elsewhere,
        pair=Pair(_side(record), other),
        partner=str(record.get("partner") or ""),
    )


def _side(record: Mapping[str, Any]) -> Side | None:
    """A side, or None for one whose replication could not be read."""
    try:
        return side_of(record)
    except ValueError:
        return None


def _unfold(seen: Seen, goal: Goal) -> VMPlan:
    """The acts from here to the end, by the table; nothing is sent."""
    plan = VMPlan(seen)
    pair = seen.pair
    visited: set[Pair] = set()
    while pair not in visited:
        visited.add(pair)
        step = next_step(pair, goal)
        if not isinstance(step, NextAct):
            _conclude(plan, step)
            plan.end = pair
            return plan
        plan.acts.append(step)
        after = perform(pair, step.act, step.where) or _perform_unseen(pair, step)
        if after is None:
            break
        pair = after
    plan.outcome, plan.message, plan.end = "refused", f"the plan does not end from {pair}", pair
    return plan


def _perform_unseen(pair: Pair, step: NextAct) -> Pair | None:
    """An act whose partner was not read: what its own side becomes, when the partner is as the act needs it."""
    for rule in ACTS[step.act].rules:
        partner = Side(**{name: _one(value) for name, value in rule.partner.items()})
        where = "other" if step.where == "target" else "target"
        after = perform(pair.with_side(where, partner), step.act, step.where)
        if after is not None:
            return after
    return None


def _one(value: Any) -> Any:
    return sorted(value)[0] if isinstance(value, (set, frozenset)) else value


def _conclude(plan: VMPlan, step: NextDone | NextRefused | NextWait) -> None:
    plan.message = step.reason
    if isinstance(step, NextRefused):
        plan.outcome = "refused"
    elif isinstance(step, NextWait):
        plan.outcome = "waiting"
    else:
        plan.open_ends = step.open_ends


def _stages(plans: Iterable[VMPlan]) -> dict[str, dict[str, list[str]]]:
    """Ids by the stage of their next act and the inventory host that acts."""
    stages: dict[str, dict[str, list[str]]] = {}
    for plan in plans:
        if plan.acts and plan.outcome != "refused":
            first = plan.acts[0]
            hosts = stages.setdefault(STAGES[first.act], {})
            hosts.setdefault(plan.host_of(first.where), []).append(plan.seen.id)
    return stages


def _lines(plan: VMPlan) -> Iterable[str]:
    """The plan of one VM, for the operator."""
    seen = plan.seen
    yield f"{seen.name}: {seen.here}: {seen.pair.target}; {seen.elsewhere or seen.partner}: {_shown(seen.pair.other)}"
    for number, act in enumerate(plan.acts, 1):
        yield f"  {number}. {plan.host_of(act.where)}: {ACTS[act.act].cmdlet}: {act.why}"
    verb = {"refused": "REFUSED: ", "waiting": "first wait: "}.get(
        plan.outcome, "then " if plan.acts else "nothing to do: "
    )
    yield f"  {verb}{plan.message}" + "".join(f"; {text}" for text in plan.open_ends)


def _shown(side: Side | None) -> str:
    return "not read" if side is None else str(side)
