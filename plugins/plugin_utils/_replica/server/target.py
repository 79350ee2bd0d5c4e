# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a replica server is to be, from what it is and what the task wants; or why it must not be.

Nothing is silently weakened here: certificates do not become Kerberos and a list does not become any server unless the
task accepts that by name, and nothing goes that replicas depend on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..base.values import path_key, same_path, same_text
from ..facts.authorization import ANY_SERVER, DEFAULT_TRUST_GROUP, Entry, Replica, find_entry, orphans, outcome
from ..facts.storage import is_remote
from .certificate import Refusal, certificate_in_force
from .have import Have, Settings
from .want import ANY, BOTH, CERTIFICATE, DISABLED, ENABLED, KERBEROS, TO_ANY, TO_KERBEROS, Want

_NAMED = 5  # VMs that a message names before it counts the rest


@dataclass(frozen=True)
class Target:
    """The settings that the task leads to, and what the operator should know in any case."""

    settings: Settings
    warnings: tuple[str, ...] = ()


def target(have: Have, want: Want) -> Target:
    """Where the task leads. Raises Refusal with what was asked, what was found, and what to do next."""
    now = have.settings
    enabled = now.enabled if want.state is None else want.state == ENABLED
    authentication = _authentication(have, want, enabled)
    then = replace(
        now,
        enabled=enabled,
        authentication=authentication,
        monitoring_interval=_or(want.monitoring_interval_hours, now.monitoring_interval, 3600),
        monitoring_start=_or(want.monitoring_start, now.monitoring_start),
        entries=_entries(have, want),
    )
    then = _with_ports(have, want, then)
    then, certificate_warnings = certificate_in_force(have, want, then)
    _check_dependants(have, want, then)
    storage_warnings = _check_storage(have, want, then)
    if have.cluster_problem and have.cluster_evident and (then != now or want.thumbprint is not None):
        raise Refusal(
            f"whether this host is a node of a cluster could not be read: {have.cluster_problem}."
            " Its settings may belong to other nodes too, so nothing was changed. Repair that first."
        )
    return Target(then, (*certificate_warnings, *storage_warnings, *_type_warnings(have, then)))


def _or(wanted: float | None, current: float, unit: int = 1) -> float:
    return current if wanted is None else wanted * unit


def _authentication(have: Have, want: Want, enabled: bool) -> str | None:
    now = have.settings
    if not enabled:
        asked = ("authentication", want.authentication), ("certificate_thumbprint", want.thumbprint)
        for name, value in asked:
            if value is not None:
                raise Refusal(f"{name}: the replica server is disabled here. Give state: enabled as well.")
        if want.open_firewall:
            raise Refusal("open_firewall: the replica server is disabled here. Give state: enabled as well.")
        return None
    then = want.authentication or now.authentication
    if then is None:
        raise Refusal(
            "authentication: the replica server is disabled here, and enabling it needs a type."
            " Give authentication: kerberos, certificate or both."
        )
    weaker = (now.authentication, then) in {(CERTIFICATE, KERBEROS), (CERTIFICATE, BOTH), (BOTH, KERBEROS)}
    if weaker and TO_KERBEROS not in want.accept_weaker:
        raise Refusal(
            f"authentication: {then} was asked for and {now.authentication} is in force. Kerberos traffic is not"
            f" encrypted, so this is not done silently: say accept_weaker: [{TO_KERBEROS}] if it is meant."
        )
    return then


def _with_ports(have: Have, want: Want, then: Settings) -> Settings:
    now = have.settings
    mapped = now.kerberos_mapping is not None or now.certificate_mapping is not None
    for name, port, current in (
        ("kerberos_port", want.kerberos_port, now.kerberos_port),
        ("certificate_port", want.certificate_port, now.certificate_port),
    ):
        if mapped and port is not None and port != current:
            raise Refusal(f"{name}: ports are mapped per node on this cluster. Give {name}_mapping instead.")
    mappings = {"kerberos_port_mapping": want.kerberos_mapping, "certificate_port_mapping": want.certificate_mapping}
    for name, mapping in mappings.items():
        if mapping is not None:
            _check_mapping(have, name, mapping)
    return replace(
        then,
        kerberos_port=want.kerberos_port or now.kerberos_port,
        certificate_port=want.certificate_port or now.certificate_port,
        kerberos_mapping=want.kerberos_mapping or now.kerberos_mapping,
        certificate_mapping=want.certificate_mapping or now.certificate_mapping,
    )


def _check_mapping(have: Have, name: str, mapping: Mapping[str, int]) -> None:
    cluster = have.cluster
    if cluster is None:
        raise Refusal(f"{name}: this host is in no cluster. Give {name.removesuffix('_mapping')}.")
    if cluster.broker is None or not cluster.broker.name:
        raise Refusal(f"{name}: cluster {cluster.name} shows no Hyper-V Replica Broker. Add it first.")
    needed = [cluster.broker.name, *(f"{node.name}.{cluster.domain}" for node in cluster.nodes)]
    missing = [host for host in needed if not any(same_text(host, given) for given in mapping)]
    foreign = [given for given in mapping if not any(same_text(host, given) for host in needed)]
    if missing or foreign:
        raise Refusal(
            f"{name}: Windows wants exactly the broker and every node: {', '.join(needed)}."
            + (f" Missing: {', '.join(missing)}." if missing else "")
            + (f" Not of this cluster: {', '.join(foreign)}." if foreign else "")
        )


def _entries(have: Have, want: Want) -> tuple[Entry, ...]:
    now = have.settings
    if want.admit == ANY:
        _check_any(now, want)
        group = now.any_server.trust_group if now.any_server else DEFAULT_TRUST_GROUP
        return (Entry(ANY_SERVER, _kept(now.any_server, want.default_storage or ""), group),)
    if want.lists or (want.entries is not None and now.any_server is None):
        after = outcome(now.entries, want.entries or (), want.purge)
        for entry in after:
            if not entry.storage:
                raise Refusal(
                    f"allowed_primaries: {entry.name} is new here and names no storage."
                    " Give it one, or default_storage for all that name none."
                )
        # Beside a list that needs it nowhere it is superfluous; alone it would be a wish that nothing carries out.
        _check_default(want, used=want.entries is not None)
        return tuple(_unchanged(find_entry(now.entries, entry.name), entry) for entry in after)
    if want.default_storage is not None and now.any_server is not None:
        return (replace(now.any_server, storage=_kept(now.any_server, want.default_storage)),)
    _check_default(want, used=False)
    return now.entries


def _check_any(now: Settings, want: Want) -> None:
    listed = [entry.name for entry in now.entries if entry.name != ANY_SERVER]
    if listed and TO_ANY not in want.accept_weaker:
        raise Refusal(
            f"admit: any_server was asked for, and this host admits only {', '.join(listed)}. All these entries would"
            f" be deleted and any server admitted: say accept_weaker: [{TO_ANY}] if that is meant."
        )


def _check_default(want: Want, used: bool) -> None:
    if want.default_storage is not None and not used:
        raise Refusal(
            "default_storage: this host admits a list of servers, and no entry would use it."
            " Give it with admit: any_server, or beside allowed_primaries that name no storage."
        )


def _kept(current: Entry | None, storage: str) -> str:
    """The stored spelling of a path where only the spelling differs."""
    return current.storage if current is not None and same_path(current.storage, storage) else storage


def _unchanged(current: Entry | None, wanted: Entry) -> Entry:
    """`wanted` with the stored spelling, where only the spelling differs."""
    if current is None:
        return wanted
    group = current.trust_group if same_text(current.trust_group, wanted.trust_group) else wanted.trust_group
    return replace(wanted, storage=_kept(current, wanted.storage), trust_group=group)


def _check_dependants(have: Have, want: Want, then: Settings) -> None:
    now = have.settings
    off = now.enabled and want.state == DISABLED
    lessened = any(_lessened(entry, then.entries) for entry in now.entries)
    if not off and not lessened:
        return
    asked = "state: disabled" if off else "removing or regrouping authorization entries"
    replicas = tuple(_replicas(have, want))
    lost = replicas if off else orphans(replicas, now.entries, then.entries)
    if lost:
        raise Refusal(_who_loses(asked, lost, off, now.any_server))
    unread = _unread_nodes(have, want)
    if unread:
        raise Refusal(
            f"{asked}: replicas may depend on it on {', '.join(unread)}, which this task knows nothing of. The settings"
            " belong to the whole cluster: give other_nodes the results of those nodes with report: [replicas]."
        )


def _who_loses(asked: str, lost: tuple[Replica, ...], off: bool, anyone: Entry | None) -> str:
    named = ", ".join(str(one) for one in lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    text = f"{asked} would leave {len(lost)} replica(s) here without replication: {named}{more}."
    if off:
        return text + " Remove their replication, or fail them over, first."
    partners = sorted({one.primary for one in lost if one.primary})
    if anyone is not None and partners:
        return text + (
            f" Left out: {', '.join(partners)}. Add an entry for each, of the trust group that its replicas stand under"
            f" ({anyone.trust_group}, as any server has it)."
        )
    return text + " Keep the entries, and their trust groups, that these replicas stand under, or remove them first."


def _lessened(entry: Entry, after: Iterable[Entry]) -> bool:
    kept = find_entry(after, entry.name)
    return kept is None or not same_text(kept.trust_group, entry.trust_group)


def _replicas(have: Have, want: Want) -> Iterable[Replica]:
    yield from have.replicas or ()
    for node in want.other_nodes or ():
        if have.cluster and any(node.is_node(other.name) for other in have.cluster.others(have.name)):
            yield from node.replicas or ()


def _unread_nodes(have: Have, want: Want) -> list[str]:
    read = [node for node in want.other_nodes or () if node.replicas is not None]
    others = have.cluster.others(have.name) if have.cluster else ()
    return [other.name for other in others if not any(node.is_node(other.name) for node in read)]


def _check_storage(have: Have, want: Want, then: Settings) -> list[str]:
    """Refuse folders that Windows could not use; warn about those in use that are not there."""
    stored = {path_key(entry.storage) for entry in have.settings.entries}
    used = {path_key(entry.storage) for entry in then.entries}
    warnings = []
    for path in want.folders:
        new = path_key(path) in used - stored
        if new and have.cluster and not is_remote(path) and not path_key(path)[1:].startswith(":\\clusterstorage\\"):
            raise Refusal(
                f"storage: {path} is not shared by the nodes of cluster {have.cluster.name}."
                r" Give a folder below C:\ClusterStorage, or a share."
            )
        if path_key(path) not in used or have.folder(path) is not False or want.create_storage:
            continue
        if new:
            raise Refusal(f"storage: there is no folder {path} here. Make it, or say create_storage: true.")
        warnings.append(f"the folder {path}, where replicas are kept, is not there")
    return warnings


def _type_warnings(have: Have, then: Settings) -> list[str]:
    if not then.enabled:
        return []
    left = [one for one in have.replicas or () if one.authentication and one.authentication not in then.types]
    if not left:
        return []
    named = ", ".join(str(one) for one in left[:_NAMED]) + (" …" if len(left) > _NAMED else "")
    return [
        f"{len(left)} replica(s) here receive over a type that is not accepted ({then.authentication} is): {named}."
        " Give their primaries the new type."
    ]
