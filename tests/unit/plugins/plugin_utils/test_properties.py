"""Selections are checked before they are sent."""

from __future__ import annotations

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Command
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.properties import (
    PROPERTIES,
    UnknownProperty,
    expand,
    select,
)


def test_select_sends_the_names_as_they_are() -> None:
    assert select("VMReplication", "VMId", "ReplicationState") == Command(
        "Select-Object", {"Property": ["VMId", "ReplicationState"]}
    )
    assert expand("VMReplication", "ReplicatedDisks") == Command("Select-Object", {"ExpandProperty": "ReplicatedDisks"})


@pytest.mark.parametrize(
    "type_name, name",
    [
        ("VMReplication", "State"),  # an alias of the types file
        ("VMReplication", "replicationState"),  # another case: as an output name it would not be found again
        ("VMReplicationServer", "HttpPort"),
        ("VirtualMachine", "VMId"),
        ("VMReplica", "VMId"),
    ],
)
def test_select_refuses_what_is_not_documented(type_name: str, name: str) -> None:
    with pytest.raises(UnknownProperty):
        select(type_name, name)


def test_expand_refuses_what_holds_no_objects() -> None:
    with pytest.raises(UnknownProperty):
        expand("VMReplication", "VMName")


def test_names_are_names() -> None:
    for type_name, names in PROPERTIES.items():
        assert names, type_name
        assert all(name.isidentifier() for name in names), type_name
