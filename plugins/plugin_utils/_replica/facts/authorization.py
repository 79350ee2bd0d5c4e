# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who may send replicas to a host: authorization entries, as they are and as they are wanted, and who depends on them.

A replica stays under the entry and the trust group that it was created under: the host takes its traffic from any
server whose entry has the same trust group. Source: New-VMReplicationAuthorizationEntry and Enable-VMReplication,
https://learn.microsoft.com/powershell/module/hyper-v/, and the team's blog of April 2012 on trust groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..base.errors import OptionError
from ..base.names import is_address, is_full, not_a_host_name, same_host
from ..base.pipeline import Command, Pipeline
from ..base.properties import select
from ..base.session import Output
from ..base.values import guid, same_text

ANY_SERVER = "*"
DEFAULT_TRUST_GROUP = "DEFAULT"  # what Windows gives the "*" entry, so hosts that come from there keep their group

_OPTION = "allowed_primaries"


@dataclass(frozen=True)
class Entry:
    """An authorization entry of the host; the name is a full host name, `*.domain`, or `*`."""

    name: str
    storage: str
    trust_group: str

    def admits(self, primary: str) -> bool:
        """True when a primary of this name comes under the entry.

        `*.domain` is taken to reach one label deep and never to hold a short name: no deeper reading is documented.
        """
        if self.name == ANY_SERVER:
            return True
        if self.name.startswith("*."):
            _unused, _unused, domain = primary.rstrip(".").partition(".")
            return bool(domain) and same_text(domain, self.name[2:])
        return same_host(self.name, primary)

    @property
    def result(self) -> dict[str, Any]:
        """The entry as the module returns it."""
        return {"name": self.name, "storage": self.storage, "trust_group": self.trust_group}


@dataclass(frozen=True)
class WantedEntry:
    """An entry as the task wants it: None is "as it is"; `present` False wants it gone."""

    name: str
    storage: str | None = None
    trust_group: str | None = None
    present: bool = True

    def on(self, current: Entry | None) -> Entry:
        """The entry that results from `current`."""
        storage = self.storage if self.storage is not None else (current.storage if current else "")
        default = current.trust_group if current else DEFAULT_TRUST_GROUP
        name = current.name if current else self.name
        return Entry(name, storage, self.trust_group if self.trust_group is not None else default)


@dataclass(frozen=True)
class Replica:
    """A replica VM of this host: whose it is, and under which entry it stands."""

    vm_id: str
    vm_name: str
    mode: str
    primary: str
    entry: str
    authentication: str

    @property
    def result(self) -> dict[str, Any]:
        """The replica as the module returns it."""
        return {
            "id": self.vm_id,
            "name": self.vm_name,
            "mode": self.mode,
            "primary_server": self.primary,
            "allowed_primary": self.entry,
            "authentication": self.authentication,
        }

    @classmethod
    def of_result(cls, record: Mapping[str, Any]) -> Replica:
        """The replica that another node's module returned."""
        keys = ("id", "name", "mode", "primary_server", "allowed_primary", "authentication")
        return cls(*(str(record.get(key) or "") for key in keys))

    def __str__(self) -> str:
        return f"{self.vm_name} (from {self.primary or 'an unknown primary'})"


def entry_name(text: str) -> str:
    """The name of an entry, without trailing dot. Raises OptionError for an IP address, a short name, or a bare `*`."""
    name = text.strip().rstrip(".")
    if name == ANY_SERVER:
        raise OptionError(_OPTION, "'*' is not an entry of a list.", "Say admit: any_server to admit any server.")
    if is_address(name):
        raise OptionError(_OPTION, f"'{text}' is an IP address.", "Hyper-V wants the full name of the primary server.")
    bare = name.removeprefix("*.")
    if not_a_host_name(bare) or not is_full(bare if bare == name else f"any.{bare}"):
        raise OptionError(
            _OPTION,
            f"'{text}' is not a full host name or *.domain.",
            "Give the primary's full name (hv-a.contoso.com), or *.contoso.com for all hosts of a domain.",
        )
    return name


def query_entries() -> Pipeline:
    """The entries: nested in Get-VMReplicationServer's answer they would arrive as text."""
    return Pipeline.of(
        Command("Get-VMReplicationAuthorizationEntry")
        | select("VMReplicationAuthorizationEntry", "AllowedPrimaryServer", "ReplicaStorageLocation", "TrustGroup")
    )


def parse_entries(output: Output) -> tuple[Entry, ...]:
    """The entries of an answer, in the order received."""
    return tuple(
        Entry(
            name=str(row.properties["AllowedPrimaryServer"] or "").rstrip("."),
            storage=str(row.properties["ReplicaStorageLocation"] or ""),
            trust_group=str(row.properties["TrustGroup"] or ""),
        )
        for row in output.of_type("VMReplicationAuthorizationEntry")
    )


def query_replicas() -> Pipeline:
    """The VMs that this host holds a replica of; on a cluster node, those that live on it."""
    wanted = select(
        "VMReplication",
        *("VMId", "VMName", "ReplicationMode", "PrimaryServerName", "AllowedPrimaryServer", "AuthenticationType"),
        "ReplicationRelationshipType",
    )
    modes = ("Replica", "ExtendedReplica")
    return Pipeline.of(*(Command("Get-VMReplication", {"ReplicationMode": mode}) | wanted for mode in modes))


def parse_replicas(output: Output) -> tuple[Replica, ...]:
    """The replicas of an answer, each VM once: a replica that is extended has a second, outgoing relation."""
    found = {}
    for row in output.of_type("VMReplication"):
        value = row.properties
        if value.get("ReplicationMode") == "Replica" and value.get("ReplicationRelationshipType") == "Extended":
            continue
        replica = Replica(
            vm_id=guid(value["VMId"]),
            vm_name=str(value.get("VMName") or ""),
            mode=str(value.get("ReplicationMode") or ""),
            primary=str(value.get("PrimaryServerName") or ""),
            entry=str(value.get("AllowedPrimaryServer") or ""),
            authentication=str(value.get("AuthenticationType") or "").lower(),
        )
        found[replica.vm_id] = replica
    return tuple(found.values())


def find_entry(entries: Iterable[Entry], name: str) -> Entry | None:
    """The entry of that very name, without case and trailing dot."""
    return next((one for one in entries if same_text(one.name.rstrip("."), name.rstrip("."))), None)


def outcome(entries: tuple[Entry, ...], wanted: Iterable[WantedEntry], purge: bool) -> tuple[Entry, ...]:
    """The entries of a list after the task: changed, added and removed as wanted; with `purge` only those wanted."""
    wanted = tuple(wanted)
    named = [one for one in entries if one.name != ANY_SERVER]
    kept = []
    for entry in named:
        match = next((one for one in wanted if same_text(one.name, entry.name)), None)
        if match is None and not purge:
            kept.append(entry)
        elif match is not None and match.present:
            kept.append(match.on(entry))
    kept.extend(one.on(None) for one in wanted if one.present and find_entry(named, one.name) is None)
    return tuple(kept)


def orphans(replicas: Iterable[Replica], before: tuple[Entry, ...], after: tuple[Entry, ...]) -> tuple[Replica, ...]:
    """Replicas that stop being served when `before` becomes `after`.

    A replica is served while its primary is admitted by an entry of the trust group under which the replica stands;
    where that entry is gone already, of any group. One that nothing admits now cannot lose more than it has, unless
    the very entry it stands under goes or changes its group.
    """
    return tuple(one for one in replicas if _loses(one, before, after))


def _loses(replica: Replica, before: tuple[Entry, ...], after: tuple[Entry, ...]) -> bool:
    own = find_entry(before, replica.entry) if replica.entry else None
    kept = find_entry(after, replica.entry) if own else None
    if (
        own is not None
        and own.name != ANY_SERVER
        and (kept is None or not same_text(kept.trust_group, own.trust_group))
    ):
        return not _moves_to_any(own, after)
    group = own.trust_group if own else None
    return _served(replica, before, group) and not _served(replica, after, group)


def _moves_to_any(own: Entry, after: tuple[Entry, ...]) -> bool:
    """True when any server is admitted from now on, in the very group of the entry that goes."""
    return any(one.name == ANY_SERVER and same_text(one.trust_group, own.trust_group) for one in after)


def _served(replica: Replica, entries: tuple[Entry, ...], group: str | None) -> bool:
    return any(one.admits(replica.primary) and (group is None or same_text(one.trust_group, group)) for one in entries)


def with_storage(wanted: WantedEntry, storage: str | None) -> WantedEntry:
    """The entry with the default storage where it names none and is to be there."""
    return replace(wanted, storage=storage) if wanted.present and wanted.storage is None else wanted
