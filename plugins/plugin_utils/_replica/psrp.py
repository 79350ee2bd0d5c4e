# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The way to a host: structured pipelines on the runspace that Ansible's psrp connection opens.

The only file that imports pypsrp and requests, or touches the connection. Nothing that it sends is script.
"""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

from ansible.errors import AnsibleConnectionFailure

from . import clixml
from .endpoint import Naming, checked, is_constrained, only_reads, outline
from .errors import ConnectionLost, UnsupportedConnection
from .pipeline import Pipeline
from .recognition import recognised
from .session import ErrorRecord, Output, Row

try:
    import requests
    from pypsrp.complex_objects import ComplexObject, PSInvocationState, RunspacePoolState
    from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError, WSManFaultError
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.serializer import TaggedValue
    from pypsrp.shell import SignalCode
    from pypsrp.wsman import SelectorSet
    from spnego.exceptions import SpnegoError
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    PYPSRP_MISSING = ""
except ImportError as missing:
    PYPSRP_MISSING = str(missing)

ANSWER_LIMIT_SECONDS = 3600.0
"""A pipeline whose answer has not come by then is given up. What may take long waits as a job, not in a pipeline."""

_INT32 = 2**31
_OPERATION_TIMED_OUT = 0x80338029  # ERROR_WSMAN_OPERATION_TIMEDOUT
_KEPT_COMMANDS = 50  # finished pipelines that the host may keep count of; its limit is 1,000 a shell


class PsrpSession:
    """A session over an Ansible psrp connection. Use as a context manager: it closes the connection when it ends.

    An open connection must not outlive the action: in a loop Ansible would take it for the next item's host if the
    addresses are equal, and would never close one that it replaces.
    """

    def __init__(self, connection: Any, host: str, naming: Naming, log: Callable[[str], None]) -> None:
        self._connection = connection
        self._host = host
        self._naming = naming
        self._log = log
        self._finished: deque[str] = deque()
        self._broken: ConnectionLost | None = None
        self._cause: BaseException | None = None

    @property
    def host(self) -> str:
        """The inventory name of the host."""
        return self._host

    def __enter__(self) -> PsrpSession:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.close()

    def run(self, pipeline: Pipeline) -> Output:
        """Run the pipeline to its end. Raises ConnectionLost; error records do not raise."""
        output = self._run_once(pipeline)
        if self._naming.learn(output) and only_reads(pipeline):
            output = self._run_once(pipeline)
        return output

    def _run_once(self, pipeline: Pipeline) -> Output:
        shell = self._prepared(pipeline)
        self._log(f"PSRP: {outline(pipeline)}")
        with self._losses(sending=True):
            shell.begin_invoke()
        with self._losses(sending=False):
            self._wait_for(shell)
        self._finished.append(shell._command_id or shell.id)
        return recognised(pipeline, _output(shell))

    def _prepared(self, pipeline: Pipeline) -> PowerShell:
        """The pipeline as pypsrp takes it, on an open runspace. Everything that can be refused is refused here."""
        commands = [[(self._naming.of(c), checked(c)) for c in s.commands] for s in pipeline.statements]
        self._open()
        self._forget_finished()
        shell = PowerShell(self._connection.runspace)
        for index, statement in enumerate(commands):
            if index:
                shell.add_statement()
            for name, parameters in statement:
                shell.add_cmdlet(name).add_parameters({key: tagged(value) for key, value in parameters.items()})
        return shell

    def _open(self) -> None:
        if self._broken is not None:  # what did not answer is not asked again: each attempt costs its time limit
            raise ConnectionLost(self._host, self._broken.problem, sent=False, answered=self._broken.answered)
        if self._connection.runspace is not None:
            return
        try:
            with self._losses(sending=True, opening=True):
                self._connection._connect()
        except ValueError as error:  # pypsrp's word for connection variables that do not go together
            raise UnsupportedConnection(f"{self._host}: {error}.", "Check the ansible_psrp_ variables.") from error

    def _forget_finished(self) -> None:
        """Tell the host to forget old pipelines: it counts those that it was never told about against a limit."""
        while len(self._finished) > _KEPT_COMMANDS:
            command = self._finished.popleft()
            with self._losses(sending=True, opening=True):
                self._connection.runspace.shell.signal(SignalCode.TERMINATE, command)

    def _wait_for(self, shell: PowerShell) -> None:
        deadline = time.monotonic() + ANSWER_LIMIT_SECONDS
        while shell.state == PSInvocationState.RUNNING:
            if time.monotonic() > deadline:
                raise ConnectionLost(self._host, f"no answer within {ANSWER_LIMIT_SECONDS:g} seconds")
            shell.poll_invoke()

    @contextmanager
    def _losses(self, sending: bool, opening: bool = False) -> Iterator[None]:
        """Turn what pypsrp and the network raise into ConnectionLost, with what it says about the pipeline's fate."""
        try:
            yield
        except ConnectionLost as lost:
            self._broken = lost
            raise
        except _failures() as error:
            self._cause = _cause(error)
            arrived = not opening and (not sending or not _never_arrived(self._cause))
            answered = _answered(self._cause)
            self._broken = ConnectionLost(self._host, _problem(error), None if arrived else False, answered)
            raise self._broken from error

    def close(self) -> None:
        """Close the connection and delete the shell; a host that does not answer is not waited for twice."""
        connection = self._connection
        try:
            if connection.runspace is not None and self._may_have_shell():
                self._delete_shell(connection.runspace)
        except _failures() as error:
            self._log(f"PSRP: the shell could not be deleted: {_problem(error)}")
        finally:
            connection.runspace = None
            connection._connected = False

    def _may_have_shell(self) -> bool:
        """False when a request would only wait for a silent host again, or when no shell can have been made."""
        cause = self._cause
        if cause is None:
            return True
        opened = self._connection.runspace.state == RunspacePoolState.OPENED
        return not isinstance(cause, requests.Timeout) and (opened or not _never_arrived(cause))

    def _delete_shell(self, pool: RunspacePool) -> None:
        if pool.state == RunspacePoolState.OPENED and self._cause is None:
            self._connection.close()
            return
        # After a loss the next request needs a new TCP connection, and so a new authentication and encryption. A pool
        # that was lost while it opened does not know that it has a shell; the client chose the id, so it can be named.
        transport = pool.connection.transport
        transport.close()
        transport.session = None
        transport.encryption = None
        selectors = SelectorSet()
        selectors.add_option("ShellId", pool.id)
        pool.connection.delete(pool.shell.resource_uri, selector_set=selectors)


def open_session(
    connection: Any,
    host: str,
    become: bool,
    bare_cmdlets: bool | None,
    log: Callable[[str], None],
) -> PsrpSession:
    """A session over the task's connection; nothing is sent yet.

    `bare_cmdlets` is the host variable hyperv_replica_bare_cmdlets: it decides where the name of the endpoint would.
    Raises UnsupportedConnection for a connection that cannot carry cmdlets, and for become.
    """
    transport = str(getattr(connection, "transport", "unknown"))
    if become:
        raise UnsupportedConnection(
            "become is not possible with this module.",
            "Connect as a user who has the rights, and leave become out (become: false).",
        )
    if transport != "psrp" or not hasattr(connection, "runspace"):
        raise UnsupportedConnection(
            f"The connection of {host} is {transport}, which cannot carry cmdlets.",
            "Set ansible_connection: psrp for this host.",
        )
    if PYPSRP_MISSING:
        raise UnsupportedConnection(
            f"The Python library pypsrp is missing ({PYPSRP_MISSING}).",
            "Install pypsrp into the environment that runs ansible.",
        )
    constrained = is_constrained(str(connection.get_option("configuration_name")))
    return PsrpSession(connection, host, Naming(constrained if bare_cmdlets is None else bare_cmdlets), log)


def tagged(value: Any) -> Any:
    """A builtin as pypsrp sends it rightly: whole numbers above 31 bits as Int64, fractions as Double."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -_INT32 <= value < _INT32 else TaggedValue("I64", value)
    if isinstance(value, float):
        return TaggedValue("Db", value)
    if isinstance(value, list):
        return [tagged(item) for item in value]
    return {key: tagged(item) for key, item in value.items()}


def _output(shell: PowerShell) -> Output:
    return Output(
        rows=tuple(row for item in shell.output for row in _rows(item)),
        errors=tuple(_error(record) for record in shell.streams.error),
        warnings=tuple(dict.fromkeys(str(record.message) for record in shell.streams.warning)),
    )


def _rows(item: Any) -> list[Row]:
    """Rows of one output object. pypsrp keeps the XML of every object, and gives it alone when it cannot read it."""
    if item is None:
        return []
    if isinstance(item, ComplexObject):
        return clixml.rows(clixml.parse(str(item._xml)))
    if isinstance(item, str) and item.startswith("<Obj"):
        return clixml.rows(clixml.parse(item))
    if isinstance(item, list):
        return [row for part in item for row in _rows(part)]
    if isinstance(item, Mapping):
        return [clixml.scalar_row({str(key): _plain(value) for key, value in item.items()})]
    return [clixml.scalar_row(_plain(item))]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    found = _rows(value) if isinstance(value, (ComplexObject, list, Mapping)) else []
    return found[0].properties or found[0].text if found else str(value).lower()


def _error(record: Any) -> ErrorRecord:
    return clixml.error_record(clixml.parse(record._xml))


def _failures() -> tuple[type[BaseException], ...]:
    """What may be raised below: by pypsrp, by the network, by Kerberos, by XML that is cut off, by Ansible's plugin."""
    return (
        WinRMError,
        requests.RequestException,
        SpnegoError,
        OSError,
        ElementTree.ParseError,
        AnsibleConnectionFailure,
    )


def _cause(error: BaseException) -> BaseException:
    """What is below the error that Ansible's plugin makes of a failed opening."""
    below = error.__context__ if isinstance(error, AnsibleConnectionFailure) else None
    return below or error


def _never_arrived(error: BaseException) -> bool:
    """True when the host cannot have taken the pipeline: it was not reached, or it answered with a refusal."""
    if isinstance(error, WSManFaultError):
        return bool(error.code != _OPERATION_TIMED_OUT)
    if isinstance(error, (AuthenticationError, requests.ConnectTimeout)):
        return True
    reason = error.args[0] if error.args else None
    return isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError)


def _answered(error: BaseException) -> bool:
    """True when something at the host's address said no: a login, a certificate, or a request that it did not like.

    A connection that was refused or cut, also within a handshake, is no answer: a host that goes down does that.
    """
    if isinstance(error, (AuthenticationError, WinRMTransportError)):
        return True
    if isinstance(error, WSManFaultError):
        return bool(error.code != _OPERATION_TIMED_OUT)
    below: BaseException | None = error
    while below is not None and not isinstance(below, ssl.SSLError):
        inner = getattr(below, "reason", None) or (below.args[0] if below.args else None)
        below = inner if isinstance(inner, BaseException) else None
    cut = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    return below is not None and not isinstance(below, cut) and "EOF" not in str(below)


def _problem(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.rstrip(".")
