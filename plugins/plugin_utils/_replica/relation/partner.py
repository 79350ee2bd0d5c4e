# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The other host: what it said of the same VMs, and how a task says who it is.

Input is the option `partner`: records of hyperv_replication_info from the other host, as they were registered. Pure.
Their age is not limited, unlike that of the proof that a failover wants: they only ever make a task more careful, never
permit what it would not do without them, and a play that waits for the copies of one policy reads them an hour before
it comes to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..base.errors import OptionError
from ..base.names import is_one_of
from ..base.states import (
    FAILED_OVER_STATES,
    NONE,
    PREPARED,
    PRIMARY,
    RECOVERING,
    REPLICA_MODES,
    SUSPENDED,
    WAITING_FOR_COPY,
    power_may_run,
)
from ..base.values import guid


@dataclass(frozen=True)
class PartnerView:
    """What the other host says of one VM. `points` are the names of its recovery points, None when not gathered.

    `other_names` are further names that the host answers to: its cluster's broker, an alias of the operator's.
    """

    host: str
    name: str
    power: str
    mode: str
    state: str
    primary_server: str = ""
    test_vm: bool = False
    points: tuple[str, ...] | None = None
    other_names: tuple[str, ...] = ()

    def is_of(self, names: Iterable[str]) -> bool:
        """True when one of these names means the host that said it."""
        return any(is_one_of(name, (self.host, *self.other_names)) for name in names)

    @property
    def busy(self) -> str:
        """Why this VM must be left alone although its own host shows nothing; "" when nothing speaks against it."""
        if self.test_vm:
            return f"{self.host} runs a test failover of it"
        if self.state in (PREPARED, RECOVERING) or self.state in FAILED_OVER_STATES:
            return f"{self.host} shows it as {self.mode}/{self.state}"
        return ""

    @property
    def paused(self) -> bool:
        """The pause of that side."""
        return self.mode in REPLICA_MODES and self.state == SUSPENDED


def read_partner(records: Iterable[Mapping[str, Any]]) -> dict[str, PartnerView]:
    """Views by VM id. Raises OptionError for a record that is not one of hyperv_replication_info."""
    views: dict[str, PartnerView] = {}
    for record in records:
        try:
            views[guid(record["id"])] = _view(record)
        except (KeyError, ValueError, TypeError) as error:
            raise OptionError(
                "partner",
                f"a record is not one of hyperv_replication_info ({error}).",
                "Register hyperv_replication_info on the other host and give its `vms`.",
            ) from None
    return views


def _view(record: Mapping[str, Any]) -> PartnerView:
    relations = record.get("relations") or [{}]
    simple = next((leg for leg in relations if leg.get("type") == "Simple"), relations[0])
    points = record.get("recovery_points")
    return PartnerView(
        host=str(record["host"]),
        name=str(record["name"]),
        power=str(record["power"]),
        mode=str(record["mode"]),
        state=str(record["state"]),
        primary_server=str(simple.get("primary_server") or ""),
        test_vm=bool(record.get("test_vm")),
        points=None if points is None else tuple(str(point.get("name")) for point in points),
        other_names=tuple(map(str, record.get("host_names") or ())),
    )


def collision(view: PartnerView, host_names: tuple[str, ...], existing_copy: bool) -> str:
    """Why a first enable here is wrong while the other host has a VM of the same id; "" when it is not.

    An own replica that waits for its copy is the other half of an interrupted enable, or a copy marked for it.
    """
    own = is_one_of(view.primary_server, host_names)
    if (
        view.mode in REPLICA_MODES
        and view.state == WAITING_FOR_COPY
        and (own or existing_copy or not view.primary_server)
    ):
        return ""
    found = f"{view.host} has a VM of the same id that is not this replication's ({view.name}, {view.mode}"
    found += f"/{view.state})" if view.mode != NONE else ", not protected)"
    if power_may_run(view.power):
        runs = f"It is {view.power} there: it may be the live one, so look before anything else."
    else:
        runs = f"It is {view.power} there."
    if view.mode == PRIMARY:
        advice = f"{view.host} is its primary: protect it from there."
    elif view.mode in REPLICA_MODES:
        advice = f"It belongs to {view.primary_server or 'another primary'}: end that replication first."
    else:
        advice = (
            "If it is an older copy of this VM, use it: run this module there with side: replica and initial_copy:"
            " existing_copy, then here with initial_copy: existing_copy. Only if it is worthless, remove it there."
        )
    return f"{found}. {runs} {advice}"


def other_of(between: tuple[str, ...], host_names: tuple[str, ...]) -> str | None:
    """The other one of `between`; None when this host is neither."""
    mine = [name for name in between if is_one_of(name, host_names)]
    return next(name for name in between if name not in mine) if len(mine) == 1 else None
