"""Runs hyperv_replica_server and its playbook against a lab, in the rhythm: check, prove that nothing changed, apply,
prove, repeat without a change. The password is in a file only."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from tests.lab.lab import Lab
    from tests.lab.world.host import Host

MODULE = "hyperv.replica.hyperv_replica_server"
QUICK = {"poll_interval": 0.05, "settle_timeout": 5}
CHECK = ["--check", "--diff"]


@dataclass
class Player:
    """Runs playbooks and modules against a lab, from its own inventory."""

    lab: Lab
    folder: Path
    config: Path

    def host(self, name: str) -> Host:
        """A host of the world by its inventory name."""
        return self.lab.world.host(name)

    def module(self, host: str, options: dict[str, Any], *arguments: str) -> dict[str, Any]:
        """The result of the module on a host, with `rc` of the run."""
        target = self.folder / "result.json"
        target.unlink(missing_ok=True)
        keep = {"content": "{{ result | to_json }}", "dest": str(target), "mode": "0600"}
        play = {
            "hosts": host,
            "gather_facts": False,
            "tasks": [
                {MODULE: {**QUICK, **options}, "register": "result", "ignore_errors": True, "ignore_unreachable": True},
                {
                    "ansible.builtin.copy": keep,
                    "delegate_to": "localhost",
                    "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
                    "check_mode": False,
                    "diff": False,
                },
            ],
        }
        path = self.folder / "play.yml"
        path.write_text(yaml.safe_dump([play]), encoding="utf-8")
        run = self.playbook(str(path), *arguments)
        assert target.exists(), run.stdout + run.stderr
        result: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
        return result

    def playbook(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook of a file or of the collection."""
        program = shutil.which("ansible-playbook", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert program
        environment = {**os.environ, "ANSIBLE_CONFIG": str(self.config), "ANSIBLE_NOCOLOR": "1"}
        return subprocess.run(
            [program, name, *arguments],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def sent(self) -> list[str]:
        """The state-changing cmdlets since the last look."""
        calls = [call.cmdlet for call in self.lab.world.recorder.state_changing()]
        self.lab.world.recorder.clear()
        return calls

    def facts(self, name: str) -> Any:
        """Everything of a host that this module may change, to compare."""
        host = self.host(name)
        return copy.deepcopy((vars(host.server), [vars(rule) for rule in host.firewall.rules], host.files.entries))


def rhythm(player: Player, options: dict[str, Any], host: str = "hv-b") -> dict[str, Any]:
    """Check, prove, apply, prove, repeat; returns what the real run said."""
    player.sent()
    before = player.facts(host)
    foreseen = player.module(host, options, *CHECK)
    assert not foreseen.get("failed"), foreseen["msg"]
    assert foreseen["changed"], foreseen
    assert player.sent() == []
    assert player.facts(host) == before

    done = player.module(host, options, "--diff")
    assert not done.get("failed"), done["msg"]
    assert done["changed"], done
    assert player.sent() == [action["cmdlet"] for action in done["actions"]]
    assert [{**action, "sent": True} for action in foreseen["actions"]] == done["actions"]
    _check_prediction(foreseen, done)

    after = player.facts(host)
    again = player.module(host, options, "--diff")
    assert not again["changed"], again
    assert again["actions"] == []
    assert player.sent() == []
    assert player.facts(host) == after
    return done


def _check_prediction(foreseen: dict[str, Any], done: dict[str, Any]) -> None:
    """What check mode predicted is what the real run read back; null is what could not be known."""
    for key, value in foreseen.items():
        if key not in ("actions", "diff", "listener", "warnings"):
            assert done[key] == value, key
    assert foreseen["listener"] in (None, done["listener"])


def flat(run: subprocess.CompletedProcess[str]) -> str:
    """Everything that a run said, on one line: warnings are broken into lines."""
    return " ".join((run.stdout + run.stderr).split())
