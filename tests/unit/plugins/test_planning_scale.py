"""Planning is linear in the number of VMs: everything that a run works out between two tasks, for few and for many.

Four times the VMs may take four times as long, and not sixteen times; the bound lies between, for machines are noisy.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import (
    failover_partners,
    failover_plan,
    failover_preflight,
    failover_report,
    failover_run,
    failover_ways,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_inputs import make_run
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_states import Pair

from tests.unit.plugins.failover_sim import INPUTS, Sim, side_of

FEW, MANY = 500, 2000
MOST_TIMES = 8.0
MOST_SECONDS, ALL = 5.0, 5000
MOST_ROUNDS = 60
TRIES = 3
SERVER = {
    "enabled": True,
    "authentication": "kerberos",
    "kerberos_port": 80,
    "certificate_port": 443,
    "any_server": True,
    "entries": [{"name": "*"}],
}
READY = ("Replica/Replicating Off", "Primary/Replicating Running")
RUNS: Mapping[str, dict[str, Any]] = {
    "one group": {},
    "four groups": {"groups": 4},
    "all fail": {"faults": ["prepare", "prepare"]},
    "both run": {"states": ("Replica/FailedOver Running", "Primary/WaitingForStartResynchronize Running")},
    "the primary is dead": {
        "wish": "unplanned",
        "states": ("Replica/Replicating Off", "unread"),
        "reason": "primary_is_dead",
    },
}


class Watch:
    """Seconds of this process by what it was busy with."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def __call__(self, name: str, function: Callable[..., Any], *given: Any) -> Any:
        begun = time.process_time()
        try:
            return function(*given)
        finally:
            self.seconds[name] += time.process_time() - begun  # type: ignore[assignment]


def run(
    number: int,
    wish: str = "planned",
    states: tuple[str, str] = READY,
    groups: int = 0,
    faults: tuple[str, ...] = (),
    most_rounds: int = MOST_ROUNDS,
    **inputs: Any,
) -> Counter[str]:
    """A whole run of so many VMs, as the role takes it from task to task; only our part of it is timed."""
    watch = Watch()
    target, other = (side_of(text) for text in states)
    sim = Sim({f"VM{n:05}": Pair(target, other) for n in range(number)})
    sim.faults = {name: list(faults) for name in sim.pairs}
    readings = sim.readings(0)
    for reading in readings.values():
        reading["server"] = SERVER
    vms = [name if other else f"{name} (copy)" for name in sim.pairs]
    ids = [f"id-{name}".lower() for name in sim.pairs]
    asked = [{"name": f"group {n}", "vms": vms[n::groups]} for n in range(groups)]
    given = {**INPUTS, "groups": asked, "vms": [] if asked else vms, **inputs}
    watch("partners", failover_partners.partners, readings, ["hv-b"], ids, list(readings), {})
    raw = make_run(given, wish, ["hv-b"], {"HV-A.x.example": ["hv-a"]})
    raw = watch("begin", failover_run.begin, raw, readings, {}, 0.0)
    watch("ways", failover_ways.ways, raw, readings)
    watch("preflight", failover_preflight.preflight, raw, readings, [], readings)
    results: list[dict[str, Any]] = []
    for round_ in range(1, most_rounds + 1):
        raw = watch("advance", failover_run.advance, raw, readings, results, float(round_))
        if raw["end"]:
            break
        results = [sim.call(call) for call in raw["calls"]]
        fresh = sim.readings(round_)
        readings = {**readings, **{host: fresh[host] for host in raw["reads"]}}
    watch("report", failover_report.report, raw, readings)
    return watch.seconds


def least(tries: Sequence[Counter[str]]) -> Counter[str]:
    """Of each part the least that it took: what comes on top is the machine's other work, and its garbage."""
    return Counter({what: min(seconds[what] for seconds in tries) for what in tries[0]})  # type: ignore[type-var]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_takes_four_times_as_long_for_four_times_the_vms(name, say):
    few = least([run(FEW, **RUNS[name]) for _unused in range(2)])
    tries: list[Counter[str]] = []
    while True:
        tries.append(run(MANY, **RUNS[name]))
        many = least(tries)
        slow = [what for what in many if many[what] > max(few[what], 0.05) * MOST_TIMES]
        if not slow or len(tries) == TRIES:
            break
    told = ", ".join(f"{what} {few[what]:.2f} and {many[what]:.2f} s" for what in many)
    say(f"planning, {name}, {FEW} and {MANY} VMs: {told}")
    assert not slow, told


def test_the_plan_of_many_is_within_its_budget(say):
    """What is between a reading and the first call: partners, plan, preflight, and the first calls."""
    tries: list[Counter[str]] = []
    while True:
        tries.append(run(ALL, most_rounds=1))
        seconds = least(tries)
        planning = sum(seconds[what] for what in ("partners", "begin", "ways", "preflight", "advance"))
        if planning < MOST_SECONDS or len(tries) == TRIES:
            break
    say(f"planning of {ALL} VMs: {planning:.1f} s of {MOST_SECONDS:.0f}")
    assert planning < MOST_SECONDS


def test_the_filter_plans_many_in_linear_time():
    def seconds(number: int) -> float:
        sim = Sim({f"VM{n:05}": Pair(side_of(READY[0]), side_of(READY[1])) for n in range(number)})
        readings = {host: {**told, "inventory_host": host} for host, told in sim.readings(0).items()}
        begun = time.process_time()
        failover_plan.failover_plan(readings["hv-b"], [readings["hv-a"]], {"wish": "planned"})
        return time.process_time() - begun

    few = min(seconds(FEW), seconds(FEW))
    assert seconds(MANY) < max(few, 0.02) * MOST_TIMES
