# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Modules that only read: a record of functions, and the loop that carries their questions over a session."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol

from ..base.errors import OF_AN_ANSWER, ConnectionLost, OptionError, ReplicaError, fault_of, signs
from ..base.pipeline import Pipeline
from ..base.session import Output, Session
from ..base.text import clean_text
from .plan import Want


class Question(Protocol):
    """One pipeline of a reading."""

    @property
    def pipeline(self) -> Pipeline:
        """What is sent."""


@dataclass(frozen=True)
class Reading(Generic[Want]):
    """A thing that a module only reads.

    read_options(options) -> Want    raises OptionError; options are plain builtins, validated by `spec`
    gather(want, host, now)          a generator: yields questions, is sent the Output of each, returns the result;
                                     `host` is the inventory name, `now` the control node's clock
    """

    name: str
    spec: Mapping[str, Any]
    read_options: Callable[[Mapping[str, Any]], Want]
    gather: Callable[[Want, str, Callable[[], datetime]], Generator[Any, Output, dict[str, Any]]]
    rules: Mapping[str, Any] = field(default_factory=dict)  # mutually_exclusive, required_if … of the argument spec


def drive(gathering: Generator[Any, Output, dict[str, Any]], session: Session) -> dict[str, Any]:
    """Answer the questions of a gathering over the session; what it returns. Raises what it raises."""
    warnings: dict[str, None] = {}
    result: dict[str, Any] = {}
    try:
        question: Question = next(gathering)
        while True:
            output = session.run(question.pipeline)
            warnings.update(dict.fromkeys(f"{session.host}: {warning}" for warning in output.warnings))
            question = gathering.send(output)
    except StopIteration as end:
        result = end.value
    return {**result, "warnings": [clean_text(warning) for warning in warnings]} if warnings else result


def read_result(reading: Reading[Want], want: Want, session: Session, now: Callable[[], datetime]) -> dict[str, Any]:
    """The result of the task, also where the host was lost or could not be read."""
    try:
        return {"changed": False, **drive(reading.gather(want, session.host, now), session)}
    except ConnectionLost as lost:
        again = " The task only reads: run it again." if lost.again else ""
        return {"changed": False, "unreachable": True, **signs(lost), "msg": clean_text(f"{lost}.{again}")}
    except ReplicaError as error:
        error.name_host(session.host)
        return _failed(error)
    except OF_AN_ANSWER as error:
        return _failed(fault_of(session.host, error))


def _failed(error: ReplicaError) -> dict[str, Any]:
    option = {"option": error.option} if isinstance(error, OptionError) else {}
    return {"changed": False, "failed": True, "msg": clean_text(error), **signs(error), **option}
