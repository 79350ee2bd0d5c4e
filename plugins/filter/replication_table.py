# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.replication_table: the replication of several hosts as a table for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.color import ANSIBLE_COLOR
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean_text
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.report.input import results_of
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.report.rows import report_of
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.report.table import (
    LEAST_WIDTH,
    Look,
    lines_of,
)

DOCUMENTATION = r"""
name: replication_table
short_description: The replication of several hosts as a table for the terminal
description:
  - Makes lines of what M(hyperv.replica.hyperv_replication_info) said of one or more hosts. The worst comes first,
    hosts that could not be read before everything else.
  - A row is a relation of a VM on a host, with its power, mode, state, health, the age of its last replication, its
    partner, and a test VM that was left there. A summary and a legend of the words in the table follow.
  - Print the lines with M(hyperv.replica.show_report), which shows them as they are.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
options:
  _input:
    description:
      - Results of M(hyperv.replica.hyperv_replication_info), as they were registered, by inventory host. Those of hosts
        that were unreachable, or that failed, belong in it too.
      - A list of results, or one of them, will do as well; a result without a host's name is then called by its place.
    type: raw
    required: true
  details:
    description:
      - Whether a second line follows each row, with sizes, pending bytes, errors, latency and frequency.
      - Gather V(statistics) and V(disk_sizes) for it.
    type: bool
    default: false
  color:
    description: Whether colours are used. V(auto) does what Ansible does, which obeys C(NO_COLOR) and knows a terminal.
    type: str
    choices: [auto, always, never]
    default: auto
  width:
    description: How many cells wide the table may be, 72 or more. What does not fit is cut and ends in an ellipsis.
    type: int
    default: 100
seealso:
  - plugin: hyperv.replica.replication_alarms
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what was read
  hyperv.replica.show_report:
    lines: "{{ {inventory_hostname: replication} | hyperv.replica.replication_table(details=true) }}"
"""

RETURN = r"""
_value:
  description: The lines of the table.
  type: list
  elements: str
"""


def replication_table(
    results: Mapping[str, Any] | Sequence[Any], details: bool = False, color: str = "auto", width: int = 100
) -> list[str]:
    """Lines for the terminal; see DOCUMENTATION."""
    if color not in ("auto", "always", "never"):
        raise AnsibleFilterError(f"replication_table: color is '{color}'. Give auto, always or never.")
    if width < LEAST_WIDTH:
        raise AnsibleFilterError(f"replication_table: width is {width}. Give {LEAST_WIDTH} or more.")
    colour = ANSIBLE_COLOR if color == "auto" else color == "always"
    try:
        return lines_of(report_of(results_of(results)), Look(width, bool(colour), details))
    except ReplicaError as error:
        raise AnsibleFilterError(clean_text(f"replication_table: {error}")) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"replication_table": replication_table}
