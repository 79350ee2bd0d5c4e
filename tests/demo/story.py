"""The demo as data: what is said, and what is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

VMS = "App01,App03"


@dataclass(frozen=True)
class Scene:
    """A sentence for the reader, and the playbook that it announces. `unchanged`: it must change nothing."""

    says: str
    playbook: str
    variables: Mapping[str, str] = field(default_factory=dict)
    unchanged: bool = False


def _again(scene: Scene) -> tuple[str, Mapping[str, str], bool]:
    """The same command once more, which must not change anything."""
    return scene.playbook, scene.variables, True


SERVERS = Scene(
    "Two Hyper-V hosts become replica servers of each other: role, list of admitted servers, folder and firewall.",
    "replica_server",
    {
        "authentication": "kerberos",
        "partners": "hv-a,hv-b",
        "default_storage": r"D:\Replica",
        "create_storage": "true",
        "open_firewall": "true",
    },
)
PROTECT = Scene(
    "hv-a protects two of its VMs towards hv-b, tests the connection first, and waits for the first copy.",
    "enable_replication",
    {"from_host": "hv-a", "to_host": "hv-b", "vms": VMS, "wait": "true", "poll_interval": "1"},
)
STATUS = Scene("The state of everything, the worst first.", "status", {"details": "true"})

STORY: tuple[Scene, ...] = (
    SERVERS,
    Scene(
        "Called without VMs, this lists what could be protected. It changes nothing.", PROTECT.playbook, unchanged=True
    ),
    PROTECT,
    STATUS,
    Scene("The same again, as a nightly run does it: the servers change nothing,", *_again(SERVERS)),
    Scene("and neither do the VMs.", *_again(PROTECT)),
)
