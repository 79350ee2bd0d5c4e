# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Protection policies of the role vm_replication, as options of hyperv_vm_replication for one host. Pure.

A policy names inventory hosts, the module Windows names. What a host calls itself was read from it; one that did not
answer goes by the variable hyperv_replica_names, else by its address where that is a full name, else by its inventory
name. Names are equal short against full, so relations that exist are found either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..base.errors import PlanError
from ..base.identity import Identity, given_names, identify, twins
from ..base.names import is_full
from ..base.values import same_text

_OF_HOSTS = ("vms", "replica_host", "replica_server", "between", "first_primary", "per_host")


@dataclass(frozen=True)
class Hosts:
    """What is known of the inventory hosts: `read` are results of hyperv_replication_info, `variables` hostvars."""

    me: str
    read: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, Mapping[str, Any]]

    def answered(self, host: str) -> bool:
        """True when the host was read."""
        result = self.read.get(host) or {}
        return bool(result) and not result.get("failed") and not result.get("unreachable")

    def windows_name(self, host: str) -> str:
        """The name under which others replicate to the host: on a cluster its broker's, else its own."""
        variables = self.variables.get(host) or {}
        aliases = variables.get("hyperv_replica_names") or []
        if self.answered(host):
            broker = ((self.read[host].get("cluster") or {}).get("broker") or {}).get("name")
            name = broker or self.read[host].get("windows_name")
            if name:
                return str(name)
        if aliases:
            return str(aliases if isinstance(aliases, str) else aliases[0])
        address = str(variables.get("ansible_host") or "")
        return address if is_full(address) and not address.replace(".", "").isdigit() else host

    def vms(self, host: str) -> list[Mapping[str, Any]]:
        """Records of the host's VMs; none of one that did not answer."""
        return list(self.read[host].get("vms") or []) if self.answered(host) else []

    def partner_records(self, host: str, policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What the other host says of the policy's VMs. A VM is its id, and may have another name there.

        A name of the policy that is not here may be the one that the VM has there. With `between` it may be either
        host's name also where a VM here has it: the module refuses a name that means two. Else the VM here is meant.
        """
        mine = self.vms(self.me)
        here = {vm["id"] for vm in mine}
        ids = {vm["id"] for vm in mine if selected(vm, policy)} | set(policy.get("ids") or ())
        names = [
            name
            for name in policy.get("vms") or ()
            if policy.get("between") or not any(same_text(vm["name"], name) for vm in mine)
        ]
        ids |= {vm["id"] for vm in self.vms(host) if vm["id"] in here and selected(vm, {"vms": names})}
        names = list(self.identity(host).others)
        return [{**vm, "host_names": names} if names else vm for vm in self.vms(host) if vm["id"] in ids]

    def identity(self, host: str) -> Identity:
        """Who answered there."""
        return identify(host, self.read.get(host), given_names(self.variables.get(host) or {}))


def selected(vm: Mapping[str, Any], policy: Mapping[str, Any]) -> bool:
    """True when the policy names the VM."""
    return any(same_text(vm["name"], name) for name in policy.get("vms") or ()) or vm["id"] in (policy.get("ids") or ())


def hosts_to_read(policies: Iterable[Mapping[str, Any]], me: str) -> list[str]:
    """The inventory hosts that the policies mean on this host, itself first."""
    named: list[str] = [me]
    for policy in policies:
        named += [policy["replica_host"]] if policy.get("replica_host") else []
        named += (policy.get("between") or []) if me in (policy.get("between") or []) else []
    return list(dict.fromkeys(named))


def tasks_of(policies: Iterable[Mapping[str, Any]], hosts: Hosts) -> list[dict[str, Any]]:
    """Options of the module, one dictionary a policy that concerns this host. Raises PlanError.

    `label` says in words what the task is about, `partner_host` is the inventory name of the other host; neither is an
    option. What a policy leaves out is left out.
    """
    tasks: list[dict[str, Any]] = []
    for number, policy in enumerate(policies, start=1):
        problem = _problem(policy)
        if problem:
            raise PlanError(f"vm_replication_policies, number {number}: {problem}")
        asked = [hosts.me, policy.get("replica_host"), *(policy.get("between") or [])]
        one_host = twins(hosts.identity(host) for host in dict.fromkeys(asked) if host and hosts.answered(host))
        if one_host and hosts.me != policy.get("replica_host"):
            raise PlanError(f"vm_replication_policies, number {number}: {one_host}.")
        if hosts.me == policy.get("replica_host") or hosts.me not in (policy.get("between") or [hosts.me]):
            continue
        tasks.append(_task(policy, hosts))
    return tasks


def _problem(policy: Mapping[str, Any]) -> str:
    ways = [name for name in ("replica_host", "replica_server", "between") if policy.get(name)]
    if len(ways) > 1:
        return f"{' and '.join(ways)} exclude each other. Give one of them."
    between = policy.get("between") or []
    if between and policy.get("first_primary") not in between:
        return f"first_primary has to be one of {', '.join(between)}."
    strange = sorted(set(policy.get("per_host") or {}) - set(between))
    return f"per_host names {strange[0]}, which is not in between." if strange else ""


def _task(policy: Mapping[str, Any], hosts: Hosts) -> dict[str, Any]:
    task = {name: value for name, value in policy.items() if value is not None and name not in _OF_HOSTS}
    if policy.get("vms"):
        task["names"] = policy["vms"]
    partner = policy.get("replica_host")
    if policy.get("between"):
        partner = next(host for host in policy["between"] if host != hosts.me)
        task["between"] = [hosts.windows_name(host) for host in policy["between"]]
        task["first_primary"] = hosts.windows_name(policy["first_primary"])
        if policy.get("per_host"):
            task["per_host"] = {hosts.windows_name(host): told for host, told in policy["per_host"].items()}
    elif partner:
        task["replica_server"] = hosts.windows_name(partner)
    elif policy.get("replica_server"):
        task["replica_server"] = policy["replica_server"]
    if partner and hosts.answered(partner):
        task["partner"] = hosts.partner_records(partner, policy)
        task["partner_server"] = hosts.read[partner].get("server")
    who = ", ".join([*(policy.get("vms") or []), *(policy.get("ids") or [])]) or hosts.me
    task["partner_host"] = partner or policy.get("replica_server")
    task["label"] = f"{who} with {task['partner_host'] or 'its partner'}"
    return {name: value for name, value in task.items() if value is not None}
