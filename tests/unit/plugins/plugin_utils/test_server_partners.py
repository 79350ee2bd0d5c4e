"""Inventory hosts as authorization entries: whose name is taken, who is left out, who is an error."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.partners import with_partners


def _host(name: str, cluster: str | None = None, broker: str | None = None) -> dict[str, Any]:
    facts = {"name": cluster, "domain": "corp.example", "broker": {"name": broker} if broker else None}
    return {"host": {"name": name.partition(".")[0], "full_name": name}, "cluster": facts if cluster else None}


A, B = _host("HV-A.corp.example"), _host("HV-B.corp.example")


@pytest.mark.parametrize(
    "entries, partners, own, aliases, expected",
    [
        (None, {}, A, {}, None),
        ([], {}, A, {}, []),
        (None, {"a": A}, A, {}, []),
        (None, {"a": A, "b": B}, A, {}, ["HV-B.corp.example"]),
        ([{"name": "hv-b.corp.example.", "storage": "D:\\R"}], {"b": B}, A, {}, ["hv-b.corp.example."]),
        ([{"name": "*.corp.example"}], {"b": B}, A, {}, ["*.corp.example", "HV-B.corp.example"]),
        (None, {"n1": _host("n1.x.y", "CL", "br.x.y"), "n2": _host("n2.x.y", "CL", "br.x.y")}, A, {}, ["br.x.y"]),
        (None, {"n1": _host("n1.x.y", "CL"), "b": B}, _host("n2.x.y", "cl"), {}, ["HV-B.corp.example"]),
        (None, {"w": _host("HV-W")}, A, {"w": ["hv-w", "hv-w.lab.local"]}, ["hv-w.lab.local"]),
        (None, {"w": _host("HV-W")}, A, {"w": "hv-w.lab.local"}, ["hv-w.lab.local"]),
    ],
)
def test_the_entries(
    entries: list[dict[str, Any]] | None,
    partners: dict[str, Any],
    own: dict[str, Any],
    aliases: dict[str, Any],
    expected: list[str] | None,
) -> None:
    found = with_partners(entries, partners, own, aliases)
    assert (None if found is None else [one["name"] for one in found]) == expected


@pytest.mark.parametrize(
    "result, text",
    [
        ({"unreachable": True, "msg": "no route."}, "no route"),
        ({}, "it was not asked"),
        (_host("n1.x.y", "CL"), "no Hyper-V Replica Broker"),
        (_host("HV-W"), "p has no primary DNS suffix: it calls itself HV-W"),
    ],
)
def test_a_partner_without_a_name_is_an_error(result: dict[str, Any], text: str) -> None:
    with pytest.raises(OptionError, match=text) as caught:
        with_partners([], {"p": result}, A, {})
    assert caught.value.option == "replica_server_partners"


def test_a_host_without_a_dns_suffix_is_told_by_name_with_what_to_set() -> None:
    with pytest.raises(OptionError) as caught:
        with_partners(None, {"site-2": _host("HV-B")}, A, {"site-2": ["hv-b"]})
    told = str(caught.value)
    assert "allowed_primaries:" not in told
    assert all(text in told for text in ("site-2", "HV-B", "primary DNS suffix", "hyperv_replica_names: [hv-b."))
