# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.failover_preflight: what must be right before a failover begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_preflight as checks
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.lines import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.values import plain

DOCUMENTATION = r"""
name: failover_preflight
short_description: What must be right before a failover begins
description:
  - Looks for what speaks against the failover of each VM, before the first guest is shut down.
  - A finding refuses the VM unless it is accepted by its name. VMs whose failover has begun are not held up.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: readings, accepted, earlier, answered, tests
options:
  _input:
    description: The run, as P(hyperv.replica.failover_run#filter) gave it.
    type: dict
    required: true
  readings:
    description: Results of M(hyperv.replica.hyperv_replication_info) by inventory host, of silent hosts too.
    type: dict
    required: true
  accepted:
    description: Names of findings that are accepted.
    type: list
    elements: str
    default: []
  earlier:
    description: Readings from before the wait, by which a primary that was declared dead is found to be sending still.
    type: dict
  answered:
    description: Windows names of partners where something takes replicas.
    type: list
    elements: str
    default: []
  tests:
    description: Results of the connection tests that P(hyperv.replica.failover_ways#filter) asked for.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: What speaks against it
  ansible.builtin.debug:
    msg: "{{ (run | hyperv.replica.failover_preflight(readings, ['warning_health'])).lines }}"
"""

RETURN = r"""
_value:
  description: C(refused), the reason by VM id; C(lines) for the operator; C(warnings).
  type: dict
"""


def failover_preflight(
    run: Mapping[str, Any],
    readings: Mapping[str, Any],
    accepted: Sequence[str] = (),
    earlier: Mapping[str, Any] | None = None,
    answered: Sequence[str] = (),
    tests: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What speaks against it; see DOCUMENTATION."""
    try:
        return checks.preflight(
            plain(run), plain(readings), plain(accepted), plain(earlier or {}), plain(answered), plain(tests)
        )
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failover_preflight": failover_preflight}
