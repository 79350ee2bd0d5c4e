"""Records of the streams as the content of their PSRP messages: errors, warnings, progress, information, states."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ..values import Obj
from .clixml import Writer
from .failures import BINDING, CATEGORIES, PARENT, VALIDATION, Record
from .objects import is_live, type_names

_RUNTIME = "System.Management.Automation.RuntimeException"
_SYSTEM = "System.SystemException"
_ARGUMENT = "System.ArgumentException"
# What the engine's own classes of exceptions derive from, below System.Exception.
_PARENTS = {
    BINDING: (_RUNTIME, _SYSTEM),
    VALIDATION: (BINDING, _RUNTIME, _SYSTEM),
    "System.Management.Automation.ParameterBindingArgumentTransformationException": (BINDING, _RUNTIME, _SYSTEM),
    "System.Management.Automation.CommandNotFoundException": (_RUNTIME, _SYSTEM),
    "System.Management.Automation.Host.HostException": (_RUNTIME, _SYSTEM),
    "System.Management.Automation.PSArgumentException": (_ARGUMENT, _SYSTEM),
    "System.Management.Automation.WildcardPatternException": (_RUNTIME, _SYSTEM),
    "System.Management.Automation.PSInvalidOperationException": ("System.InvalidOperationException", _SYSTEM),
    "System.InvalidOperationException": (_SYSTEM,),
    "System.Management.Automation.ActionPreferenceStopException": (_RUNTIME, _SYSTEM),
    "System.Management.Automation.PipelineStoppedException": (_RUNTIME, _SYSTEM),
    "System.Management.Automation.RemoteException": (_RUNTIME, _SYSTEM),
    "System.Management.Automation.PSNotSupportedException": ("System.NotSupportedException", _SYSTEM),
    "System.Management.Automation.ParseException": (_RUNTIME, _SYSTEM),
    PARENT: (_SYSTEM,),
}
_INVOCATION = "System.Management.Automation.InvocationInfo"
COMPLETED, FAILED, STOPPED = 4, 5, 3


def as_parent(record: Record) -> Record:
    """The record of a statement that never ran, as it appears beside the other statements' own."""
    return replace(record, exception=PARENT, reason=None)


def error_content(record: Record) -> str:
    """An ERROR_RECORD message."""
    writer = Writer()
    _error(writer, record, None)
    return str(writer)


def _error(writer: Writer, record: Record, name: str | None) -> None:
    writer.open(name, ("System.Management.Automation.ErrorRecord", "System.Object"))
    writer.shown(record.message)
    writer.parts.append("<MS>")
    _exception(writer, record)
    if name is not None and isinstance(record.target, Obj) and is_live(record.target):
        # Inside the state's own error no depth is left for a live target.
        writer.open("TargetObject", type_names(record.target))
        writer.shown(record.target_name)
        writer.close()
    else:
        writer.write(record.target, "TargetObject")
    writer.write(record.fqid, "FullyQualifiedErrorId")
    _invocation(writer, record)
    writer.write(CATEGORIES.index(record.category), "ErrorCategory_Category")
    for part, value in (
        ("Activity", record.activity),
        ("Reason", record.why),
        ("TargetName", record.target_name),
        ("TargetType", record.target_type),
        ("Message", record.category_message),
    ):
        writer.write(value, f"ErrorCategory_{part}")
    writer.write(False, "SerializeExtendedInfo")
    writer.parts.append("</MS>")
    writer.close()


def _exception(writer: Writer, record: Record) -> None:
    parents = _PARENTS.get(record.exception, ())
    own = () if record.exception == "System.Exception" else (record.exception, *parents)
    writer.open("Exception", (*own, "System.Exception", "System.Object"))
    writer.shown(f"{record.exception}: {record.message}")
    writer.parts.append("<Props>")
    writer.write(record.message, "Message")
    writer.open("Data", ("System.Collections.ListDictionaryInternal", "System.Object"))
    writer.parts.append("<DCT />")
    writer.close()
    for empty in ("TargetSite", "InnerException", "HelpLink", "Source", "StackTrace"):
        writer.write(None, empty)
    writer.write(record.hresult, "HResult")
    writer.parts.append("</Props>")
    writer.close()


def _invocation(writer: Writer, record: Record) -> None:
    if not record.activity:
        writer.write(None, "InvocationInfo")
        return
    writer.open("InvocationInfo", (_INVOCATION, "System.Object"))
    writer.shown(_INVOCATION)
    facts: list[tuple[str, Any]] = [
        ("MyCommand", record.activity),
        ("ScriptLineNumber", 0),
        ("OffsetInLine", 0),
        ("ScriptName", ""),
        ("Line", ""),
        ("Statement", ""),
        ("PositionMessage", ""),
        ("PSScriptRoot", ""),
        ("PSCommandPath", None),
        ("InvocationName", record.invocation),
        ("PipelineLength", 0),
        ("PipelinePosition", 0),
        ("ExpectingInput", False),
        ("CommandOrigin", "Internal"),
        ("DisplayScriptPosition", None),
    ]
    writer.members("Props", facts, 0)
    writer.close()


def informational_content(kind: str, message: str) -> str:
    """A WARNING_RECORD, VERBOSE_RECORD or DEBUG_RECORD; `kind` is Warning, Verbose or Debug."""
    space = "System.Management.Automation"
    writer = Writer()
    writer.open(None, (f"{space}.{kind}Record", f"{space}.InformationalRecord", "System.Object"))
    writer.shown(message)
    writer.parts.append("<MS>")
    writer.write(message, "InformationalRecord_Message")
    writer.write(False, "InformationalRecord_SerializeInvocationInfo")
    writer.parts.append("</MS>")
    writer.close()
    return str(writer)


def progress_content(activity: str, status: str, percent: int) -> str:
    """A PROGRESS_RECORD of a running activity."""
    writer = Writer()
    writer.open(None)
    writer.parts.append("<MS>")
    writer.write(activity, "Activity")
    writer.write(1, "ActivityId")
    writer.write(status, "StatusDescription")
    writer.write(None, "CurrentOperation")
    writer.write(-1, "ParentActivityId")
    writer.write(percent, "PercentComplete")
    kinds = ("System.Management.Automation.ProgressRecordType", "System.Enum", "System.ValueType", "System.Object")
    writer.open("Type", kinds)
    writer.shown("Processing")
    writer.parts.append("<I32>0</I32>")
    writer.close()
    writer.write(-1, "SecondsRemaining")
    writer.parts.append("</MS>")
    writer.close()
    return str(writer)


def information_content(data: Any, source: str, when: datetime, user: str, computer: str) -> str:
    """An INFORMATION_RECORD."""
    writer = Writer()
    writer.open(None)
    writer.parts.append("<MS>")
    writer.write(data, "MessageData", 0)
    writer.write(source, "Source")
    writer.write(when, "TimeGenerated")
    writer.write([], "Tags")
    writer.write(user, "User")
    writer.write(computer, "Computer")
    for number in ("ProcessId", "NativeThreadId", "ManagedThreadId"):
        writer.parts.append(f'<U32 N="{number}">0</U32>')
    writer.parts.append("</MS>")
    writer.close()
    return str(writer)


def state_content(state: int, reason: Record | None = None) -> str:
    """A PIPELINE_STATE, with the error that ended the pipeline."""
    writer = Writer()
    writer.open(None)
    writer.parts.append("<MS>")
    writer.write(state, "PipelineState")
    if reason is not None:
        _error(writer, reason, "ExceptionAsErrorRecord")
    writer.parts.append("</MS>")
    writer.close()
    return str(writer)


def stopped_record() -> Record:
    """Why a pipeline that was stopped ended."""
    return Record(
        "The pipeline has been stopped.",
        "PipelineStopped",
        "OperationStopped",
        "System.Management.Automation.PipelineStoppedException",
    )
