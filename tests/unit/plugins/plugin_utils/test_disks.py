"""Disks as hosts show them: their place from the id, whatever the language, and those that run on a checkpoint."""

from __future__ import annotations

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.disks import (
    Disk,
    before_checkpoint,
    choose,
    nested,
    parse_disk,
    place_of_id,
    read_wish,
)

VM = "1F6E2C1A-5D3B-4B0E-9C55-0A8E6B1D7F42"
SCSI = "9B0C2E44-6A1D-4F7B-8E3C-5D2F1A0B9C88"
IDE = "83F8638B-8DCA-4152-9EDA-2CA8B33039B4"
SNAPSHOT = "1C9F7C0E-2B3A-4D5E-8F60-718293A4B5C6"
ENGLISH = "Hard Drive on {} controller number {} at location {}"


def text(name: str, drive: str = "", vm: str = "App01") -> str:
    """How a drive prints (its form is derived from that of other parts)."""
    own = f"Id = '{drive}', " if drive else ""
    return f"HardDiskDrive (Name = '{name}', VMName = '{vm}') [{own}VMId = '{VM.lower()}']"


def drive_id(controller: str = SCSI, number: int = 0, location: int = 1) -> str:
    return rf"Microsoft:{VM}\{controller}\{number}\{location}\D"


@pytest.mark.parametrize(
    "told, place",
    [
        (text(ENGLISH.format("SCSI", 0, 1), drive_id()), "SCSI 0:1"),
        (text(ENGLISH.format("IDE", 1, 0), drive_id(IDE, 1, 0)), "IDE 1:0"),
        (text("Festplatte auf SCSI-Controller Nummer 0 an Position 1", drive_id()), "SCSI 0:1"),
        (text("Disque dur sur contrôleur IDE numéro 1 à l'emplacement 0", drive_id(IDE.lower(), 1, 0)), "IDE 1:0"),
        (text("ハード ドライブ", drive_id(number=3, location=63)), "SCSI 3:63"),
        (text("Festplatte auf PMEM-Controller Nummer 0 an Position 2", drive_id(location=2)), "PMEM 0:2"),
        # The name is what somebody typed, or what a translation made of it: the id is believed.
        (text(ENGLISH.format("SCSI", 9, 9), drive_id()), "SCSI 0:1"),
        (text("Disk", drive_id(), vm=f"x') [Id = '{drive_id(IDE, 1, 1)}', VMId = 'y']"), "SCSI 0:1"),
        (text("Disk", drive_id(), vm="SCSI controller number 7 at location 7"), "SCSI 0:1"),
        # Without an id the English name is left.
        (text(ENGLISH.format("SCSI", 0, 1)), "SCSI 0:1"),
        (text(ENGLISH.format("ide", 1, 0), "another form of id"), "IDE 1:0"),
    ],
)
def test_the_place_of_a_disk_that_came_as_text(told: str, place: str) -> None:
    assert parse_disk(nested([told])[0]).place == place


@pytest.mark.parametrize(
    "told",
    [
        text("Festplatte auf SCSI-Controller Nummer 0 an Position 1"),
        text("Disk", vm="Hard Drive on SCSI controller number 7 at location 7"),
        text("Disk", rf"Microsoft:{VM}\{SCSI}\0\D"),
        "HardDiskDrive",
    ],
)
def test_a_text_that_tells_no_place_is_not_guessed(told: str) -> None:
    with pytest.raises(ValueError, match="place"):
        nested([told])


@pytest.mark.parametrize("drive", [None, "", "d0", rf"Microsoft:{VM}\{SCSI}", rf"Microsoft:{VM}\nic\0\1\D"])
def test_an_id_of_another_form_says_no_place(drive: str | None) -> None:
    assert place_of_id(drive) is None


@pytest.mark.parametrize(
    "path, base",
    [
        (rf"D:\VMs\data_{SNAPSHOT}.avhdx", r"d:\vms\data.vhdx"),
        (rf"D:\VMs\my_data_{SNAPSHOT.lower()}.AVHD", r"d:\vms\my_data.vhd"),
        (r"D:\VMs\data.vhdx", None),
        (rf"D:\VMs\data_{SNAPSHOT}.vhdx", None),
        (r"D:\VMs\made-by-hand.avhdx", None),
        ("", None),
    ],
)
def test_the_file_that_a_checkpoint_stands_before(path: str, base: str | None) -> None:
    assert before_checkpoint(path) == base


SYSTEM = Disk("SCSI 0:0", r"D:\VMs\os.vhdx")
DATA = Disk("SCSI 0:1", rf"D:\VMs\data_{SNAPSHOT}.avhdx")


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("option", ["disks", "excluded"])
def test_a_disk_on_a_checkpoint_given_by_its_old_path_is_told_by_its_place(option: str, lenient: bool) -> None:
    wish = read_wish(**{"disks": None, "excluded": None, option: [r"D:\VMs\Data.vhdx"]})
    problem = choose(wish, (SYSTEM, DATA), None, lenient).problem
    assert "runs on a checkpoint" in problem
    assert "its place, SCSI 0:1" in problem
    assert "has no disk" not in problem


@pytest.mark.parametrize("name", ["SCSI 0:1", "scsi 0,1", rf"d:\vms\DATA_{SNAPSHOT}.avhdx"])
def test_a_disk_on_a_checkpoint_is_excluded_by_place_or_by_the_path_that_it_has_now(name: str) -> None:
    assert choose(read_wish(None, [name]), (SYSTEM, DATA), None, lenient=False).replicate == (SYSTEM,)


def test_a_path_that_is_nowhere_is_still_missing() -> None:
    assert "has no disk" in choose(read_wish(None, [r"D:\x.vhdx"]), (SYSTEM, DATA), None, lenient=False).problem
    assert choose(read_wish(None, [r"D:\x.vhdx"]), (SYSTEM, DATA), None, lenient=True).replicate == (SYSTEM, DATA)
