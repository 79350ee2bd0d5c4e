"""The laws, looked for in what the lab recorded: no call of ours may break one, whatever was cut.

L1 at every moment is the recorder's; L3 (a repeat sends nothing) is the sweep's. What was refused broke nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.lab.recorder import Recorded, Recorder

from .stage import operator_of
from .workflow import CANCEL, COMMIT, END_TEST, REMOVE, TURN_OFF, UNPLANNED

FAILED_OVER_WAITING, PREPARED = "FailedOverWaitingCompletion", "PreparedForFailover"
NEEDS_NO_SWITCH = frozenset({"TurnOff", "Save", "Force"})


def broken(recorder: Recorder, asked: frozenset[str], calls: Iterable[Recorded]) -> list[str]:
    """Every law broken, as a sentence."""
    found = [f"L1: {v.vm} alive on {' and '.join(v.hosts)}, by {v.cause}" for v in recorder.violations]
    for call in calls:
        if call.state_changing and not call.errors:
            found += [f"{law}: {call}" for law in _of_call(call, asked)]
    return found


def _of_call(call: Recorded, asked: frozenset[str]) -> Iterator[str]:
    switches = {name for name, value in call.parameters.items() if value is True}
    if call.cmdlet.startswith("Remove-") and REMOVE not in asked:
        yield "L2"
    pulled = call.cmdlet == "Stop-VM" and switches & NEEDS_NO_SWITCH and TURN_OFF not in asked
    if pulled or call.cmdlet in ("Save-VM", "Suspend-VM"):
        yield "L5"
    sides = [_sides(call, states) for states in call.before.values()]
    if call.cmdlet == "Complete-VMFailover" and (COMMIT not in asked or _any_but(sides, FAILED_OVER_WAITING)):
        yield "L6"
    if call.cmdlet == "Stop-VMFailover" and not all(_may_stop(own, asked) for own, _unused in sides):
        yield "L7"
    real = call.cmdlet == "Start-VMFailover" and not switches & {"Prepare", "AsTest"}
    if real and UNPLANNED not in asked and any(far != PREPARED for _unused, far in sides):
        yield "L8"


def _sides(call: Recorded, states: Iterable[tuple[str, ...]]) -> tuple[str, str]:
    """Replication states before the call: on the host where it ran, and on the other one."""
    by_host = {state[0]: state[3] for state in states}
    own = by_host.pop(call.host, "")
    return own, next(iter(by_host.values()), "")


def _any_but(sides: Iterable[tuple[str, str]], state: str) -> bool:
    return any(own != state for own, _unused in sides)


def _may_stop(own: str, asked: frozenset[str]) -> bool:
    return (CANCEL if own in (FAILED_OVER_WAITING, PREPARED, "RecoveryInProgress") else END_TEST) in asked


def could_not_know(sentence: str, call: Recorded, calls: Iterable[Recorded]) -> bool:
    """Whether a call broke a law only because somebody else changed what it had read, and nothing was read since.

    Between that reading and the call there may be nothing but the same cmdlet on the same host: it is of one stage.
    """
    far = sentence.startswith(("L1:", "L8:"))
    earlier = [one for one in calls if one.number < call.number]
    change = max((one.ended for one in earlier if one.ended and _took_it_away(one, call, far)), default=None)
    mine = [one for one in earlier if operator_of(one.user) == operator_of(call.user)]
    reads = [one for one in mine if one.cmdlet == "Get-VMReplication" and (one.host != call.host) == far]
    if change is None or not reads or reads[-1].at >= change:
        return False
    since = [one for one in mine if one.state_changing and one.number > reads[-1].number]
    return all((one.host, one.cmdlet) == (call.host, call.cmdlet) for one in since)


def _took_it_away(other: Recorded, call: Recorded, far: bool) -> bool:
    """Whether somebody else's call changed the side that this call depends on, of a VM of this call."""
    if operator_of(other.user) == operator_of(call.user) or not other.state_changing:
        return False
    return any(
        _side(before, call.host, far) != _side(other.after.get(vm, ()), call.host, far)
        for vm, before in other.before.items()
        if vm in call.before
    )


def _side(states: Iterable[tuple[str, ...]], host: str, far: bool) -> list[tuple[str, ...]]:
    return [state[1:] for state in states if (state[0] != host) == far]
