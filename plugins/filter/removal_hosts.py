# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.removal_hosts: which hosts have a part in the replication of VMs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import removal
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: removal_hosts
short_description: Find the hosts that have a part in the replication of VMs
description:
  - Looks for the partners of VMs, also those of an extended leg, among inventory hosts, and says which hosts have to be
    read next. A VM that has no relation on its host any more, or is not there, is looked for on all candidates.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: host, vms, candidates, variables, everywhere, inventory
options:
  _input:
    description: Results of M(hyperv.replica.hyperv_replication_info) by inventory host.
    type: dict
    required: true
  host:
    description: Inventory host where the role plays.
    type: str
    required: true
  vms:
    description: Names or ids of the VMs.
    type: list
    elements: str
    required: true
  candidates:
    description: Inventory hosts that a Windows name may mean.
    type: list
    elements: str
    required: true
  variables:
    description: The C(hostvars).
    type: dict
    required: true
  everywhere:
    description: Whether all candidates are looked at, as before copies are deleted.
    type: bool
    default: false
  inventory:
    description: All hosts of the inventory, where a name is looked up that no candidate has.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Which hosts are to be read
  ansible.builtin.debug:
    msg: "{{ ({'hv-a': here} | hyperv.replica.removal_hosts('hv-a', ['App01'], groups['hyperv'], hostvars)).read }}"
"""

RETURN = r"""
_value:
  description: >-
    C(partners), inventory hosts by Windows name; C(unknown), names without one; C(names), further names of hosts;
    C(read), hosts to be read next; C(ids) of the VMs, and C(missing), names that the host has no VM of, which the
    others are asked for.
  type: dict
"""


def removal_hosts(
    readings: Mapping[str, Any],
    host: str,
    vms: Sequence[str],
    candidates: Sequence[str],
    variables: Mapping[str, Mapping[str, Any]],
    everywhere: bool = False,
    inventory: Sequence[str] = (),
) -> dict[str, Any]:
    """Hosts; see DOCUMENTATION."""
    try:
        read, hosts, everyone = plain(readings), plain(candidates), plain(inventory)
        found = removal.removal_hosts(
            read, str(host), plain(vms), hosts, _known(variables, (*hosts, host, *read)), bool(everywhere)
        )
        if found["unknown"] and everyone:  # the variables of all hosts cost time, so only where they are needed
            known = _known(variables, (*everyone, *read))
            found = removal.removal_hosts(read, str(host), plain(vms), hosts, known, bool(everywhere), everyone)
        return found
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


def _known(variables: Mapping[str, Mapping[str, Any]], hosts: Iterable[str]) -> dict[str, Any]:
    own = ("hyperv_replica_names", "ansible_host")
    asked = [host for host in dict.fromkeys(hosts) if host in variables]
    return {host: plain({name: variables[host].get(name) for name in own}) for host in asked}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"removal_hosts": removal_hosts}
