"""One workflow of the fault sweep, and one foreign hand; all of them are swept by `python -m tests.sweep`."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from dataclasses import replace

import pytest
from pypsrp import messages

from tests.gate import only
from tests.lab.faults import DROP_AFTER, DROP_LATE
from tests.lab.lab import Lab, When
from tests.sweep.alike import likeness
from tests.sweep.answers import ODD
from tests.sweep.bounded import Hangs, bounded
from tests.sweep.cut import LEAD, NEXT_CHANGE, Cut, planted
from tests.sweep.halted import Halt, halted, halting, went_on
from tests.sweep.hands import Hands
from tests.sweep.stage import A, B, Stage, open_lab
from tests.sweep.sweep import Known, conduct, cuts, once, staged
from tests.sweep.swift import be_swift
from tests.sweep.two_hands import Foreign, meddle
from tests.sweep.workflow import DROPS, UNPLANNED, Workflow, planned
from tests.sweep.workflows import workflows

NO: frozenset[str] = frozenset()
BY_NAME = {workflow.name: workflow for workflow in workflows()}


# Those that `make sweep` leaves out, and two of the others: it runs them all clean before it cuts them.
CLEAN = [
    one.name
    for one in workflows()
    if (not one.in_gate and one.swept == DROPS) or one.name in ("planned failover", "remove")
]


@pytest.mark.parametrize("workflow", only(CLEAN, workflows(), lambda one: one.name))
def test_a_clean_run_reaches_its_goal_and_a_repeat_changes_nothing(workflow: Workflow):
    verdict = conduct(workflow)
    assert verdict.problems == []
    assert verdict.laws == []
    assert any(call.state_changing for call in verdict.trace.calls)


def test_every_cut_of_what_changes_states_is_recovered():
    workflow = BY_NAME["cancel a preparation"]
    clean = conduct(workflow)
    changing = [cut for cut in cuts(workflow, clean) if cut.sure]
    verdicts = [conduct(workflow, cut) for cut in changing]
    assert len(verdicts) >= 10
    assert all(verdict.struck for verdict in verdicts)
    assert [verdict for verdict in verdicts if not verdict.recovered] == []


def test_the_gate_leaves_out_nothing_that_changes_states():
    workflow = BY_NAME["cancel a preparation"]
    clean = conduct(workflow)
    every, most = set(cuts(workflow, clean)), set(cuts(workflow, clean, everything=False))
    assert most < every
    assert not any(cut.sure for cut in every - most)


@pytest.mark.parametrize("kind", ODD)
def test_an_answer_that_is_none_is_one_error_of_its_host(kind: str):
    """The VM stays up, or comes up: whatever came back at a host's 9th answer, which is of a reading."""
    verdict = conduct(BY_NAME["cancel a failover"], Cut(kind, "HV-B", "answer", 9))
    assert (verdict.struck, verdict.problems, verdict.laws) == (True, [], [])


def test_an_inventory_that_lies_changes_nothing_on_the_wrong_host():
    """Before the copy is deleted its entry leads to another host, which has a VM of the same id."""
    workflow = BY_NAME["the inventory lies: delete"]
    clean = conduct(workflow).trace
    deleting = next(
        n for n, piece in enumerate(clean.pieces) if any(call.cmdlet == "Remove-Item" for call in piece.calls)
    )
    moments = [piece.calls[-1] for piece in clean.pieces[deleting - 3 : deleting]]
    lies = [Cut(LEAD, "hv-b", "hv-c", call.turn, at=call.host) for call in moments]
    verdicts = [conduct(workflow, lie) for lie in lies]
    assert [(one.struck, one.problems, one.laws) for one in verdicts] == 3 * [(True, [], [])]


def test_a_call_on_the_wrong_host_is_noticed():
    with open_lab(2) as lab:
        Stage(lab).protected()
        hands = Hands(lab)
        lab.lead("hv-b", "hv-a")
        hands.module("hyperv_vm_replication", "hv-b", names=["App01"], suspended=True)
        assert [(call.host, call.cmdlet) for call in hands.strays] == [("HV-A", "Suspend-VMReplication")]


def test_a_run_that_does_not_say_what_is_down_is_noticed():
    """A play that stops a guest, and reports that all is well."""

    def play(hands: Hands) -> None:
        Stage(hands.lab).cmdlet("hv-a", "Stop-VM", "App01")
        hands.reports.append({"lines": ["ok:            App01 runs on hv-b"], "vms": []})

    workflow = replace(BY_NAME["planned failover"], play=play)
    assert any(problem.startswith("DOWN, and nobody says so") for problem in conduct(workflow).problems)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(When("HV-A", "Stop-VM", 2, before=True), id="a second guest is about to be stopped"),
        pytest.param(When("HV-A", "Start-VMFailover", 1), id="one of two is prepared"),
        pytest.param(When("HV-B", "Start-VMFailover", 1), id="one of two is failed over"),
    ],
)
def test_what_a_run_has_stopped_is_up_again_after_a_signal(moment: When):
    workflow = next(one for one in halting() if one.name == "planned, in groups")
    verdict = halted(workflow, Halt(signal.SIGTERM, moment))
    assert verdict.struck
    assert (verdict.problems, verdict.laws, verdict.down) == ([], [], [])


def test_a_run_that_goes_on_when_it_was_stopped_is_noticed():
    with open_lab(2) as lab:
        Stage(lab).protected()
        hands = Hands(lab)
        hands.outside.noticed.set()
        planned(A, B)(hands)
        assert [told.partition(":")[0] for told in went_on(hands)] == ["it went on with Stop-VM"]


def test_a_run_that_hangs_is_an_error():
    with pytest.raises(Hangs, match="MainThread"), bounded(0.1):
        threading.Event().wait(20)


def test_a_late_effect_lands_right_before_the_next_change():
    workflow = BY_NAME["cancel a preparation"]
    cut = Cut(DROP_LATE, "HV-A", "Stop-VMFailover", 1, NEXT_CHANGE)
    order: list[tuple[str, str]] = []
    with staged(workflow) as stage, planted(stage.lab, cut) as plant:
        once(stage, workflow)
        assert plant.struck()
        calls = [call for call in stage.world.recorder.calls if call.state_changing]
        order = [(call.cmdlet, call.outcome) for call in calls if call.vms == calls[0].vms][:2]
    assert order[0] == ("Stop-VMFailover", "ok"), "it has landed"
    assert order[1] == ("Stop-VMFailover", "InvalidState"), "and what was sent again came too late"


def test_a_cut_is_noticed():
    """A workflow that is not played again after its cut would be found: its goal is not reached."""
    workflow = BY_NAME["planned failover"]
    verdict = conduct(Workflow(workflow.name, workflow.begin, lambda hands: None, workflow.done, workflow.asked))
    assert "goal not reached" in verdict.problems[0]
    assert not conduct(workflow, Cut(DROP_AFTER, "HV-B", "Complete-VMFailover", 1)).struck


def test_a_world_is_gone_on_from_once():
    workflow, known = BY_NAME["cancel a preparation"], Known()
    conduct(workflow, known=known)
    cut = Cut(DROP_AFTER, "HV-A", "Stop-VMFailover", 1)
    first, again = conduct(workflow, cut, known), conduct(workflow, cut, known)
    assert first.recovered
    assert again.recovered
    assert again.again <= first.again
    broken_play = replace(workflow, play=lambda hands: None)
    assert "goal not reached" in conduct(broken_play, known=Known()).problems[0]
    assert "goal not reached" in conduct(broken_play, cut=None, known=known).problems[0]


def test_worlds_that_differ_are_not_alike():
    with Lab.start(hosts=2, vms=4, speed=2000, certificates=False) as lab:
        stage = Stage(lab)
        stage.prepared()
        prepared, again = likeness(lab.world), likeness(lab.world)
        stage.cmdlet("hv-b", "Start-VMFailover")
        failed_over = likeness(lab.world)
        lab.world.faults.postpone(1, lambda: None)
        assert likeness(lab.world) is None
    assert prepared == again
    assert prepared != failed_over
    assert None not in (prepared, failed_over)


def test_a_foreign_hand_is_reported():
    removed = Foreign("hv-a", (("Remove-VMReplication", ()),), When("HV-B", "Start-VMFailover", before=True))
    verdict = meddle(BY_NAME["planned failover"], removed)
    assert verdict.struck
    assert verdict.problems == []
    assert verdict.laws == []


@pytest.mark.parametrize(
    "name, law",
    [("remove", "L2"), ("commit", "L6"), ("end the test", "L7"), ("cancel a preparation", "L7")],
)
def test_what_nobody_asked_for_breaks_a_law(name: str, law: str):
    workflow = BY_NAME[name]
    unasked = replace(workflow, asked=workflow.asked & {UNPLANNED})
    assert any(sentence.startswith(law) for sentence in conduct(unasked).laws)


def test_an_unplanned_failover_that_was_to_be_planned_breaks_a_law():
    unasked = replace(BY_NAME["unplanned failover"], asked=NO)
    assert any(sentence.startswith("L8") for sentence in conduct(unasked).laws)


def test_what_is_kept_for_speed_is_what_would_be_sent():
    """In a process of its own, for it changes the libraries there."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        plain, first, again = pool.apply(sent_plainly_and_swiftly, ("end the test",))
    assert plain == first == again
    assert len(plain) == 5  # what opens a session, twice, and three pipelines


def sent_plainly_and_swiftly(name: str) -> list[set[tuple[int, bytes]]]:
    """What the clients of a workflow send, without ids: as the library does it, then swiftly, twice."""
    workflow, sent = BY_NAME[name], list[set[tuple[int, bytes]]]()
    for swift in (False, True, None):
        if swift:
            be_swift()
        bodies, pack = set[tuple[int, bytes]](), messages.Message.pack
        messages.Message.pack = lambda m, keep=bodies, pack=pack: _noted(keep, m, pack(m))
        verdict = conduct(workflow)
        messages.Message.pack = pack
        sent.append(bodies)
        if not verdict.recovered:
            raise RuntimeError(f"{verdict.problems} {verdict.laws}")
    return sent


def _noted(keep: set[tuple[int, bytes]], message: messages.Message, packed: bytes) -> bytes:
    keep.add((int(message.message_type), packed[40:]))
    return packed
