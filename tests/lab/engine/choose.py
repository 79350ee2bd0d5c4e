"""Which engine runs a shell: our own, or the real PowerShell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .endpoint import configuration_file, is_constrained
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
    """Makes the engine of each shell. `folder` keeps the file that a constrained endpoint of the real one needs."""

    def __init__(self, kind: str, folder: Path) -> None:
        if kind not in (OWN, REAL):
            raise ValueError(f"the engine is {OWN} or {REAL}, not {kind}")
        self._kind = kind
        self._pwsh = program() if kind == REAL else None
        if kind == REAL:
            if self._pwsh is None:
                raise NoPowerShell
            self._configuration = folder / "constrained.pssc"
            self._configuration.write_text(configuration_file(), encoding="utf-8")

    def __call__(self, session: Session, configuration: str) -> Engine:
        """The engine for a shell of that session configuration. KeyError: the host has none of that name."""
        constrained = is_constrained(configuration)
        if self._pwsh is None:
            from .psrp import OwnEngine

            return OwnEngine(session, constrained=constrained)
        return RealEngine(session, self._pwsh, str(self._configuration) if constrained else None)
