"""Every row of the reference on Hyper-V Replica that refuses or leads somewhere, with the lab case that proves it.

Sections 4.1, 4.2, 4.3, 4.5, 5, 8.2, 11.2 and 12 for VMs and relations. A case is `module::function`, the module below
tests/unit/lab/world without `test_world_`; a parametrised one names its function.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One statement of the reference, and the cases that prove it."""

    section: str
    statement: str
    cases: tuple[str, ...]


def _row(section: str, statement: str, *cases: str) -> Row:
    return Row(section, statement, cases)


SET_UP = (
    _row(
        "4.1", "Enable: Ready and Warning here, a placeholder that waits there", "flows::test_enable_and_network_copy"
    ),
    _row("4.1", "Enable: an IP address is refused, a short name passes", "enable::test_bad_enable"),
    _row("4.1", "Enable: a short name passes", "enable::test_enable_with_short_name_passes"),
    _row("4.1", "Enable: certificate without thumbprint, Kerberos with one", "enable::test_bad_enable"),
    _row("4.1", "Enable: VSS hours need a history", "enable::test_bad_enable"),
    _row("4.1", "Enable: mode Primary is enabled already", "enable::test_enable_again_is_refused"),
    _row(
        "4.1",
        "Enable: not for a test VM or a third copy",
        "enable::test_enable_of_a_test_vm_is_refused",
        "enable::test_extending_twice_is_refused",
    ),
    _row("4.1", "Enable: a node without broker is refused", "chain::test_node_without_a_broker_cannot_enable"),
    _row("4.1", "Enable: not authorised there", "enable::test_enable_not_authorised"),
    _row("4.1", "Extend: 30 refused, not below the first leg", "enable::test_extending_has_its_own_frequencies"),
    _row("4.1", "Extend: VSS and exclusions are ignored", "chain::test_extending_ignores_vss_and_exclusions"),
    _row("4.1", "Extend: one leg only", "enable::test_extending_twice_is_refused"),
    _row("4.1", "-AsReplica: waits for its primary", "flows::test_existing_copy"),
    _row("4.1", "-AsReplica: needs an entry", "enable::test_mark_as_replica_is_refused_without_entry_and_twice"),
    _row(
        "4.1", "-AsReplica: highly available on a cluster", "chain::test_copy_on_a_cluster_has_to_be_highly_available"
    ),
    _row("4.1", "Start copy: from Ready only", "refusals::test_wrong_state_is_refused"),
    _row("4.1", "Start copy: returns at once", "flows::test_enable_and_network_copy"),
    _row(
        "4.1",
        "-UseBackup: the copy there is marked",
        "enable::test_use_backup_needs_a_copy_marked_as_replica",
        "flows::test_existing_copy",
    ),
    _row("4.1", "-DestinationPath: waits, makes its folder", "flows::test_external_media"),
    _row(
        "4.1",
        "-InitialReplicationStartTime: not past, seven days",
        "enable::test_a_start_in_the_past_or_far_ahead_is_refused",
        "flows::test_scheduled_copy",
    ),
    _row(
        "4.1",
        "Import: where a copy is waited for",
        "flows::test_external_media",
        "refusals::test_wrong_state_is_refused",
    ),
    _row("4.1", "Stop copy: back to Ready", "refusals::test_stop_of_an_initial_copy"),
    _row("4.1", "Stop copy: a finished export stays", "flows::test_external_media"),
    _row("4.1", "Stop copy: cancels a schedule", "flows::test_cancel_a_scheduled_copy"),
)

RUNNING = (
    _row(
        "4.2",
        "Suspend: from these states",
        "refusals::test_wrong_state_is_refused",
        "refusals::test_allowed_state_leads_where_the_table_says",
    ),
    _row("4.2", "Suspend: Warning on P, Critical on R", "flows::test_resynchronization"),
    _row("4.2", "Suspend: Critical on R", "time::test_paused_replica_is_critical_and_holds_the_primary_up"),
    _row("4.2", "Resume: again is InvalidState", "refusals::test_wrong_state_is_refused"),
    _row("4.2", "Resume: replicates, or copies again", "time::test_copy_whose_link_breaks_is_an_error_that_resumes"),
    _row(
        "4.2",
        "Set before Resume: the old server, port, type or thumbprint must fail",
        "refusals::test_a_resume_with_a_certificate_that_has_expired_is_refused_until_another_one_is_set",
        "refusals::test_a_resume_towards_another_port_than_the_server_listens_on_is_refused",
    ),
    _row(
        "4.2",
        "Set -CertificateThumbprint alone renews the certificate",
        "refusals::test_a_resume_with_a_certificate_that_has_expired_is_refused_until_another_one_is_set",
    ),
    _row("4.2", "-Resynchronize: deletes recovery points", "flows::test_resynchronization"),
    _row("4.2", "-ResynchronizeStartTime: seven days", "chain::test_resynchronization_has_its_time"),
    _row("4.2", "-Continue: B becomes primary of C", "flows::test_extended_replica_after_failover_and_continue"),
    _row("4.2", "-Continue: needs the leg", "chain::test_continue_needs_a_leg"),
    _row("4.2", "Stop: only a resynchronization", "flows::test_stop_replication_only_cancels_a_resynchronization"),
    _row("4.2", "Set: no parameter", "enable::test_set_without_parameters_is_refused"),
    _row("4.2", "Set: not enabled", "refusals::test_a_vm_without_replication_is_refused"),
    _row("4.2", "Set: to both sides, history 0 forces VSS 0", "flows::test_settings_go_to_both_sides"),
    _row("4.2", "Set on R: addresses the leg", "chain::test_settings_on_the_replica_address_the_leg"),
    _row("4.2", "Set on R: cannot modify", "enable::test_settings_cannot_be_changed_on_the_replica"),
    _row("4.2", "Set: Kerberos clears the thumbprint", "enable::test_kerberos_clears_the_thumbprint"),
    _row("4.2", "-ReplicaServerName", "enable::test_pointing_to_a_server_without_the_replica_is_refused"),
    _row("4.2", "-ReplicatedDisks: waits for the update", "flows::test_another_set_of_disks"),
    _row("4.2", "-ReplicatedDiskPaths: with case", "enable::test_disk_paths_compare_with_case"),
    _row("4.2", "-ReplicatedDisks: not on the leg", "chain::test_settings_on_the_replica_address_the_leg"),
    _row("4.2", "-AsReplica: off, saved is not off", "refusals::test_not_off_is_refused"),
    _row("4.2", "-AsReplica: an entry here", "refusals::test_as_replica_needs_an_entry"),
    _row("4.2", "-AsReplica: waits", "flows::test_unplanned_failover_and_the_way_home"),
    _row("4.2", "-Reverse: after a failover only", "refusals::test_wrong_state_is_refused"),
    _row("4.2", "-Reverse: on a primary", "refusals::test_wrong_side_is_refused"),
    _row("4.2", "-Reverse: twice", "refusals::test_reverse_twice_is_refused"),
    _row("4.2", "-Reverse: planned", "flows::test_planned_failover_and_reverse"),
    _row("4.2", "-Reverse: after -AsReplica", "flows::test_unplanned_failover_and_the_way_home"),
    _row("4.2", "-Reverse: own thumbprint", "refusals::test_reverse_with_certificate_needs_the_thumbprint"),
    _row("4.2", "-Reverse: not with disks", "chain::test_reverse_cannot_be_combined_with_disks"),
    _row("4.2", "Reset: only with replication", "refusals::test_a_vm_without_replication_is_refused"),
    _row("4.2", "Reset: Warning back to Normal", "time::test_a_cut_link_is_critical_then_an_error_then_resumed"),
    _row("4.2", "Test connection: no authorisation", "enable::test_enable_not_authorised"),
)

FAILOVER = (
    _row(
        "4.3",
        "-Prepare: Off and Replicating",
        "refusals::test_not_off_is_refused",
        "refusals::test_wrong_state_is_refused",
    ),
    _row("4.3", "-Prepare: cannot be started any more", "flows::test_planned_failover_and_reverse"),
    _row("4.3", "-Prepare: waits for the last delta", "time::test_last_delta_takes_as_long_as_it_has_bytes"),
    _row("4.3", "-Prepare: the link drops", "refusals::test_prepare_loses_its_link_on_the_way"),
    _row("4.3", "-Prepare: R in reach", "refusals::test_prepare_needs_the_replica"),
    _row("4.3", "Start on R: from these states", "refusals::test_allowed_state_leads_where_the_table_says"),
    _row("4.3", "Start on R: others refused", "refusals::test_wrong_state_is_refused"),
    _row("4.3", "Start on R: LastReplicationTime", "refusals::test_failover_needs_a_copy_that_was_finished"),
    _row("4.3", "Start on R: P is not asked", "refusals::test_failover_asks_nothing_of_the_primary"),
    _row("4.3", "Start on R: not started", "flows::test_unplanned_failover_and_the_way_home"),
    _row(
        "4.3", "-VMRecoverySnapshot", "flows::test_bad_point_another_one", "refusals::test_recovery_point_that_is_gone"
    ),
    _row("4.3", "Start on a primary", "refusals::test_wrong_side_is_refused"),
    _row("4.3", "-AsTest: makes a test VM, outputs it", "flows::test_test_failover"),
    _row("4.3", "-AsTest: one at a time", "chain::test_a_second_test_vm_is_refused"),
    _row(
        "4.3",
        "-AsTest: not while resynchronizing",
        "chain::test_during_a_resynchronization_only_an_unplanned_failover_goes",
    ),
    _row("4.3", "Complete: only waiting for it", "refusals::test_wrong_state_is_refused"),
    _row("4.3", "Complete: removes all points", "flows::test_bad_point_another_one"),
    _row("4.3", "Stop: a test VM goes", "flows::test_test_failover"),
    _row("4.3", "Stop: takes a failover back, VM off", "flows::test_bad_point_another_one"),
    _row("4.3", "Stop of a running VM: refused or turned off", "refusals::test_cancel_of_a_running_vm_by_habit"),
    _row("4.3", "Stop on P: prepared no more", "flows::test_cancel_a_planned_failover"),
    _row("4.3", "Remove: each side by itself", "flows::test_removal_primary_first"),
    _row("4.3", "Remove: again is InvalidState", "refusals::test_a_vm_without_replication_is_refused"),
    _row("4.3", "Remove: the leg", "chain::test_removal_of_the_leg_alone"),
    _row("4.4", "Get-VMReplication: filters and refusals", "enable::test_filters_of_get_replication"),
    _row("4.4", "Get-VMReplication of a VM without it", "refusals::test_a_vm_without_replication_is_refused"),
)

POWER = (
    _row("4.5", "Stop-VM waits until Off", "power::test_guests_piped_to_one_call_are_served_in_turn"),
    _row("4.5", "Stop-VM has no limit", "faults::test_a_handler_that_waits_gives_up_when_its_client_is_gone"),
    _row("4.5", "-Force: five minutes", "power::test_a_hanging_guest_is_forced_down_after_five_minutes"),
    _row("4.5", "-Force: a locked guest at once", "power::test_a_locked_guest_goes_down_at_once_when_forced"),
    _row("4.5", "-TurnOff and -Save", "power::test_power_table"),
    _row("4.5", "refused with each code", "power::test_shutdown_refused_by_the_guest"),
    _row(
        "4.5",
        "no shutdown service: Stop-VM asks, -Force does not",
        "power::test_without_the_shutdown_service_it_is_asked_and_nobody_answers",
    ),
    _row(
        "4.5",
        "stopping the wait does not stop the guest",
        "faults::test_a_handler_that_waits_gives_up_when_its_client_is_gone",
    ),
    _row("4.5", "one after the other", "power::test_guests_piped_to_one_call_are_served_in_turn"),
    _row("4.5", "jobs side by side", "faults::test_jobs_run_side_by_side"),
    _row(
        "4.5",
        "Start-VM on Running, Stop-VM on Off: a warning",
        "power::test_power_table",
        "power::test_what_is_there_already_is_a_warning_and_no_error",
    ),
    _row("4.5", "not enough memory: id, category, megabytes", "power::test_not_enough_memory"),
    _row("4.5", "Remove-VM: an error afterwards", "power::test_remove_vm_may_write_an_error_after_it_has_removed"),
    _row("4.5", "Saved or Paused is not Off", "refusals::test_not_off_is_refused"),
)

FLOWS = (
    _row("5.1", "enable and network copy", "flows::test_enable_and_network_copy"),
    _row("5.1", "copy interrupted", "time::test_copy_whose_link_breaks_is_an_error_that_resumes"),
    _row("5.1", "R has the VM, P none", "enable::test_enable_meets_a_copy_of_the_same_id"),
    _row("5.1", "existing copy, external media", "flows::test_existing_copy", "flows::test_external_media"),
    _row("5.2", "P is a replica server itself", "refusals::test_reverse_needs_the_old_primary_as_replica_server"),
    _row("5.2", "all steps", "flows::test_planned_failover_and_reverse"),
    _row("5.2", "step 4 settles elsewhere", "flows::test_reverse_may_settle_elsewhere"),
    _row("5.2", "commit in between does not block", "refusals::test_commit_before_a_planned_reverse_does_not_block_it"),
    _row("5.2", "cancel", "flows::test_cancel_a_planned_failover"),
    _row("5.2", "a crash inside 4", "refusals::test_reverse_loses_its_link_on_the_way"),
    _row("5.3", "all steps, P seen again", "flows::test_unplanned_failover_and_the_way_home"),
    _row("5.3", "another point", "flows::test_bad_point_another_one"),
    _row("5.3", "old VM starts by itself", "flows::test_old_primary_starts_by_itself_and_the_law_is_seen_broken"),
    _row("5.3", "start-up repairs", "time::test_a_cut_link_is_critical_then_an_error_then_resumed"),
    _row("5.3", "P lost, a new host", "chain::test_reverse_to_a_new_host_needs_a_copy"),
    _row("5.4", "test failover", "flows::test_test_failover"),
    _row("5.5", "third site", "flows::test_extended_replica"),
    _row("5.5", "reverse pauses the leg", "chain::test_reverse_of_the_first_leg_pauses_the_second"),
    _row("5.6", "removal, danger of a second copy", "flows::test_removal_primary_first"),
    _row("5.6", "R first", "flows::test_removal_replica_first_leaves_a_primary_in_error"),
    _row("5.7", "needed after a crash", "flows::test_unplanned_failover_and_the_way_home"),
    _row("5.7", "while it runs", "chain::test_during_a_resynchronization_only_an_unplanned_failover_goes"),
    _row("5.7", "in its window", "time::test_automatic_resynchronization_waits_for_its_window"),
    _row("6", "a replica VM cannot be started", "refusals::test_replica_vm_cannot_be_started_before_a_failover"),
    _row("8.1", "VM not found", "power::test_unknown_vm_is_refused_and_the_others_are_served"),
    _row("8.1", "no rights", "faults::test_user_without_rights"),
    _row(
        "11.1",
        "broker places, makes highly available",
        "chain::test_broker_places_the_replica_and_makes_it_highly_available",
    ),
    _row("2.9", "the id of a drive says its place", "parts::test_the_id_of_a_drive_says_its_place_in_every_language"),
    _row("2.9", "names of drives", "parts::test_the_english_name_of_a_drive"),
    _row("2.9", "ids of services, names translated", "parts::test_services_by_id_in_every_language"),
    _row("2.9", "status of a VM that is off", "parts::test_a_service_of_a_vm_that_is_off_has_no_status"),
    _row("2.9", "older services", "parts::test_older_services_of_a_guest_are_ok_with_a_second_line"),
    _row("2.9", "guest service interface", "parts::test_the_guest_service_interface_says_ok_though_it_is_off"),
    _row("1.2", "conditions", "parts::test_a_condition_is_the_second_status_and_holds_nothing_back"),
    _row("1.2", "heartbeat", "parts::test_the_heartbeat_of_a_guest_whose_applications_tell_nothing"),
    _row("11.1", "runs on the owner node", "chain::test_replica_moves_between_stages"),
    _row("11.2", "a disk attached later", "flows::test_another_set_of_disks"),
    _row("11.2", "an excluded disk is not on R", "enable::test_excluded_disk_does_not_exist_there"),
    _row("12.1", "health", "time::test_a_cut_link_is_critical_then_an_error_then_resumed"),
    _row("12.1", "an hour", "time::test_replica_that_hears_nothing_warns_after_an_hour"),
    _row("12.5", "lists nothing at first", "faults::test_service_that_has_just_started_lists_nothing_yet"),
    _row("12.5", "finds nothing at first", "power::test_a_service_that_has_just_started_finds_nothing"),
    _row("14", "TPM needs its key", "power::test_a_vm_with_a_tpm_needs_its_key"),
    _row("14", "pass-through disks", "enable::test_pass_through_disk_has_to_be_left_out"),
    _row("14", "configuration version", "enable::test_enable_of_a_version_unknown_there"),
    _row("14", "a clustered VM is the cluster's", "chain::test_clustered_vm_is_not_started_by_its_host"),
    _row("14", "autostart after power loss", "time::test_autostart"),
)

ROWS: tuple[Row, ...] = (*SET_UP, *RUNNING, *FAILOVER, *POWER, *FLOWS)
