"""The failover role without ansible-playbook: the same inputs, readings, decisions and calls, in the same order.

What is left out is what the role asks before it begins (preflight, witnesses, confirmation); the stages are all there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from tests.conftest import ROOT

from .hands import Hands, Stopped
from .stage import NAMES, A, B

# isort: split
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_run as runs
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_inputs import make_run
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_partners import partners
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_report import report
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.role_inputs import role_inputs

HOSTS = (A, B)
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
    readings = {to: hands.information(to, names=NAMES)}
    found = partners(readings, [to], NAMES, HOSTS, {})
    others = [host for hosts in found["partners"].values() for host in hosts]
    for host in others:
        readings[host] = hands.information(host, ids=found["ids"])
    if readings[to].get("unreachable") or readings[to].get("failed"):
        raise Stopped(f"{', '.join(NAMES)}: {readings[to]['msg']}")
    whom = {} if "groups" in inputs else {"vms": NAMES}
    given = role_inputs(_prefixed({"to": to, **whom, **inputs}), spec(wish), "failover_")
    run = runs.begin(make_run(given, wish, [to], found["partners"], list(HOSTS)), readings, {}, time.time())
    done: list[Mapping[str, Any]] = []
    while not run["end"]:
        run = runs.advance(run, readings, done, time.time())
        done = [_act(hands, call) for call in run["calls"]]
        if not run["end"]:
            readings |= {host: hands.information(host, ids=[vm["id"] for vm in run["vms"]]) for host in run["reads"]}
    told = report(run, readings)
    hands.reports.append(told)
    if told["failures"]:
        raise Stopped("; ".join(told["failures"]))
    return told


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
