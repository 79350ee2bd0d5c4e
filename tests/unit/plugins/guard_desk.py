"""Asks the guard of playbooks on Ansible's own objects, many times in one process: cases in, what it says out, as JSON.

A process of its own, because Ansible's loader of collections takes over the imports of the one that it is in.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ansible import context
from ansible.inventory.manager import InventoryManager
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv
from ansible.playbook import Playbook
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import action_loader, connection_loader, init_plugin_loader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

try:  # ansible-core 2.19 and newer: a task is templated with what is behind the public Templar
    from ansible._internal._templating._engine import TemplateEngine as Templar
except ImportError:
    from ansible.template import Templar

HOSTS = """
all:
  children:
    hyperv: {hosts: {hv-a: {}, hv-b: {}}}
    others: {hosts: {web-1: {}}}
"""


@cache
def first_task(playbook: str) -> tuple[Any, Any]:
    """The first play of a playbook, and the task of the guard in it."""
    loader = DataLoader()
    play = Playbook.load(playbook, variable_manager=VariableManager(loader=loader), loader=loader).get_plays()[0]
    return play, next(t for block in play.compile() for t in block.block if t.action == "hyperv.replica.guard")


def ask(folder: Path, case: Mapping[str, Any]) -> str:
    """What the guard of a playbook says: `typed` are the texts behind `-e`, `files` what is beside the inventory."""
    (folder / "hosts.yml").write_text(HOSTS, encoding="utf-8")
    for name, values in case["files"].items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(values), encoding="utf-8")
    options = {"extra_vars": tuple(case["typed"]), "tags": tuple(case["tags"]), "skip_tags": tuple(case["skip_tags"])}
    context.CLIARGS = ImmutableDict(options)
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[str(folder / "hosts.yml")])
    manager = VariableManager(loader=loader, inventory=inventory)
    manager._extra_vars = {name: value for text in case["typed"] for name, value in parse_kv(text).items()}
    manager._options_vars = {"ansible_run_tags": case["tags"], "ansible_skip_tags": case["skip_tags"]}
    HostVars(inventory=inventory, variable_manager=manager, loader=loader)
    play, task = first_task(case["playbook"])
    variables = manager.get_vars(play=play, host=inventory.get_host("hv-a"), task=task)
    templar = Templar(loader=loader, variables=variables)
    task = task.copy()
    task.post_validate(templar=templar)
    action = action_loader.get(
        "hyperv.replica.guard",
        task=task,
        connection=connection_loader.get("ansible.builtin.local", PlayContext(), os.devnull),
        play_context=PlayContext(),
        loader=loader,
        templar=templar,
        shared_loader_obj=None,
    )
    result = action.run(task_vars=variables)
    return str(result["msg"]) if result.get("failed") else ""


def main() -> None:
    """Cases from standard input; the answers, by the names of the cases, to standard output."""
    init_plugin_loader()
    answers = {}
    for name, case in json.load(sys.stdin).items():
        with tempfile.TemporaryDirectory() as folder:
            answers[name] = ask(Path(folder), case)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
