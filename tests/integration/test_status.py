"""The playbook `status` as people call it: with text on the command line, against hosts that answer and that do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.gate import only
from tests.integration.info_play import Run, playbook
from tests.lab.lab import Lab
from tests.unit.lab.world.hands import Hands

STATUS = "hyperv.replica.status"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lab_of_states(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """App01 replicates, App03 is paused, App05 is not protected; HV-B has the copies."""
    with Lab.start(vms=6, engine=request.config.getoption("--engine")) as lab:
        hands = Hands(lab.world)
        hands.protect("App01")
        hands.protect("App03")
        hands.ok("HV-A", "Suspend-VMReplication", VM="App03")
        lab.world.recorder.clear()
        yield lab


def status(lab: Lab, folder: Path, *variables: str) -> Run:
    return playbook(lab, folder, STATUS, *(part for variable in variables for part in ("-e", variable)))


def rows(run: Run) -> list[tuple[str, str]]:
    """VM and host of each row of the table, in order."""
    lines = run.shown.split("TASK [hyperv.replica.replication_report : Show the replication]")[1].splitlines()
    return [(line.split()[0], line.split()[1]) for line in lines if line.startswith("App")]


def test_worst_first(lab_of_states: Lab, tmp_path: Path) -> None:
    run = status(lab_of_states, tmp_path)
    assert run.code == 0, run.shown
    assert rows(run) == [("App03", "hv-a"), ("App01", "hv-a"), ("App01", "hv-b"), ("App03", "hv-b")]
    assert "paused" in run.shown
    assert "2 VMs on 2 hosts: 1 to look at, 1 good" in run.shown
    assert "changed=0" in run.shown
    assert not lab_of_states.world.recorder.state_changing()


TEXTS = {
    ("unprotected=true",): {"App01", "App02", "App03", "App04", "App05", "App06"},
    ("unprotected=yes", "names="): {"App01", "App02", "App03", "App04", "App05", "App06"},
    ("unprotected=false", "details=no"): {"App01", "App03"},
    ("unprotected=",): {"App01", "App03"},
    ("names=App01,App05",): {"App01", "App05"},
    ("names=App09",): set(),
    ("modes=Replica", "target=hv-b"): {"App01", "App03"},
    ("states=Suspended,Error", "healths="): {"App03"},
    ("healths=Warning,Critical",): {"App03"},
    ("partners=hv-b",): {"App01", "App03"},
}
ALWAYS = ("unprotected=yes,names=", "names=App01,App05", "states=Suspended,Error,healths=", "partners=hv-b")


@pytest.mark.parametrize("variables", only(ALWAYS, TEXTS, ",".join))
def test_inputs_come_as_text(lab_of_states: Lab, tmp_path: Path, variables: tuple[str, ...]) -> None:
    run = status(lab_of_states, tmp_path, *variables)
    assert run.code == 0, run.shown
    assert {vm for vm, _unused in rows(run)} == TEXTS[variables]


@pytest.mark.parametrize(
    "wrong",
    only(
        ["target=hv-z", "details=maybe", "width=10"],
        ["target=hv-z", "details=maybe", "unprotected=2", "modes=primary", "fail_on=always", "width=wide", "width=10"],
    ),
)
def test_bad_input_is_an_error(lab_of_states: Lab, tmp_path: Path, wrong: str) -> None:
    run = status(lab_of_states, tmp_path, wrong)
    assert run.code != 0
    assert wrong.partition("=")[0] in run.shown


def test_details_and_width(lab_of_states: Lab, tmp_path: Path) -> None:
    run = status(lab_of_states, tmp_path, "details=true", "width=80", "color=always")
    assert run.code == 0, run.shown
    assert "disks 40.0 GiB, pending" in run.shown
    assert "\033[33mpaused" in run.shown


def test_what_makes_it_fail(lab_of_states: Lab, tmp_path: Path) -> None:
    run = status(lab_of_states, tmp_path, "fail_on=warning")
    assert run.code == 2
    assert "App03 on hv-a: paused, health Warning" in run.shown.replace("WARNING", "Warning")
    assert status(lab_of_states, tmp_path, "fail_on=critical").code == 0


@pytest.mark.lab(vms=2)
def test_a_host_that_does_not_answer_is_shown(lab: Lab, tmp_path: Path) -> None:
    Hands(lab.world).protect("App01")
    lab.world.power_off("hv-a")
    run = status(lab, tmp_path)
    assert run.code == 2
    assert "hv-a: UNREACHABLE" in run.shown
    assert rows(run) == [("App01", "hv-b")]
    assert "1 VM on 2 hosts (1 not read)" in run.shown
    assert status(lab, tmp_path, "fail_on=nothing").code == 0


@pytest.mark.lab(vms=2)
def test_what_is_unreadable_is_shown(lab: Lab, tmp_path: Path) -> None:
    lab.world.faults.add("refuse", "HV-A", "Get-VM", nth=1)
    run = status(lab, tmp_path)
    assert run.code == 2
    assert "hv-a: UNREADABLE  relations:" in run.shown


def test_every_input_is_exercised_here() -> None:
    spec = yaml.safe_load((ROOT / "roles/replication_report/meta/argument_specs.yml").read_text())
    text = Path(__file__).read_text()
    for name in spec["argument_specs"]["main"]["options"]:
        assert f'"{name.removeprefix("replication_report_")}=' in text, name
