# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.replication_hosts: which hosts protection policies mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import plain
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows import policy

DOCUMENTATION = r"""
name: replication_hosts
short_description: Which inventory hosts protection policies mean
description:
  - Gives the inventory hosts that have to be read before the policies can be carried out on one host, itself first.
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
"""

EXAMPLES = r"""
- name: Show the hosts
  ansible.builtin.debug:
    msg: "{{ policies | hyperv.replica.replication_hosts(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: Names of inventory hosts.
  type: list
  elements: str
"""


def replication_hosts(policies: Sequence[Mapping[str, Any]], host: str) -> list[str]:
    """Inventory hosts to read; see DOCUMENTATION."""
    try:
        return policy.hosts_to_read(plain(policies, "policies"), str(host))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(f"replication_hosts: {error}")) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"replication_hosts": replication_hosts}
