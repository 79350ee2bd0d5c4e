# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.unconfirmed: what to type where something else was typed to confirm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import command_line
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import plain

DOCUMENTATION = r"""
name: unconfirmed
short_description: What to type where something else was typed to confirm
description:
  - Compares what was typed with what confirms an act, and gives the sentence that says what to type. It is empty when
    what was typed fits.
  - Upper and lower case are the same, and C(hv-b:2) is C(hv-b 2). A single VM goes by its name and by its id.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: wanted, vms
options:
  _input:
    description: What was typed.
    type: str
    required: true
  wanted:
    description: What confirms it.
    type: str
    required: true
  vms:
    description: The VMs that it is about, with C(id) and C(name).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Refuse what was not confirmed
  ansible.builtin.fail:
    msg: "{{ problem }}"
  vars:
    problem: "{{ confirm | hyperv.replica.unconfirmed('hv-b 2') }}"
  when: problem | length > 0
"""

RETURN = r"""
_value:
  description: What to type, as a sentence; empty when it was typed.
  type: str
"""


def unconfirmed(typed: Any, wanted: Any, vms: Sequence[Mapping[str, Any]] = ()) -> str:
    """The sentence; see DOCUMENTATION."""
    return command_line.unconfirmed(str(typed), str(wanted), plain(vms, "vms"))


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"unconfirmed": unconfirmed}
