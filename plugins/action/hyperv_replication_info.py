# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""hyperv_replication_info: what a host says of its VMs, their replication, and itself."""

from __future__ import annotations

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.reading import Reading
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.info import SPEC, gather, read_options
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.runner import ReplicaAction


class ActionModule(ReplicaAction):
    """Binds the reading to the runner."""

    resource = Reading("hyperv_replication_info", SPEC, read_options, gather)
