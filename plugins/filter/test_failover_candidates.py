# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.test_failover_candidates: which replicas of a host can be tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import drill
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: test_failover_candidates
short_description: List the replicas of a host that can be tested
description:
  - Lines for the terminal with the replicas of a host, their power, mode, state and health, when they were last tested,
    whether they can be tested now, and the test VMs that are there.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
options:
  _input:
    description: Result of M(hyperv.replica.hyperv_replication_info) on the replica's host.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the candidates
  hyperv.replica.show_report:
    lines: "{{ read | hyperv.replica.test_failover_candidates }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def test_failover_candidates(read: Mapping[str, Any]) -> list[str]:
    """Lines for the terminal; see DOCUMENTATION."""
    try:
        return drill.candidates(plain(read))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"test_failover_candidates": test_failover_candidates}
