"""What is swept: a workflow, where it begins, the plays of it, and what the world is like when it is done.

A workflow is a fixed sequence of desired states, so the same plays are right from every half-done state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .hands import Hands, Play
from .role import failover_role
from .stage import NAMES, RUNS, Stage

# What a workflow was asked for beside moving on: acts that lose or end something are law-breaking without it.
COMMIT, CANCEL, END_TEST, REMOVE, UNPLANNED = "commit", "cancel", "end_test", "remove", "unplanned"
TURN_OFF = "turn_off"
DROPS, ANSWERS, LIES = "drops", "answers", "lies"
"""What a workflow is swept with: calls that are lost, answers that are none, an inventory that lies."""


@dataclass(frozen=True)
class Workflow:
    """`begin` sets the stage, `play` is run, and run again; `done` says whether the world is as it shall be.

    What is not `in_gate` is swept only when it is asked for: a gate has its time. `in_full`: in the gate too, every
    pipeline before the first change is cut, and not one of each kind. `cut_on`: in the gate only the calls on these
    hosts are cut, for the others are like them. `apart`: the VMs have another name on each host. `refused` are cmdlets
    whose first call Windows refuses, so that the run has to turn back. `rests`: whether a VM is off because the
    workflow ends so; another one that ran has to run, or be told of. `no_further` are cmdlets that a run sends no more
    once it knows that it is stopped, and `untold` yields what its report should have said then, and has not.
    """

    name: str
    begin: Callable[[Stage], None]
    play: Play
    done: Callable[[Stage], bool]
    asked: frozenset[str] = frozenset()
    hosts: int = 2
    in_gate: bool = True
    in_full: bool = False
    cut_on: tuple[str, ...] = ()
    apart: bool = False
    swept: str = DROPS
    refused: tuple[tuple[str, str], ...] = ()
    rests: Callable[[Stage, str], bool] = lambda stage, name: False
    no_further: frozenset[str] = frozenset({"Stop-VM"})
    untold: Callable[[Stage, Hands], Iterable[str]] = lambda stage, hands: ()


def stands(host: str, mode: str, state: str, power: str = "") -> Callable[[Stage], bool]:
    """Whether every VM stands like that on a host. `power` is of the VM that ran; the other one is as it was."""

    def look(stage: Stage) -> bool:
        sides = stage.sides(host)
        right = all(sides.get(name, ("", "", ""))[:2] == (mode, state) for name in NAMES)
        return right and (not power or sides[RUNS][2] == power)

    return look


def both(*looks: Callable[[Stage], bool]) -> Callable[[Stage], bool]:
    """Whether all of these hold."""
    return lambda stage: all(look(stage) for look in looks)


def moved(source: str, target: str) -> Callable[[Stage], bool]:
    """Whether the VMs run on the target and replicate back."""
    return both(stands(target, "Primary", "Replicating", "Running"), stands(source, "Replica", "Replicating", "Off"))


# -- plays -------------------------------------------------------------------------------------------------------------


def failover(hands: Hands, host: str, state: str, runs_on: str, partner: str = "", **options: object) -> None:
    """hyperv_failover on one host, with what the partner says as proof."""
    given = {"partner": hands.read(partner, NAMES)} if partner else {}
    name = hands.lab.world.host(runs_on).fqdn
    hands.module("hyperv_failover", host, names=NAMES, state=state, runs_on=name, **given, **options)


UP = {"start": True, "unconnected_adapters": "allow"}


def planned(source: str, target: str) -> Play:
    """A planned failover with reverse, from one host to the other."""

    def play(hands: Hands) -> None:
        failover(hands, source, "prepared", target, partner=target, shutdown="clean")
        failover(hands, target, "failed_over", target, partner=source)
        failover(hands, target, "reversed", target, partner=source, **UP)

    return play


def role(wish: str, to: str, **inputs: object) -> Play:
    """The failover role."""

    def play(hands: Hands) -> None:
        failover_role(hands, wish, to, unconnected_adapters="allow", patience=0, **inputs)

    return play
