"""Making a replica server and protecting a VM over each way of reaching a host, on both engines; then nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.relation_play import Player, let_replicate
from tests.lab.engine.endpoint import CONSTRAINED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=4, speed=400)

ENCRYPTED = {host: {"ansible_psrp_message_encryption": "always"} for host in ("hv-a", "hv-b")}
SERVER = {
    "module": "hyperv.replica.hyperv_replica_server",
    "state": "enabled",
    "authentication": "kerberos",
    "admit": "listed",
    "allowed_primaries": [{"name": "hv-b.corp.example", "storage": "D:\\Replica"}],
    "create_storage": True,
    "open_firewall": True,
}
PROTECT = {"names": ["App01"], "replica_server": "hv-b.corp.example", "authentication": "kerberos", "wait": True}


WAYS: dict[str, dict[str, Any]] = {
    "https with the lab's authority": {"https": True},
    "encrypted messages over http": {"auth": "ntlm", "host_vars": ENCRYPTED},
    "the constrained endpoint": {"configuration": CONSTRAINED},
}
ALWAYS = ("https with the lab's authority, own", "encrypted messages over http, own", "the constrained endpoint, real")


@pytest.mark.parametrize(
    ("lab", "way"),
    [
        pytest.param({"engine": engine}, way, id=name, marks=() if name in ALWAYS else pytest.mark.all_only)
        for way in WAYS
        for engine in ("own", "real")
        for name in [f"{way}, {engine}"]
    ],
    indirect=["lab"],
)
def test_enable_and_nothing_more_to_do(lab: Lab, tmp_path: Path, way: str) -> None:
    let_replicate(lab)
    lab.world.host("HV-A").server.enabled = False
    lab.world.host("HV-A").server.entries.clear()
    player = Player.of(lab, tmp_path, **WAYS[way])
    done = player.tasks("hv-a", [SERVER, PROTECT, SERVER, PROTECT])
    assert [result.get("msg") for result in done if result.get("failed") or result.get("unreachable")] == []
    assert [result["changed"] for result in done] == [True, True, False, False]
    assert player.sent() == [action["cmdlet"] for result in done for action in result["actions"]]
    assert done[1]["vms"][0]["state"] == "Replicating"
