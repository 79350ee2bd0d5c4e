# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.replication_alarms: what of the replication of several hosts somebody must look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.replication_states import Level
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.report.input import results_of
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.report.rows import alarms

DOCUMENTATION = r"""
name: replication_alarms
short_description: What of the replication of several hosts somebody must look at
description: Lists hosts that could not be read, and VMs whose replication is as bad as asked for, or worse.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: level
options:
  _input:
    description:
      - Results of M(hyperv.replica.hyperv_replication_info), as P(hyperv.replica.replication_table#filter) takes them.
    type: raw
    required: true
  level:
    description:
      - V(unreadable) lists hosts and VMs that could not be read; V(critical) also critical health and states in which
        nothing is sent any more; V(warning) also everything else that is not as it should be.
    type: str
    choices: [unreadable, critical, warning]
    default: warning
"""

EXAMPLES = r"""
- name: Fail when a VM's replication is critical
  ansible.builtin.assert:
    that: "({inventory_hostname: replication} | hyperv.replica.replication_alarms('critical')) == []"
"""

RETURN = r"""
_value:
  description: A sentence for each, the worst first; empty when there is nothing.
  type: list
  elements: str
"""

LEVELS = {"unreadable": Level.LOST, "critical": Level.BAD, "warning": Level.WARN}


def replication_alarms(results: Mapping[str, Any] | Sequence[Any], level: str = "warning") -> list[str]:
    """Sentences; see DOCUMENTATION."""
    if level not in LEVELS:
        raise AnsibleFilterError(f"replication_alarms: level is '{level}'. Give {', '.join(LEVELS)}.")
    try:
        return alarms(results_of(results), LEVELS[level])
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(f"replication_alarms: {error}")) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"replication_alarms": replication_alarms}
