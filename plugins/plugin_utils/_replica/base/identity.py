# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who answered. The inventory tells whom to ask; the Windows name in the answer tells who it was. Pure.

An inventory entry may lead to another host, after a copied line, a reused address or a moved alias. So before an answer
counts for or against anything, the name that Windows itself gave (Get-VMHost) is compared with the name that was looked
for. A host answers to its Windows name, to the operator's `hyperv_replica_names`, and to the names of its cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .names import is_one_of, same_host

LOOK = "Look at its address in the inventory."


@dataclass(frozen=True)
class Identity:
    """Who answered at an inventory host. `others` are its further names: the operator's, and its cluster's.

    `windows_name` is "" where the host did not tell it.
    """

    host: str
    windows_name: str
    others: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names that it answers to."""
        return tuple(name for name in (self.windows_name, *self.others) if name)

    @property
    def shown(self) -> str:
        """Its inventory name, and by what name it answered where that is another one: its address may be wrong."""
        other = self.windows_name and not self.answers_to(self.host)
        return f"{self.host} (it answers as {self.windows_name})" if other else self.host

    def answers_to(self, name: str) -> bool:
        """True when the host is the one that this Windows name means."""
        return bool(self.windows_name) and is_one_of(name, self.names)

    def differs(self, name: str, whose: str) -> str:
        """Why its answer is not that of the host called `name`; "" when it is. `whose`: `the partner of App01`."""
        if self.answers_to(name):
            return ""
        told = f"answered as {self.windows_name}" if self.windows_name else "did not tell its Windows name"
        return (
            f"{self.host} {told}; {whose} is {name}. Correct the address of {self.host} in the inventory, or, if"
            f" {name} is another name of that host, add it to its hyperv_replica_names"
        )


def identify(host: str, reading: Any, more: Iterable[str] = ()) -> Identity:
    """Who answered, from a result of hyperv_replication_info. `more` are names that are known from elsewhere."""
    result = reading if isinstance(reading, Mapping) else {}
    return Identity(host, windows_name_of(result), tuple(dict.fromkeys((*more, *cluster_names(result.get("cluster"))))))


def windows_name_of(reading: Any) -> str:
    """The name that Windows gave, "" where the host was not read."""
    result = reading if isinstance(reading, Mapping) else {}
    records = result.get("vms") or ()
    found = result.get("windows_name") or (result.get("host") or {}).get("fqdn")
    return str(found or next((record["host"] for record in records if record.get("host")), ""))


def cluster_names(said: Any) -> tuple[str, ...]:
    """The names under which a node's cluster is known to its partners: its broker's and those of its nodes."""
    if not isinstance(said, Mapping) or not said.get("name"):
        return ()
    domain = str(said.get("domain") or "")
    nodes = [str(node["name"]) for node in said.get("nodes") or ()]
    full = [name if "." in name or not domain else f"{name}.{domain}" for name in nodes]
    broker = str((said.get("broker") or {}).get("name") or "")
    return (*((broker,) if broker else ()), *full)


def given_names(variables: Mapping[str, Any]) -> tuple[str, ...]:
    """The host variable hyperv_replica_names, as a list or as one name."""
    names = variables.get("hyperv_replica_names") or []
    return (str(names),) if isinstance(names, str) else tuple(str(name) for name in names)


def not_meant(answered: str, expected: str) -> str:
    """Why a task sends nothing: another host answered than the one that it is for (expected_host). "" where it is that
    one, or none was named.
    """
    if not expected or same_host(answered, expected):
        return ""
    return f"{answered} answered, and this is for {expected}: nothing was sent."


def moved(host: str, now: str, before: str) -> str:
    """Why an answer is not that of the host that answered there at first; "" when it is, or nobody told."""
    if not now or not before or same_host(now, before):
        return ""
    return f"{host} answers as {now} now, and answered as {before} when this run began. Look at its address first"


def twins(identities: Iterable[Identity]) -> str:
    """The inventory hosts that are one Windows host, as a sentence; "" when each is one of its own."""
    known: list[Identity] = []
    for one in identities:
        for other in known if one.windows_name else ():
            if same_host(one.windows_name, other.windows_name):
                return (
                    f"{other.host} and {one.host} are one host: both answered as {one.windows_name}. Correct the"
                    " address of one of them in the inventory, or leave it out"
                )
        known.append(one)
    return ""
