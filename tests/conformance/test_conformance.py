"""Our own engine against the real PowerShell, cmdlet by cmdlet. Skipped, visibly, where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.suite import REPORT, Suite, groups, suite
from tests.gate import only
from tests.lab.engine.real import program

pytestmark = pytest.mark.skipif(program() is None, reason="no real PowerShell: HYPERV_REPLICA_PWSH does not name one")
GROUPS = groups()
SHOWN = 5
# Cmdlets that the collection does not send, and those whose hundreds of generated calls are like another one's.
WITH_ALL = (
    "Add-ClusterResource",
    "Disable-NetFirewallRule",
    "Enable-NetFirewallRule",
    "Get-VMHostCluster",
    "Get-VMMemory",
    "Remove-NetFirewallRule",
    "Remove-VMReplicationAuthorizationEntry",
    "Rename-VM",
    "Set-VMReplicationAuthorizationEntry",
    "Stop-VMReplication",
)


@pytest.fixture(scope="module")
def both(request: pytest.FixtureRequest) -> Iterator[Suite]:
    """Both engines; conftest.py says at the end how many cases agree."""
    with suite() as made:
        request.config.stash[REPORT] = made.report
        yield made


@pytest.mark.parametrize("group", only(GROUPS.keys() - set(WITH_ALL), GROUPS))
def test_both_engines_agree(both: Suite, group: str) -> None:
    unknown = both.run(GROUPS[group])
    shown = "\n\n".join(map(str, unknown[:SHOWN]))
    assert not unknown, f"{len(unknown)} of {len(GROUPS[group])} cases differ, the first:\n\n{shown}"


@pytest.mark.all_only
def test_every_known_difference_still_is_one(both: Suite) -> None:
    if both.report.cases < sum(map(len, GROUPS.values())):
        pytest.skip("not all cases ran")
    assert not [f"{row.cases}: {row.reason}" for row in both.unused()]
