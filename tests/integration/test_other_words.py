"""The life of a VM over the real wire, in this process, with every answer rewritten as another host may put it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts import info

from tests.gate import only
from tests.lab.lab import Lab
from tests.sweep import workflows
from tests.sweep.hands import Hands
from tests.sweep.stage import NAMES, STANDS, A, B, Stage
from tests.unit.plugins.other_readings import READINGS, OtherHost, Reading

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.reading import drive  # isort: skip

SPEED = 2000.0


class Listener(Hands):
    """An operator whose hosts all have the reading."""

    reading: Reading

    @contextmanager
    def session(self, host: str) -> Iterator[Any]:  # type: ignore[override]  # the session that is read through
        """A session to a host that reads differently."""
        with super().session(host) as session:
            yield OtherHost(session, self.reading)


def _everything(hands: Hands) -> None:
    for host in (A, B):
        with hands.session(host) as session:
            want = info.read_options(
                {**{k: o.get("default") for k, o in info.SPEC.items()}, "gather": list(info.KINDS)}
            )
            found = drive(info.gather(want, session.host, hands.lab.world.clock.now), session)
        assert [vm["mode"] for vm in found["vms"] if vm["name"] in NAMES] == ["Primary" if host == A else "Replica"] * 2
        assert all(vm["disks"] and vm["adapters"] for vm in found["vms"])
        assert all(vm["relations"][0]["partner"] for vm in found["vms"] if vm["name"] in NAMES)


def _other_settings(hands: Hands) -> None:
    workflows._replication(hands, **workflows.OTHER_SETTINGS)


CHAPTERS: Mapping[str, Callable[[Hands], None]] = {
    "servers": workflows._servers,
    "enable": workflows._enable,
    "settings": _other_settings,
    "pause": lambda hands: workflows._replication(hands, suspended=True),
    "resume": lambda hands: workflows._replication(hands, suspended=False),
    "information": _everything,
    "network": workflows._network,
    "test": workflows._test,
    "end of the test": workflows._end_test,
    "planned failover": workflows.planned(A, B),
}


# The hosts that differ most.
ALWAYS = (
    "objects of no type",
    "only what the sources name",
    "lists of one are bare, empty lists null",
    "nested objects as text",
    "server names are short",
)


@pytest.mark.parametrize("name", only(ALWAYS, READINGS))
def test_the_life_of_a_vm(name: str) -> None:
    with Lab.start(hosts=2, vms=4, speed=SPEED, certificates=False) as lab:
        stage = Stage(lab)
        for chapter, play in CHAPTERS.items():
            _play(lab, READINGS[name], play, chapter)
        assert workflows.moved(A, B)(stage), (stage.sides(A), stage.sides(B))
        assert stage.vm(B, STANDS).state == "Running"


def _play(lab: Lab, reading: Reading, play: Callable[[Hands], None], chapter: str) -> None:
    """Play it, and once more: nothing may be sent, and nothing said to have changed."""
    for again in (False, True):
        hands = Listener(lab)
        hands.reading = reading
        before = len(lab.world.recorder.calls)
        play(hands)
        sent = [call for call in lab.world.recorder.calls[before:] if call.state_changing]
        if again:
            assert not sent, (chapter, list(map(str, sent)))
            assert not hands.changed, chapter
