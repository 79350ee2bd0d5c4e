"""A lab in a process of its own: HV-A with so many protected VMs. Says where it listens; runs until its input ends."""

from __future__ import annotations

import json
import sys

from tests.lab.lab import Lab
from tests.lab.values import Enum, Error
from tests.lab.world.host import Host
from tests.lab.world.server import AuthorizationEntry


class Operator:
    """Who sets the fleet up, through the same door as everybody."""

    user = "operator"
    stopped = False

    def __init__(self, host: Host) -> None:
        self.host = host

    def drop(self) -> None:
        """Nobody cuts an operator off."""


def prepare(lab: Lab) -> None:
    """Make both hosts replica servers, and protect every VM of HV-A towards HV-B, with its copy complete."""
    from tests.lab.cmdlets.registry import dispatch

    for host in lab.world.hosts.values():
        host.server.enabled, host.server.authentication = True, "Kerberos"
        host.server.entries = [AuthorizationEntry("*", "D:\\Replica", "DEFAULT")]
        for rule in host.firewall.rules:
            rule.enabled = True
    here, there = lab.world.host("HV-A"), lab.world.host("HV-B")
    operator = Operator(here)
    enable = {
        "ReplicaServerName": there.fqdn,
        "ReplicaServerPort": 80,
        "AuthenticationType": Enum("", "Kerberos"),
        "RecoveryHistory": 4,
    }
    for vm in dispatch(operator, "Get-VM", "Name", {}):
        given = {"VM": [vm.value]}  # type: ignore[union-attr]
        for cmdlet, more in (("Enable-VMReplication", enable), ("Start-VMInitialReplication", {})):
            for record in dispatch(operator, cmdlet, "VMObject", {**given, **more}):
                if isinstance(record, Error):
                    raise RuntimeError(record.message)
    lab.world.clock.advance(3600)


def main() -> None:
    """`python -m tests.bench.fleet COUNT`."""
    count = int(sys.argv[1])
    with Lab.start(hosts=2, vms=2 * count) as lab:
        prepare(lab)
        endpoint = lab.endpoint("hv-a")
        facts = {"address": endpoint.address, "port": endpoint.http.port, "user": lab.user, "password": lab.password}
        print(json.dumps(facts), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
