# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.partner_primaries: inventory hosts as allowed primaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import plain
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.partners import with_partners

DOCUMENTATION = r"""
name: partner_primaries
short_description: Add inventory hosts to the allowed primaries of a replica server
description:
  - Gives the list for the option O(hyperv.replica.hyperv_replica_server#module:allowed_primaries), with one entry more
    for each partner that it does not name yet.
  - A partner's entry has the Windows name that the host gave of itself, and on a cluster that of its broker. The host
    itself, and the other nodes of its cluster, are left out.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: partners, own, aliases
options:
  _input:
    description: The entries that are given as such, or V(null).
    type: list
    elements: dict
    required: true
  partners:
    description: Results of M(hyperv.replica.hyperv_replica_server) by inventory name, as registered on the partners.
    type: dict
    required: true
  own:
    description: The same of the host itself.
    type: dict
    required: true
  aliases:
    description: The variable C(hyperv_replica_names) of the partners by inventory name, for those without a full name.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Which servers this host shall admit
  ansible.builtin.debug:
    msg: "{{ [] | hyperv.replica.partner_primaries({'hv-a': hostvars['hv-a'].found}, found) }}"
"""

RETURN = r"""
_value:
  description: The entries; V(null) where none were given and there is no partner.
  type: list
  elements: dict
"""


def partner_primaries(
    entries: Any, partners: Mapping[str, Any], own: Mapping[str, Any], aliases: Mapping[str, Any] | None = None
) -> list[dict[str, Any]] | None:
    """Entries and partners as one list; see DOCUMENTATION."""
    try:
        return with_partners(plain(entries), plain(partners), plain(own), plain(aliases or {}))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"partner_primaries": partner_primaries}
