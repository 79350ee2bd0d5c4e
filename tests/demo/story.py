"""The demo as data: what is said, and what is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

VMS = "App01,App03"


@dataclass(frozen=True)
class Scene:
    """A sentence for the reader, and the playbook that it announces.

    `unchanged`: it must change nothing. `event`: what happens to the lab before (`power-off hv-a`). `fails`: it has to
    be refused, or to end with a host that does not answer.
    """

    says: str
    playbook: str
    variables: Mapping[str, str] = field(default_factory=dict)
    unchanged: bool = False
    event: str = ""
    fails: bool = False


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

TEST = Scene(
    "Does the replica of App01 really start? A test VM on an isolated switch says so, and is cleaned up.",
    "test_failover",
    {"test_on": "hv-b", "vms": "App01", "test_switch": "'Test isolated'", "poll_interval": "1"},
)
NETWORK = Scene(
    "A replica's adapters are connected to nothing. Without a network it would not come up, so that is refused first.",
    "planned_failover",
    {"failover_to": "hv-b", "vms": "App01", "confirm": "App01", "poll_interval": "1"},
    fails=True,
)


def _planned(to: str, says: str, event: str = "") -> Scene:
    variables = {"failover_to": to, "vms": "App01", "confirm": "App01", "poll_interval": "1"}
    return Scene(says, "planned_failover", {**variables, "unconnected_adapters": "allow"}, event=event)


CONFIGURATION: tuple[Scene, ...] = (
    SERVERS,
    Scene(
        "Called without VMs, this lists what could be protected. It changes nothing.", PROTECT.playbook, unchanged=True
    ),
    PROTECT,
    STATUS,
    Scene("The same again, as a nightly run does it: the servers change nothing,", *_again(SERVERS)),
    Scene("and neither do the VMs.", *_again(PROTECT)),
)
HOME: Mapping[str, str] = {"failover_to": "hv-b", "vms": "App01", "confirm": "App01", "poll_interval": "1"}
FAILOVER: tuple[Scene, ...] = (
    TEST,
    NETWORK,
    _planned("hv-b", "Planned failover to hv-b: shut down, last changes, fail over, reverse, start. Nothing is lost."),
    _planned("hv-a", "And back again: the same command with the other host."),
    Scene(
        "Disaster: hv-a lost its power ten minutes ago. Going on without it loses changes, so that wants a reason.",
        "unplanned_failover",
        {
            "failover_to": "hv-b",
            "vms": "App01",
            "reason": "primary_is_dead",
            "confirm": "App01",
            "poll_interval": "1",
            "receive_check": "1",
            "unconnected_adapters": "allow",
        },
        event="power-off hv-a",
    ),
    Scene("The state now: hv-a does not answer, and App01 runs unprotected.", "status", fails=True),
    Scene(
        "hv-a is back and has started its old copy: App01 runs twice. Nothing is touched until you say which to lose.",
        "reverse_replication",
        HOME,
        event="power-on hv-a",
        fails=True,
    ),
    Scene(
        "The way home: the copy on hv-a is turned off, becomes the replica of the side that runs, and is copied to.",
        "reverse_replication",
        {**HOME, "discard": "hv-a", "old_vm": "turn_off"},
    ),
    STATUS,
)
STORY: tuple[Scene, ...] = CONFIGURATION + FAILOVER
