"""A small world on a bench: two hosts, a call in, its records out, through the one door that both engines use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.lab.cmdlets.registry import dispatch
from tests.lab.values import Continue, Enum, Error, Obj, Output
from tests.lab.world import certificate
from tests.lab.world.clock import Clock
from tests.lab.world.cluster import Broker, Cluster
from tests.lab.world.firewall import HTTP_RULE, HTTPS_RULE
from tests.lab.world.host import Host
from tests.lab.world.server import AuthorizationEntry
from tests.lab.world.vm import VM
from tests.lab.world.world import World

STORE = "D:\\Replica"
HV = "Microsoft.HyperV.PowerShell"


@dataclass
class User:
    """Who calls: the session of a call."""

    host: Host
    user: str = "admin"
    stopped: bool = False

    def drop(self) -> None:
        """Nobody is connected."""


@dataclass
class Answer:
    """What a call gave. `asked` are the questions of ShouldContinue; without a yes nothing after the first happens."""

    outputs: list[Any] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def one(self) -> Obj:
        """The only object given, after no error."""
        (output,) = self.outputs
        if self.errors:
            raise ValueError(f"there are errors: {self.errors}")
        return output  # type: ignore[no-any-return]


def enum(kind: str, name: str) -> Enum:
    """An enum value of the Hyper-V module."""
    return Enum(f"{HV}.{kind}", name)


class Bench:
    """Hosts HV-A (the primary, `a`) and HV-B (the replica server, `b`), with two VMs on A."""

    def __init__(self) -> None:
        self.world = World.build(2, 4, clock=Clock(speed=0))
        self.a, self.b = self.world.host("HV-A"), self.world.host("HV-B")

    @property
    def vm(self) -> VM:
        """The first VM of A."""
        return next(iter(self.a.vms.values()))

    def run(
        self, cmdlet: str, parameters: dict[str, Any], *, host: Host | None = None, set: str = "", **who: Any
    ) -> Answer:
        """Send one call to a host (B unless said); `answer=True` says yes to questions."""
        at, yes = host or self.b, who.pop("answer", False)
        answer = Answer()
        for record in dispatch(User(at, **who), cmdlet, set, parameters):
            if isinstance(record, Output):
                answer.outputs += record.value if record.enumerate else [record.value]
            elif isinstance(record, Error):
                answer.errors.append(record)
            elif isinstance(record, Continue):
                answer.asked.append(record.query)
                if not yes:
                    break
        return answer

    # -- states to begin with ------------------------------------------------------------------------------------

    def serve(self, host: Host | None = None, authentication: str = "Kerberos", entry: str = "*") -> None:
        """Make a host (B unless said) a replica server with its rules enabled and one entry."""
        at = host or self.b
        at.server.enabled, at.server.authentication = True, authentication
        at.server.entries = [AuthorizationEntry(entry, STORE, "DEFAULT")]
        for rule in at.firewall.find([HTTP_RULE, HTTPS_RULE]):
            rule.enabled = True

    def certify(self, *, by: str = "Lab CA") -> certificate.Authority:
        """Give both hosts certificates of one authority that both trust, and B's role the type Certificate."""
        authority = certificate.authority(by)
        for host in (self.a, self.b):
            host.certificates = [authority.certificate, certificate.issue(host.fqdn, authority)]
        self.serve(authentication="Certificate")
        self.b.server.thumbprint = self.own(self.b).thumbprint
        return authority

    @staticmethod
    def own(host: Host) -> certificate.Certificate:
        """The machine certificate of a host."""
        return next(one for one in host.certificates if one.store == "My")

    def cluster(self, broker: Broker | None = None) -> Cluster:
        """Make B a node of a cluster CL1 with one more node, HV-C, a shared volume, and a broker REP unless given."""
        cluster = Cluster("CL1", self.b.domain, broker or Broker("REP"))
        third = self.world.add_host(Host("HV-C"))
        for host in (self.b, third):
            cluster.join(host)
        cluster.add_volume()
        self.b.files.make_folder("C:\\ClusterStorage\\Volume1\\Replica")
        return cluster

    def states(self) -> dict[str, Any]:
        """All that a refused call must leave alone."""
        return {
            host.name: (
                repr(host.server),
                repr(host.firewall),
                repr(host.certificates),
                repr(host.files.entries),
                [repr((vm.adapters, vm.disks)) for vm in host.vms.values()],
            )
            for host in self.world.hosts.values()
        }


Act = Callable[[Bench], object]


def after(*acts: Act) -> Act:
    """A state that several acts bring about, one after the other."""

    def prepare(bench: Bench) -> None:
        for act in acts:
            act(bench)

    return prepare


@dataclass(frozen=True)
class Case:
    """One call and what comes of it: an error by id (and category, code), a question, or what `check` finds true.

    `prepare` brings the world into the state to begin with. A refused or asked call changes nothing.
    """

    name: str
    cmdlet: str
    parameters: dict[str, Any] | Callable[[Bench], dict[str, Any]]
    prepare: Act = lambda bench: None
    set: str = ""
    error: str = ""
    category: str = ""
    code: str = ""
    asks: bool = False
    yes: bool = False
    user: str = "admin"
    host: str = "HV-B"
    check: Callable[[Bench, Answer], object] | None = None

    def prove(self) -> None:
        """Run the case. Raises AssertionError when something else comes of it."""
        bench = Bench()
        self.prepare(bench)
        parameters = self.parameters(bench) if callable(self.parameters) else self.parameters
        before, host = bench.states(), bench.world.host(self.host)
        answer = bench.run(self.cmdlet, parameters, host=host, set=self.set, user=self.user, answer=self.yes)
        ids = [(error.id, error.category) for error in answer.errors]
        assert bool(answer.asked) is self.asks, answer
        if self.error:
            assert ids == [(self.error, self.category)], answer.errors
            assert self.code in answer.errors[0].message
        else:
            assert not ids, answer.errors
        if self.error or (self.asks and not self.yes):
            assert bench.states() == before
        if self.check is not None:
            assert self.check(bench, answer), answer


def ids(cases: list[Case]) -> list[str]:
    """The names for pytest."""
    return [case.name for case in cases]
