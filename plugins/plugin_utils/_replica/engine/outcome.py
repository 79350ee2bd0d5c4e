# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a run came to, and the result that Ansible gets of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.errors import ConnectionLost, OptionError, OutOfTime, ReplicaError, UnreadableAnswer, said, signs
from ..base.session import ErrorRecord
from ..base.text import clean_text
from ..base.values import is_guid
from .plan import Step
from .progress import Progress

Record = dict[str, Any]

_STATES = ("mode", "state", "health", "power", "role")  # what a message tells of a record, where it has them
_MOST_NAMED = 10
_QUOTE = r"[^\w\- \t\r\n.,:;]"  # what may stand around a name, in whatever language; a no-break space too


@dataclass(frozen=True)
class Action:
    """One state-changing cmdlet. `sent` is True, False (check mode, or it did not get out), or None: unknown."""

    cmdlet: str
    parameters: Mapping[str, Any]
    host: str
    vm: str | None
    why: str
    sent: bool | None
    vm_id: str | None = None

    @classmethod
    def of(cls, step: Step, host: str, label: str, sent: bool | None) -> Action:
        """The action of a step: the cmdlet at the end of its statement, which the ones before it only lead to."""
        command = step.statement.commands[-1]
        vm_id = step.subject if is_guid(step.subject) else None
        return cls(command.name, dict(command.parameters), host, label or None, step.why, sent, vm_id)

    def to_result(self) -> Record:
        """As it stands in the result's `actions`."""
        return {
            "cmdlet": self.cmdlet,
            "parameters": dict(self.parameters),
            "host": self.host,
            "vm": self.vm,
            "vm_id": self.vm_id,
            "why": self.why,
            "sent": self.sent,
        }


@dataclass
class Outcome:
    """Everything that is known at the end. Records are by subject; `error` ended the run before its time."""

    host: str
    check: bool = False
    before: dict[str, Record] = field(default_factory=dict)
    after: dict[str, Record] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: ReplicaError | None = None
    at_risk: list[str] = field(default_factory=list)  # what a step exposes whose answer was lost

    def label(self, subject: str) -> str:
        """What a subject is called: the name in its record, else its id."""
        record = self.after.get(subject) or self.before.get(subject) or {}
        return str(record.get("name") or subject)

    def changed(self, subject: str) -> bool:
        """True when something was sent for the subject (or would be) and took effect, going by what was read back."""
        progress = self.progress[subject]
        if self.check or not progress.acted:
            return progress.acted
        return progress.seen > 0 or self.before.get(subject) != self.after.get(subject)

    def failures(self) -> list[Record]:
        """One entry for each subject that failed or was refused."""
        return [
            {
                "id": subject or None,
                "name": self.label(subject) or None,
                "msg": clean_text(" ".join(filter(None, (progress.exposed, self._message(subject))))),
            }
            for subject, progress in self.progress.items()
            if progress.failure
        ]

    def pending(self) -> list[Record]:
        """One entry for each subject whose end the run did not wait for."""
        if self.check or (self.error is not None and not self.failures()):
            return []
        return [
            {"id": subject or None, "name": self.label(subject) or None, "msg": clean_text(progress.reason)}
            for subject, progress in self.progress.items()
            if not progress.ended
        ]

    @property
    def exposed(self) -> list[str]:
        """What stands open because the run ended before its time, for the head of the message."""
        left = [progress.exposed for progress in self.progress.values() if self.error or progress.failure]
        return [*filter(None, left), *(f"{text} Perhaps: the answer to that was lost." for text in self.at_risk)]

    def _message(self, subject: str) -> str:
        progress = self.progress[subject]
        if progress.refused and not progress.sent:
            return progress.failure  # a refusal says everything itself
        own, maybe = said(progress.own_errors), said(progress.open_errors)
        parts = [f"{self.host}: {self.label(subject)}: " if subject else f"{self.host}: ", progress.failure]
        parts += [f" Windows says: {own}."] if own else []
        parts += [f" Errors of this stage that name no VM: {maybe}."] if maybe else []
        states = _states(self.after.get(subject, {}))
        return "".join(parts) + (f" Read last: {states}." if states else "")


def _states(record: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {record[key]}" for key in _STATES if isinstance(record.get(key), str))


def owner(error: ErrorRecord, labels: Mapping[str, str]) -> str | None:
    """The subject that an error is about, by the VM's id or name in its target or text; None when that is not sure.

    `labels` are the names of the subjects of the stage; with one subject there is nobody else. In a text a name counts
    where it stands by itself between quotes or brackets, as Hyper-V puts it: a VM may be called "server" or "App01 2".
    """
    if len(labels) == 1:
        return next(iter(labels))
    target, text = error.target.casefold(), f"{error.target}\n{error.message}".casefold()
    for test in (
        lambda subject, name: subject.casefold() in text,
        lambda subject, name: name == target,
        lambda subject, name: re.search(rf"(?<={_QUOTE}){re.escape(name)}(?={_QUOTE})", text) is not None,
    ):
        found = [subject for subject, name in labels.items() if subject and test(subject, name.casefold())]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def to_result(outcome: Outcome, subject_key: str, diff: bool) -> Record:
    """The result of the task. `subject_key` names the list of records; "" puts the one record at the top."""
    result: Record = {}
    records = [outcome.after[subject] for subject in outcome.progress if subject in outcome.after]
    if subject_key:
        result[subject_key] = records
    elif records:
        result.update(records[0])
    changed = [subject for subject in outcome.progress if outcome.changed(subject)]
    unproven = outcome.error is not None and any(action.sent is not False for action in outcome.actions)
    result["changed"] = bool(changed) or unproven
    result["actions"] = [action.to_result() for action in outcome.actions]
    if diff:
        result["diff"] = _diff(outcome, changed, single=not subject_key)
    warnings = [*outcome.warnings, *_warnings(outcome)]
    if warnings:
        result["warnings"] = list(dict.fromkeys(map(clean_text, warnings)))
    result.update(_ending(outcome))
    return result


def part_of(result: Record, subjects: Iterable[str], first: bool) -> Record:
    """What a result says of some of its VMs. Actions that are about none stand in the first part."""
    ids, failures = set(subjects), result.get("failures") or ()
    part = {**result, "vms": [vm for vm in result.get("vms") or () if vm["id"] in ids]}
    for key in ("failures", "pending"):
        part.pop(key, None)
        found = [one for one in result.get(key) or () if one["id"] in ids]
        part.update({key: found} if found else {})
    part["actions"] = [a for a in result["actions"] if a["vm_id"] in ids or (first and not a["vm_id"])]
    if failures and not part.get("failures") and not result.get("unreachable"):
        part.pop("msg", None)  # it is about the others
        part.pop("failed", None)
    return part


def _diff(outcome: Outcome, changed: Iterable[str], single: bool) -> Record:
    sides = {"before": outcome.before, "after": outcome.after}
    if single:
        return {side: records[subject] for side, records in sides.items() for subject in changed} or {
            "before": {},
            "after": {},
        }
    return {
        side: {outcome.label(subject): records[subject] for subject in changed if subject in records}
        for side, records in sides.items()
    }


def _warnings(outcome: Outcome) -> Iterable[str]:
    for progress in outcome.progress.values():
        if progress.done is not None:
            yield from progress.done.warnings
    failed = [progress for progress in outcome.progress.values() if progress.failure]
    blamed = {error for progress in failed for error in (*progress.own_errors, *progress.open_errors)}
    for error in dict.fromkeys(error for progress in outcome.progress.values() for error in progress.told):
        if error not in blamed:
            yield f"{outcome.host}: it took effect, but Windows says: {error}"


def _ending(outcome: Outcome) -> Record:
    """The keys that say how it ended: nothing, `failed`, or `unreachable`. What stands open comes first."""
    failures, pending = outcome.failures(), outcome.pending()
    ending: Record = {"failures": failures} if failures else {}
    ending.update({"pending": pending} if pending else {})
    error = outcome.error
    if isinstance(error, ConnectionLost):
        return {
            **ending,
            "unreachable": True,
            **signs(error),
            "msg": _first(outcome.exposed, clean_text(_lost(outcome, error))),
        }
    if isinstance(error, (UnreadableAnswer, OutOfTime)):
        return {
            **ending,
            "failed": True,
            **signs(error),
            "msg": _first(outcome.exposed, clean_text(_lost(outcome, error))),
        }
    if error is not None:
        option = {"option": error.option} if isinstance(error, OptionError) else {}
        return {**ending, **option, "failed": True, **signs(error), "msg": _first(outcome.exposed, clean_text(error))}
    if failures:
        exposed = outcome.exposed if len(outcome.progress) > 1 else []  # of one VM its failure says it already
        return {**ending, "failed": True, "msg": _first(exposed, _summary(failures, len(outcome.progress)))}
    return ending


def _first(exposed: list[str], rest: str) -> str:
    return "\n".join([*map(clean_text, exposed), rest])


def _lost(outcome: Outcome, error: ReplicaError) -> str:
    unknown = sum(action.sent is None for action in outcome.actions)
    sent = sum(action.sent is True for action in outcome.actions)
    if not unknown and not sent:
        return f"{error}. Nothing was changed."
    told = f" Whether {unknown} cmdlet(s) under way ran is not known (sent: null in actions)." if unknown else ""
    before = f" {sent} cmdlet(s) had run before." if sent else ""
    return f"{error}.{told}{before} Run the same task again: it reads the host first and finishes what is left."


def _summary(failures: list[Record], subjects: int) -> str:
    if subjects == 1:
        return str(failures[0]["msg"])
    told = "\n".join(str(failure["msg"]) for failure in failures[:_MOST_NAMED])
    rest = len(failures) - _MOST_NAMED
    more = f"\n… and {rest} more, in failures." if rest > 0 else ""
    return f"{len(failures)} of {subjects} failed:\n{told}{more}"
