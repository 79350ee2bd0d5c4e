# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""hyperv_recovery: a failover, or what belongs to one, for VMs of many hosts in one task."""

from __future__ import annotations

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.recovery_runner import RecoveryAction


class ActionModule(RecoveryAction):
    """Binds the workflows to the driver."""
