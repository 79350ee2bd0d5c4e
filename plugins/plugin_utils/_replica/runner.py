# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every module of the collection: a noun, taken through the phases.

    options -> read -> plan -> (check mode stops here) -> apply -> read again -> verify -> result

The only file that imports ansible.plugins.action.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from .plan import Noun


class ReplicaAction(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """Base of the action plugins: `class ActionModule(ReplicaAction): noun = SERVER`, and nothing more."""

    noun: ClassVar[Noun[Any, Any]]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task; the result is documented with each module."""
        raise NotImplementedError
