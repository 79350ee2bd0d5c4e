# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A failover as it stands after a reading: its VMs, what their hosts show, and the plan of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ...base.states import OFF, PRIMARY, Side
from ..heard import sign_of_life
from .findings import MACHINE
from .memory import Entry
from .plan import VMPlan, Wish, read_goal, unfold
from .sides import Seen, Sight


@dataclass
class Run:
    """A run between two steps; `raw` is what is kept of it: `vms` are its entries by id."""

    raw: Mapping[str, Any]
    sight: Sight
    now: float
    entries: dict[str, Entry]
    seen: dict[str, Seen] = field(default_factory=dict)
    plans: dict[str, VMPlan] = field(default_factory=dict)

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """How the run goes about it."""
        return dict(self.raw["options"])

    @cached_property
    def wish(self) -> Wish:
        """What is wanted."""
        given = self.raw.get("given") or {}
        repeat = {name: given[key] for key, name in (("hosts", "candidates"), ("fence", "fence")) if key in given}
        return replace(read_wish(self.raw["wish"]), repeat=tuple(repeat.items()))


def read_wish(raw: Mapping[str, Any]) -> Wish:
    """The wish from its dictionary."""
    own = ("fence", "discard", "discard_saved")
    goal = {name: value for name, value in raw.items() if name not in own}
    return Wish(read_goal(goal), **{name: raw[name] for name in own if name in raw})


def look(
    raw: Mapping[str, Any], readings: Mapping[str, Any], now: float = 0.0, only: Iterable[str] | None = None
) -> Run:
    """The run with the plans of its VMs (of `only` these) from these readings."""
    entries: dict[str, Entry] = dict(raw["vms"])
    looked = list(entries.values()) if only is None else [entries[vm] for vm in only]
    run = Run(raw, sight_of(raw, readings, looked), now, entries)
    wish, heard = run.wish, raw.get("heard") or frozenset()
    for entry in looked:
        seen = run.sight.see(entry.id, entry.name, entry.here, entry.partner, entry.cell)
        run.seen[entry.id] = seen
        run.plans[entry.id] = unfold(_as_known(entry, seen, entry.id in heard or lives(run, seen)), wish)
    return run


def looked_at(raw: Mapping[str, Any], looks: Iterable[tuple[Iterable[str], Mapping[str, Any]]]) -> Run:
    """The run with the plan of each VM from the readings that it was looked at by."""
    whole = look(raw, {}, only=())
    for vms, readings in looks:
        part = look(raw, readings, only=vms)
        whole.seen.update(part.seen)
        whole.plans.update(part.plans)
        whole.sight = part.sight
    return whole


def sight_of(raw: Mapping[str, Any], readings: Mapping[str, Any], entries: Iterable[Entry] = ()) -> Sight:
    """What is known of hosts, from these readings and from what the run keeps."""
    copies = {entry.id: {host: Side(*shape) for host, shape in entry.copies.items()} for entry in entries}
    return Sight(
        readings,
        raw["targets"],
        raw["partners"],
        names=raw.get("names") or {},
        first=raw.get("first") or {},
        copies=copies,
        reach=raw["reach"],
        cells=raw.get("cells") or (),
        to=str(raw.get("to") or ""),
    )


def _as_known(entry: Entry, seen: Seen, heard: bool) -> Seen:
    """The VM as the run knows it: its other side, read in this run as what cannot be started, stands when it is out of
    reach once the VM is failed over here (L1); and whether that host gave a sign of life since.
    """
    target, other = seen.pair.target, seen.pair.other
    if other is not None or target is None or seen.strange:
        return seen
    here = target.failed_over or target.mode == PRIMARY
    if here and not heard and entry.other and not (known := Side(*entry.other)).startable and known.power == OFF:
        return replace(seen, pair=replace(seen.pair, other=known))
    return replace(seen, pair=replace(seen.pair, heard=heard))


def lives(run: Run, seen: Seen) -> bool:
    """True when the other side's host gave a sign of life in the newest reading.

    That its machine takes connections may be accepted by name; what the host itself said may not.
    """
    signs = {host: sign_of_life(run.sight.readings.get(host)) for host in run.sight.partner_hosts(seen.partner)}
    accepted = run.wish.goal.accept
    aside = MACHINE in run.raw.get("accepted", ()) or seen.partner in accepted
    return any(sign == "answers" or (sign and not aside and host not in accepted) for host, sign in signs.items())


def hosts_of(raw: Mapping[str, Any]) -> list[str]:
    """Inventory hosts that the run may read."""
    hosts = [*raw["targets"], *(host for hosts in raw["partners"].values() for host in hosts)]
    hosts += [host for hosts in (raw.get("holders") or {}).values() for host in hosts]
    return [host for host in dict.fromkeys(hosts) if host in raw["reach"]]
