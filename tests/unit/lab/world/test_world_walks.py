"""Random walks over what hands, time and power can do: the lab itself never breaks, whatever order it comes in."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.world.clock import Clock
from tests.lab.world.laws_replication import LAWS
from tests.lab.world.world import World
from tests.unit.lab.world.hands import START, Hands

HOSTS = ("HV-A", "HV-B")
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("Start-VM", {}),
    ("Stop-VM", {}),
    ("Stop-VM", {"TurnOff": True}),
    ("Save-VM", {}),
    ("Start-VMInitialReplication", {}),
    ("Stop-VMInitialReplication", {}),
    ("Suspend-VMReplication", {}),
    ("Resume-VMReplication", {}),
    ("Resume-VMReplication", {"Resynchronize": True}),
    ("Stop-VMReplication", {}),
    ("Set-VMReplication", {"RecoveryHistory": 3}),
    ("Set-VMReplication", {"AsReplica": True}),
    ("Set-VMReplication", {"Reverse": True}),
    ("Start-VMFailover", {}),
    ("Start-VMFailover", {"Prepare": True}),
    ("Start-VMFailover", {"AsTest": True}),
    ("Stop-VMFailover", {}),
    ("Complete-VMFailover", {}),
    ("Get-VMReplication", {}),
    ("Measure-VMReplication", {}),
]
RARE: list[tuple[str, dict[str, Any]]] = [("Remove-VMReplication", {}), ("Enable-VMReplication", {"AsReplica": True})]
# States that a walk may find without being led there by a law.
BY_TIME = {"WaitingForInitialReplication", "RecoveryInProgress", "Error", "UpdateError", "ReadyForInitialReplication"}
KNOWN = BY_TIME | {"WaitingForStartResynchronize"} | {a for law in LAWS.values() for a in (law.states or {}).values()}


def _acts(hands: Hands, dice: random.Random) -> Callable[[], object]:
    world = hands.world
    chance = dice.random()
    host = dice.choice(HOSTS)
    if chance < 0.03:
        return lambda: _restart(world, host, clean=dice.random() < 0.5)
    if chance < 0.08:
        return lambda: dice.choice([world.cut, world.mend, world.mend])("HV-A", "HV-B")
    if chance < 0.25:
        return lambda: hands.pass_time(dice.choice([1, 30, 400, 4000]))
    if chance < 0.27:
        cmdlet, facts = dice.choice(RARE)
        return lambda: hands.run(host, cmdlet, VMName=["App01"], **facts)
    cmdlet, facts = dice.choice(CALLS)
    name = "Name" if cmdlet.endswith("-VM") else "VMName"
    return lambda: hands.run(host, cmdlet, **{name: ["App01"]}, **facts)


def _restart(world: World, host: str, *, clean: bool) -> None:
    world.power_off(host, clean=clean)
    world.power_on(host)


@pytest.mark.parametrize("seed", range(12))
def test_random_walk(seed: int) -> None:
    dice, hands = random.Random(seed), Hands(vms=2)
    hands.protect(RecoveryHistory=2)
    for _unused in range(150):
        _acts(hands, dice)()
        for _unused, vm in hands.world.copies(hands.vm("HV-A", "App01").id):
            relation = vm.relation
            if relation is None:
                continue
            assert relation.state in KNOWN
            assert relation.state != "RecoveryInProgress" or relation.transfer is not None
            assert vm.test_vm is None or vm.test_vm.test_of is vm
            assert len(vm.recovery_points) <= 4
    hands.pass_time(100)
    assert all(call.outcome != "running" for call in hands.world.recorder.calls)


def test_many_hands_at_once() -> None:
    hands = Hands(World.build(2, 8, clock=Clock(speed=500, start=START)))
    failures: list[BaseException] = []
    for number in range(1, 9, 2):
        hands.protect(f"App{number:02d}")

    def work(seed: int) -> None:
        dice = random.Random(seed)
        try:
            for _unused in range(40):
                cmdlet, facts = dice.choice(CALLS)
                name = "Name" if cmdlet.endswith("-VM") else "VMName"
                hands.run(dice.choice(HOSTS), cmdlet, **{name: [f"App0{dice.choice('1357')}"]}, **facts)
        except BaseException as problem:
            failures.append(problem)
            raise

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
