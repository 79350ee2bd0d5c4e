"""Every workflow through ansible-playbook with drops at cmdlets that change something: the same command again.

One drop for each workflow, its kind and its place in turn. With --all one at each cmdlet: before its effect, after it
and with the effect landing late, in turn. All drops of a workflow are in one lab, so one run may meet several of them,
and the next one begins wherever that left the VMs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench.fleet import prepare
from tests.integration.failover_play import Player
from tests.lab.faults import DROP_AFTER, DROP_BEFORE, DROP_LATE, Fault
from tests.sweep.laws import broken
from tests.sweep.workflow import CANCEL, COMMIT, END_TEST, REMOVE, UNPLANNED

if TYPE_CHECKING:
    import subprocess

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=3, vms=6, speed=120)

VMS = ("App01", "App04")  # those of HV-A, both running
KINDS = (DROP_BEFORE, DROP_AFTER, DROP_LATE)
TO_B = Player.confirmed("hv-b", ",".join(VMS))
DEAD = {**TO_B, "reason": "primary_is_dead", "receive_check": "1"}

STAYS = ["Primary/Replicating Running", "Replica/Replicating Off"]
MOVED = ["Replica/Replicating Off", "Primary/Replicating Running"]


def states(*wanted: str, hosts: tuple[str, ...] = ("hv-a", "hv-b")) -> Callable[[Player], None]:
    """Every VM stands like that on these hosts."""

    def look(player: Player) -> None:
        player.lab.world.clock.advance(600)
        assert [player.states(name, hosts) for name in VMS] == len(VMS) * [list(wanted)]

    return look


# -- where they begin ------------------------------------------------------------------------------------------------


def bare(player: Player) -> None:
    """Nothing is set up."""


def servers(player: Player) -> None:
    """All hosts are replica servers, and nothing is protected."""
    here = player.lab.world.host("HV-A")
    vms, here.vms = here.vms, {}
    prepare(player.lab)
    here.vms = vms
    for name in VMS:
        player.vm("hv-a", name).turn("Running", player.lab.world.clock.now())


def protected(player: Player) -> None:
    """The VMs of HV-A are protected towards HV-B and run."""
    Player.set_up(player.lab)


def prepared(player: Player) -> None:
    """They are prepared for a planned failover."""
    protected(player)
    for name in VMS:
        player.run_cmdlets(name, ("hv-a Stop-VM", "hv-a Start-VMFailover"))


def failed_over(player: Player) -> None:
    """They are failed over as planned, and Off."""
    prepared(player)
    for name in VMS:
        player.run_cmdlets(name, ("hv-b Start-VMFailover",))


def disaster(player: Player) -> None:
    """HV-A has lost its power."""
    protected(player)
    player.off("hv-a")
    player.lab.world.clock.advance(600)


def after_disaster(player: Player) -> None:
    """They run on the failed-over replicas; HV-A is still off."""
    disaster(player)
    for name in VMS:
        player.run_cmdlets(name, ("hv-b Start-VMFailover", "hv-b Start-VM"))


def primary_back(player: Player) -> None:
    """HV-A is back; its copies did not start with it, but would the next time."""
    after_disaster(player)
    for name in VMS:
        player.vm("hv-a", name).ran_at_stop = False
        player.vm("hv-a", name).start_action = "StartIfRunning"
        player.vm("hv-b", name).start_action = "Nothing"
    player.on("hv-a")


def under_test(player: Player) -> None:
    """A test VM of each stands on HV-B."""
    protected(player)
    run = player.play("test_failover", test_on="hv-b", vms=",".join(VMS), keep="true", test_switch="Test isolated")
    assert run.returncode == 0, run.stdout


# -- what is played --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A playbook, where it begins, every changing cmdlet that it sends (host and name), and how the world is then.

    `recovers` are cmdlets by which a cut run may bring up again what it stopped.
    """

    playbook: str
    begin: Callable[[Player], None]
    sends: tuple[str, ...]
    done: Callable[[Player], None]
    variables: Mapping[str, str] = field(default_factory=lambda: TO_B)
    asked: frozenset[str] = frozenset()
    names: tuple[str, ...] = VMS
    repeats: bool = True
    recovers: tuple[str, ...] = ()


def on(host: str, *cmdlets: str) -> tuple[str, ...]:
    """Cmdlets of one host."""
    return tuple(f"{host} {cmdlet}" for cmdlet in cmdlets)


def servers_ready(player: Player) -> None:
    """Both hosts take replicas from anywhere."""
    hosts = [player.lab.world.host(name) for name in ("HV-A", "HV-B")]
    assert all(host.server.enabled and host.server.any_server and host.firewall.admits(80) for host in hosts)


def no_tests(player: Player) -> None:
    """No test VM is left, and the VMs are as they were."""
    assert [player.vm("hv-b", name).test_vm for name in VMS] == [None, None]
    states(*STAYS)(player)


def adapters_ready(player: Player) -> None:
    """The test ran, and was ended."""
    no_tests(player)
    assert {player.vm("hv-b", name).adapters[0].test_switch for name in VMS} == {"Test isolated"}


PROTECT = {"from_host": "hv-a", "to_host": "hv-b", "vms": ",".join(VMS), "authentication": "kerberos", "wait": "true"}
SERVER = {
    "target": "hv-a,hv-b",
    "authentication": "kerberos",
    "admit": "any_server",
    "default_storage": "D:\\Replica",
    "open_firewall": "true",
    "monitoring_interval_hours": "12",
}
SERVER_CMDLETS = ("Set-VMReplicationServer", "Enable-NetFirewallRule")
COPY = ("Enable-VMReplication", "Start-VMInitialReplication")
TEST = {"test_on": "hv-b", "vms": ",".join(VMS)}
OVER = (
    *on("hv-a", "Stop-VM", "Start-VMFailover"),
    *on("hv-b", "Start-VMFailover", "Set-VMReplication", "Start-VM"),
)
HOME = (
    *on("hv-b", "Set-VM"),
    *on("hv-a", "Set-VM", "Set-VMReplication"),
    *on("hv-b", "Set-VMReplication", "Start-VMInitialReplication"),
)
TESTED = on("hv-b", "Set-VMNetworkAdapter", "Start-VMFailover", "Start-VM", "Stop-VMFailover")
REMOVED = (*on("hv-a", "Remove-VMReplication"), *on("hv-b", "Set-VM", "Remove-VMReplication"))
ANEW = on("hv-b", "Complete-VMFailover", "Remove-VMReplication", *COPY)

CASES = (
    Case(
        "replica_server",
        bare,
        (*on("hv-a", *SERVER_CMDLETS), *on("hv-b", *SERVER_CMDLETS)),
        servers_ready,
        SERVER,
        names=(),
    ),
    Case("enable_replication", servers, on("hv-a", *COPY), states(*STAYS), PROTECT),
    Case(
        "planned_failover",
        protected,
        OVER,
        states(*MOVED),
        asked=frozenset({CANCEL}),
        recovers=on("hv-a", "Stop-VMFailover", "Start-VM"),
    ),
    Case(
        "cancel_failover",
        failed_over,
        (*on("hv-b", "Stop-VMFailover"), *on("hv-a", "Stop-VMFailover", "Start-VM")),
        states(*STAYS),
        asked=frozenset({CANCEL}),
    ),
    Case(
        "unplanned_failover",
        disaster,
        on("hv-b", "Start-VMFailover", "Start-VM"),
        states("Replica/FailedOverWaitingCompletion Running", hosts=("hv-b",)),
        DEAD,
        frozenset({UNPLANNED}),
    ),
    Case(
        "commit_failover",
        after_disaster,
        on("hv-b", "Complete-VMFailover"),
        states("Replica/FailedOver Running", hosts=("hv-b",)),
        asked=frozenset({COMMIT, UNPLANNED}),
    ),
    Case("reverse_replication", primary_back, HOME, states(*MOVED), asked=frozenset({UNPLANNED})),
    Case(
        "reprotect",
        after_disaster,
        ANEW,
        states("Primary/Replicating Running", "Replica/Replicating Off", hosts=("hv-b", "hv-c")),
        {**TO_B, "new_replica": "hv-c"},
        frozenset({COMMIT, REMOVE, UNPLANNED}),
    ),
    # A test is an act: it is done again each time it is asked for.
    Case(
        "test_failover",
        protected,
        TESTED,
        adapters_ready,
        {**TEST, "test_switch": "Test isolated"},
        frozenset({END_TEST}),
        repeats=False,
    ),
    Case("cleanup_test_failover", under_test, on("hv-b", "Stop-VMFailover"), no_tests, TEST, frozenset({END_TEST})),
    Case(
        "remove_replication",
        protected,
        REMOVED,
        states("None/Disabled Running", "None/Disabled Off"),
        {"remove_on": "hv-a", "vms": ",".join(VMS), "confirm": "hv-a 2"},
        frozenset({REMOVE}),
    ),
)


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab in which nothing is set up yet."""
    return Player(lab, tmp_path, lab.write_files(tmp_path / "lab"))


@pytest.mark.parametrize("case", [pytest.param(case, id=case.playbook) for case in CASES])
def test_one_drop(player: Player, case: Case) -> None:
    number = CASES.index(case)
    dropped(player, case, [(case.sends[number % len(case.sends)], KINDS[number % len(KINDS)])])


@pytest.mark.all_only
@pytest.mark.parametrize("case", [pytest.param(case, id=case.playbook) for case in CASES])
def test_a_drop_at_every_change(player: Player, case: Case) -> None:
    dropped(player, case, list(zip(case.sends, cycle(KINDS), strict=False)))


def dropped(player: Player, case: Case, drops: Iterable[tuple[str, str]]) -> None:
    """Play it until it is through, with these drops (host and cmdlet, and the kind); and once more."""
    case.begin(player)
    recorder, ran = player.lab.world.recorder, running(player)
    recorder.clear()
    rules = plant(player, drops)

    def play() -> subprocess.CompletedProcess[str]:
        return player.play(case.playbook, **case.variables)

    for run in until_through(play, len(rules)):
        said = run.stdout + run.stderr
        assert [name for name in case.names if name not in said] == [], said
        assert ran <= running(player) or "DOWN" in said, said
    assert [rule for rule in rules if rule.struck != 1] == []
    calls = list(recorder.calls)
    sent = {f"{call.host.lower()} {call.cmdlet}" for call in calls if call.state_changing}
    assert set(case.sends) <= sent <= {*case.sends, *case.recovers}
    case.done(player)
    assert ran <= running(player)

    player.sent()
    again = play()
    assert again.returncode == 0, again.stdout
    if case.repeats:
        assert player.sent() == []
    case.done(player)
    assert broken(recorder, case.asked, [*calls, *recorder.calls]) == []


def plant(player: Player, drops: Iterable[tuple[str, str]]) -> list[Fault]:
    """A rule for the first call of each of these cmdlets on its host."""
    rules = []
    for where, kind in drops:
        host, cmdlet = where.split()
        rules.append(player.lab.world.faults.add(kind, host=host, cmdlet=cmdlet))
    return rules


def until_through(
    play: Callable[[], subprocess.CompletedProcess[str]], drops: int
) -> list[subprocess.CompletedProcess[str]]:
    """Play it again until it comes through, at most once for each drop; the runs that did not."""
    failed: list[subprocess.CompletedProcess[str]] = []
    for _unused in range(drops + 1):
        run = play()
        if run.returncode == 0:
            return failed
        failed.append(run)
    pytest.fail(f"not through after {drops + 1} runs: {failed[-1].stdout}")


def running(player: Player) -> set[str]:
    """The VMs that run on some host that has power."""
    hosts = player.lab.world.hosts.values()
    return {vm.name for host in hosts for vm in host.vms.values() if vm.alive and vm.name in VMS}
