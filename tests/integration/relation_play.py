"""Plays of hyperv_vm_replication (and of modules beside it) against a lab, in the rhythm: check, apply, repeat.

What the lab recorded must be what the real task said it sent, what check mode foretold must be what was sent, in that
order, and read back, and the third task must have changed nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.lab.world.server import AuthorizationEntry

if TYPE_CHECKING:
    from tests.lab.lab import Lab
    from tests.lab.world.vm import VM

MODULE = "hyperv.replica.hyperv_vm_replication"
INFO = "hyperv.replica.hyperv_replication_info"
QUICK = {"poll_interval": 0.05, "settle_timeout": 20}
QUICK_OF: dict[str, dict[str, Any]] = {MODULE: {**QUICK, "wait_timeout": 120}, INFO: {}}
BESIDE = ("check_mode", "module")
CHANGING = ("health", "last_replication_time", "state")


@dataclass
class Player:
    """Runs plays against a lab, from its own inventory."""

    lab: Lab
    folder: Path
    config: Path

    @classmethod
    def of(cls, lab: Lab, folder: Path, **files: Any) -> Player:
        """A player for a lab; `files` are options of the inventory that the lab writes."""
        return cls(lab, folder, lab.write_files(folder / "lab", **files))

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook of a file or of the collection."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE")}
        return subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), name, *arguments],
            env={**kept, "ANSIBLE_CONFIG": str(self.config), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def tasks(self, host: str, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Results of module calls in one play; a task is its options, and beside them `check_mode` and `module`."""
        target = self.folder / "results.json"
        target.unlink(missing_ok=True)
        play: list[dict[str, Any]] = [
            {
                name: {**QUICK_OF.get(name, QUICK), **{k: v for k, v in task.items() if k not in BESIDE}},
                "check_mode": task.get("check_mode", False),
                "diff": True,
                "register": f"result_{number}",
                "ignore_errors": True,
                "ignore_unreachable": True,
            }
            for number, task in enumerate(tasks)
            for name in [task.get("module", MODULE)]
        ]
        names = [f"result_{number}" for number in range(len(tasks))]
        play.append(
            {
                "ansible.builtin.copy": {
                    "content": "{{ query('ansible.builtin.vars', *names) | to_json }}",
                    "dest": str(target),
                    "mode": "0600",
                },
                "delegate_to": "localhost",
                "vars": {
                    "names": names,
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                },
            }
        )
        path = self.folder / "play.yml"
        path.write_text(yaml.safe_dump([{"hosts": host, "gather_facts": False, "tasks": play}], sort_keys=False))
        ran = self.run(str(path))
        assert target.exists(), ran.stdout + ran.stderr
        results: list[dict[str, Any]] = json.loads(target.read_text(encoding="utf-8"))
        return results

    def module(self, options: Mapping[str, Any], host: str = "hv-a") -> dict[str, Any]:
        """The result of one call."""
        return self.tasks(host, [options])[0]

    def sent(self) -> list[str]:
        """The state-changing cmdlets since the last look."""
        calls = [call.cmdlet for call in self.lab.world.recorder.state_changing()]
        self.lab.world.recorder.clear()
        return calls

    def vm(self, host: str, name: str) -> VM:
        """A VM of the world."""
        return self.lab.world.vm(host, name)


def rhythm(player: Player, *cases: Mapping[str, Any], host: str = "hv-a") -> list[dict[str, Any]]:
    """Check, apply, repeat for each case in one play; what the real tasks said."""
    player.sent()
    tasks = [{**case, "check_mode": number == 0} for case in cases for number in range(3)]
    results = player.tasks(host, tasks)
    told: list[str] = []
    for number, case in enumerate(cases):
        foreseen, done, again = results[3 * number : 3 * number + 3]
        for result in (foreseen, done, again):
            if result.get("failed") or result.get("unreachable"):
                pytest.fail(f"{case}: {result.get('msg')}")
        check_foreseen(case, foreseen, done)
        if "acts" not in case:
            assert (again["changed"], again["actions"]) == (False, []), case
        told += [action["cmdlet"] for result in (done, again) for action in result["actions"]]
    assert player.sent() == told
    return results[1::3]


def check_foreseen(case: Mapping[str, Any], foreseen: Mapping[str, Any], done: Mapping[str, Any]) -> None:
    """Check mode said what the real task then did: the same cmdlets, and the records that were read back."""
    assert done["changed"], (case, done)
    assert foreseen["changed"], (case, foreseen)
    assert all(action["sent"] is False for action in foreseen["actions"])
    assert [{**action, "sent": True} for action in foreseen["actions"]] == done["actions"], case
    for before, after in zip(foreseen["vms"], done["vms"], strict=True):
        known = {key: value for key, value in before.items() if value is not None and key not in CHANGING}
        assert known == {key: after[key] for key in known}, case


def let_replicate(lab: Lab) -> None:
    """Make every host of a lab a replica server for every other, by Kerberos and by certificate."""
    for host in lab.world.hosts.values():
        host.server.enabled, host.server.authentication = True, "CertificateAndKerberos"
        host.server.thumbprint = host.certificates[0].thumbprint
        host.server.entries.append(AuthorizationEntry("*", "D:\\Replica", "DEFAULT"))
        for rule in host.firewall.rules:
            rule.enabled = True
