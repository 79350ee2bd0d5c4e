# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.test_failover_answered: which test VMs came up, and how soon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import drill_report
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: test_failover_answered
short_description: Tell which test VMs came up, and how soon
description:
  - Adds to what is known the VMs whose guest's heartbeat answers now, with the seconds since their start.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: read
options:
  _input:
    description: What this filter gave before, seconds by the id of the test VM.
    type: dict
    required: true
  read:
    description: Result of M(hyperv.replica.hyperv_replication_info) of the test VMs.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Which test VMs answer now
  ansible.builtin.debug:
    msg: "{{ {} | hyperv.replica.test_failover_answered(read) }}"
"""

RETURN = r"""
_value:
  description: Seconds by the id of the test VM.
  type: dict
"""


def test_failover_answered(known: Mapping[str, Any], read: Any) -> dict[str, float]:
    """Who answers; see DOCUMENTATION."""
    try:
        return drill_report.answered(plain(known), plain(read))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"test_failover_answered": test_failover_answered}
