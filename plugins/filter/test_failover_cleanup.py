# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.test_failover_cleanup: which test VMs are ended, and what stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import drill_cleanup
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: test_failover_cleanup
short_description: Tell which test VMs are ended, and what stays
description:
  - Gives the ids of the VMs that were asked for, and lines about test VMs that no replica of the host knows of, with
    what ends those. It sends nothing.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: vms
options:
  _input:
    description: >-
      Result of M(hyperv.replica.hyperv_replication_info) on the replica's host, of all its VMs, with relations and
      test_vms.
    type: dict
    required: true
  vms:
    description: Names or ids of the VMs that are tested.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Which VMs are meant
  ansible.builtin.debug:
    msg: "{{ (read | hyperv.replica.test_failover_cleanup(['App01'])).ids }}"
"""

RETURN = r"""
_value:
  description: C(ids) of the VMs, and C(lines) about what stays.
  type: dict
"""


def test_failover_cleanup(read: Any, vms: Sequence[str]) -> dict[str, Any]:
    """Lines for the terminal; see DOCUMENTATION."""
    try:
        return drill_cleanup.cleanup(plain(read), plain(vms))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"test_failover_cleanup": test_failover_cleanup}
