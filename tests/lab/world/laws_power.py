"""Power: which operation is allowed from which state and where it leads; what keeps a VM from starting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..values import Refusal
from .laws_refusals import refuse

if TYPE_CHECKING:
    from .host import Host
    from .vm import VM
    from .world import World

# operation -> power state -> power state it leads to. What is not in it is refused.
POWER: dict[str, dict[str, str]] = {
    "Start-VM": {"Off": "Running", "Saved": "Running", "Paused": "Running"},
    "Stop-VM": {"Running": "Stopping"},
    "Stop-VM -Force": {"Running": "Stopping", "Stopping": "Stopping"},
    "Stop-VM -TurnOff": {"Running": "Off", "Stopping": "Off", "Paused": "Off", "Saving": "Off", "Saved": "Off"},
    "Stop-VM -Save": {"Running": "Saving", "Paused": "Saving"},
    "Save-VM": {"Running": "Saving", "Paused": "Saving"},
    "Suspend-VM": {"Running": "Paused"},
    "Resume-VM": {"Paused": "Running"},
    "Restart-VM": {"Running": "Running"},
    # Whether a VM whose replication is enabled may be removed is not documented: refused here (in the handler).
    "Remove-VM": {"Off": "Off", "Saved": "Off"},
}
# Where an operation finds what it is to make, it warns and does nothing. On record of Start-VM and Stop-VM. Of the
# other cmdlets nothing was found, so they refuse.
WARNS: dict[str, str] = {
    "Start-VM": "Running",
    "Stop-VM": "Off",
    "Stop-VM -Force": "Off",
    "Stop-VM -TurnOff": "Off",
}
THERE_ALREADY: dict[str, str] = {
    "Stop-VM -Save": "Saved",
    "Save-VM": "Saved",
    "Suspend-VM": "Paused",
    "Resume-VM": "Running",
}
# Codes of Msvm_ShutdownComponent.InitiateShutdown as the module would map them; which of them reach the cmdlet's
# error as such is unverified, so the code itself is in the text too.
SHUTDOWN_CODES: dict[int, tuple[str, str]] = {
    32768: ("OperationFailed", "NotSpecified"),
    32769: ("AccessDenied", "PermissionDenied"),
    32770: ("NotSupported", "InvalidOperation"),
    32775: ("InvalidState", "InvalidOperation"),
    32780: ("Unspecified", "NotSpecified"),
    32781: ("Unspecified", "NotSpecified"),
    32782: ("Unspecified", "NotSpecified"),
}
LOCKED, SHUTDOWN_RUNS = 32781, 32782
# Replication states of a sending side that hold the VM off, and those of a replica that let it start.
PRIMARY_BLOCKED = frozenset({"PreparedForFailover", "PreparedForSyncReplication", "PreparedForGroupReverseReplication"})
REPLICA_ALLOWED = frozenset({"FailedOverWaitingCompletion", "FailedOver"})


def power_after(operation: str, vm: VM) -> str:
    """Where the operation leads from the VM's state. Raises the refusal of the table."""
    after = POWER[operation].get(vm.state)
    if after is None:
        raise refuse("already_in_state" if THERE_ALREADY.get(operation) == vm.state else "wrong_power", vm=vm)
    return after


def warns(operation: str, vm: VM) -> bool:
    """Whether the operation finds the VM there already, warns, and does nothing."""
    return WARNS.get(operation) == vm.state


def check_start(world: World, host: Host, vm: VM) -> None:
    """Raise the refusal that keeps this VM from being started on this host now."""
    relation, leg = vm.relation, vm.leg
    sends_prepared = [r for r in (relation, leg) if r is not None and r.sends and _blocked(r.state, r.transfer)]
    if sends_prepared:
        raise refuse("cannot_start_prepared", vm=vm)
    if relation is not None and relation.receives and relation.state not in REPLICA_ALLOWED:
        raise refuse("cannot_start_replica", vm=vm)
    if vm.busy:
        raise refuse("busy", vm=vm, why=vm.busy)
    if (vm.tpm or vm.shielded) and vm.guardian not in host.guardians:
        raise refuse("no_key", vm=vm)
    if vm.state != "Paused" and vm.memory_startup > host.free_memory:
        raise refuse("no_memory", vm=vm, megabytes=vm.memory_startup // 2**20)


def _blocked(state: str, transfer: object) -> bool:
    # While the last delta travels the VM is held off too.
    return state in PRIMARY_BLOCKED or getattr(transfer, "kind", "") == "delta"


def may_start(world: World, host: Host, vm: VM) -> bool:
    """Whether nothing keeps the VM from starting by itself."""
    try:
        check_start(world, host, vm)
    except Refusal:
        return False
    return vm.state in POWER["Start-VM"]


def shutdown_refusal(vm: VM, code: int) -> Refusal:
    """The refusal with which the guest's shutdown service answered."""
    id_, category = SHUTDOWN_CODES.get(code, ("Unspecified", "NotSpecified"))
    return refuse("shutdown_refused", vm=vm, code=f"0x{code:08X}", id_of_code=id_, category_of_code=category)
