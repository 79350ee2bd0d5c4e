"""A lab in a process of its own: HV-A with so many protected VMs. Says where it listens; runs until its input ends."""

from __future__ import annotations

import json
import sys

from tests.lab import scenes
from tests.lab.lab import Lab
from tests.lab.scenes import Operator

__all__ = ["Operator", "prepare"]


def prepare(lab: Lab, *, apart: bool = False) -> None:
    """Make all hosts replica servers, and protect every VM of HV-A towards HV-B, with its copy complete.

    `apart`: the copies on HV-B have other names than their primaries.
    """
    world = lab.world
    scenes.make_servers(world)
    vms = list(world.host("HV-A").vms)
    scenes.protect(world, vms, "HV-A", "HV-B", RecoveryHistory=4)
    if apart:
        for vm_id in vms:
            scenes.rename(world, vm_id, "HV-B", scenes.name_apart(world.host("HV-A").vms[vm_id].name))


def prepare_pairs(lab: Lab) -> None:
    """Make all hosts replica servers, and protect every VM of each first host of a pair towards the second, all at the
    same time, connected on both sides and running.
    """
    world, hosts = lab.world, list(lab.world.hosts.values())
    scenes.make_servers(world)
    for source, target in zip(hosts[::2], hosts[1::2], strict=True):
        scenes.begin_protection(world, list(source.vms), source.name, target.name, RecoveryHistory=4)
    world.clock.advance(scenes.HOUR)
    for host in hosts:
        for vm in host.vms.values():
            for adapter in vm.adapters:
                adapter.switch = next(iter(host.switches))
            if vm.relation is not None and vm.relation.sends and vm.state == "Off":
                vm.turn("Running", world.clock.now())


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
