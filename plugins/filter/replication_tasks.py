# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.replication_tasks: protection policies as options of the module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import plain
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows import policy

DOCUMENTATION = r"""
name: replication_tasks
short_description: Protection policies as options of hyperv_vm_replication
description:
  - Translates the policies of the role P(hyperv.replica.vm_replication#role), which name inventory hosts, into options
    of M(hyperv.replica.hyperv_vm_replication), which name Windows names, for one host. Policies that do not concern
    the host are left out.
  - With what the other host said of the same VMs and of itself as a replica server, where it was read.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
options:
  _input:
    description: The policies, as the role P(hyperv.replica.vm_replication#role) takes them, converted to their types.
    type: list
    elements: dict
    required: true
  host:
    description: The inventory host that the role runs on.
    type: str
    required: true
  read:
    description:
      - Results of M(hyperv.replica.hyperv_replication_info) by inventory host, as they were registered. Those of hosts
        that were unreachable or failed may be in it.
    type: dict
    required: true
  variables:
    description: The C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what would be asked of the module
  ansible.builtin.debug:
    msg: "{{ policies | hyperv.replica.replication_tasks(inventory_hostname, read, hostvars) }}"
"""

RETURN = r"""
_value:
  description:
    - Options of the module, one dictionary a policy, with C(label) and C(partner_host) added.
  type: list
  elements: dict
"""


def replication_tasks(
    policies: Sequence[Mapping[str, Any]],
    host: str,
    read: Mapping[str, Any],
    variables: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Options of the module; see DOCUMENTATION."""
    try:
        hosts = policy.Hosts(str(host), plain(read, "read"), variables)
        return policy.tasks_of(plain(policies, "policies"), hosts)
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(f"replication_tasks: {error}")) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"replication_tasks": replication_tasks}
