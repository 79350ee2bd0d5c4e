# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.failover_one_side: what is done on one host alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_one_side as preparation
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: failover_one_side
short_description: What is done on one host alone before a failover
description:
  - With C(to_prepare), the calls that prepare primaries whose partner is out of reach; with C(prepared), what that came
    to and what is left to do.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: readings, what, host
options:
  _input:
    description: The typed inputs of the role P(hyperv.replica.failover#role).
    type: dict
    required: true
  readings:
    description: Results of M(hyperv.replica.hyperv_replication_info) by inventory host, of silent hosts too.
    type: dict
    required: true
  what:
    description: What is asked.
    type: str
    choices: [to_prepare, prepared]
    required: true
  host:
    description: Inventory host that it is done on.
    type: str
    required: true
  found:
    description: What P(hyperv.replica.failover_partners#filter) gave for these VMs.
    type: dict
    default: {}
  reach:
    description: Inventory hosts that may be contacted; all when left out.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: What would prepare them
  ansible.builtin.debug:
    msg: "{{ failover | hyperv.replica.failover_one_side(readings, 'to_prepare', 'hv-a') }}"
"""

RETURN = r"""
_value:
  description: C(lines) for the operator, C(refused) or C(failures), and the calls.
  type: dict
"""


def failover_one_side(
    inputs: Mapping[str, Any],
    readings: Mapping[str, Any],
    what: str,
    host: str,
    found: Mapping[str, Any] | None = None,
    reach: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What is done on one host; see DOCUMENTATION."""
    typed, read, known = plain(inputs), plain(readings), plain(found or {})
    try:
        if what == "to_prepare":
            return preparation.to_prepare(typed, read, str(host), known)
        return preparation.prepared(typed, read[str(host)], str(host))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failover_one_side": failover_one_side}
