"""Cmdlets of disks and volumes: Get-VMHardDiskDrive, Get-VHD, Get-Volume."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from ..values import Enum, Obj, Output, Record, Refusal
from ..world.host import Host
from ..world.network import LAB
from ..world.storage import GIB, Disk, Volume, normal
from .adapters import vms_meant
from .registry import Call, cmdlet
from .resolve import by_object, listed
from .shapes import count, disk_part, standard, unsigned

VHD_SPACE = "Microsoft.Vhd.PowerShell"


@cmdlet("Get-VMHardDiskDrive")
def get_drives(call: Call) -> Iterator[Record]:
    """Disks of VMs, by place when one is given. A recovery point shows the disks of its VM."""
    wanted = {name: call.get(name) for name in ("ControllerType", "ControllerNumber", "ControllerLocation")}
    snapshot = call.get("VMSnapshot")
    for vm in [by_object(call.host, snapshot)] if snapshot is not None else vms_meant(call):
        if isinstance(vm, Refusal):
            yield vm.error
            continue
        for disk in vm.disks:
            place = {
                "ControllerType": disk.controller,
                "ControllerNumber": disk.number,
                "ControllerLocation": disk.location,
            }
            if all(value is None or str(value) == str(place[name]) for name, value in wanted.items()):
                drive = disk_part(call.host, vm, disk)
                drive.properties |= {
                    "SupportPersistentReservations": disk.shared,
                    **standard(call.host),
                }
                yield Output(drive)


def vhd_object(host: Host, path: str, disk: Disk, attached: bool) -> Obj:
    """VirtualHardDisk; Size is what the guest sees, FileSize what the file takes."""
    extension = path.rpartition(".")[2].casefold()
    forms = {"vhdx": "VHDX", "avhdx": "VHDX", "vhd": "VHD", "avhd": "VHD", "vhds": "VHDSet"}
    facts = {
        "ComputerName": host.name,
        "Path": path,
        "VhdFormat": Enum(f"{VHD_SPACE}.VhdFormat", forms.get(extension, "Unknown")),
        "VhdType": Enum(f"{VHD_SPACE}.VhdType", disk.kind),
        "FileSize": unsigned(disk.file_size),
        "Size": unsigned(disk.size),
        "MinimumSize": None,
        "LogicalSectorSize": count(512),
        "PhysicalSectorSize": count(4096),
        "BlockSize": count(32 * 1024 * 1024),
        "ParentPath": disk.parent,
        "DiskIdentifier": disk.id,
        "FragmentationPercentage": None,
        "Alignment": 1,
        "Attached": attached,
        "DiskNumber": None,
        "Number": None,
    }
    return Obj(f"{VHD_SPACE}.VirtualHardDisk", facts)


@cmdlet("Get-VHD")
def get_vhd(call: Call) -> Iterator[Record]:
    """A virtual disk by path, or all of a VM by its id. A path that is no file here is an error."""
    host = call.host
    if call.get("DiskNumber") is not None:
        raise Refusal("The disk is not a mounted virtual hard disk.", "ObjectNotFound", "ObjectNotFound")
    paths = listed(call.get("Path"))
    for vm_id in listed(call.get("VMId")):
        vm = host.vms.get(vm_id)
        if vm is None:
            text = f'Hyper-V was unable to find a virtual machine with id "{vm_id}".'
            yield Refusal(text, "InvalidParameter", "InvalidArgument", vm_id).error
            continue
        paths += [disk.path for disk in vm.disks if not disk.pass_through]
    known = {normal(disk.path): (vm, disk) for vm in host.vms.values() for disk in vm.disks if not disk.pass_through}
    for path in paths:
        found, entry = known.get(normal(path)), host.files.find(path)
        if found is None and (entry is None or entry.size is None):
            text = (
                f"Failed to get the virtual hard disk '{path}': The system cannot find the file specified. (0x80070002)"
            )
            yield Refusal(text, "ObjectNotFound", "ObjectNotFound", path, hresult=0x80070002).error
        elif found is not None:
            yield Output(vhd_object(host, found[1].path, found[1], found[0].alive))
        elif entry is not None and entry.size is not None:
            yield Output(vhd_object(host, entry.path, Disk(entry.path, 40 * GIB, entry.size), False))


def volume_object(host: Host, volume: Volume) -> Obj:
    """MSFT_Volume; sizes are bytes. A cluster shared volume has a path and no letter."""
    unique = uuid.uuid5(LAB, f"{host.name if volume.letter else host.cluster and host.cluster.name}/{volume.root}")
    path = f"\\\\?\\Volume{{{unique}}}\\"
    facts = {
        "ObjectId": f'{{1}}\\\\{host.name}\\root/Microsoft/Windows/Storage/Providers_v2\\WSP_Volume.ObjectId="{path}"',
        "UniqueId": path,
        "DriveLetter": volume.letter,
        "FileSystemLabel": volume.label,
        "FileSystem": volume.file_system,
        "FileSystemType": "CSVFS" if volume.mount else volume.file_system,
        "DriveType": "Fixed",
        "HealthStatus": "Healthy",
        "OperationalStatus": "OK",
        "AllocationUnitSize": count(4096),
        "Path": path,
        "Size": unsigned(volume.size),
        "SizeRemaining": unsigned(volume.free),
        "PSComputerName": None,
    }
    return Obj("Microsoft.Management.Infrastructure.CimInstance#ROOT/Microsoft/Windows/Storage/MSFT_Volume", facts)


def volumes_of(host: Host) -> list[Volume]:
    """Volumes of the host, with those of its cluster."""
    return [*host.volumes, *(host.cluster.volumes if host.cluster else [])]


def volume_of_path(host: Host, path: str) -> Volume | None:
    """The volume that holds a path: the longest root that fits."""
    key = normal(path)
    fits = [one for one in volumes_of(host) if key == normal(one.root) or key.startswith(normal(one.root) + "\\")]
    return max(fits, key=lambda one: len(one.root), default=None)


@cmdlet("Get-Volume")
def get_volumes(call: Call) -> Iterator[Record]:
    """All volumes, or by letter, label, path of the volume, or the path of a file on it."""
    host = call.host
    attributes = {"DriveLetter": "letter", "FileSystemLabel": "label"}
    for parameter, attribute in attributes.items():
        for wanted in listed(call.get(parameter)):
            found = [one for one in volumes_of(host) if _same(getattr(one, attribute), wanted)]
            yield from _shown(host, found, parameter, wanted)
        if call.get(parameter):
            return
    if call.get("FilePath"):
        path = call.get("FilePath")
        volume = volume_of_path(host, path) if host.files.find(path) else None
        yield from _shown(host, [volume] if volume else [], "FilePath", path)
        return
    for parameter, name in (("Path", "Path"), ("UniqueId", "UniqueId"), ("ObjectId", "ObjectId")):
        wanted_ids = listed(call.get(parameter))
        for wanted in wanted_ids:
            fitting = [one for one in volumes_of(host) if _same(volume_object(host, one)[name], wanted)]
            yield from _shown(host, fitting, parameter, wanted)
        if wanted_ids:
            return
    yield from (Output(volume_object(host, one)) for one in volumes_of(host))


def _same(value: str | None, wanted: str) -> bool:
    return value is not None and value.casefold() == str(wanted).casefold()


def _shown(host: Host, found: list[Volume], parameter: str, wanted: str) -> Iterator[Record]:
    if not found:
        text = f"No MSFT_Volume objects found with property '{parameter}' equal to '{wanted}'."
        yield Refusal(text, f"CmdletizationQuery_NotFound_{parameter}", "ObjectNotFound", wanted).error
    yield from (Output(volume_object(host, one)) for one in found)
