# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which VM each job of the run belongs to, and what came of it. The only thing it does is to ask the jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..base.pipeline import Command, Pipeline, Statement
from ..base.session import ErrorRecord, Output
from .jobs import (
    COLLECT,
    SILENT,
    WATCH,
    Job,
    Jobs,
    begun,
    collect,
    collected,
    is_job,
    is_of_get_job,
    numbers_of,
    watch,
)
from .plan import Step

Named = Callable[[ErrorRecord], str | None]


@dataclass(frozen=True)
class Started:
    """Whose job it is, and by which step (as it was decided) it was started."""

    subject: str
    step: Step


@dataclass(frozen=True)
class News:
    """What the jobs said: `of` the step of a subject, or of nobody that is known (`rest`), and whose jobs ended."""

    of: tuple[tuple[Started, tuple[ErrorRecord, ...]], ...] = ()
    rest: tuple[ErrorRecord, ...] = ()
    ended: tuple[Started, ...] = ()


@dataclass
class JobWatch:
    """The jobs of a task, by their numbers. `claims` are those of all tasks on the session: Get-Job lists them all.

    `unsure`: they have to be asked for all together, for a number is not known, or the endpoint admits nothing else.
    A job is asked only by the task whose it is, for what Receive-Job has given it does not give again.
    """

    send: Callable[[Pipeline], Output]
    claims: set[int] = field(default_factory=set)
    mine: set[int] = field(default_factory=set)
    unsure: bool = False
    started: dict[int, Started] = field(default_factory=dict)
    heard: set[int] = field(default_factory=set)

    def begin(self, batch: Mapping[str, Step], sent: Mapping[str, Step], output: Output, named: Named) -> None:
        """A stage was sent (`sent`: as it travelled): keep whose job is which."""
        subjects = [subject for subject, step in sent.items() if is_job(step)]
        known = begun(output, subjects, named)
        self.unsure = self.unsure or (bool(subjects) and not known)
        own = set(numbers_of(output))
        self.mine |= own
        self.claims |= own
        for number, subject in known.items():
            self.started[number] = Started(subject, batch[subject])

    @property
    def question(self) -> Command | Statement:
        """How the jobs are doing: only those that are still to be heard, where their numbers are known."""
        left = sorted(self.mine - self.heard)
        return WATCH if self.unsure or not left else watch(left)

    def own(self, jobs: Jobs) -> Jobs:
        """Without the jobs of other tasks."""
        found = tuple(job for job in jobs.found if job.number in self.mine or job.number not in self.claims)
        return replace(jobs, found=found)

    def hear(self, jobs: Jobs) -> News:
        """Ask those that have ended since the last time what they have to say."""
        new = [job for job in jobs.ended if job.number not in self.heard]
        self.heard |= {job.number for job in new}
        ended = tuple(self.started[job.number] for job in new if job.number in self.started)
        speaking = [job for job in new if job.more or job.failed]
        if not speaking:
            return News(ended=ended)
        found, rest = self._ask(speaking)
        told = {job.number: found.get(job.number) or self._silent(job, rest) for job in speaking}
        of = tuple((self.started[n], errors) for n, errors in told.items() if n in self.started and errors)
        unknown = tuple(error for n, errors in told.items() if n not in self.started for error in errors)
        return News(of, (*rest, *unknown), ended)

    def _ask(self, speaking: list[Job]) -> tuple[Mapping[int, tuple[ErrorRecord, ...]], tuple[ErrorRecord, ...]]:
        """The errors by the numbers of their jobs, and those whose job is not known."""
        numbers, shared = [job.number for job in speaking], bool(self.claims - self.mine)
        if len(numbers) == 1 and not shared:
            return {numbers[0]: self.send(COLLECT).errors}, ()
        answer = self.send(collect(numbers))
        found = collected(answer, numbers)
        if found is not None:
            return found, ()
        if shared:  # asking all jobs at once would take away what those of another task have to say
            return {}, tuple(error for error in answer.errors if not is_of_get_job(error))
        errors = self.send(COLLECT).errors
        failed = [job.number for job in speaking if job.failed]
        if len(failed) == 1:
            return {failed[0]: errors}, ()
        if len(failed) == len(errors):
            return {number: (error,) for number, error in zip(failed, errors, strict=True)}, ()
        return {}, errors

    def _silent(self, job: Job, rest: tuple[ErrorRecord, ...]) -> tuple[ErrorRecord, ...]:
        """What stands for the words of a job that failed without any."""
        return (SILENT,) if job.failed and not rest and job.number in self.started else ()
