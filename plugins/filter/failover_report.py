# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.failover_report: what a failover came to, VM by VM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_report as reports
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: failover_report
short_description: What a failover came to, VM by VM
description:
  - Says for each VM where it runs, what both sides are, and what is left; what is down comes first.
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
- name: Show what it came to
  hyperv.replica.show_report:
    lines: "{{ (run | hyperv.replica.failover_report(readings)).lines }}"
"""

RETURN = r"""
_value:
  description: >-
    C(lines) to show; C(failures), a sentence for each VM that is not where it shall be; C(vms), a record a
    VM; and C(command), which goes on with exactly those that are left.
  type: dict
"""


def failover_report(run: Mapping[str, Any], readings: Mapping[str, Any]) -> dict[str, Any]:
    """What it came to; see DOCUMENTATION."""
    try:
        return reports.report(plain(run), plain(readings))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failover_report": failover_report}
