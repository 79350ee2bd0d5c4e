"""A failover run against pairs of states in memory: what the role does with the filters, without a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import failover_run
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_acts import perform
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_inputs import make_run
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover_states import ABSENT, Pair, Side

INPUTS: dict[str, Any] = {
    "vms": None,
    "groups": None,
    "to": "hv-b",
    "reason": None,
    "declared": None,
    "reverse": True,
    "start": True,
    "shutdown": "clean",
    "shutdown_timeout": 900,
    "wait_timeout": 3600.0,
    "patience": 90.0,
    "order": "dependency",
    "group_timeout": 300.0,
    "group_failure": "stop",
    "on_failure": "recover",
    "unconnected_adapters": "refuse",
    "certificate_thumbprint": None,
    "recovery_point": None,
    "recovery_point_time": None,
    "excluded_disks": [],
    "max_replication_age": None,
    "max_pending_bytes": 2**30,
    "min_free_bytes": 5 * 2**30,
    "old_vm": "leave",
    "changes_since_failover": "keep",
    "fence": True,
    "discard": None,
}
ACTS = {
    "prepare": ("stop_guest", "prepare"),
    "turn_off": ("turn_off",),
    "fail_over": ("fail_over",),
    "reverse": ("reverse", "start_copy"),
    "become_replica": ("become_replica",),
    "commit": ("commit",),
    "start": ("start",),
    "start_old": ("start",),
    "cancel_failover": ("stop_guest", "cancel_failover"),
    "cancel_preparation": ("cancel_preparation",),
}
MOST_ROUNDS = 40


def side_of(text: str) -> Side | None:
    """`Primary/Replicating Running` as a side; `absent`, or `unread` as None."""
    if text == "unread":
        return None
    if text == "absent":
        return Side(mode=ABSENT)
    states, _unused, power = text.partition(" ")
    mode, _unused, state = states.partition("/")
    return Side(mode, state, power or "Off")


def text_of(side: Side | None) -> str:
    """The other way round."""
    return "unread" if side is None else f"{side.mode}/{side.state} {side.power}"


def name_there(name: str, host: str) -> str:
    """A copy has another name than its primary: a VM is its id."""
    return name if host == "hv-a" else f"{name} (copy)"


def record_of(name: str, host: str, partner: str, side: Side, **facts: Any) -> dict[str, Any]:
    """A record of the information module, as far as a failover looks at it."""
    leg = {
        "type": "Simple",
        "mode": side.mode,
        "partner": f"{partner.upper()}.x.example",
        "authentication": "kerberos",
        "replica_server": f"{(partner if side.mode == 'Primary' else host).upper()}.x.example",
        "replica_port": 80,
        "frequency": 300,
        "last_replication_time": "2026-03-01T12:00:00Z",
        "last_applied_log_time": "2026-03-01T12:00:00Z",
        "last_replication_age_seconds": 100,
    }
    return {
        "id": f"id-{name}".lower(),
        "name": name_there(name, host),
        "host": f"{host.upper()}.x.example",
        "inventory_host": host,
        "read_at": "2026-03-01T12:00:00Z",
        "mode": side.mode,
        "state": side.state,
        "power": side.power,
        "health": "Normal",
        "test_vm": {"id": "t"} if side.test_vm else None,
        "partner": f"{partner.upper()}.x.example",
        "relations": [leg],
        "heartbeat": "OkApplicationsHealthy" if side.power == "Running" else None,
        "automatic_start_action": "StartIfRunning",
        "operational_status": "Ok",
        "operation": None,
        "version": "10.0",
        "memory_startup_bytes": 2**30,
        **facts,
    }


@dataclass
class Sim:
    """Pairs by VM name. `faults`: stages that fail by VM; `errors`: stages whose first task ends with an error, `lost`:
    those that are done, and their first answer is lost; `hands`: pairs that another hand sets after a round; `unread`:
    hosts that do not answer after a round.
    """

    pairs: dict[str, Pair]
    faults: Mapping[str, list[str]] = field(default_factory=dict)
    hands: Mapping[int, Mapping[str, list[str]]] = field(default_factory=dict)
    unread: Mapping[int, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    start_actions: dict[tuple[str, str], str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def readings(self, round_: int) -> dict[str, Any]:
        """What both hosts answer now."""
        lost = self.unread.get(round_, [])
        answers: dict[str, Any] = {}
        for where, host, partner in (("target", "hv-b", "hv-a"), ("other", "hv-a", "hv-b")):
            sides = {name: pair.side(where) for name, pair in self.pairs.items()}
            records = [
                record_of(n, host, partner, s, automatic_start_action=self.start_action(n, host))
                for n, s in sides.items()
                if s is not None and s.mode != ABSENT
            ]
            silent = host in lost or any(side is None for side in sides.values())
            told = {"windows_name": f"{host.upper()}.x.example", "vms": records}
            answers[host] = {"unreachable": True, "msg": "no answer"} if silent else told
        return answers

    def names(self, call: Mapping[str, Any]) -> list[str]:
        """The VMs of a call by the names of their primaries."""
        ids = set(call["ids"])
        return [name for name in self.pairs if f"id-{name}".lower() in ids]

    @staticmethod
    def action(name: str, host: str) -> dict[str, str]:
        """An entry of a result's actions: the VM goes by the name that it has on that host."""
        return {"vm": name_there(name, host), "vm_id": f"id-{name}".lower()}

    def start_action(self, name: str, host: str) -> str:
        """What stands there; a VM that nobody fenced starts with its host."""
        return self.start_actions.get((name, host), "StartIfRunning")

    def call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """One call of the module, for all its VMs."""
        failures, actions = [], []
        if call["stage"] in self.errors:
            self.errors.remove(call["stage"])
            self.log += [f"{call['host']} {call['stage']} {name}" for name in self.names(call)]
            return {"msg": "the host could not be read", "actions": [], "failed": False}
        where = "target" if call["host"] == "hv-b" else "other"
        for name in self.names(call):
            self.log.append(f"{call['host']} {call['stage']} {name}")
            if call["stage"] in self.faults.get(name, []):
                failures.append({"id": f"id-{name}".lower(), "msg": f"{call['stage']} failed"})
                if call["stage"] == "prepare":
                    actions.append(self.action(name, call["host"]))
                    self.pairs[name] = perform(self.pairs[name], "stop_guest", where) or self.pairs[name]
                continue
            if call["state"] == "fenced":
                self.start_actions[name, call["host"]] = call.get("start_action", "Nothing")
            other = self.pairs[name].other
            if call["stage"] == "discard_state" and other is not None:
                self.pairs[name] = replace(self.pairs[name], other=replace(other, power="Off"))
            for act in ACTS.get(call["stage"], ()):
                after = perform(self.pairs[name], act, where)
                if after is not None:
                    self.pairs[name] = after
                    actions.append(self.action(name, call["host"]))
        if call["stage"] in self.lost:
            self.lost.remove(call["stage"])
            return {"unreachable": True, "msg": "the connection was lost", "actions": actions}
        return {"failures": failures, "actions": actions, "failed": bool(failures)}

    def run(self, wish: str, **inputs: Any) -> dict[str, Any]:
        """The whole run, as the role does it; its end."""
        given = {**INPUTS, **inputs}
        if not given["vms"] and not given["groups"]:
            # By the name of the primary, or where that cannot be read by the copy's.
            given["vms"] = [name if pair.other else name_there(name, "hv-b") for name, pair in self.pairs.items()]
        raw = make_run(given, wish, ["hv-b"], {"HV-A.x.example": ["hv-a"]})
        readings = self.readings(0)
        raw = failover_run.begin(raw, readings, {}, 0.0)
        results: list[dict[str, Any]] = []
        for round_ in range(1, MOST_ROUNDS):
            raw = failover_run.advance(raw, readings, results, float(round_))
            if raw["end"]:
                return {"run": raw, "readings": readings}
            results = [self.call(call) for call in raw["calls"]]
            for name, texts in self.hands.get(round_, {}).items():
                self.pairs[name] = replace(self.pairs[name], target=side_of(texts[0]), other=side_of(texts[1]))
            fresh = self.readings(round_)
            readings = {**readings, **{host: fresh[host] for host in raw["reads"]}}
        raise AssertionError(f"the run does not end: {self.log}")
