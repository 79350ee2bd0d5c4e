# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What shows that a VM without replication here lives on another host. Pure.

A copy that is deleted has no relation any more, so nothing on this host tells whether it is the newer one: where the VM
lives has to be said (lives_on), and read. To keep a copy from starting with its host, which deletes nothing, it is
enough that another one runs, or sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..base.names import same_host
from ..base.proof import Proof
from ..base.states import COPYING, PRIMARY, REPLICA_MODES, REPLICATING, RESYNCHRONIZING, SUSPENDED, UPDATING_DISKS
from .options import ABSENT, Want

_SENDS = frozenset({COPYING, REPLICATING, RESYNCHRONIZING, SUSPENDED, UPDATING_DISKS})
_READ_IT = "Read the host where the VM lives (hyperv_replication_info), and give its records as partner."
_AHEAD = 5.0
"""Seconds that a reading may seem to be ahead of the clock that judges it."""


def not_elsewhere(here: str, now: datetime, want: Want, vm: str) -> str:
    """Why nothing shows that the VM lives on another host than `here`; "" when that is shown."""
    proofs = want.proofs.get(vm, ())
    if not proofs:
        return f"nothing is known of another copy, so it may be the only one. {_READ_IT}"
    for proof in proofs:
        problem = _unusable(here, now, want, proof)
        if problem:
            return problem
    running = [proof for proof in proofs if proof.side.may_run and not same_host(want.lives_on, proof.host)]
    if want.lives_on:
        return _named(here, want, proofs, running)
    if want.state == ABSENT:
        told = ", ".join(f"{proof.side} on {proof.host}" for proof in proofs)
        return (
            f"nothing shows that it is not the newer one ({told}). Look which copy is used, and name its host with"
            " lives_on."
        )
    if any(_lives_there(proof) for proof in proofs):
        return ""
    return (
        f"both copies are at rest ({proofs[0].side} on {proofs[0].host}), and nothing shows which is the live one."
        " Start the live one first, or name its host with lives_on."
    )


def _unusable(here: str, now: datetime, want: Want, proof: Proof) -> str:
    """Why a record counts for nothing: it is this host's own, too old, or from the future."""
    if same_host(proof.host, here):
        return f"partner is what {proof.host} said, which is this host itself. {_READ_IT}"
    age = proof.age_seconds(now)
    if age < -_AHEAD:
        return (
            f"what {proof.host} said is from the future ({-age:.0f} seconds). Set the clock right, and read it again."
        )
    if age > want.max_age:
        return f"what {proof.host} said is {age:.0f} seconds old, and partner_max_age is {want.max_age}. Read it again."
    return ""


def _named(here: str, want: Want, proofs: Sequence[Proof], running: Sequence[Proof]) -> str:
    """Why lives_on is not believed: no record of that host, a record that says otherwise, or another one that runs."""
    if same_host(want.lives_on, here):
        return f"lives_on is this host, {here}, so this is the live one."
    proof = next((one for one in proofs if same_host(want.lives_on, one.host)), None)
    if proof is None:
        told = ", ".join(one.host for one in proofs)
        return f"lives_on is {want.lives_on}, and partner is what {told} said. Read {want.lives_on}, and give that too."
    if _never_ran(proof):
        return f"lives_on is {proof.host}, where it is {proof.side}, a replica that is not failed over."
    if running:
        return (
            f"lives_on is {proof.host}, but it is {running[0].side.power} on {running[0].host}. Look which one is used."
        )
    return ""


def _never_ran(proof: Proof) -> bool:
    return proof.side.mode in REPLICA_MODES and not proof.side.failed_over


def _lives_there(proof: Proof) -> bool:
    if _never_ran(proof):
        return False
    return proof.side.may_run or (proof.side.mode == PRIMARY and proof.side.state in _SENDS)
