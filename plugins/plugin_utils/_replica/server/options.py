# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Options of hyperv_replica_server: what may be said, and how it is read into a `Want`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..base.errors import OptionError
from ..base.names import is_full, not_a_host_name
from ..base.option_groups import WAITING
from ..base.ranges import check_ranges
from ..base.values import same_text, thumbprint, unsendable
from ..facts.authorization import WantedEntry, entry_name, with_storage
from ..facts.certificate import AUTO
from ..facts.storage import folder
from .have import read_other_nodes
from .want import ANY, DISABLED, ENABLED, KERBEROS, LISTED, PARTS, WEAKER, Want

INTERVAL_HOURS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 96, 120, 144, 168)
"""What Windows takes: https://learn.microsoft.com/powershell/module/hyper-v/set-vmreplicationserver."""

SPEC: Mapping[str, Any] = {
    **{name: WAITING[name] for name in ("settle_timeout", "poll_interval")},
    "state": {"type": "str", "choices": [ENABLED, DISABLED]},
    "authentication": {"type": "str", "choices": [KERBEROS, "certificate", "both"]},
    "kerberos_port": {"type": "int"},
    "certificate_port": {"type": "int"},
    "kerberos_port_mapping": {"type": "dict"},
    "certificate_port_mapping": {"type": "dict"},
    "certificate_thumbprint": {"type": "str"},
    "renew_before": {"type": "int", "default": 14},
    "admit": {"type": "str", "choices": [ANY, LISTED]},
    "allowed_primaries": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "storage": {"type": "str"},
            "trust_group": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
    "unlisted": {"type": "str", "choices": ["keep", "purge"], "default": "keep"},
    "default_storage": {"type": "str"},
    "create_storage": {"type": "bool", "default": False},
    "monitoring_interval_hours": {"type": "int", "choices": list(INTERVAL_HOURS)},
    "monitoring_start": {"type": "str"},
    "open_firewall": {"type": "bool", "default": False},
    "accept_weaker": {"type": "list", "elements": "str", "choices": list(WEAKER), "default": []},
    "report": {"type": "list", "elements": "str", "choices": list(PARTS), "default": []},
    "other_nodes": {"type": "list", "elements": "dict"},
}

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_MAX_PORT = 65535


def read_options(options: Mapping[str, Any]) -> Want:
    """What the task wants. Raises OptionError for a value that cannot be, and for values that exclude each other."""
    storage = options.get("default_storage")
    storage = None if storage is None else folder("default_storage", storage)
    listens = options.get("state") != DISABLED
    want = Want(
        state=options.get("state"),
        # A role that is to be off has no type, certificate nor open port: to name them is superfluous, not wrong.
        authentication=options.get("authentication") if listens else None,
        kerberos_port=_port(options, "kerberos_port"),
        certificate_port=_port(options, "certificate_port"),
        kerberos_mapping=_mapping(options, "kerberos_port_mapping"),
        certificate_mapping=_mapping(options, "certificate_port_mapping"),
        thumbprint=_thumbprint(options.get("certificate_thumbprint")) if listens else None,
        renew_before_days=_days(options.get("renew_before", 14)),
        admit=options.get("admit"),
        entries=_entries(options.get("allowed_primaries"), storage),
        purge=options.get("unlisted") == "purge",
        default_storage=storage,
        create_storage=bool(options.get("create_storage")),
        monitoring_interval_hours=options.get("monitoring_interval_hours"),
        monitoring_start=_start(options.get("monitoring_start")),
        open_firewall=bool(options.get("open_firewall")) and listens,
        accept_weaker=frozenset(options.get("accept_weaker") or ()),
        report=frozenset(options.get("report") or ()),
        other_nodes=read_other_nodes(options.get("other_nodes")),
    )
    _check_type(want)
    _check_ports(want)
    _check_list(want)
    return want


def _port(options: Mapping[str, Any], name: str) -> int | None:
    value = options.get(name)
    return None if value is None else _in_range(name, value)


def _in_range(name: str, value: Any) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_PORT:
        raise OptionError(name, f"{value} is not a port.", f"Give a number from 1 to {_MAX_PORT}.")
    return value


def _mapping(options: Mapping[str, Any], name: str) -> dict[str, int] | None:
    given = options.get(name)
    if given is None:
        return None
    mapping: dict[str, int] = {}
    for host, port in given.items():
        if not_a_host_name(host) or not is_full(host):
            raise OptionError(name, f"'{host}' is not the full name of a node.", "Give hv-a1.contoso.com: 8081.")
        mapping[str(host).strip().rstrip(".")] = _in_range(name, port)
    if not mapping:
        raise OptionError(name, "the mapping is empty.", "Name the broker and every node of the cluster, with a port.")
    if len(set(mapping.values())) < len(mapping) or len({host.casefold() for host in mapping}) < len(mapping):
        raise OptionError(name, "a node or a port is given twice.", "Give the broker and each node a port of its own.")
    return mapping


def _thumbprint(value: str | None) -> str | None:
    if value is None or same_text(value.strip(), AUTO):
        return value if value is None else AUTO
    try:
        return thumbprint(value)
    except ValueError as error:
        raise OptionError("certificate_thumbprint", str(error), f"Or say {AUTO} to have one chosen.") from None


def _days(value: int) -> int:
    check_ranges({"renew_before": value})
    return value


def _start(value: str | None) -> int | None:
    """Seconds after midnight. An unquoted 12:00 reaches us as 720, because YAML 1.1 counts in sixties."""
    if value is None:
        return None
    match = _CLOCK.fullmatch(value.strip())
    if match is None:
        raise OptionError("monitoring_start", f"'{value}' is not a time of day.", "Write it in quotes: '09:00'.")
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)


def _entries(given: list[Mapping[str, Any]] | None, storage: str | None) -> tuple[WantedEntry, ...] | None:
    if given is None:
        return None
    entries = tuple(_entry(item) for item in given)
    names = [entry.name.casefold() for entry in entries]
    for entry in entries:
        if names.count(entry.name.casefold()) > 1:
            raise OptionError("allowed_primaries", f"{entry.name} is given more than once.", "Give each name once.")
    return tuple(with_storage(entry, storage) for entry in entries)


def _entry(item: Mapping[str, Any]) -> WantedEntry:
    name, group = entry_name(item["name"]), item.get("trust_group")
    if item.get("state", "present") != "present":
        return WantedEntry(name, present=False)  # its storage and group go with it, whatever they are
    # Windows keeps the entries as one text with separators, a no-break space among them (observed, not documented).
    if group is not None and (not group.strip() or "\u00a0" in group or unsendable(group)):
        raise OptionError("allowed_primaries", f"the trust group '{group}' of {name} is not a name.")
    storage = item.get("storage")
    return WantedEntry(
        name=name,
        storage=None if storage is None else folder("allowed_primaries", storage),
        trust_group=group,
    )


def _check_type(want: Want) -> None:
    if want.authentication == KERBEROS and want.thumbprint is not None:
        raise OptionError(
            "certificate_thumbprint",
            "authentication: kerberos uses no certificate.",
            "Leave the thumbprint out, or say authentication: certificate or both.",
        )


def _check_ports(want: Want) -> None:
    ports = {"kerberos_port": want.kerberos_port, "certificate_port": want.certificate_port}
    if want.kerberos_mapping is not None or want.certificate_mapping is not None:
        for name, port in ports.items():
            if port is not None:
                raise OptionError(name, "a port and a port mapping exclude each other.", "Give the mapping alone.")
    if want.kerberos_port is not None and want.kerberos_port == want.certificate_port:
        raise OptionError(
            "certificate_port", f"{want.certificate_port} is the Kerberos port too.", "Give each type its own port."
        )
    shared = set((want.kerberos_mapping or {}).items()) & set((want.certificate_mapping or {}).items())
    if shared:
        host, port = min(shared)
        raise OptionError("certificate_port_mapping", f"{host} has port {port} for Kerberos too.", "Give another one.")


def _check_list(want: Want) -> None:
    if want.admit == ANY:
        if any(one.present for one in want.entries or ()) or want.purge:
            raise OptionError(
                "admit", "any_server and a list exclude each other.", "Leave allowed_primaries and unlisted out."
            )
        if want.default_storage is None:
            raise OptionError("default_storage", "admit: any_server needs it.", "Give the folder for all replicas.")
    if want.purge and want.entries is None:
        raise OptionError(
            "unlisted", "purge needs allowed_primaries.", "Give the exact list; an empty one removes all entries."
        )
