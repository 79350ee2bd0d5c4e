# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documents the option group WAITING of option_groups.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of hyperv.replica.waiting."""

    DOCUMENTATION = r"""
options:
  wait_timeout:
    description:
      - Seconds to wait, for each VM, for what is under way on the host, as an initial copy or a merge.
      - When they are over, the VM is reported with what was read last. Nothing is stopped; the same task goes on later.
        0 to 604800.
    type: float
    default: 3600
  settle_timeout:
    description:
      - Seconds within which the effect of a cmdlet must be visible when the host is read again.
      - States lag behind the cmdlets, so one that is not visible at once is looked for again until then. 0 to 86400.
    type: float
    default: 120
  poll_interval:
    description:
      - Seconds between two looks at the host while waiting. 0.01 to 300.
    type: float
    default: 5
"""
