# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The settings of a replication as rows: an option, the property that shows it, the parameter that writes it.

A row is data. A new setting is a row here, a line in the spec and in the documentation, and a case. Parameters are
those of Enable-VMReplication and Set-VMReplication, properties those of Get-VMReplication.
Source: https://learn.microsoft.com/powershell/module/hyper-v/set-vmreplication
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..base import values


@dataclass(frozen=True)
class Setting:
    """One setting. `kind` says how it is read, compared and sent.

    `of_one_host`: the value is right on one host only (a port to listen on, a certificate). `dials`: a change alters
    how the partner is reached, so the connection is tested first. `usual` is what a first enable makes of it when the
    option is left out; None where that cannot be said, or where something must be given.
    """

    option: str
    read: str
    kind: str = "number"
    write: str = ""
    of_one_host: bool = False
    dials: bool = False
    usual: Any = None

    @property
    def parameter(self) -> str:
        """Name of the parameter that writes the setting."""
        return self.write or self.read


SETTINGS: tuple[Setting, ...] = (
    Setting("replica_port", "ReplicaServerPort", of_one_host=True, dials=True),
    Setting("authentication", "AuthenticationType", "word", dials=True),
    Setting("certificate_thumbprint", "CertificateThumbprint", "thumbprint", of_one_host=True, dials=True),
    Setting("frequency", "ReplicationFrequencySec", usual=300),
    Setting("recovery_history", "RecoveryHistory", usual=0),
    Setting("app_consistent_hours", "VSSSnapshotFrequencyHour", usual=0),
    Setting("compression", "CompressionEnabled", "boolean", usual=True),
    Setting("auto_resynchronize", "AutoResynchronizeEnabled", "boolean", usual=False),
    Setting("auto_resynchronize_from", "AutoResynchronizeIntervalStart", "time of day", usual="18:30:00"),
    Setting("auto_resynchronize_until", "AutoResynchronizeIntervalEnd", "time of day", usual="06:00:00"),
    Setting("bypass_proxy", "BypassProxyServer", "boolean", dials=True, usual=False),
    Setting("host_kvp", "ReplicateHostKvpItems", "boolean", usual=True),
)

BY_OPTION: Mapping[str, Setting] = {row.option: row for row in SETTINGS}
BY_PARAMETER: Mapping[str, Setting] = {row.parameter: row for row in SETTINGS}
PORT_OF_TYPE: Mapping[str, int] = {"kerberos": 80, "certificate": 443}
"""The port of each type where nothing else is said. Source: Set-VMReplicationServer."""

_DAY = 86400


def read(row: Setting, value: Any) -> Any:
    """A property as the value of its option; None where Windows has null. Raises ValueError for what is unreadable."""
    if value is None:
        return None
    if row.kind == "number":
        return values.number(value)
    if row.kind == "word":
        return str(value).casefold()
    if row.kind == "thumbprint":
        return values.clean_thumbprint(value)
    if row.kind == "time of day":
        return clock(values.seconds(value))
    return bool(value)


def clock(seconds: float | None) -> str | None:
    """Seconds after midnight as `18:30:00`; 24 hours are midnight again, as the window's end has it."""
    return None if seconds is None else values.timespan(seconds % _DAY)


def sendable(row: Setting, value: Any) -> Any:
    """The value of an option in the form in which its parameter takes it; enums and spans travel as text."""
    return str(value).capitalize() if row.kind == "word" else value


def shown(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a Get-VMReplication row by its option. Raises ValueError for a value that is unreadable."""
    return {row.option: read(row, properties.get(row.read)) for row in SETTINGS}


def differences(have: Mapping[str, Any], want: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for and is not so. An option that was left out cannot differ."""
    return {option: value for option, value in want.items() if value is not None and have.get(option) != value}


def to_set(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of Set-VMReplication for these changes. No application-consistent points is a switch of its own."""
    parameters: dict[str, Any] = {}
    for option, value in changes.items():
        if option == "app_consistent_hours" and value == 0:
            parameters["DisableVSSSnapshotReplication"] = True
        else:
            parameters[BY_OPTION[option].parameter] = sendable(BY_OPTION[option], value)
    return parameters


def to_enable(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of Enable-VMReplication. Zero hours is what leaving the parameter out means; 0 itself is refused."""
    return {
        BY_OPTION[option].parameter: sendable(BY_OPTION[option], value)
        for option, value in chosen.items()
        if not (option == "app_consistent_hours" and value == 0)
    }


def from_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a call's parameters bring about, by option: the way back from `to_set` and `to_enable`."""
    brought = {
        BY_PARAMETER[name].option: read(BY_PARAMETER[name], value)
        for name, value in parameters.items()
        if name in BY_PARAMETER
    }
    if parameters.get("DisableVSSSnapshotReplication"):
        brought["app_consistent_hours"] = 0
    if brought.get("authentication") == "kerberos":
        brought["certificate_thumbprint"] = ""  # switching to Kerberos clears it (observed behaviour, not documented)
    return brought


def any_dials(options: Iterable[str]) -> bool:
    """True when one of these changes how the partner is reached."""
    return any(BY_OPTION[option].dials for option in options)
