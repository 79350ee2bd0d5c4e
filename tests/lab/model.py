"""From counts to a world. The fields are the flags of `python -m tests.lab`; a preset is a set of them with a name."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from .world import build, certificate
from .world.clock import Clock
from .world.cluster import Broker, Cluster
from .world.host import Host
from .world.world import World


@dataclass(frozen=True)
class Model:
    """What to build. Counts are of the whole lab; every world of the same model is the same."""

    hosts: int = field(default=2, metadata={"help": "number of Hyper-V hosts"})
    vms: int = field(default=20, metadata={"help": "number of VMs in all, spread over the hosts in turn"})
    speed: float = field(default=1.0, metadata={"help": "how fast the lab's clock goes; 0 stands still"})
    seed: int = field(default=0, metadata={"help": "seed of sizes and times"})
    domain: str = field(default="corp.example", metadata={"help": "the hosts' domain; empty for a workgroup"})
    fqdn: str = field(
        default="full",
        metadata={"help": "what Get-VMHost calls FullyQualifiedDomainName", "choices": ("full", "domain")},
    )
    cluster: int = field(default=0, metadata={"help": "so many of the last hosts form a cluster with a broker"})
    domain_controller: str = field(
        default="", metadata={"help": "a VM without which no new log-on works; open connections go on", "metavar": "VM"}
    )
    certificates: bool = field(
        default=True, metadata={"help": "give each host a machine certificate that the others trust"}
    )

    def build(self, clock: Clock | None = None) -> World:
        """The world; with a clock of its own, or one of this speed."""
        world = build.build(self.hosts, self.vms, domain=self.domain, seed=self.seed, speed=self.speed, clock=clock)
        hosts = list(world.hosts.values())
        for host in hosts:
            host.fqdn_reading = self.fqdn
        if self.cluster:
            _form_cluster(world, hosts[-self.cluster :])
        if self.domain_controller:
            world.domain_controller = id_of(world, self.domain_controller)
        if self.certificates:
            _give_certificates(hosts)
        return world

    def preset(self, name: str) -> Model:
        """This model with the fields of a preset. Raises KeyError for a name that is none."""
        return replace(self, **PRESETS[name])


PRESETS: dict[str, dict[str, Any]] = {
    "fqdn-domain": {"fqdn": "domain"},
    "workgroup": {"domain": ""},
    "cluster": {"hosts": 3, "cluster": 2},
    "big": {"vms": 2000},
    "bare": {"certificates": False},
}


def id_of(world: World, name: str) -> uuid.UUID:
    """The id of the first VM of that name. Raises ValueError: there is none."""
    found = [
        vm.id for host in world.hosts.values() for vm in host.vms.values() if vm.name.casefold() == name.casefold()
    ]
    if not found:
        raise ValueError(f"no VM {name}")
    return found[0]


def _form_cluster(world: World, hosts: list[Host]) -> None:
    # As Microsoft's cmdlets make it: a group of no broker's type; another role has a network name too.
    broker = Broker("CL-1-BROKER", owner=hosts[0].name, group="Replica", group_type="Unknown")
    cluster = Cluster("CL-1", hosts[0].domain, broker=broker, roles=["CL-1-FILES"])
    for host in hosts:
        cluster.join(host)
    cluster.add_volume()
    for host in hosts:
        for vm in host.vms.values():
            vm.clustered = True


def _give_certificates(hosts: list[Host]) -> None:
    """A machine certificate of one authority for each host; all trust that authority.

    The nodes of a cluster share one that names the broker and each of them: the role has one thumbprint for all.
    """
    root = certificate.authority("Lab Root CA")
    for host in hosts:
        cluster = host.cluster
        if cluster is not None and cluster.broker_fqdn:
            nodes = [node.host.fqdn for node in cluster.nodes]
            own = certificate.issue(cluster.broker_fqdn, root, dns_names=[cluster.broker_fqdn, *nodes])
        else:
            own = certificate.issue(host.fqdn, root, dns_names=[host.fqdn])
        host.certificates += [own, root.certificate]
