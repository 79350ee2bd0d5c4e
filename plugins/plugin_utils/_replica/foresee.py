# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Check mode: the plan unfolded by prediction. What is sent is the read, and probes, which change nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from .errors import ReplicaError
from .jobs import as_sent
from .outcome import Outcome
from .plan import Decision, Done, Have, Refused, Step, Want, unfold
from .progress import Progress
from .session import ErrorRecord
from .task import Task


def foresee(task: Task[Have, Want]) -> Outcome:
    """What a real run would do now: its actions, unsent, and the records that it would read back."""
    outcome = task.outcome
    outcome.check = True
    try:
        have = task.begin()
        plans = {subject: unfold(task.noun, have, task.want, subject) for subject in outcome.progress}
        refused = _probed(task, {subject: plan[0] for subject, plan in plans.items()})
        for subject, (steps, decision, predicted) in plans.items():
            if subject in refused:
                outcome.progress[subject] = refused[subject]
                continue
            outcome.progress[subject] = _foreseen(steps, decision)
            for step in steps:
                task.act({subject: as_sent(step)}, sent=False)
            outcome.after[subject] = task.noun.record(predicted, task.want, subject)
    except ReplicaError as error:
        outcome.error = error
    return outcome


def _foreseen(steps: tuple[Step, ...], decision: Decision) -> Progress:
    progress = Progress(sent=steps)
    if isinstance(decision, Refused):
        return replace(progress, failure=decision.message)
    return replace(progress, done=decision if isinstance(decision, Done) else Done("under way"))


def _probed(task: Task[Have, Want], plans: dict[str, tuple[Step, ...]]) -> dict[str, Progress]:
    """The subjects whose probe fails. Only probes before the first change: later ones ask about what is not yet so."""
    failed: dict[str, Progress] = {}
    leading = {subject: list(takewhile(lambda step: step.probe, steps)) for subject, steps in plans.items()}
    for index in range(max((len(steps) for steps in leading.values()), default=0)):
        due = {s: steps[index] for s, steps in leading.items() if index < len(steps) and s not in failed}
        for subject, errors in task.probe(due).items():
            if errors:
                failed[subject] = _failed(due[subject], errors)
    return failed


def _failed(step: Step, errors: tuple[ErrorRecord, ...]) -> Progress:
    name = step.statement.commands[-1].name
    return Progress(sent=(step,), own_errors=errors, failure=f"{name} ({step.why}) failed.")
