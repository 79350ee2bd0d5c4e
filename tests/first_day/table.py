"""Runs the rows through ansible-playbook: as the host of a task, and as a partner that a task is delegated to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab.files import collections_path

from .rows import ROWS, Row, Site

INFO = {"hyperv.replica.hyperv_replication_info": {"gather": ["host"]}}
SEVERAL = 8
"""The plays wait for other processes and for time limits, so they run side by side."""


@dataclass(frozen=True)
class Run:
    """Results by inventory host, and what the terminal showed."""

    results: Mapping[str, Any]
    output: str
    returncode: int


def inventory_name(number: int) -> str:
    """What the host of a row is called."""
    return f"row{number:02d}"


def play(site: Site, rows: Iterable[Row], partner: bool) -> Run:
    """One run over the rows. Everybody else of the play has to go on, so the last task is for all."""
    folder = site.folder / ("partner" if partner else "target")
    folder.mkdir()
    hosts = {inventory_name(number): row.variables(site) for number, row in enumerate(rows)}
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    everybody = {"all": {"hosts": {"control": here}, "children": {"rows": {"hosts": hosts}}}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(everybody, sort_keys=False), encoding="utf-8")
    asked = {**INFO, "register": "answer", "ignore_unreachable": True, "failed_when": False}
    if partner:
        asked = {**asked, "delegate_to": "{{ item }}", "loop": list(hosts)}
        kept = "{{ answer | to_json }}"
    else:
        kept = "{{ dict(groups.rows | zip(groups.rows | map('extract', hostvars, 'answer'))) | to_json }}"
    keep = {"ansible.builtin.copy": {"dest": str(folder / "answers.json"), "content": kept}}
    book = [
        {"hosts": "control" if partner else "rows", "gather_facts": False, "tasks": [asked]},
        {"hosts": "control", "gather_facts": False, "tasks": [keep]},
    ]
    (folder / "play.yml").write_text(yaml.safe_dump(book, sort_keys=False), encoding="utf-8")
    done = _ansible(folder)
    if not (folder / "answers.json").exists():
        raise RuntimeError(done.stdout + done.stderr)
    answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    results = {one["item"]: one for one in answers["results"]} if partner else answers
    return Run(results, done.stdout + done.stderr, done.returncode)


def _ansible(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "ansible.cfg").write_text(
        f"[defaults]\ninventory = {folder / 'inventory.yml'}\ncollections_path = {collections_path()}\n"
        f"forks = {SEVERAL}\nlocal_tmp = {folder / 'tmp'}\nhost_key_checking = false\n",
        encoding="utf-8",
    )
    # NTLM_USER_FILE, which the lab needs for its own side, would give passwords to the client too.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE", "NTLM_USER"))}
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "play.yml"],
        cwd=folder,
        env={**kept, "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def wrong(row: Row, result: Mapping[str, Any]) -> list[str]:
    """What a result does not say as the row has it."""
    said = str(result.get("msg", ""))
    problems = [f"does not say: {part}" for part in row.says if part not in said]
    if not (result.get("failed_when_result") is False or result.get("unreachable") or result.get("failed")):
        problems.append("is no failure")
    for key, wanted in (("host_answered", row.answered), ("machine_up", row.up)):
        if key not in result:
            problems.append(f"has no {key}")
        elif result[key] is not wanted:
            problems.append(f"{key} is {result[key]} instead of {wanted}")
    for part in ("HTTPConnectionPool", "Traceback", "Unexpected failure", "hidden", "<urllib3", "object at 0x"):
        if part in said:
            problems.append(f"says {part}")
    return problems


def those_that_apply() -> tuple[Row, ...]:
    """The rows that this python can show."""
    return tuple(row for row in ROWS if row.applies)
