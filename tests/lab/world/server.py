"""The replica server role of one host, or of a whole cluster (its nodes share one object): settings and entries.

Pure state. Which call may change what is in the handlers; who may connect is in connect.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

KERBEROS_PORT = 80
CERTIFICATE_PORT = 443
ANY_SERVER = "*"
# Trust group that Windows gives the "*" entry which -ReplicationAllowedFromAnyServer writes.
DEFAULT_TRUST_GROUP = "DEFAULT"


def same_name(one: str, other: str) -> bool:
    """Whether two full names are the same host: case and a trailing dot do not count."""
    return one.rstrip(".").casefold() == other.rstrip(".").casefold()


@dataclass
class AuthorizationEntry:
    """Who may send replicas here, and where they go."""

    name: str
    storage: str
    trust_group: str

    def admits(self, full_name: str) -> bool:
        """Whether a primary of this full name comes under the entry.

        `*.domain` stands for one label (the documentation shows no deeper name: the harsher reading).
        """
        if self.name == ANY_SERVER:
            return True
        if self.name.startswith("*."):
            _unused, _unused, domain = full_name.partition(".")
            return bool(domain) and same_name(domain, self.name[2:])
        return same_name(self.name, full_name)


@dataclass
class ReplicaServer:
    """Settings of the role; the defaults are those of a fresh host (Microsoft: Msvm_ReplicationServiceSettingData).

    `authentication` is Kerberos, Certificate, CertificateAndKerberos, or None while the role is disabled.
    Port mappings exist on a cluster only: full name of a node or of the broker -> port.
    `listener_up` is False when HTTP.SYS could not register the listener; the role then says so in its status.
    `spn_registered` is False when the service could not register its service principal name: Kerberos fails.
    """

    enabled: bool = False
    authentication: str | None = None
    kerberos_port: int = KERBEROS_PORT
    certificate_port: int = CERTIFICATE_PORT
    thumbprint: str = ""
    entries: list[AuthorizationEntry] = field(default_factory=list)
    monitoring_interval: timedelta = timedelta(hours=12)
    monitoring_start: timedelta = timedelta(hours=9)
    kerberos_mapping: dict[str, int] | None = None
    certificate_mapping: dict[str, int] | None = None
    listener_up: bool = True
    spn_registered: bool = True

    @property
    def any_server(self) -> AuthorizationEntry | None:
        """The "*" entry; "any server" and the default storage are read off it."""
        return next((entry for entry in self.entries if entry.name == ANY_SERVER), None)

    def find(self, name: str) -> AuthorizationEntry | None:
        """The entry of that very name, without case."""
        return next((entry for entry in self.entries if same_name(entry.name, name)), None)

    def admitting(self, full_name: str) -> AuthorizationEntry | None:
        """The entry under which a primary of this full name comes: its own before a wildcard before "*"."""
        admitted = [entry for entry in self.entries if entry.admits(full_name)]
        return min(admitted, key=lambda entry: (entry.name == ANY_SERVER, entry.name.startswith("*.")), default=None)

    def accepts(self, authentication: str) -> bool:
        """Whether the role takes connections of type Kerberos or Certificate."""
        return self.enabled and self.listener_up and self.authentication in (authentication, "CertificateAndKerberos")

    def port(self, authentication: str, full_name: str = "") -> int:
        """The port for that type, at the node or broker of that full name when ports are mapped."""
        kerberos = authentication == "Kerberos"
        mapping = (self.kerberos_mapping if kerberos else self.certificate_mapping) or {}
        mapped = next((port for name, port in mapping.items() if same_name(name, full_name)), None)
        return mapped or (self.kerberos_port if kerberos else self.certificate_port)
