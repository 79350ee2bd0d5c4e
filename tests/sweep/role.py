"""The failover role without ansible-playbook: the same inputs, readings, decisions and calls, in the same order.

What is left out is what the role asks before it begins (findings of the preflight, witnesses that take time, the
confirmation), and what it reads for that alone; the stages are all there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from tests.conftest import ROOT

from .hands import Hands, Stopped
from .stage import NAMES

# isort: split
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_run as runs
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_findings import RECENT
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_inputs import make_run
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_look import look
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_partners import partners
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_report import report
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_witness import signs_of_life
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.role_inputs import role_inputs

PASSED_ON = (
    "partner",
    "expected_host",
    "partner_max_age",
    "accept_unread",
    "partner_declared",
    "shutdown",
    "shutdown_timeout",
    "patience",
    "start",
    "heartbeat_timeout",
    "unconnected_adapters",
    "start_action",
    "old_vm",
    "allowed_primary_server",
    "changes_since_failover",
    "certificate_thumbprint",
    "recovery_point",
    "recovery_point_time",
)
"""What tasks/act.yml hands on of a call, when the call has it."""


def failover_role(hands: Hands, wish: str, to: str, **inputs: Any) -> dict[str, Any]:
    """Run the role; what it reports. Raises Stopped, with every VM that is left, where the role would fail."""
    try:
        told = _run(hands, wish, to, inputs)
    except ReplicaError as error:  # a filter fails
        raise Stopped(str(error)) from error
    hands.reports.append(told)
    if told["failures"]:
        raise Stopped("; ".join(told["failures"]))
    return told


def _run(hands: Hands, wish: str, to: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """tasks/run.yml."""
    own = inputs.get("hosts") or candidates(hands)
    world = Finding(hands, to, {to: hands.information(to, names=NAMES)}, own)
    world.rename()
    world.look()
    if wish != "commit":
        world.read(host for host in world.candidates if host not in world.readings)
    if world.found["namesakes"]:
        world.read([to], ids=[*world.found["ids"], *world.found["namesakes"]])
    world.look()
    found, readings = world.found, world.readings
    whom = {} if "groups" in inputs else {"vms": NAMES}
    given = role_inputs(_prefixed({"to": to, **whom, **inputs}), spec(wish), "failover_")
    begun = make_run(given, wish, [to], found["partners"], list(world.candidates), found=found)
    run = runs.begin(begun, readings, {}, time.monotonic())
    _refuse(run, readings, given)
    done: list[Mapping[str, Any]] = []
    while not run["end"]:
        run = runs.advance(run, readings, done, time.monotonic())
        done = [_act(hands, call) for call in run["calls"]]
        if not run["end"]:
            readings |= {host: hands.information(host, ids=[vm["id"] for vm in run["vms"]]) for host in run["reads"]}
    return report(run, readings)


def candidates(hands: Hands) -> list[str]:
    """All inventory hosts of the lab."""
    return [host.name.lower() for host in hands.lab.world.hosts.values()]


def _refuse(raw: Mapping[str, Any], readings: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """What of the preflight costs no time: refused plans, and hosts that are not dead. Raises Stopped."""
    run = look(raw, readings)
    refused = signs_of_life(run, {}, (), {RECENT, *given["accept"]})
    refused |= {vm: plan.message for vm, plan in run.plans.items() if plan.outcome == "refused"}
    if refused:
        raise Stopped("; ".join(f"{run.entries[vm].name}: REFUSED: {why}" for vm, why in refused.items()))


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


def _act(hands: Hands, call: Mapping[str, Any]) -> dict[str, Any]:
    options = {name: call[name] for name in PASSED_ON if call.get(name) is not None}
    given = {"ids": call["ids"], "state": call["state"], "runs_on": call["runs_on"]}
    return hands.attempt("hyperv_failover", call["host"], **given, **options)


@cache
def spec(wish: str) -> Mapping[str, Any]:
    """The options of the entry point of the role that serves the wish."""
    entry = {"planned": "main", "unplanned": "main", "return_home": "reverse"}.get(wish, wish)
    text = (ROOT / "roles" / "failover" / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    options: Mapping[str, Any] = yaml.safe_load(text)["argument_specs"][entry]["options"]
    return options


def _prefixed(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {f"failover_{name}": value for name, value in inputs.items()}
