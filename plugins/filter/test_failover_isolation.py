# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.test_failover_isolation: which test VMs may be started."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import drill_network
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: test_failover_isolation
short_description: Tell which test VMs may be started
description:
  - A test VM is started only when each of its adapters is connected to nothing, or to a switch that is neither external
    nor the production switch, or when that was allowed by name. It goes by what the test VM is really connected to.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: made, read, allow
options:
  _input:
    description: The C(vms) of P(hyperv.replica.test_failover_plan#filter).
    type: list
    elements: dict
    required: true
  made:
    description: Result of M(hyperv.replica.hyperv_failover) with the test VMs.
    type: dict
    required: true
  read:
    description: Result of M(hyperv.replica.hyperv_replication_info) of the test VMs, with adapters and switches.
    type: dict
    required: true
  allow:
    description: What is allowed by name, C(external_test_switch) and C(production_test_switch).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Which test VMs may be started
  ansible.builtin.debug:
    msg: "{{ (plan.vms | hyperv.replica.test_failover_isolation(made, read, [])).ids }}"
"""

RETURN = r"""
_value:
  description:
    - C(ids) of the replicas whose test VM may be started, C(tests), the id of each one's test VM, and C(problems), by
      the id of the replica.
  type: dict
"""


def test_failover_isolation(
    vms: Sequence[Mapping[str, Any]], made: Any, read: Any, allow: Sequence[str]
) -> dict[str, Any]:
    """What may be started; see DOCUMENTATION."""
    try:
        return drill_network.isolation(plain(vms), plain(made), plain(read), plain(allow))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"test_failover_isolation": test_failover_isolation}
