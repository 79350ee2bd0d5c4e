# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The next act of VMs as calls of modules: one for a host and stage, whatever the number of VMs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...base.names import is_one_of
from ...base.partner_server import admits
from .plan import STAGES
from .sides import Seen
from .step import NextAct

_STATES: Mapping[str, str] = {
    "prepare": "prepared",
    "turn_off": "fenced",
    "fence": "fenced",
    "fail_over": "failed_over",
    "reverse": "reversed",
    "commit": "committed",
    "cancel_failover": "cancelled",
    "cancel_preparation": "cancelled",
    "become_replica": "replica",
    "discard_state": "fenced",
}
_PARAMETERS = {
    "certificate_thumbprint": "CertificateThumbprint",
    "allowed_primary_server": "AllowedPrimaryServer",
}
_PROOF = ("id", "name", "host", "read_at", "mode", "state", "power", "test_vm")
AS_LONG_AS_A_RUN = 7 * 24 * 3600
"""A reading of this run that a start may rest on, where the host is out of reach since, may be as old as the run."""
START_OLD = "start_old"
"""The stage that brings a VM up again where it was."""


@dataclass(frozen=True)
class Order:
    """What has to be done for one VM now: an act, or what is waited for (`stage` of the act that waits).

    `never_started`: the failover that it undoes is this run's own, and the VM was not started since. `act_loses`: the
    copy was named to be lost. `known`: what the other side said when it was last read in this run.
    """

    seen: Seen
    stage: str
    where: str
    act: str = ""
    never_started: bool = False
    act_loses: bool = False
    known: Mapping[str, Any] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Inventory host that acts."""
        return self.seen.host(self.where)


def order_of(seen: Seen, act: NextAct) -> Order:
    """The order for an act."""
    stage = STAGES[act.act]
    if act.act == "start" and act.where == "other":
        stage = START_OLD
    if act.act == "stop_guest" and act.where == "target":
        stage = "cancel_failover"  # the VM whose failover is undone is shut down by the same call
    return Order(seen, stage, act.where, act.act)


def parameters_of(seen: Seen, act: NextAct, options: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of an act's cmdlet that its module makes of the options of the run, for the plan that is shown."""
    if act.act == "stop_guest":
        return {"Force": True} if options["shutdown"] == "force" else {}
    if act.act not in _MORE:
        return {}
    told = _MORE[act.act](order_of(seen, act), options)
    return {name: told[key] for key, name in _PARAMETERS.items() if told.get(key)}


def calls_of(orders: Iterable[Order], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Calls, one for VMs that are asked for the same on the same host. `options` are those of the run."""
    calls: list[dict[str, Any]] = []
    for order in orders:
        told = _told(order, options)
        for call in calls:
            if all(call[key] == value for key, value in told.items()):
                break
        else:
            call = {**told, "ids": [], "names": [], "partner": []}
            calls.append(call)
        call["ids"].append(order.seen.id)
        call["names"].append(order.seen.name)
        call["partner"] += _proofs(order, told.get("partner_declared") in ("dead", "prepared"))
    for call in calls:
        if not call["partner"]:
            del call["partner"]
    return calls


def _told(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"host": order.host, "stage": order.stage, "state": _state(order)}
    told["runs_on"] = _runs_on(order)
    record = order.seen.record_of(order.where)
    told["expected_host"] = str(record["host"]) if record else None
    told.update(_MORE.get(order.stage, _nothing)(order, options))
    if order.where == "target" and order.seen.third and order.seen.beyond is None:  # the planner has let it go on
        told["accept_unread"] = [order.seen.third]
    if order.known and order.seen.pair.other is None:
        told["partner_max_age"] = AS_LONG_AS_A_RUN
    if order.where == "target" and order.seen.pair.other is None and options.get("declared"):
        told["partner_declared"] = options["declared"]
    if options.get("declared") == "unusable" and told["state"] in ("failed_over", "fenced"):
        told["partner_declared"] = "unusable"
    return {name: value for name, value in told.items() if value is not None}


def _state(order: Order) -> str:
    if order.stage == "start":
        target = order.seen.pair.target
        return "failed_over" if target is not None and target.failed_over else "reversed"
    return "cancelled" if order.stage == START_OLD else _STATES[order.stage]


def _runs_on(order: Order) -> str:
    """Windows name of the host where the VM shall run: of the other one where the copy on the target is to be lost."""
    where = "other" if order.act == "turn_off" and order.where == "target" else "target"
    record = order.seen.record_of(where)
    return str(record["host"]) if record else order.seen.host_shown(where)


def _nothing(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _prepare(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "shutdown": options["shutdown"],
        "shutdown_timeout": options["shutdown_timeout"],
        "wait_timeout": options["wait_timeout"],
        "patience": options["patience"],
    }


def _start(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "start": True,
        "heartbeat_timeout": options.get("heartbeat_timeout"),
        "unconnected_adapters": options["unconnected_adapters"],
    }


def _start_old(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    """Where it ran before, it may run as it did before."""
    return {"start": True, "unconnected_adapters": "allow"}


def _fail_over(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    point = {name: options.get(name) for name in ("recovery_point", "recovery_point_time")}
    return point if options.get("declared") in ("dead", "unusable") else {}


def _reverse(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    legs: Sequence[Mapping[str, Any]] = (order.seen.record or {}).get("relations") or ()
    certificate = any(leg["type"] == "Simple" and leg["authentication"] == "certificate" for leg in legs)
    own = (options["servers"].get(order.host) or {}).get("certificate_thumbprint")
    return {"certificate_thumbprint": options.get("certificate_thumbprint") or own or None} if certificate else {}


def _cancel(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    shutdown = {"shutdown": options["shutdown"], "shutdown_timeout": options["shutdown_timeout"]}
    if options.get("accept_loss") or order.act_loses:
        return {"changes_since_failover": "discard", **shutdown}
    return {"changes_since_failover": "never_started"} if order.never_started else {}


def _fence(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    if order.act == "keep_start_action":
        return {"start_action": (order.seen.other_record or {}).get("automatic_start_action")}
    return {"old_vm": "turn_off"} if order.seen.pair.both_run else {}


def _become_replica(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of the old primary that admits the new one; none where any server is admitted.

    A cluster is known by its broker's name. An entry of a whole domain (`*.domain`) admits its hosts.
    """
    server = options["servers"].get(order.host) or {}
    own = [options["brokers"].get(order.seen.here), (order.seen.record or {}).get("host")]
    names = [str(name) for name in own if name]
    entries = [str(entry["name"]) for entry in server.get("entries") or ()]
    fits = [entry for entry in entries if any(admits(entry, name) for name in names)]
    fits.sort(key=lambda entry: not is_one_of(entry, names))
    return {"allowed_primary_server": fits[0] if fits and not server.get("any_server") else None}


def _discard_state(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    return {"old_vm": "discard_saved_state"}


def _turn_off(order: Order, options: Mapping[str, Any]) -> dict[str, Any]:
    return {"old_vm": "turn_off"}


_MORE = {
    "prepare": _prepare,
    "start": _start,
    START_OLD: _start_old,
    "fail_over": _fail_over,
    "reverse": _reverse,
    "cancel_failover": _cancel,
    "fence": _fence,
    "turn_off": _turn_off,
    "discard_state": _discard_state,
    "become_replica": _become_replica,
}


def _proofs(order: Order, declared: bool) -> list[dict[str, Any]]:
    """What other hosts said of the VM, as far as the module looks at it: the other side, unless that is declared, and
    where one was read the third site behind this one.
    """
    seen, where = order.seen, "other" if order.where == "target" else "target"
    found: list[Mapping[str, Any]] = [] if declared else [proof_of(seen, where) or order.known]
    if order.where == "target":
        found.append(proof_of(seen, "third") or {})
    return [dict(proof) for proof in found if proof]


def proof_of(seen: Seen, where: str) -> dict[str, Any] | None:
    """What the host of a side (target, other, third) said; None where its VM was not read."""
    record = seen.beyond if where == "third" else seen.record_of(where)
    if record is None or record.get("relations") is None:
        return None
    keys = ("type", "mode", "last_replication_time")
    legs = [{key: leg.get(key) for key in keys} for leg in record["relations"]]
    return {**{name: record[name] for name in _PROOF}, "host_names": list(seen.names.get(where, ())), "relations": legs}
