# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The conversation that ends test failovers: read the test VMs of the host, and end those that are meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...base.errors import ReplicaError
from ...base.identity import windows_name_of
from ...base.plan_lines import action_lines
from ...base.text import clean_text
from ..conversation import CALL, Answer, Ask, End, Phases, Talk, TalkT, Wanted, go_through, refuse, take
from ..heard import records_of
from .cleanup import cleaned, cleanup
from .plan import candidates

FAILOVER = "hyperv_failover"
_LISTED = ["relations", "statistics", "test_vms"]
_WHY = "stop and delete the test VM"


@dataclass(frozen=True)
class EndTalk(Talk):
    """read_first: the host before. meant: which VMs, and what stays whatever is done. ended: what the call came to.

    stopped: why the run goes no further.
    """

    read_first: Mapping[str, Any] = field(default_factory=dict)
    meant: Mapping[str, Any] = field(default_factory=dict)
    ended: Mapping[str, Any] = field(default_factory=dict)
    stopped: str = ""

    @property
    def host(self) -> str:
        """The inventory host of the replicas."""
        return self.want.targets[0]


def start(want: Wanted) -> EndTalk:
    """The conversation before anything was asked. Without VMs it lists those of the host."""
    return EndTalk("here" if want.inputs["vms"] else "list", want=want)


def step(talk: EndTalk, answers: Sequence[Answer], now: float) -> EndTalk:
    """What comes next, after these answers. Those of the call come in parts."""
    talk = replace(talk, asks=(), lines=(), plan=())
    answers = [answer for answer in answers if answer.number in talk.open]
    for answer in answers:
        if talk.open[answer.number].kind == CALL:
            talk = replace(talk, ended=merged(talk.ended, answer.result, answer.vms))
    try:
        return go_through(take(talk, [answer for answer in answers if answer.last]), PHASES, now)
    except ReplicaError as error:
        return refuse(talk, clean_text(error))


def interrupt(talk: EndTalk, reason: str, now: float) -> EndTalk:
    """The conversation when somebody has stopped it: what was begun is waited for, for the host goes on with it."""
    if talk.end is not None:
        return talk
    talk = replace(talk, asks=(), lines=(f"stopped: {reason}",), plan=(), stopped=reason)
    return talk if talk.phase in ("after", "report") else refuse(talk, f"{reason}. Nothing was changed.")


def list_tests(talk: TalkT, now: float) -> TalkT:
    """Read the replicas of the host, and its test VMs."""
    host = talk.want.targets[0]
    return replace(talk.read(now, [host], gather=_LISTED), phase="listed")  # type: ignore[no-any-return]


def listed(talk: TalkT, now: float) -> TalkT:
    """What can be tested, and what is."""
    host = talk.want.targets[0]
    lines = (f"{host}:", *candidates(talk.results()[host]))
    return replace(talk, end=End({"changed": False}, lines))


def ending(host: str, ids: Sequence[str], inputs: Mapping[str, Any], read: Mapping[str, Any]) -> Ask:
    """The call that ends the test VMs of these VMs, and nothing else. `read`: the host before."""
    name = windows_name_of(read)
    options = {
        "ids": list(ids),
        "state": "test_absent",
        "wait_timeout": inputs["wait_timeout"],
        "poll_interval": inputs["poll_interval"],
        **({"expected_host": name} if name else {}),
    }
    return Ask(0, CALL, host, options, tuple(ids), FAILOVER)


def merged(before: Mapping[str, Any], part: Mapping[str, Any], vms: Iterable[str]) -> dict[str, Any]:
    """A result in which this part of it is too. What failed for all of the part is a failure of each of its VMs."""
    failures = list(part.get("failures") or ())
    if part.get("unreachable") or (part.get("failed") and not failures):
        told = {failure.get("id") for failure in failures}
        failures += [{"id": vm, "name": None, "msg": str(part.get("msg"))} for vm in vms if vm not in told]
    whole: dict[str, Any] = {"changed": bool(before.get("changed") or part.get("changed")), "failures": failures}
    whole["failures"] = [*(before.get("failures") or ()), *failures]
    for name in ("vms", "adapters", "actions", "warnings"):
        whole[name] = [*(before.get(name) or ()), *(part.get(name) or ())]
    return whole


def _here(talk: EndTalk, now: float) -> EndTalk:
    """Read all VMs of the host, and its test VMs."""
    asked = talk.read(now, [talk.host], gather=["relations", "test_vms"], unprotected=True)
    return replace(asked, phase="plan")  # type: ignore[no-any-return]


def _plan(talk: EndTalk, now: float) -> EndTalk:
    """Look which VMs are meant, show what is ended, and end it."""
    inputs, told = talk.want.inputs, talk.results()[talk.host]
    if records_of(told) is None and not inputs["report"]:  # whoever asks says so in its report
        return replace(talk, ended=merged({}, told, inputs["vms"]), phase="report")
    meant = cleanup(told, inputs["vms"])
    due = [record for record in told["vms"] if record["id"] in meant["ids"] and record.get("test_vm")]
    host = {"cmdlet": "Stop-VMFailover", "parameters": {}, "host": talk.host, "why": _WHY}
    shown = action_lines({**host, "vm": record["name"]} for record in due) or [f"{talk.host}: nothing to do"]
    talk = replace(talk, read_first=told, meant=meant, plan=tuple(shown) if inputs["report"] else ())
    if talk.want.check:
        after = [{**record, "test_vm": None} for record in told["vms"] if record["id"] in meant["ids"]]
        lines = (f"{talk.host}:", *meant["lines"], *cleaned(told, {"vms": after}, True))
        return replace(talk, end=End({"changed": bool(due)}, lines))
    asked = talk.also([replace(ending(talk.host, meant["ids"], inputs, told), at=now)])
    return replace(asked, phase="after")  # type: ignore[no-any-return]


def _after(talk: EndTalk, now: float) -> EndTalk:
    """What does whoever reports need of the replicas?"""
    if talk.want.inputs["report"]:
        return replace(talk, phase="report")
    asked = talk.read(now, [talk.host], ids=talk.meant["ids"], gather=["relations", "statistics"])
    return replace(asked, phase="report")  # type: ignore[no-any-return]


def _report(talk: EndTalk, now: float) -> EndTalk:
    """What became of it."""
    ended, after = talk.ended, talk.results().get(talk.host) or {}
    result: dict[str, Any] = {
        "changed": bool(ended.get("changed")),
        "vms": list(ended.get("vms") or ()),
        "actions": list(ended.get("actions") or ()),
    }
    if ended.get("warnings"):
        result["warnings"] = list(ended["warnings"])
    if not (talk.want.inputs["report"] or talk.stopped):
        return replace(talk, end=End({**result, "test": {"run": {"ended": ended, "after": after}}}))
    failures = [str(failure["msg"]) for failure in ended["failures"]]
    if failures or talk.stopped:
        result |= {"failed": True, "msg": "\n".join([*filter(None, [talk.stopped]), *failures])}
    lines = [f"{talk.host}:", *talk.meant.get("lines", ()), *cleaned(talk.read_first, ended, False)]
    return replace(talk, end=End(result, tuple(lines)))


PHASES: Phases[EndTalk] = {
    "list": list_tests,
    "listed": listed,
    "here": _here,
    "plan": _plan,
    "after": _after,
    "report": _report,
}
