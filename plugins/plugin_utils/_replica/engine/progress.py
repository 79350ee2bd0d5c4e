# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How far one subject (a VM, or the host) has come in this run, and what its next decision means for it.

Pure: `judge` takes what is known, the decision made from the last read and the time, and gives the new state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..base.option_groups import Waiting
from ..base.session import ErrorRecord
from .plan import Decision, Done, Look, Refused, Step, Wait

_MOST_STEPS = 100  # far above any plan: a plan that turns in circles is found by the tests, this ends it at a customer


@dataclass(frozen=True)
class Progress:
    """What was done for a subject, and what is awaited.

    `sent` are the steps as they were decided; `seen` counts those whose effect was read back. `own_errors` are
    errors of the open step that are surely this subject's, `open_errors` those that may be; `told` are those of steps
    that took effect all the same. `next` is the step to send, `look` what is to be read once
    more first; `looked` are the stages of those that were. `refused`: the failure is a decision, whose message says
    everything. `exposed` is what stands open since a step took effect whose next one has not.
    """

    sent: tuple[Step, ...] = ()
    seen: int = 0
    awaited: Step | Wait | None = None
    since: float = 0.0
    job_ended: bool = False  # the open step travelled as a job, and that is over: its effect only has to settle
    own_errors: tuple[ErrorRecord, ...] = ()
    open_errors: tuple[ErrorRecord, ...] = ()
    told: tuple[ErrorRecord, ...] = ()
    next: Step | None = None
    look: Look | None = None
    looked: frozenset[str] = frozenset()
    failure: str = ""
    refused: bool = False
    exposed: str = ""
    done: Done | None = None

    @property
    def stages(self) -> frozenset[str]:
        """Stages already sent, as a resource's `decide` takes them."""
        return self.looked | {step.stage for step in self.sent}

    @property
    def ended(self) -> bool:
        """True when nothing more will be done for it."""
        return bool(self.failure) or self.done is not None

    @property
    def may_rest(self) -> bool:
        """True when nothing is under way, and nothing stands open until the next step."""
        return self.next is not None and not self.exposed and not self.ended

    @property
    def reason(self) -> str:
        """What is waited for."""
        if isinstance(self.awaited, Wait):
            return self.awaited.reason
        if self.look is not None:
            return self.look.reason
        return self.awaited.why if isinstance(self.awaited, Step) else "the next read"

    @property
    def in_doubt(self) -> bool:
        """True while errors that name nobody may be about its open step."""
        waits = isinstance(self.awaited, Step) and self.next is None and not self.ended
        return waits and bool(self.open_errors) and not self.own_errors

    @property
    def acted(self) -> bool:
        """True when something was sent that changes the host."""
        return any(not step.probe for step in self.sent)


def started(progress: Progress, step: Step, now: float) -> Progress:
    """The step was sent."""
    return replace(
        progress,
        sent=(*progress.sent, step),
        awaited=step,
        since=now,
        job_ended=False,
        own_errors=(),
        open_errors=(),
        next=None,
    )


def looked(progress: Progress) -> Progress:
    """What was to be looked at again is going to be."""
    if progress.look is None:
        return progress
    return replace(progress, look=None, looked=progress.looked | {progress.look.stage})


def job_over(progress: Progress, now: float) -> Progress:
    """The job of the open step has ended."""
    if progress.job_ended:
        return progress
    return replace(progress, job_ended=True, since=now if isinstance(progress.awaited, Step) else progress.since)


def judge(progress: Progress, decision: Decision, now: float, waiting: Waiting) -> Progress:
    """What the decision made from the newest read means for the subject."""
    if isinstance(decision, Step):
        return _step(progress, decision, now, waiting)
    if isinstance(decision, Wait):
        return _wait(progress, decision, now, waiting)
    if isinstance(decision, Refused):
        return refuse(progress, decision)
    if isinstance(decision, Look):
        return replace(_through(progress), look=decision)
    progress = _through(progress)
    return progress if progress.failure else replace(progress, done=decision)


def refuse(progress: Progress, decision: Refused) -> Progress:
    """The subject is not touched, or not any further."""
    return replace(progress, failure=decision.message, refused=decision.whole, exposed=_exposed(progress))


def seconds_left(progress: Progress, now: float, waiting: Waiting) -> float:
    """So long what is awaited may still take."""
    awaited = progress.awaited
    if isinstance(awaited, Step):
        limit = waiting.settle_timeout if progress.job_ended and not progress.own_errors else _limit(awaited, waiting)
    else:
        own = awaited.limit_seconds if isinstance(awaited, Wait) else None
        limit = waiting.wait_timeout if own is None else own
    return max(limit - (now - progress.since), 0.0)


def _step(progress: Progress, step: Step, now: float, waiting: Waiting) -> Progress:
    if step not in progress.sent:
        progress = _through(progress)
        if len(progress.sent) >= _MOST_STEPS:
            return replace(progress, failure=f"{step.stage} is decided over and over; the last reason was: {step.why}")
        return progress if progress.failure else replace(progress, next=step)
    if step.act or step.probe:  # sent once a run, whatever the resource makes of it
        return replace(_through(progress), done=Done(step.why))
    refused = [error for error in progress.own_errors if not _numbers(error) & set(step.under_way)]
    if refused:
        return replace(progress, failure=f"{_what(step)} failed.{_advice(step, refused[0])}")
    settles = progress.job_ended and not progress.own_errors
    limit = waiting.settle_timeout if settles else _limit(step, waiting)
    if progress.awaited != step:
        return replace(progress, awaited=step, since=now)
    if now - progress.since < limit:
        return progress
    late = f" {step.if_late}" if step.if_late else ""
    return replace(progress, failure=f"{_what(step)} did not take effect within {limit:g} seconds.{late}")


def _wait(progress: Progress, wait: Wait, now: float, waiting: Waiting) -> Progress:
    if not isinstance(progress.awaited, Wait):
        progress = replace(_through(progress), awaited=wait, since=now)
    limit = waiting.wait_timeout if wait.limit_seconds is None else wait.limit_seconds
    if progress.failure or now - progress.since < limit:
        return replace(progress, awaited=wait)
    problem = f"{wait.reason} is not over after {limit:g} seconds."
    late = wait.if_late or "Nothing was stopped: the same task goes on from here."
    return replace(progress, failure=f"{problem} {late}")


def _through(progress: Progress) -> Progress:
    """The decision has moved on, so the open step took effect; an act or a probe leaves no trace but its errors."""
    step, errors = progress.awaited, (*progress.own_errors, *progress.open_errors)
    if isinstance(step, Step) and (step.act or step.probe) and errors:
        return replace(progress, awaited=None, failure=f"{_what(step)} failed.")
    refused = bool(progress.own_errors)  # another hand may have reached the goal: then it was not this step
    took_effect = isinstance(step, Step) and not step.probe and not refused
    told = (*progress.told, *errors)
    known = replace(progress, exposed=_exposed(progress), seen=progress.seen + took_effect)
    return replace(known, awaited=None, told=told, own_errors=(), open_errors=())


def _exposed(progress: Progress) -> str:
    """What stands open now that the decision has moved on: what the open step says of itself, if it took effect."""
    step = progress.awaited
    if isinstance(step, Step) and not step.probe and not progress.own_errors:
        return step.exposes
    return progress.exposed


def _numbers(error: ErrorRecord) -> set[int]:
    return {int(code, 16) for code in error.codes}


def _advice(step: Step, error: ErrorRecord) -> str:
    """What to do about the refusal, by its code; " " before it."""
    told = [text for code, text in step.advice if code in _numbers(error)]
    told = told or [text for code, text in step.advice if code == 0]
    return f" {told[0]}" if told else ""


def _what(step: Step) -> str:
    return f"{step.statement.commands[-1].name} ({step.why})"


def _limit(step: Step, waiting: Waiting) -> float:
    if step.limit_seconds is not None:
        return step.limit_seconds
    return waiting.wait_timeout if step.waits else waiting.settle_timeout
