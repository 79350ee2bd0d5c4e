"""Names: which host, broker or cluster a name means, asked from a host."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cluster import Cluster
from .server import same_name

if TYPE_CHECKING:
    from .host import Host
    from .world import World


@dataclass(frozen=True)
class Named:
    """What a name means: a host itself, or the broker of a cluster."""

    full_name: str
    host: Host | None = None
    cluster: Cluster | None = None


def is_address(name: str) -> bool:
    """Whether the text is an IP address and no name."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _spellings(short: str, full: str, asked_in: str) -> tuple[str, ...]:
    """A short name is completed with the asker's own domain only; another domain is another host."""
    _unused, _unused, domain = full.partition(".")
    return (full, short) if not domain or same_name(domain, asked_in) else (full,)


def names(world: World, domain: str) -> dict[str, Named]:
    """Every name that resolves for a host of that domain, lower case, to what it means."""
    found: dict[str, Named] = {}
    for host in world.hosts.values():
        for name in _spellings(host.name, host.fqdn, domain):
            found[name.casefold()] = Named(host.fqdn, host=host)
        cluster = host.cluster
        if cluster is not None and cluster.broker is not None and cluster.broker_fqdn is not None:
            for name in _spellings(cluster.broker.name, cluster.broker_fqdn, domain):
                found[name.casefold()] = Named(cluster.broker_fqdn, cluster=cluster)
    return found


def resolve(world: World, host: Host, name: str) -> Named | None:
    """What `name` means on that host, or None. Names outside ASCII do not resolve (known fault of the product)."""
    if is_address(name) or not name.isascii():
        return None
    return names(world, host.domain).get(name.rstrip(".").casefold())
