# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task of hyperv_vm_replication asks for, as one value, and the words that it may say.

None is "not said": it is never sent and never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.option_groups import VMSelection
from ..base.partner_server import PartnerServer
from ..facts import disks
from .partner import PartnerView

PRESENT = "present"
ABSENT = "absent"
TESTED = "connection_tested"
NETWORK = "network"
MEDIA = "external_media"
EXISTING = "existing_copy"
NO_COPY = "none"
AUTO = "auto"
RESYNCHRONIZE_NOW = "resynchronize_now"
CANCEL_COPY = "cancel_initial_copy"
CANCEL_RESYNC = "cancel_resynchronization"
RESET_STATISTICS = "reset_statistics"


@dataclass(frozen=True)
class HostValues:
    """Settings and disks that are right on one host."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    disks: disks.Wish | None = None


@dataclass(frozen=True)
class Want:
    """What the task asks for. `settings` holds only the options that were given."""

    vms: VMSelection
    state: str = PRESENT
    side: str | None = None
    expected_host: str = ""
    relationship: str = "Simple"
    replica_server: str | None = None
    between: tuple[str, ...] = ()
    first_primary: str | None = None
    per_host: Mapping[str, HostValues] = field(default_factory=dict)
    move: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    renew_before: int = 14
    disks: disks.Wish = field(default_factory=disks.Wish)
    copy: str | None = None
    copy_start: str | None = None
    copy_path: str | None = None
    allowed_primary_server: str | None = None
    wait: bool = False
    suspended: bool | None = None
    recover: str | None = None
    acts: frozenset[str] = frozenset()
    partner: Mapping[str, PartnerView] = field(default_factory=dict)
    partner_server: PartnerServer | None = None
    partner_read: bool = False
    broker_problem: str = ""  # of this host's own cluster, where that was asked

    def ids_there(self, name: str) -> frozenset[str]:
        """Ids of the VMs that have this name on the other host, as far as the task brought its records."""
        return frozenset(vm for vm, view in self.partner.items() if view.name.casefold() == name.casefold())

    @property
    def wanted_ids(self) -> tuple[str, ...]:
        """Ids to read: those named, and those whose name is named and may be another one here."""
        there = [vm for name in self.vms.names or () for vm in sorted(self.ids_there(name))]
        return tuple(dict.fromkeys([*(self.vms.ids or ()), *there]))

    @property
    def names_partner(self) -> bool:
        """True when the task says towards whom to protect; else it is about replications that exist."""
        return self.replica_server is not None or bool(self.between)
