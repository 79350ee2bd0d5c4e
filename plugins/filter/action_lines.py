# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.action_lines: what modules would send in check mode, as the lines of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.plan_lines import action_lines as lines
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import plain

DOCUMENTATION = r"""
name: action_lines
short_description: Show what modules would send
description:
  - The C(actions) of modules of this collection in check mode as the lines of a plan. Under each VM, or the host where
    no VM is concerned, its cmdlets with their parameters, in the order in which they would be sent.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
options:
  _input:
    description: The C(actions) of one result or of several, one after the other.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what would be sent
  hyperv.replica.show_report:
    lines: "{{ result.actions | hyperv.replica.action_lines }}"
  when: ansible_check_mode
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def action_lines(actions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines for the terminal; see DOCUMENTATION."""
    return lines(plain(actions, "actions"))


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"action_lines": action_lines}
