"""The table of failures to connect, through ansible-playbook: no exception, but a sentence and signs for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.first_day.rows import MANNERS, Site
from tests.first_day.table import inventory_name, play, those_that_apply, wrong

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2 + len(MANNERS), vms=0)


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    with Site.around(lab, tmp_path) as found:
        yield found


@pytest.mark.parametrize("partner", [False, True], ids=["target", "partner"])
def test_each_failure_to_connect_is_one_sentence_of_its_host(site: Site, partner: bool) -> None:
    """A partner that cannot be reached is not read, and the others are: the loop over all of them goes to its end."""
    rows = those_that_apply()
    run = play(site, rows, partner)
    assert run.returncode == 0, run.output
    problems = {
        row.name: [*found, run.results[inventory_name(number)].get("msg")]
        for number, row in enumerate(rows)
        if (found := wrong(row, run.results[inventory_name(number)]))
    }
    assert problems == {}
    assert "Unexpected failure during module execution" not in run.output
    assert "hidden" not in run.output, "a password in the URL of a proxy"


def test_a_rejected_login_is_tried_once(site: Site) -> None:
    """Accounts lock: no second attempt, not even to close what was never opened."""
    rows = [row for row in those_that_apply() if row.name in ("basic, wrong password", "ntlm, wrong password")]
    before = site.lab.connections()
    play(site, rows, partner=False)
    assert site.lab.connections() - before == len(rows)
    assert site.lab.requests() == {}
