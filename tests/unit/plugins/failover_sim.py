"""Hosts in memory that answer what the conversation of a failover asks; it runs to its end without any real host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import perform
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import ABSENT, Pair, Side
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    CALL,
    PAUSE,
    TEST,
    Answer,
    Ask,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import flow as failover_flow
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.talk import (
    ACT,
    FailoverTalk,
    Wanted,
    start,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.operations import (
    SPEC,
    WORKFLOWS,
    read_inputs,
    wanted,
)

INPUTS: dict[str, Any] = {**{name: option.get("default") for name, option in SPEC.items()}, "to": "hv-b"}
TARGET, PRIMARY_HOST = "hv-b", "hv-a"
SERVER = {
    "enabled": True,
    "authentication": "kerberos",
    "kerberos_port": 80,
    "certificate_port": 443,
    "any_server": True,
    "entries": [{"name": "*"}],
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
MOST_STEPS = 200
SILENT: Mapping[str, Any] = {"unreachable": True, "msg": "no answer", "host_answered": False}


# -- sides, records, wishes ------------------------------------------------------------------------------------------


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


@cache
def vm_id(name: str) -> str:
    """The id of a VM, by the name of its primary."""
    return str(uuid5(NAMESPACE_OID, name.lower()))


def name_there(name: str, host: str) -> str:
    """A copy has another name than its primary: a VM is its id."""
    return f"{name} (copy)" if host == TARGET else name


def full_name(host: str) -> str:
    """The Windows name of a host."""
    return f"{host.upper()}.x.example"


def record_of(name: str, host: str, partner: str, side: Side, **facts: Any) -> dict[str, Any]:
    """A record of the information module, as far as a failover looks at it."""
    leg = {
        "type": "Simple",
        "mode": side.mode,
        "partner": full_name(partner),
        "authentication": "kerberos",
        "replica_server": full_name(partner if side.mode == "Primary" else host),
        "replica_port": 80,
        "frequency": 300,
        "last_replication_time": "2026-03-01T12:00:00Z",
        "last_applied_log_time": "2026-03-01T12:00:00Z",
        "last_replication_age_seconds": 400,  # neither recent nor old
    }
    return {
        "id": vm_id(name),
        "name": name_there(name, host),
        "host": full_name(host),
        "inventory_host": host,
        "read_at": "2026-03-01T12:00:00Z",
        "mode": side.mode,
        "state": side.state,
        "power": side.power,
        "health": "Normal",
        "test_vm": {"id": "t"} if side.test_vm else None,
        "partner": full_name(partner),
        "relations": [leg],
        "heartbeat": "OkApplicationsHealthy" if side.power == "Running" else None,
        "automatic_start_action": "StartIfRunning",
        "operational_status": "Ok",
        "operation": None,
        "version": "10.0",
        "memory_startup_bytes": 2**30,
        **facts,
    }


def want(
    wish: str,
    inventory: Sequence[str] = (PRIMARY_HOST, TARGET),
    reach: Sequence[str] | None = None,
    variables: Mapping[str, Mapping[str, Any]] | None = None,
    check: bool = False,
    targets: Sequence[str] = (TARGET,),
    **inputs: Any,
) -> Wanted:
    """What is asked of hyperv_recovery, as its options come to it. Every host is in one group; several targets are a
    group, the site.
    """
    operation = next(name for name, workflow in WORKFLOWS.items() if workflow.wish == wish)
    to = targets[0] if len(targets) == 1 else "site"
    given = {"operation": operation, "to": to, **{name: v for name, v in inputs.items() if v not in (None, "")}}
    groups = {"all": list(inventory), "hyperv": list(inventory), "site": list(targets)}
    told = {host: {"group_names": ["hyperv"], **(variables or {}).get(host, {})} for host in inventory}
    inside = list(inventory if reach is None else reach)
    return wanted(read_inputs(given, inventory), given, groups, inside, told, check)


# -- the conversation ------------------------------------------------------------------------------------------------


def asked(talk: FailoverTalk) -> list[Ask]:
    """What is open, in the order in which it was asked."""
    return [talk.open[number] for number in sorted(talk.open)]


def chosen(records: Iterable[Mapping[str, Any]], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of a host's records that are asked for; without names and ids, all."""
    names = {str(name).casefold() for name in options.get("names") or ()}
    ids = set(options.get("ids") or ())
    asks = bool(names or ids)
    return [dict(r) for r in records if not asks or r["id"] in ids or str(r["name"]).casefold() in names]


def converse(
    wish: Wanted, answer: Callable[[Ask], Mapping[str, Any]], until: Callable[[FailoverTalk], bool] = lambda talk: False
) -> FailoverTalk:
    """The conversation to its end, with one answer to each question; `until` may stop it before."""
    talk = failover_flow.step(start(wish), [], 0.0)
    for now in range(1, MOST_STEPS):
        if talk.end is not None or until(talk):
            return talk
        answers = [Answer(ask.number, answer(ask), ask.vms) for ask in asked(talk)]
        talk = failover_flow.step(talk, answers, float(now))
    raise AssertionError("the conversation does not end")


@dataclass
class Sim:
    """Pairs by VM name: what the host has where it shall run, and the other one. `places` are both hosts by VM, (hv-b,
    hv-a) where they say nothing.

    A round is a set of calls that go out together, or a reading more; the first look before the acts is round 0.
    `faults`: stages that fail by VM; `errors`: stages whose first task ends with an error, `lost`: those that are done,
    and their first answer is lost; `hands`: pairs that another hand sets in a round; `unread`: hosts that do not answer
    in a round. `silent`: hosts that never do. `halted`: the run was stopped, so that calls which lead on are not sent.
    """

    pairs: dict[str, Pair]
    faults: Mapping[str, list[str]] = field(default_factory=dict)
    hands: Mapping[int, Mapping[str, list[str]]] = field(default_factory=dict)
    unread: Mapping[int, list[str]] = field(default_factory=dict)
    places: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    silent: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    start_actions: dict[tuple[str, str], str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    round: int = 0
    now: float = 0.0
    halted: bool = False
    _looked: bool = False

    def __post_init__(self) -> None:
        self._by_id = {vm_id(name): name for name in self.pairs}
        self._dark: dict[str, set[str]] = {host: set() for host in self.hosts}  # VMs that a host is not to tell
        for name, pair in self.pairs.items():
            self._set(name, pair)

    def _set(self, name: str, pair: Pair) -> None:
        """How a VM is now."""
        self.pairs[name] = pair
        for host, side in zip(self.place(name), (pair.target, pair.other), strict=True):
            self._dark[host].discard(name)
            if side is None:
                self._dark[host].add(name)

    # -- hosts ---------------------------------------------------------------------------------------------------

    @property
    def targets(self) -> list[str]:
        """The hosts where the VMs shall run."""
        return list(dict.fromkeys(self.place(name)[0] for name in self.pairs))

    @property
    def hosts(self) -> list[str]:
        """All of them."""
        return list(dict.fromkeys([*self.targets, *(self.place(name)[1] for name in self.pairs)]))

    def place(self, name: str) -> tuple[str, str]:
        """The two hosts of a VM: where it shall run, and the other one."""
        return self.places.get(name, (TARGET, PRIMARY_HOST))

    def where(self, name: str, host: str) -> str:
        """Which side of a VM a host is; "" when it is none."""
        return dict(zip(self.place(name), ("target", "other"), strict=True)).get(host, "")

    def called(self, name: str, host: str) -> str:
        """A copy has another name than its primary."""
        return f"{name} (copy)" if self.where(name, host) == "target" else name

    def is_silent(self, host: str) -> bool:
        """Whether the host does not answer now."""
        return host in self.silent or host in self.unread.get(self.round, []) or bool(self._dark[host])

    def reading(self, host: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """What a host answers now."""
        if self.is_silent(host):
            return {**SILENT, "msg": f"{host}: no answer"}
        told = {"windows_name": full_name(host), "server": SERVER, "cluster": None}
        if "relations" not in (options.get("gather") or ("relations",)):
            return told
        some = options.get("ids") and not options.get("names")
        names = self.names(vm for vm in options["ids"] if vm in self._by_id) if some else self.pairs
        known = (self._record(name, host) for name in names)
        return {**told, "vms": chosen((record for record in known if record is not None), options)}

    def readings(self) -> dict[str, Any]:
        """What all hosts answer now."""
        return {host: self.reading(host, {}) for host in self.hosts}

    def _record(self, name: str, host: str) -> dict[str, Any] | None:
        where = self.where(name, host)
        side = self.pairs[name].side(where) if where else None
        if side is None or side.mode == ABSENT:
            return None
        partner = self.place(name)[1 if where == "target" else 0]
        action = self.start_action(name, host)
        record = record_of(name, host, partner, side, automatic_start_action=action, **self.facts)
        return {**record, "name": self.called(name, host)}

    def names(self, ids: Iterable[str]) -> list[str]:
        """VMs by the names of their primaries."""
        return [self._by_id[vm] for vm in ids]

    def action(self, name: str, host: str) -> dict[str, str]:
        """An entry of a result's actions: the VM goes by the name that it has on that host."""
        return {"vm": self.called(name, host), "vm_id": vm_id(name)}

    def start_action(self, name: str, host: str) -> str:
        """What stands there; a VM that nobody fenced starts with its host."""
        return self.start_actions.get((name, host), "StartIfRunning")

    # -- calls ---------------------------------------------------------------------------------------------------

    def call(self, ask: Ask) -> dict[str, Any]:
        """One call of the module, for all its VMs."""
        failures, actions = [], []
        if ask.stage in self.errors:
            self.errors.remove(ask.stage)
            self.log += [f"{ask.host} {ask.stage} {name}" for name in self.names(ask.vms)]
            return {"msg": "the host could not be read", "actions": [], "failed": False}
        for name in self.names(ask.vms):
            self.log.append(f"{ask.host} {ask.stage} {name}")
            if ask.stage in self.faults.get(name, []):
                failures.append({"id": vm_id(name), "msg": f"{ask.stage} failed"})
                if ask.stage == "prepare":
                    actions.append(self.action(name, ask.host))
                    self._act(name, "stop_guest", ask.host)
                continue
            actions += self._done(name, ask)
        if ask.stage in self.lost:
            self.lost.remove(ask.stage)
            return {"unreachable": True, "msg": "the connection was lost", "actions": actions}
        ended = {"failed": True, "msg": "; ".join(f["msg"] for f in failures)} if failures else {}
        return {"failures": failures, "actions": actions, **ended}

    def _done(self, name: str, ask: Ask) -> list[dict[str, str]]:
        """The effect of a call on one VM, and its actions."""
        if ask.options["state"] == "fenced":
            self.start_actions[name, ask.host] = ask.options.get("start_action", "Nothing")
        other = self.pairs[name].other
        if ask.stage == "discard_state" and other is not None:
            self._set(name, replace(self.pairs[name], other=replace(other, power="Off")))
        if ask.stage in ("fence", "discard_state"):
            return [self.action(name, ask.host)]
        return [self.action(name, ask.host) for act in ACTS.get(ask.stage, ()) if self._act(name, act, ask.host)]

    def _act(self, name: str, act: str, host: str) -> bool:
        """Do an act where Windows lets it be done. Laws are held here, at every act."""
        before, where = self.pairs[name], self.where(name, host)
        after = perform(before, act, where)
        if after is None:
            return False
        stopped = before.side(where) != after.side(where) and act in ("stop_guest", "turn_off")
        assert not (self.halted and stopped and where == "other"), (
            f"{name} was stopped although the run was: {self.log}"
        )
        assert before.both_run or not after.both_run, f"{name} runs twice: {self.log}"
        self._set(name, after)
        return True

    # -- the conversation ----------------------------------------------------------------------------------------

    def want(self, wish: str, **inputs: Any) -> Wanted:
        """What is asked for; without VMs, all. By the name of the primary, where that can be read."""
        if not inputs.get("vms") and not inputs.get("groups"):
            known = [host for host in self.hosts if not self.is_silent(host)]
            named = {name: self.place(name)[self.place(name)[1] in known] for name in self.pairs}
            inputs["vms"] = [self.called(name, host) for name, host in named.items()]
        return want(wish, self.hosts, targets=self.targets, **inputs)

    def answers(self, talk: FailoverTalk) -> list[Answer]:
        """Answers to all that is open, calls first; then another hand may act, and hosts may be silent."""
        open_ = asked(talk)
        calls = [ask for ask in open_ if ask.kind == CALL]
        answers = [self.answer(ask) for ask in calls]
        if calls or self._looked:
            self.round += 1
            for name, texts in self.hands.get(self.round, {}).items():
                self._set(name, replace(self.pairs[name], target=side_of(texts[0]), other=side_of(texts[1])))
        self._looked = talk.phase == ACT and not calls
        return answers + [self.answer(ask) for ask in open_ if ask.kind != CALL]

    def answer(self, ask: Ask) -> Answer:
        """The answer to one question."""
        if ask.kind == CALL and ask.forward and self.halted:
            return Answer(ask.number, {}, ask.vms, stale=True)
        if ask.kind == CALL:
            return Answer(ask.number, self.call(ask), ask.vms)
        if ask.kind == PAUSE:
            self.now += ask.seconds
            return Answer(ask.number, {})
        if ask.kind == TEST:
            there = next(host for host in self.hosts if full_name(host) == ask.options["replica_server"])
            told = {"failures": [{"id": None, "msg": "0x2EFD"}], "msg": "0x2EFD", "failed": True}
            return Answer(ask.number, told if self.is_silent(there) else {})
        return Answer(ask.number, self.reading(ask.host, ask.options))

    def step(self, talk: FailoverTalk, answers: Sequence[Answer] = ()) -> FailoverTalk:
        """The conversation, one step further."""
        self.now += 1.0
        return failover_flow.step(talk, list(answers), self.now)

    def run(self, wish: str, **inputs: Any) -> FailoverTalk:
        """The whole conversation, everything that is open answered at once; its end."""
        return self.to_the_end(self.step(start(self.want(wish, **inputs))))

    def to_the_end(self, talk: FailoverTalk) -> FailoverTalk:
        """The conversation from here to its end."""
        for _unused in range(MOST_STEPS):
            if talk.end is not None:
                return talk
            talk = self.step(talk, self.answers(talk))
        raise AssertionError(f"the run does not end: {self.log}")
