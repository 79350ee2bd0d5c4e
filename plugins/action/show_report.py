# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""show_report: lines on the terminal as they are, but for what a terminal would obey. Uses no connection."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean, uncoloured

SPEC: dict[str, Any] = {
    "lines": {"type": "list", "elements": "str", "required": True},
    "colours": {"type": "bool", "default": False},
    "fail": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """Shows its lines once and gives them back without colours."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Show the lines, and fail with them where that was asked."""
        super().run(tmp, task_vars)
        _unused, options = self.validate_argument_spec(argument_spec=SPEC)
        shown = [clean(line, options["colours"]) for line in options["lines"]]
        Display().display("\n".join(shown))
        lines = [uncoloured(line) for line in shown]
        if options["fail"]:
            return {"changed": False, "failed": True, "msg": "\n".join(lines)}
        return {"changed": False, "lines": lines}
