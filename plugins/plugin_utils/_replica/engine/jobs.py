# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Side by side: cmdlets that wait inside Windows are started as jobs, in one pipeline for all VMs.

The jobs live in the session, so nothing grows with the number of VMs: one pipeline starts them all, the reads by which
their effects are found carry one statement more that says which have ended, and one pipeline asks for all errors. A
cmdlet without `-AsJob` (Complete-VMFailover) runs as it is, one VM after the other. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..base.pipeline import Command, Pipeline, Statement
from ..base.properties import select
from ..base.session import ErrorRecord, Output, Row
from .plan import Step

# Source of the list: the documented parameters of the cmdlets, https://learn.microsoft.com/powershell/module/hyper-v/
AS_JOB = frozenset(
    {
        "Enable-VMReplication",
        "Import-VMInitialReplication",
        "Remove-VM",
        "Restart-VM",
        "Resume-VM",
        "Resume-VMReplication",
        "Save-VM",
        "Set-VMReplication",
        "Start-VM",
        "Start-VMFailover",
        "Start-VMInitialReplication",
        "Stop-VM",
        "Stop-VMFailover",
        "Suspend-VM",
    }
)

WATCH = Command("Get-Job") | select("PSRemotingJob", "Id", "State", "HasMoreData")
"""The state of the session's jobs; added to a read while there are any."""


def watch(numbers: Sequence[int]) -> Statement:
    """The state of these jobs alone: a session that stays open keeps those that ended long ago too."""
    return Command("Get-Job", {"Id": list(numbers)}) | select("PSRemotingJob", "Id", "State", "HasMoreData")


COLLECT = Pipeline.of(Command("Get-Job") | Command("Receive-Job"))
"""What the jobs wrote since it was asked last, errors above all. Those that still run are not waited for."""

_RUNNING = ("NotStarted", "Running")
_FAILED = "Failed"
_GET_JOB = ("GetJobCommand", "Get-Job")  # the class of its errors: the cmdlet, and a proxy of a constrained endpoint


def as_sent(step: Step, jobs: bool = True) -> Step:
    """The step as it travels: a waiting cmdlet that can be a job is one, unless the host has shown that it cannot."""
    command = step.statement.commands[-1]
    if not (jobs and step.waits and command.name in AS_JOB) or "AsJob" in command.parameters:
        return step
    last = Command(command.name, {**command.parameters, "AsJob": True})
    return replace(step, statement=Statement((*step.statement.commands[:-1], last)))


def is_job(step: Step) -> bool:
    """True for a step that was sent as a job."""
    return "AsJob" in step.statement.commands[-1].parameters


@dataclass(frozen=True)
class Job:
    """A job of the session as WATCH found it. `more`: it has something to say."""

    number: int
    state: str
    more: bool

    @property
    def ended(self) -> bool:
        """True when it does nothing any more."""
        return self.state not in _RUNNING

    @property
    def failed(self) -> bool:
        """True when Windows says that it came to nothing."""
        return self.state == _FAILED


@dataclass(frozen=True)
class Jobs:
    """What was found of jobs. `hidden`: the endpoint does not admit the question; `narrow`: not for single jobs."""

    found: tuple[Job, ...] = ()
    hidden: bool = False
    narrow: bool = False

    @property
    def ended(self) -> tuple[Job, ...]:
        """Those that do nothing any more."""
        return tuple(job for job in self.found if job.ended)

    @property
    def all_ended(self) -> bool:
        """True when there were jobs and none runs; an endpoint that hides them never says so."""
        return bool(self.found) and len(self.ended) == len(self.found)


def split(output: Output) -> tuple[Jobs, Output]:
    """Take the rows of WATCH out of an answer."""
    found = [_job(row) for row in output.rows if _is_job_row(row)]
    rest = Output(
        rows=tuple(row for row in output.rows if not _is_job_row(row)),
        errors=tuple(error for error in output.errors if not (_is_hidden(error) or _is_narrow(error))),
        warnings=output.warnings,
    )
    hidden, narrow = (any(map(test, output.errors)) for test in (_is_hidden, _is_narrow))
    return Jobs(tuple(found), hidden, narrow), rest


def begun(output: Output, subjects: Sequence[str], named: Callable[[ErrorRecord], str | None]) -> dict[int, str]:
    """Whose job is which: the numbers of the jobs that a stage's answer shows, with the subjects of its statements.

    A statement gives its job, and they run one after the other, so the order tells; a statement that failed gives an
    error, which `named` gives to its subject. Where the counts differ all the same, nothing is known: {}.
    """
    numbers = [_number(row) for row in output.rows if _is_job_row(row)]
    failed = {named(error) for error in output.errors}
    for likely in (subjects, [subject for subject in subjects if subject not in failed]):
        if len(numbers) == len(likely) and None not in numbers:
            return {number: subject for number, subject in zip(numbers, likely, strict=True) if number is not None}
    return {}


def numbers_of(output: Output) -> list[int]:
    """The numbers of the jobs that an answer shows."""
    return [number for row in output.rows if _is_job_row(row) and (number := _number(row)) is not None]


def is_of_get_job(error: ErrorRecord) -> bool:
    """True for an error of Get-Job itself."""
    return error.cmdlet_class.endswith(_GET_JOB)


def collect(numbers: Iterable[int]) -> Pipeline:
    """What these jobs wrote, in one pipeline, so that `collected` can tell whose is which.

    An error does not say which statement wrote it, but errors come in the order of the statements. So before a job is
    asked, Get-Job is asked for one by a name that none has: its error (JobWithSpecifiedNameNotFound, with the name as
    its target) stands before those of the job.
    https://learn.microsoft.com/powershell/module/microsoft.powershell.core/get-job
    """
    statements: list[Statement | Command] = []
    for number in numbers:
        statements += [Command("Get-Job", {"Name": _mark(number)}), Command("Get-Job", {"Id": number}) | _RECEIVE]
    return Pipeline.of(*statements)


def collected(output: Output, numbers: Sequence[int]) -> dict[int, tuple[ErrorRecord, ...]] | None:
    """The errors of each job in the answer to `collect`; None where the endpoint did not take the questions."""
    marks, found = {_mark(number): number for number in numbers}, dict[int, list[ErrorRecord]]()
    for error in output.errors:
        if not is_of_get_job(error):
            if not found:
                return None
            found[next(reversed(found))].append(error)
        elif error.target in marks:
            found[marks[error.target]] = []
    return {number: tuple(errors) for number, errors in found.items()} if len(found) == len(numbers) else None


def _mark(number: int) -> str:
    return f"errors of job {number}"


_RECEIVE = Command("Receive-Job")
SILENT = ErrorRecord("JobFailed", "NotSpecified", "its job ended as Failed, and gave no reason")
"""Stands for what a failed job did not say."""


def refused_as_jobs(output: Output, statements: int) -> bool:
    """True when no statement ran because its cmdlet does not take -AsJob: a proxy of a constrained endpoint."""
    unknown = [error for error in output.errors if error.id == "NamedParameterNotFound"]
    return len(unknown) == statements > 0 and not any(_is_job_row(row) for row in output.rows)


def _is_job_row(row: Row) -> bool:
    return row.type.endswith("Job") and "State" in row.properties


def _job(row: Row) -> Job:
    number = _number(row)
    return Job(-1 if number is None else number, str(row.properties["State"]), bool(row.properties.get("HasMoreData")))


def _number(row: Row) -> int | None:
    number = row.properties.get("Id")
    return number if isinstance(number, int) else None


def _is_hidden(error: ErrorRecord) -> bool:
    return error.is_missing_command and "Get-Job" in error.target


def _is_narrow(error: ErrorRecord) -> bool:
    return error.id == "NamedParameterNotFound" and is_of_get_job(error)
