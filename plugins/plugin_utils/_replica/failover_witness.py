# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Is a primary that was declared dead alive after all? And which recovery point its replica takes. Pure.

One witness of life is enough: its host answered, be it to say that the password is wrong (where it told the VM's state
the planner refuses by itself); what the replica received advanced between two looks; or something listens where the
primary takes replicas. A recent replication proves neither. A third site has a first one too, which counts as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

from .failover_point import NoPoint, choose_point, listed, parse_points, read_point_wish
from .failover_run import Run
from .failover_sight import Record, Seen, host_answered, records_of
from .failover_states import EXTENDED, OFF, RUNNING
from .failover_ways import names_of_primary
from .names import is_one_of
from .report_words import duration
from .values import number

RECENT = "recent_replication"
_SIGNS = ("last_replication_time", "last_applied_log_time")
_MARGIN_SECONDS = 60


def signs_of_life(
    run: Run, earlier: Mapping[str, Any], answered: Iterable[str], accepted: Iterable[str]
) -> dict[str, str]:
    """Reasons by VM id not to believe what was declared of the other side: dead, or a primary that is prepared.

    `earlier` are the readings from before the wait, `answered` Windows names of partners where something listened.
    """
    found = _signs_of_partner(run, earlier, answered, set(accepted))
    for vm, seen in run.seen.items() if run.wish.goal.wish == "unplanned" else ():
        lives = _at_the_first_site(run, seen)
        if lives:
            found[vm] = lives
    return found


def _at_the_first_site(run: Run, seen: Seen) -> str:
    """A third site knows only the second one, from which it receives. Where the VM runs is seen nowhere but there."""
    target = seen.pair.target
    if target is None or target.mode != EXTENDED or target.power == RUNNING:
        return ""
    for host in run.sight.readings:
        record = next((r for r in run.sight.records(host) or () if r["id"] == seen.id), None)
        if record is None or host in (seen.here, seen.elsewhere):
            continue
        if run.wish.goal.declared == "dead" or record["power"] != OFF:
            told = f"{record['mode']}/{record['state']}, {record['power']}"
            return f"{seen.here} is its third site, and {host} answers, which has it too: {told}. See to that one first"
    return ""


def _signs_of_partner(
    run: Run, earlier: Mapping[str, Any], answered: Iterable[str], allowed: Set[str]
) -> dict[str, str]:
    if run.wish.goal.declared == "prepared":
        return _still_sending(run, earlier)
    if run.wish.goal.declared != "dead":
        return {}
    alive = list(answered)
    who = "the primary" if run.wish.goal.wish == "unplanned" else "the other host"
    found = {}
    for vm, seen in run.seen.items():
        reason = _answers(run, seen) or _listens(seen, alive)
        target = seen.pair.target
        if run.wish.goal.wish == "unplanned" and target is not None and not target.failed_over:
            reason = reason or _advanced(seen, earlier) or ("" if RECENT in allowed else _recent(seen))
        if reason and run.plans[vm].acts:
            found[vm] = f"{who} was declared dead, but {reason}"
    return found


def _still_sending(run: Run, earlier: Mapping[str, Any]) -> dict[str, str]:
    """A prepared primary has sent its last change; one whose replica still receives was never prepared."""
    unseen = {vm: seen for vm, seen in run.seen.items() if seen.pair.other is None and not seen.last_sent_planned}
    signs = {vm: _advanced(seen, earlier) for vm, seen in unseen.items()}
    return {vm: f"the primary was declared prepared, but {sign}" for vm, sign in signs.items() if sign}


def _answers(run: Run, seen: Seen) -> str:
    """Its host said something in this run, whatever it said of the VM: a wrong password is an answer too."""
    for host in run.sight.partner_hosts(seen.partner):
        reading = run.sight.readings.get(host) or {}
        if reading.get("vms") is not None:
            return f"its host answers ({host}), although it does not tell the replication of this VM: look there first"
        if host_answered(reading):
            told = reading.get("msg") or "its VMs could not be read."
            return (
                f"its host answers: {told} Mend that, or power the host off. If something else answers at"
                f" its address, leave {host} out with --limit"
            )
    return ""


def _advanced(seen: Seen, earlier: Mapping[str, Any]) -> str:
    before = next((r for r in records_of(earlier.get(seen.here)) or () if r["id"] == seen.id), None)
    if before is None or seen.record is None:
        return ""
    old, new = _leg(before), _leg(seen.record)
    if any(old.get(sign) != new.get(sign) for sign in _SIGNS):
        return "its replica received something between two looks of this run: it lives, and still sends"
    return ""


def _listens(seen: Seen, answered: Iterable[str]) -> str:
    heard = [name for name in names_of_primary(seen) if is_one_of(name, answered)]
    if heard:
        return f"{heard[0]} takes replicas: something listens on its port. Power it off, or use planned_failover"
    return ""


def _recent(seen: Seen) -> str:
    leg = _leg(seen.record or {})
    age, frequency = number(leg.get("last_replication_age_seconds")), number(leg.get("frequency")) or 300
    if age is None or age >= frequency + _MARGIN_SECONDS:
        return ""
    wait = frequency + _MARGIN_SECONDS - age
    return (
        f"it replicated {age} seconds ago, less than its frequency and a minute: not proven dead. Wait {wait} seconds,"
        f" or accept it with {RECENT}"
    )


def points(run: Run) -> tuple[list[str], dict[str, str]]:
    """Lines with the recovery points of each VM and which one is used, and reasons by id where none is as asked for."""
    if run.wish.goal.wish != "unplanned":
        return [], {}
    options = run.options
    wish = read_point_wish(options.get("recovery_point"), options.get("recovery_point_time"))
    lines, refused = [], dict[str, str]()
    for vm, seen in run.seen.items():
        target = seen.pair.target
        if target is None or target.failed_over or seen.record is None:
            continue
        known = parse_points(seen.record.get("recovery_points") or ())
        try:
            chosen = choose_point(wish, known)
        except NoPoint as error:
            refused[vm] = f"recovery point: {error}"
            continue
        used = str(chosen) if chosen else _latest(_leg(seen.record))
        lines += [f"{seen.name}: recovery points: {listed(known)}", f"  used: {used}"]
    return lines, refused


def _latest(leg: Mapping[str, Any]) -> str:
    age = number(leg.get("last_applied_log_age_seconds"))
    return f"the latest data ({leg.get('last_applied_log_time')}{'' if age is None else f', {duration(age)} old'})"


def _leg(record: Record) -> Mapping[str, Any]:
    return next((leg for leg in record.get("relations") or () if leg["type"] == "Simple"), {})
