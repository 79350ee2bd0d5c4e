# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""From what a replica server is to what it is to be: one step at a time, and what each step makes of the host.

Set-VMReplicationServer is nearly a patch. A port left out is reset to 80 or 443, so both are in every call; enabling
wants the type in the same call, and a certificate type the thumbprint (observed behaviour, not documented), so these
three travel together where one of them changes, and not at all where none does: a stored certificate that has expired
meanwhile would be refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..base.pipeline import Command, Statement
from ..base.values import path_key, timespan
from ..engine.plan import Decision, Done, Refused, Step, Wait
from ..facts.authorization import ANY_SERVER, Entry, find_entry
from ..facts.firewall import Opening, if_held, next_change, with_rule_open
from ..facts.storage import is_remote, make_folder
from .certificate import Refusal
from .have import AUTHENTICATION, Have, Settings
from .target import target
from .want import KERBEROS, Want

_SERVER, _FOLDER, _ENTRY, _FIREWALL = "server", "folder", "entry", "firewall"
_WELL = ("ok", "2")  # the status travels as its name or as its number
_IN_FORCE_SECONDS = 60  # policy applies a stored rule at once; what is not in force by then is kept from it


def decide(have: Have, want: Want, subject: str, sent: frozenset[str]) -> Decision:
    """The next step, or why there is none."""
    try:
        goal = target(have, want)
        if writes_shared(have, want):
            for step in _shared_steps(have, want, goal.settings):
                return step
    except Refusal as refusal:
        return Refused(f"{have.full_name}: {refusal}")
    openings = openings_of(have, goal.settings) if want.open_firewall else ()
    for opening in openings:
        decision = _open(have, opening, sent)
        if decision is not None:
            return decision
    return Done("the replica server is as asked for", (*goal.warnings, *_warnings(have, want, goal.settings)))


def writes_shared(have: Have, want: Want) -> bool:
    """True when this host writes what its cluster shares: of the nodes in this run, the first by name does."""
    if have.cluster is None:
        return True
    others = have.cluster.others(have.name)
    in_run = [other.name for other in others if any(node.is_node(other.name) for node in want.other_nodes or ())]
    return all(have.name.casefold() < name.casefold() for name in in_run)


def _shared_steps(have: Have, want: Want, then: Settings) -> Iterator[Step]:
    """What is left to do to the settings, in order: folders, the server, entries that come, change, and go."""
    now = have.settings
    used = {path_key(entry.storage) for entry in then.entries}
    for path in want.folders:
        if want.create_storage and have.folder(path) is False and path_key(path) in used:
            yield Step(_stage(_FOLDER, path), make_folder(path), f"the folder {path} is not there")
    different = _differences(now, then)
    if different:
        _check_double_ports(then)
        yield Step(_SERVER, server_call(now, then), "to change: " + ", ".join(different))
    if then.any_server is None:
        yield from _entry_steps(now, then)


def _check_double_ports(then: Settings) -> None:
    """Windows asks back about ports given twice; nobody could answer, and Force would silence more than that."""
    mapped = [*(then.kerberos_mapping or {}).values(), *(then.certificate_mapping or {}).values()]
    double = {port for port in mapped if mapped.count(port) > 1}
    if then.kerberos_port == then.certificate_port:
        double.add(then.kerberos_port)
    if double:
        listed = ", ".join(map(str, sorted(double)))
        raise Refusal(
            f"kerberos_port and certificate_port, or their mappings, would use port {listed} twice. Give each its own."
        )


def _stage(kind: str, what: str) -> str:
    return f"{kind} {what}"


def _differences(now: Settings, then: Settings) -> list[str]:
    """Names of the settings that Set-VMReplicationServer has to change."""
    storage = (now.any_server.storage if now.any_server else "", then.any_server.storage if then.any_server else "")
    pairs = {
        "state": (now.enabled, then.enabled),
        "authentication": (now.authentication, then.authentication),
        "certificate_thumbprint": (now.thumbprint, then.thumbprint),
        "kerberos_port": (now.kerberos_port, then.kerberos_port),
        "certificate_port": (now.certificate_port, then.certificate_port),
        "kerberos_port_mapping": (_folded(now.kerberos_mapping), _folded(then.kerberos_mapping)),
        "certificate_port_mapping": (_folded(now.certificate_mapping), _folded(then.certificate_mapping)),
        "admit": (now.any_server is None, then.any_server is None),
        "default_storage": storage,
        "monitoring_interval_hours": (now.monitoring_interval, then.monitoring_interval),
        "monitoring_start": (now.monitoring_start, then.monitoring_start),
    }
    return [name for name, (one, other) in pairs.items() if one != other]


def _folded(mapping: Mapping[str, int] | None) -> dict[str, int]:
    return {host.rstrip(".").casefold(): port for host, port in (mapping or {}).items()}


def server_call(now: Settings, then: Settings) -> Statement:
    """Set-VMReplicationServer with what is to change, and the ports, which it would otherwise reset."""
    parameters: dict[str, Any] = {**_role(now, then), **_ports(then), **_access(now, then)}
    if then.monitoring_interval != now.monitoring_interval:
        parameters["MonitoringInterval"] = timespan(then.monitoring_interval)
    if then.monitoring_start != now.monitoring_start:
        parameters["MonitoringStartTime"] = timespan(then.monitoring_start)
    return Statement((Command("Set-VMReplicationServer", {**parameters, "Confirm": False}),))


def _role(now: Settings, then: Settings) -> dict[str, Any]:
    """State, type and thumbprint, where one of them changes."""
    if (now.enabled, now.authentication, now.thumbprint) == (then.enabled, then.authentication, then.thumbprint):
        return {}
    parameters: dict[str, Any] = {"ReplicationEnabled": then.enabled}
    if then.authentication is not None:
        parameters["AllowedAuthenticationType"] = AUTHENTICATION[then.authentication]
    if then.uses_certificate:
        parameters["CertificateThumbprint"] = then.thumbprint
    return parameters


def _ports(then: Settings) -> dict[str, Any]:
    """Ports or mappings: they are two parameter sets, and a mapping that is left out may fail the call."""
    mappings = {
        "KerberosAuthenticationPortMapping": then.kerberos_mapping,
        "CertificateAuthenticationPortMapping": then.certificate_mapping,
    }
    mapped = {name: dict(mapping) for name, mapping in mappings.items() if mapping}
    ports = {
        "KerberosAuthenticationPort": then.kerberos_port,
        "CertificateAuthenticationPort": then.certificate_port,
    }
    return mapped or ports


def _access(now: Settings, then: Settings) -> dict[str, Any]:
    """Who is admitted, where that changes. Force only where it deletes entries that the task gave up by name."""
    if then.any_server is None:
        return {} if now.any_server is None else {"ReplicationAllowedFromAnyServer": False, "Force": True}
    if now.any_server is not None:
        same = now.any_server.storage == then.any_server.storage
        return {} if same else {"DefaultStorageLocation": then.any_server.storage}
    parameters = {"ReplicationAllowedFromAnyServer": True, "DefaultStorageLocation": then.any_server.storage}
    return {**parameters, "Force": True} if now.entries else parameters


def _entry_steps(now: Settings, then: Settings) -> Iterator[Step]:
    for wanted in then.entries:
        current = find_entry(now.entries, wanted.name)
        if current is None:
            yield _entry_step("New", wanted, _entry_values(wanted), f"{wanted.name} is not admitted yet")
        elif current != wanted:
            changed = {k: v for k, v in _entry_values(wanted).items() if v != _entry_values(current)[k]}
            yield _entry_step("Set", wanted, changed, f"{wanted.name} has another {' and '.join(sorted(changed))}")
    for current in now.entries:
        if current.name != ANY_SERVER and find_entry(then.entries, current.name) is None:
            yield _entry_step("Remove", current, {}, f"{current.name} shall not be admitted")


def _entry_values(entry: Entry) -> dict[str, str]:
    return {"ReplicaStorageLocation": entry.storage, "TrustGroup": entry.trust_group}


def _entry_step(verb: str, entry: Entry, values: Mapping[str, str], why: str) -> Step:
    command = f"{verb}-VMReplicationAuthorizationEntry"
    parameters = {"AllowedPrimaryServer": entry.name, **values, "Confirm": False}
    return Step(_stage(_ENTRY, entry.name), Statement((Command(command, parameters),)), why)


def openings_of(have: Have, then: Settings) -> tuple[Opening, ...]:
    """The ports that this host has to let in: the role's, or on a cluster with mappings its own and the broker's."""
    openings = []
    for kind in then.types:
        kerberos = kind == KERBEROS
        mapping = _folded(then.kerberos_mapping if kerberos else then.certificate_mapping)
        mapped = {mapping[name.casefold()] for name in have.partner_names if name.casefold() in mapping}
        openings.append(
            Opening(kind, tuple(sorted(mapped or {then.kerberos_port if kerberos else then.certificate_port})))
        )
    return tuple(openings)


def _open(have: Have, opening: Opening, sent: frozenset[str]) -> Decision | None:
    if have.firewall is None or opening.open(have.firewall):
        return None
    stage = _stage(_FIREWALL, opening.type)
    change = next_change(have.firewall, opening)
    held = if_held(have.firewall, opening)
    if change is not None:
        return Step(stage, change[0], change[1], if_late=held, advice=((0, held),))
    rule = opening.rule(have.firewall)
    if stage in sent:
        reason = f"bringing the firewall rule {rule} into force, which is stored and enabled"
        return Wait(reason, _IN_FORCE_SECONDS, if_late=held)
    return Refused(f"{have.full_name}: open_firewall: the rule {rule} is enabled, and not in force. {held}")


def _warnings(have: Have, want: Want, then: Settings) -> Iterator[str]:
    if have.cluster_problem:
        yield f"whether this host is a node of a cluster could not be read: {have.cluster_problem}"
    if have.cluster is not None:
        yield from have.cluster.warnings
        if want.other_nodes is not None:
            known = (have.name, *(node.name for node in want.other_nodes))
            for name in have.cluster.not_among(known):
                yield f"node {name} of cluster {have.cluster.name} is not in this run: nothing was checked there"
        left = [] if writes_shared(have, want) else _left(have.settings, then)
        if left:
            yield f"left to another node of cluster {have.cluster.name}, which writes for all: {', '.join(left)}"
    if have.listener is not None and have.settings.enabled:
        bad = [text for text in have.listener[0] if text.casefold() not in _WELL]
        if bad:
            yield f"the replica server reports {', '.join(bad)}: {' '.join(have.listener[1])}".rstrip(": ")
    for path in want.folders:
        if is_remote(path):
            yield f"whether {path} exists was not asked: a share is a second hop, for which this session has no rights"


def _left(now: Settings, then: Settings) -> list[str]:
    entries = [] if then.any_server else [step.why for step in _entry_steps(now, then)]
    return [*_differences(now, then), *entries]


def predict(have: Have, want: Want, step: Step) -> Have:
    """The host after the step. What the role will say of its listener is not known."""
    kind, _unused, what = step.stage.partition(" ")
    command = step.statement.commands[-1]
    if kind == _FOLDER:
        return replace(have, folders={**have.folders, path_key(what): True})
    if kind == _FIREWALL:
        opening = next(one for one in openings_of(have, target(have, want).settings) if one.type == what)
        changed = with_rule_open(have.firewall, opening, step.statement) if have.firewall else None
        return replace(have, firewall=changed)
    now = have.settings
    if kind == _SERVER:
        then = target(have, want).settings
        kept = tuple(one for one in now.entries if one.name != ANY_SERVER)
        entries = (then.any_server,) if then.any_server else kept
        return replace(have, settings=replace(then, entries=entries), listener=None)
    return replace(have, settings=replace(now, entries=_with_entry(now, command)))


def _with_entry(now: Settings, command: Command) -> tuple[Entry, ...]:
    name = command.parameters["AllowedPrimaryServer"]
    current = find_entry(now.entries, name)
    rest = tuple(one for one in now.entries if one is not current)
    if command.name.startswith("Remove"):
        return rest
    old = current or Entry(name, "", "")
    storage = command.parameters.get("ReplicaStorageLocation", old.storage)
    changed = Entry(old.name, storage, command.parameters.get("TrustGroup", old.trust_group))
    return tuple(changed if one is current else one for one in now.entries) if current else (*rest, changed)
