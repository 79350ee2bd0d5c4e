# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter hyperv.replica.role_inputs: the door of every role of the collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows import role_inputs as inputs

DOCUMENTATION = r"""
name: role_inputs
short_description: Validate and convert the inputs of a role
description:
  - Gives the inputs of a role as the types that its argument spec says, with the defaults filled in.
  - Extra variables on the command line (C(-e name=value)) and answers to a survey are text. Ansible checks the inputs
    of a role, but it leaves them as they are, so C(false) is a text that counts as true. This filter converts them.
  - Empty text counts as not given.
  - Raises one error that names every input that cannot be used.
version_added: 0.1.0
author: The hyperv.replica authors (@hyperv-replica)
positional: spec, prefix, known_hosts
options:
  _input:
    description: The inputs by name, as they came. The value V(null) stands for one that is not set.
    type: dict
    required: true
  spec:
    description: The content of the role's C(meta/argument_specs.yml), or the options of one entry point.
    type: dict
    required: true
  prefix:
    description: What is taken off the beginning of each name in the answer.
    type: str
    default: ''
  known_hosts:
    description: The hosts of the inventory, to which inputs that name inventory hosts are held where they are given.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Read the inputs of the role
  ansible.builtin.set_fact:
    vm_replication: >-
      {{ dict(names | zip(query('ansible.builtin.vars', *names, default='')))
         | hyperv.replica.role_inputs(spec, prefix='vm_replication_') }}
  vars:
    spec: "{{ lookup('ansible.builtin.file', role_path ~ '/meta/argument_specs.yml') | from_yaml }}"
    names: "{{ spec.argument_specs.main.options | list }}"
"""

RETURN = r"""
_value:
  description: The inputs, typed. One that is not set and has no default is V(null).
  type: dict
"""


def role_inputs(
    values: Mapping[str, Any], spec: Mapping[str, Any], prefix: str = "", known_hosts: Sequence[str] | None = None
) -> dict[str, Any]:
    """Typed inputs of a role; see DOCUMENTATION."""
    try:
        return inputs.role_inputs(values, spec, prefix, known_hosts)
    except ReplicaError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"role_inputs": role_inputs}
