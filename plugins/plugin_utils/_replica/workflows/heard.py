# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What an answer of a host, or the way in which there was none, shows of it and of its VMs. Pure.

Answers are registered results of hyperv_replication_info.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_NO_COMMAND = "CommandNotFoundException"
"""The error id of a cmdlet that a host does not have (Microsoft: about_Command_Precedence)."""


def records_of(result: Any) -> Sequence[Mapping[str, Any]] | None:
    """The VM records of a result; None where the host could not be read."""
    if not isinstance(result, Mapping) or result.get("failed") or result.get("unreachable"):
        return None
    vms = result.get("vms")
    return vms if vms is None or isinstance(vms, Sequence) else list(vms)


def host_answered(result: Any) -> bool:
    """True when the host said something, be it an error. Only a connection that was refused or cut is silence."""
    if not isinstance(result, Mapping) or not result:
        return False
    return bool(result.get("host_answered", not result.get("unreachable")))


def sign_of_life(result: Any) -> str:
    """What an answer, or the way in which there was none, shows of a host whose VMs could not be read.

    `answers`: it said something. `machine`: its machine accepted or refused the connection, and said nothing.
    "": nothing; a machine that was not reached, or behind a proxy, shows nothing.
    """
    if not isinstance(result, Mapping) or not result or records_of(result) is not None:
        return ""
    return "answers" if host_answered(result) else "machine" if result.get("machine_up") else ""


def may_have_a_copy(result: Any) -> bool:
    """True for a host that shows that it lives, and did not tell its VMs. One without Hyper-V has none to tell."""
    if not sign_of_life(result):
        return False
    ids = [str(error.get("id")) for part in result.get("unreadable") or () for error in part.get("errors") or ()]
    return not ids or any(_NO_COMMAND not in one for one in ids)
