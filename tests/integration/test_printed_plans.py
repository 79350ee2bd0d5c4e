"""Every workflow with --check: nothing is sent, and the plan that is printed is what the real run then sends.

Compared for each VM and host, cmdlet by cmdlet in their order, with the parameters. With --all, the same command has
nothing more to do then, and its plan is empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.gate import only
from tests.integration.failover_play import Player
from tests.integration.printed_plan import by_owner, printed, sent
from tests.lab.world.server import AuthorizationEntry

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=3, vms=12, speed=120)

PREPARED = ("hv-a Stop-VM", "hv-a Start-VMFailover")
FAILED_OVER = (*PREPARED, "hv-b Start-VMFailover")
TO_B: dict[str, str] = {"failover_to": "hv-b"}
DISASTER = {**TO_B, "reason": "primary_is_dead", "receive_check": "1"}


def _nothing(player: Player) -> None:
    """The world as it is."""


@dataclass(frozen=True)
class Flow:
    """A playbook from a state of the world. `unknown`: parameters that nobody knows before, by cmdlet."""

    playbook: str
    variables: Mapping[str, str]
    vms: str = "App01"
    begin: Callable[[Player], None] = _nothing
    unknown: Mapping[str, Iterable[str]] = field(default_factory=dict)
    repeats: bool = False  # a test is made each time it is asked for
    arguments: tuple[str, ...] = ()

    def given(self, **more: str) -> dict[str, str]:
        """The variables of the play."""
        names = self.vms.split(",")
        host = self.variables.get("failover_to") or self.variables.get("remove_on") or self.variables.get("to_host")
        confirm = names[0] if len(names) == 1 else f"{host} {len(names)}"
        vms = {} if "groups_of_vms" in self.variables or not self.vms else {"vms": self.vms}
        return {**vms, "confirm": confirm, **self.variables, **more}


def half_done(**steps: Iterable[str]) -> Callable[[Player], None]:
    """A beginning: another hand has brought VMs so far."""

    def begin(player: Player) -> None:
        for name, done in steps.items():
            player.run_cmdlets(name, done)

    return begin


def disaster(player: Player) -> None:
    """HV-A has lost its power, and nothing came from it for a while."""
    for name in ("App01", "App04", "App07"):
        player.vm("hv-a", name).start_action = "StartIfRunning"
        player.vm("hv-b", name).start_action = "Nothing"
    player.off("hv-a")
    player.lab.world.clock.advance(600)


def failed_over(player: Player) -> None:
    """The same, and the VMs run on HV-B."""
    disaster(player)
    for name in ("App01", "App04"):
        player.run_cmdlets(name, ("hv-b Start-VMFailover", "hv-b Start-VM"))


def back_again(player: Player) -> None:
    """HV-A has its power back, admits only who is listed, and its VMs did not start; one is committed already."""
    failed_over(player)
    player.run_cmdlets("App04", ("hv-b Complete-VMFailover",))
    for vm in player.lab.world.host("HV-A").vms.values():
        vm.ran_at_stop = False
    player.on("hv-a")
    server = player.lab.world.host("HV-A").server
    server.entries = [AuthorizationEntry("hv-b.corp.example", "D:\\Replica", "DEFAULT")]
    player.lab.world.clock.advance(5)


def by_certificate(player: Player) -> None:
    """App01 is replicated with a certificate."""
    for host in player.lab.world.hosts.values():
        host.server.authentication, host.server.thumbprint = "CertificateAndKerberos", host.certificates[0].thumbprint
    for name in ("hv-a", "hv-b"):
        relation = player.vm(name, "App01").relation
        assert relation is not None
        relation.authentication, relation.port = "Certificate", 443
        relation.thumbprint = player.lab.world.host(name).certificates[0].thumbprint


def tested(player: Player) -> None:
    """App01 has a test VM."""
    made = player.play("test_failover", test_on="hv-b", vms="App01", keep="true")
    assert made.returncode == 0, made.stdout
    player.sent()


def connected(player: Player) -> None:
    """The replicas are on the production switch, as their primaries are."""
    for vm in player.lab.world.host("HV-B").vms.values():
        for adapter in vm.adapters:
            adapter.switch = "Production"


def unprotected(player: Player) -> None:
    """App01 and App04 are not replicated; App07 is, with other settings."""
    for name in ("App01", "App04"):
        player.run_cmdlets(name, ("hv-a Remove-VMReplication", "hv-b Remove-VMReplication"))
        host = player.lab.world.host("HV-B")
        host.vms = {key: vm for key, vm in host.vms.items() if vm.name != name}


def no_servers(player: Player) -> None:
    """No host is a replica server."""
    for host in player.lab.world.hosts.values():
        host.server.enabled, host.server.entries = False, []
        for rule in host.firewall.rules:
            rule.enabled = False


GROUPS = [{"name": "db", "vms": ["App01"]}, {"name": "app", "vms": ["App04", "App07"]}]
FLOWS: dict[str, Flow] = {
    "planned, from four states": Flow(
        "planned_failover",
        TO_B,
        "App01,App04,App07,App10",
        half_done(App04=PREPARED[:1], App07=PREPARED, App10=FAILED_OVER),
    ),
    "planned, in groups": Flow(
        "planned_failover", {**TO_B, "groups_of_vms": json.dumps(GROUPS), "confirm": "hv-b 3"}, ""
    ),
    "planned, forced and not reversed": Flow("planned_failover", {**TO_B, "shutdown": "force", "reverse": "false"}),
    "planned, with a certificate": Flow("planned_failover", TO_B, begin=by_certificate),
    "planned, with one host in reach": Flow(
        "planned_failover",
        {**TO_B, "failover_from": "hv-a", "stop_at": "prepared"},
        "App01,App04",
        half_done(App04=PREPARED[:1]),
        arguments=("--limit", "hv-a"),
    ),
    "unplanned": Flow("unplanned_failover", DISASTER, "App01,App04", disaster),
    "unplanned, the primary not to be used": Flow(
        "unplanned_failover", {**TO_B, "reason": "primary_unusable", "old_vm": "turn_off"}
    ),
    "the way home": Flow("reverse_replication", TO_B, "App01,App04", back_again),
    "cancel what failed over and what is prepared": Flow(
        "cancel_failover", TO_B, "App01,App04", half_done(App01=FAILED_OVER, App04=PREPARED)
    ),
    "cancel a disaster": Flow("cancel_failover", {**TO_B, "changes_since_failover": "discard"}, begin=back_again),
    "commit": Flow("commit_failover", TO_B, "App01,App04", failed_over),
    "reprotect": Flow(
        "reprotect",
        {**TO_B, "new_replica": "hv-c"},
        begin=failed_over,
        unknown={"Enable-VMReplication": ("ReplicaServerPort", "AuthenticationType", "ReplicationFrequencySec")},
    ),
    "test": Flow(
        "test_failover", {"test_on": "hv-b", "test_switch": "Test isolated"}, "App01,App04", connected, repeats=True
    ),
    "test, left running": Flow("test_failover", {"test_on": "hv-b", "keep": "true"}, begin=connected),
    "end a test": Flow("cleanup_test_failover", {"test_on": "hv-b"}, "App01,App04", tested),
    "remove both sides": Flow("remove_replication", {"remove_on": "hv-b"}, "App01,App04"),
    "remove, with the copy's VM and disks": Flow(
        "remove_replication", {"remove_on": "hv-a", "delete": "vm_and_disks"}, "App01,App04"
    ),
    "remove one side": Flow(
        "remove_replication", {"remove_on": "hv-b", "other_side": "gone"}, begin=lambda player: player.off("hv-a")
    ),
    "enable": Flow(
        "enable_replication",
        {"from_host": "hv-a", "to_host": "hv-b", "authentication": "kerberos", "frequency": "900", "wait": "true"},
        "App01,App04,App07",
        unprotected,
    ),
    "replica servers": Flow(
        "replica_server",
        {
            "target": "hv-a,hv-b",
            "authentication": "kerberos",
            "partners": "hv-a,hv-b",
            "default_storage": "D:\\New",
            "create_storage": "true",
            "open_firewall": "true",
        },
        "",
        no_servers,
    ),
}


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B; HV-C is another replica server."""
    return Player.of(lab, tmp_path)


def compare(flow: Flow, foreseen: str, player: Player, files: Mapping[str, str]) -> None:
    """What was printed is what was sent, for each VM and host in its order."""
    plan, done = by_owner(printed(foreseen)), by_owner(sent(player.lab.world.recorder.state_changing(), files))
    known = {
        owner: [line.without(*flow.unknown.get(line.cmdlet, ())) for line in lines] for owner, lines in done.items()
    }
    assert plan == known
    assert plan, "nothing was planned"


MORE = ("planned, forced and not reversed", "cancel a disaster", "test, left running", "remove both sides")


@pytest.mark.parametrize("name", only(FLOWS.keys() - set(MORE), FLOWS))
def test_the_plan_is_what_is_sent(player: Player, request: pytest.FixtureRequest, name: str) -> None:
    flow = FLOWS[name]
    flow.begin(player)
    player.sent()
    variables: dict[str, Any] = flow.given()
    foreseen = player.play(flow.playbook, "--check", *flow.arguments, **variables)
    assert foreseen.returncode == 0, foreseen.stdout + foreseen.stderr
    assert re.search(r"changed=[1-9]", foreseen.stdout), foreseen.stdout
    assert player.sent() == []

    hosts = player.lab.world.hosts.values()
    files = {disk.path: vm.name for host in hosts for vm in host.vms.values() for disk in vm.disks}
    done = player.play(flow.playbook, *flow.arguments, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    compare(flow, foreseen.stdout, player, files)
    player.sent()
    if flow.repeats or not request.config.getoption("--all"):
        return

    player.lab.world.clock.advance(600)
    again = player.play(flow.playbook, "--check", *flow.arguments, **variables)
    assert again.returncode == 0, again.stdout
    assert printed(again.stdout) == []
    assert not re.search(r"changed=[1-9]", again.stdout), again.stdout
    assert player.sent() == []
