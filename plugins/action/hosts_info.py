# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""hosts_info: what several hosts say of their VMs, asked side by side. What the roles read with."""

from __future__ import annotations

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.decisions import DECISIONS
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.info import (
    SPEC_OF_HOSTS,
    gather,
    read_options_of_hosts,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.reading import Reading
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.runner import HostsAction


class ActionModule(HostsAction):
    """Binds the reading to the runner."""

    noun = Reading("hosts_info", SPEC_OF_HOSTS, read_options_of_hosts, gather)
    loaded_with_it = DECISIONS
