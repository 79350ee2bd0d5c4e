"""WSMan without I/O: bytes of a request in, a typed operation out; and the bytes of every answer.

Only what a PowerShell shell needs: Create, Command, Send, Receive, Signal, Delete, Identify, and Get of the service's
configuration. Names and shapes are those of MS-WSMV (Windows Remote Shell) and MS-PSRP 3.1.5; pypsrp and Ansible's
psrp connection are its clients. It knows neither sockets nor hosts.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from . import fault
from .fault import Fault

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
POWERSHELL = "http://schemas.microsoft.com/powershell"
CONFIG = "http://schemas.microsoft.com/wbem/wsman/1/config"
NAMES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "x": TRANSFER,
    "rsp": SHELL,
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "cfg": CONFIG,
    "wsmid": "http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd",
    "pwsh": POWERSHELL,
}
MAX_ENVELOPE = 500 * 1024
"""MaxEnvelopeSizekb of the service, the default since Windows Server 2012."""
DEFAULT_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Create:
    """A new shell; `creation` is what creationXml carries. Its id is the client's, or chosen here."""

    shell: str
    configuration: str
    creation: bytes
    idle_timeout: str


@dataclass(frozen=True)
class Command:
    """A new pipeline, with the fragments that its request carries."""

    shell: str
    command: uuid.UUID
    fragments: bytes


@dataclass(frozen=True)
class Send:
    """Input for a pipeline, or (None) for the runspace pool."""

    shell: str
    command: uuid.UUID | None
    fragments: bytes


@dataclass(frozen=True)
class Receive:
    """A long poll for output of a pipeline, or (None) of the runspace pool."""

    shell: str
    command: uuid.UUID | None


@dataclass(frozen=True)
class Signal:
    """A word to a pipeline: `powershell/signal/ctrl_c` stops it, `…/signal/Terminate` ends its command."""

    shell: str
    command: uuid.UUID
    code: str


@dataclass(frozen=True)
class Delete:
    """The shell's end."""

    shell: str


@dataclass(frozen=True)
class Identify:
    """Who is there? The only operation without a header."""


@dataclass(frozen=True)
class GetConfig:
    """The service's configuration (MaxEnvelopeSizekb)."""


Operation = Create | Command | Send | Receive | Signal | Delete | Identify | GetConfig


@dataclass(frozen=True)
class Request:
    """One request: the operation, and what its answer must repeat or respect."""

    operation: Operation
    message_id: str = ""
    resource_uri: str = ""
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    max_envelope: int = MAX_ENVELOPE


def parse(data: bytes) -> Request:
    """Read a SOAP envelope. Raises Fault when it cannot be read, or asks for what is not served."""
    if len(data) > MAX_ENVELOPE:
        raise fault.too_large(MAX_ENVELOPE)
    try:
        envelope = ET.fromstring(data)
    except ET.ParseError as error:
        raise fault.malformed(str(error)) from error
    if envelope.find("s:Body/wsmid:Identify", NAMES) is not None:
        return Request(Identify())
    action = _text(envelope, "s:Header/a:Action")
    reader = _READERS.get(action)
    if reader is None:
        raise fault.unsupported(action)
    try:
        operation = reader(envelope)
    except (ValueError, binascii.Error) as error:
        raise fault.malformed(str(error)) from error
    return Request(
        operation=operation,
        message_id=_text(envelope, "s:Header/a:MessageID"),
        resource_uri=_text(envelope, "s:Header/w:ResourceURI"),
        timeout_seconds=seconds(_text(envelope, "s:Header/w:OperationTimeout")) or DEFAULT_TIMEOUT_SECONDS,
        max_envelope=int(_text(envelope, "s:Header/w:MaxEnvelopeSize") or MAX_ENVELOPE),
    )


def message_id(data: bytes) -> str:
    """The MessageID of an envelope that `parse` refused, if it has one: a fault relates to it too."""
    try:
        return _text(ET.fromstring(data), "s:Header/a:MessageID")
    except ET.ParseError:
        return ""


_SPAN = re.compile(r"^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$")


def seconds(span: str) -> float:
    """An xs:duration of hours, minutes and seconds, as clients write OperationTimeout; 0 when it is none."""
    found = _SPAN.match(span)
    if found is None:
        return 0.0
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest


def _text(root: ET.Element, path: str) -> str:
    found = root.find(path, NAMES)
    return (found.text or "").strip() if found is not None else ""


def _shell(envelope: ET.Element) -> str:
    for selector in envelope.iterfind("s:Header/w:SelectorSet/w:Selector", NAMES):
        if selector.get("Name", "").lower() == "shellid":
            return (selector.text or "").strip().upper()
    raise ValueError("there is no ShellId among the selectors")


def _id(text: str | None) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


def _create(envelope: ET.Element) -> Operation:
    shell = envelope.find("s:Body/rsp:Shell", NAMES)
    creation = envelope.find("s:Body/rsp:Shell/pwsh:creationXml", NAMES)
    uri = _text(envelope, "s:Header/w:ResourceURI")
    if shell is None or creation is None or not uri.startswith(POWERSHELL + "/"):
        raise fault.no_such_endpoint(uri)
    return Create(
        shell=(shell.get("ShellId") or str(uuid.uuid4())).upper(),
        configuration=uri[len(POWERSHELL) + 1 :],
        creation=base64.b64decode(creation.text or ""),
        idle_timeout=_text(shell, "rsp:IdleTimeOut") or "PT7200.000S",
    )


def _command(envelope: ET.Element) -> Operation:
    line = envelope.find("s:Body/rsp:CommandLine", NAMES)
    if line is None:
        raise ValueError("there is no CommandLine")
    arguments = b"".join(base64.b64decode(item.text or "") for item in line.iterfind("rsp:Arguments", NAMES))
    return Command(_shell(envelope), _id(line.get("CommandId")) or uuid.uuid4(), arguments)


def _send(envelope: ET.Element) -> Operation:
    streams = envelope.findall("s:Body/rsp:Send/rsp:Stream", NAMES)
    if not streams:
        raise ValueError("there is no Stream to send")
    data = b"".join(base64.b64decode(stream.text or "") for stream in streams)
    return Send(_shell(envelope), _id(streams[0].get("CommandId")), data)


def _receive(envelope: ET.Element) -> Operation:
    stream = envelope.find("s:Body/rsp:Receive/rsp:DesiredStream", NAMES)
    if stream is None or "stdout" not in (stream.text or ""):
        raise ValueError("a PowerShell shell has one output stream, stdout")
    return Receive(_shell(envelope), _id(stream.get("CommandId")))


def _signal(envelope: ET.Element) -> Operation:
    signal = envelope.find("s:Body/rsp:Signal", NAMES)
    command = _id(signal.get("CommandId")) if signal is not None else None
    if signal is None or command is None:
        raise ValueError("there is no CommandId to signal")
    return Signal(_shell(envelope), command, _text(signal, "rsp:Code"))


def _delete(envelope: ET.Element) -> Operation:
    return Delete(_shell(envelope))


def _get(envelope: ET.Element) -> Operation:
    uri = _text(envelope, "s:Header/w:ResourceURI")
    if uri != CONFIG:
        raise fault.no_such_endpoint(uri)
    return GetConfig()


_READERS = {
    f"{TRANSFER}/Create": _create,
    f"{SHELL}/Command": _command,
    f"{SHELL}/Send": _send,
    f"{SHELL}/Receive": _receive,
    f"{SHELL}/Signal": _signal,
    f"{TRANSFER}/Delete": _delete,
    f"{TRANSFER}/Get": _get,
}


# Answers. Text, not elements: an answer of 500 KB is mostly base64, and there are thousands of them in a test run.

_PREFIXES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
_ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"


def _envelope(action: str, relates_to: str, body: str) -> bytes:
    relates = f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo>" if relates_to else ""
    return (
        f'<s:Envelope xml:lang="en-US" {_PREFIXES}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{_ANONYMOUS}</a:To>{relates}"
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def created(request: Request, operation: Create, owner: str, client: str) -> bytes:
    """The answer to Create: the shell's selector, and what it is."""
    uri = escape(request.resource_uri)
    body = (
        f"<x:ResourceCreated><a:Address>{_ANONYMOUS}</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{uri}</w:ResourceURI><w:SelectorSet>"
        f'<w:Selector Name="ShellId">{operation.shell}</w:Selector></w:SelectorSet>'
        f"</a:ReferenceParameters></x:ResourceCreated><rsp:Shell><rsp:ShellId>{operation.shell}</rsp:ShellId>"
        f"<rsp:ResourceUri>{uri}</rsp:ResourceUri><rsp:Owner>{escape(owner)}</rsp:Owner>"
        f"<rsp:ClientIP>{client}</rsp:ClientIP><rsp:IdleTimeOut>{escape(operation.idle_timeout)}</rsp:IdleTimeOut>"
        "<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>"
        "<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity>"
        "</rsp:Shell>"
    )
    return _envelope(f"{TRANSFER}/CreateResponse", request.message_id, body)


def commanded(request: Request, command: uuid.UUID) -> bytes:
    """The answer to Command."""
    body = f"<rsp:CommandResponse><rsp:CommandId>{str(command).upper()}</rsp:CommandId></rsp:CommandResponse>"
    return _envelope(f"{SHELL}/CommandResponse", request.message_id, body)


def sent(request: Request) -> bytes:
    """The answer to Send."""
    return _envelope(f"{SHELL}/SendResponse", request.message_id, "<rsp:SendResponse/>")


def received(request: Request, command: uuid.UUID | None, fragments: Iterable[bytes], done: bool) -> bytes:
    """The answer to Receive: output, and whether the pipeline is done."""
    owner = f' CommandId="{str(command).upper()}"' if command else ""
    streams = "".join(
        f'<rsp:Stream Name="stdout"{owner}>{base64.b64encode(item).decode()}</rsp:Stream>' for item in fragments
    )
    state = (
        f'<rsp:CommandState{owner} State="{SHELL}/CommandState/{"Done" if done else "Running"}"/>' if command else ""
    )
    body = f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"
    return _envelope(f"{SHELL}/ReceiveResponse", request.message_id, body)


def signalled(request: Request) -> bytes:
    """The answer to Signal."""
    return _envelope(f"{SHELL}/SignalResponse", request.message_id, "<rsp:SignalResponse/>")


def deleted(request: Request) -> bytes:
    """The answer to Delete."""
    return _envelope(f"{TRANSFER}/DeleteResponse", request.message_id, "")


def identified() -> bytes:
    """The answer to Identify. A client learns here that it speaks to WinRM, and nothing about the machine."""
    body = (
        f"<wsmid:IdentifyResponse><wsmid:ProtocolVersion>{NAMES['w']}</wsmid:ProtocolVersion>"
        "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
        "<wsmid:ProductVersion>OS: 0.0.0 SP: 0.0 Stack: 3.0</wsmid:ProductVersion></wsmid:IdentifyResponse>"
    )
    return _envelope("", "", body)


def configuration(request: Request) -> bytes:
    """The answer to Get of the service's configuration: as much of it as clients look at."""
    body = f"<cfg:Config><cfg:MaxEnvelopeSizekb>{MAX_ENVELOPE // 1024}</cfg:MaxEnvelopeSizekb></cfg:Config>"
    return _envelope(f"{TRANSFER}/GetResponse", request.message_id, body)


def faulted(error: Fault, relates_to: str, machine: str) -> bytes:
    """The answer that is a fault."""
    text = escape(error.text)
    body = (
        f"<s:Fault><s:Code><s:Value>s:{'Sender' if error.sender else 'Receiver'}</s:Value><s:Subcode>"
        f"<s:Value>{error.subcode}</s:Value></s:Subcode></s:Code><s:Reason>"
        f'<s:Text xml:lang="en-US">{text}</s:Text></s:Reason><s:Detail>'
        f'<f:WSManFault Code="{error.code}" Machine={quoteattr(machine)}><f:Message>{text}</f:Message>'
        "</f:WSManFault></s:Detail></s:Fault>"
    )
    return _envelope(f"{NAMES['w'].removesuffix('.xsd')}/fault", relates_to, body)
