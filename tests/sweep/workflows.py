"""The workflows that are swept, of two hosts that are who they say they are; the others are in worlds.py."""

from __future__ import annotations

from collections.abc import Iterator

from . import worlds
from .hands import Hands
from .other_roles import removal_role, reprotect
from .role import operation
from .stage import NAMES, RUNS, STANDS, STORAGE, A, B, C, Stage
from .workflow import (
    CANCEL,
    COMMIT,
    END_TEST,
    REMOVE,
    TURN_OFF,
    UNPLANNED,
    Workflow,
    both,
    moved,
    planned,
    role,
    stands,
)

# -- replication -----------------------------------------------------------------------------------------------------


def _servers(hands: Hands) -> None:
    for host in (A, B):
        hands.module(
            "hyperv_replica_server",
            host,
            state="enabled",
            authentication="kerberos",
            admit="any_server",
            default_storage=STORAGE,
            open_firewall=True,
            monitoring_interval_hours=12,
        )


def _servers_ready(stage: Stage) -> bool:
    hosts = [stage.world.host(name) for name in (A, B)]
    return all(host.server.enabled and host.server.any_server and host.firewall.admits(80) for host in hosts)


def _replication(hands: Hands, host: str = A, **options: object) -> None:
    hands.module("hyperv_vm_replication", host, names=NAMES, **options)


def _enable(hands: Hands) -> None:
    _replication(hands, replica_server=hands.lab.world.host(B).fqdn, initial_copy="network", wait=True, **SETTINGS)


SETTINGS = {"authentication": "kerberos", "frequency": 300, "recovery_history": 4}
OTHER_SETTINGS = {"frequency": 900, "recovery_history": 8, "compression": False}


def _has_other_settings(stage: Stage) -> bool:
    found = [r.settings for host in (A, B) for name in NAMES if (r := stage.vm(host, name).relation)]
    return len(found) == 4 and all((s.frequency, s.history) == (900, 8) for s in found)


def _remove(hands: Hands) -> None:
    for host in (A, B):
        _replication(hands, host, state="absent")


def _set_disks(hands: Hands) -> None:
    hands.module("hyperv_vm_replication", A, names=[NAMES[1]], disks=["SCSI 0:0"])


def _one_disk(stage: Stage) -> bool:
    return len(stage.vm(A, NAMES[1]).relation.disks) == len(stage.vm(B, NAMES[1]).disks) == 1


# -- failover --------------------------------------------------------------------------------------------------------


GROUPS = [{"name": "db", "vms": [RUNS]}, {"name": "web", "vms": [STANDS]}]


_BACK = both(stands(A, "Primary", "Replicating", "Running"), stands(B, "Replica", "Replicating", "Off"))


def _home(stage: Stage) -> bool:
    stage.world.clock.advance(600)
    return moved(A, B)(stage)


def _test(hands: Hands) -> None:
    hands.module("hyperv_failover", B, names=NAMES, state="test_running", start=True)


def _tests_run(stage: Stage) -> bool:
    tests = [stage.vm(B, name).test_vm for name in NAMES]
    return all(test is not None and test.state == "Running" for test in tests)


def _end_test(hands: Hands) -> None:
    hands.module("hyperv_failover", B, names=NAMES, state="test_absent")


def _no_tests(stage: Stage) -> bool:
    return all(stage.vm(B, name).test_vm is None for name in NAMES) and len(stage.world.host(B).vms) == 4


def _begin_test(hands: Hands) -> None:
    operation(hands, "test_failover", B, wait_for="nothing")


def _end_tests(hands: Hands) -> None:
    operation(hands, "cleanup_test_failover", B)


ADDRESS = {"address": "192.0.2.10", "subnet_mask": "255.255.255.0", "gateway": "192.0.2.1"}


def _network(hands: Hands) -> None:
    hands.module("hyperv_failover_network", B, names=[RUNS], test_switch="Test isolated", ipv4=ADDRESS)


def _has_network(stage: Stage) -> bool:
    [adapter] = stage.vm(B, RUNS).adapters
    return adapter.test_switch == "Test isolated"


def workflows() -> Iterator[Workflow]:
    """All of them, in the order of a VM's life."""
    yield Workflow("configure two replica servers", lambda stage: None, _servers, _servers_ready)
    yield Workflow("protect and wait for the copy", Stage.servers, _enable, stands(A, "Primary", "Replicating"))
    yield Workflow("change settings", Stage.protected, lambda h: _replication(h, **OTHER_SETTINGS), _has_other_settings)
    yield Workflow("set of disks", Stage.with_two_disks, _set_disks, _one_disk)
    yield Workflow(
        "pause", Stage.protected, lambda h: _replication(h, suspended=True), stands(A, "Primary", "Suspended")
    )
    yield Workflow(
        "resume",
        lambda stage: (stage.protected(), stage.cmdlet(A, "Suspend-VMReplication"))[0],
        lambda h: _replication(h, suspended=False),
        stands(A, "Primary", "Replicating"),
    )
    yield Workflow("failover network", Stage.protected, _network, _has_network)
    yield Workflow("test failover", Stage.protected, _test, _tests_run)
    yield Workflow("end the test", Stage.testing, _end_test, _no_tests, frozenset({END_TEST}))
    yield Workflow("test failover, in one task", Stage.protected, _begin_test, _tests_run)
    yield Workflow("end the test, in one task", Stage.testing, _end_tests, _no_tests, frozenset({END_TEST}))
    yield Workflow("planned failover", Stage.protected, role("planned", B), moved(A, B), apart=True, in_full=True)
    yield Workflow("planned failover, one name", Stage.protected, role("planned", B), moved(A, B), in_gate=False)
    yield Workflow(
        "planned failover, in groups", Stage.protected, role("planned", B, groups=GROUPS), moved(A, B), in_gate=False
    )
    yield Workflow("fail back, by modules", Stage.reversed, planned(B, A), moved(B, A), in_gate=False)
    yield from _alone()
    yield Workflow("cancel a preparation", Stage.prepared, role("cancel", B), _BACK, frozenset({CANCEL}), in_gate=False)
    yield Workflow("cancel a failover", Stage.failed_over, role("cancel", B), _BACK, frozenset({CANCEL}), apart=True)
    yield Workflow(
        "unplanned failover",
        Stage.disaster,
        role("unplanned", B, reason="primary_is_dead"),
        stands(B, "Replica", "FailedOverWaitingCompletion", "Running"),
        frozenset({UNPLANNED}),
    )
    yield Workflow(
        "commit",
        Stage.running_after_disaster,
        role("commit", B),
        stands(B, "Replica", "FailedOver", "Running"),
        frozenset({COMMIT, UNPLANNED}),
    )
    yield Workflow("way home", Stage.primary_back, role("return_home", B), _home, frozenset({UNPLANNED}), apart=True)
    yield from _more_disasters()
    yield from _removals()
    yield from worlds.workflows()


def _alone() -> Iterator[Workflow]:
    """Prepared on the primaries' own host: the copies are read too, or their host is outside of the limit."""

    def prepare(hands: Hands) -> None:
        operation(hands, "prepare_failover", A, runs_on=B)

    def prepare_unseen(hands: Hands) -> None:
        operation(hands, "prepare_failover", A, [A], runs_on=B)

    def prepared(stage: Stage, name: str) -> bool:
        return stage.sides(A)[name] == ("Primary", "PreparedForFailover", "Off")

    ready = stands(A, "Primary", "PreparedForFailover", "Off")
    yield Workflow("prepare alone", Stage.protected, prepare, ready, apart=True, cut_on=("HV-A",), rests=prepared)
    name = "prepare alone, nobody else in reach"
    yield Workflow(name, Stage.protected, prepare_unseen, ready, rests=prepared, in_gate=False)


def _more_disasters() -> Iterator[Workflow]:
    """An old copy that is not simply Off, and an old primary that does not come back."""
    turned_off = frozenset({UNPLANNED, TURN_OFF})
    running = stands(B, "Replica", "FailedOverWaitingCompletion", "Running")
    yield Workflow(
        "primary unusable, turned off",
        Stage.protected,
        role("unplanned", B, reason="primary_unusable", old_vm="turn_off"),
        both(running, lambda stage: not any(stage.vm(A, name).alive for name in NAMES)),
        turned_off,
        in_gate=False,
    )
    yield Workflow(
        "both run, one is discarded",
        Stage.both_run,
        role("return_home", B, discard=A, old_vm="turn_off"),
        _home,
        turned_off,
        in_gate=False,
    )
    yield Workflow(
        "way home, the old copy Saved",
        Stage.old_copy_saved,
        role("return_home", B, old_vm="discard_saved_state"),
        _home,
        turned_off,
        in_gate=False,
    )
    yield Workflow(
        "protect anew",
        Stage.lost_for_good,
        lambda hands: reprotect(hands, B, C),
        _anew,
        frozenset({UNPLANNED, COMMIT, REMOVE}),
        hosts=3,
        cut_on=("HV-B",),
        no_further=_STEPS,
        untold=_unprotected,
    )
    yield Workflow(
        "go on to the third site",
        Stage.chain_after_disaster,
        lambda hands: reprotect(hands, B, C),
        _chained,
        frozenset({UNPLANNED, COMMIT}),
        hosts=3,
        no_further=_STEPS,
        untold=_unprotected,
    )


_STEPS = frozenset(
    {
        "Complete-VMFailover",
        "Remove-VMReplication",
        "Enable-VMReplication",
        "Start-VMInitialReplication",
        "Resume-VMReplication",
    }
)


def _unprotected(stage: Stage, hands: Hands) -> Iterator[str]:
    """VMs that nothing replicates and that the report does not call so, first of all."""
    bare = {str(stage.ids[name]) for name, (mode, *_unused) in stage.sides(B).items() if mode != "Primary"}
    if not (bare and hands.reports):
        return
    report = hands.reports[-1]
    told = {vm["id"] for vm in report["vms"] if vm["result"] == "UNPROTECTED"}
    if not bare <= told or not report["lines"][0].startswith("UNPROTECTED:") or not report["command"]:
        yield "UNPROTECTED, and nobody says so: " + "\n".join(report["lines"])


def _anew(stage: Stage) -> bool:
    stage.world.clock.advance(600)
    return both(stands(B, "Primary", "Replicating", "Running"), stands(C, "Replica", "Replicating", "Off"))(stage)


def _chained(stage: Stage) -> bool:
    """HV-B sends to the third site; what that has to be resynchronized is through."""
    stage.world.clock.advance(600)
    there = stands(C, "ExtendedReplica", "Replicating", "Off")
    return both(stands(B, "Primary", "Replicating", "Running"), there)(stage)


def _removals() -> Iterator[Workflow]:
    """By the modules alone, and in the order of the role."""
    none = both(stands(A, "None", "Disabled", "Running"), stands(B, "None", "Disabled", "Off"))
    asked = frozenset({REMOVE})
    yield Workflow("remove, by modules", Stage.protected, _remove, none, asked)
    idle = both(none, lambda stage: all(stage.vm(B, name).start_action == "Nothing" for name in NAMES))
    yield Workflow("remove", Stage.protected, lambda hands: removal_role(hands, A), idle, asked, apart=True)
    gone = both(stands(A, "None", "Disabled", "Running"), lambda stage: not stage.sides(B))
    # A VM that is off on both sides, and replicated on none any more after a cut, has to be told from its copy.
    yield Workflow(
        "remove, and delete the copies",
        Stage.protected,
        lambda hands: removal_role(hands, A, delete="vm_and_disks", lives_on=A),
        gone,
        asked,
        in_gate=False,
    )
