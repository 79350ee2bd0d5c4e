"""The operations of hyperv_recovery without ansible-playbook: their conversations and the driver, in this process.

What Ansible adds is left out: its variables, its connections to many hosts (hands.py makes them), its signals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .hands import Hands, Stopped
from .stage import NAMES, A, B, C, D

# isort: split
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.driver import Driver
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.host_thread import Opening
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.operations import (
    WORKFLOWS,
    read_inputs,
    wanted,
)

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
