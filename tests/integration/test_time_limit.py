"""A task that its time limit (`timeout`) ends leaves a result: what was sent, and what was under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.failover_play import Player
from tests.integration.test_connections import INFO, Playbook
from tests.lab.lab import When

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=4, speed=60)


def test_the_time_limit_of_a_task_leaves_its_actions(lab: Lab, tmp_path: Path) -> None:
    Player.set_up(lab)
    lab.behave("hv-a", "silent", open_ones="at_once", when=When("hv-a", "Suspend-VMReplication", before=True))
    task = {"hyperv.replica.hyperv_vm_replication": {"names": ["App01"], "suspended": True}, "timeout": 4}
    answer: dict[str, Any] = Playbook(lab, tmp_path).run(task)
    assert answer["failed"] is True
    assert "hv-a: the time limit of the task (timeout) ended it" in answer["msg"]
    assert [(action["cmdlet"], action["sent"]) for action in answer["actions"]] == [("Suspend-VMReplication", None)]
    assert answer["changed"] is True, "whether it ran is not known"


def test_the_time_limit_of_a_reading_is_one_failed_result(lab: Lab, tmp_path: Path) -> None:
    lab.behave("hv-a", "silent")
    answer = Playbook(lab, tmp_path).run({**INFO, "timeout": 2})
    assert answer["failed"] is True
    assert answer["msg"].startswith("hv-a: the time limit of the task (timeout) ended it")
    assert answer["actions"] == []
