"""Sends cases to an engine with pypsrp, over the lab's own service in memory, and keeps all that comes back."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import WinRMError
from pypsrp.powershell import Fragment, PowerShell, RunspacePool, RunspacePoolState

from tests.conformance.case import Case
from tests.conformance.worlds import WORLDS
from tests.lab.engine.choose import Engines
from tests.lab.engine.endpoint import CONSTRAINED
from tests.lab.recorder import Recorded
from tests.lab.wire import memory
from tests.lab.wire.shells import Cut, Service, ShellSession
from tests.lab.world.host import Host
from tests.lab.world.world import World

LIMIT_SECONDS = 10.0
JOB_SECONDS = 2.0
HEADER = 40
"""Bytes of a PSRP message before its CLIXML (MS-PSRP 2.2.1)."""


Kind = tuple[bool, frozenset[str]]
"""What sessions differ in: constrained or not, and the modules that the host has."""


@dataclass
class Heard:
    """What came back: PSRP messages (type, CLIXML), the pipeline's last state, and the cmdlets that handlers ran."""

    messages: list[tuple[int, str]] = field(default_factory=list)
    state: int = 0
    broken: str = ""
    calls: list[Recorded] = field(default_factory=list)
    world: World | None = None


class _Pool(RunspacePool):
    """A runspace pool that also keeps the messages as they came."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.heard: list[tuple[int, str]] = []
        self._parts: dict[int, bytes] = {}

    def _parse_responses(self, responses: bytes, pipeline: PowerShell | None = None) -> Any:
        data = responses
        while data:
            fragment, data = Fragment.unpack(data)
            whole = self._parts.pop(fragment.object_id, b"") + fragment.data
            if not fragment.end:
                self._parts[fragment.object_id] = whole
            elif pipeline is not None:
                kind = int.from_bytes(whole[4:8], "little")
                self.heard.append((kind, whole[HEADER:].decode("utf-8-sig")))
        return super()._parse_responses(responses, pipeline)


class Talk:
    """One engine; sessions are kept and used again, ordinary and constrained, until one breaks."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._folder = tempfile.TemporaryDirectory(prefix="conformance-")
        self._engines = Engines(kind, Path(self._folder.name))
        self._sessions: list[ShellSession] = []
        self._service = Service(WORLDS["plain"]().host("HV-A"), self._engine)
        self._pools: dict[Kind, tuple[_Pool, ShellSession]] = {}

    def run(self, case: Case) -> Heard:
        """Send a case to a fresh world, on HV-A."""
        heard = Heard(world=WORLDS[case.given]())
        assert heard.world is not None
        host = heard.world.host("HV-A")
        kind = (case.constrained, frozenset(host.modules))
        pool, session = self._session(kind, host)
        session.host = host
        pool.heard = heard.messages
        pipeline = _pipeline(pool, case)
        try:
            pipeline.begin_invoke(list(case.input) if case.input is not None else None)
            _await(pipeline)
            pool.heard = []
            if len(case.statements) > 1:
                # After a lost statement the state comes early and the others still run: another pipeline waits.
                PowerShell(pool).add_cmdlet("Out-Default").invoke()
        except (WinRMError, Cut, OSError, ValueError, AttributeError, KeyError) as error:
            heard.broken = f"{type(error).__name__}: {error}"
            self._forget(kind)
        pool.heard = []
        heard.state = pipeline.state
        if case.jobs and not (heard.broken or pipeline.had_errors):
            _await_jobs(heard.world, case.jobs)
        heard.calls = list(heard.world.recorder.calls)
        with suppress(WinRMError, Cut):
            if not heard.broken:
                pipeline.close()
        return heard

    def close(self) -> None:
        """End the sessions."""
        for kind in list(self._pools):
            self._forget(kind)
        self._service.close()
        self._folder.cleanup()

    def _engine(self, session: ShellSession, configuration: str) -> Any:
        self._sessions.append(session)
        return self._engines(session, configuration)

    def _session(self, kind: Kind, host: Host) -> tuple[_Pool, ShellSession]:
        if kind not in self._pools:
            self._service.host = host
            name = CONSTRAINED if kind[0] else "Microsoft.PowerShell"
            pool = _Pool(memory.connect(self._service), configuration_name=name)
            pool.open()
            self._pools[kind] = (pool, self._sessions[-1])
        return self._pools[kind]

    def _forget(self, kind: Kind) -> None:
        pool, _unused = self._pools.pop(kind)
        if pool.state == RunspacePoolState.OPENED:
            with suppress(WinRMError, Cut):
                pool.close()


@contextmanager
def talk(kind: str) -> Iterator[Talk]:
    """A talk that ends."""
    made = Talk(kind)
    try:
        yield made
    finally:
        made.close()


def _await_jobs(world: World, jobs: int) -> None:
    """A job calls its cmdlet in its own time: it shall be in this world, and not in that of the next case."""
    until = time.monotonic() + JOB_SECONDS
    while sum("AsJob" in call.parameters for call in world.recorder.calls) < jobs and time.monotonic() < until:
        time.sleep(0.01)


def _await(pipeline: PowerShell) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while pipeline.state == PSInvocationState.RUNNING:
        if time.monotonic() > until:
            raise TimeoutError(f"no end after {LIMIT_SECONDS:.0f} seconds")
        pipeline.poll_invoke(timeout=1)


def _pipeline(pool: RunspacePool, case: Case) -> PowerShell:
    made = PowerShell(pool)
    if case.script is not None:
        return made.add_script(case.script)
    for number, statement in enumerate(case.statements):
        if number:
            made.add_statement()
        for command in statement:
            made.add_cmdlet(command.name)
            for name, value in command.parameters:
                made.add_parameter(name, value) if name else made.add_argument(value)
    return made
