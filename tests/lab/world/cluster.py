"""A failover cluster: nodes, the broker, what is shared, and moves of VMs between nodes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .server import ReplicaServer, same_name
from .storage import CLUSTER_STORAGE, Entry, FileSystem, Volume, normal

if TYPE_CHECKING:
    from .host import Host


@dataclass
class Broker:
    """The Hyper-V Replica Broker: short name of its access point, and its resource: Online, Failed or Offline.

    `group` is the one that it stands in (by default named as the access point), `group_type` VMReplicaBroker where the
    tool that made it set that type, else Unknown. The group of one that failed is Online all the same, with its network
    name (observed by one: the harsher reading); `group_state` says otherwise. `named` False: it has no network name.
    """

    name: str
    state: str = "Online"
    owner: str | None = None
    group: str = ""
    group_type: str = "VMReplicaBroker"
    group_state: str = ""
    named: bool = True

    def __post_init__(self) -> None:
        self.group = self.group or self.name


@dataclass
class ClusterNode:
    """A node: `state` is Up, Down or Paused."""

    host: Host
    state: str = "Up"
    id: int = 1

    @property
    def up(self) -> bool:
        """Whether it takes part now."""
        return self.state == "Up" and self.host.powered and self.host.services.get("ClusSvc") == "Running"


@dataclass
class Cluster:
    """The nodes share one ReplicaServer (the cluster database) and one file system below C:\\ClusterStorage."""

    name: str
    domain: str
    broker: Broker | None = None
    nodes: list[ClusterNode] = field(default_factory=list)
    server: ReplicaServer = field(default_factory=ReplicaServer)
    files: FileSystem = field(default_factory=FileSystem)
    volumes: list[Volume] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)  # other roles with a network name of their own, by that name
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def fqdn(self) -> str:
        """Full name of the cluster's own access point."""
        return f"{self.name}.{self.domain}"

    @property
    def broker_fqdn(self) -> str | None:
        """Full name of the broker's access point, or None without a broker."""
        return f"{self.broker.name}.{self.domain}" if self.broker else None

    @property
    def active_broker(self) -> Broker | None:
        """The broker, when its resource is online and a node is up to hold it."""
        online = self.broker is not None and self.broker.state == "Online" and any(node.up for node in self.nodes)
        return self.broker if online else None

    def join(self, host: Host) -> ClusterNode:
        """Make a host a node: it sees the cluster's settings and storage from now on."""
        node = ClusterNode(host, id=len(self.nodes) + 1)
        self.nodes.append(node)
        host.modules.add("FailoverClusters")
        host.services["ClusSvc"] = "Running"
        host.cluster = self
        host.server = self.server
        host.files.shared = self.files
        return node

    def add_volume(self, name: str = "Volume1", size: int = 4096 * 1024**3) -> Volume:
        """A new cluster shared volume."""
        volume = Volume(letter=None, size=size, free=size * 3 // 4, label=name, mount=f"{CLUSTER_STORAGE}\\{name}")
        self.volumes.append(volume)
        self.files.entries[normal(volume.root)] = Entry(volume.root)
        return volume

    def owner_of(self, vm_id: uuid.UUID) -> ClusterNode | None:
        """The node where the VM lives now."""
        return next((node for node in self.nodes if vm_id in node.host.vms), None)

    def move(self, vm_id: uuid.UUID, to: Host) -> None:
        """Move a VM with everything it has to another node."""
        node = self.owner_of(vm_id)
        if node is not None and node.host is not to:
            to.vms[vm_id] = node.host.vms.pop(vm_id)

    def node_named(self, name: str) -> ClusterNode | None:
        """The node of that short or full name."""
        return next((n for n in self.nodes if same_name(n.host.name, name) or same_name(n.host.fqdn, name)), None)

    def place(self, vm_id: uuid.UUID | None = None) -> ClusterNode | None:
        """The node that the broker sends a caller to: the VM's owner, else its own node, else the first that is up."""
        owner = self.owner_of(vm_id) if vm_id else None
        if owner is not None:
            return owner if owner.up else None
        up = [node for node in self.nodes if node.up]
        broker = self.broker
        return next(
            (n for n in up if broker and broker.owner and same_name(n.host.name, broker.owner)), next(iter(up), None)
        )
