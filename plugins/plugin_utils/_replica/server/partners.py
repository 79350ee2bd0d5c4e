# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""From inventory hosts that shall replicate here to the entries that admit them. Pure.

A role names inventory hosts; an entry wants the Windows name: the host's full name, or on a cluster its broker's. A
host of a workgroup has a full name only where its primary DNS suffix is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..base.errors import OptionError
from ..base.names import is_full, normal, same_host

_ANSWER = "Run the role with hosts that answer, or give the Windows names as replica_server_allowed_primaries."


def with_partners(
    entries: list[dict[str, Any]] | None,
    partners: Mapping[str, Mapping[str, Any]],
    own: Mapping[str, Any],
    aliases: Mapping[str, Any],
) -> list[dict[str, Any]] | None:
    """`entries` and one more for each partner that they do not name. None stays None without partners.

    `partners` are results of hyperv_replica_server by inventory name, `own` is that of the host itself: it, and the
    nodes of its cluster, are no partners of themselves. `aliases` are the values of hyperv_replica_names: they stand
    in for a host that has no full name of its own (a workgroup). Raises OptionError for a partner that did not answer,
    and for one without a full name.
    """
    if not partners:
        return entries
    found = list(entries or [])
    for host, result in partners.items():
        if not isinstance(result.get("host"), Mapping):
            raise OptionError(
                "replica_server_partners", f"the Windows name of {host} is not known: {_why(result)}.", _ANSWER
            )
        if _is_own(result, own):
            continue
        name = _windows_name(host, result, aliases.get(host))
        if not any(same_host(str(one.get("name")), name) for one in found):
            found.append({"name": name})
    return found


def _windows_name(host: str, result: Mapping[str, Any], aliases: Any) -> str:
    cluster = result.get("cluster")
    if not cluster:
        given = [aliases] if isinstance(aliases, str) else list(aliases or [])
        full = next(filter(is_full, (str(result["host"]["full_name"]), *map(str, given))), None)
        if full is None:
            raise _no_suffix(host, str(result["host"]["name"]))
        return full
    broker = (cluster.get("broker") or {}).get("name")
    if not broker:
        raise OptionError(
            "replica_server_partners",
            f"cluster {cluster.get('name')} of {host} has no Hyper-V Replica Broker, whose name an entry would need.",
            "Add the broker first.",
        )
    return str(broker)


def _no_suffix(host: str, name: str) -> OptionError:
    """An entry takes a full name (https://learn.microsoft.com/powershell/module/hyper-v/new-vmreplicationauthorizationentry)."""
    return OptionError(
        "replica_server_partners",
        f"{host} has no primary DNS suffix: it calls itself {name}, and an authorization entry takes full names only.",
        f"Set a primary DNS suffix on {host} and restart it, or give it the host variable"
        f" hyperv_replica_names: [{name.lower()}.example.com] with the full name under which this host finds it.",
    )


def _why(result: Mapping[str, Any]) -> str:
    return str(result.get("msg") or "it was not asked").rstrip(".")


def _is_own(result: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    mine, theirs = own.get("cluster"), result.get("cluster")
    if mine and theirs:
        keys: Iterable[str] = ("name", "domain")
        return all(normal(str(mine.get(key))) == normal(str(theirs.get(key))) for key in keys)
    return same_host(own["host"]["full_name"], result["host"]["full_name"])
