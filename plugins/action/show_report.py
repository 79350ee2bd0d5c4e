# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""show_report: lines on the terminal as they are. Uses no connection."""

from __future__ import annotations

import re
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

SPEC: dict[str, Any] = {"lines": {"type": "list", "elements": "str", "required": True}}
_COLOUR = re.compile(r"\033\[[0-9;]*m")


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """Shows its lines once and gives them back without colours."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Show the lines."""
        super().run(tmp, task_vars)
        _unused, options = self.validate_argument_spec(argument_spec=SPEC)
        lines = [str(line) for line in options["lines"]]
        Display().display("\n".join(lines))
        return {"changed": False, "lines": [_COLOUR.sub("", line) for line in lines]}
