"""A world from counts: always the same one for the same counts and seed."""

from __future__ import annotations

import random
import uuid
from datetime import timedelta

from .clock import Clock
from .host import VM_FOLDER, Host
from .network import Adapter, Switch
from .storage import GIB, Disk, Volume
from .vm import VM, Guest
from .world import World

NAMESPACE = uuid.UUID("0b0f1d9e-4c56-4d1e-9d7c-52b1f2a1c0de")
TEST_SWITCH, SWITCH = "Test isolated", "Production"


def build(
    hosts: int = 2,
    vms: int = 20,
    *,
    domain: str = "corp.example",
    seed: int = 0,
    clock: Clock | None = None,
    speed: float = 1.0,
    used_bytes: int | None = None,
    extra_disks: bool = True,
) -> World:
    """Hosts HV-A, HV-B, … and VMs App01, App02, … spread over them in turn, every other one running.

    `vms` is their number in all. `used_bytes` fixes what each disk's file takes (and so how long a copy takes); by
    default 2 to 8 GiB. Every fourth VM has a second disk unless `extra_disks` is off.
    """
    world = World(clock or Clock(speed), seed)
    dice = random.Random(seed)
    for number in range(hosts):
        world.add_host(_host(number, vms, domain))
    places = list(world.hosts.values())
    width = max(2, len(str(vms)))
    for number in range(vms):
        vm = _vm(number, width, dice, used_bytes)
        if extra_disks and number % 4 == 3:
            vm.disks.append(_disk(vm, 1, used_bytes or dice.randint(1, 4) * GIB))
        host = places[number % hosts]
        vm.guardian = host.name
        world.add_vm(host, vm)
        if number // hosts % 2 == 0:
            vm.turn("Running", world.clock.now() - timedelta(hours=1))
    return world


def _host(number: int, vms: int, domain: str) -> Host:
    host = Host(name=f"HV-{_letters(number)}", domain=domain, memory_bytes=max(256, vms * 4) * GIB)
    host.volumes = [Volume(), Volume("D", size=64 * 1024 * GIB, free=48 * 1024 * GIB, label="Data")]
    host.files.drives.add("d:")
    host.files.make_folder("D:\\Replica")
    host.switches = {SWITCH: Switch(SWITCH), TEST_SWITCH: Switch(TEST_SWITCH, "Private")}
    return host


def _letters(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else _letters(number // 26 - 1) + chr(ord("A") + number % 26)


def _vm(number: int, width: int, dice: random.Random, used_bytes: int | None) -> VM:
    name = f"App{number + 1:0{width}d}"
    vm = VM(
        name=name,
        id=uuid.uuid5(NAMESPACE, name),
        memory_startup=dice.choice((1, 2, 4)) * GIB,
        processors=dice.choice((1, 2, 4)),
        path=f"{VM_FOLDER}\\{name}",
        # Every third guest's applications tell nothing: its heartbeat is as normal as the others'.
        guest=Guest(
            shutdown_seconds=float(dice.randint(5, 15)), applications="Unknown" if number % 3 == 2 else "Healthy"
        ),
    )
    vm.disks = [_disk(vm, 0, used_bytes or dice.randint(2, 8) * GIB)]
    mac = f"00155D{number + 1:06X}"
    nic = f"Microsoft:{str(vm.id).upper()}\\{str(uuid.uuid5(vm.id, 'nic')).upper()}"
    vm.adapters = [Adapter(switch=SWITCH, id=nic, mac_address=mac)]
    return vm


def _disk(vm: VM, location: int, used: int) -> Disk:
    return Disk(
        path=f"D:\\VMs\\{vm.name}\\disk{location}.vhdx",
        size=40 * GIB,
        file_size=used,
        location=location,
        id=str(uuid.uuid5(vm.id, f"disk{location}")).upper(),
    )
