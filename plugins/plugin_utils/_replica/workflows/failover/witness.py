# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Is a primary that was declared dead alive after all? And which recovery point its replica takes. Pure.

One witness of life is enough: its host answered, be it to say that the password is wrong (where it told the VM's state
the planner refuses by itself); what the replica received advanced between two looks; or something listens where the
primary takes replicas. A recent replication, and a machine that takes connections and says nothing, prove neither. A
host that nobody asked is not silent. A third site has a first one too, which counts as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

from ...base.names import is_one_of
from ...base.states import EXTENDED, OFF, RUNNING
from ...base.units import duration
from ...base.values import number
from ...failover.point import NoPoint, choose_point, listed, parse_points, read_point_wish
from ..heard import host_answered, records_of, sign_of_life
from .findings import MACHINE, RECENT
from .look import Run
from .sides import Record, Seen, simple_leg
from .ways import names_of_primary

PLANNED = "Planned"
"""The LastReplicationType of a preparation's last delta (Measure-VMReplication, Microsoft: VMReplicationType)."""
Before = Mapping[tuple[str, str], Record]
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
    for host, record in run.sight.holders_of(seen.id).items():
        if host in (seen.here, seen.elsewhere):
            continue
        if run.wish.goal.declared == "dead" or record["power"] != OFF:
            told = f"{record['mode']}/{record['state']}, {record['power']}"
            return f"{seen.here} is its third site, and {host} answers, which has it too: {told}. See to that one first"
    return ""


def _signs_of_partner(
    run: Run, earlier: Mapping[str, Any], answered: Iterable[str], allowed: Set[str]
) -> dict[str, str]:
    if run.wish.goal.declared == "prepared":
        return _still_sending(run, _by_host_and_id(earlier))
    if run.wish.goal.declared != "dead":
        return {}
    alive, before = list(answered), _by_host_and_id(earlier)
    who = "the primary" if run.wish.goal.wish == "unplanned" else "the other host"
    found = {}
    for vm, seen in run.seen.items():
        reason = _answers(run, seen) or _listens(seen, alive) or _machine(run, seen, allowed)
        target = seen.pair.target
        if run.wish.goal.wish == "unplanned" and target is not None and not target.failed_over:
            reason = reason or _advanced(seen, before) or ("" if RECENT in allowed else _recent(seen))
        told = f"{who} was declared dead, but {reason}" if reason else _not_asked(run, seen, allowed)
        if told and (run.plans[vm].acts or run.plans[vm].seen.pair.heard):
            found[vm] = told
    return found


def _not_asked(run: Run, seen: Seen, allowed: Set[str]) -> str:
    """A host that nobody asked is not known to be silent."""
    hosts = run.sight.partner_hosts(seen.partner)
    names = [*hosts, seen.partner]
    if any(is_one_of(name, names) for name in run.wish.goal.accept) or seen.pair.other is not None:
        return ""
    if not hosts:
        return (
            f"{seen.partner or 'its partner'}, which has the other copy, is not in the inventory: nobody asked it"
            " whether it lives. Add it to the inventory; or, if it is dead for certain, accept that"
            f" (-e accept={seen.partner})"
        )
    untold = [host for host in hosts if _never_met(run.sight.readings.get(host))]
    if untold:
        told = str(run.sight.readings[untold[0]].get("msg") or "").strip().rstrip(".")
        return (
            f"{untold[0]} could not be asked whether it lives: {told}. Repair that; or, if it is dead for certain,"
            f" accept that (-e accept={untold[0]})"
        )
    outside = [host for host in hosts if host not in run.raw["reach"]]
    if outside:
        return (
            f"{', '.join(outside)} is outside --limit: nobody asked it whether it lives. Run this without --limit; or,"
            f" if it is dead for certain, accept that (-e accept={outside[0]})"
        )
    return ""


def _never_met(result: Any) -> bool:
    """True where the question never got to the host: a library or password is missing here, its name does not resolve,
    a proxy lies between. That the host said nothing shows nothing then.
    """
    if not isinstance(result, Mapping) or not result or records_of(result) is not None or host_answered(result):
        return False
    return not result.get("unreachable") or result.get("machine_up", False) is None


def _machine(run: Run, seen: Seen, allowed: Set[str]) -> str:
    """A machine that takes or refuses connections is up, or a router answers in its place."""
    if MACHINE in allowed:
        return ""
    for host in run.sight.partner_hosts(seen.partner):
        if sign_of_life(run.sight.readings.get(host)) == "machine" and host not in run.wish.goal.accept:
            told = str((run.sight.readings.get(host) or {}).get("msg") or "").strip()
            return (
                f"the machine of {host} accepts or refuses connections, so it may be up: {told} Power it off; or, if a"
                f" router answers in its place, accept that (-e accept={MACHINE})"
            )
    return ""


def _still_sending(run: Run, earlier: Before) -> dict[str, str]:
    """A prepared primary has sent its last change: that is what the replica received last, and nothing after it."""
    unseen = {vm: seen for vm, seen in run.seen.items() if seen.pair.other is None and run.plans[vm].acts}
    signs = {vm: _not_prepared(seen, earlier) for vm, seen in unseen.items()}
    return {vm: f"the primary was declared prepared, but {sign}" for vm, sign in signs.items() if sign}


def _by_host_and_id(readings: Mapping[str, Any]) -> Before:
    """Records by inventory host and VM id."""
    return {(host, str(r["id"])): r for host in readings for r in records_of(readings[host]) or ()}


def _not_prepared(seen: Seen, earlier: Before) -> str:
    target = seen.pair.target
    if target is None or target.failed_over or seen.last_sent == PLANNED:
        return ""
    if seen.last_sent and seen.last_sent != "None":
        return (
            f"the last replication that arrived was an ordinary one ({seen.last_sent}), and not the last changes of a"
            " prepared primary. Prepare it there (stop_at=prepared), or bring it into reach"
        )
    return _advanced(seen, earlier)


def _answers(run: Run, seen: Seen) -> str:
    """Its host said something in this run, whatever it said of the VM: a wrong password is an answer too."""
    for host in run.sight.partner_hosts(seen.partner):
        reading = run.sight.readings.get(host) or {}
        if reading.get("vms") is not None:
            return f"its host answers ({host}), although it does not tell the replication of this VM: look there first"
        if host_answered(reading):
            told = reading.get("msg") or "its VMs could not be read."
            return (
                f"its host answers: {told} Repair that, or power the host off. If something else answers at its"
                f" address, leave {host} out with --limit, and accept that nobody asked it (-e accept={host})"
            )
    return ""


def _advanced(seen: Seen, earlier: Before) -> str:
    before = earlier.get((seen.here, seen.id))
    if before is None or seen.record is None:
        return ""
    old, new = simple_leg(before), simple_leg(seen.record)
    if any(old.get(sign) != new.get(sign) for sign in _SIGNS):
        return "its replica received something between two looks of this run: it lives, and still sends"
    return ""


def _listens(seen: Seen, answered: Iterable[str]) -> str:
    heard = [name for name in names_of_primary(seen) if is_one_of(name, answered)]
    if heard:
        return f"{heard[0]} takes replicas: something listens on its port. Power it off, or use planned_failover"
    return ""


def _recent(seen: Seen) -> str:
    leg = simple_leg(seen.record or {})
    age, frequency = number(leg.get("last_replication_age_seconds")), number(leg.get("frequency")) or 300
    if age is None or age >= frequency + _MARGIN_SECONDS:
        return ""
    wait = frequency + _MARGIN_SECONDS - age
    return (
        f"it replicated {age} seconds ago, less than its frequency and a minute: not proven dead. Wait {wait} seconds,"
        f" or accept it (-e accept={RECENT})"
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
        used = str(chosen) if chosen else _latest(simple_leg(seen.record))
        lines += [f"{seen.name}: recovery points: {listed(known)}", f"  used: {used}"]
    return lines, refused


def losses(run: Run) -> dict[str, float]:
    """How old the data is that each VM of an unplanned failover will have, in seconds, by id; where that is known."""
    wish = read_point_wish(run.options.get("recovery_point"), run.options.get("recovery_point_time"))
    found: dict[str, float] = {}
    for vm, seen in run.seen.items() if run.wish.goal.wish == "unplanned" else ():
        target = seen.pair.target
        if target is None or target.failed_over or seen.record is None:
            continue
        try:
            chosen = choose_point(wish, parse_points(seen.record.get("recovery_points") or ()))
        except NoPoint:
            continue
        age = chosen.age if chosen else number(simple_leg(seen.record).get("last_applied_log_age_seconds"))
        if age is not None:
            found[vm] = float(age)
    return found


def _latest(leg: Mapping[str, Any]) -> str:
    age = number(leg.get("last_applied_log_age_seconds"))
    return f"the latest data ({leg.get('last_applied_log_time')}{'' if age is None else f', {duration(age)} old'})"
