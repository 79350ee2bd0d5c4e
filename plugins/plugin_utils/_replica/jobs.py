# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Side by side: cmdlets that wait inside Windows are started as jobs, in one pipeline for all VMs.

The jobs live in the session, so nothing grows with the number of VMs: one pipeline starts them all, and the reads by
which their effects are found carry one statement more that says which have ended. A cmdlet without `-AsJob` (Complete-
VMFailover) runs as it is, one VM after the other. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .pipeline import Command, Pipeline, Statement
from .plan import Step
from .properties import select
from .session import ErrorRecord, Output, Row

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

COLLECT = Pipeline.of(Command("Get-Job") | Command("Receive-Job"))
"""What the jobs wrote since it was asked last, errors above all. Those that still run are not waited for."""

_RUNNING = ("NotStarted", "Running")


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
class Jobs:
    """What WATCH found: how many jobs there are and still run, and whether one that ended has something to say.

    `hidden`: the endpoint does not admit the question.
    """

    known: int = 0
    running: int = 0
    more: bool = False
    hidden: bool = False

    @property
    def all_ended(self) -> bool:
        """True when there were jobs and none runs; an endpoint that hides them never says so."""
        return self.known > 0 and self.running == 0


def split(output: Output) -> tuple[Jobs, Output]:
    """Take the rows of WATCH out of an answer."""
    found = [row for row in output.rows if _is_job_row(row)]
    rest = Output(
        rows=tuple(row for row in output.rows if not _is_job_row(row)),
        errors=tuple(error for error in output.errors if not _is_hidden(error)),
        warnings=output.warnings,
    )
    ended = [row for row in found if row.properties.get("State") not in _RUNNING]
    hidden = any(_is_hidden(error) for error in output.errors)
    return Jobs(len(found), len(found) - len(ended), any(_has_more(row) for row in ended), hidden), rest


def refused_as_jobs(output: Output, statements: int) -> bool:
    """True when no statement ran because its cmdlet does not take -AsJob: a proxy of a constrained endpoint."""
    unknown = [error for error in output.errors if error.id == "NamedParameterNotFound"]
    return len(unknown) == statements > 0 and not any(_is_job_row(row) for row in output.rows)


def _is_job_row(row: Row) -> bool:
    return row.type.endswith("Job") and "State" in row.properties


def _has_more(row: Row) -> bool:
    return bool(row.properties.get("HasMoreData")) or row.properties.get("State") == "Failed"


def _is_hidden(error: ErrorRecord) -> bool:
    return error.is_missing_command and "Get-Job" in error.target
