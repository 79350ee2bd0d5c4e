"""What hyperv_failover takes as proof of the other copies: whose word it is, how old, and of how many hosts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.option_groups import VMSelection
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.proof import Proof
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import Side
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Decision, Refused, Step
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover.decide import decide
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover.options import Want
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover.read import VM, Have

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
REPLICA = Side("Replica", "Replicating", "Off")
FAILED_OVER = Side("Replica", "FailedOverWaitingCompletion", "Off")
PREPARED = Side("Primary", "PreparedForFailover", "Off")
STRANGE = Side("Primary", "Error", "ComponentServicing")
THIRD = Side("ExtendedReplica", "Replicating", "Off")


def proof(host: str, side: Side, age: float = 5, **more: Any) -> Proof:
    """What a host said so many seconds ago."""
    return Proof(f"{host}.x.example", side, NOW - timedelta(seconds=age), **more)


def decision(own: Side, *proofs: Proof, third: bool = False, **given: Any) -> Decision:
    """What comes next for App, replica of HV-A on HV-B, `third`: replicated on to HV-C."""
    simple = {"type": "Simple", "mode": "Replica", "primary_server": "HV-A.x.example", "replica_server": "HV-B"}
    leg = {"type": "Extended", "mode": "Replica", "primary_server": "HV-B", "replica_server": "HV-C.x.example"}
    record: dict[str, Any] = {"id": "1", "name": "App (copy)", "partner": "HV-A.x.example", "clustered": False}
    vm = VM({**record, "relations": [simple, leg] if third else [simple]}, own)
    options = {"runs_on": "HV-B.x.example", "start": True, "unconnected": True, **given}
    want = Want(VMSelection(ids=["1"]), "failed_over", proofs={"1": proofs} if proofs else {}, **options)
    return decide(Have("HV-B.x.example", NOW, {"1": vm}), want, "1", frozenset())


@pytest.mark.parametrize(
    "own, proofs, given",
    [
        (REPLICA, [proof("HV-A", PREPARED)], {}),
        (FAILED_OVER, [proof("HV-A", PREPARED)], {}),
        (FAILED_OVER, [proof("hv-a", PREPARED)], {"expected_host": "hv-b"}),
        (REPLICA, [proof("NODE-1", PREPARED, names=("CL-A.x.example", "HV-A.x.example"))], {}),
        (REPLICA, [proof("NODE-1", PREPARED, clustered=True)], {}),
        (FAILED_OVER, [proof("HV-A", PREPARED), proof("HV-C", THIRD)], {"third": True}),
        (FAILED_OVER, [proof("HV-A", PREPARED)], {"third": True, "accept_unread": ("hv-c",)}),
        (FAILED_OVER, [], {"declared": "dead"}),
        (REPLICA, [proof("HV-C", THIRD)], {"third": True, "declared": "dead"}),
    ],
)
def test_it_goes_on(own: Side, proofs: list[Proof], given: dict[str, Any]) -> None:
    step = decision(own, *proofs, **given)
    assert isinstance(step, Step)
    assert step.stage == ("start" if own is FAILED_OVER else "fail_over")


RUNS = Side("ExtendedReplica", "FailedOverWaitingCompletion", "Running")


@pytest.mark.parametrize(
    "own, proofs, given, words",
    [
        (REPLICA, [proof("HV-A", PREPARED, age=-3600)], {}, "is from the future"),
        (FAILED_OVER, [proof("HV-A", PREPARED, age=-(73 * 365 * 86400))], {}, "is from the future"),
        (REPLICA, [proof("HV-A", PREPARED, age=121)], {}, "is 121 seconds old, and partner_max_age is 120"),
        (REPLICA, [proof("HV-X", PREPARED)], {}, "a record of HV-X.x.example, and the partner is HV-A.x.example"),
        (REPLICA, [proof("HV-X", PREPARED, clustered=True, names=("CL-X",))], {}, "a record of HV-X.x.example"),
        (FAILED_OVER, [proof("HV-A", PREPARED), proof("HV-X", THIRD)], {}, "a record of HV-X.x.example"),
        (
            FAILED_OVER,
            [proof("HV-A", PREPARED)],
            {"third": True},
            "replicated on to HV-C.x.example, and nothing is known",
        ),
        (FAILED_OVER, [proof("HV-C", THIRD)], {"third": True}, "nothing is known of its primary"),
        (REPLICA, [], {"third": True, "declared": "dead"}, "accept_unread: [HV-C.x.example]"),
        (FAILED_OVER, [proof("HV-A", PREPARED), proof("HV-C", RUNS)], {"third": True}, "has it: ExtendedReplica"),
        (FAILED_OVER, [proof("HV-A", PREPARED), proof("HV-C", THIRD, age=200)], {"third": True}, "200 seconds old"),
        (FAILED_OVER, [proof("HV-A", STRANGE)], {"declared": "unusable"}, "is ComponentServicing, not Off"),
        (REPLICA, [proof("HV-A", PREPARED)], {"declared": "dead"}, "A declaration never beats a reading"),
        (REPLICA, [proof("HV-A", PREPARED)], {"expected_host": "HV-B.other.example"}, "HV-B.x.example answered"),
    ],
)
def test_it_is_refused(own: Side, proofs: list[Proof], given: dict[str, Any], words: str) -> None:
    refused = decision(own, *proofs, **given)
    assert isinstance(refused, Refused)
    assert words in refused.message
