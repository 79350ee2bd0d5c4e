"""What all conversations have in common: who answered, and that an answer counts once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    ACT,
    READ,
    Answer,
    Ask,
    Talk,
    Wanted,
    after,
)

WANTED = Wanted("planned", {}, {}, ["hv-b"], [], ["hv-b"], ["hv-b"], {})
NAME = {"windows_name": "HV-B.x.example", "vms": []}


def asked(times: int) -> Talk:
    return Talk("first", want=WANTED).also(Ask(0, READ, "hv-b") for _unused in range(times))  # type: ignore[no-any-return]


def heard(*results: dict[str, Any]) -> Talk:
    """A conversation that reads a host some times, and begins to act when all have answered."""
    answers = [Answer(number, result) for number, result in enumerate(results, 1)]
    phases = {"first": lambda talk, now: talk.__class__(ACT, want=WANTED, met=talk.met)}
    return after(asked(len(results)), answers, 0.0, phases, lambda talk, now: talk, lambda talk, answers, now: talk)


@pytest.mark.parametrize("second", [NAME, {"windows_name": "hv-b", "vms": []}, {"unreachable": True, "msg": "silent"}])
def test_the_same_host_again_goes_on(second: dict[str, Any]) -> None:
    talk = heard(NAME, second)
    assert (talk.phase, talk.end, talk.met) == (ACT, None, {"hv-b": "HV-B.x.example"})


def test_another_host_than_before_ends_it_before_anything_is_done() -> None:
    """A host is read twice where VMs have another name on the other side: meanwhile its entry may lead elsewhere."""
    talk = heard(NAME, {"windows_name": "HV-A.x.example", "vms": []})
    assert talk.end is not None
    assert talk.end.result["failed"]
    assert talk.end.result["msg"] == (
        "hv-b answers as HV-A.x.example now, and answered as HV-B.x.example when this run began."
        " Look at its address first. Nothing was changed."
    )


def test_an_answer_that_comes_twice_counts_once() -> None:
    answers = [Answer(1, NAME), Answer(1, {"windows_name": "HV-C.x.example"})]
    talk = after(asked(1), answers, 0.0, {}, lambda talk, now: talk, lambda talk, answers, now: talk)
    assert talk.answered[1][1] == NAME
