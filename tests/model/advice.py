"""Advice, taken at its word: the printed command is read as a shell and Ansible read it, goes through the variables of
the playbook and the conversion of the role, and is planned; what is to be done by hand is done to the states.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.advice import BY_HAND
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.inputs import make_run
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.look import read_wish
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.plan import (
    VMPlan,
    Wish,
    unfold,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.sides import Sight
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.step import Goal
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.role_inputs import role_inputs

from tests.conftest import ROOT
from tests.unit.plugins.failover_sim import record_of, vm_id

HOSTS = ("hv-b", "hv-a")  # the target of the first wish, and its partner
WISH_OF = {
    "planned_failover": "planned",
    "unplanned_failover": "unplanned",
    "cancel_failover": "cancel",
    "commit_failover": "commit",
    "reverse_replication": "return_home",
}
MOST_STEPS = 6


@dataclass(frozen=True)
class Scene:
    """What both hosts have; None: a host that does not answer (`heard`: its machine does)."""

    sides: tuple[s.Side | None, s.Side | None]
    heard: bool = False

    def of(self, host: str) -> s.Side | None:
        """What a host has."""
        return self.sides[HOSTS.index(host)]

    def with_(self, host: str, side: s.Side | None) -> Scene:
        """The scene in which a host has this."""
        first, second = (side if name == host else old for name, old in zip(HOSTS, self.sides, strict=True))
        return replace(self, sides=(first, second))


def plan(scene: Scene, target: str, wish: Wish) -> VMPlan:
    """What a run for this host would do, and say."""
    seen = _sight(scene, target).see(vm_id("App01"), "App01", partner=_windows(_partner(target)))
    if scene.heard and seen.pair.other is None:
        seen = replace(seen, pair=replace(seen.pair, heard=True))
    return unfold(seen, wish)


def _partner(host: str) -> str:
    return HOSTS[1 - HOSTS.index(host)]


def _windows(host: str) -> str:
    return f"{host.upper()}.x.example"


def _sight(scene: Scene, target: str) -> Sight:
    readings: dict[str, Any] = {}
    for host in HOSTS:
        side = scene.of(host)
        if side is None:
            readings[host] = {"failed": True, "unreachable": True, "msg": "no route", "host_answered": False}
            continue
        vms = [] if side.mode == s.ABSENT else [_record(host, side)]
        readings[host] = {"vms": vms, "windows_name": _windows(host)}
    return Sight(readings, [target], {_windows(host): [host] for host in HOSTS})


@cache
def _record(host: str, side: s.Side) -> dict[str, Any]:
    record = record_of("App01", host, _partner(host), side)
    if side.mode == s.NONE:
        return {**record, "partner": None, "relations": []}
    if not side.copied:
        record["relations"][0]["last_replication_time"] = None
    return record


# -- commands --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """A printed command: its playbook and the variables that it gives."""

    playbook: str
    variables: Mapping[str, Any]


def read_command(text: str) -> Said:
    """As a shell and Ansible read it."""
    program, playbook, *words = shlex.split(text)
    assert program == "ansible-playbook", text
    assert words[::2] == ["-e"] * (len(words) // 2), text
    variables: dict[str, Any] = {}
    for word in words[1::2]:
        if word.startswith("{"):
            variables |= json.loads(word)
            continue
        # Ansible's own key=value parser splits at blanks that no quotes hold together.
        for pair in shlex.split(word):
            name, sign, value = pair.partition("=")
            assert sign, f"{word}: {pair} is no variable"
            variables[name] = value
    return Said(playbook.removeprefix("hyperv.replica."), variables)


@cache
def inputs_of(playbook: str) -> Mapping[str, str]:
    """The variables of a playbook, and which input of its role each is."""
    plays = yaml.safe_load((ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for task in plays[-1]["tasks"]:
        for name, value in (task.get("vars") or {}).items():
            if str(value).startswith("{{ "):
                found[str(value).split()[1]] = name
    return found


@cache
def _spec(role: str, entry: str) -> Mapping[str, Any]:
    text = (ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    specs = yaml.safe_load(text)["argument_specs"]
    return specs[entry]["options"]  # type: ignore[no-any-return]


ENTRIES = {"commit_failover": "commit", "cancel_failover": "cancel", "reverse_replication": "reverse"}


def order_of(said: Said) -> tuple[str, Wish]:
    """The target and the wish of a command of the failover role, converted by the role. Raises what the role does."""
    known = inputs_of(said.playbook)
    given = {known[name]: value for name, value in said.variables.items() if name != "failover_to"}
    confirmed = given.pop("failover_confirm")
    assert confirmed == said.variables["vms"], f"{said}: confirm does not confirm"
    entry = _spec("failover", ENTRIES.get(said.playbook, "main"))
    if WISH_OF[said.playbook] in ("planned", "unplanned"):
        given["failover_type"] = WISH_OF[said.playbook]
    inputs = {**DEFAULTS, **role_inputs(given, entry, "failover_")}
    target = str(said.variables["failover_to"])
    raw = make_run({**inputs, "to": target}, WISH_OF[said.playbook], [target], {})
    return target, replace(read_wish(raw["wish"]), fence=False)


DEFAULTS: Mapping[str, Any] = {
    name.removeprefix("failover_"): option.get("default") for name, option in _spec("failover", "main").items()
}


# -- hands -----------------------------------------------------------------------------------------------------------


def hand_of(text: str) -> tuple[str, str]:
    """The word of what is to be done by hand, and the host; two empty texts for another sentence."""
    for hand, words in BY_HAND.items():
        for host in HOSTS:
            if text == words.format(host=host):
                return hand, host
    return "", ""


def by_hand(scene: Scene, hand: str, host: str) -> Iterator[Scene]:
    """What the person finds done: nothing where there was nothing to do, anything where the host was silent."""
    side = scene.of(host)
    if side is None:
        yield from _of_silence(scene, hand, host)
    elif hand in _POWER:
        if side.power in _POWER[hand]:
            yield scene.with_(host, side.with_(power=s.OFF))
    elif hand == "repair":
        if side.state in (s.SUSPENDED, s.ERROR, s.WANTS_RESYNC, s.RESYNC_SUSPENDED):
            partner = scene.of(_partner(host))
            copies = side.mode == s.PRIMARY and partner is not None and partner.state == s.WAITING_FOR_COPY
            yield scene.with_(host, side.with_(state=s.COPYING if copies else s.REPLICATING))
    elif hand in ("copy", "resync"):
        yield from _arrived(scene, hand)
    elif hand == "protect":
        yield from _protected(scene, host)


_POWER: Mapping[str, tuple[str, ...]] = {
    "stop_guest": (s.RUNNING,),
    "turn_off": (s.RUNNING, s.PAUSED, s.STOPPING),
    "discard_state": (s.SAVED,),
}
COME_BACK = (
    s.Side(s.PRIMARY, s.PREPARED),
    s.Side(s.PRIMARY, s.REPLICATING),
    s.Side(s.PRIMARY, s.WANTS_RESYNC),
    s.Side(s.PRIMARY, s.REPLICATING, s.RUNNING),
    s.Side(s.REPLICA, s.REPLICATING),
    s.Side(s.REPLICA, s.FAILED_OVER_WAITING, s.RUNNING),
)


def _of_silence(scene: Scene, hand: str, host: str) -> Iterator[Scene]:
    if hand == "reach":
        yield from (replace(scene.with_(host, found), heard=False) for found in COME_BACK)
    elif hand == "power_off":
        yield replace(scene, heard=False)


def _arrived(scene: Scene, hand: str) -> Iterator[Scene]:
    """A first copy, or a resynchronization, is through."""
    sends = {"copy": (s.READY, s.COPYING), "resync": (s.RESYNCHRONIZING,)}[hand]
    if any(side is not None and side.mode == s.PRIMARY and side.state in sends for side in scene.sides):
        first, second = (side and side.with_(state=s.REPLICATING, copied=True) for side in scene.sides)
        yield replace(scene, sides=(first, second))


def _protected(scene: Scene, host: str) -> Iterator[Scene]:
    """The other host's VM is replicated to this one; Windows refuses that where there is a VM of that id already."""
    own, other = scene.of(host), scene.of(_partner(host))
    if own is not None and other is not None and own.mode == s.ABSENT and other.mode == s.NONE:
        done = scene.with_(host, s.Side(s.REPLICA, s.REPLICATING))
        yield done.with_(_partner(host), s.Side(s.PRIMARY, s.REPLICATING, other.power))


def no_command_leads_on(scene: Scene, wishes: Iterable[Goal]) -> str:
    """The first of all wishes, towards either host, that changes something; "" where only a person can."""
    for target, goal in product(HOSTS, wishes):
        found = plan(scene, target, Wish(goal, fence=False, advise=False))
        if found.acts and found.outcome != "refused":
            return f"{goal} towards {target}"
    return ""


# -- to the end ------------------------------------------------------------------------------------------------------


def leads_out(scene: Scene, target: str, wish: Wish, steps: int = MOST_STEPS) -> bool:
    """Whether the wish is not refused, or one of the ways that it is given leads on."""
    found = plan(scene, target, wish)
    if found.outcome != "refused":
        return True
    return steps > 0 and any(not defect(scene, target, wish, text, steps - 1) for text in found.ways)


def defect(scene: Scene, target: str, wish: Wish, text: str, steps: int = MOST_STEPS) -> str:
    """What is wrong with this way out of a refusal; "" when it leads on."""
    if text.startswith("ansible-playbook"):
        return _defect_of_command(scene, text)
    hand, host = hand_of(text)
    if not hand:
        return "it is no way"
    after = list(by_hand(scene, hand, host))
    if not after:
        return "there is nothing of the kind to do"
    stuck = [one for one in after if not leads_out(one, target, wish, steps)]
    return f"then nothing leads on from {stuck[0]}" if stuck else ""


def _defect_of_command(scene: Scene, text: str) -> str:
    said = read_command(text)
    if said.playbook == "cleanup_test_failover":
        side = scene.of(str(said.variables["test_on"]))
        return "" if side is not None and side.test_vm else "there is no test VM"
    target, wish = order_of(said)
    found = plan(scene, target, wish)
    if found.outcome == "refused":
        return f"it is refused: {found.message}"
    return "two copies run at its end" if found.end.both_run else ""
