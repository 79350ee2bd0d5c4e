"""The general cmdlets of a structured pipeline that are not about columns: filters, output, time, commands, jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..values import Enum, Error, Message, Obj, Output
from ..wildcard import NotAPattern
from .columns import Column
from .command import Body, Stopped
from .compare import OPERATORS, apply, has_wildcard, truth
from .convert import LOCAL
from .failures import Failure, NotConverted, command_not_found
from .forward import error_record
from .jobs import Job, numbers, shown
from .objects import plain, text

if TYPE_CHECKING:
    from .signatures import Signature

_SWITCHES = [*OPERATORS, *(f"C{name}" for name in OPERATORS)]


class WhereObject(Body):
    """Where-Object in its simplified form: a property, an operator, a value."""

    def begin(self) -> None:
        self._texts: frozenset[str] | None = None
        self._operator = next((switch for switch in _SWITCHES if switch in self.bound), None)

    def process(self) -> None:
        item = self.bound.get("InputObject")
        if item is None:
            return
        self._check()
        found = Column(self.bound["Property"]).find(item)
        value = found[0][1] if found else None
        try:
            keep = self._keeps(value)
        except (NotConverted, NotAPattern) as problem:
            message = f"The '{_as_written(str(self._operator))}' operator failed: {problem}."
            kind = "System.Management.Automation.PSInvalidOperationException"
            self.me.write_error(self.me.error(message, "OperatorFailed", "InvalidOperation", item, exception=kind))
            return
        if keep:
            self.me.write(item)

    def _keeps(self, value: Any) -> bool:
        if self._operator in ("In", "NotIn") and (texts := self._all_texts()) is not None:
            # A text on the left makes text of the right: many ids against many VMs are one look-up each.
            among = value is not None and text(plain(value)).casefold() in texts
            return among == (self._operator == "In")
        if self._operator is not None:
            return apply(self._operator, value, self.bound["Value"])
        return truth(value) != self.on("Not")

    def _all_texts(self) -> frozenset[str] | None:
        """-Value folded, when it is a list of texts only."""
        given = self.bound["Value"]
        if self._texts is None and isinstance(given, list) and given and all(isinstance(one, str) for one in given):
            self._texts = frozenset(one.casefold() for one in given)
        return self._texts

    def _check(self) -> None:
        """An operator wants a value, and a value an operator."""
        given = "Value" in self.bound
        if self._operator is None and given:
            raise self._refused(
                "An operator is required to compare the two specified values. Include a valid operator in the command, "
                "and then try the command again. For example, Get-Process | Where-Object -Property Name -eq Idle",
                "OperatorNotSpecified",
            )
        if self._operator is not None and not given:
            raise self._refused(
                "The specified operator requires both the -Property and -Value parameters. Provide values for both "
                "parameters, and then try the command again.",
                "ValueNotSpecifiedForWhereObject",
            )

    def _refused(self, message: str, identifier: str) -> Failure:
        return Failure(self.me.error(message, identifier, "InvalidArgument"))


def _as_written(switch: str) -> str:
    """An operator as messages name it: `Igt`, `Cgt`."""
    sensitive = switch.startswith("C") and switch != "Contains"
    return f"C{switch[1:].lower()}" if sensitive else f"I{switch.lower()}"


class ForEachObject(Body):
    """ForEach-Object -MemberName: the value of a property of each object."""

    def process(self) -> None:
        item = self.bound.get("InputObject")
        if item is None:
            return
        pattern = self.bound["MemberName"]
        if not self.me.should_process():
            return
        found = Column(pattern).find(item)
        if len(found) > 1:
            names = " ".join(name for name, _unused in found)
            message = (
                f'Input name "{pattern}" is ambiguous. It can be resolved to multiple matched members. '
                f"Possible matches include: {names}."
            )
            self.me.write_error(self.me.error(message, "AmbiguousPropertyOrMethodName", "InvalidArgument", item))
            return
        self.me.write(found[0][1] if found else None, enumerate=True)


class WriteOutput(Body):
    """Write-Output."""

    def process(self) -> None:
        self.me.write(self.bound.get("InputObject"), enumerate=not self.on("NoEnumerate"))


class WriteMessage(Body):
    """Write-Warning, Write-Verbose, Write-Debug."""

    def process(self) -> None:
        self.me.write_message(self.me.signature.name.partition("-")[2].lower(), text(self.bound["Message"]))


class WriteInformation(Body):
    """Write-Information."""

    def process(self) -> None:
        self.me.write_information(self.bound["MessageData"])


class GetDate(Body):
    """Get-Date: the host's local time, which is the world's virtual time."""

    def process(self) -> None:
        now = self.me.context.session.host.world.clock.now()
        when = self.bound.get("Date") or now.astimezone(LOCAL)
        if self.on("AsUTC"):
            when = when.astimezone(now.tzinfo)
        self.me.write(when)


class StartSleep(Body):
    """Start-Sleep, in virtual time."""

    def process(self) -> None:
        session = self.me.context.session
        clock = session.host.world.clock
        seconds = float(self.bound.get("Seconds") or 0) + int(self.bound.get("Milliseconds") or 0) / 1000
        with clock.condition:
            clock.wait_until(lambda: False, lambda: session.stopped, seconds)
        if session.stopped:
            raise Stopped


class Swallow(Body):
    """Out-Null and Out-Default: in a session without a host nothing is shown."""


class GetCommand(Body):
    """Get-Command among what the session lets be seen."""

    def process(self) -> None:
        for name in self.bound.get("Name") or ["*"]:
            pattern = self.me.pattern(name)
            found = [one for one in self.me.context.visible() if pattern.fullmatch(one.name) and self._wanted(one)]
            for one in found:
                self.me.write(_command_info(one))
            if not found and not has_wildcard(name):
                record = command_not_found(name).record
                self.me.write_error(
                    self.me.error(
                        record.message, "CommandNotFoundException", record.category, name, exception=record.exception
                    )
                )

    def _wanted(self, signature: Signature) -> bool:
        modules = self.bound.get("Module")
        return not modules or any(self.me.pattern(one).fullmatch(signature.module) for one in modules)


def _command_info(signature: Signature) -> Obj:
    kind = "Function" if signature.function else "Cmdlet"
    verb, _unused, noun = signature.name.partition("-")
    properties = {
        "Verb": verb,
        "Noun": noun,
        "DefaultParameterSet": signature.default,
        "Name": signature.name,
        "CommandType": Enum("System.Management.Automation.CommandTypes", kind),
        "Source": signature.module,
        "ModuleName": signature.module,
        "Visibility": "Public",
    }
    return Obj(f"System.Management.Automation.{kind}Info", properties, signature.name)


class JobBody(Body):
    """What the job cmdlets share: which jobs they are about."""

    def selected(self) -> list[Job]:
        """The jobs that were named; every job where none was. What is not there is an error each."""
        jobs = self.me.context.jobs
        wanted = self.bound.get("Id")
        if self.bound.get("Job") is not None:
            wanted = numbers(self.bound["Job"])
        if wanted is not None:
            return [job for job in (self._by_number(number) for number in wanted) if job is not None]
        if self.bound.get("InstanceId") is not None:
            return [job for job in jobs.all() if job.id in self.bound["InstanceId"]]
        if self.bound.get("Name") is not None:
            return [job for name in self.bound["Name"] for job in self._by_name(name)]
        state = self.bound.get("State")
        return [job for job in jobs.all() if state is None or job.state == state.name]

    def _by_number(self, number: int) -> Job | None:
        job = self.me.context.jobs.find(number)
        if job is None:
            self.me.write_error(
                self.me.error(
                    f"The command cannot find a job with the job ID {number}. Verify the value of the Id parameter and "
                    "then try the command again.",
                    "JobWithSpecifiedSessionNotFound",
                    "ObjectNotFound",
                    number,
                )
            )
        return job

    def _by_name(self, name: str) -> list[Job]:
        # The real one looks at the pattern only when there is a job to compare with it.
        found = [job for job in self.me.context.jobs.all() if self.me.pattern(name).fullmatch(job.name)]
        if not found and not any(character in name for character in "*?["):
            self.me.write_error(
                self.me.error(
                    f"The command cannot find the job because the job name {name} was not found. Verify the value of "
                    "the Name parameter, and then try the command again.",
                    "JobWithSpecifiedNameNotFound",
                    "ObjectNotFound",
                    name,
                )
            )
        return found

    def wait(self, job: Job, seconds: float | None) -> bool:
        """Until the job is over, the (wall clock) time is up, or the pipeline is stopped."""
        left = seconds
        while not job.done.wait(0.1 if left is None else min(left, 0.1)):
            if self.me.context.session.stopped:
                raise Stopped
            if left is not None:
                left -= 0.1
                if left <= 0:
                    return False
        return True


class GetJob(JobBody):
    """Get-Job."""

    def process(self) -> None:
        for job in self.selected():
            self.me.write(shown(job))


class WaitJob(JobBody):
    """Wait-Job: gives the jobs that are over."""

    def begin(self) -> None:
        self._jobs: list[Job] = []

    def process(self) -> None:
        self._jobs += self.selected()

    def end(self) -> None:
        limit = self.bound.get("Timeout")
        for job in self._jobs:
            if self.wait(job, float(limit) if limit is not None and limit >= 0 else None):
                self.me.write(shown(job))


class ReceiveJob(JobBody):
    """Receive-Job: what the jobs have answered so far."""

    def process(self) -> None:
        for job in self.selected():
            if self.on("Wait"):
                self.wait(job, None)
            for record in job.take(self.on("Keep")):
                if isinstance(record, Output):
                    self.me.write(record.value, enumerate=record.enumerate)
                elif isinstance(record, Message):
                    self.me.write_message(record.stream, record.text)
                elif isinstance(record, Error):
                    self.me.write_error(error_record(job.signature, record))
            if self.on("AutoRemoveJob"):
                self.me.context.jobs.remove(job)


class RemoveJob(JobBody):
    """Remove-Job: one that runs only by force."""

    def process(self) -> None:
        for job in self.selected():
            if not self.me.should_process():
                continue
            if not job.done.is_set() and not self.on("Force"):
                self.me.write_error(
                    self.me.error(
                        f"The command cannot remove the job with the job ID {job.number} and the name {job.name} "
                        "because the job is not finished. To remove the job, first stop the job, or use the Force "
                        "parameter.",
                        "JobObjectNotFinishedCannotBeRemoved",
                        "InvalidOperation",
                        plain(shown(job)),
                    )
                )
                continue
            self.me.context.jobs.remove(job)


BODIES: dict[str, type[Body]] = {
    "Where-Object": WhereObject,
    "ForEach-Object": ForEachObject,
    "Write-Output": WriteOutput,
    "Write-Warning": WriteMessage,
    "Write-Verbose": WriteMessage,
    "Write-Debug": WriteMessage,
    "Write-Information": WriteInformation,
    "Get-Date": GetDate,
    "Start-Sleep": StartSleep,
    "Out-Null": Swallow,
    "Out-Default": Swallow,
    "Get-Command": GetCommand,
    "Get-Job": GetJob,
    "Wait-Job": WaitJob,
    "Receive-Job": ReceiveJob,
    "Remove-Job": RemoveJob,
}
