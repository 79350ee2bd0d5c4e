# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.target: the hosts of a play, looked at before they are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible import context
from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.order import skipped_guard
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.target import target_problem

DOCUMENTATION = r"""
name: target
short_description: The hosts of a play, looked at before they are taken
description:
  - For C(hosts) of a play, where no tag and no C(--start-at-task) can leave the look at them out. Ansible takes a host
    that it does not know for "no hosts matched", and the job is green.
  - Gives the hosts back, and raises one error for hosts that are not set, not in the inventory or outside of
    C(--limit), and for options of the command line by which M(hyperv.replica.guard) would not run.
  - A run that only lists or checks the syntax is let through.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: name, takes, groups, inside
options:
  _input:
    description: The hosts, as they were given.
    type: str
    required: true
  name:
    description: Name of the variable, for the error.
    type: str
    required: true
  takes:
    description: What it can be, as O(hyperv.replica.guard#module:targets[].takes) has it.
    type: str
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
  inside:
    description: The hosts inside C(--limit), which at this place is C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Play on the one host that was asked for
  hosts: "{{ to | default('') | hyperv.replica.target('to', 'host', groups, ansible_play_hosts_all) }}"
  tasks: []
"""

RETURN = r"""
_value:
  description: The hosts.
  type: str
"""
_LOOKS_ONLY = ("syntax", "listhosts", "listtasks", "listtags")


def target(value: Any, name: str, takes: str, groups: Mapping[str, Sequence[str]], inside: Sequence[str]) -> str:
    """The hosts; see DOCUMENTATION."""
    options = context.CLIARGS
    if any(options.get(name) for name in _LOOKS_ONLY):
        return str(value or "all")
    told = [
        skipped_guard(options.get("skip_tags") or (), options.get("start_at_task"), options.get("args") or ()),
        target_problem(name, str(value or ""), takes, groups, list(inside)),
    ]
    if any(told):
        raise AnsibleFilterError(" ".join([*filter(None, told), "Nothing was done."]))
    return str(value)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"target": target}
