# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a session on one endpoint calls a cmdlet, and what it can take as a value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.errors import OptionError
from ..base.pipeline import Command, Pipeline
from ..base.session import Output
from ..base.values import plain, unsendable

_ORDINARY = ("microsoft.powershell", "microsoft.powershell32")
_GENERAL = "Microsoft.PowerShell."
_READING = ("Get-", "Select-", "Where-", "Sort-", "Test-", "Measure-", "Resolve-", "ForEach-", "Receive-")
_LARGEST = 2**63 - 1


def is_constrained(configuration_name: str) -> bool:
    """True for an endpoint that admits only what its role capabilities list, going by its name.

    Windows PowerShell's own endpoints and those of PowerShell 7 (`PowerShell.7`, `PowerShell.7.4.1`) are ordinary.
    """
    name = configuration_name.casefold()
    return name not in _ORDINARY and not name.startswith("powershell.7")


@dataclass
class Naming:
    """How cmdlets are called. On an ordinary endpoint with their module: other products ship a Get-VM too.

    On a constrained one a role capability that limits parameters hides the cmdlet behind a function of the bare name.
    The general cmdlets keep their module even there, because the bare Select-Object is the session's own narrow proxy
    (observed behaviour, not documented), until the endpoint says that it does not know one of them by that name.
    """

    constrained: bool = False
    bare: set[str] = field(default_factory=set)  # general cmdlets that this endpoint knows by no longer name

    def of(self, command: Command) -> str:
        """The name to send."""
        general = command.module.startswith(_GENERAL)
        bare = command.name in self.bare if general else self.constrained
        return command.name if bare else f"{command.module}\\{command.name}"

    def learn(self, output: Output) -> bool:
        """Fall back to the bare name of a general cmdlet that its full one does not find; True when that is news."""
        if not self.constrained:
            return False
        unknown = (error.target for error in output.errors if error.is_missing_command)
        found = {target.rpartition("\\")[2] for target in unknown if target.startswith(_GENERAL)} - self.bare
        self.bare |= found
        return bool(found)


def only_reads(pipeline: Pipeline) -> bool:
    """True when nothing in the pipeline can change the host, so that it may be sent a second time."""
    return all(c.name.startswith(_READING) for statement in pipeline.statements for c in statement.commands)


def checked(command: Command) -> Mapping[str, Any]:
    """The parameters as builtins that PowerShell can read.

    Raises OptionError for text or a number that would end the whole session instead of being refused.
    """
    return {name: _checked(name, plain(value, name)) for name, value in command.parameters.items()}


def _checked(name: str, value: Any) -> Any:
    if isinstance(value, str):
        bad = unsendable(value)
        if bad:
            raise OptionError(name, f"the text contains {bad}, which cannot be sent to a host.", "Remove it.")
    elif isinstance(value, int) and abs(value) > _LARGEST:
        raise OptionError(name, f"the number {value} is too large.")
    elif isinstance(value, list):
        for item in value:
            _checked(name, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _checked(name, str(key))
            _checked(name, item)
    return value


def outline(pipeline: Pipeline) -> str:
    """The pipeline for a log: cmdlets and names of parameters, no values; what repeats is counted."""
    counts: dict[str, int] = {}
    for statement in pipeline.statements:
        text = " | ".join(
            " ".join([command.name, *(f"-{name}" for name in command.parameters)]) for command in statement.commands
        )
        counts[text] = counts.get(text, 0) + 1
    return "; ".join(text if count == 1 else f"{count} x ({text})" for text, count in counts.items())
