# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host says of its VMs and their replication, as values. Times are ISO 8601 text in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..facts.certificate import Certificates
from ..facts.disks import Disk


@dataclass(frozen=True)
class Relation:
    """One relation of a VM. `settings` are values by option (relation_settings), `disks` those that are replicated.

    `last_replication_time` is None until the initial copy has ended once.
    """

    kind: str
    mode: str
    state: str
    health: str
    primary_server: str = ""
    replica_server: str = ""
    current_replica_server: str = ""
    allowed_primary_server: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    last_replication_time: str | None = None
    copy_start: str | None = None
    resync_start: str | None = None
    test_vm: bool = False
    disks: tuple[Disk, ...] = ()
    pending_bytes: int | None = None


@dataclass(frozen=True)
class VM:
    """A VM of the host. `mode` is Get-VM's own word, a second witness beside the relations."""

    id: str
    name: str
    power: str = "Off"
    start_action: str = ""  # what it does when its host starts
    mode: str = "None"
    clustered: bool = False
    disks: tuple[Disk, ...] = ()
    relations: Mapping[str, Relation] = field(default_factory=dict)
    tpm: bool | None = False  # None: the host did not tell
    shielded: bool = False

    def with_relation(self, kind: str, relation: Relation | None) -> VM:
        """A copy whose relation of that kind is another, or gone."""
        kept = {name: value for name, value in self.relations.items() if name != kind}
        if relation is not None:
            kept[kind] = relation
        mode = self.mode if kind == "Extended" else relation.mode if relation else "None"
        return replace(self, relations=kept, mode=mode)


@dataclass(frozen=True)
class Have:
    """One host: its names (the full one first), its clock where it was asked, the VMs by id.

    `owners`: which node of the cluster owns the group of that (casefolded) name. `broker`: the name under which
    partners know this host's clustered VMs, "" without one, None where it was not asked for or not answered.
    `broker_problem`: why a clustered VM cannot be protected from here, "" when nothing known speaks against it.
    """

    host: str
    host_names: tuple[str, ...]
    vms: Mapping[str, VM] = field(default_factory=dict)
    now: datetime | None = None
    certificates: Certificates | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    broker: str | None = None
    broker_problem: str = ""

    def with_vm(self, vm: VM) -> Have:
        """A copy with one VM replaced."""
        return replace(self, vms={**self.vms, vm.id: vm})
