# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every module of the collection: a resource, taken through the phases.

    options -> read -> plan -> (check mode stops here) -> apply -> read again -> verify -> result

Here is what is Ansible's: options, connection, variables, result; the connections to several hosts are in
wire/connections.py, and a workflow over many hosts is recovery_runner.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar

from ansible.executor import task_executor
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from .base.errors import OptionError, OutOfTime, ReplicaError, signs
from .base.option_groups import Waiting
from .base.session import Session
from .base.text import clean_text
from .base.values import plain, unsendable
from .engine.apply import apply
from .engine.check_mode import foresee
from .engine.outcome import Record, to_result
from .engine.plan import Resource
from .engine.reading import Reading, read_result
from .engine.task import Task
from .wire.connections import Way
from .wire.psrp import PsrpSession, open_session

_BARE_CMDLETS = "hyperv_replica_bare_cmdlets"

TIME_LIMIT: type[BaseException] = (
    task_executor._task_timeout.TaskTimeoutError
    if hasattr(task_executor, "_task_timeout")  # ansible-core 2.19 and newer
    else task_executor.TaskTimeoutError
)
"""What ends a task at its time limit, wherever it is. It is no Exception, so that nothing else catches it."""

display = Display()


class ReplicaAction(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """Base of the action plugins: `class ActionModule(ReplicaAction): resource = SERVER`, and nothing more.

    The resource is a Resource, or a Reading for a module that only reads.
    """

    resource: ClassVar[Resource[Any, Any] | Reading[Any]]

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Record:
        """Run the task; the result is documented with each module. A lost connection is in it, and not raised."""
        super().run(tmp, task_vars)
        try:
            options = self._options()
            want = self.resource.read_options(options)
            waiting = Waiting.of(options)
            with self._session(task_vars or {}) as session:
                return self._conduct(want, session, waiting)
        except ReplicaError as error:
            return not_begun(error)

    def _conduct(self, want: Any, session: Session, waiting: Waiting) -> Record:
        """The result, also where the time limit of the task ended it: with what was sent until then."""
        if isinstance(self.resource, Reading):
            try:
                return read_result(self.resource, want, session, _now)
            except TIME_LIMIT:
                return not_begun(OutOfTime(session.host))
        task = Task(self.resource, want, session, waiting, say=_say)
        try:
            outcome = foresee(task) if self._task.check_mode else apply(task)
        except TIME_LIMIT:
            outcome = task.outcome
            outcome.error = OutOfTime(session.host)
        return to_result(outcome, self.resource.subject_key, diff=bool(self._task.diff))

    def _options(self) -> Mapping[str, Any]:
        """The options, validated by the resource's spec, as builtins. Raises OptionError, AnsibleActionFail."""
        _unused, options = self.validate_argument_spec(argument_spec=dict(self.resource.spec), **self.resource.rules)
        builtins: dict[str, Any] = plain(options, "options")
        for name, value in builtins.items():
            _check_sendable(name, value)
        return builtins

    def _session(self, task_vars: Mapping[str, Any]) -> PsrpSession:
        host, variables = self._host(task_vars)
        become = bool(self._play_context.become) or getattr(self._connection, "become", None) is not None
        return open_session(
            self._connection,
            host,
            become,
            self._bare_cmdlets(variables),
            lambda line: display.vvvv(clean_text(line), host=host),
            self._winrm(variables),
        )

    def _host(self, task_vars: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Inventory name and variables of the host that the task runs on, which delegation changes."""
        delegated = self._task.delegate_to
        if delegated:
            return str(delegated), task_vars.get("ansible_delegated_vars", {}).get(delegated, {})
        return str(task_vars.get("inventory_hostname", "the host")), task_vars

    def _winrm(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The host's variables for winrm, of which the message about that connection makes those for psrp."""
        return {name: self._templar.template(value) for name, value in variables.items() if _is_winrm(name)}

    def _bare_cmdlets(self, variables: Mapping[str, Any]) -> bool | None:
        value = variables.get(_BARE_CMDLETS)
        if value is None:
            return None
        try:
            return bool(boolean(self._templar.template(value)))
        except TypeError as error:
            raise OptionError(_BARE_CMDLETS, f"'{value}' is not true or false.", str(error)) from error


Log = Callable[[str, str], None]
"""Takes a line for -vvvv, and the host that it is about."""


def _log(line: str, host: str) -> None:
    display.vvvv(line, host=host)


def opener(way: Way, log: Log = _log) -> Callable[[], PsrpSession]:
    """What opens a session over a way to a host, in any thread: all that is templated is templated here.

    It sends nothing yet. Raises ReplicaError, here or when it is called.
    """
    if way.error is not None:
        raise way.error
    bare = way.value(_BARE_CMDLETS)
    try:
        bare_cmdlets = None if bare is None else bool(boolean(bare))
    except TypeError as error:
        raise OptionError(_BARE_CMDLETS, str(error)) from error
    winrm = {name: way.value(name) for name in way.variables if _is_winrm(name)}

    def logged(line: str) -> None:
        log(line, way.host)

    before: list[PsrpSession] = []

    def opened() -> PsrpSession:
        known = any(session.known for session in before)
        before.append(open_session(way.connection, way.host, way.become, bare_cmdlets, logged, winrm, known))
        return before[-1]

    return opened


def _is_winrm(name: object) -> bool:
    return str(name).startswith("ansible_winrm_") or name == "ansible_port"


def _now() -> datetime:
    """The control node's clock, in whole seconds: what it is compared with is no finer."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def _say(line: str) -> None:
    """Progress goes to standard error, so that standard output stays what the callback makes it."""
    display.display(clean_text(line), stderr=True)


def _check_sendable(name: str, value: Any) -> None:
    if isinstance(value, str):
        bad = unsendable(value)
        if bad:
            raise OptionError(name, f"the text contains {bad}, which cannot be sent to a host.", "Remove it.")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_sendable(name, key)
            _check_sendable(f"{name}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_sendable(f"{name}[{index}]", item)


def not_begun(error: ReplicaError) -> Record:
    """The result of a task that was refused before anything was sent."""
    result: Record = {"failed": True, "changed": False, "msg": clean_text(error), "actions": [], **signs(error)}
    return {**result, "option": error.option} if isinstance(error, OptionError) else result
