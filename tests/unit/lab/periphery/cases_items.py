"""What the cmdlets of files, certificates and the registry refuse and show."""

from __future__ import annotations

from typing import Any

from tests.lab.world.host import REPLICATION_KEY
from tests.unit.lab.periphery.bench import STORE, Bench, Case
from tests.unit.lab.periphery.cases_machine import MY, first, names

MISSING: dict[str, Any] = {"error": "PathNotFound", "category": "ObjectNotFound"}
KEY = REPLICATION_KEY.replace("HKLM\\", "HKLM:\\")
FOLDER = {"Path": ["D:\\New\\Deep"], "ItemType": "Directory"}


def value(bench: Bench) -> None:
    """The check of revocation is off on B."""
    bench.b.registry[REPLICATION_KEY] = {"DisableCertRevocationCheck": 1}


FILES = [
    Case(
        "file: there",
        "Test-Path",
        {"LiteralPath": [STORE]},
        set="LiteralPath",
        check=lambda _unused, a: a.outputs == [True],
    ),
    Case(
        "file: trailing backslash and case",
        "Test-Path",
        {"LiteralPath": ["d:\\replica\\"], "PathType": "Container"},
        set="LiteralPath",
        check=lambda _unused, a: a.outputs == [True],
    ),
    Case(
        "file: not there",
        "Test-Path",
        {"Path": ["D:\\No", "Q:\\x"]},
        check=lambda _unused, a: a.outputs == [False, False],
    ),
    Case(
        "file: double hop",
        "Test-Path",
        {"LiteralPath": ["\\\\files\\replica"]},
        set="LiteralPath",
        error="ItemExistsUnauthorizedAccessError",
        category="PermissionDenied",
        check=lambda _unused, a: a.outputs == [False],
    ),
    Case("file: no path", "Test-Path", {"Path": [None]}, error="NullPathNotPermitted", category="InvalidArgument"),
    Case("file: an empty path", "Test-Path", {"Path": [""]}, check=lambda _unused, a: a.outputs == [False]),
    Case("file: get what is not there", "Get-Item", {"Path": ["D:\\No"]}, **MISSING),
    Case("file: no such drive", "Get-Item", {"Path": ["Q:\\x"]}, error="DriveNotFound", category="ObjectNotFound"),
    Case(
        "file: what a folder holds",
        "Get-ChildItem",
        {"Path": ["D:\\"], "Directory": True},
        check=lambda _unused, a: "Replica" in names(a),
    ),
    Case(
        "file: make a folder with those above",
        "New-Item",
        FOLDER,
        check=lambda b, _unused: b.b.files.is_folder("D:\\NEW\\deep"),
    ),
    Case(
        "file: a folder that exists",
        "New-Item",
        {"Path": [STORE], "ItemType": "Directory"},
        error="DirectoryExist",
        category="ResourceExists",
    ),
    Case(
        "file: a folder that exists, with Force",
        "New-Item",
        {"Path": [STORE], "ItemType": "Directory", "Force": True},
        check=lambda _unused, a: first(a, "FullName") == STORE,
    ),
    Case(
        "file: a folder on no drive",
        "New-Item",
        {"Path": ["Q:\\x"], "ItemType": "Directory"},
        error="DriveNotFound",
        category="ObjectNotFound",
    ),
    Case(
        "file: a folder by double hop",
        "New-Item",
        {"Path": ["\\\\files\\replica"], "ItemType": "Directory"},
        error="CreateDirectoryUnauthorizedAccessError",
        category="PermissionDenied",
    ),
    Case(
        "file: remove a folder that is not empty is asked about",
        "Remove-Item",
        {"LiteralPath": ["D:\\New"]},
        lambda bench: bench.b.files.make_folder("D:\\New\\Deep"),
        set="LiteralPath",
        asks=True,
    ),
    Case(
        "file: a folder on a shared volume is there for every node",
        "New-Item",
        {"Path": ["C:\\ClusterStorage\\Volume1\\More"], "ItemType": "Directory"},
        Bench.cluster,
        check=lambda bench, _unused: bench.world.host("HV-C").files.is_folder("c:\\clusterstorage\\volume1\\more"),
    ),
]

CERTIFICATES = [
    Case(
        "certificate object: key, dates, names, usages",
        "Get-ChildItem",
        {"Path": [MY]},
        Bench.certify,
        check=lambda bench, a: (
            first(a, "HasPrivateKey") is True
            and [one["Punycode"] for one in first(a, "DnsNameList")] == ["HV-B.corp.example"]
            and len(first(a, "EnhancedKeyUsageList")) == 2
            and first(a, "NotAfter") > bench.world.clock.now()
        ),
    ),
    Case(
        "certificate object: roots of the machine",
        "Get-ChildItem",
        {"Path": ["Cert:\\LocalMachine\\Root"]},
        Bench.certify,
        check=lambda _unused, a: first(a, "Subject") == first(a, "Issuer") == "CN=Lab CA",
    ),
    Case(
        "certificate object: by thumbprint",
        "Get-Item",
        lambda bench: {"LiteralPath": [f"{MY}\\{bench.own(bench.b).thumbprint.lower()}"]},
        Bench.certify,
        set="LiteralPath",
        check=lambda bench, a: first(a, "Thumbprint") == bench.own(bench.b).thumbprint,
    ),
    Case("certificate object: not there", "Get-Item", {"LiteralPath": [f"{MY}\\AB"]}, set="LiteralPath", **MISSING),
    Case("certificate object: an empty store", "Get-ChildItem", {"Path": [MY]}, check=lambda _unused, a: not a.outputs),
    Case("certificate object: no such store", "Get-ChildItem", {"Path": ["Cert:\\LocalMachine\\No"]}, **MISSING),
]

REGISTRY = [
    Case(
        "registry: revocation check",
        "Get-ItemProperty",
        {"LiteralPath": [KEY], "Name": ["DisableCertRevocationCheck"]},
        value,
        set="LiteralPath",
        check=lambda _unused, a: first(a, "DisableCertRevocationCheck") == 1,
    ),
    Case("registry: no such key", "Get-ItemProperty", {"LiteralPath": [KEY]}, set="LiteralPath", **MISSING),
    Case(
        "registry: no such value",
        "Get-ItemProperty",
        {"LiteralPath": [KEY], "Name": ["MaximumActiveTransfers"]},
        value,
        set="LiteralPath",
        error="System.Management.Automation.PSArgumentException",
        category="InvalidArgument",
    ),
]

CASES = [*FILES, *CERTIFICATES, *REGISTRY]
