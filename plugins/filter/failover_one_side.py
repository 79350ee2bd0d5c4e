# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.failover_one_side: what is done on one host alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_reprotect as protection
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: failover_one_side
short_description: What is done on one host alone after a failover
description:
  - With C(to_protect), what protects VMs anew whose old primary is lost for good; with C(unprotected), which of them
    are not protected after all.
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
    choices: [to_protect, unprotected]
    required: true
  host:
    description: Inventory host that it is done on.
    type: str
    required: true
  others:
    description: Inventory hosts of the old partners.
    type: list
    elements: str
    default: []
  new_server:
    description: Windows name of the new replica server.
    type: str
    default: ''
  found:
    description: What P(hyperv.replica.failover_partners#filter) gave for these VMs.
    type: dict
    default: {}
  reach:
    description: Inventory hosts that may be contacted; all when left out.
    type: list
    elements: str
  given:
    description: The inputs that were not left out, as they came. The command for what is left repeats them.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Which of them are not protected
  ansible.builtin.debug:
    msg: "{{ failover | hyperv.replica.failover_one_side(readings, 'unprotected', 'hv-b') }}"
"""

RETURN = r"""
_value:
  description: C(lines) for the operator, C(refused) or C(failures), and the calls or the ids by stage.
  type: dict
"""


def failover_one_side(
    inputs: Mapping[str, Any],
    readings: Mapping[str, Any],
    what: str,
    host: str,
    others: Sequence[str] = (),
    new_server: str = "",
    given: Mapping[str, Any] | None = None,
    found: Mapping[str, Any] | None = None,
    reach: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What is done on one host; see DOCUMENTATION."""
    typed, read, known = plain(inputs), plain(readings), plain(found or {})
    try:
        if what == "to_protect":
            hosts = (plain(others), str(new_server), known, plain(reach))
            return protection.to_protect(typed, read, str(host), *hosts)
        return protection.unprotected(typed, read, str(host), plain(given or {}))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failover_one_side": failover_one_side}
