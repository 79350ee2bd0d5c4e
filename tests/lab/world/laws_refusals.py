"""What is said when something is refused: key -> id, category, text.

Ids and categories follow the rule by which the module maps the service's answers; the recorded texts are recorded
ones, the others are English of our own (no client may match on them: they are localised). A refusal has no target
object but where one is on record (Get-VM): the harsher reading.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..values import Refusal


class Words(NamedTuple):
    """One kind of refusal; `text` may name {vm}, {id}, {cmdlet}, {state} and more."""

    id: str
    category: str
    text: str
    hresult: int | None = None


REFUSALS: dict[str, Words] = {
    "vm_not_found": Words(
        "InvalidParameter", "InvalidArgument", 'Hyper-V was unable to find a virtual machine with name "{name}".'
    ),
    # As two public projects have it; no transcript is on record.
    "vm_id_not_found": Words(
        "ObjectNotFound", "ObjectNotFound", 'Hyper-V was unable to find a virtual machine with id "{name}".'
    ),
    "not_applicable": Words(
        "InvalidOperation", "InvalidOperation", "'{cmdlet}' is not applicable on virtual machine '{vm}'."
    ),
    "not_enabled": Words(
        "OperationFailed", "InvalidOperation", "Replication is not enabled for virtual machine '{vm}'."
    ),
    "not_enabled_state": Words(
        "InvalidState", "InvalidOperation", "Replication is not enabled for virtual machine '{vm}'."
    ),
    "already_enabled": Words(
        "OperationFailed", "InvalidOperation", "Replication is already enabled for virtual machine '{vm}'."
    ),
    "wrong_state": Words(
        "InvalidState",
        "InvalidOperation",
        "Could not change the replication state. Virtual machine is not in a valid replication state to perform the "
        "operation.",
    ),
    "wrong_power": Words(
        "InvalidState",
        "InvalidOperation",
        "The operation cannot be performed while the virtual machine is in its current state.",
    ),
    "already_in_state": Words(
        "InvalidState", "InvalidOperation", "The virtual machine '{vm}' is already in the specified state."
    ),
    # One text for many causes: a service that has just started, a cluster without a broker, no permission.
    "object_not_found": Words(
        "ObjectNotFound",
        "ObjectNotFound",
        "Hyper-V encountered an error trying to access an object on computer '{host}' because the object was not "
        "found. The object might have been deleted. Verify that the Virtual Machine Management service on the "
        "computer is running.",
    ),
    "invalid_filter": Words("InvalidState", "InvalidOperation", "'{value}' cannot be used to filter virtual machines."),
    "bad_parameter": Words("InvalidParameter", "InvalidArgument", "{why}"),
    "nothing_to_set": Words("OperationFailed", "InvalidOperation", "No parameter was given to '{cmdlet}'."),
    "failover_on_primary": Words(
        "InvalidParameter",
        "InvalidArgument",
        "Failover of virtual machine '{vm}' cannot be started: it is the primary virtual machine.",
    ),
    "replica_settings": Words(
        "InvalidOperation",
        "InvalidOperation",
        "The replication settings of virtual machine '{vm}' cannot be modified on the Replica server.",
    ),
    "test_vm_exists": Words(
        "InvalidState",
        "InvalidOperation",
        "The operation cannot be performed while a test failover of virtual machine '{vm}' is in progress.",
    ),
    "test_vm_present": Words("OperationFailed", "InvalidOperation", "A test virtual machine of '{vm}' exists already."),
    "no_replication_yet": Words(
        "InvalidState", "InvalidOperation", "Initial replication of virtual machine '{vm}' is not complete."
    ),
    "old_point": Words(
        "OperationFailed",
        "NotSpecified",
        "Operation aborted. Try a more recent recovery point (0x80004004).",
    ),
    "other_point": Words(
        "InvalidParameter", "InvalidArgument", "The recovery point is not one of a replica virtual machine."
    ),
    "collision": Words(
        "OperationFailed",
        "NotSpecified",
        "Hyper-V failed to enable replication for virtual machine '{vm}': a virtual machine with the same identifier "
        "exists on the Replica server and cannot take part in this replication relationship (0x80070050). "
        "(Virtual machine ID {id})",
    ),
    "unknown_version": Words(
        "OperationFailed",
        "NotSpecified",
        "Virtual machine '{vm}' has configuration version {version}, which the Replica server does not support "
        "(0x80070032). (Virtual machine ID {id})",
    ),
    "no_entry": Words(
        "InvalidParameter",
        "InvalidArgument",
        "No authorization entry of this server fits the primary server '{name}'.",
    ),
    # The product writes this as event 29410.
    "not_available": Words(
        "OperationFailed",
        "NotSpecified",
        "Cannot perform the requested Hyper-V Replica operation for virtual machine '{vm}' because the virtual machine "
        "is not highly available. (Virtual machine ID {id})",
    ),
    "server_disabled": Words("OperationFailed", "InvalidOperation", "This server is not enabled as a Replica server."),
    "disk_full": Words(
        "OperationFailed",
        "NotSpecified",
        "Hyper-V failed to enable replication for virtual machine '{vm}': There is not enough space on the disk of the "
        "Replica server (0x80070070). (Virtual machine ID {id})",
    ),
    "storage_denied": Words(
        "AccessDenied",
        "PermissionDenied",
        "Unable to open specified location to store Replica files '{path}'. Error: 0x80070005 "
        "(General access denied error).",
    ),
    "path_not_found": Words(
        "ObjectNotFound",
        "ObjectNotFound",
        "The system cannot find the path '{path}' (0x80070003).",
    ),
    "cannot_start_prepared": Words(
        "InvalidState",
        "InvalidOperation",
        "'{vm}' failed to start. The virtual machine is prepared for planned failover. (Virtual machine ID {id})",
    ),
    "cannot_start_replica": Words(
        "InvalidState",
        "InvalidOperation",
        "'{vm}' failed to start. The virtual machine is a replica and was not failed over. (Virtual machine ID {id})",
    ),
    "no_memory": Words(
        # The category is odd, and on record from two unrelated places.
        "OutOfMemory",
        "FromStdErr",
        "Not enough memory in the system to start the virtual machine {vm} with ram size {megabytes} megabytes. "
        "'{vm}' could not initialize (0x8007000E). (Virtual machine ID {id})",
    ),
    "no_key": Words(
        "OperationFailed",
        "NotSpecified",
        "'{vm}' failed to start. The key protector for the virtual machine could not be unwrapped (0x80070005). "
        "(Virtual machine ID {id})",
    ),
    # The missing prompt, not the missing service, is what is told.
    "no_shutdown_service": Words(
        "InvalidOperation",
        "InvalidOperation",
        "PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
    ),
    "shutdown_refused": Words(
        "{id_of_code}",
        "{category_of_code}",
        "Failed to shut down virtual machine '{vm}' ({code}). (Virtual machine ID {id})",
    ),
    "busy": Words(
        "ObjectInUse",
        "ResourceBusy",
        "The operation cannot be performed while virtual machine '{vm}' is in use: {why}. (Virtual machine ID {id})",
    ),
    "passthrough": Words(
        "OperationFailed",
        "NotSpecified",
        "Enabling replication failed for virtual machine '{vm}': a physical disk or a shared virtual disk cannot be "
        "replicated (0x80070032). (Virtual machine ID {id})",
    ),
}


def refuse(key: str, **facts: Any) -> Refusal:
    """The refusal of that key; `vm` may be a VM, then its id is a fact too. `target` goes into the error record."""
    words = REFUSALS[key]
    target = facts.pop("target", None)
    vm = facts.get("vm")
    if vm is not None and not isinstance(vm, str):
        facts["vm"], facts["id"] = vm.name, vm.id
    text, id_, category = (part.format(**facts) for part in (words.text, words.id, words.category))
    return Refusal(text, id_, category, target, hresult=words.hresult)
