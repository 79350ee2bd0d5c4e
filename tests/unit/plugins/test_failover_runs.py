"""Runs of the failover role as data: from a reading to the end, with faults, other hands and hosts that fall silent."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_report import report
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_states import Pair

from tests.unit.plugins.failover_sim import Sim, side_of, text_of

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "failover" / "runs.yml").read_text(encoding="utf-8"))


def simulate(case: dict[str, Any]) -> tuple[Sim, dict[str, Any]]:
    """The run of a case, and what its report says."""
    pairs = {name: Pair(side_of(target), side_of(other)) for name, (target, other) in case["vms"].items()}
    sim = Sim(pairs, case.get("faults", {}), case.get("hands", {}), case.get("unread", {}))
    sim.errors, sim.lost = list(case.get("errors", [])), list(case.get("lost", []))
    end = sim.run(case.get("wish", "planned"), **case.get("inputs", {}))
    told = report(end["run"], end["readings"])
    for vm in told["vms"]:
        vm["name"] = vm["name"].removesuffix(" (copy)")
    return sim, told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_run(case: dict[str, Any]) -> None:
    sim, told = simulate(case)
    if "calls" in case:
        assert sim.log == case["calls"]
    then = {name: [text_of(pair.target), text_of(pair.other)] for name, pair in sim.pairs.items()}
    assert then == case["then"]
    assert {vm["name"]: vm["result"] for vm in told["vms"] if vm["name"] in case.get("marks", {})} == case.get(
        "marks", {}
    )
    for name, words in case.get("says", {}).items():
        text = next(vm["message"] for vm in told["vms"] if vm["name"] == name)
        assert words in text.lower() or words in text, text
    # A VM that is not where it shall be is told of, and named in the command that goes on with it, or in its ways out.
    for vm in told["vms"]:
        ways = [
            line for line in told["lines"] if line.startswith((f"{vm['name']}: to go", f"{vm['name']} (copy): to go"))
        ]
        assert (vm["name"] in told["command"] or bool(ways)) == vm["failed"], told["lines"]


STAGES = ("prepare", "fail_over", "reverse", "start")


@pytest.mark.parametrize("faults", list(product((False, True), repeat=len(STAGES))))
def test_whatever_fails_the_vm_comes_up_or_is_told_of(faults: tuple[bool, ...]) -> None:
    """L12 for every combination of stages that fail; and the same run again, with nothing failing, ends well."""
    failing = [stage for stage, fails in zip(STAGES, faults, strict=True) if fails]
    start = {"App": ["Replica/Replicating Off", "Primary/Replicating Running"]}
    sim, told = simulate({"vms": start, "faults": {"App": failing}})
    pair = sim.pairs["App"]
    running = [side for side in (pair.target, pair.other) if side is not None and side.power == "Running"]
    assert len(running) <= 1
    assert running or told["vms"][0]["result"] == "DOWN"
    assert told["vms"][0]["failed"] == bool(failing)
    again = Sim(sim.pairs)
    again.run("planned")
    assert text_of(again.pairs["App"].target) == "Primary/Replicating Running"
