# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a conversation finds VMs and all their hosts: those that were renamed, partners, hosts behind these, and copies
that no relation names. Pure.

A conversation reads its targets first (`read_targets`), then goes through SEARCH, which ends in the phase `plan`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ..base.values import is_guid
from .conversation import Phases, Talk
from .failover.partners import partners

Readings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class SearchTalk(Talk):
    """readings: results of hyperv_replication_info by inventory host. heard: of hosts that were asked for their names.
    found: their partners (failover/partners.py). vms: what they were asked for by, names and ids. gather: what is read
    of hosts that take part. copies: whether hosts that no relation names are read too; copies_read: they were.
    """

    readings: Readings = field(default_factory=dict)
    heard: Readings = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    vms: Sequence[str] = ()
    gather: Sequence[str] = ()
    copies: bool = True
    copies_read: bool = False

    @property
    def names(self) -> list[str]:
        """VMs that were asked for by name."""
        return [vm for vm in self.vms if not is_guid(vm.strip("{}"))]

    @property
    def ids(self) -> list[str]:
        """VMs that were asked for by id."""
        return [vm for vm in self.vms if is_guid(vm.strip("{}"))]

    def in_reach(self, hosts: Sequence[str]) -> list[str]:
        """Those of the hosts that may be contacted."""
        return [host for host in dict.fromkeys(hosts) if host in self.want.reach]

    def gathers(self, host: str) -> list[str]:
        """What is read of a host that no relation names."""
        return ["relations"]

    def learn(self: SearchT) -> SearchT:
        """With the readings that have come in."""
        return replace(self, readings={**self.readings, **self.results()})

    def goes_to(self: SearchT, phase: str) -> SearchT:
        """In the next phase."""
        return replace(self, phase=phase)


SearchT = TypeVar("SearchT", bound=SearchTalk)


def vms_of(inputs: Mapping[str, Any]) -> list[str]:
    """The VMs that were asked for, by themselves or in groups."""
    groups = inputs.get("groups") or ()
    return [str(vm) for vm in (*(inputs.get("vms") or ()), *(vm for group in groups for vm in group["vms"]))]


def read_targets(talk: SearchT, now: float, ids: Sequence[str]) -> SearchT:
    """Read the hosts where the VMs are, or shall run."""
    hosts = talk.in_reach(talk.want.targets)
    return talk.read(now, hosts, **whom(talk.names, ids), gather=list(talk.gather))  # type: ignore[no-any-return]


def whom(names: Sequence[str], ids: Sequence[str]) -> dict[str, list[str]]:
    """Which VMs to read; what is empty is left out."""
    return {**({"names": list(names)} if names else {}), **({"ids": list(ids)} if ids else {})}


def _renamed(talk: SearchT, now: float) -> SearchT:
    """A VM is its id: where the target has none of that name, another host may know which one is meant."""
    talk = talk.learn()
    missing = _partners(talk)["missing"]
    others = [host for host in talk.in_reach(talk.want.candidates) if host not in talk.want.targets]
    if not missing or not others:
        return talk.goes_to("partners")
    asked: SearchT = talk.read(now, others, names=missing, gather=["relations"])
    return asked.goes_to("renamed_ids")


def _renamed_ids(talk: SearchT, now: float) -> SearchT:
    told = [record["id"] for result in talk.results().values() for record in result.get("vms") or ()]
    talk = replace(talk, vms=[*talk.vms, *dict.fromkeys(told)])
    return read_targets(talk, now, talk.ids).goes_to("partners_read")


def _partners(talk: SearchTalk) -> Mapping[str, Any]:
    want = talk.want
    known = {**talk.heard, **talk.readings}
    return partners(known, want.targets, talk.vms, want.candidates, want.variables, want.inventory)


def _find(talk: SearchT, now: float) -> SearchT:
    """Look for the partners by name; who cannot be found so is asked for their own names."""
    talk = replace(talk, found=_partners(talk))
    ask = talk.in_reach(talk.found["ask"])
    if not ask:
        return talk.goes_to("partners_named")
    asked: SearchT = talk.read(now, ask, gather=["host", "cluster"])
    return asked.goes_to("partners_named")


def _named(talk: SearchT, now: float) -> SearchT:
    """Read the partners that were not read yet; they may name others behind them."""
    told = talk.results()
    if told:
        talk = replace(talk, heard={**talk.heard, **told})
        talk = replace(talk, found=_partners(talk))
    hosts = talk.in_reach(talk.found["read"])
    if not hosts:
        return talk.goes_to("plan" if talk.copies_read else "copies")
    asked: SearchT = talk.read(now, hosts, **whom(talk.names, talk.found["ids"]), gather=list(talk.gather))
    return asked.goes_to("partners_read")


def _partners_read(talk: SearchT, now: float) -> SearchT:
    return talk.learn().goes_to("partners")


def _copies(talk: SearchT, now: float) -> SearchT:
    """A VM runs once among all hosts: one that no relation names may have a copy too, as a restored one."""
    talk = replace(talk, copies_read=True)
    hosts = [host for host in talk.in_reach(talk.want.candidates) if host not in talk.readings and talk.copies]
    each = {host: {"gather": talk.gathers(host)} for host in hosts}
    asked: SearchT = talk.read(now, each, **whom(talk.names, talk.found["ids"]))
    return asked.goes_to("namesakes")


def _namesakes(talk: SearchT, now: float) -> SearchT:
    """Another VM of the same name may have its copy here, under whatever name: then the id has to be given."""
    talk = talk.learn()
    talk = replace(talk, found=_partners(talk))
    if not talk.found["namesakes"]:
        return talk.goes_to("partners")
    return read_targets(talk, now, [*talk.found["ids"], *talk.found["namesakes"]]).goes_to("partners_read")


SEARCH: Phases[Any] = {
    "renamed": _renamed,
    "renamed_ids": _renamed_ids,
    "partners": _find,
    "partners_named": _named,
    "partners_read": _partners_read,
    "copies": _copies,
    "namesakes": _namesakes,
}
