"""Run tasks through a real ansible-playbook against a lab, and take back what they registered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab.lab import Lab

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
INFO = "hyperv.replica.hyperv_replication_info"


@dataclass(frozen=True)
class Run:
    """How a run ended, what it showed, and the registered results by task."""

    code: int
    shown: str
    results: Mapping[str, Any]


def playbook(lab: Lab, folder: Path, *arguments: str, **files: Any) -> Run:
    """Run ansible-playbook with these arguments; `files` are options of the inventory (https, auth, configuration)."""
    config = lab.write_files(folder, **files)
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")}
    done = subprocess.run(
        [str(PLAYBOOK), *arguments],
        env={**env, "ANSIBLE_CONFIG": str(config), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr, {})


def read(
    lab: Lab,
    folder: Path,
    cases: Mapping[str, Mapping[str, Any]],
    host: str = "hv-a",
    check: bool = False,
    **files: Any,
) -> dict[str, Any]:
    """Results of the information module by the names of the cases (names are words): their options, all in one play."""
    tasks: list[dict[str, Any]] = [
        {
            "name": name,
            INFO: dict(options),
            "register": f"case_{name}",
            "ignore_errors": True,
            "ignore_unreachable": True,
        }
        for name, options in cases.items()
    ]
    answers = folder / "answers.json"
    names: Sequence[str] = list(cases)
    tasks.append(
        {
            "name": "Keep the answers",
            "ansible.builtin.copy": {
                "content": "{{ dict(names | zip(query('ansible.builtin.vars', *keys))) | to_json }}",
                "dest": str(answers),
                "mode": "0600",
            },
            "vars": {
                "names": names,
                "keys": [f"case_{name}" for name in names],
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
            },
            "delegate_to": "localhost",
            "check_mode": False,
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    play = folder / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": host, "gather_facts": False, "tasks": tasks}], sort_keys=False))
    ran = playbook(lab, folder, str(play), *(["--check", "--diff"] if check else []), **files)
    if not answers.exists():
        raise AssertionError(ran.shown)
    found: dict[str, Any] = json.loads(answers.read_text())
    return found
