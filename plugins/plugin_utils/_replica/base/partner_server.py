# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the replica server says of itself, for what a first enable leaves out. Pure.

Input is the option `partner_server`: `server` of hyperv_replication_info there. Relations that exist never see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import OptionError
from .names import normal, same_host

TYPES = ("kerberos", "certificate")


@dataclass(frozen=True)
class PartnerServer:
    """The role on the other host. `ports` and `mappings` are by type, a mapping holds the port of each node by name."""

    enabled: bool
    authentication: str | None
    ports: Mapping[str, int]
    mappings: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    any_server: bool = False
    entries: tuple[str, ...] = ()

    def takes(self, authentication: str) -> bool:
        """True when it listens for the type; `certificateandkerberos` is both."""
        return authentication in (self.authentication or "")

    @property
    def only_type(self) -> str | None:
        """The type, where it takes one only."""
        return self.authentication if self.authentication in TYPES else None

    def port(self, authentication: str, server: str) -> int | None:
        """Where it listens for the type, under the name that will be dialled."""
        mapping = self.mappings.get(authentication) or {}
        mapped = (port for name, port in mapping.items() if same_host(name, server))
        return next(mapped, self.ports.get(authentication))

    def admits(self, host: str) -> bool:
        """True when an entry admits the host."""
        return self.any_server or any(admits(name, host) for name in self.entries)


def admits(entry: str, host: str) -> bool:
    """True when the entry of that name admits the host: by its name, or by the wildcard of its domain (`*.domain`)."""
    domain = normal(host).partition(".")[2]
    return same_host(entry, host) or normal(entry) == (f"*.{domain}" if domain else "*")


def read_server(record: Mapping[str, Any] | None) -> PartnerServer | None:
    """The option as a value. Raises OptionError for a record that is not one of hyperv_replication_info."""
    if record is None:
        return None
    try:
        return PartnerServer(
            enabled=bool(record["enabled"]),
            authentication=record["authentication"],
            ports={name: int(record[f"{name}_port"]) for name in TYPES},
            mappings={name: record.get(f"{name}_port_mapping") or {} for name in TYPES},
            any_server=bool(record["any_server"]),
            entries=tuple(str(entry["name"]) for entry in record["entries"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise OptionError(
            "partner_server",
            f"it is not what hyperv_replication_info says of a server ({error}).",
            "Register hyperv_replication_info with gather: [server] on the replica server and give its `server`.",
        ) from None


def problem(server: PartnerServer, name: str, authentication: str, host: str, clustered: bool) -> str:
    """Why a first enable towards it would fail; "" when nothing known speaks against it.

    A VM of a cluster is admitted by the name of its broker, which this host does not know: no judgement then.
    """
    if not server.enabled:
        return f"{name} is not a replica server. Make it one first (hyperv_replica_server)."
    if not server.takes(authentication):
        return (
            f"authentication: {name} takes {server.authentication}, not {authentication}. Give the type that it takes."
        )
    if not clustered and not server.admits(host):
        listed = ", ".join(server.entries) or "nobody"
        return f"{name} admits {listed}, not {host}. Add an authorization entry for {host} there."
    return ""
