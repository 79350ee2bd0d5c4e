# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What can speak against a failover and may be accepted by name, in the input `accept`."""

from __future__ import annotations

from collections.abc import Mapping

NO_SWITCH = "no_switch"
ACCEPTABLE: Mapping[str, str] = {
    "warning_health": "the health is Warning",
    "old_replication": "the last replication is long ago",
    "pending_bytes": "much is still to be sent",
    "shutdown_service": "the guest's shutdown service does not answer",
    "operation": "a backup, merge or migration is in progress",
    "disks_left_behind": "a disk is attached that is not replicated",
    "extended_leg": "a third site stops receiving when the replication is reversed",
    "primary_not_ready": "the old primary cannot become the replica",
    "no_connection": "one host does not reach the other as a replica server",
    NO_SWITCH: "an adapter comes up without a network",
    "low_space": "little space is left for the undo data",
    "failover_addresses": "only one side has failover addresses",
    "tpm": "the VM has a TPM or is shielded, and no test VM of it was started",
}
"""Findings that may be accepted by name, and what each means."""

RECENT = "recent_replication"
MACHINE = "machine_answers"
NOT_PROVEN_DEAD: Mapping[str, str] = {
    RECENT: "the last replication is younger than the frequency and a minute",
    MACHINE: "the machine accepts or refuses a connection and says nothing: a router may answer for a dead host",
}
"""What keeps a primary from being proven dead, and may be accepted by name too."""

FINDINGS = (*ACCEPTABLE, *NOT_PROVEN_DEAD)
"""All of them. A name in `accept` that is none of these is that of a host whose copy may stay unread."""
