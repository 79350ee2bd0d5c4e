"""Call handlers through the door, as an engine would, in one thread and with time that leaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from tests.lab.cmdlets.registry import dispatch
from tests.lab.values import Continue, Enum, Error, Message, Obj, Output
from tests.lab.world.clock import Clock
from tests.lab.world.host import Host
from tests.lab.world.relation import Relation
from tests.lab.world.vm import VM
from tests.lab.world.world import World

START = datetime(2026, 3, 2, 8, 0, tzinfo=timezone.utc)
# Id and category of a refusal.
WRONG_STATE = ("InvalidState", "InvalidOperation")
NOT_APPLICABLE = ("InvalidOperation", "InvalidOperation")
BAD = ("InvalidParameter", "InvalidArgument")
FAILED = ("OperationFailed", "InvalidOperation")
SERVICE = ("OperationFailed", "NotSpecified")


@dataclass
class Shell:
    """A session that remembers whether it was cut."""

    host: Host
    user: str = "CORP\\admin"
    stopped: bool = False

    def drop(self) -> None:
        self.stopped = True


@dataclass
class Answer:
    """What one call gave."""

    objects: list[Obj] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def refused(self) -> tuple[str, str] | None:
        """Id and category of the only error; None without one."""
        return (self.errors[0].id, self.errors[0].category) if self.errors else None


class Hands:
    """A world with its hosts ready for each other, and short ways to act on it."""

    def __init__(self, world: World | None = None, hosts: int = 2, vms: int = 4) -> None:
        self.world = world or World.build(hosts, vms, clock=Clock(speed=0, start=START, leap=True))
        for host in self.world.hosts.values():
            ready(host)

    def run(self, host: str, cmdlet: str, shell: Shell | None = None, /, **parameters: Any) -> Answer:
        """Call a cmdlet; a VM given by name becomes the object that Get-VM gives."""
        place = self.world.host(host)
        answer = Answer()
        vm = parameters.get("VM")
        if isinstance(vm, str):
            parameters["VM"] = [self.shown(host, vm)]
        for record in dispatch(shell or Shell(place), cmdlet, "", parameters):
            if isinstance(record, Output):
                answer.objects.append(record.value)
            elif isinstance(record, Error):
                answer.errors.append(record)
            elif isinstance(record, Message) and record.stream == "warning":
                answer.warnings.append(record.text)
            elif isinstance(record, Continue):
                answer.asked.append(record.query)
                break  # nobody says yes
        return answer

    def ok(self, host: str, cmdlet: str, **parameters: Any) -> list[Obj]:
        """Call a cmdlet that must not fail."""
        answer = self.run(host, cmdlet, **parameters)
        if answer.errors:
            raise AssertionError(f"{host}: {cmdlet}: {answer.errors[0].message}")
        return answer.objects

    def shown(self, host: str, vm: str) -> Obj:
        return self.ok(host, "Get-VM", Name=[vm])[0]

    def vm(self, host: str, name: str) -> VM:
        return self.world.vm(host, name)

    def relation(self, host: str, name: str, kind: str = "Simple") -> Relation:
        return self.vm(host, name).relations[kind]

    def seen(self, host: str, vm: str, kind: str = "Simple") -> str:
        """Mode/state as Get-VMReplication shows it."""
        if not any(one.name == vm for one in self.world.host(host).vms.values()):
            return "no VM"
        answer = self.run(host, "Get-VMReplication", VM=vm, ReplicationRelationshipType=Enum("", kind))
        if answer.errors:
            return "None/Disabled"
        one = answer.objects[0]
        return f"{one['ReplicationMode']}/{one['ReplicationState']}"

    def health(self, host: str, vm: str) -> str:
        return str(self.ok(host, "Get-VMReplication", VM=vm)[0]["ReplicationHealth"])

    def both(self, vm: str, primary: str = "HV-A", replica: str = "HV-B") -> tuple[str, str]:
        return self.seen(primary, vm), self.seen(replica, vm)

    def pass_time(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    def enable(self, vm: str = "App01", host: str = "HV-A", to: str = "HV-B.corp.example", **facts: Any) -> None:
        given = {"ReplicaServerPort": 80, "AuthenticationType": Enum("", "Kerberos"), **facts}
        self.ok(host, "Enable-VMReplication", VM=vm, ReplicaServerName=to, **given)

    def protect(self, vm: str = "App01", host: str = "HV-A", to: str = "HV-B.corp.example", **facts: Any) -> None:
        """Enable, copy, and wait for the end of it."""
        self.enable(vm, host, to, **facts)
        self.ok(host, "Start-VMInitialReplication", VM=vm)
        self.pass_time(60)

    def fail_over(self, vm: str = "App01", primary: str = "HV-A", replica: str = "HV-B") -> None:
        """A planned failover up to and with the replica's part."""
        if self.vm(primary, vm).state == "Running":
            self.ok(primary, "Stop-VM", VM=vm)
        self.ok(primary, "Start-VMFailover", VM=vm, Prepare=True)
        self.ok(replica, "Start-VMFailover", VM=vm)


def ready(host: Host) -> None:
    """An enabled replica server for any server, with its port open."""
    from tests.lab.world.server import AuthorizationEntry

    host.server.enabled, host.server.authentication = True, "Kerberos"
    host.server.entries = [AuthorizationEntry("*", "D:\\Replica", "DEFAULT")]
    for rule in host.firewall.rules:
        rule.enabled = True
