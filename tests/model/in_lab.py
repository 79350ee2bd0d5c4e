"""The lab as the model's judge: a pair of states is put into a small world, an act is sent, the pair is read back.

The handlers are called through their one door, without a wire: what is compared is what Windows allows and makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import ACTS, Act, perform, rule_for

from tests.lab.cmdlets.registry import dispatch
from tests.lab.values import Error, Message, Obj
from tests.lab.world.clock import Clock
from tests.lab.world.host import Host
from tests.lab.world.relation import EXTENDED, SIMPLE, Relation, Settings
from tests.lab.world.replicating import begin_cycles
from tests.lab.world.server import AuthorizationEntry
from tests.lab.world.storage import GIB, Disk
from tests.lab.world.vm import VM
from tests.lab.world.world import World

HOSTS: Mapping[str, str] = {"target": "HV-A", "other": "HV-B"}
THIRD = "HV-C"
SETTLE_SECONDS = 60
DISK = "Disk 1"


class Hand:
    """Whoever sends the act, at the host itself."""

    user = "operator"
    stopped = False

    def __init__(self, host: Host) -> None:
        self.host = host

    def drop(self) -> None:
        """Nobody cuts this hand off."""


@dataclass(frozen=True)
class Answer:
    """What came of an act: the pair after settling, and the ids of the errors (none: it was allowed)."""

    pair: s.Pair
    errors: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """Whether the act was taken."""
        return not self.errors

    def __str__(self) -> str:
        return f"allowed: {self.pair}" if self.allowed else f"refused ({', '.join(self.errors)}): {self.pair}"


def cmdlets() -> Iterator[tuple[str, Act, tuple[str, ...]]]:
    """Each cmdlet with its parameters once, and every act of the table that it may be: Stop-VMFailover is three."""
    named: dict[str, list[str]] = {}
    for name, act in ACTS.items():
        named.setdefault(" ".join((act.cmdlet, *(f"-{key}" for key in act.parameters))), []).append(name)
    for words, names in named.items():
        yield words, ACTS[names[0]], tuple(names)


def foretold(pair: s.Pair, names: tuple[str, ...], where: str) -> tuple[s.Pair | None, bool]:
    """The pair that the table leads to by the first of these acts that fits (None: refused), and if that is certain."""
    partner = pair.side("other" if where == "target" else "target")
    own = pair.side(where)
    for name in names:
        rule = rule_for(name, own, partner, pair.link) if own else None
        if rule is not None:
            return perform(pair, name, where), rule.certain
    return None, True


class Bench:
    """One world of two hosts and a third site; each act finds it as a pair says."""

    def __init__(self) -> None:
        self.world = World(Clock(speed=0, leap=True))
        # Whether -TurnOff discards a saved state is not documented; the table takes the harsher reading, as here.
        self.world.habits.turn_off_discards_saved = False
        # Start-VM on a running VM only warns and does nothing; the table has no row for what does nothing.
        self.world.habits.already_in_state = "error"
        for name in (*HOSTS.values(), THIRD):
            host = self.world.add_host(Host(name))
            host.server.enabled, host.server.authentication = True, "Kerberos"
            host.server.entries = [AuthorizationEntry("*", "C:\\Replica", "DEFAULT")]
            host.files.make_folder("C:\\Replica")
            for rule in host.firewall.rules:
                rule.enabled = True

    def send(self, pair: s.Pair, act: Act, where: str) -> Answer:
        """Put the pair up, send the act to one side, let everything settle, and read the pair back."""
        self._put_up(pair)
        host = self.world.host(HOSTS[where])
        vm = next(vm for vm in host.vms.values() if vm.test_of is None)
        given = {"VM": [Obj("Microsoft.HyperV.PowerShell.VirtualMachine", {"Id": vm.id})], **act.parameters}
        records = list(dispatch(Hand(host), act.cmdlet, "VMObject", {**given, "Confirm": False}))
        errors = tuple(record.id for record in records if isinstance(record, Error))
        # A warning that the VM is there already: the act was not refused, but it did nothing.
        errors += tuple("AlreadyThere" for record in records if isinstance(record, Message))
        self.world.clock.advance(SETTLE_SECONDS)
        self.world.replicate_all()
        return Answer(s.Pair(self._side("target"), self._side("other"), pair.link), errors)

    def _put_up(self, pair: s.Pair) -> None:
        world = self.world
        world.recorder.clear()
        one, two = HOSTS.values()
        (world.mend if pair.link else world.cut)(one, two)
        first = VM("App01")
        world.host(THIRD).vms.clear()
        for where, name in HOSTS.items():
            side, host = pair.side(where), world.host(name)
            host.vms.clear()
            if side is not None and side.mode != s.ABSENT:
                partner = world.host(next(other for other in HOSTS.values() if other != name))
                self._put_up_side(side, host, partner, VM("App01", id=first.id))

    def _put_up_side(self, side: s.Side, host: Host, partner: Host, vm: VM) -> None:
        world = self.world
        vm.disks = [Disk(id=DISK, path=f"C:\\{vm.id}\\{DISK}.vhdx", file_size=GIB)]
        world.add_vm(host, vm)
        vm.guardian, vm.state = host.name, side.power
        if side.mode != s.NONE:
            vm.relations = {SIMPLE: self._relation(side, host, partner)}
        if side.leg:
            self._put_up_leg(host, vm)
        if side.test_vm:
            vm.test_vm = VM(f"{vm.name} - Test", test_of=vm)
            world.add_vm(host, vm.test_vm)

    def _put_up_leg(self, host: Host, vm: VM) -> None:
        """The VM goes on to the third site, and all of it is there."""
        third = self.world.host(THIRD)
        sends = s.Side(s.PRIMARY, s.REPLICATING)
        vm.relations[EXTENDED] = replace(self._relation(sends, host, third), mode=s.REPLICA, kind=EXTENDED)
        copy = VM(vm.name, id=vm.id)
        copy.disks = [Disk(id=DISK, path=f"C:\\{vm.id}\\{DISK}.vhdx", file_size=GIB)]
        self.world.add_vm(third, copy)
        receives = s.Side(s.REPLICA, s.REPLICATING)
        copy.relations = {SIMPLE: replace(self._relation(receives, third, host), mode=s.EXTENDED)}

    def _relation(self, side: s.Side, host: Host, partner: Host) -> Relation:
        primary, replica = (host, partner) if side.mode == s.PRIMARY else (partner, host)
        now = self.world.clock.now()
        relation = Relation(
            mode=side.mode,
            state=side.state,
            settings=Settings(history=4),
            disks=[DISK],
            primary_server=primary.fqdn,
            primary_point=primary.fqdn,
            replica_server=replica.fqdn,
            current_replica_server=replica.fqdn,
            last_replication=now if side.copied else None,
            initial_done=side.copied,
            # In the table a side waits for its copy only after -AsReplica.
            as_replica=side.state == s.WAITING_FOR_COPY,
        )
        if side.mode == s.PRIMARY and side.state == s.REPLICATING:
            begin_cycles(relation, now)
        if side.mode != s.PRIMARY:
            relation.allowed_primary, relation.trust_group = "*", "DEFAULT"
        return relation

    def _side(self, where: str) -> s.Side:
        found = [vm for vm in self.world.host(HOSTS[where]).vms.values() if vm.test_of is None]
        if not found:
            return s.Side(s.ABSENT)
        vm = found[0]
        relation = vm.relation
        return s.Side(
            mode=vm.mode,
            state=relation.state if relation else s.DISABLED,
            power=vm.state,
            test_vm=vm.test_vm is not None,
            copied=bool(relation and relation.last_replication),
            leg=vm.leg is not None,
        )


def same(told: s.Pair, found: s.Pair) -> bool:
    """Whether two pairs are one; a side without replication has no copy to speak of."""
    return _comparable(told) == _comparable(found)


def _comparable(pair: s.Pair) -> s.Pair:
    for where in HOSTS:
        side = pair.side(where)
        if side is not None and side.mode in (s.NONE, s.ABSENT):
            pair = pair.with_side(where, side.with_(copied=True))
    return pair
