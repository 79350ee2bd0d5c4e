# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Decisions as values: what to do next for one subject (a VM's id, or "" for the host itself).

A resource answers `decide(have, want, subject, sent)` with one of these; it is pure, asked again after every read, and
never remembers a position. `predict` says what a step makes of `have`, so that check mode can unfold the whole plan and
tests can prove that a plan ends. The runner (runner.py) turns decisions into cmdlets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ..base.errors import ReplicaError
from ..base.pipeline import Pipeline, Statement
from ..base.session import Output

Have = TypeVar("Have")
Want = TypeVar("Want")


@dataclass(frozen=True)
class Step:
    """One state-changing statement for one subject. Steps of the same `stage` travel in one pipeline.

    `waits` marks cmdlets that wait inside Windows (Stop-VM, Start-VMFailover …): the runner runs them side by side.
    `act` marks what is done each time it is asked for (reset statistics); it is sent once a run, and its effect is not
    looked for afterwards. `limit_seconds` bounds the time until the step's effect is read back; None is the task's own.
    `probe` marks a cmdlet that changes nothing (Test-VMReplicationConnection): it is sent in check mode too, is no
    action of the result, and equal probes of several subjects travel once. Its failure is the failure of each of them.
    `if_late` is added to the message when the effect is not seen in time: what may still happen.
    `advice` is added where Windows refuses it: by 0x code as a number, 0 for any other. `under_way` are codes that mean
    that the same is being done already: they are waited out like the step itself.
    `loses` says what the step destroys; the operator is told before it is sent, and by a warning.
    `exposes` says what stands open from its effect to that of the next step; a run that ends between says it first.
    """

    stage: str
    statement: Statement
    why: str
    subject: str = ""
    waits: bool = False
    act: bool = False
    probe: bool = False
    if_late: str = ""
    advice: tuple[tuple[int, str], ...] = ()
    under_way: tuple[int, ...] = ()
    loses: str = ""
    exposes: str = ""
    limit_seconds: float | None = None


@dataclass(frozen=True)
class Wait:
    """Something is under way: look again, at most `limit_seconds` (None: the task's own limit) long.

    `if_late` ends the message when it is not over in time: what to do.
    """

    reason: str
    limit_seconds: float | None = None
    if_late: str = ""


@dataclass(frozen=True)
class Look:
    """What was read may not be all there is: read again, one poll later, before it is believed.

    The host is looked at once for each `stage`, which is then among those sent; in check mode too.
    """

    stage: str
    reason: str


@dataclass(frozen=True)
class Done:
    """Nothing (more) to do, and why. `warnings` are for the operator and appear in every run."""

    reason: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """This subject is not touched; `message` says what was asked, what was found and what to do next.

    `whole`: it names the VM and the host where that matters; else they are put before it, and what was read after it.
    """

    message: str
    whole: bool = True


Decision = Step | Wait | Look | Done | Refused


@dataclass(frozen=True)
class Resource(Generic[Have, Want]):
    """A thing that modules manage, as a record of pure functions (and the argument spec of its module).

    read_options(options) -> Want        raises OptionError; options are plain builtins, validated by `spec`
    query(want) -> Pipeline              everything that is read, in one pipeline
    parse(output, want) -> Have          raises RemoteError/UnexpectedOutput for a read that failed, OptionError for
                                         options that what was read proves wrong (a VM that is not there)
    more(have, want) -> Pipeline | None  what only the first read shows to be needed, on few hosts; asked once a task
    learn(output, want) -> Want          what an answer to that adds to the task
    subjects(have, want)                 whom to decide for
    decide(have, want, subject, sent)    `sent`: stages already sent for this subject in this run
    predict(have, want, step) -> Have    what the host will say when the step has settled; None for what cannot be known
    record(have, want, subject) -> dict  the result of the subject, from what was read; also what `diff` compares
    settle(have, want, subject) -> Have  what the host will say when what the subject waits for is over; `have` itself
                                         where that cannot be known, and check mode then sees no further
    """

    name: str
    spec: Mapping[str, Any]
    read_options: Callable[[Mapping[str, Any]], Want]
    query: Callable[[Want], Pipeline]
    parse: Callable[[Output, Want], Have]
    subjects: Callable[[Have, Want], tuple[str, ...]]
    decide: Callable[[Have, Want, str, frozenset[str]], Decision]
    predict: Callable[[Have, Want, Step], Have]
    record: Callable[[Have, Want, str], dict[str, Any]]
    more: Callable[[Have, Want], Pipeline | None] = lambda have, want: None
    learn: Callable[[Output, Want], Want] = lambda output, want: want
    rules: Mapping[str, Any] = field(default_factory=dict)  # mutually_exclusive, required_if … of the argument spec
    settle: Callable[[Have, Want, str], Have] = lambda have, want, subject: have
    subject_key: str = "vms"  # result key of the list of records; "" puts the one record at the top of the result


class PlanDoesNotEnd(ReplicaError):
    """A plan that decides the same step again from its own prediction: a fault of ours, never of the host."""


def first_stage(ready: Mapping[str, Step]) -> dict[str, Step]:
    """Of steps that are due, those that travel next: of the stage of the first; the others are decided again then."""
    first = next(iter(ready.values()))
    return {s: step for s, step in ready.items() if (step.stage, step.probe) == (first.stage, first.probe)}
