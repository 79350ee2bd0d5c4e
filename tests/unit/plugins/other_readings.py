"""Ways in which another host may say the same, as rewritings of an answer: each is one that the sources leave open."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Pipeline
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import Output, Row, Session
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.recognition import recognised

Reading = Callable[[Row], Row]
CUSTOM_OBJECT = "System.Management.Automation.PSCustomObject"
# Properties that no public source names in what it says of replication: another host may leave them null.
_SPARSE = """
    Heartbeat SecondaryOperationalStatus PrimaryOperationalStatus OperationalStatus StatusDescriptions Uptime
    Generation Version MemoryStartup MemoryAssigned DynamicMemoryEnabled AutomaticStartDelay IsClustered
    Connected IsLegacy SupportPersistentReservations CurrentReplicaServerName LastAppliedLogTime
    MonitoringStartTime IPAddresses
    SwitchId DynamicMacAddressEnabled NativeVlanId AllowedVlanIdListString
"""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_SPAN = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DISK = "HardDiskDrive (Name = 'Hard Drive on {} controller number {} at location {}', VMName = 'x') [VMId = '{}']"
_TRANSLATED = "HardDiskDrive (Name = 'Festplatte', VMName = 'x') [Id = '{}', VMId = '{}']"


@dataclass(frozen=True)
class OtherHost:
    """A session to a host that reads differently: what a lab answered, rewritten before anybody looks at it."""

    session: Session
    reading: Reading

    @property
    def host(self) -> str:
        """The inventory name of the host."""
        return self.session.host

    def run(self, pipeline: Pipeline) -> Output:
        """The pipeline's answer in the other reading."""
        output = self.session.run(pipeline)
        return recognised(pipeline, replace(output, rows=tuple(map(self.reading, output.rows))))


def values(change: Callable[[str, Any], Any]) -> Reading:
    """A reading that changes values by name of the property; bare values (a time, True) are left alone."""

    def read(row: Row) -> Row:
        if row.type.startswith("System.") and set(row.properties) == {"Value"}:
            return row
        return replace(row, properties={name: change(name, value) for name, value in row.properties.items()})

    return read


def _untyped(row: Row) -> Row:
    return row if set(row.properties) == {"Value"} else replace(row, type=CUSTOM_OBJECT)


def _own_types(row: Row) -> Row:
    return row if set(row.properties) == {"Value"} else replace(row, type="Example.Hypervisor.Thing")


def _lower_names(row: Row) -> Row:
    if set(row.properties) == {"Value"}:
        return row
    return replace(row, properties={name.lower(): value for name, value in row.properties.items()})


def _text(change: Callable[[str], str], pattern: re.Pattern[str]) -> Reading:
    return values(lambda _name, v: change(v) if isinstance(v, str) and pattern.fullmatch(v) else v)


def _clock_text(span: str) -> str:
    match = _SPAN.fullmatch(span)
    days, hours, minutes, seconds = (int(part or 0) for part in (match.groups() if match else (0, 0, 0, 0)))
    return f"{days}.{hours:02}:{minutes:02}:{seconds:02}"


def _null_texts(_name: str, value: Any) -> Any:
    return None if value == "" else value


def _empty_texts(name: str, value: Any) -> Any:
    numbers = ("Size", "Count", "Errors", "Port", "Number", "Location", "Mapping")
    return "" if value is None and not name.endswith(numbers) else value


def _empty_disk_number(name: str, value: Any) -> Any:
    return "" if name == "DiskNumber" and value is None else value


def _bare_lists(_name: str, value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return value[0] if len(value) == 1 else value or None


def _nested_as_text(name: str, value: Any) -> Any:
    if name == "TestVirtualMachine" and isinstance(value, Mapping):
        return f"VirtualMachine (Name = '{value['Name']}') [Id = '{value['Id']}']"
    if name == "ReplicatedDisks" and isinstance(value, list):
        return [_disk_text(one) if isinstance(one, Mapping) else one for one in value]
    return value


def _disk_text(disk: Mapping[str, Any]) -> str:
    place = (disk["ControllerType"], disk["ControllerNumber"], disk["ControllerLocation"])
    return _DISK.format(*place, disk.get("VMId"))


def _translated(name: str, value: Any) -> Any:
    if name == "ReplicatedDisks" and isinstance(value, list):
        return [_TRANSLATED.format(one["Id"], one["VMId"]) if isinstance(one, Mapping) else one for one in value]
    return value


def _sparse(name: str, value: Any) -> Any:
    return None if name in _SPARSE.split() else value


def _dated_nulls(name: str, value: Any) -> Any:
    dated = name in (
        "InitialReplicationStartTime",
        "ResynchronizeStartTime",
        "LastAppliedLogTime",
        "LastReplicationTime",
    )
    return "0001-01-01T00:00:00" if dated and value is None else value


def _case_of_names(name: str, value: Any) -> Any:
    return value.upper() + "." if name.endswith("ServerName") and value else value


def _short_names(name: str, value: Any) -> Any:
    return value.partition(".")[0] if name.endswith("ServerName") and value else value


def _spaced_thumbprint(name: str, value: Any) -> Any:
    if name not in ("CertificateThumbprint", "Thumbprint") or not value:
        return value
    return " ".join(value[i : i + 2].lower() for i in range(0, len(value), 2))


READINGS: Mapping[str, Reading] = {
    "as it is": values(lambda _name, value: value),
    "objects of no type": _untyped,
    "types of its own": _own_types,
    "property names in lower case": _lower_names,
    "ids in capitals and braces": _text(lambda text: "{" + text.upper() + "}", _ID),
    "times without offset": _text(lambda text: text[:19], _TIME),
    "spans as clock text": _text(_clock_text, re.compile(_SPAN.pattern)),
    "empty texts are null": values(_null_texts),
    "nulls are empty text": values(_empty_texts),
    "no disk number is empty text": values(_empty_disk_number),
    "lists of one are bare, empty lists null": values(_bare_lists),
    "nested objects as text": values(_nested_as_text),
    "disks as text in another language": values(_translated),
    "only what the sources name": values(_sparse),
    "never is year 1": values(_dated_nulls),
    "server names in capitals with a dot": values(_case_of_names),
    "server names are short": values(_short_names),
    "thumbprints with blanks": values(_spaced_thumbprint),
}
