"""Both engines behind the lab's wire, over real sockets. Without a real PowerShell its half is skipped, visibly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from pypsrp.complex_objects import PSInvocationState
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from tests.lab.engine.endpoint import CONSTRAINED
from tests.lab.lab import Lab

pytestmark = [
    pytest.mark.lab(vms=4),
    pytest.mark.parametrize("lab", [{"engine": "own"}, {"engine": "real"}], indirect=True, ids=["own", "real"]),
]


@contextmanager
def pool(lab: Lab, configuration: str = "Microsoft.PowerShell") -> Iterator[RunspacePool]:
    """An open runspace pool on HV-A."""
    wsman = WSMan(
        "127.0.0.1",
        port=lab.endpoint("hv-a").http.port,
        username=lab.user,
        password=lab.password,
        ssl=False,
        auth="basic",
        encryption="never",
    )
    with wsman, RunspacePool(wsman, configuration_name=configuration) as opened:
        yield opened


def test_a_pipeline_reaches_the_handlers(lab: Lab) -> None:
    with pool(lab) as opened:
        pipeline = PowerShell(opened).add_cmdlet("Hyper-V\\Get-VM").add_parameter("Name", "App0*")
        names = [row.adapted_properties["Name"] for row in pipeline.invoke()]
    assert names == ["App01", "App03"]
    assert [call.cmdlet for call in lab.world.recorder.calls] == ["Get-VM"]
    assert lab.shells().deleted == 1


def test_a_thousand_statements_travel_in_one_pipeline(lab: Lab) -> None:
    with pool(lab) as opened:
        pipeline = PowerShell(opened)
        for number in range(1000):
            if number:
                pipeline.add_statement()
            pipeline.add_cmdlet("Hyper-V\\Get-VM").add_parameter("Name", "App01")
            pipeline.add_cmdlet("Microsoft.PowerShell.Utility\\Select-Object").add_parameter("Property", ["Name", "Id"])
        began = time.monotonic()
        assert len(pipeline.invoke()) == 1000
    assert time.monotonic() - began < 60
    assert lab.requests()["Command"] == 1


def test_a_large_parameter_arrives_whole(lab: Lab) -> None:
    text = "x" * 1_500_000
    with pool(lab) as opened:
        pipeline = PowerShell(opened).add_cmdlet("Write-Output").add_parameter("InputObject", text)
        assert pipeline.invoke() == [text]
    assert lab.requests()["Send"] > 2


def test_a_pipeline_that_waits_can_be_stopped(lab: Lab) -> None:
    with pool(lab) as opened:
        pipeline = PowerShell(opened).add_cmdlet("Start-Sleep").add_parameter("Seconds", 60)
        pipeline.begin_invoke()
        began = time.monotonic()
        pipeline.stop()
        assert PowerShell(opened).add_cmdlet("Write-Output").add_parameter("InputObject", 1).invoke() == [1]
    assert time.monotonic() - began < 10


def test_two_pipelines_one_after_the_other_keep_apart(lab: Lab) -> None:
    with pool(lab) as opened:
        for number in range(20):
            pipeline = PowerShell(opened).add_cmdlet("Write-Output").add_parameter("InputObject", number)
            assert pipeline.invoke() == [number]
            pipeline.close()


def test_the_constrained_endpoint(lab: Lab) -> None:
    with pool(lab, CONSTRAINED) as opened:
        bare = PowerShell(opened).add_cmdlet("Get-VM")
        assert len(bare.invoke()) == 2
        qualified = PowerShell(opened).add_cmdlet("Hyper-V\\Start-VM").add_parameter("Name", "App01")
        qualified.invoke()
        assert [error.fq_error for error in qualified.streams.error] == ["CommandNotFoundException"]
        script = PowerShell(opened).add_script("1")
        script.invoke()
        assert script.state == PSInvocationState.FAILED


def test_a_fault_drops_the_connection_after_the_effect(lab: Lab) -> None:
    lab.world.faults.add("drop_after", "HV-A", "Get-VM")
    with pool(lab) as opened:
        with pytest.raises(requests.exceptions.ConnectionError):
            PowerShell(opened).add_cmdlet("Get-VM").invoke()
        opened.state = 3  # closed: the shell is gone, there is nothing to delete
    assert lab.shells().lost == 1


def test_a_host_that_goes_down_takes_its_sessions_along(lab: Lab) -> None:
    with pool(lab) as opened:
        pipeline = PowerShell(opened).add_cmdlet("Start-Sleep").add_parameter("Seconds", 60)
        pipeline.begin_invoke()
        outage = threading.Timer(0.3, lab.world.power_off, ("hv-a",))
        outage.start()
        with pytest.raises(requests.exceptions.ConnectionError):
            pipeline.end_invoke()
        outage.join()
        opened.state = 3
    assert (lab.shells().lost, lab.shells().open) == (1, 0)
