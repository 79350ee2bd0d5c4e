# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Ansible's own connections to several inventory hosts, for one task.

Each is what a task with `delegate_to` would get: the host's variables with those of the play, the password that was
prompted for, the connection plugin that it has. They are made and templated in the main thread, for neither is made for
threads, and used in a thread each.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean

from ..base.errors import UnsupportedConnection


class Way:
    """The way to one host: its connection plugin, not connected yet, and its variables, templated when asked for.

    `error` is why there is none: a plugin that does not exist, an expression that cannot be evaluated.
    """

    def __init__(self, action: Any, task_vars: Mapping[str, Any], host: str) -> None:
        self.host = host
        self.become = False
        self.connection: Any = None
        self.error: UnsupportedConnection | None = None
        self.variables: Mapping[str, Any] = {}
        try:
            self.variables = _variables(action, task_vars, host)
            self._templar = action._templar.copy_with_new_env(available_variables=self.variables)
            self.become = bool(boolean(self.value("ansible_become", action._task.become)))
            self.connection = self._connection(action)
        except (AnsibleError, TypeError) as error:
            self.error = UnsupportedConnection(
                f"{host}: its connection cannot be made: {str(error).strip().rstrip('.')}.", "Look at its variables."
            )

    def value(self, name: str, default: Any = None) -> Any:
        """A variable of the host, templated."""
        return self._templar.template(self.variables[name]) if name in self.variables else default

    def _connection(self, action: Any) -> Any:
        task, loader = action._task, action._shared_loader_obj.connection_loader
        context = action._play_context.copy()
        context.connection = str(self.value("ansible_connection", task.connection))
        context.remote_addr = str(self.value("ansible_host", self.host))
        connection, _unused = loader.get_with_context(
            context.connection, context, None, task_uuid=task._uuid, ansible_playbook_pid=str(os.getppid())
        )
        if not connection:
            raise AnsibleError(f"the connection plugin {context.connection} was not found")
        keys = task.dump_attrs()
        keys["timeout"] = context.timeout
        keys.pop("retries", None)
        if context.password:  # of --ask-pass, a password file, a controller's machine credential
            keys["password"] = context.password
        connection.set_options(task_keys=keys, var_options=self._options_of(connection))
        return connection

    def _options_of(self, connection: Any) -> dict[str, Any]:
        """The variables that this plugin takes as options, and what it takes beside."""
        known = C.config.get_plugin_vars("connection", connection._load_name)
        found = {name: self.value(name) for name in known if name in self.variables}
        prefix = f"ansible_{getattr(connection, 'extras_prefix', '')}_"
        extras = [name for name in self.variables if name.startswith(prefix) and name not in known]
        more = {name: self.value(name) for name in extras} if getattr(connection, "allow_extras", False) else {}
        return {**found, "_extras": more}


def _variables(action: Any, task_vars: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """All variables of an inventory host in this task, as `delegate_to` has them: also those of play, role and task."""
    known = task_vars["hostvars"]
    there = known._inventory.get_host(host)
    if there is None:
        raise AnsibleError(f"{host} is not in the inventory")
    found: Mapping[str, Any] = known._variable_manager.get_vars(
        play=action._task.get_play(), host=there, task=action._task, include_hostvars=False
    )
    return found
