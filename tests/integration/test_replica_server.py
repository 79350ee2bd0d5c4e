"""hyperv_replica_server, its role and its playbook through ansible-playbook against the lab: check, prove that nothing
changed, apply, prove, repeat without a change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.gate import only
from tests.integration.server_play import CHECK, Player, flat, rhythm
from tests.lab.world import certificate

if TYPE_CHECKING:
    from tests.lab.lab import Lab

HTTP_RULE, HTTPS_RULE = "VIRT-HVRHTTPL-In-TCP-NoScope", "VIRT-HVRHTTPSL-In-TCP-NoScope"


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for the lab of the test."""
    return Player(lab, tmp_path, lab.write_files(tmp_path / "lab"))


def test_kerberos_with_a_list_ports_monitoring_storage_and_firewall(player: Player) -> None:
    done = rhythm(
        player,
        {
            "state": "enabled",
            "authentication": "kerberos",
            "kerberos_port": 8080,
            "certificate_port": 8443,
            "monitoring_interval_hours": 48,
            "monitoring_start": "10:30",
            "allowed_primaries": [
                {"name": "hv-a.corp.example"},
                {"name": "*.lab.example", "storage": "C:\\Lab\\Replica", "trust_group": "Lab"},
            ],
            "default_storage": "C:\\Replica",
            "create_storage": True,
            "open_firewall": True,
        },
    )
    server = player.host("hv-b").server
    assert (server.enabled, server.authentication) == (True, "Kerberos")
    assert (server.kerberos_port, server.certificate_port) == (8080, 8443)
    assert (server.monitoring_interval.total_seconds(), server.monitoring_start.total_seconds()) == (172800, 37800)
    assert {(one.name, one.storage, one.trust_group) for one in server.entries} == {
        ("hv-a.corp.example", "C:\\Replica", "DEFAULT"),
        ("*.lab.example", "C:\\Lab\\Replica", "Lab"),
    }
    firewall = player.host("hv-b").firewall
    assert firewall.admits(8080)
    assert not firewall.admits(80)
    assert done["firewall"] == [
        {"type": "kerberos", "rule": "HyperVReplica-HTTP-In-TCP", "ports": [8080], "in_force": True}
    ]
    assert done["listener"]["status"] == ["Ok"]

    only_port = rhythm(player, {"certificate_port": 9443})
    assert [action["cmdlet"] for action in only_port["actions"]] == ["Set-VMReplicationServer"]
    assert (server.kerberos_port, server.certificate_port, server.authentication) == (8080, 9443, "Kerberos")

    rhythm(player, {"allowed_primaries": [{"name": "*.lab.example", "state": "absent"}]})
    assert [one.name for one in server.entries] == ["hv-a.corp.example"]

    rhythm(
        player, {"allowed_primaries": [{"name": "hv-z.corp.example", "storage": "C:\\Replica"}], "unlisted": "purge"}
    )
    assert [one.name for one in server.entries] == ["hv-z.corp.example"]

    rhythm(player, {"state": "disabled"})
    assert (server.enabled, server.kerberos_port, server.certificate_port) == (False, 8080, 9443)


def test_certificates_auto_renewal_and_the_built_in_rule(player: Player) -> None:
    host = player.host("hv-b")
    own = next(one for one in host.certificates if one.store == "My")
    options = {"state": "enabled", "authentication": "certificate", "certificate_thumbprint": "auto"}
    done = rhythm(player, {**options, "open_firewall": True, "report": ["certificates", "replicas", "firewall"]})
    assert host.server.thumbprint == own.thumbprint
    assert [(one["thumbprint"], one["problems"], one["trusted"]) for one in done["certificates"]] == [
        (own.thumbprint, [], True)
    ]
    assert done["replicas"] == []
    assert [rule.name for rule in host.firewall.rules if rule.enabled and rule.name.startswith("VIRT")] == [HTTPS_RULE]

    now = player.lab.world.clock.now()
    soon = certificate.issue(host.fqdn, not_before=now, days=3)
    host.certificates = [one for one in host.certificates if one is not own] + [soon]
    refused = player.module("hv-b", options)
    assert refused["failed"]
    assert "self-signed" in refused["msg"]
    assert player.host("hv-b").server.thumbprint == own.thumbprint

    spoken = rhythm(player, {"certificate_thumbprint": f" {soon.thumbprint.lower()[:8]} {soon.thumbprint[8:]}"})
    assert spoken["certificate_thumbprint"] == soon.thumbprint
    host.certificates = [*host.certificates, own]
    renewed = rhythm(player, {"certificate_thumbprint": "auto", "renew_before": 30})
    assert renewed["certificate_thumbprint"] == own.thumbprint
    kept = player.module("hv-b", {"certificate_thumbprint": "auto"})
    assert not kept["changed"]


def test_monitoring_alone_where_the_stored_certificate_has_expired_or_is_gone(player: Player) -> None:
    host = player.host("hv-b")
    old = certificate.issue(host.fqdn, days=3)  # issued, and over, long ago
    host.certificates.append(old)
    host.server.enabled, host.server.authentication, host.server.thumbprint = True, "Certificate", old.thumbprint
    host.server.kerberos_port, host.server.certificate_port = 8080, 8443
    done = rhythm(player, {"monitoring_interval_hours": 24})
    ports = {"KerberosAuthenticationPort": 8080, "CertificateAuthenticationPort": 8443}
    assert done["actions"][0]["parameters"] == {**ports, "MonitoringInterval": "1.00:00:00", "Confirm": False}
    host.certificates.remove(old)
    rhythm(player, {"monitoring_start": "01:00"})
    assert (host.server.certificate_port, host.server.thumbprint) == (8443, old.thumbprint)


def test_any_server_to_a_list_and_back_only_by_name(player: Player) -> None:
    host = player.host("hv-b")
    any_server = {"admit": "any_server", "default_storage": "C:\\Replica"}
    rhythm(player, {**any_server, "state": "enabled", "authentication": "kerberos", "create_storage": True})
    assert [one.name for one in host.server.entries] == ["*"]

    listed = {"allowed_primaries": [{"name": "hv-a.corp.example"}], "default_storage": "C:\\Replica"}
    rhythm(player, {**listed, "admit": "listed"})
    assert [one.name for one in host.server.entries] == ["hv-a.corp.example"]

    before = player.facts("hv-b")
    for arguments in ([], CHECK):
        refused = player.module("hv-b", any_server, *arguments)
        assert refused["failed"]
        assert "list_to_any_server" in refused["msg"]
        assert refused["actions"] == []
    assert player.sent() == []
    assert player.facts("hv-b") == before
    rhythm(player, {**any_server, "accept_weaker": ["list_to_any_server"]})
    assert [one.name for one in host.server.entries] == ["*"]


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "an address": ("allowed_primaries", {"allowed_primaries": [{"name": "192.0.2.7", "storage": "C:\\R"}]}),
    "a short name": ("allowed_primaries", {"allowed_primaries": [{"name": "hv-a", "storage": "C:\\R"}]}),
    "a port": ("kerberos_port", {"kerberos_port": 70000}),
    "a certificate": ("certificate_thumbprint", {"authentication": "kerberos", "certificate_thumbprint": "auto"}),
    "no storage": ("default_storage", {"admit": "any_server"}),
    "a number for a time": ("monitoring_start", {"monitoring_start": 720}),
    "a node": ("other_nodes", {"other_nodes": [{"host": "hv-c"}]}),
    "a mapping": ("kerberos_port_mapping", {"kerberos_port_mapping": {"hv-b": 80}}),
    "an empty mapping": ("certificate_port_mapping", {"certificate_port_mapping": {}}),
}


@pytest.mark.parametrize("wrong", only(["a short name", "a number for a time"], WRONG))
def test_bad_input_names_the_option_and_sends_nothing(player: Player, wrong: str) -> None:
    option, options = WRONG[wrong]
    before = player.facts("hv-b")
    result = player.module("hv-b", options, *CHECK)
    assert result["failed"]
    assert result["option"] == option
    assert result["actions"] == []
    assert player.lab.world.recorder.calls == []
    assert player.facts("hv-b") == before


def test_a_rule_that_policy_ignores_is_an_error_and_never_open(player: Player) -> None:
    host = player.host("hv-b")
    host.firewall.local_rules_apply = False
    host.firewall.find([HTTP_RULE])[0].enabled = True
    result = player.module("hv-b", {"state": "enabled", "authentication": "kerberos", "open_firewall": True})
    assert result["failed"]
    assert "group policy" in result["msg"]
    assert result["firewall"] == [{"type": "kerberos", "rule": HTTP_RULE, "ports": [80], "in_force": False}]


def test_a_rule_that_a_group_policy_holds_is_an_error_that_says_so(player: Player) -> None:
    player.host("hv-b").firewall.held.add(HTTP_RULE)
    wish = {"state": "enabled", "authentication": "kerberos", "open_firewall": True, "settle_timeout": 1}
    result = player.module("hv-b", wish)
    assert result["failed"]
    assert f"A group policy may hold the rule {HTTP_RULE}: open TCP 80 in that policy" in result["msg"]


def test_the_playbook_makes_both_hosts_replica_servers_of_each_other(player: Player) -> None:
    wishes = {
        "authentication": "kerberos",
        "partners": "hv-a,hv-b",
        "default_storage": "C:\\Replica",
        "create_storage": "yes",
        "open_firewall": "true",
        "accept_weaker": "",
        "poll_interval": "0.05",
    }
    arguments = [word for name, value in wishes.items() for word in ("-e", f"{name}={value}")]
    names = ("hv-a", "hv-b")
    before = [player.facts(name) for name in names]
    checked = player.playbook("hyperv.replica.replica_server", *arguments, "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert player.sent() == []
    assert [player.facts(name) for name in names] == before

    run = player.playbook("hyperv.replica.replica_server", *arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    assert player.sent()
    for own, other in (names, names[::-1]):
        server = player.host(own).server
        assert server.enabled
        assert [one.name.lower() for one in server.entries] == [f"{other}.corp.example"]
        assert player.host(own).firewall.admits(80)

    after = [player.facts(name) for name in names]
    again = player.playbook("hyperv.replica.replica_server", *arguments)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "changed=0" in again.stdout
    assert "changed=1" not in again.stdout
    assert player.sent() == []
    assert [player.facts(name) for name in names] == after


def test_every_input_of_the_playbook_as_text(player: Player) -> None:
    player.host("hv-b").files.make_folder("C:\\Replica")
    inputs = {
        "target": "hv-b",
        "state": "enabled",
        "authentication": "both",
        "kerberos_port": "8080",
        "certificate_port": "8443",
        "certificate_thumbprint": "auto",
        "renew_before": "30",
        "admit": "listed",
        "partners": "'hv-a, hv-b'",
        "allowed_primaries": json.dumps(json.dumps([{"name": "*.lab.example", "trust_group": "Lab"}])),
        "unlisted": "purge",
        "default_storage": "C:\\Replica",
        "create_storage": "false",
        "monitoring_interval_hours": "24",
        "monitoring_start": "07:30",
        "open_firewall": "no",
        "accept_weaker": "certificate_to_kerberos,list_to_any_server",
        "settle_timeout": "5",
        "poll_interval": "0.05",
        "kerberos_port_mapping": "",
        "certificate_port_mapping": "",
    }
    words = [word for name, value in inputs.items() for word in ("-e", f"{name}={value}")]
    run = player.playbook("hyperv.replica.replica_server", *words)
    assert run.returncode == 0, flat(run)
    server = player.host("hv-b").server
    assert (server.authentication, server.kerberos_port, server.certificate_port) == (
        "CertificateAndKerberos",
        8080,
        8443,
    )
    assert (server.monitoring_interval.total_seconds(), server.monitoring_start.total_seconds()) == (86400, 27000)
    assert {(one.name, one.storage, one.trust_group) for one in server.entries} == {
        ("HV-A.corp.example", "C:\\Replica", "DEFAULT"),
        ("*.lab.example", "C:\\Replica", "Lab"),
    }
    assert not player.host("hv-b").firewall.admits(8080)

    player.sent()
    for name, value in {"kerberos_port": "http", "open_firewall": "maybe", "unlisted": "true", "state": "on"}.items():
        wrong = player.playbook("hyperv.replica.replica_server", *words, "-e", f"{name}={value}")
        assert wrong.returncode != 0
        assert f"replica_server_{name}" in flat(wrong)
    assert player.sent() == []


def test_the_role_refuses_a_partner_that_is_not_in_the_inventory(player: Player) -> None:
    run = player.playbook("hyperv.replica.replica_server", "-e", "authentication=kerberos", "-e", "partners=hv-x")
    assert run.returncode != 0
    assert "hv-x is not in the inventory" in run.stdout
    assert player.lab.world.recorder.calls == []


def test_the_playbook_limited_to_one_host_asks_the_partner_for_its_name(player: Player) -> None:
    words = "-e authentication=kerberos -e partners=hv-a,hv-b -e default_storage=C:\\Replica -e create_storage=on"
    run = player.playbook(
        "hyperv.replica.replica_server", *words.split(), "-e", "poll_interval=0.05", "--limit", "hv-b"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert [one.name for one in player.host("hv-b").server.entries] == [player.host("hv-a").fqdn]
    assert {call.host for call in player.lab.world.recorder.state_changing()} == {"HV-B"}


@pytest.mark.lab(preset="cluster")
def test_a_cluster_is_written_once_and_its_firewalls_on_every_node(player: Player) -> None:
    words = "-e target=cl_1 -e authentication=kerberos -e partners=hv-a,hv-b,hv-c -e create_storage=true"
    storage = "default_storage=C:\\ClusterStorage\\Volume1\\Replica"
    mapping = {"CL-1-BROKER.corp.example": 8080, "HV-B.corp.example": 8081, "HV-C.corp.example": 8082}
    arguments = [
        *words.split(),
        *("-e", storage, "-e", "open_firewall=true", "-e", "poll_interval=0.05"),
        *("-e", f"kerberos_port_mapping={json.dumps(json.dumps(mapping))}"),
    ]
    run = player.playbook("hyperv.replica.replica_server", *arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    calls = [(call.host, call.cmdlet) for call in player.lab.world.recorder.state_changing()]
    shared = [call for call in calls if not call[1].endswith("-NetFirewallRule")]
    assert {host for host, _unused in shared} == {"HV-B"}
    for name in ("hv-b", "hv-c"):
        assert player.host(name).firewall.admits(8080)
        assert player.host(name).firewall.admits(mapping[f"{name.upper()}.corp.example"])
    player.sent()
    again = player.playbook("hyperv.replica.replica_server", *arguments)
    assert again.returncode == 0, again.stdout + again.stderr
    assert player.sent() == []

    alone = player.playbook(
        "hyperv.replica.replica_server", "-e", "target=cl_1", "--limit", "hv-c", "-e", "state=disabled"
    )
    assert alone.returncode != 0
    assert "replicas may depend on it on HV-B" in flat(alone)
    limited = player.playbook("hyperv.replica.replica_server", *arguments, "--limit", "hv-c")
    assert limited.returncode == 0, limited.stdout + limited.stderr
    assert "node HV-B of cluster CL-1 is not in this run" in flat(limited)


@pytest.mark.lab(preset="cluster")
def test_port_mappings_of_both_types_survive_a_call_that_does_not_name_them(player: Player) -> None:
    names = ("CL-1-BROKER.corp.example", "HV-B.corp.example", "HV-C.corp.example")
    kerberos = {name: 8080 + number for number, name in enumerate(names)}
    certificates = {name: 8440 + number for number, name in enumerate(names)}
    rhythm(
        player,
        {
            "state": "enabled",
            "authentication": "both",
            "certificate_thumbprint": "auto",
            "kerberos_port_mapping": kerberos,
            "certificate_port_mapping": certificates,
            "open_firewall": True,
        },
    )
    server, firewall = player.host("hv-b").server, player.host("hv-b").firewall
    assert (server.kerberos_mapping, server.certificate_mapping) == (kerberos, certificates)
    assert [port for port in (8080, 8081, 8082, 8440, 8441) if firewall.admits(port)] == [8080, 8081, 8440, 8441]
    rhythm(player, {"monitoring_interval_hours": 24})
    assert (server.kerberos_mapping, server.certificate_mapping) == (kerberos, certificates)
