# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The real run: decide, send one stage, read, decide again, until every subject is through, refused or out of time.

Each stage is decided from a read made right before it. A failure for one subject does not hold up the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic

from ..base.errors import OF_AN_ANSWER, ReplicaError, fault_of
from ..base.pipeline import Pipeline
from ..base.session import ErrorRecord, Output
from .job_watch import JobWatch, News
from .jobs import as_sent, is_job, refused_as_jobs, split
from .outcome import Outcome, owner
from .plan import Have, Step, Want, first_stage
from .progress import Progress, job_over, judge, looked, started
from .task import Task


def apply(task: Task[Have, Want]) -> Outcome:
    """Run the task to its end. What ends it before that is in the outcome, with all that was done until then."""
    for seconds in turns(task):
        if seconds:
            task.clock.sleep(seconds)
    return task.outcome


def turns(task: Task[Have, Want]) -> Iterator[float]:
    """The same, a turn at a time: yields the seconds until the next one, so that others may use the session between.

    What has come of each subject until then is in the outcome.
    """
    try:
        have = task.begin()
        run = _Run(task)
        while (seconds := run.advance(have)) is not None:
            yield seconds
            have = run.read()
    except ReplicaError as error:
        task.outcome.error = error
    except OF_AN_ANSWER as error:
        task.outcome.error = fault_of(task.session.host, error)


@dataclass
class _Run(Generic[Have, Want]):
    task: Task[Have, Want]
    jobs_possible: bool = True
    watchable: bool = True
    said: str = ""
    began: float = field(init=False)
    jobs: dict[str, Step] = field(default_factory=dict)  # decided steps that travelled as jobs and may have news
    watch: JobWatch = field(init=False)
    suspects: tuple[str, ...] = ()  # whom errors that name nobody are down to, since `suspected`
    suspected: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.task.clock.now()
        self.watch = JobWatch(self.task.send, self.task.claims)

    @property
    def progress(self) -> dict[str, Progress]:
        return self.task.outcome.progress

    def read(self) -> Have:
        """Read again, and with it how the jobs are doing."""
        query = self.task.resource.query(self.task.want)
        self.jobs = {s: step for s, step in self.jobs.items() if self._is_open(s, step)}
        output = self._watched(query) if self.jobs and self.watchable else self.task.send(query)
        have = self.task.parse(output)
        self.task.note(have)
        return have

    def _watched(self, query: Pipeline) -> Output:
        """The answer to the query, asked together with how the jobs are doing.

        That comes first: a query may end with a cmdlet that a host lacks, and then nothing after it is answered. On an
        endpoint that lacks Get-Job the query is asked once more, and from then on without it.
        """
        found, output = split(self.task.send(Pipeline.of(self.watch.question) + query))
        if found.hidden:
            self.watchable = False
            return self.task.send(query)
        if found.narrow:
            self.watch.unsure = True
            found, output = split(self.task.send(Pipeline.of(self.watch.question) + query))
        found = self.watch.own(found)
        self._take(self.watch.hear(found))
        if found.all_ended:
            self._settle(self.jobs)
        return output

    def _take(self, news: News) -> None:
        """What the jobs said goes to their VMs; what ended without its effect in sight has only to settle."""
        for started_as, errors in news.of:
            if self.jobs.get(started_as.subject) == started_as.step:
                self._own(started_as.subject, errors)
            else:
                progress = self.progress[started_as.subject]
                self.progress[started_as.subject] = replace(progress, told=(*progress.told, *errors))
        self._blame(self.jobs, news.rest)
        self._settle([one.subject for one in news.ended if self.jobs.get(one.subject) == one.step])

    def _settle(self, subjects: Iterable[str]) -> None:
        """Their jobs have ended: what is not to be seen soon will not come."""
        now = self.task.clock.now()
        for subject in subjects:
            self.progress[subject] = job_over(self.progress[subject], now)

    def _is_open(self, subject: str, step: Step) -> bool:
        progress = self.progress[subject]
        return not progress.ended and progress.sent[-1] == step

    def advance(self, have: Have) -> float | None:
        """Decide for all from what was read, then send one stage, or say how long to wait; None when all are through.

        Who wants a second look gets it before anything is sent for anybody: it is the same read for all.
        """
        task, now = self.task, self.task.clock.now()
        self._judge(have, self.progress)
        self._judge(have, self._narrowed(now))
        if any(progress.look and not progress.ended for progress in self.progress.values()):
            task.outcome.progress = {subject: looked(progress) for subject, progress in self.progress.items()}
            return task.waiting.poll_interval
        rests = {s for s, p in self.progress.items() if p.may_rest and not task.goes_on()}
        ready = {s: p.next for s, p in self.progress.items() if p.next is not None and not p.ended and s not in rests}
        if ready:
            self._send_stage(ready)
            return 0.0
        if all(p.ended or s in rests for s, p in self.progress.items()) or self._out_of_patience(now):
            return None
        self._tell()
        return task.waiting.poll_interval

    def _judge(self, have: Have, subjects: Iterable[str]) -> None:
        """What the newest read means for these."""
        task, now = self.task, self.task.clock.now()
        for subject in tuple(subjects):
            progress = self.progress[subject]
            if not progress.ended:
                decision = task.decide(have, subject, progress.stages)
                self.progress[subject] = judge(progress, decision, now, task.waiting)

    def _narrowed(self, now: float) -> tuple[str, ...]:
        """Those who get the errors that name nobody, because everybody else's step took effect.

        Only as many as there are errors, and after a second look, for states lag. Statements run one after the other,
        so their errors are in the order of the VMs.
        """
        left = {s: p.open_errors for s, p in self.progress.items() if p.in_doubt}
        errors = max(left.values(), key=len, default=())
        certain = 0 < len(left) <= len(errors) and not any(self._runs(subject) for subject in left)
        if not certain or tuple(left) != self.suspects:
            self.suspects, self.suspected = tuple(left) if certain else (), now
            return ()
        if now - self.suspected < self.task.waiting.poll_interval:
            return ()
        one_each = len(left) == len(errors)
        for number, subject in enumerate(left):
            owned = errors[number : number + 1] if one_each else errors
            self.progress[subject] = replace(self.progress[subject], own_errors=owned, open_errors=())
        return tuple(left)

    def _runs(self, subject: str) -> bool:
        """True while the open step's job is not known to have ended."""
        return subject in self.jobs and not self.progress[subject].job_ended

    def _out_of_patience(self, now: float) -> bool:
        """True when those that are through have waited long enough for the others."""
        patience = self.task.waiting.patience
        over = patience is not None and now - self.began >= patience
        return over and any(progress.ended for progress in self.progress.values())

    def _send_stage(self, ready: Mapping[str, Step]) -> None:
        """Send the steps of the first stage that is due; other stages are decided again after the next read."""
        batch = first_stage(ready)
        if any(step.probe for step in batch.values()):
            found = self.task.probe(batch)
            self._start(batch)
            for subject, errors in found.items():
                self._own(subject, errors)
            return
        steps = {subject: as_sent(step, self.jobs_possible) for subject, step in batch.items()}
        output = self._change(steps)
        self._start(batch)
        self.jobs.update({subject: batch[subject] for subject, step in steps.items() if is_job(step)})
        labels = self.task.labels(batch)
        self.watch.begin(batch, steps, output, lambda error: owner(error, labels))
        self._blame(batch, output.errors)

    def _change(self, steps: dict[str, Step]) -> Output:
        """Send the steps; once more as plain cmdlets where an endpoint has shown that it does not take jobs."""
        self.task.tell_losses(steps.values())
        kept = len(self.task.outcome.actions)
        output = self.task.change(steps)
        if not (all(is_job(step) for step in steps.values()) and refused_as_jobs(output, len(steps))):
            return output
        self.jobs_possible = False
        del self.task.outcome.actions[kept:]  # none of them got as far as being called
        steps.update({subject: _without_job(step) for subject, step in steps.items()})
        return self.task.change(steps)

    def _start(self, batch: Mapping[str, Step]) -> None:
        now = self.task.clock.now()
        for subject, step in batch.items():
            self.progress[subject] = started(self.progress[subject], step, now)

    def _blame(self, batch: Mapping[str, Step], errors: tuple[ErrorRecord, ...]) -> None:
        """Give errors to the subjects they are about; those that name nobody may be anybody's whose step is open."""
        labels = self.task.labels(batch)
        for error in errors:
            subject = owner(error, labels)
            if subject is not None:
                self._own(subject, (error,))
                continue
            for other in batch:
                progress = self.progress[other]
                self.progress[other] = replace(progress, open_errors=(*progress.open_errors, error))

    def _own(self, subject: str, errors: tuple[ErrorRecord, ...]) -> None:
        progress = self.progress[subject]
        self.progress[subject] = replace(progress, own_errors=(*progress.own_errors, *errors))

    def _tell(self) -> None:
        """One line on what is waited for, when it differs from the line before."""
        reasons = Counter(progress.reason for progress in self.progress.values() if not progress.ended)
        line = "; ".join(f"{count} x {reason}" if count > 1 else reason for reason, count in reasons.items())
        if line != self.said:
            self.said = line
            self.task.say(f"{self.task.session.host}: waiting: {line}")


def _without_job(step: Step) -> Step:
    commands = step.statement.commands
    kept = {name: value for name, value in commands[-1].parameters.items() if name != "AsJob"}
    last = replace(commands[-1], parameters=kept)
    return replace(step, statement=replace(step.statement, commands=(*commands[:-1], last)))
