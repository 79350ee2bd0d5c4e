# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The way to a host: structured pipelines on the runspace that Ansible's psrp connection opens.

The only file that imports pypsrp and requests, or touches the connection. Nothing that it sends is script.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..base.errors import ConnectionLost, ReplicaError, UnsupportedConnection, short
from ..base.pipeline import Pipeline
from ..base.session import ErrorRecord, Output, Row
from . import clixml
from .addresses import refusal
from .contact import Contact, Way, shown, way_of
from .contact_rules import judge
from .endpoint import Naming, checked, is_constrained, only_reads, outline
from .recognition import recognised
from .winrm_lines import psrp_lines

try:
    import requests
    from pypsrp.complex_objects import PSInvocationState, RunspacePoolState
    from pypsrp.messages import ErrorRecordMessage
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.serializer import Serializer, TaggedValue
    from pypsrp.shell import SignalCode
    from pypsrp.wsman import SelectorSet

    PYPSRP_MISSING = ""
except ImportError as missing:
    PYPSRP_MISSING = str(missing)
    Serializer = object  # type: ignore[assignment,misc]

ANSWER_LIMIT_SECONDS = 3600.0
"""A pipeline whose answer has not come by then is given up. What may take long waits as a job, not in a pipeline."""
READ_LIMIT_SECONDS = 900.0
"""The same for a pipeline that only reads."""
MOST_RECEIVED = 256 * 2**20
"""Characters in the answer to one pipeline."""
CLOSE_SECONDS = 10
"""So long a broken session is given to be deleted on its host."""

_BELOW = (Exception,)
"""What may be raised below a session: by pypsrp, the network, Kerberos, XML, by Ansible's plugin, by a library that
nobody thought of. All of it is an error of the host that was spoken to, and none of it the end of a run."""
_INT32 = 2**31
_KEPT_COMMANDS = 50  # finished pipelines that the host may keep count of; its limit is 1,000 a shell
_LEFT_ALONE = ("login", "not_offered", "ticket", "denied", "silent", "no_connection")
"""After these nothing more is sent: accounts lock, and a silent host costs its time limit."""


class Answer(str):
    """The CLIXML of one output object, as it came."""


class _Reader(Serializer):
    """pypsrp's reader below the message, kept from what has no end: it knows no limit of depth, size or number."""

    received = 0

    def deserialize(self, element: Any, metadata: Any = None, clear: bool = True) -> Any:
        """Output and errors are kept as text, for clixml.py to read; what pypsrp needs itself it reads."""
        if not (isinstance(element, str) and clear):
            return super().deserialize(element, metadata, clear)
        self.received += len(element)
        if self.received > MOST_RECEIVED:
            raise clixml.TooMuch(f"it is longer than {MOST_RECEIVED} characters")
        if metadata is None:
            return Answer(element)
        clixml.check_depth(element)
        if metadata.object is ErrorRecordMessage:
            record = ErrorRecordMessage()  # type: ignore[no-untyped-call]
            record._xml = element
            return record
        return super().deserialize(element, metadata, clear)


class PsrpSession:
    """A session over an Ansible psrp connection. Use as a context manager: it closes the connection when it ends.

    An open connection must not outlive the action: in a loop Ansible would take it for the next item's host if the
    addresses are equal, and would never close one that it replaces.
    """

    def __init__(
        self, connection: Any, host: str, naming: Naming, log: Callable[[str], None], known: bool = False
    ) -> None:
        """known: the host has taken this login before."""
        self.known = known
        self._connection = connection
        self._host = host
        self._naming = naming
        self._log = log
        self._finished: deque[str] = deque()
        self.broken: ReplicaError | None = None
        self._contact: Contact | None = None
        self._interrupted = False

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
            self._wait_for(shell, READ_LIMIT_SECONDS if only_reads(pipeline) else ANSWER_LIMIT_SECONDS)
            output = _output(shell)
        self._finished.append(shell._command_id or shell.id)
        return recognised(pipeline, output)

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
        if isinstance(self.broken, ConnectionLost):  # what did not answer is not asked again: it costs its time limit
            raise replace(self.broken, sent=False)
        if self.broken is not None:
            raise self.broken
        if self._connection.runspace is not None:
            return
        with self._losses(sending=True, opening=True):
            _try_all_addresses(_way(self._connection, self._host))
            self._connection._connect()
            pool: Any = self._connection.runspace
            pool._serializer = pool._fragmenter.serializer = _Reader()
        self.known = True

    def _forget_finished(self) -> None:
        """Tell the host to forget old pipelines: it counts those that it was never told about against a limit."""
        while len(self._finished) > _KEPT_COMMANDS:
            command = self._finished.popleft()
            with self._losses(sending=True, opening=True):
                self._connection.runspace.shell.signal(SignalCode.TERMINATE, command)

    def _wait_for(self, shell: PowerShell, seconds: float) -> None:
        pool = self._connection.runspace
        pool._serializer.received = 0
        deadline = time.monotonic() + seconds
        while shell.state == PSInvocationState.RUNNING:
            if time.monotonic() > deadline:
                sentence = f"{self._host} answers, but has not ended what was asked within {seconds:g} seconds"
                raise ConnectionLost(self._host, "", answered=True, machine_up=True, sentence=sentence)
            shell.poll_invoke()
            if sum(len(part["data"]) for part in pool._fragmenter.incoming_buffer.values()) > clixml.MOST_CHARACTERS:
                raise clixml.TooMuch(f"an object in it is longer than {clixml.MOST_CHARACTERS} characters")

    @contextmanager
    def _losses(self, sending: bool, opening: bool = False) -> Iterator[None]:
        """Turn what is raised below into an error of this host, with what it says about the pipeline's fate."""
        done = False
        try:
            yield
            done = True
        except ReplicaError as error:
            self.broken, done = error, True
            raise
        except _BELOW as error:
            done = True
            self.broken = self._judged(error, sending, opening)
            raise self.broken from error
        finally:
            self._interrupted = self._interrupted or not done

    def _judged(self, error: Exception, sending: bool, opening: bool) -> ReplicaError:
        pool = self._connection.runspace
        transport = getattr(getattr(pool, "connection", None), "transport", None)
        begun = getattr(transport, "session", None) is not None
        opened = pool is not None and pool.state == RunspacePoolState.OPENED
        told = self._contact = judge(error, _way(self._connection, self._host), opened, begun, self.known)
        password = str(self._connection.get_option("remote_password") or "")
        sentence = told.sentence.replace(password, "********") if password else told.sentence
        if told.local:
            return UnsupportedConnection(f"{sentence}.", "", told.answered, told.machine_up)
        if opening and not begun and isinstance(error, (ValueError, TypeError)) and told.kind == "unreadable":
            # pypsrp's word for connection variables that do not go together
            return UnsupportedConnection(
                f"{self._host}: {short(error)}.", "Check ansible_user and the ansible_psrp_ variables."
            )
        sent = None if not opening and (told.arrived or not sending) else False
        return ConnectionLost(self._host, short(error), sent, told.answered, told.machine_up, sentence, told.again)

    def close(self) -> None:
        """Close the connection and delete the shell. Never raises, and never waits twice for a silent host."""
        connection = self._connection
        try:
            if connection.runspace is not None and self._may_have_shell():
                self._delete_shell(connection.runspace)
        except _BELOW as error:
            self._log(f"PSRP: the shell could not be deleted: {short(error)}")
        finally:
            connection.runspace = None
            connection._connected = False

    def _may_have_shell(self) -> bool:
        """False when no shell can have been made, when the host is silent, and when it has rejected the login."""
        told, opened = self._contact, self._connection.runspace.state == RunspacePoolState.OPENED
        if told is None:
            return opened or self._interrupted
        return told.kind not in _LEFT_ALONE and (opened or told.arrived)

    def _delete_shell(self, pool: RunspacePool) -> None:
        if pool.state == RunspacePoolState.OPENED and self._contact is None and not self._interrupted:
            self._connection.close()
            return
        # After a loss the next request needs a new TCP connection, and so a new authentication and encryption. A pool
        # that was lost while it opened does not know that it has a shell; the client chose the id, so it can be named.
        transport = pool.connection.transport
        transport.close()
        transport.session = None
        transport.encryption = None
        transport.connection_timeout = min(transport.connection_timeout, CLOSE_SECONDS)
        transport.read_timeout = min(transport.read_timeout, CLOSE_SECONDS)
        selectors = SelectorSet()
        selectors.add_option("ShellId", pool.id)
        pool.connection.delete(pool.shell.resource_uri, selector_set=selectors)


def open_session(
    connection: Any,
    host: str,
    become: bool,
    bare_cmdlets: bool | None,
    log: Callable[[str], None],
    variables: Mapping[str, Any] | None = None,
    known: bool = False,
) -> PsrpSession:
    """A session over the task's connection; nothing is sent yet.

    `bare_cmdlets` is the host variable hyperv_replica_bare_cmdlets: it decides where the name of the endpoint would.
    `variables` are those of the host, for what to write instead of its ansible_winrm_ ones. `known`: the host has taken
    the same login before.
    Raises UnsupportedConnection for a connection that cannot carry cmdlets, and for become.
    """
    transport = str(getattr(connection, "transport", "unknown"))
    if become:
        raise UnsupportedConnection(
            f"{host}: become is not possible with this module.",
            "Connect as a user who has the rights, and leave become out (become: false; ansible_become: false for this"
            " host alone).",
        )
    if transport != "psrp" or not hasattr(connection, "runspace"):
        raise UnsupportedConnection(
            f"The connection of {host} is {transport}, which cannot carry cmdlets.",
            f"Set ansible_connection: psrp for this host.{psrp_lines(variables or {}) if transport == 'winrm' else ''}",
        )
    if PYPSRP_MISSING:
        raise UnsupportedConnection(
            f"{host}: the Python library pypsrp is missing on the control node ({PYPSRP_MISSING}).",
            "Type: python -m pip install pypsrp, with the python that runs ansible.",
        )
    constrained = is_constrained(str(connection.get_option("configuration_name")))
    return PsrpSession(connection, host, Naming(constrained if bare_cmdlets is None else bare_cmdlets), log, known)


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
    """Rows of one output object, which pypsrp was kept from reading."""
    return clixml.rows(clixml.parse(str(item)))


def _error(record: Any) -> ErrorRecord:
    return clixml.error_record(clixml.parse(record._xml))


def _way(connection: Any, host: str) -> Way:
    """How the connection would go."""
    way = way_of(connection.get_option, host)
    return replace(way, proxy=shown(_proxy(connection.get_option, way)))


def _proxy(option: Callable[[str], Any], way: Way) -> str:
    """The proxy that requests would take: the one given, else the environment's, unless that is to be ignored."""
    if option("proxy"):
        return str(option("proxy"))
    if boolean(option("ignore_proxy"), strict=False):
        return ""
    return str(requests.utils.select_proxy(way.url, requests.utils.get_environ_proxies(way.url)) or "")


def _try_all_addresses(way: Way) -> None:
    """Where a name has several addresses, ask all at once whether one takes a connection. Raises what they said.

    requests asks one after the other, each for the whole time limit, and keeps only what the last of them said.
    """
    if way.proxy or not way.address:
        return
    refused = refusal(way.address.strip("[]"), way.port, way.connect_seconds, requests.ConnectTimeout)
    if refused is not None:
        raise refused
