"""hyperv_failover_network through ansible-playbook against the lab, in the rhythm: check, apply, repeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.relation_play import Player
from tests.lab.world.network import Adapter
from tests.unit.lab.world.hands import Hands

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=6, speed=200)

NETWORK = "hyperv.replica.hyperv_failover_network"
INFO = "hyperv.replica.hyperv_replication_info"
ISOLATED = "Test isolated"
ADDRESS = {"address": "10.2.0.11", "subnet_mask": "24", "gateway": "10.2.0.1"}


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Iterator[Player]:
    """A player for a lab that has replicas of App01 and App03 on HV-B."""
    hands = Hands(lab.world)
    for name in ("App01", "App03"):
        hands.protect(name)
    lab.world.recorder.clear()
    yield Player.of(lab, tmp_path)
    assert not lab.world.recorder.violations


def rhythm(player: Player, *cases: Mapping[str, Any], host: str = "hv-b") -> list[dict[str, Any]]:
    """Check, apply, repeat for each case in one play; what the real tasks said."""
    player.sent()
    tasks = [{"module": NETWORK, **case, "check_mode": number == 0} for case in cases for number in range(3)]
    results = player.tasks(host, tasks)
    told: list[str] = []
    for number, case in enumerate(cases):
        foreseen, done, again = results[3 * number : 3 * number + 3]
        for result in (foreseen, done, again):
            assert not result.get("failed"), (case, result.get("msg"))
        assert (foreseen["changed"], done["changed"]) == (True, True), case
        assert [{**action, "sent": True} for action in foreseen["actions"]] == done["actions"], case
        assert foreseen["adapters"] == done["adapters"], case
        assert (again["changed"], again["actions"]) == (False, []), case
        told += [action["cmdlet"] for action in done["actions"]]
    assert player.sent() == told
    return results[1::3]


def refused(player: Player, says: str, options: Mapping[str, Any], host: str = "hv-b") -> dict[str, Any]:
    """A task that fails with these words and sends nothing."""
    result = player.module({"module": NETWORK, **options}, host)
    assert result["failed"], result
    assert says in result["msg"]
    assert player.sent() == []
    return result


def test_everything_and_nothing_again(player: Player) -> None:
    vms = {"names": ["App01"]}
    whole = {"switch": "Production", "vlan_id": 20, "test_switch": ISOLATED, "ipv4": ADDRESS}
    whole["ipv6"] = {"address": "fd00::9", "prefix_length": 64}
    done = rhythm(
        player,
        {**vms, **whole},
        {**vms, "ipv4": {"dns": "10.2.0.53"}},
        {**vms, "clear": ["ipv6", "vlan_id"]},
        {**vms, "clear": ["ipv4", "switch", "test_switch"]},
    )
    first, _unused, _unused, last = (result["adapters"][0] for result in done)
    assert (first["switch"], first["vlan_id"], first["test_switch"]) == ("Production", 20, ISOLATED)
    assert first["ipv4"]["subnet_mask"] == "255.255.255.0"
    assert first["ipv6"] == {
        "address": "fd00::9",
        "prefix_length": 64,
        "gateway": None,
        "dns": None,
        "alternate_dns": None,
    }
    assert (last["switch"], last["vlan_id"], last["test_switch"], last["ipv4"]["address"]) == (None, None, None, None)


def test_two_vms_in_one_task(player: Player) -> None:
    done = rhythm(player, {"names": ["App01", "App03"], "test_switch": ISOLATED})
    assert [adapter["name"] for adapter in done[0]["adapters"]] == ["App01", "App03"]
    assert len(done[0]["actions"]) == 2


def test_one_of_two_adapters(player: Player) -> None:
    player.vm("hv-b", "App01").adapters.append(Adapter("Backup"))
    refused(player, "Backup", {"names": ["App01"], "test_switch": ISOLATED})
    refused(player, "no adapters that it may mean", {"names": ["App01"], "adapter": "Wireless", "switch": ISOLATED})
    rhythm(player, {"names": ["App01"], "adapter": "backup", "test_switch": ISOLATED, "ipv4": ADDRESS})
    first, second = player.vm("hv-b", "App01").adapters
    assert (first.test_switch, first.failover.ipv4_address) == ("", "")
    assert (second.test_switch, second.failover.ipv4_address) == (ISOLATED, "10.2.0.11")


def test_a_legacy_adapter_takes_no_addresses(player: Player) -> None:
    player.vm("hv-b", "App01").adapters[0].legacy = True
    refused(player, "takes no failover addresses", {"names": ["App01"], "ipv4": ADDRESS})
    rhythm(player, {"names": ["App01"], "test_switch": ISOLATED})


def test_addresses_go_to_the_right_one_of_mixed_adapters(player: Player) -> None:
    vm = player.vm("hv-b", "App01")
    vm.adapters.insert(0, Adapter("Old", legacy=True))
    vm.adapters.append(Adapter("Backup"))
    rhythm(player, {"names": ["App01", "App03"], "adapter": "Network Adapter", "ipv4": ADDRESS})
    assert [adapter.failover.ipv4_address for adapter in vm.adapters] == ["", "10.2.0.11", ""]


def test_on_the_primary_too(player: Player) -> None:
    rhythm(player, {"names": ["App01"], "ipv4": ADDRESS}, host="hv-a")
    running = {"names": ["App01"], "vlan_id": 30}
    refused(player, "running_vm", running, host="hv-a")
    rhythm(player, {**running, "allow": ["running_vm"]}, host="hv-a")


def test_a_vm_that_is_not_replicated(player: Player) -> None:
    refused(player, "takes no failover addresses", {"names": ["App02"], "ipv4": ADDRESS})
    rhythm(player, {"names": ["App02"], "test_switch": ISOLATED})


def test_tests_stay_away_from_the_real_network(player: Player) -> None:
    vms = {"names": ["App01"]}
    refused(player, "External", {**vms, "test_switch": "Production"})
    refused(player, "its production switch", {**vms, "test_switch": ISOLATED, "switch": ISOLATED})
    refused(player, "no switch Nowhere; it has: ", {**vms, "test_switch": "Nowhere"})
    refused(player, "no switch Nowhere; it has: ", {**vms, "switch": "Nowhere"})
    rhythm(player, {**vms, "test_switch": "Production", "allow": ["external_test_switch"]})


def test_one_that_is_refused_does_not_hold_up_the_other(player: Player) -> None:
    player.vm("hv-b", "App03").adapters[0].switch = ISOLATED
    result = player.module({"module": NETWORK, "names": ["App01", "App03"], "test_switch": ISOLATED}, "hv-b")
    assert result["failed"]
    assert [failure["name"] for failure in result["failures"]] == ["App03"]
    assert player.vm("hv-b", "App01").adapters[0].test_switch == ISOLATED
    assert player.vm("hv-b", "App03").adapters[0].test_switch == ""


def test_what_the_information_module_reads(player: Player) -> None:
    rhythm(player, {"names": ["App01"], "ipv4": ADDRESS, "test_switch": ISOLATED})
    read = player.module({"module": INFO, "names": ["App01"], "gather": ["adapters", "failover_network"]}, "hv-b")
    vm = read["vms"][0]
    assert vm["adapters"][0]["test_switch"] == ISOLATED
    assert vm["failover_network"][0]["ipv4_address"] == "10.2.0.11"
