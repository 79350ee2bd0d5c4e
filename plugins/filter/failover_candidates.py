# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.failover_candidates: what a failover could do for the VMs of a host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_candidates as lists
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: failover_candidates
short_description: What a failover could do for the VMs of a host
description:
  - Lines for the terminal with each VM that replicates, its power, mode, state, health and partner, and what is
    possible next by its state on this host.
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
    lines: "{{ read.vms | hyperv.replica.failover_candidates }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def failover_candidates(vms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines for the terminal; see DOCUMENTATION."""
    try:
        return lists.candidates(plain(vms))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failover_candidates": failover_candidates}
