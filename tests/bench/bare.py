"""A planned failover by bare pypsrp, over two sessions that are open before: the five cmdlets and nothing else.

Of one VM each cmdlet is waited for. Several VMs are taken side by side: a job each, and the next cmdlet for all of them
when the jobs of the last one are over. States lag the reverse, and a start is refused for a moment: that it shows is
waited for.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

Call = tuple[str, str, Mapping[str, Any]]
CALLS: tuple[Call, ...] = (
    ("a", "Stop-VM", {}),
    ("a", "Start-VMFailover", {"Prepare": True}),
    ("b", "Start-VMFailover", {}),
    ("b", "Set-VMReplication", {"Reverse": True}),
    ("b", "Start-VM", {}),
)
LOOK_SECONDS = 0.25


def invoke(pool: Any, statements: Sequence[Sequence[tuple[str, Mapping[str, Any]]]]) -> list[Any]:
    """Run statements in one pipeline; what they give. Raises RuntimeError for an error record."""
    from pypsrp.powershell import PowerShell

    shell = PowerShell(pool)
    for index, statement in enumerate(statements):
        if index:
            shell.add_statement()
        for name, parameters in statement:
            shell.add_cmdlet(name).add_parameters(dict(parameters))
    shell.invoke()
    if shell.streams.error:
        raise RuntimeError(str(shell.streams.error[0]))
    return list(shell.output)


def pipelines(call: Call, vms: Sequence[str]) -> Iterator[list[list[tuple[str, Mapping[str, Any]]]]]:
    """What one of the five cmdlets is for these VMs."""
    _unused, cmdlet, switches = call
    several = {"AsJob": True} if len(vms) > 1 else {}
    given = {"Confirm": False, **switches, **several}
    yield [[("Hyper-V\\Get-VM", {"Id": vm}), (f"Hyper-V\\{cmdlet}", given)] for vm in vms]
    if several:
        yield [[("Get-Job", {}), ("Wait-Job", {}), ("Receive-Job", {})], [("Get-Job", {}), ("Remove-Job", {})]]


def wait_for_primaries(pool: Any, vms: Sequence[str]) -> None:
    """Until all of them show as primaries."""
    modes = ("Select-Object", {"Property": ["ReplicationMode"]})
    while True:
        shown = invoke(pool, [[("Hyper-V\\Get-VM", {"Id": vm}), modes] for vm in vms])
        if all(str(vm.extended_properties["ReplicationMode"]) == "Primary" for vm in shown):
            return
        time.sleep(LOOK_SECONDS)


def main() -> None:
    """`python -m tests.bench.bare`, the facts as JSON on standard input: hosts a and b, and the ids of the VMs."""
    from pypsrp.powershell import RunspacePool
    from pypsrp.wsman import WSMan

    facts = json.load(sys.stdin)
    with ExitStack() as opened:
        pools = {}
        for name in ("a", "b"):
            host = facts[name]
            wsman = WSMan(
                host["address"],
                port=host["port"],
                username=facts["user"],
                password=facts["password"],
                ssl=False,
                auth="basic",
                encryption="never",
            )
            pools[name] = opened.enter_context(RunspacePool(opened.enter_context(wsman)))
        for call in CALLS:
            for pipeline in pipelines(call, facts["vms"]):
                invoke(pools[call[0]], pipeline)
            if "Reverse" in call[2]:
                wait_for_primaries(pools["b"], facts["vms"])


if __name__ == "__main__":
    main()
