"""Through ansible-playbook: whose connection a task uses, and what becomes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from tests.lab.lab import Lab

Task = dict[str, Any]

INFO = {"hyperv.replica.hyperv_replication_info": {"gather": ["host"]}}


class Playbook:
    """Runs tasks against a lab; the registered variable `answer` of the last comes back."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.config = lab.write_files(folder / "lab")
        self.arguments: list[str] = []
        self.environment: dict[str, str] = {}

    def run(self, *tasks: Task, hosts: str = "hv-a", **play: Any) -> Any:
        """Play the tasks on `hosts`. A failed task is no error here: its answer says it."""
        last = {**tasks[-1], "register": "answer", "ignore_errors": True, "ignore_unreachable": True}
        keep = {
            "ansible.builtin.copy": {"dest": str(self.folder / "answer.json"), "content": "{{ answer | to_json }}"},
            "delegate_to": "localhost",
            "connection": "local",
            "become": False,
            "when": "answer is not skipped",
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        }
        content = [{"hosts": hosts, "gather_facts": False, "tasks": [*tasks[:-1], last, keep], **play}]
        book = self.folder / "play.yml"
        book.write_text(yaml.safe_dump(content), encoding="utf-8")
        program = Path(sys.executable).with_name("ansible-playbook")
        own = {"ANSIBLE_CONFIG": str(self.config), "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp")}
        done = subprocess.run(
            [str(program), str(book), *self.arguments],
            env={**os.environ, **own, **self.environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.output = done.stdout + done.stderr
        assert (self.folder / "answer.json").exists(), self.output
        return json.loads((self.folder / "answer.json").read_text(encoding="utf-8"))


@pytest.fixture
def playbook(lab: Lab, tmp_path: Path) -> Playbook:
    return Playbook(lab, tmp_path)


@pytest.mark.parametrize(
    "one_address",
    [
        pytest.param(True, marks=pytest.mark.lab(vms=2, own_addresses=False), id="two hosts behind one address"),
        pytest.param(False, marks=pytest.mark.lab(vms=2, own_addresses=True), id="two addresses"),
    ],
)
def test_a_delegated_loop_asks_each_host_itself(lab: Lab, playbook: Playbook, one_address: bool) -> None:
    assert (len({endpoint.address for endpoint in lab.endpoints}) == 1) is one_address
    items = ["hv-a", "hv-b", "hv-a"]
    answer = playbook.run({**INFO, "delegate_to": "{{ item }}", "loop": items})
    assert [result["host"]["name"].upper() for result in answer["results"]] == [item.upper() for item in items]
    assert {(call.host, call.cmdlet) for call in lab.world.recorder.of("Get-VMHost")} == {
        ("HV-A", "Get-VMHost"),
        ("HV-B", "Get-VMHost"),
    }
    shells = lab.shells()
    assert (shells.created, shells.deleted) == (3, 3)


def test_become_is_refused_before_anything_is_sent(lab: Lab, playbook: Playbook) -> None:
    answer = playbook.run({**INFO, "become": True, "become_method": "ansible.builtin.runas", "become_user": "x"})
    assert answer["failed"] is True
    assert "become is not possible with this module." in answer["msg"]
    assert lab.requests() == {}


@pytest.mark.parametrize("connection", ["winrm", "ssh", "local"])
def test_other_connections_are_refused_before_anything_is_sent(lab: Lab, playbook: Playbook, connection: str) -> None:
    answer = playbook.run({**INFO, "vars": {"ansible_connection": connection}})
    assert answer["failed"] is True
    assert "Set ansible_connection: psrp for this host." in answer["msg"]
    assert lab.requests() == {}


def test_a_host_that_is_down_is_unreachable(lab: Lab, playbook: Playbook) -> None:
    lab.endpoint("hv-a").http.stop()
    answer = playbook.run(INFO)
    assert answer["unreachable"] is True
    assert "hv-a: nothing listens at 127.0.0.1" in answer["msg"]
    assert (answer["host_answered"], answer["machine_up"]) == (False, True)


def test_a_host_variable_decides_about_bare_names(lab: Lab, playbook: Playbook) -> None:
    given = {"ansible_psrp_configuration_name": "Hyperv.Replica", "hyperv_replica_bare_cmdlets": "{{ 'yes' }}"}
    answer = playbook.run({**INFO, "vars": given})
    assert answer["host"]["name"].upper() == "HV-A"
    answer = playbook.run({**INFO, "vars": {"hyperv_replica_bare_cmdlets": "perhaps"}})
    assert answer["option"] == "hyperv_replica_bare_cmdlets"


def test_verbose_output_names_cmdlets(lab: Lab, playbook: Playbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_VERBOSITY", "4")
    playbook.run(INFO)
    assert "PSRP: Get-VMHost" in playbook.output
    assert lab.password not in playbook.output
