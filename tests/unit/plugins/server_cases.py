"""From the YAML of a server case to the values that the planner takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import path_key, time_utc
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.authorization import Entry, Replica
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.certificate import (
    CLIENT_AUTHENTICATION,
    SERVER_AUTHENTICATION,
    Authority,
    Certificate,
    Certificates,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.cluster import Broker, Cluster, Node
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.firewall import Firewall, Rule
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.have import Have, Settings
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.resource import SPEC, read_options
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.want import Want

FOLDER = Path(__file__).parent / "cases" / "server"
NOW = "2026-03-01T12:00:00Z"
HOST = "hv-b.corp.example"
BUILT_IN = {"VIRT-HVRHTTPL-In-TCP-NoScope": "80", "VIRT-HVRHTTPSL-In-TCP-NoScope": "443"}


@dataclass(frozen=True)
class Case:
    """One case: what is there, what is wanted, and what has to come of it."""

    name: str
    want: dict[str, Any]
    have: dict[str, Any] = field(default_factory=dict)
    steps: list[Any] = field(default_factory=list)
    diff: dict[str, Any] = field(default_factory=dict)
    refusal: list[str] = field(default_factory=list)
    option_error: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def cases() -> Iterator[Case]:
    """Every case of every file, in order."""
    for file in sorted(FOLDER.glob("*.yml")):
        for item in yaml.safe_load(file.read_text(encoding="utf-8")):
            yield Case(**{**item, "name": f"{file.stem}: {item['name']}"})


def want_of(options: Mapping[str, Any]) -> Want:
    """The options as Ansible validates them, read by the resource."""
    result = ArgumentSpecValidator(dict(SPEC)).validate(dict(options))
    if result.error_messages:
        raise ValueError("; ".join(result.error_messages))
    return read_options(result.validated_parameters)


def have_of(given: Mapping[str, Any], want: Want) -> Have:
    """A host that is hv-b unless the case says otherwise; what it does not say is that of a fresh host.

    As in a real run, parts that the task does not read are None.
    """
    return Have(
        name="HV-B",
        full_name=HOST,
        settings=_settings(given),
        listener=((given.get("listener", "Ok"),), ("Operating normally",)),
        cluster=_cluster(given.get("cluster")),
        cluster_problem=given.get("cluster_problem", ""),
        replicas=tuple(_replica(*one) for one in given.get("replicas", ())) if want.reads_replicas else None,
        certificates=_certificates(given) if want.reads_certificates else None,
        firewall=_firewall(given) if want.reads_firewall else None,
        folders={path_key(path): exists for path, exists in given.get("folders", {}).items()},
    )


def _settings(given: Mapping[str, Any]) -> Settings:
    values = dict(given.get("settings", {}))
    entries = tuple(Entry(*one) for one in values.pop("entries", ()))
    return Settings(**{"enabled": False, **values}, entries=entries)


def _replica(name: str, primary: str, entry: str, authentication: str = "kerberos") -> Replica:
    return Replica(f"id of {name}", name, "Replica", primary, entry, authentication)


def _cluster(given: Mapping[str, Any] | None) -> Cluster | None:
    if given is None:
        return None
    broker = given.get("broker", ["broker.corp.example", "Online", "HV-B"])
    nodes = tuple(Node(name, "Up") for name in given["nodes"])
    return Cluster("CL-1", "corp.example", nodes, Broker(*broker) if broker else None)


def _certificates(given: Mapping[str, Any]) -> Certificates:
    roots = tuple(Authority(f"root {name}", name, name, root=True) for name in given.get("roots", ["CN=Corp CA"]))
    now = time_utc(NOW)
    if now is None:
        raise ValueError(NOW)
    return Certificates(tuple(_certificate(one) for one in given.get("certificates", ())), roots, now)


def _certificate(given: Mapping[str, Any]) -> Certificate:
    usages = given.get("usages", [SERVER_AUTHENTICATION, CLIENT_AUTHENTICATION])
    subject = given.get("subject", f"CN={HOST}")
    return Certificate(
        thumbprint=str(given["thumbprint"]) * 40,
        subject=subject,
        issuer=given.get("issuer", "CN=Corp CA"),
        not_before=_day(given.get("from", "2025-01-01")),
        not_after=_day(given.get("until", "2027-01-01")),
        has_private_key=given.get("key", True),
        names=tuple(given.get("names", [HOST])),
        usages=frozenset(usages),
    )


def _day(text: Any) -> datetime | None:
    return time_utc(f"{text}T00:00:00Z")


def _firewall(given: Mapping[str, Any]) -> Firewall:
    """The built-in rules disabled, unless the case lists rules: name -> [ports, enabled, in force]."""
    rules = given.get("firewall", {name: [[port], False, False] for name, port in BUILT_IN.items()})
    local = tuple(Rule(name, enabled, True, tuple(ports)) for name, (ports, enabled, _unused) in rules.items())
    active = tuple(Rule(name, True, True, tuple(ports)) for name, (ports, _unused, counts) in rules.items() if counts)
    return Firewall(local, active)
