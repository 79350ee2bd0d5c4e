"""hyperv_replication_info through ansible-playbook, over the real wire, with every documented option."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.info import SPEC
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.sections import KINDS

from tests.integration.info_play import read
from tests.lab.lab import Lab
from tests.unit.lab.world.hands import Hands

ROOT = Path(__file__).resolve().parents[2]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
OF_ANSIBLE = {"changed", "failed", "unreachable", "msg", "warnings", "deprecations"}
MISSING_ID = "99999999-9999-9999-9999-999999999999"


def fleet(lab: Lab) -> Hands:
    """App01 replicates to HV-B with recovery points and a running test VM, App04 is paused, App07 is not protected."""
    hands = Hands(lab.world)
    for name in ("App01", "App04"):
        hands.enable(name, RecoveryHistory=2)
        hands.ok("HV-A", "Start-VMInitialReplication", VM=name)
    hands.pass_time(9000)
    hands.ok("HV-A", "Suspend-VMReplication", VM="App04")
    test = hands.ok("HV-B", "Start-VMFailover", VM="App01", AsTest=True)[0]
    hands.ok("HV-B", "Start-VM", VM=test["Name"])
    return hands


@pytest.fixture(scope="module")
def hosts(request: pytest.FixtureRequest) -> Iterator[tuple[Lab, Hands]]:
    """A lab of three hosts, read and never changed by the tests of this file."""
    with Lab.start(hosts=3, vms=9, engine=request.config.getoption("--engine")) as lab:
        yield lab, fleet(lab)


def names(result: dict[str, Any]) -> list[str]:
    return [vm["name"] for vm in result["vms"]]


def test_selection(hosts: tuple[Lab, Hands], tmp_path: Path) -> None:
    lab, hands = hosts
    app01 = str(hands.vm("HV-A", "App01").id)
    lab.world.recorder.clear()
    found = read(
        lab,
        tmp_path,
        {
            "plain": {},
            "unprotected": {"unprotected": True},
            "names": {"names": ["app01", "App07"]},
            "text": {"names": "App01,App04"},
            "ids": {"ids": [app01.upper()]},
            "modes": {"modes": ["Replica"]},
            "states": {"states": ["Suspended"]},
            "healths": {"healths": ["Normal"]},
            "partners": {"partners": ["hv-b"]},
            "other": {"partners": ["hv-b.elsewhere.example"]},
            "absent": {"names": ["App01", "App09"]},
            "reported": {"names": ["App01", "App09"], "ids": [MISSING_ID], "missing": "report"},
            "pattern": {"names": ["App*"]},
            "bad": {"modes": ["primary"]},
        },
    )
    assert names(found["plain"]) == ["App01", "App04"]
    assert names(found["unprotected"]) == ["App01", "App04", "App07"]
    assert names(found["names"]) == ["App01", "App07"]
    assert names(found["text"]) == ["App01", "App04"]
    assert names(found["ids"]) == ["App01"]
    assert names(found["modes"]) == []
    assert names(found["states"]) == ["App04"]
    assert names(found["healths"]) == ["App01"]
    assert names(found["partners"]) == ["App01", "App04"]
    assert names(found["other"]) == []
    assert found["absent"]["failed"]
    assert "has no VM App09" in found["absent"]["msg"]
    assert found["absent"]["option"] == "names"
    assert (names(found["reported"]), found["reported"]["missing"]) == (["App01"], ["App09", MISSING_ID])
    assert "Names are taken literally" in found["pattern"]["msg"]
    assert found["bad"]["failed"]
    assert not lab.world.recorder.state_changing(), "reading changes nothing"


def test_everything_of_both_sides(hosts: tuple[Lab, Hands], tmp_path: Path) -> None:
    lab, hands = hosts
    primary = read(lab, tmp_path / "a", {"all": {"gather": "all"}})["all"]
    replica = read(lab, tmp_path / "b", {"all": {"gather": ["all"]}}, host="hv-b")["all"]
    vm = next(vm for vm in primary["vms"] if vm["name"] == "App01")
    copy = next(vm for vm in replica["vms"] if vm["name"] == "App01")
    assert vm["id"] == copy["id"] == str(hands.vm("HV-A", "App01").id)
    assert (vm["host"], copy["host"]) == ("HV-A.corp.example", "HV-B.corp.example")
    assert (vm["mode"], vm["power"], copy["mode"], copy["power"]) == ("Primary", "Running", "Replica", "Off")
    assert 0 <= vm["relations"][0]["last_replication_age_seconds"] <= 400
    assert vm["statistics"][0]["successful_count"] > 5
    assert vm["recovery_points"] == []
    assert len(copy["recovery_points"]) >= 2
    assert copy["recovery_points"][0]["time"] > copy["recovery_points"][1]["time"]
    assert [disk["replicated"] for disk in vm["disks"]] == [True]
    assert vm["disk_sizes"][0]["size_bytes"] > vm["disk_sizes"][0]["file_size_bytes"] > 0
    assert vm["adapters"][0]["switch"] == "Production"
    assert copy["adapters"][0]["connected"] is False
    assert copy["failover_network"][0]["adapter_id"] == copy["adapters"][0]["id"]
    assert vm["vlans"][0]["mode"] == "Untagged"
    assert vm["security"] == {"tpm": False, "shielded": False, "encrypt_state_and_migration": False}
    assert {service["service"] for service in vm["integration_services"]} >= {"shutdown", "heartbeat"}
    assert copy["test_vm"]["power"] == "Running"
    assert [(test["name"], test["of"]["name"]) for test in replica["test_vms"]] == [("App01 - Test", "App01")]
    assert replica["server"]["entries"] == [{"name": "*", "storage": "D:\\Replica", "trust_group": "DEFAULT"}]
    assert primary["host"]["fqdn"] == "HV-A.corp.example"
    assert primary["cluster"] is None
    assert primary["certificates"][0]["has_private_key"] is True
    assert primary["unreadable"] == []


def test_results_are_as_documented(hosts: tuple[Lab, Hands], tmp_path: Path) -> None:
    """Keys of the results and of RETURN are the same, both ways; times are UTC, sizes whole numbers."""
    lab, _unused = hosts
    result = read(lab, tmp_path, {"all": {"gather": "all"}}, host="hv-b")["all"]
    _same_keys({key: value for key, value in result.items() if key not in OF_ANSIBLE}, _documented(), "result")


def _documented(unreachable: bool = False) -> dict[str, Any]:
    """RETURN of the module: what a host that was read gives, or what one adds that could not be reached."""
    documented = yaml.safe_load((ROOT / "plugins/modules/hyperv_replication_info.yml").read_text())["RETURN"]
    return {key: part for key, part in documented.items() if ("unreachable" in part["returned"]) == unreachable}


def _same_keys(found: dict[str, Any], documented: dict[str, Any], where: str) -> None:
    assert set(found) == set(documented), where
    for key, value in found.items():
        contains = documented[key].get("contains")
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if contains and isinstance(part, dict):
                _same_keys(part, contains, f"{where}.{key}")
            if key.endswith("_time") and part is not None:
                assert TIME.fullmatch(part), f"{where}.{key}: {part}"
            if key.endswith("_bytes") and part is not None:
                assert isinstance(part, int), f"{where}.{key}: {part}"


def test_each_kind_alone_in_check_mode(hosts: tuple[Lab, Hands], tmp_path: Path) -> None:
    lab, _unused = hosts
    lab.world.recorder.clear()
    found = read(lab, tmp_path, {kind: {"gather": [kind]} for kind in KINDS}, check=True)
    for kind in KINDS:
        assert not found[kind].get("failed"), found[kind]
        place = found[kind]["vms"][0] if "vms" in found[kind] else found[kind]
        assert kind in place
    assert not lab.world.recorder.state_changing()


@pytest.mark.lab(vms=4)
def test_what_cannot_be_read(lab: Lab, tmp_path: Path) -> None:
    hands = Hands(lab.world)
    hands.protect("App01")
    cases: dict[str, dict[str, Any]] = {
        "error": {"gather": ["relations", "security"]},
        "report": {"gather": ["relations", "security"], "unreadable": "report"},
    }
    lab.world.faults.add("refuse", "HV-A", "Get-VMSecurity", nth=1)
    error = read(lab, tmp_path / "1", {"error": cases["error"]})["error"]
    assert error["failed"]
    assert "could not read security" in error["msg"]
    lab.world.faults.clear()
    lab.world.faults.add("refuse", "HV-A", "Get-VMSecurity", nth=1)
    report = read(lab, tmp_path / "2", {"report": cases["report"]})["report"]
    assert not report.get("failed")
    assert [part["kind"] for part in report["unreadable"]] == ["security"]
    assert report["vms"][0]["security"] is None
    assert report["vms"][0]["unreadable"] == ["security"]


@pytest.mark.lab(vms=2)
def test_a_lost_connection_is_unreachable_and_never_empty(lab: Lab, tmp_path: Path) -> None:
    lab.world.faults.add("drop_before", "HV-A", "Get-VMReplication", nth=1)
    lost = read(lab, tmp_path, {"lost": {"unreadable": "report"}})["lost"]
    assert lost["unreachable"]
    assert set(lost) - OF_ANSIBLE == set(_documented(unreachable=True))


@pytest.mark.lab(hosts=3, vms=3)
def test_both_legs_of_an_extended_replica(lab: Lab, tmp_path: Path) -> None:
    hands = Hands(lab.world)
    hands.protect("App01")
    hands.enable("App01", host="HV-B", to="HV-C.corp.example", ReplicationFrequencySec=300)
    found = read(lab, tmp_path, {"all": {"gather": ["relations", "statistics", "disks"]}}, host="hv-b")["all"]
    vm = found["vms"][0]
    assert [(leg["type"], leg["partner"].partition(".")[0].lower()) for leg in vm["relations"]] == [
        ("Simple", "hv-a"),
        ("Extended", "hv-c"),
    ]
    assert [part["type"] for part in vm["statistics"]] == ["Simple", "Extended"]


@pytest.mark.lab(vms=4)
def test_on_a_constrained_endpoint(lab: Lab, tmp_path: Path) -> None:
    Hands(lab.world).protect("App01")
    found = read(lab, tmp_path, {"all": {"gather": "all"}}, configuration="Hyperv.Replica")["all"]
    assert not found.get("failed"), found["msg"]
    assert found["unreadable"] == []
    assert found["vms"][0]["relations"][0]["last_replication_age_seconds"] is not None


@pytest.mark.lab(vms=200)
def test_one_pipeline_a_kind_for_many_vms(lab: Lab, tmp_path: Path) -> None:
    before = lab.requests().get("Command", 0)
    found = read(lab, tmp_path, {"all": {"gather": "all", "unprotected": True}})["all"]
    assert len(found["vms"]) == 100
    assert lab.requests()["Command"] - before <= len(KINDS)


def test_every_option_is_exercised_here() -> None:
    text = Path(__file__).read_text()
    for option in SPEC:
        assert f'"{option}"' in text, option
