"""Which engine runs a shell: our own, or the real PowerShell."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from . import pwsh_home
from .endpoint import configuration_file, is_constrained, modules
from .psrp import OwnEngine
from .real import RealEngine, program

if TYPE_CHECKING:
    from ..cmdlets.registry import Session
    from . import Engine

OWN, REAL = "own", "real"


class NoPowerShell(RuntimeError):
    """The real engine was asked for, and there is none."""

    def __init__(self) -> None:
        super().__init__(
            "There is no real PowerShell here. Set the environment variable HYPERV_REPLICA_PWSH to the path of a pwsh "
            "that speaks PSRP on standard input (pwsh -s) and has the stub modules, or use the lab's own engine."
        )


class Engines:
    """Makes the engine of each shell. `folder` keeps what the real one needs for hosts that lack modules."""

    def __init__(self, kind: str, folder: Path) -> None:
        if kind not in (OWN, REAL):
            raise ValueError(f"the engine is {OWN} or {REAL}, not {kind}")
        self._folder = folder
        self._pwsh = program() if kind == REAL else None
        self._home: Path | None = None
        self._lock = threading.Lock()
        if kind == REAL and self._pwsh is None:
            raise NoPowerShell

    def __call__(self, session: Session, configuration: str) -> Engine:
        """The engine for a shell of that session configuration. KeyError: the host has none of that name."""
        constrained = is_constrained(configuration)
        if self._pwsh is None:
            return OwnEngine(session, constrained=constrained)
        missing = frozenset(modules()) - session.host.modules
        with self._lock:
            pwsh = self._without(missing)
            file = self._configuration(missing) if constrained else None
        return RealEngine(session, pwsh, file)

    def _without(self, missing: frozenset[str]) -> str:
        """A PowerShell that lacks these modules."""
        if self._pwsh is None:
            raise NoPowerShell
        self._home = self._home or pwsh_home.find(self._pwsh)
        return pwsh_home.view(self._home, self._folder / "-".join(["pwsh", "without", *sorted(missing)]), missing)

    def _configuration(self, missing: frozenset[str]) -> str:
        """The file of the constrained endpoint of a host that lacks these modules."""
        path = self._folder / "-".join(["constrained", *sorted(missing)])
        path = path.with_name(path.name + ".pssc")
        path.write_text(configuration_file(missing), encoding="utf-8")
        return str(path)
