"""A firewall rule that a group policy holds: whatever shows it, the message says that a policy does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.option_groups import Waiting
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import ErrorRecord, Output, Row
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Refused, Step, Wait
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.progress import Progress, judge, started
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.firewall import (
    BUILT_IN,
    OWN,
    Firewall,
    Opening,
    Rule,
    parse_firewall,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.have import Have
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.plan import decide

from tests.unit.plugins.server_cases import have_of, want_of

HTTP = BUILT_IN["kerberos"]
WANT = want_of({"open_firewall": True})
WAITING = Waiting(settle_timeout=20)
HELD = Rule(HTTP, False, True, ("80",), policy="Contoso baseline")


def host(*active: Rule, enabled: bool = False) -> Have:
    """A replica server whose stored built-in rule is enabled or not, with what is in force there."""
    have = have_of({"settings": {"enabled": True, "authentication": "kerberos"}}, WANT)
    return replace(have, firewall=Firewall((Rule(HTTP, enabled, True, ("80",)),), active))


def sent(have: Have) -> Progress:
    step = decide(have, WANT, "", frozenset())
    assert isinstance(step, Step)
    assert step.statement.commands[-1].name == "Enable-NetFirewallRule"
    return started(Progress(), step, 0.0)


@pytest.mark.parametrize("active, words", [((HELD,), "holds the rule"), ((), "may hold the rule")])
def test_a_change_that_takes_no_effect(active: tuple[Rule, ...], words: str) -> None:
    have = host(*active)
    progress = sent(have)
    after = judge(progress, decide(have, WANT, "", progress.stages), 21.0, WAITING)
    assert "did not take effect within 20 seconds. A group policy" in after.failure
    assert f"{words} {HTTP}" in after.failure
    assert ("Contoso baseline" in after.failure) == bool(active)
    assert "open TCP 80 in that policy" in after.failure


def test_a_change_that_windows_refuses() -> None:
    have = host(HELD)
    progress = replace(sent(have), own_errors=(ErrorRecord("Windows System Error 5,x", "PermissionDenied", "x"),))
    after = judge(progress, decide(have, WANT, "", progress.stages), 1.0, WAITING)
    assert f"failed. A group policy holds the rule {HTTP} (Contoso baseline)" in after.failure


def test_a_rule_that_is_stored_and_does_not_come_into_force() -> None:
    progress = sent(host())
    decision = decide(host(enabled=True), WANT, "", progress.stages)
    assert isinstance(decision, Wait)
    waiting = judge(progress, decision, 1.0, WAITING)
    assert not waiting.failure
    assert f"A group policy may hold the rule {HTTP}" in judge(waiting, decision, 62.0, WAITING).failure


def test_a_rule_that_was_enabled_before_and_is_not_in_force() -> None:
    decision = decide(host(HELD, enabled=True), WANT, "", frozenset())
    assert isinstance(decision, Refused)
    assert f"A group policy holds the rule {HTTP} (Contoso baseline)" in decision.message


@pytest.mark.parametrize("source, policy", [("GroupPolicy", "Contoso"), ("Local", ""), (None, "")])
def test_where_a_rule_in_force_comes_from(source: str | None, policy: str) -> None:
    facts = {
        "Name": HTTP,
        "Enabled": "True",
        "Direction": "Inbound",
        "Action": "Allow",
        "PrimaryStatus": "OK",
        "EnforcementStatus": "NotApplicable",
        "PolicyStoreSource": "Contoso",
        "PolicyStoreSourceType": source,
    }
    assert parse_firewall(Output((Row("MSFT_NetFirewallRule", facts),))).policy_of(HTTP) == policy


@pytest.mark.parametrize("policy_brings_it", [False, True])
def test_a_missing_built_in_rule_is_not_made_again_under_its_name(policy_brings_it: bool) -> None:
    firewall = Firewall((), (HELD,) if policy_brings_it else ())
    assert Opening("kerberos", (80,)).rule(firewall) == OWN["kerberos"]


def test_a_rule_that_a_policy_brings_and_that_lets_the_port_in_is_enough() -> None:
    firewall = Firewall((), (replace(HELD, enabled=True),))
    assert Opening("kerberos", (80,)).open(firewall)
