# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task of hyperv_replica_server wants, as values. None is "not said": it is neither sent nor changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..base.names import same_host
from ..facts.authorization import Replica, WantedEntry
from ..facts.certificate import AUTO

ENABLED, DISABLED = "enabled", "disabled"
KERBEROS, CERTIFICATE, BOTH = "kerberos", "certificate", "both"
ANY, LISTED = "any_server", "listed"
TO_KERBEROS, TO_ANY = "certificate_to_kerberos", "list_to_any_server"
WEAKER = (TO_KERBEROS, TO_ANY)
CERTIFICATES, REPLICAS, FIREWALL = "certificates", "replicas", "firewall"
PARTS = (CERTIFICATES, REPLICAS, FIREWALL)


@dataclass(frozen=True)
class OtherNode:
    """What this module returned on another node; None where it was not read there."""

    name: str
    good_thumbprints: frozenset[str] | None = None
    replicas: tuple[Replica, ...] | None = None

    def is_node(self, name: str) -> bool:
        """True when the node of this name is meant."""
        return same_host(self.name, name)


@dataclass(frozen=True)
class Want:
    """The options of a task, as values; entries have the default storage already where they name none."""

    state: str | None = None
    authentication: str | None = None
    kerberos_port: int | None = None
    certificate_port: int | None = None
    kerberos_mapping: Mapping[str, int] | None = None
    certificate_mapping: Mapping[str, int] | None = None
    thumbprint: str | None = None
    renew_before_days: int = 14
    admit: str | None = None
    entries: tuple[WantedEntry, ...] | None = None
    purge: bool = False
    default_storage: str | None = None
    create_storage: bool = False
    monitoring_interval_hours: int | None = None
    monitoring_start: int | None = None
    open_firewall: bool = False
    accept_weaker: frozenset[str] = field(default_factory=frozenset)
    report: frozenset[str] = field(default_factory=frozenset)
    other_nodes: tuple[OtherNode, ...] | None = None

    @property
    def reads_certificates(self) -> bool:
        """True when a certificate is named or to be chosen, may have to be sent again, or the report asks for them."""
        sent_again = self.authentication in (CERTIFICATE, BOTH)
        return sent_again or self.thumbprint is not None or CERTIFICATES in self.report

    @property
    def judges_chains(self) -> bool:
        """True when more than the machine's own certificates has to be read."""
        return self.thumbprint == AUTO or CERTIFICATES in self.report

    @property
    def reads_replicas(self) -> bool:
        """True when what the task asks for could leave replicas here without what they depend on."""
        touches = (self.admit, self.entries, self.authentication)
        return self.state == DISABLED or any(one is not None for one in touches) or REPLICAS in self.report

    @property
    def reads_firewall(self) -> bool:
        """True when a port is to be opened, or the report asks."""
        return self.open_firewall or FIREWALL in self.report

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that the task names."""
        named = [one.storage for one in self.entries or () if one.storage is not None]
        if self.default_storage is not None:
            named.append(self.default_storage)
        return tuple(dict.fromkeys(named))

    @property
    def lists(self) -> bool:
        """True when the task asks for a list of primaries in the place of any server."""
        present = any(one.present for one in self.entries or ())
        return self.admit == LISTED or (self.admit is None and self.entries is not None and (present or self.purge))
