# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Everything that the filters decide with, loaded before the workers are forked, so that it is loaded once.

Ansible looks for a filter in every worker anew, which loads the files of all filters, and its loader of collections
compiles each source again. What the process has loaded from which the workers are forked is there already: that one
loads action plugins. Measured: a third of the time of a play of many tasks.
"""

from __future__ import annotations

from .base import command_line, plan_lines
from .base import text as lines
from .server import partners as server_partners
from .workflows import order, policy, policy_preview, role_inputs, target
from .workflows.report import input as report_input
from .workflows.report import rows as report_rows
from .workflows.report import table as report_table
from .workflows.test_failover import report as failover_test_report

LOADED_EARLY = (
    command_line,
    failover_test_report,
    lines,
    order,
    plan_lines,
    policy,
    policy_preview,
    report_input,
    report_rows,
    report_table,
    role_inputs,
    server_partners,
    target,
)
