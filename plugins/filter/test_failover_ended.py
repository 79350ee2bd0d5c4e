# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.test_failover_ended: what became of test VMs that were to be ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import drill_cleanup
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: test_failover_ended
short_description: Tell what became of test VMs that were to be ended
description:
  - A line a VM. For one that is failed over, which is no test, it says what ends that.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: ended, check
options:
  _input:
    description: Result of M(hyperv.replica.hyperv_replication_info) from before.
    type: dict
    required: true
  ended:
    description: >-
      Result of M(hyperv.replica.hyperv_failover) with O(hyperv.replica.hyperv_failover#module:state=test_absent).
    type: dict
    required: true
  check:
    description: Whether it ran in check mode.
    type: bool
    required: true
"""

EXAMPLES = r"""
- name: Show what became of them
  hyperv.replica.show_report:
    lines: "{{ read | hyperv.replica.test_failover_ended(ended, ansible_check_mode) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def test_failover_ended(before: Any, ended: Any, check: bool) -> list[str]:
    """Lines for the terminal; see DOCUMENTATION."""
    try:
        return drill_cleanup.cleaned(plain(before), plain(ended), bool(check))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"test_failover_ended": test_failover_ended}
