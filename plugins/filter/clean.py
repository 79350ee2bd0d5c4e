# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.clean: text without what a terminal would obey."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import text as lines

DOCUMENTATION = r"""
name: clean
short_description: Text without what a terminal would obey
description:
  - Names of VMs, and everything else that a host says, are free text. Each character that a terminal would obey, or
    that is not seen, becomes a question mark.
  - M(hyperv.replica.show_report) does so by itself. This is for the labels of loops.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
options:
  _input:
    description: The text.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the names of VMs
  ansible.builtin.debug:
    msg: "{{ vms | map(attribute='name') | join(', ') | hyperv.replica.clean }}"
"""

RETURN = r"""
_value:
  description: The text on one line.
  type: str
"""


def clean(text: Any) -> str:
    """The text; see DOCUMENTATION."""
    return lines.clean(text)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"clean": clean}
