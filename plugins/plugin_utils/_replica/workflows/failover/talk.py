# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The conversation of a failover until its first act: find the VMs and all their hosts, plan, look for what speaks
against it, agree. Pure. The acts are flow.py's.

Every phase is a function that is called when all its questions are answered; it asks more, or names the next phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...base.command_line import assignments, unconfirmed
from ..conversation import ACT, PAUSE, TEST, Ask, End, Phases, Wanted, refuse
from ..heard import records_of
from ..search_talk import SEARCH, Readings, SearchTalk, read_targets, vms_of
from .everyone import EVERY, everyone
from .inputs import make_run
from .look import look
from .preflight import preflight
from .run import begin
from .ways import ways
from .witness import losses

EVERYTHING = (
    "relations",
    "statistics",
    "disks",
    "security",
    "integration_services",
    "adapters",
    "failover_network",
    "recovery_points",
    "server",
    "host",
    "storage",
    "cluster",
)
"""What is read of hosts that take part, before anything is decided."""


@dataclass(frozen=True)
class FailoverTalk(SearchTalk):
    """notes: what the operator is told with the plan. earlier, alive and tests: what the preflight takes. losses: how
    old the data of VMs will be, in seconds by id. run: the run, once it has begun. flow: how its acts stand
    (flow.py).
    """

    gather: Sequence[str] = EVERYTHING
    notes: Sequence[str] = ()
    earlier: Readings = field(default_factory=dict)
    alive: Sequence[str] = ()
    tests: Sequence[Mapping[str, Any]] = ()
    losses: Mapping[str, float] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    flow: Any = None


def start(want: Wanted) -> FailoverTalk:
    """The conversation before anything was asked."""
    return FailoverTalk("targets", want=want, vms=vms_of(want.inputs), copies=want.wish != "commit")


# -- whom it is about ------------------------------------------------------------------------------------------------


def _targets(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Read the hosts where the VMs shall run."""
    if list(talk.vms) != [EVERY]:
        return read_targets(talk, now, talk.ids).goes_to("renamed")
    asked = talk.read(now, talk.in_reach(talk.want.targets), gather=list(talk.gather))
    return asked.goes_to("everyone")  # type: ignore[no-any-return]


def _everyone(talk: FailoverTalk, now: float) -> FailoverTalk:
    """All VMs that have their replica there; a host that does not answer may have some that nobody knows of."""
    talk = talk.learn()
    targets, accepted = talk.want.targets, talk.want.inputs["accept"]
    told = {host: records_of(talk.readings.get(host)) for host in targets}
    silent = [host for host in targets if told[host] is None and host not in accepted]
    if silent:
        why = "; ".join(str((talk.readings.get(host) or {}).get("msg") or f"{host} was not asked") for host in silent)
        accept = assignments({"accept": [*accepted, *silent]})
        return refuse(talk, f"Which VMs are meant by vms={EVERY} is not known: {why}. To go on without: {accept}")
    found = everyone({host: records for host, records in told.items() if records is not None}, talk.want.wish)
    if found.problem:
        return refuse(talk, found.problem)
    if not found.ids:
        lines = (f"No VM has its replica on {talk.want.inputs['to']}: nothing to do.", *found.notes)
        return replace(talk, end=End({"changed": False, "vms": [], "actions": [], "command": ""}, lines))
    want = replace(talk.want, inputs={**talk.want.inputs, "vms": list(found.ids)})
    return replace(talk, vms=found.ids, notes=found.notes, want=want).goes_to("renamed")


# -- what is going to be done ----------------------------------------------------------------------------------------


def _plan(talk: FailoverTalk, now: float) -> FailoverTalk:
    want, found = talk.want, talk.found
    raw = make_run(want.inputs, want.wish, want.targets, found["partners"], want.reach, want.given, found)
    talk = replace(talk, run=begin(raw, talk.readings, {}, now))
    return talk.goes_to("witnesses" if talk.run["watch"] else "connections")


def _tests(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Ask hosts whether they reach others as replica servers."""
    asks = []
    for way in ways(talk.run, talk.readings):
        options = {
            "state": "connection_tested",
            "replica_server": way["server"],
            "replica_port": way["port"],
            "authentication": way["authentication"],
            **({"certificate_thumbprint": way["thumbprint"]} if way["thumbprint"] else {}),
        }
        asks.append(Ask(0, TEST, way["host"], {"way": way, **options}, at=now))
    return talk.also(asks)  # type: ignore[no-any-return]


def _tested(talk: FailoverTalk) -> list[dict[str, Any]]:
    answers = [(ask, result) for ask, result in talk.answered.values() if ask.kind == TEST]
    return [{**result, "failover_way": ask.options["way"]} for ask, result in answers]


def _witnesses(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Does something take replicas where the primary did, and does the replica still receive?"""
    return _tests(talk, now).goes_to("wait")


def _wait(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Wait for what may still arrive."""
    answered = [test["failover_way"]["server"] for test in _tested(talk) if not (test.get("failures") or "msg" in test)]
    talk = replace(talk, earlier=talk.readings, alive=answered)
    seconds = float(talk.want.inputs["receive_check"])
    told = f"looking for {seconds:g} seconds whether anything still arrives"
    talk = talk.also([Ask(0, PAUSE, seconds=seconds, at=now)])
    return replace(talk, lines=(*talk.lines, told)).goes_to("look_again")


def _look_again(talk: FailoverTalk, now: float) -> FailoverTalk:
    hosts = [host for host in talk.run["reads"] if host in talk.want.targets]
    asked = talk.read(now, hosts, ids=list(talk.run["vms"]), gather=list(EVERYTHING))
    return asked.goes_to("connections_after")  # type: ignore[no-any-return]


def _connections_after(talk: FailoverTalk, now: float) -> FailoverTalk:
    return _connections(talk.learn(), now)


def _connections(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Look for a way in both directions."""
    if talk.want.wish != "planned":
        return talk.goes_to("agree")
    return _tests(talk, now).goes_to("agree")


def _agree(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Show the plan; refuse what speaks against it, and what was not confirmed."""
    want, run, inputs = talk.want, talk.run, talk.want.inputs
    talk = replace(talk, tests=_tested(talk) if want.wish == "planned" else ())
    against = preflight(run, talk.readings, inputs["accept"], talk.earlier, talk.alive, talk.tests)
    shown = ("What is going to be done:", *run["lines"], *against["lines"], *against["warnings"], *talk.notes)
    talk = replace(talk, plan=shown, losses=losses(look(run, talk.readings)))
    refused = against["refused"]
    if refused and (inputs["on_refusal"] == "stop" or len(refused) == len(run["vms"])):
        return refuse(talk, "Nothing was changed.", *against["lines"])
    if want.check:
        return replace(talk, end=End({"changed": run["acts"] > 0}))
    vms = [{"id": entry.id, "name": entry.name} for entry in run["vms"].values()]
    told = "" if inputs["confirm"] is None or not run["acts"] else unconfirmed(inputs["confirm"], run["confirm"], vms)
    if told:
        return refuse(talk, told)
    return replace(talk, run=begin(run, talk.readings, refused, now) if refused else run).goes_to(ACT)


PHASES: Phases[FailoverTalk] = {
    "targets": _targets,
    "everyone": _everyone,
    **SEARCH,
    "plan": _plan,
    "witnesses": _witnesses,
    "wait": _wait,
    "look_again": _look_again,
    "connections_after": _connections_after,
    "connections": _connections,
    "agree": _agree,
}
