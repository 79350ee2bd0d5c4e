"""Runs modules of the collection against a lab over the real wire, in this process: what ansible-playbook would do.

Connections are made by Ansible's psrp connection plugin, as for an action plugin: one a task, or one a host of a
workflow. Hosts are asked side by side there, so what a run has sent is told by who logged on, and never by when.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from tests.conftest import link_collection
from tests.lab.lab import Lab
from tests.lab.recorder import Recorded

from .answers import Answers
from .outside import Outside
from .stage import login

link_collection()

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.option_groups import Waiting  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Pipeline  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.apply import apply  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.outcome import to_result  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Resource  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.reading import Reading, read_result  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.task import Task  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts import info  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover.resource import FAILOVER  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.network.resource import FAILOVER_NETWORK  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.relation.resource import RELATION  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.replica_vm.resource import REPLICA_VM  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.resource import SERVER  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.psrp import open_session  # noqa: E402

RESOURCES: Mapping[str, Resource[Any, Any]] = {
    "hyperv_replica_server": SERVER,
    "hyperv_vm_replication": RELATION,
    "hyperv_failover": FAILOVER,
    "hyperv_failover_network": FAILOVER_NETWORK,
    "hyperv_replica_vm": REPLICA_VM,
}
INFORMATION = Reading("hyperv_replication_info", info.SPEC, info.read_options, info.gather)
QUICK = {"poll_interval": 0.02, "settle_timeout": 30.0, "wait_timeout": 60.0}


class Stopped(Exception):
    """A task failed or found its host unreachable: a play ends there, and says so."""


@dataclass(frozen=True)
class Sent:
    """A pipeline for a host: the names of its cmdlets, the calls that the lab has recorded since the last one, by their
    numbers (a job begins when it begins), and which operations of the wire and answers of that host were its own,
    counted from 1. halted: the run knew already that it was stopped from outside.
    """

    host: str
    cmdlets: tuple[str, ...] = ()
    calls: tuple[int, ...] = ()
    wire: tuple[tuple[str, int], ...] = ()
    answers: tuple[int, ...] = ()
    halted: bool = False


class Hands:
    """One operator. `results` are those of the tasks, in order; `reports` those of the roles that came to their end.

    `sent` are its pipelines in the order of their ends, `strays` calls that changed something on another host than
    the one that was meant. `answers` counts what comes back, where that is wanted. `outside` may stop what it runs.
    """

    quick: Mapping[str, float] = QUICK

    def __init__(self, lab: Lab, answers: Answers | None = None) -> None:
        self.lab = lab
        self.user = lab.user
        self.answers = answers
        self.outside = Outside()
        self.results: list[dict[str, Any]] = []
        self.reports: list[dict[str, Any]] = []
        self.sent: list[Sent] = []
        self.strays: list[Recorded] = []
        self._noted: dict[str, int] = {}

    @property
    def changed(self) -> bool:
        """Whether a task says that it changed something."""
        return any(result["changed"] for result in self.results)

    def module(self, module: str, host: str, **options: Any) -> dict[str, Any]:
        """Run a module on a host. Raises Stopped where a play would end."""
        result = self.attempt(module, host, **options)
        if result.get("failed") or result.get("unreachable"):
            raise Stopped(f"{module} on {host}: {result['msg']}")
        return result

    def attempt(self, module: str, host: str, **options: Any) -> dict[str, Any]:
        """Run a module on a host; its result, whatever it is."""
        resource = RESOURCES[module]
        given = {**_defaults(resource.spec), **{k: v for k, v in self.quick.items() if k in resource.spec}, **options}
        try:
            want = resource.read_options(given)
        except OptionError as error:
            return self._keep({"changed": False, "failed": True, "msg": str(error)})
        with self.session(host) as session:
            outcome = apply(Task(resource, want, session, Waiting.of(given)))
        return self._keep(to_result(outcome, resource.subject_key, diff=False))

    def information(self, host: str, **options: Any) -> dict[str, Any]:
        """hyperv_replication_info on a host; its result, whatever it is."""
        given = {**_defaults(info.SPEC), "missing": "report", "unreadable": "report", **options}
        with self.session(host) as session:
            return self._keep(read_result(INFORMATION, info.read_options(given), session, _now))

    def read(self, host: str, names: Iterable[str]) -> list[dict[str, Any]]:
        """What a host says of VMs: the records that another host's task takes as `partner`. Raises Stopped."""
        result = self.information(host, names=list(names))
        if result.get("failed") or result.get("unreachable"):
            raise Stopped(f"reading {host}: {result['msg']}")
        records: list[dict[str, Any]] = result["vms"]
        return records

    def _keep(self, result: dict[str, Any]) -> dict[str, Any]:
        self.results.append(result)
        return result

    def login(self, host: str) -> str:
        """Who logs on to a host: a user for each where the lab has them, so that a call tells whose it should be."""
        own = login(self.user, host)
        return own if own in self.lab.users else self.user

    def session(self, host: str) -> Any:
        """A new connection to a host."""
        endpoint = self.lab.endpoint(host)
        connection = connection_loader.get("psrp", PlayContext(), os.devnull)
        connection.set_options(
            direct={
                "remote_addr": endpoint.address,
                "port": endpoint.http.port,
                "protocol": "http",
                "auth": "basic",
                "remote_user": self.login(host),
                "remote_password": self.lab.password,
                "message_encryption": "never",
                "connection_timeout": 1,  # on loopback at once or, without power, never
            },
            var_options={"_extras": {}},  # ansible-core 2.16 asks for them
        )
        return _Noting(open_session(connection, host, become=False, bare_cmdlets=None, log=_quiet), self)

    def mark(self, host: str) -> Mark:
        """Where the lab and the client stand before a pipeline for a host."""
        name = self.lab.world.host(host).name
        requests = Counter(dict(self.lab.endpoint(host).service.requests))
        answers = self.answers.seen[name] if self.answers else 0
        return Mark(len(self.lab.world.recorder.calls), requests, answers, self.outside.noticed.is_set())

    def note(self, host: str, pipeline: Pipeline, before: Mark) -> None:
        """A pipeline for a host is through."""
        meant, user, now = self.lab.world.host(host).name, self.login(host), self.mark(host)
        since, self._noted[host] = self._noted.get(host, before.calls), now.calls
        sent = [call for call in self.lab.world.recorder.calls[since : now.calls] if call.user == user]
        self.strays += [call for call in sent if call.state_changing and call.host != meant]
        wire = tuple(
            (operation, nth)
            for operation, count in now.requests.items()
            for nth in range(before.requests[operation] + 1, count + 1)
        )
        answers = tuple(range(before.answers + 1, now.answers + 1))
        cmdlets = tuple(command.name for statement in pipeline.statements for command in statement.commands)
        calls = tuple(call.number for call in sent)
        self.sent.append(Sent(meant, cmdlets, calls, wire, answers, before.halted))


@dataclass(frozen=True)
class Mark:
    """How many calls were recorded, requests served by a host, and answers of it received; and whether the run knew
    that it was stopped.
    """

    calls: int
    requests: Counter[str]
    answers: int
    halted: bool


class _Noting:
    """A session that notes what the lab recorded meanwhile."""

    def __init__(self, session: Any, hands: Hands) -> None:
        self._session = session
        self._hands = hands

    def __enter__(self) -> _Noting:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._session.close()

    @property
    def host(self) -> str:
        """The inventory name of the host."""
        return str(self._session.host)

    @property
    def broken(self) -> Any:
        """Why nothing more can be run over it."""
        return self._session.broken

    def run(self, pipeline: Pipeline) -> Any:
        """Run it, whatever comes of it."""
        before = self._hands.mark(self.host)
        try:
            return self._session.run(pipeline)
        finally:
            self._hands.note(self.host, pipeline, before)


Play = Callable[[Hands], None]

# Ansible's loader is not made for threads: it has to have the plugin before two hands ask for it at once.
connection_loader.get("psrp", PlayContext(), os.devnull)


def _defaults(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: option.get("default") for name, option in spec.items()}


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _quiet(line: str) -> None:
    """Nobody reads the log of a sweep."""
