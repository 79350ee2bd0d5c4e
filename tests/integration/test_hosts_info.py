"""hosts_info through ansible-playbook: several hosts in one task, each over the connection that it has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.test_connections import Playbook
from tests.lab.wire.gate import SILENT

if TYPE_CHECKING:
    from tests.lab.lab import Lab

ASK = "hyperv.replica.hosts_info"


def test_each_over_its_own_connection_and_those_that_have_none_are_told(lab: Lab, tmp_path: Path) -> None:
    """The password is prompted for, the user is a variable of the play, and one host's address is an expression."""
    playbook = Playbook(lab, tmp_path)
    inventory = tmp_path / "lab" / "inventory.yml"
    text = inventory.read_text(encoding="utf-8")
    told = "    ansible_user: " + lab.user + "\n"
    assert told in text
    lines = ["all:", "  hosts:"]
    for name, facts in {
        "no-cmdlets": "{ansible_connection: ssh}",
        "as-somebody": "{ansible_become: true, ansible_become_method: runas, ansible_host: 127.0.0.1}",
        "no-plugin": "{ansible_connection: carrier.pigeon}",
        "no-value": "{ansible_host: '{{ not_defined_anywhere }}'}",
        "nobody": "{ansible_host: 127.0.0.1, ansible_port: 1}",
    }.items():
        lines.append(f"    {name}: {facts}")
    more = "\n".join(lines) + "\n  children:\n    hyperv:\n      hosts:\n"
    more += "".join(f"        {name}:\n" for name in ("as-somebody", "nobody", "no-value"))
    (tmp_path / "lab" / "more.yml").write_text(more, encoding="utf-8")
    inventory.write_text(text.replace(told, ""), encoding="utf-8")
    config = playbook.config.read_text(encoding="utf-8")
    both = f"inventory = {inventory},{inventory.with_name('more.yml')}"
    playbook.config.write_text(config.replace(f"inventory = {inventory}", both), encoding="utf-8")
    hosts = ["hv-a", "hv-b", "no-cmdlets", "as-somebody", "no-plugin", "no-value", "nobody", "not-there"]
    task = {ASK: {"hosts": hosts, "gather": ["relations", "host"]}}
    answer = playbook.run(task, vars={"ansible_user": lab.user, "seconds": 20})["results"]
    assert list(answer) == hosts
    assert [answer[host]["windows_name"] for host in hosts[:2]] == ["HV-A.corp.example", "HV-B.corp.example"]
    assert [answer[host]["inventory_host"] for host in hosts[:2]] == hosts[:2]
    problems = {host: answer[host]["msg"] for host in hosts[2:]}
    assert "no-cmdlets is ssh" in problems["no-cmdlets"]
    assert "become is not possible" in problems["as-somebody"]
    assert "carrier.pigeon" in problems["no-plugin"]
    assert "no-value: its connection cannot be made" in problems["no-value"]
    assert "nobody: nothing listens at 127.0.0.1" in problems["nobody"]
    assert (answer["nobody"]["unreachable"], answer["nobody"]["machine_up"]) == (True, True)
    assert "not-there is not in the inventory" in problems["not-there"]
    assert lab.shells().open == 0


def test_a_host_that_hangs_delays_nobody_else(lab: Lab, tmp_path: Path) -> None:
    playbook = Playbook(lab, tmp_path)
    lab.behave("hv-a", SILENT)
    began = time.monotonic()
    task = {ASK: {"hosts": ["hv-a", "hv-b"]}, "vars": {"ansible_psrp_read_timeout": 8}}
    answer = playbook.run(task, hosts="localhost")["results"]
    assert answer["hv-a"]["unreachable"]
    assert not answer["hv-b"].get("unreachable")
    asked = lab.world.recorder.of("Get-VM")
    assert [call.host for call in asked] == ["HV-B"]
    assert time.monotonic() - began < 60


def test_values_for_both_keep_to_their_host(lab: Lab, tmp_path: Path) -> None:
    """A variable of one host is not one of the other, and a name is asked of both."""
    playbook = Playbook(lab, tmp_path)
    names = [vm.name for vm in lab.world.host("hv-b").vms.values()]
    answer = playbook.run({ASK: {"hosts": ["hv-a", "hv-b"], "names": names}})["results"]
    assert [vm["name"] for vm in answer["hv-b"]["vms"]] == names
    assert (answer["hv-a"]["vms"], answer["hv-a"]["missing"]) == ([], names)
