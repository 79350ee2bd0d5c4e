# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""guard: refuses an order that did not arrive whole, or that nobody gave. Uses no connection."""

from __future__ import annotations

from typing import Any

from ansible import context
from ansible.parsing.splitter import split_args
from ansible.plugins.action import ActionBase
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.loaded_early import LOADED_EARLY
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows import order_view
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.order import problems
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.target import TARGET, target_problem

SPEC: dict[str, Any] = {"targets": {"type": "list", "elements": "dict", "default": [], "options": TARGET}}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """Documented in the module of the same name."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False
    loaded_with_it = LOADED_EARLY  # every playbook and role begins with it

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Look at everything, and tell all of it at once."""
        super().run(tmp, task_vars)
        _unused, options = self.validate_argument_spec(argument_spec=SPEC)
        given, known = task_vars or {}, order_view.known_hosts(task_vars or {})
        words = [split_args(text) for text in order_view.key_values(context.CLIARGS.get("extra_vars"))]
        told = problems(order_view.order_of(self._task, given, words))
        told += [target_problem(one["name"], one["value"] or "", one["takes"], *known) for one in options["targets"]]
        told = [sentence for sentence in told if sentence]
        return {"changed": False, **({"failed": True, "msg": " ".join([*told, "Nothing was done."])} if told else {})}
