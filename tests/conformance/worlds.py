"""The worlds that cases are sent to. Equal for both engines: the clock stands still, and who waits leaps ahead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from tests.lab.cmdlets import registry
from tests.lab.model import Model
from tests.lab.values import Enum, Error
from tests.lab.world.clock import Clock
from tests.lab.world.host import Host
from tests.lab.world.world import World

START = datetime(2026, 3, 2, 9, 30, tzinfo=timezone.utc)
SPACE = "Microsoft.HyperV.PowerShell"


class Preparing:
    """The session in which a world is prepared."""

    stopped = False

    def __init__(self, host: Host) -> None:
        self.host = host
        self.user = "preparing"

    def drop(self) -> None:
        """Nobody is connected."""


def plain() -> World:
    """Two hosts, two VMs each; the first of each host runs. The role is not on. Every module is there."""
    world = Model(vms=4).build(Clock(0, START, leap=True))
    for host in world.hosts.values():
        host.modules.add("FailoverClusters")
    return world


def protected() -> World:
    """Both hosts are replica servers of each other; App01 replicates from HV-A to HV-B, its first copy done."""
    world = plain()
    for host in world.hosts.values():
        _do(
            host,
            "Set-VMReplicationServer",
            "AuthenticationPort",
            ReplicationEnabled=True,
            AllowedAuthenticationType=Enum(f"{SPACE}.RecoveryAuthenticationType", "Kerberos"),
            ReplicationAllowedFromAnyServer=True,
            DefaultStorageLocation="D:\\Replica",
        )
        for rule in host.firewall.rules:
            rule.enabled = True
    source = world.host("HV-A")
    _do(
        source,
        "Enable-VMReplication",
        "VMName",
        VMName=["App01"],
        ReplicaServerName="HV-B.corp.example",
        ReplicaServerPort=80,
        AuthenticationType=Enum(f"{SPACE}.ReplicationAuthenticationType", "Kerberos"),
    )
    _do(source, "Start-VMInitialReplication", "VMName", VMName=["App01"])
    world.clock.advance(3600)
    world.settle()
    world.recorder.clear()
    return world


def clustered() -> World:
    """As plain, but both hosts are nodes of a cluster with a broker."""
    return Model(vms=4, cluster=2).build(Clock(0, START, leap=True))


def _do(host: Host, cmdlet: str, parameter_set: str, **parameters: Any) -> None:
    for record in registry.dispatch(Preparing(host), cmdlet, parameter_set, parameters):
        if isinstance(record, Error):
            raise AssertionError(f"{host.name}: {cmdlet}: {record.message}")


WORLDS: dict[str, Callable[[], World]] = {"plain": plain, "protected": protected, "clustered": clustered}
