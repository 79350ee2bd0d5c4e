# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What hyperv_replica_vm was asked for, and how its options are read. Raises OptionError before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..base.errors import OptionError
from ..base.names import not_a_host_name
from ..base.option_groups import VM_SELECTION, WAITING, VMSelection
from ..base.proof import Proof, read_proofs
from ..base.ranges import check_ranges
from ..base.values import utc_now
from ..facts.storage import folder, is_remote

IDLE, ABSENT = "idle", "absent"
# The name of a checkpoint's file: that of its disk, and a guid (seen on live hosts, not documented).
_MERGED = re.compile(r"^(.*)_[0-9a-f-]{36}\.a(vhdx?)$", re.IGNORECASE | re.DOTALL)

SPEC: Mapping[str, Any] = {
    **VM_SELECTION,
    **WAITING,
    "state": {"type": "str", "choices": [IDLE, ABSENT], "required": True},
    "expected_host": {"type": "str"},
    "partner": {"type": "list", "elements": "dict"},
    "partner_max_age": {"type": "int", "default": 120},
    "lives_on": {"type": "str"},
    "delete_files": {"type": "list", "elements": "str"},
}
RULES: Mapping[str, Any] = {"required_one_of": [["names", "ids"]]}


def merged(path: str) -> str:
    """The file of a disk once the checkpoint that it stands on is merged; the path itself where it stands on none."""
    return _MERGED.sub(r"\1.\2", path)


@dataclass(frozen=True)
class Want:
    """The task. `proofs` are the words of other hosts by VM id, each of them, for a VM may have more than two copies.

    `files` is what to delete, `clock` the control node's, `expected_host` the host that the task is for.
    """

    vms: VMSelection
    state: str
    expected_host: str = ""
    proofs: Mapping[str, tuple[Proof, ...]] = field(default_factory=dict)
    max_age: int = 120
    lives_on: str = ""
    files: tuple[str, ...] = ()
    clock: Callable[[], datetime] = utc_now

    @property
    def places(self) -> tuple[str, ...]:
        """Where the files may be by now: an .avhdx that is merged leaves its disk on the file that it stood on."""
        return tuple(dict.fromkeys(place for path in self.files for place in (path, merged(path))))


def read_want(options: Mapping[str, Any]) -> Want:
    """The options as one value. Raises OptionError, naming the option, for what cannot be meant."""
    files = options.get("delete_files") or []
    if files and options["state"] != ABSENT:
        raise OptionError("delete_files", f"state {options['state']} deletes nothing.", "Leave it out.")
    lives_on = options.get("lives_on") or ""
    wrong = not_a_host_name(lives_on) if lives_on else None
    if wrong:
        raise OptionError("lives_on", wrong, "Give the Windows name of the host where the live VM is.")
    check_ranges(options)
    return Want(
        vms=VMSelection.of(options),
        state=options["state"],
        expected_host=str(options.get("expected_host") or ""),
        proofs=read_proofs(options.get("partner") or []),
        max_age=options["partner_max_age"],
        lives_on=str(lives_on),
        files=tuple(dict.fromkeys(map(_file, files))),
    )


def _file(text: str) -> str:
    path = folder("delete_files", text)
    if is_remote(path):
        raise OptionError(
            "delete_files", f"{path} is on another server, which a remote session does not reach.", "Delete it there."
        )
    return path
