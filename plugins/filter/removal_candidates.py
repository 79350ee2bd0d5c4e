# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.removal_candidates: which VMs of a host have a replication that can be removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import removal_report as removal
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: removal_candidates
short_description: List the VMs whose replication can be removed
description:
  - Lines for the terminal with the replicated VMs of a host, their power, mode, state and health, and whether their
    replication can be removed now.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
options:
  _input:
    description: The VMs that M(hyperv.replica.hyperv_replication_info) gave.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the candidates
  hyperv.replica.show_report:
    lines: "{{ read.vms | hyperv.replica.removal_candidates }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def removal_candidates(vms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines for the terminal; see DOCUMENTATION."""
    try:
        return removal.candidates(plain(vms))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"removal_candidates": removal_candidates}
