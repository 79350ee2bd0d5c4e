# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.test_failover_report: what became of a test failover."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import plain
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.test_failover import (
    report as failover_test_report,
)

DOCUMENTATION = r"""
name: test_failover_report
short_description: Report a test failover
description:
  - Says for each VM how soon it came up and from which point, what failed, when it was last tested, and whether its
    test VM is gone. What is still there and should not be comes first.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: run
options:
  _input:
    description: The C(plan) in RV(hyperv.replica.hyperv_recovery#module:test).
    type: dict
    required: true
  run:
    description:
      - The C(run) in the same, with what was done since, as C(checked), what failed by VM id; C(ended) and C(after), of
        the task that ended the tests; and C(keep).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what became of it
  hyperv.replica.show_report:
    lines: "{{ (plan | hyperv.replica.test_failover_report(run)).lines }}"
"""

RETURN = r"""
_value:
  description: C(lines) to show, C(failures), a sentence a VM, and C(vms), a record each.
  type: dict
"""


def test_failover_report(plan: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """The report; see DOCUMENTATION."""
    try:
        return failover_test_report.report(plain(plan), plain(run))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"test_failover_report": test_failover_report}
