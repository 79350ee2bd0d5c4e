"""The check of a folder for replica files, which the cmdlets make as the caller."""

from __future__ import annotations

from ..values import Refusal
from ..world.host import Host
from ..world.storage import CLUSTER_STORAGE, normal


def check_storage(host: Host, path: str) -> None:
    """Refuse a folder that cannot hold replicas: not absolute, not there, no rights, or local on a cluster."""
    key = normal(path)
    if path.startswith("\\\\"):
        # Checked as the caller, whose session has nothing to show to a third computer.
        raise _denied(path)
    if not (len(key) >= 2 and key[1] == ":" and (len(key) == 2 or key[2] == "\\")):
        raise Refusal(
            f"The path '{path}' is not valid. Specify an absolute path.", "InvalidParameter", "InvalidArgument"
        )
    if host.cluster is not None and not key.startswith(normal(CLUSTER_STORAGE) + "\\"):
        text = f"The path '{path}' is not on a cluster shared volume. Replica files of a cluster need shared storage."
        raise Refusal(text, "InvalidParameter", "InvalidArgument")
    if any(key == normal(one) or key.startswith(normal(one) + "\\") for one in host.files.denied):
        raise _denied(path)
    if not host.files.is_folder(path):
        text = f"{_opening(path)} Error: 0x80070003 (The system cannot find the path specified.)."
        raise Refusal(text, "OperationFailed", "NotSpecified", hresult=0x80070003)


def _opening(path: str) -> str:
    return f"Failed to add authorization entry. Unable to open specified location to store Replica files '{path}'."


def _denied(path: str) -> Refusal:
    text = f"{_opening(path)} Error: 0x80070005 (General access denied error)."
    return Refusal(text, "AccessDenied", "PermissionDenied", hresult=0x80070005)
