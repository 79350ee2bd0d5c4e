"""Failovers as data: from the first question to the report, with faults, other hands and hosts that fall silent.

The hosts are in memory (failover_sim.py); what asks them is the conversation that ships.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import Pair

from tests.unit.plugins.failover_sim import Sim, side_of, text_of

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "failover" / "runs.yml").read_text(encoding="utf-8"))


def simulate(case: dict[str, Any]) -> tuple[Sim, dict[str, Any], tuple[str, ...]]:
    """The run of a case, its result, and the lines of its report."""
    pairs = {name: Pair(side_of(target), side_of(other)) for name, (target, other) in case["vms"].items()}
    sim = Sim(pairs, case.get("faults", {}), case.get("hands", {}), case.get("unread", {}))
    sim.errors, sim.lost = list(case.get("errors", [])), list(case.get("lost", []))
    end = sim.run(case.get("wish", "planned"), **case.get("inputs", {})).end
    assert end
    result = dict(end.result)
    result["vms"] = [{**vm, "name": vm["name"].removesuffix(" (copy)")} for vm in result.get("vms", ())]
    return sim, result, end.lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_run(case: dict[str, Any]) -> None:
    sim, result, lines = simulate(case)
    if "calls" in case:
        assert sim.log == case["calls"]
    then = {name: [text_of(pair.target), text_of(pair.other)] for name, pair in sim.pairs.items()}
    assert then == case["then"]
    told = result["vms"]
    assert {vm["name"]: vm["result"] for vm in told if vm["name"] in case.get("marks", {})} == case.get("marks", {})
    for name, words in case.get("says", {}).items():
        text = next(vm["message"] for vm in told if vm["name"] == name)
        assert words in text.lower() or words in text, text
    if "refused" in case:
        refused_before_anything_was_done(case["refused"], sim, result)
    # A VM that is not where it shall be is told of, and named in the command that goes on with it, or in its ways out.
    assert bool(result.get("failed")) == ("refused" in case or any(vm["failed"] for vm in told))
    for vm in told:
        ways = [line for line in lines if line.startswith((f"{vm['name']}: to go", f"{vm['name']} (copy): to go"))]
        assert (vm["name"] in result["command"] or bool(ways)) == vm["failed"], lines


def refused_before_anything_was_done(refused: dict[str, str], sim: Sim, result: dict[str, Any]) -> None:
    """Nothing was sent, and each VM is told of with these words."""
    assert (sim.log, result["vms"], result["changed"]) == ([], [], False)
    lines = result["msg"].replace(" (copy)", "").splitlines()
    for name, words in refused.items():
        assert any(line.startswith(f"{name}: REFUSED: ") and words in line for line in lines), result["msg"]


STAGES = ("prepare", "fail_over", "reverse", "start")


@pytest.mark.parametrize("faults", list(product((False, True), repeat=len(STAGES))))
def test_whatever_fails_the_vm_comes_up_or_is_told_of(faults: tuple[bool, ...]) -> None:
    """L12 for every combination of stages that fail; and the same run again, with nothing failing, ends well."""
    failing = [stage for stage, fails in zip(STAGES, faults, strict=True) if fails]
    start = {"App": ["Replica/Replicating Off", "Primary/Replicating Running"]}
    sim, told, _unused = simulate({"vms": start, "faults": {"App": failing}})
    pair = sim.pairs["App"]
    running = [side for side in (pair.target, pair.other) if side is not None and side.power == "Running"]
    assert len(running) <= 1
    assert running or told["vms"][0]["result"] == "DOWN"
    assert told["vms"][0]["failed"] == bool(failing)
    again = Sim(sim.pairs)
    again.run("planned")
    assert text_of(again.pairs["App"].target) == "Primary/Replicating Running"
