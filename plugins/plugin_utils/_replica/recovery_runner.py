# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""hyperv_recovery as Ansible runs it: inventory, connections, signals, the terminal, and the record of the run.

What is templated is templated before the first host is asked, in the main thread; from then on that only waits.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from .base.errors import OF_AN_ANSWER, ReplicaError, fault_of
from .base.session import Session
from .base.text import clean
from .base.values import plain
from .runner import Log, not_begun, opener
from .wire.connections import Way
from .workflows.conversation import Talk
from .workflows.driver import Driver
from .workflows.host_thread import Opening
from .workflows.operations import WORKFLOWS, read_inputs, wanted
from .workflows.record import Record
from .workflows.timeline import COLUMNS, Happened, Timeline, tail

_OF_HOSTS = ("hyperv_replica_names", "ansible_host", "group_names")
_GIVE_IT_TO_ALL = ("free", "host_pinned")
"""Strategies in which every host is given a task with run_once (they warn of it)."""
_SIGNALS = {
    signal.SIGTERM: "SIGTERM was received",
    signal.SIGINT: "SIGINT was received",
    signal.SIGHUP: "SIGHUP was received",
    signal.SIGALRM: "the time limit of the task (timeout) is over",
}
"""What stops a run, with the reason for people. The time limit of a task is an alarm; Ansible's own handler, which
would raise in the middle of anything, is put aside.
"""

display = Display()


@dataclass
class Watch:
    """Whether the run is to stop: a signal came, or ansible-playbook is gone."""

    parent: int = field(default_factory=os.getppid)
    received: list[int] = field(default_factory=list)

    @contextmanager
    def signals(self) -> Iterator[None]:
        """A signal sets a flag while this lasts."""
        main = threading.current_thread() is threading.main_thread()  # nowhere else can a handler be set
        before = {number: signal.signal(number, self._take) for number in _SIGNALS if main}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, _frame: object) -> None:
        self.received.append(number)

    @property
    def unheard(self) -> bool:
        """True when nobody takes what this task says: ansible-playbook has ended, or ends and waits for this task only.

        What is put into its queue then is not read, and once the pipe is full the task waits for ever.
        """
        return os.getppid() != self.parent or any(number != signal.SIGALRM for number in self.received)

    def __call__(self) -> str:
        """Why; "" while it is not."""
        if self.received:
            return _SIGNALS[signal.Signals(self.received[0])]
        return "ansible-playbook is gone" if self.unheard else ""


class Terminal:
    """Where the lines go: events to standard error, plan and report to standard output, everything to the record."""

    def __init__(self, record: Record, watch: Watch) -> None:
        self._record = record
        self._watch = watch

    def event(self, event: Happened) -> None:
        """A line as it happens."""
        line = clean(event.line())
        self._record.write([line])
        if not self._watch.unheard:
            display.display(line, stderr=True)

    def begin(self, path: str) -> None:
        """The first line names the record; a path that would make it too wide stands in a line of its own, unbroken."""
        lines = [_said(f"recorded in {path}").line()]
        if len(lines[0]) > COLUMNS:
            lines = [_said("recorded in").line(), path]
        shown = [clean(line) for line in lines]
        self._record.write(shown)
        if not self._watch.unheard:
            display.display("\n".join(shown), stderr=True)

    def text(self, lines: tuple[str, ...]) -> None:
        """The plan, or the report."""
        shown = [clean(line) for line in lines]
        self._record.write(shown)
        if shown and not self._watch.unheard:
            display.display("\n".join(shown))

    def log(self, line: str, host: str) -> None:
        """What was sent, for -vvvv. Called by the threads of the hosts."""
        if not self._watch.unheard:
            display.vvvv(line, host=host)


class RecoveryAction(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """Base of the action plugin."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the workflow, once for all hosts of the play; the result is documented with the module."""
        super().run(tmp, task_vars)
        given = task_vars or {}
        runs_it = _who_runs_it(str(self._task.args.get("to") or ""), given)
        if not self._chosen() and given.get("inventory_hostname") != runs_it:
            return {"changed": False, "skipped": True, "msg": f"{runs_it} runs it for all hosts of the play"}
        watch = Watch()
        try:
            return self._conduct(given, watch)
        except ReplicaError as error:
            return not_begun(error)

    def _chosen(self) -> bool:
        """True where Ansible has chosen this host by run_once, so that there is no other that would do it."""
        strategy = str(self._task.get_play().strategy).rpartition(".")[2]
        return bool(self._task.run_once) and strategy not in _GIVE_IT_TO_ALL

    def _conduct(self, task_vars: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        groups = {str(name): [str(host) for host in hosts] for name, hosts in task_vars["groups"].items()}
        hostvars = task_vars["hostvars"]
        inside = [str(host) for host in hostvars._inventory.get_hosts("all", ignore_restrictions=True)]
        given = {name: value for name, value in plain(self._task.args, "options").items() if value not in (None, "")}
        inputs = read_inputs(given, groups["all"])
        variables = Lazy(lambda host: _named(hostvars[host]), groups["all"])
        want = wanted(inputs, given, groups, inside, variables, bool(self._task.check_mode))
        record = Record.open(inputs["record"], inputs["operation"], inputs["to"], _now(), os.environ)
        terminal, timeline = Terminal(record, watch), Timeline()
        openings = Lazy(lambda host: self._opening(task_vars, host, terminal.log), want.reach)
        driver = Driver(openings, terminal.event, terminal.text, watch, timeline)
        try:
            with watch.signals():
                terminal.begin(record.shown(os.environ))
                workflow = WORKFLOWS[inputs["operation"]]
                talk = driver.run(workflow.rules, workflow.start(want))
                return {**self._result(talk, timeline, terminal, record), "hosts": driver.recap.to_result()}
        except (ReplicaError, *OF_AN_ANSWER) as error:
            return {**broken_off(error, timeline, record), "hosts": driver.recap.to_result()}
        finally:
            record.close()
            if watch.unheard:
                os._exit(1)

    def _opening(self, task_vars: Mapping[str, Any], host: str, log: Log) -> Opening:
        """The way to a host. Called in the main thread, when the host is asked for the first time."""
        try:
            return Opening(host, opener(Way(self, task_vars, host), log))
        except ReplicaError as error:
            return Opening(host, _raiser(error))

    def _result(self, talk: Talk, timeline: Timeline, terminal: Terminal, record: Record) -> dict[str, Any]:
        end = talk.end
        if end is None:
            raise RuntimeError("the conversation has no end")
        result = dict(end.result)
        for vm in result.get("vms") or ():
            vm["downtime_seconds"] = timeline.downtime(vm["id"])
        vms = result.get("vms") or ()  # the first lines of the report are theirs
        told = [[line, *tail(vm)] for line, vm in zip(end.lines, vms, strict=False)]
        terminal.text((*(line for lines in told for line in lines), *end.lines[len(told) :]))
        if result.get("msg"):
            said = [clean(line) for line in str(result["msg"]).splitlines()]
            record.write(said)
            result["msg"] = "\n".join(said)
        result["timeline"] = [event.to_result() for event in timeline.events]
        return {**result, "record": str(record.path)}


def broken_off(error: Exception, timeline: Timeline, record: Record) -> dict[str, Any]:
    """The result where a fault of ours has ended the run in the middle: what it stopped is told first of all."""
    told = str(error) if isinstance(error, ReplicaError) else fault_of("", error).problem
    down = timeline.down()
    said = [f"DOWN, as far as is known: {', '.join(down)}"] if down else []
    said += [f"The run was broken off: {told}", "Type the same command again: it goes on from what the hosts say then."]
    lines = [clean(line) for line in (*said, "Please report this, with the record.")]
    record.write(lines)
    events = [event.to_result() for event in timeline.events]
    changed = any(event.stage for event in timeline.events)
    result = {"changed": changed, "failed": True, "msg": "\n".join(lines), "timeline": events}
    return {**result, "record": str(record.path)}


def _who_runs_it(to: str, task_vars: Mapping[str, Any]) -> str:
    """One host of the play runs the task for all: the first of those that the VMs shall run on, else the first."""
    everyone = [str(host) for host in task_vars.get("ansible_play_hosts_all") or ()]
    targets = [to, *((task_vars.get("groups") or {}).get(to) or ())]
    return next((host for host in everyone if host in targets), everyone[0] if everyone else "")


class Lazy(Mapping[str, Any]):
    """What is made of a host when it is asked for: an inventory may have many hosts, and few of them take part."""

    def __init__(self, make: Callable[[str], Any], hosts: Sequence[str]) -> None:
        self._make, self._hosts = make, hosts
        self._made: dict[str, Any] = {}

    def __getitem__(self, host: str) -> Any:
        if host not in self._made:
            if host not in self._hosts:
                raise KeyError(host)
            self._made[host] = self._make(host)
        return self._made[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)


def _raiser(error: ReplicaError) -> Callable[[], Session]:
    def raises() -> Session:
        raise error

    return raises


def _named(variables: Any) -> dict[str, Any]:
    """What a host is looked for by."""
    found: dict[str, Any] = {}
    for name in _OF_HOSTS:
        with suppress(KeyError):
            found[name] = plain(variables[name], name)
    return found


def _said(text: str) -> Happened:
    return Happened(_now(), 0.0, "", (), text)


def _now() -> datetime:
    return datetime.now(timezone.utc).astimezone()
