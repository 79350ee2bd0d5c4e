"""Cmdlets of authorization entries: who may send replicas here, where they go, and in which trust group."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..values import Output, Record, Refusal
from ..world.dns import is_address
from ..world.server import ANY_SERVER, AuthorizationEntry, same_name
from ..world.storage import normal
from .registry import Call, cmdlet
from .replica_storage import check_storage
from .server import bad_argument, conflict, entry_object, require_broker

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})+\.?", re.IGNORECASE)


@dataclass(frozen=True)
class Filter:
    """Which entries are meant. Whether these filters take wildcards is unverified: they are taken literally."""

    name: str | None = None
    storage: str | None = None
    trust_group: str | None = None

    def __call__(self, entry: AuthorizationEntry) -> bool:
        return (
            (self.name is None or same_name(entry.name, self.name))
            and (self.storage is None or normal(entry.storage) == normal(self.storage))
            and (self.trust_group is None or entry.trust_group.casefold() == self.trust_group.casefold())
        )


@cmdlet("Get-VMReplicationAuthorizationEntry")
def get_entries(call: Call) -> Iterator[Record]:
    """Entries that fit every filter given; none is no error."""
    fits = Filter(call.get("AllowedPrimaryServer"), call.get("ReplicaStorageLocation"), call.get("TrustGroup"))
    for entry in list(call.host.server.entries):
        if fits(entry):
            yield Output(entry_object(call.host, entry))


@cmdlet("New-VMReplicationAuthorizationEntry")
def new_entry(call: Call) -> Iterator[Record]:
    """Add one entry: "*" stands alone."""
    host, name = call.host, call.parameters["AllowedPrimaryServer"]
    require_broker(host)
    if name != ANY_SERVER and (is_address(name) or not _NAME.fullmatch(name)):
        # Whether a name of one label passes is not documented: refused is the harsher reading.
        raise bad_argument(f"'{name}' is not a fully qualified name, a '*.domain' name or '*'.")
    entries = host.server.entries
    if name == ANY_SERVER and entries:
        raise conflict("An entry for any server can be added only when there is no other entry.")
    if host.server.any_server is not None:
        raise conflict("An entry for a server cannot be added while replication is allowed from any server.")
    if host.server.find(name) is not None:
        # Not documented; refused is the harsher reading.
        raise conflict(f"An authorization entry for '{name}' exists already.")
    storage = call.parameters["ReplicaStorageLocation"]
    check_storage(host, storage)
    entry = AuthorizationEntry(name, storage, call.parameters["TrustGroup"])
    # A new list each time: what was read before does not change behind the reader.
    host.server.entries = [*entries, entry]
    yield Output(entry_object(host, entry))


@cmdlet("Set-VMReplicationAuthorizationEntry")
def set_entry(call: Call) -> Iterator[Record]:
    """Change storage or trust group. An unknown name is silently nothing. Replicas that exist stay where they are."""
    host = call.host
    require_broker(host)
    storage, trust_group = call.get("ReplicaStorageLocation"), call.get("TrustGroup")
    for name in _names(call):
        entry = host.server.find(name)
        if entry is None:
            continue
        if storage is not None:
            check_storage(host, storage)
            entry.storage = storage
        if trust_group is not None:
            entry.trust_group = trust_group
        if call.get("Passthru"):
            yield Output(entry_object(host, entry))


@cmdlet("Remove-VMReplicationAuthorizationEntry")
def remove_entries(call: Call) -> Iterator[Record]:
    """Remove by name, by object, or all of a trust group; what is not there is an error."""
    host, group = call.host, call.get("TrustGroup")
    require_broker(host)
    wanted = [Filter(trust_group=group)] if group is not None else [Filter(name) for name in _names(call)]
    for fits in wanted:
        going = [entry for entry in host.server.entries if fits(entry)]
        if not going:
            text = f"No authorization entry was found for '{fits.name or fits.trust_group}'."
            yield Refusal(text, "ObjectNotFound", "ObjectNotFound").error
        host.server.entries = [entry for entry in host.server.entries if entry not in going]
        for entry in going:
            if call.get("Passthru"):
                yield Output(entry_object(host, entry))


def _names(call: Call) -> list[str]:
    """The names of the parameter set: one by name, or those of the objects."""
    objects = call.get("VMReplicationAuthorizationEntry")
    if objects is None:
        return [call.parameters["AllowedPrimaryServer"]]
    return [one["AllowedPrimaryServer"] for one in objects]
