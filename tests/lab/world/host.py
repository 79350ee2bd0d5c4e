"""One Hyper-V host: its VMs and its periphery. `Host(name="HV-A")` needs nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

from .certificate import Certificate
from .cluster import Cluster
from .firewall import Firewall
from .network import Switch
from .server import ReplicaServer
from .storage import GIB, FileSystem, Volume
from .vm import VM

if TYPE_CHECKING:
    from .world import World

VM_FOLDER = "C:\\ProgramData\\Microsoft\\Windows\\Hyper-V"
REPLICATION_KEY = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Virtualization\\Replication"
# Modules of a Hyper-V host; FailoverClusters comes with the feature, which the nodes of a cluster have.
MODULES = frozenset({"Hyper-V", "NetSecurity", "Storage", "DnsClient"})
DISK_FOLDER = "C:\\Users\\Public\\Documents\\Hyper-V\\Virtual Hard Disks"


@dataclass(eq=False)
class Host:
    """`name` is short and upper case. `fqdn_reading` (full, domain) is what Get-VMHost calls FullyQualifiedDomainName.

    `guardians` are the keys with which VMs that have a TPM can be started here. `newest_version` is the newest VM
    configuration version that this build knows. `language` is the one that names and texts are in.
    """

    name: str
    domain: str = "corp.example"
    vms: dict[uuid.UUID, VM] = field(default_factory=dict)
    server: ReplicaServer = field(default_factory=ReplicaServer)
    certificates: list[Certificate] = field(default_factory=list)
    firewall: Firewall = field(default_factory=Firewall)
    switches: dict[str, Switch] = field(default_factory=dict)
    volumes: list[Volume] = field(default_factory=lambda: [Volume()])
    files: FileSystem = field(default_factory=FileSystem)
    cluster: Cluster | None = None
    powered: bool = True
    memory_bytes: int = 256 * GIB
    processors: int = 32
    fqdn_reading: str = "full"
    time_zone: tzinfo = timezone(timedelta(hours=1))
    guardians: set[str] = field(default_factory=set)
    services: dict[str, str] = field(default_factory=lambda: {"vmms": "Running"})
    registry: dict[str, dict[str, object]] = field(default_factory=dict)
    trusted_domains: set[str] = field(default_factory=set)
    workgroup: bool = False  # not a domain member: no Kerberos
    modules: set[str] = field(default_factory=lambda: set(MODULES))
    users: dict[str, str] = field(default_factory=dict)  # rights.py: administrator (who is not listed), hyperv, none
    newest_version: str = "12.0"
    language: str = "en"
    vm_path: str = VM_FOLDER
    disk_path: str = DISK_FOLDER
    stopped_at: datetime | None = None
    sees_from: datetime | None = None  # from when on the management service finds anything after a start
    ready_at: datetime | None = None  # from when on the management service lists relations again after a start
    _world: World | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.guardians.add(self.name)

    @property
    def fqdn(self) -> str:
        """Full name; in a workgroup without suffix the short one."""
        return f"{self.name}.{self.domain}" if self.domain else self.name

    def registry_value(self, key: str, name: str) -> object:
        """A value of the registry, or None."""
        values = next((found for one, found in self.registry.items() if one.casefold() == key.casefold()), {})
        return next((value for one, value in values.items() if one.casefold() == name.casefold()), None)

    @property
    def world(self) -> World:
        """The world that it stands in."""
        if self._world is None:
            raise RuntimeError(f"{self.name} stands in no world")
        return self._world

    def join(self, world: World) -> None:
        """Stand in a world from now on."""
        self._world = world

    def local(self, moment: datetime | None) -> datetime | None:
        """The moment on this host's clock: what a DateTime of Kind Local shows."""
        return moment.astimezone(self.time_zone) if moment is not None else None

    def moment(self, given: datetime) -> datetime:
        """UTC of a DateTime that was given here: an unspecified one is meant as local time."""
        aware = given if given.tzinfo is not None else given.replace(tzinfo=self.time_zone)
        return aware.astimezone(timezone.utc)

    @property
    def free_memory(self) -> int:
        """Memory not assigned to a VM."""
        return self.memory_bytes - sum(vm.memory_startup for vm in self.vms.values() if vm.alive)

    def named(self, name: str) -> VM:
        """The first VM of that very name; KeyError when there is none."""
        found = next((vm for vm in self.vms.values() if vm.name.casefold() == name.casefold()), None)
        if found is None:
            raise KeyError(f"{self.name} has no VM {name}")
        return found

    def sending(self) -> Iterator[VM]:
        """VMs that send to another host."""
        return (vm for vm in list(self.vms.values()) if any(r.sends for r in vm.relations.values()))
