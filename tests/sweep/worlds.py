"""Workflows of worlds that are not two hosts, well behaved: a third site, a stranger with a copy, an inventory that
lies, answers that are none, and runs that have to turn back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .hands import Hands, Play, Stopped
from .other_roles import removal_role, reprotect
from .stage import RUNS, A, B, C, D, Stage
from .workflow import ANSWERS, CANCEL, COMMIT, LIES, REMOVE, UNPLANNED, Workflow, both, moved, role, stands

DISASTER = frozenset({UNPLANNED})
TURNED_BACK = frozenset({CANCEL})
BACK = both(stands(A, "Primary", "Replicating", "Running"), stands(B, "Replica", "Replicating", "Off"))


def workflows() -> Iterator[Workflow]:
    """All of them."""
    yield from _chains()
    yield from _strangers()
    yield from _turned_back()
    yield from _liars()
    yield from _odd()
    yield SITE


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
        "chain: reversed, without the third",
        Stage.chain,
        role("planned", B, accept=["extended_leg", "recent_replication"]),
        moved(A, B),
        hosts=3,
        in_gate=False,
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


SITE = Workflow(
    "a site of two hosts",
    Stage.site,
    role("planned", "site_south"),
    lambda stage: _at_site(stage, (B, D), "Primary", "Running") and _at_site(stage, (A, C), "Replica", "Off"),
    hosts=4,
    apart=True,
    cut_on=("HV-A", "HV-B"),
)


def _at_site(stage: Stage, hosts: tuple[str, ...], mode: str, power: str) -> bool:
    """Whether each of these hosts has one of the VMs, which stands like that."""
    found = [side for host in hosts for side in stage.sides(host).values()]
    return found == 2 * [(mode, "Replicating", power)]


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
    """HV-C, of which nobody knows, has a restored copy of the VM that runs, and answers in another host's place."""
    yield Workflow(
        "the inventory lies: planned",
        Stage.stranger,
        role("planned", B, hosts=[A, B]),
        moved(A, B),
        TURNED_BACK,
        hosts=3,
        swept=LIES,
    )
    yield Workflow(
        "the inventory lies: unplanned",
        _stranger_after_disaster,
        role("unplanned", B, reason="primary_is_dead", hosts=[A, B]),
        stands(B, "Replica", "FailedOverWaitingCompletion", "Running"),
        DISASTER,
        hosts=3,
        swept=LIES,
        in_gate=False,
    )
    yield Workflow(
        "the inventory lies: cancel",
        _stranger_failed_over,
        role("cancel", B, hosts=[A, B]),
        BACK,
        TURNED_BACK,
        hosts=3,
        swept=LIES,
        in_gate=False,
    )
    yield Workflow(
        "the inventory lies: delete",
        Stage.stranger,
        lambda hands: removal_role(hands, A, vms=[RUNS], delete="vm_and_disks", lives_on=A, hosts=[A, B]),
        lambda stage: RUNS not in stage.sides(B) and stage.sides(A)[RUNS] == ("None", "Disabled", "Running"),
        frozenset({REMOVE}),
        hosts=3,
        swept=LIES,
        in_gate=False,
    )


def _stranger_after_disaster(stage: Stage) -> None:
    stage.stranger()
    stage.world.power_off(A)


def _stranger_failed_over(stage: Stage) -> None:
    stage.stranger()
    stage.cmdlet(A, "Stop-VM", RUNS)
    stage.cmdlet(A, "Start-VMFailover", Prepare=True)
    stage.cmdlet(B, "Start-VMFailover")


def _odd() -> Iterator[Workflow]:
    yield Workflow(
        "odd answers: planned", Stage.protected, role("planned", B), moved(A, B), TURNED_BACK, apart=True, swept=ANSWERS
    )
    yield Workflow(
        "odd answers: turned back",
        Stage.protected,
        role("planned", B),
        moved(A, B),
        TURNED_BACK,
        in_gate=False,
        swept=ANSWERS,
        refused=(("HV-B", "Start-VMFailover"),),
    )
    yield Workflow(
        "odd answers: way home",
        Stage.primary_back,
        role("return_home", B),
        _home,
        DISASTER,
        in_gate=False,
        apart=True,
        swept=ANSWERS,
    )


def _home(stage: Stage) -> bool:
    stage.world.clock.advance(600)
    return moved(A, B)(stage)
