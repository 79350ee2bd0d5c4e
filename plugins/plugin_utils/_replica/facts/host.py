# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Parts of the host itself, a kind each: its role as a replica server, names and memory, cluster, certificates,
volumes, switches, and the test VMs on it.

Sources: Microsoft's pages of the cmdlets named.
"""

from __future__ import annotations

from typing import Any

from ..base.errors import UnexpectedOutput
from ..base.names import host_name
from ..base.pipeline import Command, Pipeline
from ..base.properties import select
from ..base.session import Output, Row
from ..base.values import number, time_text
from .authorization import parse_entries, query_entries
from .certificate import (
    CLIENT_AUTHENTICATION,
    SERVER_AUTHENTICATION,
    Certificate,
    Certificates,
    parse_certificates,
    problems,
    query_certificates,
)
from .clock import Clock
from .cluster import ClusterUnreadable, owns, parse_cluster, query_cluster
from .record import Column, age, as_list, in_seconds, in_utc, lower, properties, record, time_of_day
from .scope import where_equal
from .section import HostKind, Unknown


def _authentication(value: Any, clock: Clock) -> str | None:
    """The type by its name; the number 0 of a server that is disabled has none (observed behaviour)."""
    name = lower(value, clock)
    return None if name in (None, "", "0") else name


def _letter(value: Any, clock: Clock) -> str | None:
    """A drive letter; a volume without one answers the character 0."""
    text = str(value or "").strip("\0 ")
    return text or None


SERVER = (
    Column("enabled", "ReplicationEnabled"),
    Column("authentication", "AllowedAuthenticationType", _authentication),
    Column("any_server", "ReplicationAllowedFromAnyServer"),
    Column("default_storage", "DefaultStorageLocation"),
    Column("kerberos_port", "KerberosAuthenticationPort"),
    Column("certificate_port", "CertificateAuthenticationPort"),
    Column("kerberos_port_mapping", "KerberosAuthenticationPortMapping"),
    Column("certificate_port_mapping", "CertificateAuthenticationPortMapping"),
    Column("certificate_thumbprint", "CertificateThumbprint"),
    Column("monitoring_interval_seconds", "MonitoringInterval", in_seconds),
    Column("monitoring_start", "MonitoringStartTime", time_of_day),
    Column("operational_status", "OperationalStatus", as_list),
    Column("status_descriptions", "StatusDescriptions", as_list),
)
HOST = (
    Column("name", "Name"),
    Column("memory_capacity_bytes", "MemoryCapacity"),
    Column("logical_processors", "LogicalProcessorCount"),
    Column("virtual_machine_path", "VirtualMachinePath"),
    Column("virtual_hard_disk_path", "VirtualHardDiskPath"),
    Column("supported_vm_versions", "SupportedVmVersions", as_list),
)
VOLUME = (
    Column("drive_letter", "DriveLetter", _letter),
    Column("path", "Path"),
    Column("label", "FileSystemLabel"),
    Column("file_system", "FileSystem"),
    Column("drive_type", "DriveType"),
    Column("health", "HealthStatus"),
    Column("size_bytes", "Size"),
    Column("free_bytes", "SizeRemaining"),
)
SWITCH = (
    Column("id", "Id"),
    Column("name", "Name"),
    Column("type", "SwitchType", lower),
    Column("network_adapter", "NetAdapterInterfaceDescription"),
    Column("shared_with_host", "AllowManagementOS"),
)
TEST_VM = (
    Column("id", "Id"),
    Column("name", "Name"),
    Column("power", "State"),
    Column("uptime_seconds", "Uptime", in_seconds),
    Column("created_time", "CreationTime", in_utc),
    Column("created_age_seconds", "CreationTime", age),
)


def _query_server() -> Pipeline:
    server = Command("Get-VMReplicationServer") | select("VMReplicationServer", *properties(SERVER))
    return Pipeline.of(server) + query_entries()


def _parse_server(output: Output, clock: Clock) -> dict[str, Any]:
    server = record(
        _one(output, "VMReplicationServer", "Get-VMReplicationServer"), SERVER, clock, "Get-VMReplicationServer"
    )
    server["entries"] = [entry.result for entry in parse_entries(output)]
    return server


def _query_host() -> Pipeline:
    """The host, and the memory that its VMs hold: no property says how much is free."""
    host = select("VMHost", "FullyQualifiedDomainName", *properties(HOST))
    return Pipeline.of(
        Command("Get-VMHost") | host, Command("Get-VM") | select("VirtualMachine", "Id", "MemoryAssigned")
    )


def _parse_host(output: Output, clock: Clock) -> dict[str, Any]:
    row = _one(output, "VMHost", "Get-VMHost")
    host = record(row, HOST, clock, "Get-VMHost")
    assigned = sum(int(vm.properties["MemoryAssigned"] or 0) for vm in output.of_type("VirtualMachine"))
    host["fqdn"] = host_name(row.properties)
    host["memory_assigned_bytes"] = assigned
    capacity = number(host["memory_capacity_bytes"])
    host["memory_free_estimate_bytes"] = None if capacity is None else max(0, capacity - assigned)
    return host


def _parse_cluster(output: Output, clock: Clock) -> dict[str, Any] | None:
    try:
        cluster = parse_cluster(output)
    except ClusterUnreadable as error:
        raise Unknown(str(error)) from error
    return None if cluster is None else cluster.result


def _parse_certificates(output: Output, clock: Clock) -> list[dict[str, Any]]:
    held = parse_certificates(output)
    if held is None:
        raise Unknown("the host did not tell its time (Get-Date), without which no certificate can be judged")
    return [_certificate(one, held) for one in held.own]


def _certificate(one: Certificate, held: Certificates) -> dict[str, Any]:
    left = None if one.not_after is None else int((one.not_after - held.now).total_seconds())
    return {
        "thumbprint": one.thumbprint,
        "subject": one.subject,
        "issuer": one.issuer,
        "names": list(one.names),
        "not_before": time_text(one.not_before),
        "not_after": time_text(one.not_after),
        "valid_seconds_left": left,
        "has_private_key": one.has_private_key,
        "self_signed": one.self_signed,
        "trusted": held.trusted(one),
        "server_authentication": SERVER_AUTHENTICATION in one.usages,
        "client_authentication": CLIENT_AUTHENTICATION in one.usages,
        "problems": list(problems(one, held.now, ())),
    }


def _query_storage() -> Pipeline:
    return Pipeline.of(Command("Get-Volume") | select("MSFT_Volume", *properties(VOLUME)))


def _parse_storage(output: Output, clock: Clock) -> list[dict[str, Any]]:
    return [record(row, VOLUME, clock, "Get-Volume") for row in output.rows if "SizeRemaining" in row.properties]


def _query_switches() -> Pipeline:
    return Pipeline.of(Command("Get-VMSwitch") | select("VMSwitch", *properties(SWITCH)))


def _parse_switches(output: Output, clock: Clock) -> list[dict[str, Any]]:
    return [record(row, SWITCH, clock, "Get-VMSwitch") for row in output.of_type("VMSwitch")]


def _query_test_vms() -> Pipeline:
    tests = Command("Get-VM") | where_equal("ReplicationMode", "TestReplica")
    return Pipeline.of(tests | select("VirtualMachine", *properties(TEST_VM)))


def _parse_test_vms(output: Output, clock: Clock) -> list[dict[str, Any]]:
    return [record(row, TEST_VM, clock, "Get-VM") for row in output.of_type("VirtualMachine")]


def _one(output: Output, of_type: str, cmdlet: str) -> Row:
    rows = output.of_type(of_type)
    if not rows:
        raise UnexpectedOutput(cmdlet, "no object.")
    return rows[0]


HOST_PARTS = (
    HostKind("server", _query_server, _parse_server),
    HostKind("host", _query_host, _parse_host),
    HostKind("cluster", query_cluster, _parse_cluster, expected=owns),
    HostKind("certificates", query_certificates, _parse_certificates),
    HostKind("storage", _query_storage, _parse_storage),
    HostKind("switches", _query_switches, _parse_switches),
    HostKind("test_vms", _query_test_vms, _parse_test_vms, timed=True),
)
