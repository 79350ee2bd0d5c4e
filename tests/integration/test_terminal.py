"""What a planned failover shows on a terminal, and that the page of it says so."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gate import only
from tests.terminal.rows import ROOT, ROWS, Row, pictures, run
from tests.terminal.screen import COLUMNS, heads, widest

PAGE = (ROOT / "docs" / "output.md").read_text(encoding="utf-8")
TABLE = re.compile(r"(?m)^\| `(\w+)` \| (.+?) \| (\d+) / (\d+) / (\d+) \|$")
"""A playbook, what it showed before, and what it shows."""
SAID = {name: tuple(map(int, numbers)) for name, _before, *numbers in TABLE.findall(PAGE)}


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("row", only(["planned_failover", "test_failover"], ROWS, lambda row: row.playbook))
def test_every_playbook_shows_what_the_page_says(row: Row, home: Path) -> None:
    """One that succeeds, for one VM. Whether two VMs or two waits share a line of an event is a matter of moments."""
    returned, lines = run(row, home)
    assert returned == 0, "\n".join(lines)
    most = SAID[row.playbook]
    assert heads(lines) == most[0], "\n".join(lines)
    assert abs(len(lines) - most[1]) <= 3, "\n".join(lines)
    assert widest(lines) <= most[2], "\n".join(lines)


def test_a_planned_failover_of_one_vm_fits_on_a_screen() -> None:
    """The limits. That it shows no more than the page says is the test above."""
    most = SAID["planned_failover"]
    assert most[0] <= 12
    assert most[1] <= 60
    assert most[2] <= COLUMNS


def test_every_playbook_is_in_the_table() -> None:
    there = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert {row.playbook for row in ROWS} == set(SAID) == there


def plain(text: str) -> list[str]:
    """The lines without what differs from run to run."""
    return re.sub(r"\d+", "0", text).splitlines()


@pytest.mark.all_only
def test_the_pictures_are_what_is_shown(home: Path) -> None:
    shown = re.findall(r"(?s)```console\n(\$ ansible-playbook .*?)```", PAGE)
    assert [plain("\n".join(picture)) for picture in pictures(home)] == [plain(one.rstrip("\n")) for one in shown]
    assert all(len(line) <= COLUMNS for one in shown for line in one.splitlines())
