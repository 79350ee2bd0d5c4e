# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.removal_report: what a removal came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import removal_report as removal
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: removal_report
short_description: Report a removal of replication
description:
  - Says for each VM what is removed where, what became of the idle copy, and what failed.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: now, done, host, inputs
options:
  _input:
    description: What P(hyperv.replica.removal_plan#filter) gave when the run began.
    type: dict
    required: true
  now:
    description: What it gave at the end, from a last read.
    type: dict
    required: true
  done:
    description: The calls, with the C(result) of each.
    type: list
    elements: dict
    required: true
  host:
    description: Inventory host where the role plays.
    type: str
    required: true
  inputs:
    description: The inputs of the role P(hyperv.replica.remove_replication#role), typed and without its prefix.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what it came to
  hyperv.replica.show_report:
    lines: "{{ (plan | hyperv.replica.removal_report(now, done, inventory_hostname, inputs)).lines }}"
"""

RETURN = r"""
_value:
  description: >-
    C(lines) to show, what is unknown first; C(failures), a sentence a VM; C(vms), a record each; and C(commands) for
    what is left.
  type: dict
"""


def removal_report(
    plan: Mapping[str, Any],
    now: Mapping[str, Any],
    done: Sequence[Mapping[str, Any]],
    host: str,
    inputs: Mapping[str, Any],
) -> dict[str, Any]:
    """The report; see DOCUMENTATION."""
    try:
        return removal.report(plain(plan), plain(now), plain(done), str(host), plain(inputs))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"removal_report": removal_report}
