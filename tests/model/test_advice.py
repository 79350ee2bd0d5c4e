"""Advice that leads out: over all pairs of states, reachable or not, each way out of each refusal is gone as told.

A printed command is planned to its end and not refused; what a person is told to do is done, and the wish or another
way then leads on; and where it is said that only a person can help, no command does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import (
    advice as failover_advice,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import (
    by_hand as failover_hands,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import plan as failover_plan
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.plan import Wish, unfold
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.sides import Seen
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.step import (
    Goal,
    Way,
    ask,
    by_hand,
)

from tests.conftest import ROOT

from .advice import (
    HOSTS,
    WISH_OF,
    Scene,
    defect,
    hand_of,
    inputs_of,
    no_command_leads_on,
    order_of,
    plan,
    read_command,
)
from .search import goals

POWERS = (s.OFF, s.RUNNING, s.SAVED)
RARE_POWERS = (s.PAUSED, s.STOPPING)
PRIMARY_STATES = (
    *(s.READY, s.COPYING, s.REPLICATING, s.PREPARED, s.SUSPENDED, s.ERROR),
    *(s.WANTS_RESYNC, s.RESYNCHRONIZING, s.RESYNC_SUSPENDED, s.UPDATING_DISKS),
)
REPLICA_STATES = (
    *(s.WAITING_FOR_COPY, s.REPLICATING, s.SUSPENDED, s.ERROR, s.RESYNCHRONIZING),
    *(s.RECOVERING, s.FAILED_OVER_WAITING, s.FAILED_OVER),
)


def sides(powers: Iterable[str]) -> list[s.Side]:
    """Everything that a host can show of a VM."""
    shown = [s.Side(s.ABSENT), s.Side(s.REPLICA, s.REPLICATING, test_vm=True)]
    for power in powers:
        shown.append(s.Side(s.NONE, s.DISABLED, power))
        shown += [s.Side(s.PRIMARY, state, power, copied=state not in (s.READY, s.COPYING)) for state in PRIMARY_STATES]
        shown += [s.Side(s.REPLICA, state, power, copied=state != s.WAITING_FOR_COPY) for state in REPLICA_STATES]
    return shown


def scenes(powers: Iterable[str] = POWERS) -> list[Scene]:
    """Every pair of them, and each with a host that does not answer, or only shows that it lives."""
    known = sides(powers)
    both = [Scene((target, other)) for target in known for other in (*known, None)]
    return both + [Scene((target, None), heard=True) for target in known]


WISHES = tuple(goal for goal in goals() if goal.wish in failover_advice.PLAYBOOKS)


@dataclass
class Told:
    """How often what was told, and every piece of advice that leads nowhere, as a sentence."""

    plans: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def look(self, scene: Scene, goal: Goal) -> None:
        """Plan the wish from this scene, and go every way that a refusal names."""
        wish = Wish(goal, fence=False)
        found = plan(scene, HOSTS[0], wish)
        self.plans += 1
        if found.outcome != "refused":
            return
        if not found.ways:
            self.wrong.append(f"{goal} from {shown(scene)}: {found.message}: no way out is told")
        for text in found.ways:
            self.ways[self._kind(text)] += 1
            wrong = self._wrong(scene, wish, text)
            if wrong:
                self.wrong.append(f"{goal} from {shown(scene)}: {found.message}: {text}: {wrong}")

    def _kind(self, text: str) -> str:
        if text.startswith("ansible-playbook"):
            return read_command(text).playbook
        return hand_of(text)[0] or "only a person can"

    def _wrong(self, scene: Scene, wish: Wish, text: str) -> str:
        if self._kind(text) != "only a person can":
            return defect(scene, HOSTS[0], wish, text)
        # Neither a lie about a host that was read nor a pulled plug that nobody asked for is a way out.
        like = [goal for goal in WISHES if goal.start == wish.goal.start and not goal.turn_off]
        return no_command_leads_on(scene, [goal for goal in like if goal.wish != "commit" and goal.declared != "dead"])


def shown(scene: Scene) -> str:
    """A scene for people."""
    told = "; ".join(f"{host} {side or 'not read'}" for host, side in zip(HOSTS, scene.sides, strict=True))
    return f"[{told}{' but heard' if scene.heard else ''}]"


def gone(some: Iterable[Scene], say: Callable[[str], None]) -> list[str]:
    """Go every way from these scenes; what was counted is said."""
    told = Told()
    for scene in some:
        for goal in WISHES:
            told.look(scene, goal)
    say(f"advice: {told.plans} plans, {told.ways.total()} ways out, {len(told.wrong)} that lead nowhere")
    for kind, count in told.ways.most_common():
        say(f"advice: {count:6} {kind}")
    return told.wrong


def test_each_way_out_of_a_refusal_leads_out(say):
    known = scenes()
    wrong = gone(known[:: len(known) // 190], say)
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.all_only
@pytest.mark.parametrize("part", range(8))
def test_each_way_out_of_a_refusal_leads_out_of_every_pair_of_states(part, say):
    wrong = gone(scenes((*POWERS, *RARE_POWERS))[part::8], say)
    assert not wrong, "\n".join(wrong[:20])


# -- the states that the cases name ------------------------------------------------------------------------------------


@pytest.mark.parametrize("target, other", [HOSTS, HOSTS[::-1]])
def test_both_run_after_a_committed_failover_and_the_advice_works(target, other):
    """A13: the printed planned_failover towards the old primary was refused."""
    failed_over = s.Side(s.REPLICA, s.FAILED_OVER, s.RUNNING)
    scene = Scene((failed_over, s.Side(s.PRIMARY, s.WANTS_RESYNC, s.RUNNING)))
    scene = scene if target == HOSTS[0] else replace(scene, sides=scene.sides[::-1])
    found = plan(scene, HOSTS[0], Wish(Goal("planned")))
    commands = [text for text in found.ways if text.startswith("ansible-playbook")]
    assert commands
    for text in found.ways:
        assert not defect(scene, HOSTS[0], Wish(Goal("planned")), text), text


def test_what_loses_nothing_is_told_first():
    """A primary that is only suspended is repaired before it is given up."""
    scene = Scene((s.Side(s.REPLICA, s.REPLICATING), s.Side(s.PRIMARY, s.SUSPENDED, s.OFF)))
    ways = plan(scene, HOSTS[0], Wish(Goal("planned"))).ways
    assert hand_of(ways[0]) == ("repair", "hv-a")
    assert "unplanned_failover" in ways[-1]
    assert "reason=primary_unusable" in ways[-1]


def test_a_first_copy_that_never_finished_is_not_repaired_but_finished():
    """D11."""
    sender = s.Side(s.PRIMARY, s.READY, s.RUNNING, copied=False)
    scene = Scene((s.Side(s.REPLICA, s.WAITING_FOR_COPY, copied=False), sender))
    found = plan(scene, HOSTS[0], Wish(Goal("planned")))
    assert "its initial replication never finished" in found.message
    assert [hand_of(text)[0] for text in found.ways] == ["copy"]


def test_the_command_says_every_choice_that_was_planned_for_it():
    """Else the command would be another wish than the one that was tried."""
    scene = Scene((s.Side(s.REPLICA, s.REPLICATING), s.Side(s.PRIMARY, s.REPLICATING, s.RUNNING)))
    wish = Wish(Goal("unplanned", start=False, declared="dead", accept=frozenset({"hv-z"})))
    commands = [read_command(text).variables for text in plan(scene, HOSTS[0], wish).ways]
    assert commands
    assert all(given["start"] == "false" and given["accept"] == "hv-z" for given in commands)


# -- another copy ------------------------------------------------------------------------------------------------------


def beside(copy: s.Copy) -> s.Pair:
    return s.Pair(s.Side(s.REPLICA, s.REPLICATING), s.Side(s.PRIMARY, s.REPLICATING), rest=(copy,))


@pytest.mark.parametrize(
    "copy, name",
    [
        (s.Copy("hv-c", None), "accept"),
        (s.Copy("hv-c", s.Side(s.EXTENDED, s.FAILED_OVER)), "discard"),
        (s.Copy("hv-c", s.Side(s.EXTENDED, s.FAILED_OVER_WAITING)), "discard"),
    ],
)
@pytest.mark.parametrize("goal", [Goal("planned", start=False), Goal("unplanned", declared="unusable")], ids=str)
def test_a_copy_beside_the_two_sides_is_accepted_or_given_up_by_the_command_that_is_told(copy, name, goal):
    seen = Seen("id-app01", "App01", "hv-b", "hv-a", beside(copy), "HV-A.x.example")
    found = unfold(seen, Wish(goal))
    assert found.outcome == "refused"
    (text,) = found.ways
    said = read_command(text)
    assert said.variables[name] == "hv-c"
    assert unfold(seen, order_of(said)[1]).outcome == "done"


@pytest.mark.parametrize("power", [s.RUNNING, s.SAVED])
def test_a_copy_that_runs_beside_the_two_sides_is_shut_down_where_it_is(power):
    """The sentence itself says what to do there, and does not add that only a person can."""
    pair = beside(s.Copy("hv-c", s.Side(s.NONE, s.DISABLED, power)))
    found = unfold(Seen("id-app01", "App01", "hv-b", "hv-a", pair, "HV-A.x.example"), Wish(Goal("planned")))
    assert found.outcome == "refused"
    assert not found.ways
    assert "on hv-c" in found.message
    assert "-VM" in found.message


# -- the commands themselves -------------------------------------------------------------------------------------------

KINDS: list[Way] = [
    *failover_advice.ANYWHERE,
    *(ask(wish, accept=frozenset({"hv-c", "hv-d"})) for wish in ("planned", "cancel", "return_home")),
    *(ask(wish, discard="hv-c") for wish in ("planned", "return_home")),
    ask("unplanned", declared="dead", accept=frozenset({"hv-c", "hv-d"})),
    ask("unplanned", declared="dead", discard="hv-c"),
    *(ask(wish, to, lose="other", turn_off=True) for wish in ("planned", "return_home") for to in ("target", "other")),
    *(ask("unplanned", declared=declared, turn_off=True) for declared in ("dead", "unusable")),
    ask("planned", declared="prepared", reverse=False, shutdown=False),
    ask("cancel", declared="dead", start=False, turn_off=True, shutdown=False),
    ask("commit"),
]
NAMES = ("App01", "App 01", "it's, {{ 'x' }}", "Büro-VM", '"quoted"', "b16d9a7c-0f5c-4b6f-9a3b-1f0f5d3c2a11")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", KINDS)
def test_a_command_is_one_of_ours_and_the_role_takes_it(way, name):
    vm_id = "6b1f3a52-94b1-4f8f-8f0c-3f6c0c0f5a11"
    pair = s.Pair(s.Side(s.REPLICA, s.REPLICATING), s.Side(s.PRIMARY, s.REPLICATING))
    seen = Seen(vm_id, name, "hv-b", "hv-a", pair, "HV-A.x.example")
    asked = Goal("planned", declared="prepared", turn_off=True, accept=frozenset({"hv-e"}), start=False)
    (text,) = failover_advice.told([way], seen, asked, {"candidates": "hv-a,hv-b", "fence": False})
    said = read_command(text)
    assert (ROOT / "playbooks" / f"{said.playbook}.yml").is_file()
    assert WISH_OF[said.playbook] == way.wish
    assert set(said.variables) <= {*inputs_of(said.playbook), "failover_to"}
    assert said.variables["failover_to"] == ("hv-b" if way.to == "target" else "hv-a")
    assert "{{" not in text
    wanted, (_target, wish) = failover_advice.goal_of(way, asked), order_of(said)
    for chosen in ("wish", "reverse", "start", "declared", "shutdown", "turn_off", "accept_loss", "accept"):
        assert getattr(wish.goal, chosen) == getattr(wanted, chosen), (chosen, text)
    lost = {"target": said.variables["failover_to"], "other": ({*HOSTS} - {said.variables["failover_to"]}).pop()}
    assert wish.discard == lost.get(wanted.lose, wanted.discard)


def test_a_playbook_has_an_input_for_each_choice_that_is_told_for_it():
    words = {"declared": "declared", "turn_off": "old_vm", "accept_loss": "changes_since_failover"}
    for wish, takes in failover_advice.TAKES.items():
        known = inputs_of(failover_advice.PLAYBOOKS[wish])
        told = {words.get(choice, choice) for choice in takes}
        if wish == "unplanned":
            told = told - {"declared"} | {"reason"}
        assert told <= set(known), wish


def test_every_hand_has_its_words_and_every_word_is_a_hand():
    hands = {*failover_hands._ALONE, *failover_hands._TOGETHER, "reach", "power_off"}
    assert hands == set(failover_advice.BY_HAND)
    assert {way.hand for way in failover_advice.HANDS_ANYWHERE} <= hands


def test_a_test_vm_is_ended_by_a_playbook_that_takes_its_command():
    seen = Seen("id-app01", "App01", "hv-b", "hv-a", s.Pair(s.Side(), s.Side()), "")
    (text,) = failover_advice.told([ask("end_test")], seen, Goal("planned"), {"candidates": "hv-a"})
    said = read_command(text)
    plays = yaml.safe_load((ROOT / "playbooks" / f"{said.playbook}.yml").read_text(encoding="utf-8"))
    assert len(plays) > 1
    assert set(said.variables) <= {*inputs_of(said.playbook), "test_on"}


# -- the search can fail -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, instead",
    [
        ("open_ways", lambda ways, *_unused: tuple(ways)),
        ("open_ways", lambda *_unused: ()),
        ("after_hand", lambda way, pair: way),
    ],
    ids=["nothing is tried", "nothing is told", "hands are not tried"],
)
def test_advice_without_one_of_its_rules_is_found_out(monkeypatch, name, instead):
    place = failover_plan if hasattr(failover_plan, name) else failover_advice
    monkeypatch.setattr(place, name, instead)
    for cached in (failover_plan._open, failover_plan._course):
        cached.cache_clear()
    try:
        known = scenes()
        assert gone(known[:: len(known) // 40], lambda line: None)
    finally:
        for cached in (failover_plan._open, failover_plan._course):
            cached.cache_clear()


def test_a_hand_that_finds_nothing_to_do_is_no_way():
    pair = s.Pair(s.Side(s.REPLICA, s.REPLICATING), s.Side(s.PRIMARY, s.REPLICATING))
    for hand in failover_advice.BY_HAND:
        assert failover_hands.after_hand(by_hand(hand), pair) is None, hand
