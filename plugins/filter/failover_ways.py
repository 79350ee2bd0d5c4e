# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.failover_ways: the connections that a planned failover needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_ways as connections
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: failover_ways
short_description: The connections that a planned failover needs
description:
  - Gives the connections to test before a planned failover, from the primary to the replica's host and, where the
    replication is reversed, back; each once, whatever the number of VMs.
  - Before an unplanned one, to a primary that was declared dead, from the replica's host to where that would take
    replicas.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: readings
options:
  _input:
    description: The run, as P(hyperv.replica.failover_run#filter) gave it.
    type: dict
    required: true
  readings:
    description: Results of M(hyperv.replica.hyperv_replication_info) by inventory host, of silent hosts too.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: What has to be reached
  ansible.builtin.debug:
    msg: "{{ run | hyperv.replica.failover_ways(readings) }}"
"""

RETURN = r"""
_value:
  description: Dictionaries with C(host), C(server), C(port), C(authentication), C(thumbprint) and C(ids) of the VMs.
  type: list
  elements: dict
"""


def failover_ways(run: Mapping[str, Any], readings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Connections to test; see DOCUMENTATION."""
    try:
        return connections.ways(plain(run), plain(readings))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failover_ways": failover_ways}
