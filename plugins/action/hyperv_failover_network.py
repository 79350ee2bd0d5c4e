# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""hyperv_failover_network: the resource FAILOVER_NETWORK, taken through the phases."""

from __future__ import annotations

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.network.resource import FAILOVER_NETWORK
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.runner import ReplicaAction


class ActionModule(ReplicaAction):
    """Documented in the module of the same name."""

    resource = FAILOVER_NETWORK
