"""The workflows remove_replication and reprotect without ansible-playbook: see role.py."""

from __future__ import annotations

from typing import Any

from .hands import Hands
from .role import operation


def removal_role(hands: Hands, on: str, **inputs: Any) -> None:
    """Run remove_replication on a host. Raises Stopped, with every VM that is left, where it fails."""
    operation(hands, "remove_replication", on, **inputs)


def reprotect(hands: Hands, on: str, new: str, **inputs: Any) -> None:
    """Protect VMs anew whose old primary is lost for good. Raises Stopped where the role would fail."""
    operation(hands, "reprotect", on, new_replica=new, **inputs)
