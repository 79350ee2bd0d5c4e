"""The playbook remove_replication against the lab: primary first, then the replica, and never the live VM."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.bench.fleet import Operator
from tests.gate import only
from tests.integration.failover_play import Player
from tests.integration.printed_plan import printed
from tests.lab.cmdlets.registry import dispatch
from tests.lab.values import Enum, Error

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=3, vms=9, speed=60)

ROOT = Path(__file__).resolve().parents[2]
GONE = ["None/Disabled Running", "None/Disabled Off"]
STAYS = ["Primary/Replicating Running", "Replica/Replicating Off"]
BOTH = ["hv-a Remove-VMReplication", "hv-b Set-VM", "hv-b Remove-VMReplication"]
Run = subprocess.CompletedProcess[str]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B."""
    return Player.of(lab, tmp_path)


def play(player: Player, vms: str = "App01", *arguments: str, **variables: str) -> Run:
    """A removal, confirmed unless `confirm` says something else."""
    names = vms.split(",")
    host = variables.setdefault("remove_on", "hv-a")
    confirm = names[0] if len(names) == 1 else f"{host} {len(names)}"
    return player.play("remove_replication", *arguments, **{"vms": vms, "confirm": confirm, **variables})


def pasted(player: Player, run: Run) -> Run:
    """Run the command that the report printed for what is left, as it stands."""
    line = next(line for line in run.stdout.splitlines() if line.startswith("What is left"))
    _unused, playbook, *words = shlex.split(line[line.index("ansible-playbook") :])
    return player.play(playbook.removeprefix("hyperv.replica."), *words)


def flat(run: Run) -> str:
    return " ".join((run.stdout + run.stderr).split())


def planned(run: Run) -> list[str]:
    """Host and cmdlet of the plan's lines."""
    return [f"{line.host} {line.cmdlet}" for line in printed(run.stdout)]


def action(player: Player, host: str, name: str = "App01") -> str:
    return player.vm(host, name).start_action


def extend(player: Player, name: str = "App01") -> None:
    """Add a leg from HV-B to HV-C."""
    operator = Operator(player.lab.world.host("HV-B"))
    vm = next(iter(dispatch(operator, "Get-VM", "Name", {"Name": [name]}))).value  # type: ignore[union-attr]
    given = {
        "VM": [vm],
        "ReplicaServerName": "HV-C.corp.example",
        "ReplicaServerPort": 80,
        "AuthenticationType": Enum("", "Kerberos"),
        "ReplicationFrequencySec": 300,
    }
    for record in dispatch(operator, "Enable-VMReplication", "VMObject", given):
        assert not isinstance(record, Error), record
    player.lab.world.clock.advance(5)
    player.lab.world.recorder.clear()


@pytest.mark.parametrize("host", ["hv-a", "hv-b"])
def test_both_sides_from_either(player: Player, host: str) -> None:
    started_before = action(player, "hv-a")
    foreseen = play(player, "App01", "--check", remove_on=host)
    assert foreseen.returncode == 0, foreseen.stdout
    assert (planned(foreseen), player.sent()) == (BOTH, [])
    record = player.folder / "removal.log"
    done = play(player, remove_on=host, record=str(record))
    assert done.returncode == 0, done.stdout
    assert (player.sent(), player.states("App01")) == (BOTH, GONE)
    assert "its copy on hv-b stays and does not start with the host" in record.read_text(encoding="utf-8")
    assert (action(player, "hv-a"), action(player, "hv-b")) == (started_before, "Nothing")
    assert "its copy on hv-b stays and does not start with the host" in done.stdout
    again = play(player, remove_on=host)
    assert again.returncode == 0, again.stdout
    assert (player.sent(), "changed=0" in again.stdout) == ([], True)
    assert player.states("App04") == STAYS


def test_many_at_once_in_one_call_a_stage(player: Player) -> None:
    done = play(player, "App01,App04,App07", on_refusal="skip", other_side="reached", delete="nothing")
    assert done.returncode == 0, done.stdout
    assert [player.states(vm) for vm in ("App01", "App04", "App07")] == 3 * [GONE]
    assert "WARNING" not in done.stdout + done.stderr, "a clean removal warns of nothing"
    assert player.sent() == [step for step in BOTH for _unused in range(3)]


@pytest.mark.parametrize("typed", only(["App02"], ["", "App02", "hv-a 1"]))
def test_what_was_not_confirmed(player: Player, typed: str) -> None:
    run = play(player, confirm=typed)
    assert run.returncode != 0
    assert "Type -e confirm=App01 to go on" in flat(run)
    assert player.sent() == []


def test_with_the_third_host(player: Player) -> None:
    extend(player)
    foreseen = play(player, "App01", "--check")
    done = play(player)
    assert done.returncode == 0, done.stdout
    sent = player.sent()
    assert sorted(planned(foreseen)) == sorted(sent)
    assert sent[:2] == ["hv-a Remove-VMReplication", "hv-b Remove-VMReplication"]
    assert player.states("App01", ("hv-a", "hv-b", "hv-c")) == [*GONE, GONE[1]]
    assert (action(player, "hv-b"), action(player, "hv-c")) == ("Nothing", "Nothing")
    assert not player.vm("hv-b", "App01").relations


@pytest.mark.parametrize(
    "steps, on, says",
    [
        (["hv-a Stop-VM", "hv-a Start-VMFailover"], "hv-a", "prepared for a planned failover"),
        (
            ["hv-a Stop-VM", "hv-a Start-VMFailover", "hv-b Start-VMFailover"],
            "hv-a",
            "Finish or cancel the failover first",
        ),
        (["hv-b Start-VMFailover"], "hv-b", "failed over and not yet committed or reversed"),
        (["hv-b Start-VMFailover", "hv-b Complete-VMFailover"], "hv-a", "failed over and not reversed"),
    ],
    ids=["prepared", "failed over", "unplanned", "committed"],
)
def test_states_that_refuse(player: Player, steps: Iterable[str], on: str, says: str) -> None:
    player.run_cmdlets("App01", steps)
    for more in ({}, {"delete": "vm_and_disks"}):
        run = play(player, remove_on=on, **more)
        assert run.returncode != 0
        assert says in flat(run)
    assert player.sent() == []


def test_a_test_is_ended_first(player: Player) -> None:
    kept = player.play("test_failover", test_on="hv-b", vms="App01", keep="true")
    assert kept.returncode == 0, kept.stdout
    player.sent()
    run = play(player)
    assert "a test VM of it is on hv-b" in flat(run)
    assert (run.returncode != 0, player.sent()) == (True, [])


def test_one_side_when_the_other_is_gone(player: Player) -> None:
    alive = play(player, other_side="gone")
    assert "but its other side was read" in flat(alive)
    player.off("hv-b")
    refused = play(player)
    assert "HV-B.corp.example could not be read" in flat(refused)
    assert player.sent() == []
    done = play(player, other_side="gone")
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-a Remove-VMReplication"]
    assert re.search(r"HV-B\.corp\.example was not reached \(.*\): what it has of the VM stays", flat(done)), (
        done.stdout
    )
    player.on("hv-b")
    rest = play(player)
    assert rest.returncode == 0, rest.stdout
    assert player.sent() == BOTH[1:]


def test_the_replica_when_the_primary_is_gone(player: Player) -> None:
    player.off("hv-a")
    before = action(player, "hv-b")
    deleting = play(player, remove_on="hv-b", other_side="gone", delete="vm")
    assert "this may be the only copy" in flat(deleting)
    done = play(player, remove_on="hv-b", other_side="gone")
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-b Remove-VMReplication"]
    assert action(player, "hv-b") == before, "it may become the live one"


def test_deleted_with_its_disks(player: Player) -> None:
    replica = player.vm("hv-b", "App01")
    files = [disk.path for disk in replica.disks]
    own = [disk.path for disk in player.vm("hv-a", "App01").disks]
    foreseen = play(player, "App01", "--check", delete="vm_and_disks")
    assert all(path in foreseen.stdout for path in files)
    done = play(player, delete="vm_and_disks")
    assert done.returncode == 0, done.stdout
    sent = [*BOTH, "hv-b Remove-Item", "hv-b Remove-VM"]
    assert (planned(foreseen), player.sent()) == (sent, sent)
    hosts = player.lab.world.hosts
    assert not any(vm.name == "App01" for vm in hosts["HV-B"].vms.values())
    removed = [c.parameters["LiteralPath"] for c in player.lab.world.recorder.calls if c.cmdlet == "Remove-Item"]
    assert removed in ([], [files])
    assert player.vm("hv-a", "App01").state == "Running"
    assert [disk.path for disk in player.vm("hv-a", "App01").disks] == own
    again = play(player, delete="vm_and_disks")
    assert (again.returncode, player.sent()) == (0, [])


def test_never_the_live_one(player: Player) -> None:
    player.vm("hv-a", "App01").turn("Off", player.lab.world.clock.now())
    player.run_cmdlets("App01", ["hv-a Remove-VMReplication", "hv-b Remove-VMReplication"])
    at_rest = play(player, delete="vm")
    assert at_rest.returncode != 0
    assert "nothing shows which copy is the live one" in flat(at_rest)
    player.vm("hv-b", "App01").turn("Running", player.lab.world.clock.now())
    contradicted = play(player, delete="vm", lives_on="hv-a")
    assert "lives_on says hv-a, but what was read says hv-b" in flat(contradicted)
    assert (contradicted.returncode != 0, player.sent()) == (True, [])


def test_named_where_it_lives(player: Player) -> None:
    player.vm("hv-a", "App01").turn("Off", player.lab.world.clock.now())
    player.run_cmdlets("App01", ["hv-a Remove-VMReplication", "hv-b Remove-VMReplication"])
    done = play(player, delete="vm", lives_on="hv-a")
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-b Set-VM", "hv-b Remove-VM"]
    assert not any(vm.name == "App01" for vm in player.lab.world.hosts["HV-B"].vms.values())


LOSSES = [
    f"{kind} {where}"
    for kind in ("drop_before", "drop_after")
    for where in (
        "HV-A Remove-VMReplication",
        "HV-B Set-VM",
        "HV-B Remove-VMReplication",
        "HV-B Remove-Item",
        "HV-B Remove-VM",
    )
]


@pytest.mark.parametrize("lost", only(["drop_before HV-B Remove-Item", "drop_after HV-B Remove-VM"], LOSSES))
def test_a_lost_connection(player: Player, lost: str) -> None:
    kind, host, cmdlet = lost.split()
    player.lab.world.faults.add(kind, host, cmdlet, nth=1)
    first = play(player, delete="vm_and_disks")
    left = "What is left" in first.stdout
    second = pasted(player, first) if left else play(player, delete="vm_and_disks")
    assert second.returncode == 0, second.stdout
    assert player.states("App01", ("hv-a",)) == GONE[:1]
    assert not any(vm.name == "App01" for vm in player.lab.world.hosts["HV-B"].vms.values())
    assert not [
        path for path in player.lab.world.host("HV-B").files.entries if "18e549a5" in str(path) and "vhdx" in str(path)
    ]
    assert player.laws_broken() == []


@pytest.mark.parametrize(
    "variables, says",
    [
        ({"vms": "App01", "remove_on": "hv-c"}, "hv-c has no such VM; hv-a has it"),
        ({"delete": "everything"}, "not one of nothing, vm, vm_and_disks"),
    ],
    ids=lambda value: ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_refused_before_anything_is_sent(player: Player, variables: dict[str, str], says: str) -> None:
    run = play(player, **{"vms": "App01", **variables})
    assert run.returncode != 0
    assert says in flat(run)
    assert player.sent() == []


def test_nowhere_is_said_and_is_well(player: Player) -> None:
    run = play(player, "App99")
    assert run.returncode == 0, run.stdout
    assert "App99: nothing to do: there is no VM of that name or id on hv-a" in run.stdout
    player.off("hv-c")
    unknown = play(player, "App99")
    assert unknown.returncode != 0
    assert "whether hv-c has it could not be read" in flat(unknown)
    assert player.sent() == []


def test_a_partner_that_is_no_candidate_is_looked_up_in_the_whole_inventory(player: Player) -> None:
    done = play(player, candidates="hv-c")
    assert done.returncode == 0, done.stdout
    assert (player.sent(), player.states("App01")) == (BOTH, GONE)


@pytest.mark.parametrize(
    "entry, to, says", [("hv-b", "hv-a", "are one host"), ("hv-b", "hv-c", "hv-b answered as HV-C")]
)
def test_an_inventory_that_lies(player: Player, entry: str, to: str, says: str) -> None:
    player.lab.lead(entry, to=to)
    run = play(player, delete="vm_and_disks", lives_on="hv-a")
    assert run.returncode != 0
    assert says in flat(run)
    assert player.sent() == []


@pytest.mark.parametrize("power, says", [("Off", "nothing shows which copy"), ("Running", "running on hv-a and hv-c")])
def test_a_copy_of_the_same_id_that_no_relation_names(player: Player, power: str, says: str) -> None:
    world = player.lab.world
    restored = replace(player.vm("hv-a", "App01"), name="restored", relations={}, disks=[], state="Off", watch=None)
    world.add_vm(world.host("HV-C"), restored).turn(power, world.clock.now())
    run = play(player, delete="vm_and_disks")
    assert run.returncode != 0
    assert says in flat(run)
    assert player.sent() == []


def test_a_chain_that_lost_its_head_goes_by_ids(player: Player) -> None:
    extend(player)
    player.run_cmdlets("App01", ["hv-a Remove-VMReplication"])
    player.vm("hv-b", "App01").name, player.vm("hv-c", "App01").name = "the 'middle'", "third [1]*"
    done = play(player, delete="vm_and_disks", lives_on="hv-a")
    assert done.returncode == 0, done.stdout
    left = [vm.name for name in ("HV-B", "HV-C") for vm in player.lab.world.host(name).vms.values()]
    assert not {"the 'middle'", "third [1]*"} & set(left)
    assert player.vm("hv-a", "App01").state == "Running"


def test_a_saved_copy_stays_and_is_not_to_be_started(player: Player) -> None:
    player.run_cmdlets("App01", ["hv-a Remove-VMReplication", "hv-b Remove-VMReplication"])
    player.vm("hv-b", "App01").state = "Saved"
    run = play(player, delete="vm", lives_on="hv-a")
    assert run.returncode != 0
    assert "Remove-VMSavedState" in flat(run)
    assert "second live VM" in flat(run)
    assert player.sent() == []


def back_after_thirty_days(player: Player) -> None:
    """HV-B ran App01 (App01-dr there) after a committed failover, its replication was ended there, and HV-A is back."""
    player.off("hv-a")
    player.run_cmdlets("App01", ["hv-b Start-VMFailover", "hv-b Complete-VMFailover", "hv-b Remove-VMReplication"])
    player.on("hv-a")
    player.vm("hv-a", "App01").turn("Off", player.lab.world.clock.now())
    player.vm("hv-b", "App01").name = "App01-dr"


def test_of_two_copies_the_newer_one_is_never_guessed(player: Player) -> None:
    back_after_thirty_days(player)
    refused = play(player, "App01-dr", remove_on="hv-b", delete="vm_and_disks")
    assert refused.returncode != 0
    assert "nothing shows which copy is the live one" in flat(refused)
    assert player.sent() == []
    done = play(player, "App01-dr", remove_on="hv-b", delete="vm_and_disks", lives_on="hv-b")
    assert done.returncode == 0, done.stdout
    assert player.sent() == [
        f"hv-a {cmdlet}" for cmdlet in ("Remove-VMReplication", "Set-VM", "Remove-Item", "Remove-VM")
    ]
    assert player.vm("hv-b", "App01-dr").disks


def test_left_over_on_the_replica(player: Player) -> None:
    player.run_cmdlets("App01", ["hv-a Remove-VMReplication"])
    player.vm("hv-b", "App01").name = "App01 (copy) [old]"
    name = "App01 (copy) [old]"
    done = play(player, name, remove_on="hv-b", delete="vm_and_disks")
    assert done.returncode == 0, done.stdout
    assert "its copy on hv-b is deleted" in done.stdout
    assert player.sent() == [
        f"hv-b {cmdlet}" for cmdlet in ("Set-VM", "Remove-VMReplication", "Remove-Item", "Remove-VM")
    ]
    again = play(player, name, remove_on="hv-b", delete="vm_and_disks")
    assert (again.returncode, player.sent()) == (0, []), again.stdout
    assert "nothing to do" in again.stdout


def test_limited_to_one_side_it_refuses(player: Player) -> None:
    run = play(player, "App01", "--limit", "hv-a")
    assert run.returncode != 0
    assert "HV-B.corp.example could not be read" in flat(run)
    assert {call.host for call in player.lab.world.recorder.calls} == {"HV-A"}
    assert player.sent() == []


def test_listed_without_vms(player: Player) -> None:
    run = player.play("remove_replication", remove_on="hv-b", vms="")
    assert run.returncode == 0, run.stdout
    assert "App01  Replica/Replicating, Off, Normal  with HV-A.corp.example  can be removed" in run.stdout
    assert player.sent() == []


@pytest.mark.parametrize(
    "target",
    [
        ["-e", "vms=App01"],
        ["-e", "remove_on=hv-x"],
        ["-e", "remove_on=hv"],
        ["-e", "remove_on=hyperv"],
        ["-e", "remove_on="],
        ["-e", "remove_on=hv-b", "--limit", "hv-a"],
    ],
    ids=" ".join,
)
def test_the_guard(player: Player, target: list[str]) -> None:
    run = player.play("remove_replication", *target)
    assert run.returncode != 0
    assert player.lab.world.recorder.calls == []


def test_every_input_is_exercised_here() -> None:
    spec = yaml.safe_load((ROOT / "roles/remove_replication/meta/argument_specs.yml").read_text())
    text = Path(__file__).read_text()
    for name in spec["argument_specs"]["main"]["options"]:
        short = name.removeprefix("remove_replication_").replace("hosts", "candidates")
        used = f'{short}="' in text or f'"{short}":' in text or f"{short}=" in text
        assert used or short in ("vms", "settle_timeout", "poll_interval"), name
