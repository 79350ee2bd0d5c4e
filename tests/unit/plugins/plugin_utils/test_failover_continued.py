"""hyperv_failover, state: continued: the failed-over VM goes on towards its third site, or why it does not."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.option_groups import VMSelection
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.proof import Proof
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import Side
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Decision, Done, Refused, Step
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover.decide import decide
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover.options import Want
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover.read import VM, Have

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
FAILED_OVER = Side("Replica", "FailedOverWaitingCompletion", "Running", leg=True)


def decision(own: Side, other: Side | None = None, runs_on: str = "HV-B.x.example") -> Decision:
    """What comes next for App on HV-B, replica of HV-A and failed over, with HV-C behind it."""
    names = {"primary_server": "HV-A.x.example", "replica_server": "HV-B.x.example"}
    record: dict[str, Any] = {"id": "1", "name": "App", "partner": "HV-A.x.example", "clustered": False}
    vm = VM({**record, "relations": [{"type": "Simple", **names}]}, own)
    proofs = {"1": (Proof("HV-A.x.example", other, NOW),)} if other else {}
    want = Want(VMSelection(ids=["1"]), "continued", runs_on=runs_on, proofs=proofs)
    return decide(Have("HV-B.x.example", NOW, {"1": vm}), want, "1", frozenset())


@pytest.mark.parametrize(
    "other", [None, Side("Primary", "PreparedForFailover", "Off"), Side("Primary", "Error", "Off")]
)
@pytest.mark.parametrize("state", ["FailedOverWaitingCompletion", "FailedOver"])
def test_it_goes_on(state: str, other: Side | None) -> None:
    step = decision(FAILED_OVER.with_(state=state), other)
    assert isinstance(step, Step)
    command = step.statement.commands[-1]
    assert (command.name, command.parameters) == ("Resume-VMReplication", {"Continue": True, "Confirm": False})


def test_a_primary_is_through() -> None:
    assert isinstance(decision(Side("Primary", "Replicating", "Running")), Done)


@pytest.mark.parametrize(
    ("own", "other", "words"),
    [
        (FAILED_OVER.with_(leg=False), None, "no third site"),
        (FAILED_OVER.with_(test_vm=True), None, "cannot go on towards the third site"),
        (FAILED_OVER.with_(state="Replicating", power="Off"), None, "cannot go on towards the third site"),
        (Side("ExtendedReplica", "FailedOver", "Running"), None, "no third site"),
        (FAILED_OVER.with_(power="Off"), Side("Primary", "Error", "Running"), "see to that one first"),
        (FAILED_OVER, Side("Primary", "Error", "Running"), "BOTH hosts"),
    ],
)
def test_it_does_not(own: Side, other: Side | None, words: str) -> None:
    refused = decision(own, other)
    assert isinstance(refused, Refused)
    assert words in refused.message


def test_on_the_other_host_it_names_the_right_one() -> None:
    refused = decision(FAILED_OVER, runs_on="HV-A.x.example")
    assert isinstance(refused, Refused)
    assert "run this there" in refused.message
