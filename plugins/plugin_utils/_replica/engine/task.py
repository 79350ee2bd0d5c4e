# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One task of one resource over one session: what the real run (apply.py) and check mode (check_mode.py) share.

Knows no resource, no Ansible, no transport.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic

from ..base.errors import OF_AN_ANSWER, ConnectionLost, OptionError, ReplicaError, UnsupportedConnection, fault_of
from ..base.option_groups import Waiting
from ..base.pipeline import Pipeline, Statement
from ..base.session import ErrorRecord, Output, Session
from .outcome import Action, Outcome
from .plan import Decision, Have, Refused, Resource, Step, Want
from .progress import Progress


@dataclass(frozen=True)
class Clock:
    """The passing of time, so that tests can do without it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Task(Generic[Have, Want]):
    """The task and its outcome so far. `say` takes a line of progress for the operator, `sent` what is being sent.

    `claims` are the numbers of the jobs that tasks on the same session have started.
    `goes_on`: once it says no, nothing more is sent for whom nothing stands open; what is under way is waited for.
    """

    resource: Resource[Have, Want]
    want: Want
    session: Session
    waiting: Waiting = field(default_factory=Waiting)
    say: Callable[[str], None] = lambda line: None
    clock: Clock = field(default_factory=Clock)
    sent: Callable[[Mapping[str, Step]], None] = lambda steps: None
    claims: set[int] = field(default_factory=set)
    goes_on: Callable[[], bool] = lambda: True
    outcome: Outcome = field(init=False)

    def __post_init__(self) -> None:
        self.outcome = Outcome(self.session.host)

    def begin(self) -> Have:
        """The first read: whom the task is about, and how they are before anything is sent."""
        have = self.parse(self.send(self.resource.query(self.want)))
        more = self.resource.more(have, self.want)
        if more is not None:
            self.want = self.resource.learn(self.send(more), self.want)
        for subject in self.resource.subjects(have, self.want):
            self.outcome.progress[subject] = Progress()
        self.note(have)
        self.outcome.before = dict(self.outcome.after)
        return have

    def parse(self, output: Output) -> Have:
        """What an answer to the resource's query says. An error that does not know whose it was gets the name."""
        try:
            return self.resource.parse(output, self.want)
        except ReplicaError as error:
            error.name_host(self.session.host)
            raise

    def decide(self, have: Have, subject: str, stages: frozenset[str]) -> Decision:
        """What the resource decides for the subject. What it cannot judge is this subject's failure."""
        try:
            return self.resource.decide(have, self.want, subject, stages)
        except OF_AN_ANSWER as error:
            return Refused(self._not_understood(error), whole=False)

    def _not_understood(self, error: BaseException) -> str:
        return f"what was read cannot be judged: {fault_of(self.session.host, error).problem}. Please report it."

    def send(self, pipeline: Pipeline) -> Output:
        """Run a pipeline; the warnings that Windows adds are kept for the operator."""
        output = self.session.run(pipeline)
        told = (f"{self.session.host}: {warning}" for warning in output.warnings)
        self.outcome.warnings += [text for text in told if text not in self.outcome.warnings]
        return output

    def note(self, have: Have) -> None:
        """Keep the records of what was read."""
        for subject in self.outcome.progress:
            self.record(have, subject)

    def record(self, have: Have, subject: str) -> None:
        """Keep the record of one subject; where there is none to be made of what was read, that is its failure."""
        try:
            self.outcome.after[subject] = self.resource.record(have, self.want, subject)
        except OF_AN_ANSWER as error:
            progress = self.outcome.progress[subject]
            failure = progress.failure or self._not_understood(error)
            self.outcome.progress[subject] = replace(progress, failure=failure)

    def labels(self, subjects: Iterable[str]) -> dict[str, str]:
        """What the subjects are called."""
        return {subject: self.outcome.label(subject) for subject in subjects}

    def probe(self, steps: Mapping[str, Step]) -> dict[str, tuple[ErrorRecord, ...]]:
        """Send probes, equal ones once, and give the errors of each. A pipeline each, so that an error has an owner."""
        answers: list[tuple[Statement, tuple[ErrorRecord, ...]]] = []
        found: dict[str, tuple[ErrorRecord, ...]] = {}
        for subject, step in steps.items():
            known = [errors for statement, errors in answers if statement == step.statement]
            found[subject] = known[0] if known else self.send(Pipeline.of(step.statement)).errors
            answers += [] if known else [(step.statement, found[subject])]
        return found

    def act(self, steps: Mapping[str, Step], sent: bool | None) -> None:
        """Keep what was sent (True), would be (False), or got lost (None)."""
        for subject, step in steps.items():
            if not step.probe:
                label = self.outcome.label(subject)
                self.outcome.actions.append(Action.of(step, self.session.host, label, sent))

    def tell_losses(self, steps: Iterable[Step]) -> None:
        """Say what steps are going to destroy, and keep it as a warning."""
        for text in dict.fromkeys(step.loses for step in steps if step.loses):
            if text not in self.outcome.warnings:
                self.say(text)
                self.outcome.warnings.append(text)

    def change(self, steps: Mapping[str, Step]) -> Output:
        """Send state-changing steps in one pipeline, and keep them as actions whatever becomes of it.

        Also where something ends the whole task meanwhile, as its time limit does: then nobody knows whether they ran.
        """
        self.sent(steps)
        sent: bool | None = None
        try:
            output = self.send(Pipeline.of(*(step.statement for step in steps.values())))
            sent = True
        except ConnectionLost as lost:
            sent = lost.sent
            raise
        except (OptionError, UnsupportedConnection):
            sent = False
            raise
        finally:
            self.act(steps, sent)
            if sent is None:
                self.outcome.at_risk += [step.exposes for step in steps.values() if step.exposes]
        return output
