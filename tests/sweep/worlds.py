"""Workflows of worlds that are not two hosts, well behaved: a third site, a stranger with a copy, an inventory that
lies, answers that are none, and runs that have to turn back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .hands import Hands, Play, Stopped
from .other_roles import reprotect
from .stage import RUNS, A, B, C, Stage
from .workflow import ANSWERS, CANCEL, COMMIT, LIES, UNPLANNED, Workflow, both, moved, role, stands

DISASTER = frozenset({UNPLANNED})
TURNED_BACK = frozenset({CANCEL})


def workflows() -> Iterator[Workflow]:
    """All of them."""
    yield from _chains()
    yield from _strangers()
    yield from _turned_back()
    yield from _liars()
    yield from _odd()


def _chains() -> Iterator[Workflow]:
    yield Workflow(
        "chain: on to the third site",
        Stage.chain,
        _on_to_the_third,
        both(stands(B, "Primary", "Replicating", "Running"), stands(C, "ExtendedReplica", "Replicating", "Off")),
        frozenset({COMMIT}),
        hosts=3,
    )
    yield Workflow(
        "chain: reversed, without the third", Stage.chain, role("planned", B), moved(A, B), hosts=3, in_gate=False
    )
    failed_over = stands(C, "ExtendedReplica", "FailedOverWaitingCompletion", "Running")
    yield Workflow(
        "chain: at the third site",
        _first_two_lost,
        role("unplanned", C, reason="primary_is_dead"),
        failed_over,
        DISASTER,
        hosts=3,
    )


def _on_to_the_third(hands: Hands) -> None:
    role("planned", B, reverse=False)(hands)
    reprotect(hands, B, C)


def _first_two_lost(stage: Stage) -> None:
    stage.chain()
    stage.world.power_off(A)
    stage.world.power_off(B)


def refused(play: Play) -> Play:
    """A play that is refused for good: a run that fails is through with it."""

    def played(hands: Hands) -> None:
        try:
            play(hands)
        except Stopped:
            return
        raise Stopped("it was not refused")

    return played


def as_it_was(power: str) -> Callable[[Stage], bool]:
    """Whether the VM that the third host has is like that, and nothing happened on HV-B."""

    def look(stage: Stage) -> bool:
        return stage.sides(C)[RUNS][2] == power and stands(B, "Replica", "Replicating", "Off")(stage)

    return look


def _strangers() -> Iterator[Workflow]:
    dead = role("unplanned", B, reason="primary_is_dead")
    yield Workflow(
        "a stranger's copy, Off", Stage.stranger, role("planned", B), moved(A, B), hosts=3, apart=True, in_gate=False
    )
    yield Workflow(
        "a stranger's copy runs", Stage.stranger_runs, refused(dead), as_it_was("Running"), DISASTER, hosts=3
    )


def _turned_back() -> Iterator[Workflow]:
    for name, cmdlet, in_gate in (
        ("turned back at the primary", ("HV-A", "Start-VMFailover"), False),
        ("turned back at the replica", ("HV-B", "Start-VMFailover"), True),
    ):
        yield Workflow(
            name,
            Stage.protected,
            role("planned", B),
            moved(A, B),
            TURNED_BACK,
            in_gate=in_gate,
            apart=True,
            refused=(cmdlet,),
        )


def _liars() -> Iterator[Workflow]:
    """HV-C has a restored copy of the VM that runs, and now and then answers in the place of another host."""
    yield Workflow(
        "planned, the inventory lies", Stage.stranger, role("planned", B), moved(A, B), TURNED_BACK, hosts=3, swept=LIES
    )


def _odd() -> Iterator[Workflow]:
    yield Workflow(
        "planned, odd answers", Stage.protected, role("planned", B), moved(A, B), TURNED_BACK, apart=True, swept=ANSWERS
    )
