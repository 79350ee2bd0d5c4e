"""Resolve-DnsName: names of hosts and brokers to addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..values import Enum, Obj, Output, Record, Refusal
from ..world import dns
from ..world.cluster import Cluster
from ..world.host import Host
from ..world.world import World
from .registry import Call, cmdlet

SPACE = "Microsoft.DnsClient.Commands"
ADDRESS_TYPES = frozenset({"A", "A_AAAA", "ALL"})


def address_of(world: World, named: dns.Named) -> str:
    """An address of the lab's own: hosts are 10.0.0.x, brokers 10.0.1.x."""
    if named.host is not None:
        return f"10.0.0.{list(world.hosts.values()).index(named.host) + 1}"
    return f"10.0.1.{_clusters(list(world.hosts.values())).index(named.cluster) + 1}"


def _clusters(hosts: list[Host]) -> list[Cluster | None]:
    return list({id(host.cluster): host.cluster for host in hosts if host.cluster}.values())


@cmdlet("Resolve-DnsName")
def resolve_name(call: Call) -> Iterator[Record]:
    """The address records of a name; an unknown name is an error, an unknown type has no records."""
    name, kind = call.parameters["Name"], str(call.get("Type") or "A_AAAA")
    found = dns.resolve(call.world, call.host, name)
    if found is None:
        refusal = Refusal(
            f"{name} : DNS name does not exist", "DNS_ERROR_RCODE_NAME_ERROR", "ResourceUnavailable", name
        )
        refusal.error = replace(refusal.error, exception="System.ComponentModel.Win32Exception")
        raise refusal
    if kind not in ADDRESS_TYPES:
        return
    address, record = address_of(call.world, found), Enum(f"{SPACE}.RecordType", "A")
    facts = {
        "Name": found.full_name,
        "Type": record,
        "CharacterSet": "Unicode",
        "Section": "Answer",
        "DataLength": 4,
        "TTL": 1200,
        "IPAddress": address,
        "QueryType": record,
        "IP4Address": address,
    }
    yield Output(Obj(f"{SPACE}.DnsRecord_A", facts))
