# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documents the option group VM_SELECTION of option_groups.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of hyperv.replica.vm_selection."""

    DOCUMENTATION = r"""
options:
  names:
    description:
      - Names of the VMs, literally and without regard to case. No wildcards.
      - A name that two VMs of the host have is an error; use O(ids) then.
    type: list
    elements: str
  ids:
    description:
      - Ids of the VMs, as C(Get-VM) shows them in C(Id). A VM has the same id on both sides of a replication.
    type: list
    elements: str
"""
