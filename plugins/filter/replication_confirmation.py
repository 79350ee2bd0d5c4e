# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.replication_confirmation: what is typed to confirm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import plain
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.policy_preview import to_confirm

DOCUMENTATION = r"""
name: replication_confirmation
short_description: What is typed to confirm that VMs are protected
description:
  - Gives the name of the VM, or for several the other host and their number, as C(hv-b 40).
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
options:
  _input:
    description: What P(hyperv.replica.replication_tasks#filter) gave.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse what was not confirmed
  ansible.builtin.assert:
    that: confirm == tasks | hyperv.replica.replication_confirmation
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""


def replication_confirmation(tasks: Sequence[Mapping[str, Any]]) -> str:
    """The text; see DOCUMENTATION."""
    try:
        return to_confirm(plain(tasks, "tasks"))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(f"replication_confirmation: {error}")) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"replication_confirmation": replication_confirmation}
