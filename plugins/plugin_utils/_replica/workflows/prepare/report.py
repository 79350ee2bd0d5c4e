# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What preparing primaries on their own host came to: what is down first, then what is not prepared, then what is, and
what is left to do here and where they shall run. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...base.command_line import command, to_confirm
from ...base.states import OFF, STOPPING, power_may_run
from ...base.text import labelled
from ..conversation import End
from ..failover.plan import shown
from ..failover.report import BOTH, DOWN, GOING, LEFT_MARK, UNKNOWN, repeated, sentence
from ..failover.sides import Seen
from ..failover.talk import FailoverTalk
from .plan import is_prepared, states_of

READY = "prepared"
_URGENCY = (UNKNOWN, BOTH, DOWN, GOING, LEFT_MARK, READY)


@dataclass(frozen=True)
class Primary:
    """A VM of the run. seen: as it was read last. hosts: those to be read for it. ran: it ran when the run began, or
    this run has stopped it. out: why it goes no further; "" while it goes on. touched: something was sent for it. lost:
    the last answer that was none, tries: how many of these in a row. stale: how often in a row what was read had grown
    too old. asks: how often each stage was asked for. down: why it is not started again.
    """

    seen: Seen
    hosts: tuple[str, ...] = ()
    ran: bool = False
    out: str = ""
    touched: bool = False
    lost: str = ""
    tries: int = 0
    stale: int = 0
    asks: Mapping[str, int] = field(default_factory=dict)
    down: str = ""

    @property
    def prepared(self) -> bool:
        """Whether it was read as prepared."""
        return self.seen.record is not None and is_prepared(self.seen.record)

    def left(self, reason: str) -> Primary:
        """It goes no further, unless there is no reason; the first one stays."""
        return replace(self, out=self.out or reason)

    def asked(self, stage: str) -> Primary:
        """A call for it goes out."""
        return replace(self, asks={**self.asks, stage: self.asks.get(stage, 0) + 1})


def ended(talk: FailoverTalk) -> FailoverTalk:
    """The talk with its end: the report."""
    vms: Sequence[Primary] = sorted(talk.flow.vms.values(), key=lambda one: _URGENCY.index(_mark(one)))
    host, to = talk.want.targets[0], str(talk.want.inputs["runs_on"] or "")
    left = [one for one in vms if not one.prepared]
    again = _again(left, host, to, talk.want.given)
    failures = [f"{_mark(one)}: {_text(one, host)}" for one in left]
    result: dict[str, Any] = {
        "changed": any(action.get("sent") is not False for action in talk.flow.actions),
        "vms": [_record(one, host) for one in vms],
        "actions": list(talk.flow.actions),
        "command": again,
    }
    if talk.flow.warnings:
        result["warnings"] = list(talk.flow.warnings)
    if failures:
        result |= {"failed": True, "msg": "\n".join([*failures, again])}
    lines = labelled((_mark(one), _text(one, host)) for one in vms)
    lines += [*_to_do(vms, host, to), *([f"What is left: {again}"] if again else [])]
    return replace(talk, end=End(result, tuple(lines)))


def _mark(one: Primary) -> str:
    """The word under which the report has it."""
    record = one.seen.record
    if one.prepared:
        return READY
    if record is None:
        return DOWN if one.ran and one.touched else UNKNOWN
    if one.seen.pair.both_run:
        return BOTH
    if record["power"] == STOPPING:
        return GOING
    return DOWN if record["power"] == OFF and one.ran else LEFT_MARK


def _text(one: Primary, host: str) -> str:
    """Its sentence."""
    record, name = one.seen.record, one.seen.name
    if one.prepared:
        return f"{name} is off on {host}, and cannot be started there until that is cancelled"
    if record is None:
        told = f"{name} is not known to run: {one.seen.unread_here or f'it is not on {host} any more'}"
    else:
        told = f"{name} is {states_of(record)} on {host}"
    out = [one.out] if one.out and one.out not in told else []
    down = [f"it is not started: {one.down}"] if one.down and one.down != one.out else []
    return told if not (out or down) else " ".join(sentence(text, (host,)) for text in (told, *out, *down))


def _to_do(vms: Iterable[Primary], host: str, to: str) -> Iterator[str]:
    """What is left to do with those that are prepared, and with those that are down."""
    there = to or "the host where they shall run"
    ready = [one.seen.name_or_id for one in vms if one.prepared]
    if ready:
        asked = {"failover_to": there, "vms": ready, "confirm": to_confirm(there, ready)}
        here = {"failover_to": host, "vms": ready, "confirm": to_confirm(host, ready), "declared": "dead"}
        yield f"On {there}: {command('planned_failover', {**asked, 'declared': 'prepared'})}"
        yield "When both are in reach: the same without declared reverses the replication."
        yield f"To give it up, when both are in reach: {command('cancel_failover', asked)}"
        yield f"If {there} is lost: {command('cancel_failover', here)}"
    down = [one.seen.name_or_id for one in vms if _mark(one) == DOWN]
    if down:
        up = {"failover_to": there, "vms": down, "confirm": to_confirm(there, down)}
        yield f"To bring up what is down, when both are in reach: {command('cancel_failover', up)}"


def _again(left: Sequence[Primary], host: str, to: str, given: Mapping[str, Any]) -> str:
    """The command that prepares those that are left."""
    vms = [one.seen.name_or_id for one in left]
    where = {"failover_from": host, "failover_to": to, "stop_at": "prepared"}
    asked = {"vms": vms, "confirm": to_confirm(to or host, vms)} if vms else {}
    return command("planned_failover", {**where, **asked, **repeated(given)}) if vms else ""


def _record(one: Primary, host: str) -> dict[str, Any]:
    """Its entry of the result."""
    power = str((one.seen.record or {}).get("power") or OFF)
    return {
        "id": one.seen.id,
        "name": one.seen.name,
        "result": _mark(one),
        "failed": not one.prepared,
        "runs_on": [host] if power_may_run(power) else [],
        "target_host": one.seen.elsewhere or None,
        "other_host": host,
        "target": shown(one.seen.pair.other),
        "other": shown(one.seen.pair.target),
        "message": _text(one, host),
    }
