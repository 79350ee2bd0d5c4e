"""Which names are the same host, and which inventory host a Windows name means."""

from __future__ import annotations

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import names
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.names import Candidate


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("HV-A", "hv-a", True),
        ("hv-a.corp.example.", "HV-A.corp.example", True),
        ("hv-a", "hv-a.corp.example", True),
        ("hv-a.corp.example", "HV-A", True),
        ("hv-a.corp.example", "hv-a.other.example", False),
        ("hv-a.corp.example", "hv-a.corp.example.net", False),
        ("hv-a", "hv-ab", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("10", "10.0.0.1", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("", "", False),
        (None, "hv-a", False),
    ],
)
def test_same_host(one: str | None, other: str | None, same: bool) -> None:
    assert [names.same_host(*pair) for pair in ((one, other), (other, one))] == [same, same]


@pytest.mark.parametrize(
    "name, reading, full",
    [
        ("HV-A", "HV-A.corp.example", "HV-A.corp.example"),
        ("HV-A", "corp.example", "HV-A.corp.example"),
        ("HV-A", "hv-a.corp.example.", "hv-a.corp.example"),
        ("HV-A", "", "HV-A"),
        ("HV-A", None, "HV-A"),
        ("HV-A", "HV-A", "HV-A"),
    ],
)
def test_full_name_in_both_readings(name: str, reading: str | None, full: str) -> None:
    assert names.full_name(name, reading) == full
    assert names.host_name({"Name": name, "FullyQualifiedDomainName": reading}) == full


@pytest.mark.parametrize("name", ["hv-b.corp.example", "HV-B", "hv_b.corp.example.", "a" * 63 + ".example"])
def test_host_names(name: str) -> None:
    assert names.not_a_host_name(name) is None


@pytest.mark.parametrize(
    "name, problem",
    [
        ("10.0.0.1", "IP address"),
        ("fe80::1%3", "IP address"),
        ("", "empty"),
        (None, "empty"),
        ("hv b", "not the DNS name"),
        ("*.corp.example", "not the DNS name"),
        ("-hv.example", "not the DNS name"),
        ("a" * 64, "not the DNS name"),
        ("http://hv-b", "not the DNS name"),
    ],
)
def test_not_host_names(name: str | None, problem: str) -> None:
    assert problem in str(names.not_a_host_name(name))


def test_is_full_is_not_an_address() -> None:
    assert names.is_full("hv-a.corp.example")
    assert not names.is_full("hv-a")
    assert not names.is_full("10.0.0.1")


NORTH = Candidate("north1", address="hv-a.corp.example")
SOUTH = Candidate("hv-b.corp.example", address="10.0.0.2")


@pytest.mark.parametrize(
    "name, candidates, host",
    [
        ("HV-A.corp.example", [NORTH, SOUTH], "north1"),
        ("HV-B", [NORTH, SOUTH], "hv-b.corp.example"),
        ("hv-c", [NORTH, SOUTH], None),
        # what the operator says beats the inventory name, which beats the address, which beats what the host says
        ("hv-x", [Candidate("hv-x"), Candidate("other", names=("hv-x",))], "other"),
        ("hv-x", [Candidate("other", address="hv-x"), Candidate("hv-x")], "hv-x"),
        ("hv-x", [Candidate("one", asked=("hv-x.corp.example",)), Candidate("two", address="hv-x")], "two"),
        ("broker", [Candidate("one", asked=("hv-a", "broker.corp.example"))], "one"),
        ("hv-x", [], None),
    ],
)
def test_inventory_host(name: str, candidates: list[Candidate], host: str | None) -> None:
    assert names.inventory_host(name, candidates) == host


def test_a_name_that_fits_two_hosts_is_an_error() -> None:
    with pytest.raises(names.AmbiguousName) as caught:
        names.inventory_host("hv-a", [Candidate("hv-a.corp.example"), Candidate("hv-a.other.example")])
    assert caught.value.hosts == ("hv-a.corp.example", "hv-a.other.example")
    assert "hyperv_replica_names" in str(caught.value)
