"""How long things take, and what the product does where the sources leave it open: the harsher reading."""

from __future__ import annotations

from dataclasses import dataclass

from .storage import GIB


@dataclass
class Habits:
    """Seconds are virtual, speeds bytes per second. Every field may be set at any time."""

    send_bytes_per_second: int = GIB  # copies and deltas between two hosts, for each VM
    merge_bytes_per_second: int = 2 * GIB
    delta_seconds: float = 1.0  # of a last delta, before its bytes
    failover_seconds: float = 2.0
    reverse_seconds: float = 3.0
    cancel_seconds: float = 2.0
    commit_seconds: float = 2.0
    test_seconds: float = 1.0
    # How long the disks of a primary stand on an .avhdx after its replication has ended; 0: not at all.
    reference_merge_seconds: float = 3.0
    save_seconds: float = 2.0
    force_seconds: float = 300.0  # Stop-VM -Force gives the applications five minutes (Microsoft: Stop-VM)
    settle_seconds: float = 1.0  # states lag the cmdlet: what a reverse made is seen so much later
    update_seconds: float = 2.0  # WaitingForUpdateCompletion after another set of disks
    # Cycles missed in a row until the sending side gives up and goes to Error.
    cycles_to_error: int = 3
    # How long after a start Get-VMReplication lists nothing (observed behaviour: about a minute). 0 is ready at once.
    service_start_seconds: float = 0.0
    # How long after a start nothing of Hyper-V is found, though its service runs (observed: up to two minutes).
    service_blind_seconds: float = 0.0
    # Stop-VMFailover of a failed-over VM that runs: "refused" (observed by one) or "turned_off" (Microsoft's page).
    # Which of them a build does is unverified: refused is the harsher reading, for the goal is not reached at once.
    cancel_of_running: str = "refused"
    # Stop-VM without a shutdown service asks whether to turn the VM off. "asks": as in a remote session, whose host has
    # nobody to ask; "error": as where PowerShell itself knows that nobody is there.
    no_shutdown_service: str = "asks"
    # What a reverse settles in on the new primary; ReadyForInitialReplication, Suspended and
    # WaitingForStartResynchronize were seen instead of Replicating.
    reverse_state: str = "Replicating"
    # Whether Remove-VM writes an error after it has removed the VM (observed by one project).
    remove_vm_late_error: bool = True
    # Whether Stop-VM -TurnOff discards a saved state. Not stated by Microsoft; without it nothing here could.
    turn_off_discards_saved: bool = True
    # Whether Test-VMReplicationConnection looks at the authorization entries: unverified, so it proves nothing of them.
    test_checks_entries: bool = False
