# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.removal_plan: how the replication of VMs is removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import removal_plan as removal
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: removal_plan
short_description: Plan the removal of replication
description:
  - Gives what has to be done on which host, in order, and what is refused and why. Asked again after a reading, it goes
    on from there. It sends nothing.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: host, inputs, found, known
options:
  _input:
    description: Results of M(hyperv.replica.hyperv_replication_info) by inventory host.
    type: dict
    required: true
  host:
    description: Inventory host where the role plays.
    type: str
    required: true
  inputs:
    description:
      - The inputs of the role P(hyperv.replica.remove_replication#role), typed and without its prefix, as C(vms),
        C(other_side), C(delete) and C(lives_on).
    type: dict
    required: true
  found:
    description: What P(hyperv.replica.removal_hosts#filter) gave.
    type: dict
    required: true
  known:
    description: The C(known) of the first plan of the same run; left out for that one.
    type: dict
"""

EXAMPLES = r"""
- name: What the removal would do
  ansible.builtin.debug:
    msg: "{{ (readings | hyperv.replica.removal_plan('hv-a', {'vms': ['App01']}, found)).lines }}"
"""

RETURN = r"""
_value:
  description:
    - C(vms), a record each; C(refused), with C(name) and C(reason); C(nothing), VMs that are nowhere; C(stages) that
      have something to do; C(calls) of modules for what is next; C(known), which later plans of the run are given;
      C(lines), the plan as text; C(confirm), what is typed to confirm, and C(going), the VMs that it is about; and
      C(acts), the number of steps.
  type: dict
"""


def removal_plan(
    readings: Mapping[str, Any],
    host: str,
    inputs: Mapping[str, Any],
    found: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The plan; see DOCUMENTATION."""
    try:
        return removal.removal_plan(plain(readings), str(host), plain(inputs), plain(found), plain(known))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"removal_plan": removal_plan}
