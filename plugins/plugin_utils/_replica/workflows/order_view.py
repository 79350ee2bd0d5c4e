# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""An order as Ansible holds it: where its variables came from, its tags, its hosts. Ansible's objects are only read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .order import Order, inputs_of


def order_of(task: Any, variables: Mapping[str, Any], words: Sequence[Sequence[str]]) -> Order:
    """The order that a task of the guard looks at. `words` are those of each `-e key=value`, as Ansible splits them.

    Once for all hosts (`run_once`) it looks at every host of the play, else at its own.
    """
    play = task.get_play()
    inputs = _inputs(play)
    run_tags = list(variables.get("ansible_run_tags") or ())
    skip_tags = list(variables.get("ansible_skip_tags") or ())
    hosts = variables.get("ansible_play_hosts_all") if task.run_once else [variables["inventory_hostname"]]
    return Order(
        inputs=inputs,
        words=words,
        lost=str(variables.get("_raw_params") or ""),
        found=_found(inputs, hosts or (), variables["hostvars"], task),
        # A play has the tags that its import gave it, as each of its tasks has.
        left_out=bool(inputs) and not play.evaluate_tags(run_tags, skip_tags, variables),
        tags=run_tags,
        skip_tags=skip_tags,
    )


def key_values(texts: Iterable[Any] | None) -> list[str]:
    """The `-e` that are key=value: not those that name a file or hold JSON or YAML."""
    return [str(text) for text in texts or () if str(text).strip() and str(text)[0] not in "@[{/."]


def known_hosts(variables: Mapping[str, Any]) -> tuple[dict[str, list[str]], list[str]]:
    """The groups of the inventory with their hosts, and the hosts of the play, which are those inside --limit."""
    groups = {str(name): [str(host) for host in hosts] for name, hosts in (variables.get("groups") or {}).items()}
    return groups, [str(host) for host in variables.get("ansible_play_hosts_all") or ()]


def _inputs(play: Any) -> tuple[str, ...]:
    path = Path(str(play.get_path()).rpartition(":")[0])
    return inputs_of(path.read_text(encoding="utf-8")) if path.is_file() else ()


def _found(inputs: Iterable[str], hosts: Iterable[str], hostvars: Any, task: Any) -> dict[str, list[str]]:
    """Inputs that nothing but the inventory gives, with the hosts for which it does.

    What is there without a host comes from the command line, the play and its files. What a host has without a play and
    a task is the inventory's, but for set_fact and include_vars, which Ansible keeps apart.
    """
    manager = hostvars._variable_manager
    given = {**manager.get_vars(play=task.get_play(), include_hostvars=False), **task.get_vars()}
    asked = [name for name in inputs if name not in given]
    found: dict[str, list[str]] = {}
    for host in hosts:
        raw = hostvars.raw_get(host)
        told = {**manager._vars_cache.get(host, {}), **manager._nonpersistent_fact_cache.get(host, {})}
        for name in asked:
            if name in raw and name not in told:
                found.setdefault(name, []).append(str(host))
    return found
