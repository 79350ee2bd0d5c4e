"""What the user of a session may do on the host, and whether the host can serve Hyper-V's cmdlets at all.

The table of a host (`Host.users`) names administrator (also everyone who is not listed), hyperv (a member of Hyper-V
Administrators only: VMs, replication and reads of the role, but no firewall, certificates, registry, cluster or
configuration of the role) and none. Where rights are not documented to the letter, the harsher reading is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..values import Refusal

if TYPE_CHECKING:
    from ..world.host import Host
    from .registry import Call

ADMINISTRATOR, HYPERV, NONE = "administrator", "hyperv", "none"
LOCAL_NAMES = frozenset({".", "localhost"})
FIREWALL_NOUNS = frozenset({"NetFirewallRule", "NetFirewallPortFilter"})
CLUSTER_NOUNS = frozenset({"Cluster", "ClusterNode", "ClusterGroup", "ClusterResource", "ClusterParameter"})
GENERAL_NOUNS = frozenset({"Path", "Item", "ItemProperty", "ChildItem", "Service", "DnsName", "Volume"})
ROLE_SETTINGS = frozenset(
    {
        "Set-VMReplicationServer",
        "New-VMReplicationAuthorizationEntry",
        "Set-VMReplicationAuthorizationEntry",
        "Remove-VMReplicationAuthorizationEntry",
    }
)


def right_of(host: Host, user: str) -> str:
    """The right of a user, by account name without domain and case."""
    name = user.rpartition("\\")[2].partition("@")[0].casefold()
    listed = {one.rpartition("\\")[2].partition("@")[0].casefold(): right for one, right in host.users.items()}
    return listed.get(name, ADMINISTRATOR)


def check(call: Call) -> None:
    """Raise the Refusal of a cmdlet that this user may not run, or that this host cannot answer now."""
    right, noun = right_of(call.host, call.session.user), call.cmdlet.partition("-")[2]
    if noun in FIREWALL_NOUNS:
        if right != ADMINISTRATOR:
            raise Refusal("Access is denied.", "Windows System Error 5", "PermissionDenied")
    elif noun in CLUSTER_NOUNS:
        if right != ADMINISTRATOR:
            text = "You do not have administrative privileges on the cluster. Access is denied (0x80070005)."
            raise Refusal(text, call.cmdlet, "AuthenticationError", hresult=0x80070005)
    elif noun == "Volume":
        if right != ADMINISTRATOR:
            raise Refusal(
                "Access to a CIM resource was not available to the client.", "MI RESULT 2", "PermissionDenied"
            )
    elif noun not in GENERAL_NOUNS:
        _check_hyperv(call, right)


def _blind(call: Call) -> bool:
    """Whether the service has only just started: it runs, and finds nothing yet."""
    seen_from = call.host.sees_from
    return seen_from is not None and call.world.clock.now() < seen_from


def _check_hyperv(call: Call, right: str) -> None:
    host = call.host
    needed = (ADMINISTRATOR,) if call.cmdlet in ROLE_SETTINGS else (ADMINISTRATOR, HYPERV)
    if right not in needed:
        text = (
            "You do not have the required permission to complete this task. Contact the administrator of the "
            f"authorization policy for the computer '{host.name}'."
        )
        raise Refusal(text, "AccessDenied", "PermissionDenied")
    for name in call.get("ComputerName") or ():
        if name.casefold().rstrip(".") not in LOCAL_NAMES | {host.name.casefold(), host.fqdn.casefold()}:
            # A session has no credentials to go on to another computer with (the second hop).
            text = f"The operation on computer '{name}' failed: the client cannot connect to it. Access is denied."
            raise Refusal(text, "AccessDenied", "PermissionDenied")
    if host.services.get("vmms") != "Running" or _blind(call):
        text = (
            f"Hyper-V encountered an error trying to access an object on computer '{host.name}' because the object was "
            "not found. Verify that the Virtual Machine Management service on the computer is running."
        )
        raise Refusal(text, "ObjectNotFound", "ObjectNotFound")
