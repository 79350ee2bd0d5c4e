"""A resource's plan for one subject, unfolded by its own predictions: what its tables of cases are held against."""

from __future__ import annotations

from typing import TypeVar

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Decision, Look, Resource, Step

Have = TypeVar("Have")
Want = TypeVar("Want")


def unfold(
    resource: Resource[Have, Want], have: Have, want: Want, subject: str
) -> tuple[tuple[Step, ...], Decision, Have]:
    """Every step from `have` to the end, the last decision, and the predicted state. A plan has to end."""
    steps: list[Step] = []
    stages: frozenset[str] = frozenset()
    while isinstance(decision := resource.decide(have, want, subject, stages), (Step, Look)):
        assert isinstance(decision, Step) or decision.stage not in stages, f"{decision.stage} again"
        assert decision not in steps, f"{decision.stage} is planned again from its own outcome"
        stages |= {decision.stage}
        if isinstance(decision, Step):
            steps.append(decision)
            have = resource.predict(have, want, decision)
    return tuple(steps), decision, have
