"""How cmdlets are called on an endpoint, and what never leaves for one."""

from __future__ import annotations

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Command, Pipeline, vm_by_id
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import ErrorRecord, Output
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.endpoint import (
    Naming,
    checked,
    is_constrained,
    only_reads,
    outline,
)

GET_VM, SELECT = Command("Get-VM"), Command("Select-Object", {"Property": ["Id"]})
UNKNOWN = ErrorRecord("CommandNotFoundException", "ObjectNotFound", "not recognized", "{}")


@pytest.mark.parametrize(
    "configuration, constrained",
    [
        ("Microsoft.PowerShell", False),
        ("microsoft.powershell32", False),
        ("PowerShell.7", False),
        ("PowerShell.7.4.1", False),
        ("Microsoft.PowerShell.Workflow", True),
        ("hyperv.replica", True),
    ],
)
def test_endpoints_by_name(configuration: str, constrained: bool) -> None:
    assert is_constrained(configuration) is constrained


def test_names_are_qualified_but_for_proxies() -> None:
    ordinary, constrained = Naming(), Naming(constrained=True)
    assert ordinary.of(GET_VM) == "Hyper-V\\Get-VM"
    assert ordinary.of(SELECT) == "Microsoft.PowerShell.Utility\\Select-Object"
    assert constrained.of(GET_VM) == "Get-VM"
    assert constrained.of(Command("Get-NetFirewallRule")) == "Get-NetFirewallRule"
    assert constrained.of(SELECT) == "Microsoft.PowerShell.Utility\\Select-Object"


def test_a_constrained_endpoint_may_teach_bare_names() -> None:
    naming = Naming(constrained=True)
    assert not naming.learn(Output(errors=(ErrorRecord("CommandNotFoundException", "ObjectNotFound", "", "Get-VM"),)))
    about = ErrorRecord("CommandNotFoundException", "ObjectNotFound", "", "Microsoft.PowerShell.Utility\\Select-Object")
    assert naming.learn(Output(errors=(about,)))
    assert naming.of(SELECT) == "Select-Object"
    assert not naming.learn(Output(errors=(about,))), "it is news only once"
    assert not Naming().learn(Output(errors=(about,))), "an ordinary endpoint has what it has"


@pytest.mark.parametrize(
    "pipeline, reads",
    [
        (Pipeline.of(GET_VM | SELECT, Command("Test-VMReplicationConnection")), True),
        (Pipeline.of(GET_VM, vm_by_id("1") | Command("Stop-VM")), False),
        (Pipeline.of(Command("New-Item")), False),
    ],
)
def test_only_reads(pipeline: Pipeline, reads: bool) -> None:
    assert only_reads(pipeline) is reads


@pytest.mark.parametrize(
    "value", ["a\ud800", ["a", "\uffff"], {"key": ["\ufffe"]}, {"\ufffe": 1}, 2**63, object(), b"x"]
)
def test_what_would_end_the_session_is_refused(value: object) -> None:
    with pytest.raises(OptionError) as caught:
        checked(Command("Set-VM", {"Notes": value}))
    assert caught.value.option.startswith(("Notes", "a key of Notes"))


def test_an_outline_has_no_values() -> None:
    pipeline = Pipeline.of(
        *(vm_by_id(str(n)) | Command("Stop-VM", {"Confirm": False}) for n in range(3)), GET_VM | SELECT
    )
    assert outline(pipeline) == "3 x (Get-VM -Id | Stop-VM -Confirm); Get-VM | Select-Object -Property"
