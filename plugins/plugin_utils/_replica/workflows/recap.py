# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What became of each host of a run: in place of the recap, in which Ansible has one line for the task. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class HostRecap:
    """A host that was asked. `error`: what it said last, where that was no answer; "" where it was one."""

    windows_name: str = ""
    changed: bool = False
    error: str = ""


@dataclass
class Recap:
    """All hosts that were asked, in the order in which they were."""

    hosts: dict[str, HostRecap] = field(default_factory=dict)

    def asked(self, host: str) -> None:
        """A question goes to it."""
        self.hosts.setdefault(host, HostRecap())

    def told(self, host: str, result: Mapping[str, Any]) -> None:
        """This came back. A call that Windows has refused is an answer too: what failed is a matter of the VMs."""
        known = self.hosts.get(host, HostRecap())
        lost = bool(result.get("unreachable"))
        self.hosts[host] = replace(
            known,
            windows_name=str(result.get("windows_name") or known.windows_name),
            changed=known.changed or bool(result.get("changed")),
            error=str(result.get("msg") or "no answer") if lost else "",
        )

    def to_result(self) -> list[dict[str, Any]]:
        """As it stands in the result."""
        return [
            {
                "host": host,
                "windows_name": one.windows_name or None,
                "reached": not one.error,
                "changed": one.changed,
                "error": one.error or None,
            }
            for host, one in self.hosts.items()
        ]
