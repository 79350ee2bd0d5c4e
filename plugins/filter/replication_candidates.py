# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.replication_candidates: which VMs of a host could be protected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import plain
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.policy_preview import candidates

DOCUMENTATION = r"""
name: replication_candidates
short_description: Which VMs of a host could be protected, and which are
description:
  - Lines for the terminal with the VMs that are not protected, by name and power, and those that are, with mode, state
    and partner.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
options:
  _input:
    description:
      - The VMs that M(hyperv.replica.hyperv_replication_info) gave, read with
        O(hyperv.replica.hyperv_replication_info#module:unprotected=true).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the candidates
  hyperv.replica.show_report:
    lines: "{{ read.vms | hyperv.replica.replication_candidates }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def replication_candidates(vms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines for the terminal; see DOCUMENTATION."""
    try:
        return candidates(plain(vms, "vms"))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(f"replication_candidates: {error}")) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"replication_candidates": replication_candidates}
