"""What an error says of a host that answers nothing but refusals: which host, and Windows's sentence once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import (
    ReplicaError,
    UnexpectedOutput,
    said,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Pipeline
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import (
    ErrorRecord,
    FunctionSession,
    Output,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.task import Task
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.unreadable import CannotRead, Unreadable
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover.resource import FAILOVER
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.network.resource import FAILOVER_NETWORK
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.relation.resource import RELATION
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.replica_vm.resource import REPLICA_VM
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.resource import SERVER

DENIED = "You do not have the required permission to complete this task."
ID = "11111111-2222-3333-4444-555555555501"
OPTIONS: dict[str, dict[str, Any]] = {
    "hyperv_vm_replication": {"ids": [ID], "frequency": 30},
    "hyperv_replica_server": {"monitoring_interval_hours": 24},
    "hyperv_failover": {"ids": [ID], "state": "prepared", "runs_on": "hv-b"},
    "hyperv_failover_network": {"ids": [ID]},
    "hyperv_replica_vm": {"ids": [ID], "state": "idle"},
}


def denied(cmdlet: str) -> ErrorRecord:
    space = "Microsoft.HyperV.PowerShell.Commands"
    return ErrorRecord(f"AccessDenied,{space}.{cmdlet.replace('-', '')}", "PermissionDenied", DENIED)


def refusing(pipeline: Pipeline) -> Output:
    """A host that refuses every cmdlet, its own name too."""
    names = [command.name for statement in pipeline.statements for command in statement.commands[:1]]
    return Output((), tuple(denied(name) for name in names))


@pytest.mark.parametrize(
    "resource", [RELATION, SERVER, FAILOVER, FAILOVER_NETWORK, REPLICA_VM], ids=lambda resource: resource.name
)
def test_a_host_that_refuses_everything_is_named_and_its_sentence_stands_once(resource: Any) -> None:
    given = OPTIONS[resource.name]
    want = resource.read_options({name: given.get(name, row.get("default")) for name, row in resource.spec.items()})
    with pytest.raises(ReplicaError) as raised:
        Task(resource, want, FunctionSession("hv-a", refusing)).begin()
    text = str(raised.value)
    assert text.startswith("hv-a: ")
    assert "the host:" not in text
    assert text.count(DENIED) == 1


def test_an_answer_with_a_gap_names_its_host() -> None:
    want = SERVER.read_options({name: row.get("default") for name, row in SERVER.spec.items()})
    with pytest.raises(UnexpectedOutput, match=r"^hv-b: Get-VMReplicationServer gave an answer"):
        Task(SERVER, want, FunctionSession("hv-b", lambda pipeline: Output())).begin()


def test_parts_that_fail_alike_are_told_together() -> None:
    parts = tuple(Unreadable(kind, "", None, (denied(f"Get-{kind}"),)) for kind in ("VM", "VMReplication", "VMHost"))
    other = Unreadable("disks", "", None, (ErrorRecord("x", "y", "another sentence"),))
    text = str(CannotRead("hv-a", (*parts, other), {}))
    assert text.count(DENIED) == 1
    assert text.startswith("hv-a: could not read VM, VMReplication, VMHost: You do not")
    assert "disks: another sentence" in text


def test_different_sentences_all_stand() -> None:
    records = [denied("Get-VM"), denied("Get-VMHost"), denied("Get-VM"), ErrorRecord("x", "y", "another sentence")]
    text = said(records)
    assert text.count(DENIED) == 1
    assert "and 1 other cmdlet(s) alike" in text
    assert text.endswith("another sentence [x, y]")
