"""What the cmdlets of authorization entries refuse and lead to, and how the role is read."""

from __future__ import annotations

from tests.lab.world.server import AuthorizationEntry
from tests.unit.lab.periphery.bench import STORE, Bench, Case, after
from tests.unit.lab.periphery.cases_server import ARGUMENT, CONFLICT, DENIED, FAILED, listed

NEW, CHANGE, REMOVE = (f"{verb}-VMReplicationAuthorizationEntry" for verb in ("New", "Set", "Remove"))


def entry(name: str, storage: str = STORE, group: str = "g1") -> dict[str, str]:
    """Parameters of a new entry."""
    return {"AllowedPrimaryServer": name, "ReplicaStorageLocation": storage, "TrustGroup": group}


CASES = [
    Case("entry: an IP address", NEW, entry("10.0.0.1"), **ARGUMENT),
    Case("entry: a short name", NEW, entry("HV-A"), **ARGUMENT),
    Case("entry: two wildcards", NEW, entry("*.*.example"), **ARGUMENT),
    Case("entry: a wildcard inside", NEW, entry("hv-*.corp.example"), **ARGUMENT),
    Case("entry: any server beside others", NEW, entry("*"), listed, **CONFLICT),
    Case("entry: a name beside any server", NEW, entry("hv-a.corp.example"), Bench.serve, **CONFLICT),
    Case("entry: a name that exists", NEW, entry("HV-A.corp.example"), listed, **CONFLICT),
    Case("entry: storage not there", NEW, entry("hv-a.corp.example", "D:\\No"), code="0x80070003", **FAILED),
    Case("entry: storage by double hop", NEW, entry("hv-a.corp.example", "\\\\files\\r"), **DENIED),
    Case(
        "entry: a name",
        NEW,
        entry("hv-a.corp.example"),
        check=lambda bench, answer: answer.one["TrustGroup"] == "g1" and len(bench.b.server.entries) == 1,
    ),
    Case(
        "entry: a domain", NEW, entry("*.corp.example"), check=lambda b, _unused: b.b.server.entries[0].admits(b.a.fqdn)
    ),
    Case(
        "entry: set of an unknown name is silently nothing",
        CHANGE,
        {"AllowedPrimaryServer": "hv-x.corp.example", "TrustGroup": "new", "Passthru": True},
        listed,
        set="Name",
        check=lambda bench, answer: (
            not answer.outputs and all(one.trust_group != "new" for one in bench.b.server.entries)
        ),
    ),
    Case(
        "entry: set of trust group and storage",
        CHANGE,
        {"AllowedPrimaryServer": "HV-A.corp.example", "TrustGroup": "new", "ReplicaStorageLocation": "D:\\"},
        listed,
        set="Name",
        check=lambda bench, _unused: (
            bench.b.server.entries[0] == AuthorizationEntry("hv-a.corp.example", "D:\\", "new")
        ),
    ),
    Case(
        "entry: set to storage that is not there",
        CHANGE,
        {"AllowedPrimaryServer": "hv-a.corp.example", "ReplicaStorageLocation": "D:\\No"},
        listed,
        set="Name",
        **FAILED,
    ),
    Case(
        "entry: remove of an unknown name",
        REMOVE,
        {"AllowedPrimaryServer": "hv-x.corp.example"},
        listed,
        set="PrimaryServerName",
        error="ObjectNotFound",
        category="ObjectNotFound",
    ),
    Case(
        "entry: remove of a trust group removes all of it",
        REMOVE,
        {"TrustGroup": "OTHERS"},
        listed,
        set="TrustGroup",
        check=lambda bench, _unused: [one.name for one in bench.b.server.entries] == ["hv-a.corp.example"],
    ),
    Case(
        "entry: remove by object",
        REMOVE,
        lambda bench: {
            "VMReplicationAuthorizationEntry": bench.run(
                "Get-VMReplicationAuthorizationEntry", {"TrustGroup": "others"}
            ).outputs
        },
        listed,
        set="Object",
        check=lambda bench, _unused: len(bench.b.server.entries) == 1,
    ),
    Case(
        "entry: filters are taken literally",
        "Get-VMReplicationAuthorizationEntry",
        {"AllowedPrimaryServer": "*"},
        listed,
        check=lambda _unused, answer: not answer.outputs,
    ),
    Case(
        "a disabled server is still an object, with type 0",
        "Get-VMReplicationServer",
        {},
        check=lambda _unused, answer: (
            answer.one["AllowedAuthenticationType"].name == "0" and answer.one["ReplicationEnabled"] is False
        ),
    ),
    Case(
        "any server is computed from the entry",
        "Get-VMReplicationServer",
        {},
        Bench.serve,
        check=lambda _unused, answer: (
            answer.one["ReplicationAllowedFromAnyServer"] is True
            and answer.one["KerberosAuthenticationPortMapping"] is None
            and "HttpPort" not in answer.one.properties
        ),
    ),
    Case(
        "a listener that is not up shows in the status",
        "Get-VMReplicationServer",
        {},
        after(Bench.serve, lambda bench: setattr(bench.b.server, "listener_up", False)),
        check=lambda _unused, answer: [one.name for one in answer.one["OperationalStatus"]] == ["Error"],
    ),
]
