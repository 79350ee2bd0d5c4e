# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the statuses of a VM and of its integration services mean: which say that an operation is under way, and which
that a service does not answer. Names are PowerShell's, compared without case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Each other status is a condition, such as SwitchNotInIovMode, which may stay for ever and holds nothing back. Source:
# OperationalStatus of https://learn.microsoft.com/windows/win32/hyperv_v2/msvm-computersystem
OPERATIONS = (
    "CreatingSnapshot",
    "ApplyingSnapshot",
    "DeletingSnapshot",
    "MergingDisks",
    "ExportingVirtualMachine",
    "MigratingVirtualMachine",
    "MigratingPlannedVm",
    "BackingUpVirtualMachine",
    "StorageMigrationPhaseOne",
    "StorageMigrationPhaseTwo",
)
_OPERATIONS = {name.casefold(): name for name in OPERATIONS}

# Of a service that is switched on. Source: OperationalStatus of
# https://learn.microsoft.com/windows/win32/hyperv_v2/msvm-shutdowncomponent. Another version of its protocol is met on
# healthy guests, and a VM that is off says null (both observed behaviour, not documented).
DEAF = (
    "NoContact",
    "LostCommunication",
    "CommunicationTimedOut",
    "CommunicationFailed",
    "Error",
    "NonRecoverableError",
    "Disabled",
)
_DEAF = frozenset(name.casefold() for name in DEAF)


def operations_of(record: Mapping[str, Any]) -> list[str]:
    """The operations that are under way on a VM, by its information record."""
    told = (_key(record.get(name)) for name in ("operational_status", "operation"))
    return list(dict.fromkeys(_OPERATIONS[status] for status in told if status in _OPERATIONS))


def is_deaf(status: Any) -> bool:
    """True for the status of a service that does not run in the guest."""
    return _key(status) in _DEAF


def _key(status: Any) -> str:
    return str(status or "").replace(" ", "").casefold()
