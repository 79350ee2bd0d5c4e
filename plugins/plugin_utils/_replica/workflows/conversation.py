# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A workflow over many hosts as a value: what to ask of them next, what to show, and how it ended. Pure.

`step(talk, answers, now) -> talk` (failover/talk.py and its like) decides; driver.py asks. Times are seconds of a clock
that only goes forward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ..base.errors import PlanError, ReplicaError
from ..base.identity import moved, windows_name_of
from ..base.text import clean_text

READ, TEST, CALL, PAUSE = "read", "test", "call", "pause"
ACT = "act"
"""The phase in which something is changed."""
FRESH_SECONDS = 10.0
"""So old a reading of the other side may be when an act rests on it."""


@dataclass(frozen=True)
class Wanted:
    """What was asked. wish: of a failover, planned, unplanned, cancel, commit, reverse or return_home; else "".

    inputs: of the workflow, typed. given: those that were not left out, as they came. targets: inventory hosts where
    the VMs are, or shall run. candidates: where their partners are looked for. reach: hosts that may be contacted.
    inventory: all of its hosts. variables: of each, hyperv_replica_names, ansible_host and group_names. check: plan
    only.
    """

    wish: str
    inputs: Mapping[str, Any]
    given: Mapping[str, Any]
    targets: Sequence[str]
    candidates: Sequence[str]
    reach: Sequence[str]
    inventory: Sequence[str]
    variables: Mapping[str, Mapping[str, Any]]
    check: bool = False


@dataclass(frozen=True)
class Ask:
    """Something that a host has to be asked.

    kind: READ (options of hyperv_replication_info), TEST (a connection test, options of hyperv_vm_replication), CALL
    (options of `module`, about `vms`), or PAUSE (`seconds`, of no host). at: when it was asked. stage: what a call is
    for. fresh: the call rests on readings that must not be older than FRESH_SECONDS when it is sent. forward: it is
    not sent any more once somebody has stopped the run.
    """

    number: int
    kind: str
    host: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    vms: tuple[str, ...] = ()
    module: str = ""
    seconds: float = 0.0
    at: float = 0.0
    stage: str = ""
    fresh: bool = False
    forward: bool = False


@dataclass(frozen=True)
class Answer:
    """What became of an ask. Of a call it comes in parts: `vms` are those that it is through with, and it is `last`
    when there are no others. stale: nothing was sent, because what the call rests on has grown too old, or because the
    run was stopped.
    """

    number: int
    result: Mapping[str, Any]
    vms: tuple[str, ...] = ()
    last: bool = True
    stale: bool = False


@dataclass(frozen=True)
class End:
    """How it ended: `result` is the task's, `lines` the report."""

    result: Mapping[str, Any]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Talk:
    """What every conversation has. `want` is what was asked. `open` are the asks without a last answer, `asks` those of
    them that are new.

    `lines` are events to be shown now, `plan` is what is going to be done, once it is known. `answered` has the results
    of the last asks that were made together, by number. `met` are the Windows names that hosts answered with at first.
    """

    phase: str
    want: Wanted = field(kw_only=True)
    asked: int = 0
    met: Mapping[str, str] = field(default_factory=dict)
    open: Mapping[int, Ask] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()
    answered: Mapping[int, tuple[Ask, Mapping[str, Any]]] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    end: End | None = None

    def read(self, now: float, hosts: Mapping[str, Mapping[str, Any]] | list[str], **options: Any) -> Any:
        """The talk that also reads hosts; `hosts` may give each its own options."""
        each = hosts if isinstance(hosts, Mapping) else {host: {} for host in hosts}
        return self.also(Ask(0, READ, host, {**options, **more}, at=now) for host, more in each.items())

    def also(self, asks: Any) -> Any:
        """The talk that asks these too; each gets its number."""
        number, new = self.asked, []
        for ask in asks:
            number += 1
            new.append(replace(ask, number=number))
        if not new:
            return self
        return replace(
            self,
            asked=number,
            asks=(*self.asks, *new),
            open={**self.open, **{ask.number: ask for ask in new}},
        )

    def results(self) -> dict[str, Mapping[str, Any]]:
        """The last results of reads, by host."""
        return {ask.host: result for ask, result in self.answered.values() if ask.kind == READ}


TalkT = TypeVar("TalkT", bound=Talk)
Phases = Mapping[str, Callable[[TalkT, float], TalkT]]


def take(talk: TalkT, answers: Sequence[Answer]) -> TalkT:
    """The talk with these answers, each of them the last of its ask, among the `answered`. Raises PlanError."""
    for answer in answers:
        ask = talk.open.get(answer.number)
        if ask is None:  # it is answered already
            continue
        if ask.kind == READ:
            talk = replace(talk, met=_met(talk.met, ask.host, answer.result))
        talk = replace(
            talk,
            open={number: one for number, one in talk.open.items() if number != answer.number},
            answered={**talk.answered, answer.number: (ask, answer.result)},
        )
    return talk


def _met(met: Mapping[str, str], host: str, result: Mapping[str, Any]) -> Mapping[str, str]:
    """Who answered where, with this answer. Raises PlanError for another one than before: a host may be read twice."""
    name = windows_name_of(result)
    problem = moved(host, name, met.get(host, ""))
    if problem:
        raise PlanError(f"{problem}. Nothing was changed.")
    return {host: name, **met} if name else met


def go_through(talk: TalkT, phases: Phases[TalkT], now: float) -> TalkT:
    """The talk after the phases that can begin: each is called when all that was asked before it is answered, and asks
    more, or names the next one. It stops at a phase that is none of these.
    """
    while not talk.open and talk.end is None and talk.phase in phases:
        talk = phases[talk.phase](talk, now)
        if talk.open:
            return replace(talk, answered={})
    return talk


def after(
    talk: TalkT,
    answers: Sequence[Answer],
    now: float,
    phases: Phases[TalkT],
    begin: Callable[[TalkT, float], TalkT],
    acts: Callable[[TalkT, Sequence[Answer], float], TalkT],
) -> TalkT:
    """The step of a conversation: its phases one after the other, then `begin`, and from then on `acts`.

    What is refused before anything was done ends it. An answer to what is not open any more does not count.
    """
    talk = replace(talk, asks=(), lines=(), plan=())
    answers = [answer for answer in answers if answer.number in talk.open]
    if talk.phase == ACT:
        return acts(talk, answers, now)
    try:
        talk = go_through(take(talk, answers), phases, now)
    except ReplicaError as error:
        return refuse(talk, clean_text(error))
    begins = talk.phase == ACT and not talk.open and talk.end is None
    return begin(replace(talk, answered={}), now) if begins else talk


def refuse(talk: TalkT, *lines: str) -> TalkT:
    """The end before anything was done."""
    return replace(talk, end=End({"changed": False, "failed": True, "msg": "\n".join(lines)}))
