# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Check mode: the plan unfolded by prediction, in the same rounds as the real run, so that its list is in that order.

What runs as a job is taken to last longer than anything the other subjects have to do meanwhile; where a host is
quicker, the order between two subjects may differ, never that of one. What is sent is the read, and probes, which
change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Generic

from ..base.errors import OF_AN_ANSWER, ReplicaError, fault_of
from ..base.session import ErrorRecord
from .jobs import as_sent, is_job
from .outcome import Outcome
from .plan import Done, Have, Look, PlanDoesNotEnd, Refused, Step, Want, first_stage
from .progress import Progress, looked, refuse
from .task import Task


def foresee(task: Task[Have, Want]) -> Outcome:
    """What a real run would do now: its actions, unsent, and the records that it would read back."""
    outcome = task.outcome
    outcome.check = True
    try:
        run = _Foresight(task, task.begin())
        while ready := run.decide():
            run.take(first_stage(ready))
        run.note()
    except ReplicaError as error:
        outcome.error = error
    except OF_AN_ANSWER as error:
        outcome.error = fault_of(task.session.host, error)
    return outcome


@dataclass
class _Foresight(Generic[Have, Want]):
    """The run as it would go: `have` is what the host would say after the steps so far; `busy` have a job that runs."""

    task: Task[Have, Want]
    have: Have
    busy: set[str] = field(default_factory=set)

    @property
    def progress(self) -> dict[str, Progress]:
        return self.task.outcome.progress

    def decide(self) -> dict[str, Step]:
        """The next step of each subject that has one; jobs end when nobody else has."""
        ready = self._decide()
        while any(progress.look for progress in self.progress.values()):
            self._look_again()
            ready = self._decide()
        if ready or not self.busy:
            return ready
        self.busy.clear()
        return self.decide()

    def _look_again(self) -> None:
        """Read once more, unless steps have been foreseen already: what they make of the host is not there to read."""
        task = self.task
        task.outcome.progress = {subject: looked(progress) for subject, progress in self.progress.items()}
        if not any(progress.acted for progress in self.progress.values()):
            task.clock.sleep(task.waiting.poll_interval)
            self.have = task.parse(task.send(task.resource.query(task.want)))

    def _decide(self) -> dict[str, Step]:
        """Ask for all who are not busy; for those without a next step it ends here."""
        ready: dict[str, Step] = {}
        for subject, progress in self.progress.items():
            if progress.ended or subject in self.busy:
                continue
            decision = self.task.decide(self.have, subject, progress.stages)
            if isinstance(decision, Step):
                ready[subject] = self._new(subject, decision)
            elif isinstance(decision, Refused):
                self.progress[subject] = refuse(progress, decision)
            elif isinstance(decision, Look):
                self.progress[subject] = replace(progress, look=decision)
            elif isinstance(decision, Done):
                self.progress[subject] = replace(progress, done=decision)
            else:
                self._wait(subject)
        return ready

    def _wait(self, subject: str) -> None:
        """Let what is under way be over, as if it were a job; where its end is not known, the plan ends here."""
        later = self.task.resource.settle(self.have, self.task.want, subject)
        if later == self.have:
            self.progress[subject] = replace(self.progress[subject], done=Done("under way"))
        else:
            self.have = later
            self.busy.add(subject)

    def _new(self, subject: str, step: Step) -> Step:
        if step in self.progress[subject].sent:
            raise PlanDoesNotEnd(
                f"{self.task.resource.name}: {step.stage} for {subject or 'the host'} is planned again from its own"
                " outcome"
            )
        return step

    def take(self, batch: Mapping[str, Step]) -> None:
        """Let the steps have happened. Probes are sent, unless a change before them makes what they ask about."""
        probes = {s: step for s, step in batch.items() if step.probe and not self.progress[s].acted}
        failed = {s: errors for s, errors in self.task.probe(probes).items() if errors}
        self.task.tell_losses(batch.values())
        for subject, step in batch.items():
            progress = self.progress[subject]
            self.progress[subject] = replace(progress, sent=(*progress.sent, step))
            if subject in failed:
                self.progress[subject] = _failed(self.progress[subject], step, failed[subject])
                continue
            travelling = as_sent(step)
            self.busy |= {subject} if is_job(travelling) else set()
            self.task.act({subject: travelling}, sent=False)
            self.have = self.task.resource.predict(self.have, self.task.want, step)

    def note(self) -> None:
        """The records as they would be read back; where a probe failed, as they were."""
        for subject, progress in self.progress.items():
            if not progress.own_errors:
                self.task.record(self.have, subject)


def _failed(progress: Progress, step: Step, errors: tuple[ErrorRecord, ...]) -> Progress:
    name = step.statement.commands[-1].name
    return replace(progress, own_errors=errors, failure=f"{name} ({step.why}) failed.")
