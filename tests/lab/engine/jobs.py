"""Background jobs of a session: what -AsJob starts, and what Get-, Wait-, Receive- and Remove-Job see."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..values import Continue, Enum, Error, Obj
from ..values import Record as HandlerRecord

if TYPE_CHECKING:
    from ..cmdlets.registry import Session
    from .signatures import Signature

STATE = "System.Management.Automation.JobState"
HYPERV_JOB = "Microsoft.HyperV.PowerShell.VMJob"
CIM_JOB = "Microsoft.Management.Infrastructure.CimCmdlets.CimJob"


@dataclass
class Job:
    """One call of a cmdlet in the background, and what it has answered so far."""

    number: int
    session: Session
    signature: Signature
    parameter_set: str
    parameters: dict[str, Any]
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    state: str = "Running"
    waiting: list[HandlerRecord] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @property
    def name(self) -> str:
        """Job1, Job2 and so on."""
        return f"Job{self.number}"

    def run(self) -> None:
        """Make the call. An error, or a question that nobody hears, makes it Failed."""
        from .forward import dispatch

        failed = False
        for record in dispatch(self.session, self.signature, self.parameter_set, self.parameters):
            if isinstance(record, Continue):
                record = Error(
                    f"A job cannot ask: {record.query}", "StubJobQuestion", "InvalidOperation", terminating=True
                )
            failed = failed or isinstance(record, Error)
            self.waiting.append(record)
            if isinstance(record, Error) and record.terminating:
                break
        self.state = "Failed" if failed else "Completed"
        self.done.set()

    def take(self, keep: bool) -> list[HandlerRecord]:
        """What it has answered; without `keep` it is handed over once."""
        records = list(self.waiting)
        if not keep:
            del self.waiting[: len(records)]
        return records


class Jobs:
    """The jobs of one session, by number."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)

    def start(self, signature: Signature, parameter_set: str, parameters: dict[str, Any]) -> Obj:
        """Begin a call in the background and give its job object."""
        job = Job(next(self._numbers), self._session, signature, parameter_set, parameters)
        self._jobs[job.number] = job
        job.thread = threading.Thread(target=job.run, daemon=True, name=f"job {signature.name}")
        job.thread.start()
        return shown(job)

    def all(self) -> list[Job]:
        """Every job, oldest first."""
        return list(self._jobs.values())

    def find(self, number: int) -> Job | None:
        """The job of that number."""
        return self._jobs.get(number)

    def remove(self, job: Job) -> None:
        """Forget a job."""
        self._jobs.pop(job.number, None)

    def join(self, seconds: float) -> None:
        """Give the calls that still run a moment to notice that the session is over."""
        for job in self.all():
            if job.thread is not None:
                job.thread.join(seconds)


def shown(job: Job) -> Obj:
    """The job as an object."""
    hyperv = job.signature.module == "Hyper-V"
    state = Enum(STATE, job.state)
    return Obj(
        HYPERV_JOB if hyperv else CIM_JOB,
        {
            "State": state,
            "HasMoreData": bool(job.waiting),
            "StatusMessage": "",
            "Location": "localhost",
            "Command": job.signature.name,
            "JobStateInfo": job.state,
            "InstanceId": job.id,
            "Id": job.number,
            "Name": job.name,
            "ChildJobs": [],
            "PSJobTypeName": "VMJob" if hyperv else "CimJob",
        },
        HYPERV_JOB if hyperv else CIM_JOB,
    )


def numbers(jobs: Iterable[Any]) -> list[int]:
    """The numbers of job objects that were bound."""
    return [job["Id"] for job in jobs if isinstance(job, Obj)]
