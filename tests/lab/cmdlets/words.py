"""Names that Windows translates, and the ids beside them that no language changes.

The English names, the ids of the services and that of the IDE controller are on record in several unrelated public
places. Names in other languages are not: those of "de" only stand for text that is not English.
"""

from __future__ import annotations

import uuid

from ..world.storage import Disk
from ..world.vm import GUEST_SERVICES, HEARTBEAT, KEY_VALUE_PAIRS, SHUTDOWN, TIME, VM, VSS

SERVICE_IDS: dict[str, str] = {
    SHUTDOWN: "9F8233AC-BE49-4C79-8EE3-E7E1985B2077",
    HEARTBEAT: "84EAAE65-2F2E-45F5-9BB5-0E857DC8EB47",
    TIME: "2497F4DE-E9FA-4204-80E4-4B75C46419C0",
    KEY_VALUE_PAIRS: "2A34B1C2-FD73-4043-8A5B-DD2159BC743F",
    VSS: "5CED1297-4598-4915-A5FC-AD21BB4D02A4",
    GUEST_SERVICES: "6C09BB55-D683-4DA0-8931-C9BF705F6480",
}
IDE_CONTROLLER = "83F8638B-8DCA-4152-9EDA-2CA8B33039B4"
_SERVICES: dict[str, dict[str, str]] = {
    "de": {
        SHUTDOWN: "Herunterfahren",
        HEARTBEAT: "Takt",
        TIME: "Zeitsynchronisierung",
        KEY_VALUE_PAIRS: "Austausch von Schlüsselwertpaaren",
        VSS: "VSS (Volumeschattenkopie)",
        GUEST_SERVICES: "Gastdienstschnittstelle",
    }
}
_DRIVES: dict[str, str] = {
    "en": "Hard Drive on {} controller number {} at location {}",
    "de": "Festplatte auf {}-Controller Nummer {} an Position {}",
}


def service_name(name: str, language: str) -> str:
    """What a host of that language calls an integration service."""
    return _SERVICES.get(language, {}).get(name, name)


def service_id(vm: VM, name: str) -> str:
    """The id of an integration service of a VM."""
    return f"Microsoft:{str(vm.id).upper()}\\{SERVICE_IDS[name]}"


def drive_name(disk: Disk, language: str) -> str:
    """What a host of that language calls a drive."""
    return _DRIVES[language].format(disk.controller, disk.number, disk.location)


def drive_id(vm: VM, disk: Disk) -> str:
    """The id of a drive: VM, controller, number and location. A SCSI controller has an id of its own in each VM."""
    own = str(uuid.uuid5(vm.id, f"SCSI controller {disk.number}")).upper()
    controller = IDE_CONTROLLER if disk.controller == "IDE" else own
    return f"Microsoft:{str(vm.id).upper()}\\{controller}\\{disk.number}\\{disk.location}\\D"
