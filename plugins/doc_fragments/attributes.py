# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What all modules of the collection have in common, as Ansible's attributes."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of modules that change something; `.info_module` for those that only read."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and say what it would do, without changing the host.
    support: full
  diff_mode:
    description: Says what was or would be different, in diff mode.
    support: full
  platform:
    description: Where the module works.
    support: full
    platforms: windows
"""

    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode; it never changes the host.
    support: full
  diff_mode:
    description: Says what was or would be different, in diff mode.
    support: N/A
    details: The module changes nothing.
  platform:
    description: Where the module works.
    support: full
    platforms: windows
"""
