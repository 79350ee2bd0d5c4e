# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.replication_preview: what protecting VMs means, before it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import plain
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.policy import Hosts
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.policy_preview import preview

DOCUMENTATION = r"""
name: replication_preview
short_description: What protecting VMs means, before it is done
description:
  - A line for each VM of the tasks that is on the host, with the replica server, type and port, frequency, method and
    the size to copy; or that it is protected already.
  - Gather V(disk_sizes) on the host for the sizes.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
options:
  _input:
    description: What P(hyperv.replica.replication_tasks#filter) gave.
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
- name: Show what is going to be done
  hyperv.replica.show_report:
    lines: "{{ tasks | hyperv.replica.replication_preview(inventory_hostname, read, hostvars) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def replication_preview(
    tasks: Sequence[Mapping[str, Any]],
    host: str,
    read: Mapping[str, Any],
    variables: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """Lines for the terminal; see DOCUMENTATION."""
    try:
        return preview(plain(tasks, "tasks"), Hosts(str(host), plain(read, "read"), variables))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(f"replication_preview: {error}")) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"replication_preview": replication_preview}
