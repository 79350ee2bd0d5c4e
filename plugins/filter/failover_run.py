# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.failover_run: a run of the failover role, from one reading to the next calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_inputs
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_run as runs
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: failover_run
short_description: A run of the failover role, from one reading to the next calls
description:
  - Begins a run from the inputs of the role P(hyperv.replica.failover#role), or takes a run on by one step, from what
    both sides say now and what the last calls came to.
  - It sends nothing. Where a VM is comes from the reading alone, so a run can be cut anywhere and begun again.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: readings, results, wish, targets, partners
options:
  _input:
    description: The typed inputs of the role, to begin; or what this filter gave last.
    type: dict
    required: true
  readings:
    description: Results of M(hyperv.replica.hyperv_replication_info) by inventory host, of silent hosts too.
    type: dict
    required: true
  results:
    description: Results of the last calls, in their order; left out to begin.
    type: list
    elements: dict
  wish:
    description: To begin, C(planned), C(unplanned), C(cancel), C(commit), C(reverse) or C(return_home).
    type: str
    default: ''
  targets:
    description: To begin, inventory hosts where the VMs shall run.
    type: list
    elements: str
  partners:
    description: To begin, inventory hosts by Windows name.
    type: dict
    default: {}
  reach:
    description: To begin, inventory hosts that may be contacted; all when left out.
    type: list
    elements: str
  given:
    description: To begin, the inputs that were not left out, as they came. The command for what is left repeats them.
    type: dict
    default: {}
  refused:
    description: Reasons by VM id; those VMs take no part.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: The next calls
  ansible.builtin.set_fact:
    run: "{{ run | hyperv.replica.failover_run(readings, results) }}"
"""

RETURN = r"""
_value:
  description: >-
    The run, with C(vms), the C(calls) to make next, C(end), and when it begins the plan in C(lines) and
    C(acts).
  type: dict
"""


def failover_run(
    run: Mapping[str, Any],
    readings: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]] | None = None,
    wish: str = "",
    targets: Sequence[str] = (),
    partners: Mapping[str, Sequence[str]] | None = None,
    refused: Mapping[str, str] | None = None,
    reach: Sequence[str] | None = None,
    given: Mapping[str, Any] | None = None,
    found: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The run, one step further; see DOCUMENTATION."""
    now = time.monotonic()  # the wall clock may be set while a run goes on
    try:
        read = plain(readings)
        if results is not None:
            return runs.advance(plain(run), read, plain(results), now)
        if wish:
            hosts = (plain(targets), plain(partners or {}), plain(reach))
            run = failover_inputs.make_run(plain(run), wish, *hosts, given=plain(given or {}), found=plain(found or {}))
        return runs.begin(plain(run), read, plain(refused or {}), now)
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failover_run": failover_run}
