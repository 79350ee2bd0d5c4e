# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""hyperv_replica_server: the resource SERVER, taken through the phases."""

from __future__ import annotations

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.runner import ReplicaAction
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.resource import SERVER


class ActionModule(ReplicaAction):
    """Documented in the module of the same name."""

    resource = SERVER
