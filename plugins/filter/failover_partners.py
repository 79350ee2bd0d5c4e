# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.failover_partners: which inventory hosts are the partners of VMs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_partners as discovery
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: failover_partners
short_description: Which inventory hosts are the partners of VMs
description:
  - Looks for the partners of VMs, which are Windows names, among inventory hosts. The variable C(hyperv_replica_names)
    goes before the inventory name, that before C(ansible_host), and that before what a host says of itself.
  - The name of a cluster's broker, and of one of its nodes, means all its nodes. A node that the inventory does not
    have is there by its Windows name, and counts as not read.
  - A name that fits no candidate is looked up among the hosts of the inventory. One that fits none there is out of
    reach. A name that fits two that are not nodes of one cluster is an error.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: targets, vms, candidates, variables, inventory
options:
  _input:
    description: Results of M(hyperv.replica.hyperv_replication_info) by inventory host.
    type: dict
    required: true
  targets:
    description: Inventory hosts where the VMs shall run.
    type: list
    elements: str
    required: true
  vms:
    description: Names or ids of the VMs; all when empty.
    type: list
    elements: str
    required: true
  candidates:
    description: Inventory hosts that a name may mean.
    type: list
    elements: str
    required: true
  variables:
    description: The C(hostvars).
    type: dict
    required: true
  inventory:
    description: All hosts of the inventory, where a name is looked up that fits no candidate.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Which hosts have the other copies
  ansible.builtin.debug:
    msg: "{{ {'hv-b': here} | hyperv.replica.failover_partners(['hv-b'], ['App01'], groups['hyperv'], hostvars) }}"
"""

RETURN = r"""
_value:
  description: >-
    C(partners), inventory hosts by Windows name; C(unknown), names without one; C(ask), hosts that may still
    tell; C(read), partners that were not read; C(ids) of the VMs; C(missing), names that the targets have no VM of;
    C(names), further names of hosts.
  type: dict
"""


def failover_partners(
    readings: Mapping[str, Any],
    targets: Sequence[str],
    vms: Sequence[str],
    candidates: Sequence[str],
    variables: Mapping[str, Mapping[str, Any]],
    inventory: Sequence[str] = (),
) -> dict[str, Any]:
    """Inventory hosts by Windows name; see DOCUMENTATION."""
    try:
        given = (plain(readings), plain(targets), plain(vms), plain(candidates))
        found = discovery.partners(*given, _known(variables, (*given[3], *given[1], *given[0])))
        if found["unknown"] and inventory:  # the variables of all hosts cost time, so only where they are needed
            everyone = plain(inventory)
            found = discovery.partners(*given, _known(variables, (*everyone, *given[0])), everyone)
        return found
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


def _known(variables: Mapping[str, Mapping[str, Any]], hosts: Iterable[str]) -> dict[str, Any]:
    own = ("hyperv_replica_names", "ansible_host", "group_names")
    asked = [host for host in dict.fromkeys(hosts) if host in variables]
    return {host: plain({name: variables[host].get(name) for name in own}) for host in asked}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failover_partners": failover_partners}
