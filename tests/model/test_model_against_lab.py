"""Every pair of states that can be reached, and every cmdlet of the table: the model and the lab say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import acts as failover_acts
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s

from .in_lab import Answer, Bench, cmdlets, foretold, same
from .search import SIDES, reachable


def differences(pairs: frozenset[s.Pair], among: Sequence[str] = ()) -> tuple[list[str], dict[str, int]]:
    """What the model and the lab do not agree on, as sentences, and how much was compared; `among` limits cmdlets."""
    bench, found, counts = Bench(), list[str](), {"sent": 0, "allowed": 0, "refused": 0, "uncertain": 0}
    for pair in sorted(pairs, key=str):
        for words, act, names in cmdlets():
            if among and words not in among:
                continue
            for where in SIDES:
                told, certain = foretold(pair, names, where)
                answer = bench.send(pair, act, where)
                counts["sent"] += 1
                counts["allowed" if answer.allowed else "refused"] += 1
                counts["uncertain"] += not certain
                if not agreed(pair, told, certain, answer):
                    found.append(f"{words} on {where} of [{pair}]: model {told or 'refuses'}; lab {answer}")
    return found, counts


def agreed(pair: s.Pair, told: s.Pair | None, certain: bool, answer: Answer) -> bool:
    """Same outcome and same states; what only unofficial sources call allowed may be refused, changing nothing."""
    if answer.allowed:
        return told is not None and same(told, answer.pair)
    return (told is None or not certain) and same(pair, answer.pair)


def test_the_model_and_the_lab_agree_on_every_act_from_every_pair_of_states(say):
    pairs, _unused = reachable()
    found, counts = differences(pairs)
    say(f"model against lab: {len(pairs)} pairs, {counts['sent']} acts, {len(found)} differences")
    say(f"model against lab: {counts['allowed']} allowed, {counts['refused']} refused by the lab")
    assert counts["allowed"] > 1000
    assert counts["refused"] > 1000
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:20])


def test_they_agree_on_what_goes_on_to_a_third_site(say):
    pairs, _unused = reachable()
    chains = {p.with_side("target", replace(p.target, leg=True)) for p in pairs if p.target.mode == s.REPLICA}
    found, counts = differences(frozenset(chains), ["Resume-VMReplication -Continue"])
    told = f"{len(chains)} pairs, {counts['allowed']} allowed, {len(found)} differences"
    say(f"model against lab, with a third site: {told}")
    assert counts["allowed"] > 50
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:20])


def test_a_rule_that_the_lab_does_not_know_is_found(monkeypatch):
    start = failover_acts.ACTS["start"]
    wrong = failover_acts.Rule({"mode": s.PRIMARY, "state": s.PREPARED, "power": s.OFF}, {"power": s.RUNNING})
    monkeypatch.setitem(failover_acts.ACTS, "start", replace(start, rules=(*start.rules, wrong)))
    pair = s.Pair(s.Side(s.REPLICA, s.REPLICATING), s.Side(s.PRIMARY, s.PREPARED))
    found, _unused = differences(frozenset({pair}))
    assert [line.partition(" of ")[0] for line in found] == ["Start-VM on other"]


def test_a_rule_that_the_model_lacks_is_found(monkeypatch):
    commit = failover_acts.ACTS["commit"]
    monkeypatch.setitem(failover_acts.ACTS, "commit", replace(commit, rules=()))
    pair = s.Pair(s.Side(s.REPLICA, s.FAILED_OVER_WAITING), s.Side(s.PRIMARY, s.PREPARED))
    found, _unused = differences(frozenset({pair}))
    assert [line.partition(" of ")[0] for line in found] == ["Complete-VMFailover on target"]
