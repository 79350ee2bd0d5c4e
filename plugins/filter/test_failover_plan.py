# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.test_failover_plan: which VMs are tested, from what, on which switch, and why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import drill
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: test_failover_plan
short_description: Plan a test failover
description:
  - Says for each VM from which recovery point its test VM is made, which cmdlets that takes, and what speaks
    against it.
  - A test VM that is there already is adopted. It sends nothing.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: inputs
options:
  _input:
    description: Result of M(hyperv.replica.hyperv_replication_info) on the replica's host.
    type: dict
    required: true
  inputs:
    description:
      - The inputs of the role P(hyperv.replica.test_failover#role), typed and without its prefix. C(vms) are names or
        ids; C(recovery_point), C(recovery_point_time), C(test_switch) and C(allow) may be left out.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: What a test of App01 would do
  ansible.builtin.debug:
    msg: "{{ (read | hyperv.replica.test_failover_plan({'vms': ['App01']})).lines }}"
"""

RETURN = r"""
_value:
  description:
    - C(vms), an entry for each VM that can be tested, with its recovery point and C(steps); C(switch_tasks), adapters
      whose test switch is to be set; C(acts), the number of cmdlets; C(refused), with C(name) and C(reason); and
      C(lines), all of it as text.
  type: dict
"""


def test_failover_plan(read: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The plan; see DOCUMENTATION."""
    try:
        return drill.drill_plan(plain(read), plain(inputs))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"test_failover_plan": test_failover_plan}
