# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.failover_plan: from what both hosts say to what has to be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_plan as plans
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: failover_plan
short_description: Plan a failover from what both hosts say
description:
  - Gives every step from the states that were read to the goal, for each VM, and says what is refused and why.
  - It sends nothing and remembers nothing. Asked again after a reading, it goes on from there.
  - A host that was not read makes the VMs there unseen, which is never taken for absent, off or dead.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: others, goal
options:
  _input:
    description: Result of M(hyperv.replica.hyperv_replication_info) on the host where the VMs shall run.
    type: dict
    required: true
  others:
    description: Results of the same module on the other hosts, also of those that could not be read.
    type: list
    elements: dict
    required: true
  goal:
    description:
      - C(wish), which is C(planned), C(unplanned), C(cancel), C(commit), C(reverse), C(return_home), C(test),
        C(end_test) or C(remove); C(vms), names or ids, all of the input when left out.
      - C(reverse) and C(start), true when left out; C(declared), which is C(dead), C(unusable) or C(prepared);
        C(shutdown), whether guests may be shut down; C(turn_off), whether the old VM may lose its plug; C(accept_loss),
        whether cancelling may lose changes.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: What a planned failover of App01 to this host would do
  ansible.builtin.debug:
    msg: "{{ (here | hyperv.replica.failover_plan([there], {'wish': 'planned', 'vms': ['App01']})).lines }}"
"""

RETURN = r"""
_value:
  description:
    - C(vms), a record a VM with its states now and then, its steps (act, stage, host, cmdlet, parameters, why), its
      outcome (C(done), C(waiting), C(refused)), a message and what stays open; C(stages), the ids whose next act
      belongs to a stage, by stage and host; C(refused), C(waiting) and C(done); and C(lines), the plan as text.
  type: dict
"""


def failover_plan(target: Any, others: Any, goal: Mapping[str, Any]) -> dict[str, Any]:
    """The plan; see DOCUMENTATION."""
    try:
        return plans.failover_plan(plain(target), plain(others), plain(goal))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failover_plan": failover_plan}
