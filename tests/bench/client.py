"""One client in a process of its own: ours, or bare pypsrp sending the same pipelines. Says what it cost, as JSON."""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import requests

Facts = Mapping[str, Any]


@dataclass
class Meter:
    """Counts what goes over the wire, at the one place that every request of `requests` passes."""

    requests: int = 0
    sent: int = 0
    received: int = 0
    seconds: float = 0.0
    processor: float = 0.0

    def attach(self) -> None:
        """Count from now on."""
        send = requests.adapters.HTTPAdapter.send

        def counted(adapter: Any, request: Any, *rest: Any, **named: Any) -> Any:
            response = send(adapter, request, *rest, **named)
            self.requests += 1
            self.sent += len(request.body or b"")
            self.received += len(response.content)
            return response

        requests.adapters.HTTPAdapter.send = counted  # type: ignore[assignment,method-assign]

    @contextmanager
    def clock(self) -> Iterator[None]:
        """The time of what is inside; what Python imports before does not count."""
        begun, worked = time.perf_counter(), time.process_time()
        yield
        self.seconds, self.processor = time.perf_counter() - begun, time.process_time() - worked


@dataclass
class Kept:
    """A session that keeps the pipelines that passed through it, for the bare client to send."""

    session: Any
    pipelines: list[Any] = field(default_factory=list)

    @property
    def host(self) -> str:
        return str(self.session.host)

    def run(self, pipeline: Any) -> Any:
        self.pipelines.append(pipeline)
        return self.session.run(pipeline)


def ours(facts: Facts, meter: Meter, job: Callable[[Any], None], keep: Path) -> None:
    """The job of a module over Ansible's connection plugin, as an action plugin does it."""
    from ansible.playbook.play_context import PlayContext
    from ansible.plugins.loader import connection_loader
    from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.psrp import open_session

    connection = connection_loader.get("psrp", PlayContext(), os.devnull)
    options = {
        "remote_addr": facts["address"],
        "port": facts["port"],
        "protocol": "http",
        "auth": "basic",
        "remote_user": facts["user"],
        "remote_password": facts["password"],
        "message_encryption": "never",
    }
    connection.set_options(direct=options)
    session = open_session(connection, "hv-a", become=False, bare_cmdlets=None, log=lambda line: None)
    kept = Kept(session)
    with meter.clock(), session:
        job(kept)
    keep.write_bytes(pickle.dumps(kept.pipelines))


def bare(facts: Facts, meter: Meter, pipelines: Path) -> None:
    """The same pipelines by pypsrp alone: what comes back is deserialized by pypsrp and dropped."""
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.wsman import WSMan

    wsman = WSMan(
        facts["address"],
        port=facts["port"],
        username=facts["user"],
        password=facts["password"],
        ssl=False,
        auth="basic",
        encryption="never",
    )
    kept = pickle.loads(pipelines.read_bytes())
    with meter.clock(), wsman, RunspacePool(wsman) as pool:
        for pipeline in kept:
            shell = PowerShell(pool)
            for index, statement in enumerate(pipeline.statements):
                if index:
                    shell.add_statement()
                for command in statement.commands:
                    shell.add_cmdlet(f"{command.module}\\{command.name}").add_parameters(dict(command.parameters))
            shell.invoke()


def information() -> Callable[[Any], None]:
    """hyperv_replication_info, everything gathered."""
    from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.reading import drive
    from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.info import SPEC, gather, read_options

    want = read_options({**_defaults(SPEC), "gather": ["all"]})

    def job(session: Any) -> None:
        result = drive(gather(want, session.host, lambda: datetime.now(timezone.utc)), session)
        if result["unreadable"] or not result["vms"]:
            raise RuntimeError(f"nothing to measure: {result['unreadable']}")

    return job


def enforcement() -> Callable[[Any], None]:
    """hyperv_vm_replication for every VM of the host, already as wanted."""
    from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.option_groups import Waiting
    from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.apply import apply
    from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.outcome import to_result
    from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.task import Task
    from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.relation.resource import RELATION

    given = {
        "names": json.loads(os.environ["BENCH_NAMES"]),
        "replica_server": "HV-B.corp.example",
        "replica_port": 80,
        "authentication": "kerberos",
        "frequency": 300,
        "recovery_history": 4,
    }
    options = {**_defaults(RELATION.spec), **given}

    def job(session: Any) -> None:
        outcome = apply(Task(RELATION, RELATION.read_options(options), session, Waiting.of(options)))
        result = to_result(outcome, RELATION.subject_key, diff=False)
        if result.get("failed") or result["changed"]:
            raise RuntimeError(f"this was to change nothing: {result.get('msg') or result['actions'][:3]}")

    return job


def _defaults(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: option.get("default") for name, option in spec.items()}


JOBS: Mapping[str, Callable[[], Callable[[Any], None]]] = {"information": information, "enforcement": enforcement}


def main() -> None:
    """`python -m tests.bench.client ours|bare JOB FILE`, the lab's facts as JSON on standard input."""
    who, job, file = sys.argv[1:4]
    facts = json.load(sys.stdin)
    meter = Meter()
    meter.attach()
    if who == "ours":
        ours(facts, meter, JOBS[job](), Path(file))
    else:
        bare(facts, meter, Path(file))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    cost = {"requests": meter.requests, "bytes": meter.sent + meter.received, "seconds": meter.seconds}
    cost |= {"processor": meter.processor, "memory": peak}
    print(json.dumps({**cost, "pipelines": len(pickle.loads(Path(file).read_bytes()))}))


if __name__ == "__main__":
    main()
