"""The operations of hyperv_recovery without ansible-playbook: their conversations and the driver, in this process.

What Ansible adds is left out: its variables, its connections to many hosts (hands.py makes them), its signals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .hands import Hands, Stopped
from .stage import NAMES, A, B, C, D

# isort: split
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.driver import Driver
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_partners import partners
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.host_thread import Opening
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.recovery import WORKFLOWS, read_inputs, wanted

QUICK = {"poll_interval": 0.02, "settle_timeout": 30.0, "wait_timeout": 60.0, "receive_check": 1}
SITES: Mapping[str, Sequence[str]] = {"site_north": [A, C], "site_south": [B, D]}
"""Groups of hosts that an inventory of four has."""


def failover_role(hands: Hands, wish: str, to: str, **inputs: Any) -> dict[str, Any]:
    """Run the operation that is this wish to the planner; see `operation`."""
    return operation(hands, next(name for name, one in WORKFLOWS.items() if one.wish == wish), to, **inputs)


def operation(hands: Hands, name: str, to: str, limit: Sequence[str] = (), **inputs: Any) -> dict[str, Any]:
    """Run an operation of hyperv_recovery, with all hosts of the lab in reach, or those of the limit; what it reports.
    Raises Stopped, with every VM that is left, where it fails.
    """
    hosts, workflow = candidates(hands), WORKFLOWS[name]
    quick = {**QUICK, **hands.quick}
    whom = {} if "groups" in inputs else {"vms": NAMES}
    given = {option: value for option, value in quick.items() if option in (*workflow.options, "poll_interval")}
    given |= {"to": to, **whom, **inputs}
    groups = {"all": hosts, "hyperv": hosts, **{site: own for site, own in SITES.items() if set(own) <= set(hosts)}}
    try:
        typed = read_inputs({"operation": name, **given}, hosts)
        want = wanted(
            typed, given, groups, limit or hosts, {host: {"group_names": ["hyperv"]} for host in hosts}, False
        )
        driver = driver_of(hands)
        with hands.outside.at_work():
            talk = driver.run(workflow.rules, workflow.start(want))
    except ReplicaError as error:  # inputs that cannot be meant
        raise Stopped(str(error)) from error
    if talk.end is None:
        raise RuntimeError("the driver gave up a conversation")
    result = dict(talk.end.result)
    hands.results.append(result)
    if talk.end.lines:
        hands.reports.append({**result, "lines": list(talk.end.lines)})
    if result.get("failed"):
        raise Stopped(str(result["msg"]))
    return result


def driver_of(hands: Hands) -> Driver:
    """A driver over connections to the lab."""

    def opening(host: str) -> Opening:
        return Opening(host, lambda: hands.session(host))

    openings, outside = {host: opening(host) for host in candidates(hands)}, hands.outside
    return Driver(openings, show=outside.shown, stopped=outside.why)


def candidates(hands: Hands) -> list[str]:
    """All inventory hosts of the lab."""
    return [host.name.lower() for host in hands.lab.world.hosts.values()]


@dataclass
class Finding:
    """tasks/partners.yml and renamed.yml: from the readings of the target to those of all hosts with a copy.

    All hosts of the lab are in reach.
    """

    hands: Hands
    target: str
    readings: dict[str, Any]
    candidates: Sequence[str]
    gather: tuple[str, ...] = ("relations",)
    asked: list[str] = field(default_factory=lambda: list(NAMES))
    heard: dict[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)

    def look(self) -> None:
        """Who the partners are, asked of the hosts themselves where that is needed, and read; they may name more."""
        self.found = self._partners()
        if self.found["ask"]:
            self.heard |= {h: self.hands.information(h, gather=["host", "cluster"]) for h in self.found["ask"]}
            self.found = self._partners()
        if self.found["read"]:
            self.read(self.found["read"])
            self.look()

    def rename(self) -> None:
        """A VM that has another name on the target is looked for by its name on the others, and then goes by its id."""
        unknown = self._partners()["missing"]
        if not unknown:
            return
        others = [host for host in self.candidates if host != self.target]
        told = [self.hands.information(host, names=unknown).get("vms") or () for host in others]
        self.asked += dict.fromkeys(record["id"] for records in told for record in records)
        self.read([self.target], ids=[vm for vm in self.asked if vm not in NAMES])

    def read(self, hosts: Iterable[str], ids: Sequence[str] | None = None) -> None:
        """Read hosts: what is asked for by name, and the VMs that were found, by id."""
        ids = self.found["ids"] if ids is None else ids
        given = {"names": [vm for vm in self.asked if vm in NAMES], **({"ids": list(ids)} if ids else {})}
        for host in hosts:
            self.readings[host] = self.hands.information(host, **given, gather=list(self.gather))

    def _partners(self) -> dict[str, Any]:
        known = {**self.heard, **self.readings}
        return partners(known, [self.target], self.asked, self.candidates, {}, candidates(self.hands))
