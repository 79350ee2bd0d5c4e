"""Virtual switches of a host and network adapters of a VM, with what a failover does to their addresses."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

LAB = uuid.UUID("6d2f0c7e-5f2b-4f0a-9e6b-5b1a4e1c7a11")


@dataclass
class Switch:
    """A virtual switch: `kind` is Private, Internal or External."""

    name: str
    kind: str = "External"
    id: uuid.UUID | None = None

    def __post_init__(self) -> None:
        self.id = self.id or uuid.uuid5(LAB, f"switch/{self.name}")


@dataclass
class FailoverAddress:
    """What is written into the guest after a failover: one address a family; empty text is "not set"."""

    ipv4_address: str = ""
    ipv4_subnet_mask: str = ""
    ipv4_default_gateway: str = ""
    ipv4_preferred_dns: str = ""
    ipv4_alternate_dns: str = ""
    ipv6_address: str = ""
    ipv6_prefix_length: str = ""
    ipv6_default_gateway: str = ""
    ipv6_preferred_dns: str = ""
    ipv6_alternate_dns: str = ""

    @property
    def protocols(self) -> str:
        """ProtocolIFType by name."""
        families = (bool(self.ipv4_address), bool(self.ipv6_address))
        return {(True, False): "IPv4", (False, True): "IPv6", (True, True): "IPv4v6"}.get(families, "None")


@dataclass
class Vlan:
    """VLAN of an adapter: `mode` is Untagged, Access, Trunk or Private."""

    mode: str = "Untagged"
    access_id: int = 0
    native_id: int = 0
    allowed_ids: tuple[int, ...] = ()
    private_mode: str | None = None
    primary_id: int = 0
    secondary_id: int = 0
    secondary_ids: tuple[int, ...] = ()


@dataclass
class Adapter:
    """A network adapter of a VM. `switch` is the name of the switch, or None: not connected."""

    name: str = "Network Adapter"
    switch: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    mac_address: str = "00155D000000"
    dynamic_mac: bool = True
    legacy: bool = False
    vlan: Vlan = field(default_factory=Vlan)
    failover: FailoverAddress = field(default_factory=FailoverAddress)
    test_switch: str = ""
    test_pool: str = ""
    ip_addresses: tuple[str, ...] = ()
