# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Modules that only read: a generator of requests, driven over the same session as every noun.

    options -> read, a pipeline a kind -> result

Nothing is planned and nothing is sent that could change a host, so check mode makes no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, ClassVar

from .errors import ConnectionLost, OptionError, ReplicaError
from .info import Gathering
from .info_scope import Wanted
from .runner import ReplicaAction
from .session import Output, Session


@dataclass(frozen=True)
class Reader:
    """What a reading module is: its argument spec, its options as values, and the generator that gathers."""

    name: str
    spec: Mapping[str, Any]
    read_options: Callable[[Mapping[str, Any]], Wanted]
    gather: Callable[[Wanted, str, Callable[[], datetime]], Gathering]
    rules: Mapping[str, Any] = field(default_factory=dict)


class InfoAction(ReplicaAction):
    """Base of the action plugins that only read: `class ActionModule(InfoAction): noun = INFO`, and nothing more."""

    noun: ClassVar[Any]  # a Reader

    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task; the result is documented with each module. A lost connection is in it, and not raised."""
        super(ReplicaAction, self).run(tmp, task_vars)
        try:
            want = self.noun.read_options(self._options())
            with self._session(task_vars or {}) as session:
                return drive(self.noun.gather(want, session.host, now), session)
        except ConnectionLost as error:
            return {"changed": False, "unreachable": True, "msg": f"{error}."}
        except OptionError as error:
            return {"changed": False, "failed": True, "msg": str(error), "option": error.option}
        except ReplicaError as error:
            return {"changed": False, "failed": True, "msg": str(error)}


def now() -> datetime:
    """The control node's clock."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def drive(gathering: Gathering, session: Session) -> dict[str, Any]:
    """Run the requests of a generator one after the other; what it returns is the result."""
    answer: Output | None = None
    while True:
        try:
            request = next(gathering) if answer is None else gathering.send(answer)
        except StopIteration as end:
            result: dict[str, Any] = end.value
            return result
        answer = session.run(request.pipeline)
