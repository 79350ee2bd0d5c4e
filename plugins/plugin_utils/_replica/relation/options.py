# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Options of hyperv_vm_replication: what may be said, and how it is read into a `Want`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..base import names, values
from ..base.errors import OptionError
from ..base.option_groups import VM_SELECTION, WAITING, VMSelection
from ..base.partner_server import read_server
from ..base.ranges import check_ranges
from ..facts import disks
from .checks import check
from .partner import read_partner
from .settings import SETTINGS
from .want import (
    ABSENT,
    AUTO,
    CANCEL_COPY,
    CANCEL_RESYNC,
    EXISTING,
    MEDIA,
    NETWORK,
    NO_COPY,
    PRESENT,
    RESET_STATISTICS,
    RESYNCHRONIZE_NOW,
    TESTED,
    HostValues,
    Want,
)

OF_ONE_HOST: Mapping[str, Any] = {
    "replica_port": {"type": "int"},
    "certificate_thumbprint": {"type": "str"},
    "disks": {"type": "list", "elements": "str"},
    "excluded_disks": {"type": "list", "elements": "str"},
}

SPEC: Mapping[str, Any] = {
    **VM_SELECTION,
    **WAITING,
    **OF_ONE_HOST,
    "state": {"type": "str", "choices": [PRESENT, ABSENT, TESTED], "default": PRESENT},
    "side": {"type": "str", "choices": ["primary", "replica"]},
    "relationship": {"type": "str", "choices": ["simple", "extended"], "default": "simple"},
    "replica_server": {"type": "str"},
    "between": {"type": "list", "elements": "str"},
    "first_primary": {"type": "str"},
    "per_host": {"type": "dict"},
    "other_server": {"type": "str", "choices": ["refuse", "move"], "default": "refuse"},
    "authentication": {"type": "str", "choices": ["kerberos", "certificate"]},
    "renew_before": {"type": "int", "default": 14},
    "frequency": {"type": "int", "choices": [30, 300, 900]},
    "recovery_history": {"type": "int"},
    "app_consistent_hours": {"type": "int"},
    "compression": {"type": "bool"},
    "auto_resynchronize": {"type": "bool"},
    "auto_resynchronize_from": {"type": "str"},
    "auto_resynchronize_until": {"type": "str"},
    "bypass_proxy": {"type": "bool"},
    "host_kvp": {"type": "bool"},
    "initial_copy": {"type": "str", "choices": [NETWORK, MEDIA, EXISTING, NO_COPY]},
    "initial_copy_start": {"type": "str"},
    "initial_copy_path": {"type": "str"},
    "allowed_primary_server": {"type": "str"},
    "wait": {"type": "bool", "default": False},
    "suspended": {"type": "bool"},
    "recover": {"type": "str", "choices": ["resume", "resynchronize"]},
    "acts": {
        "type": "list",
        "elements": "str",
        "choices": [RESYNCHRONIZE_NOW, CANCEL_RESYNC, CANCEL_COPY, RESET_STATISTICS],
    },
    "expected_host": {"type": "str"},
    "partner": {"type": "list", "elements": "dict"},
    "partner_server": {"type": "dict"},
}

RULES: Mapping[str, Any] = {
    "mutually_exclusive": [["replica_server", "between"]],
    "required_together": [["between", "first_primary"]],
}


def read_want(options: Mapping[str, Any]) -> Want:
    """The options as one value. Raises OptionError, naming the option, for what cannot be meant."""
    want = Want(
        vms=VMSelection.of(options),
        state=options["state"],
        side=options.get("side"),
        expected_host=options.get("expected_host") or "",
        relationship=options["relationship"].capitalize(),
        replica_server=_server(options, "replica_server"),
        between=_between(options),
        first_primary=options.get("first_primary"),
        per_host=_per_host(options.get("per_host") or {}),
        move=options["other_server"] == "move",
        settings=read_settings(options),
        renew_before=options["renew_before"],
        disks=disks.read_wish(options.get("disks"), options.get("excluded_disks")),
        copy=options.get("initial_copy"),
        copy_start=_moment(options.get("initial_copy_start")),
        copy_path=options.get("initial_copy_path"),
        allowed_primary_server=options.get("allowed_primary_server"),
        wait=options["wait"],
        suspended=options.get("suspended"),
        recover=options.get("recover"),
        acts=frozenset(options.get("acts") or ()),
        partner=read_partner(options.get("partner") or []),
        partner_read=options.get("partner") is not None,
        partner_server=read_server(options.get("partner_server")),
    )
    check(want)
    return want


def read_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The given settings in the form in which they are compared. Raises OptionError for one out of range."""
    given = {row.option: options[row.option] for row in SETTINGS if options.get(row.option) is not None}
    check_ranges(given)
    for option in ("auto_resynchronize_from", "auto_resynchronize_until"):
        if option in given:
            given[option] = _time_of_day(option, given[option])
    if "certificate_thumbprint" in given:
        given["certificate_thumbprint"] = _thumbprint(given["certificate_thumbprint"])
    return given


def _thumbprint(text: str) -> str:
    if text.strip().casefold() == AUTO:
        return AUTO
    try:
        return values.thumbprint(text)
    except ValueError as error:
        raise OptionError("certificate_thumbprint", str(error), f"Give 40 digits, or '{AUTO}'.") from None


def _time_of_day(option: str, text: str) -> str:
    try:
        seconds = values.seconds(text)
    except ValueError as error:
        raise OptionError(option, str(error), "Give the time of day, like 18:30.") from None
    if seconds is None or not 0 <= seconds < 86400:
        raise OptionError(option, f"'{text}' is not a time of day.", "Give 00:00 to 23:59, in the host's local time.")
    return values.timespan(seconds)


def _server(options: Mapping[str, Any], option: str) -> str | None:
    name = options.get(option)
    if name is None:
        return None
    problem = names.not_a_host_name(name)
    if problem:
        raise OptionError(option, problem, "Give the full DNS name of the replica server, or of its broker.")
    return str(name)


def _between(options: Mapping[str, Any]) -> tuple[str, ...]:
    hosts = options.get("between")
    if hosts is None:
        return ()
    if len(hosts) != 2 or names.same_host(hosts[0], hosts[1]):
        raise OptionError("between", f"it names {', '.join(hosts) or 'nobody'}.", "Give two different hosts.")
    for host in hosts:
        problem = names.not_a_host_name(host)
        if problem:
            raise OptionError("between", problem, "Give the full DNS names of both hosts, or of their brokers.")
    return tuple(hosts)


def _per_host(given: Mapping[str, Any]) -> dict[str, HostValues]:
    hosts: dict[str, HostValues] = {}
    for host, options in given.items():
        if not isinstance(options, Mapping):
            raise OptionError("per_host", f"'{host}' has no options.", f"Give {', '.join(sorted(OF_ONE_HOST))}.")
        strange = sorted(set(options) - set(OF_ONE_HOST))
        if strange:
            problem = f"'{strange[0]}' of {host} is not a value of one host."
            raise OptionError("per_host", problem, f"Those are {', '.join(sorted(OF_ONE_HOST))}.")
        hosts[str(host)] = HostValues(read_settings(_typed(str(host), options)), _host_disks(str(host), options))
    return hosts


def _typed(host: str, options: Mapping[str, Any]) -> dict[str, Any]:
    typed = dict(options)
    if typed.get("replica_port") is not None:
        try:
            typed["replica_port"] = values.number(typed["replica_port"])
        except ValueError as error:
            raise OptionError("per_host", f"replica_port of {host}: {error}", "Give the port's number.") from None
    if typed.get("certificate_thumbprint") is not None:
        typed["certificate_thumbprint"] = str(typed["certificate_thumbprint"])
    return typed


def _host_disks(host: str, options: Mapping[str, Any]) -> disks.Wish | None:
    lists: list[list[str] | None] = []
    for option in ("disks", "excluded_disks"):
        value = options.get(option)
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        if value is not None and not isinstance(value, list):
            raise OptionError("per_host", f"{option} of {host} is not a list.", "Give a list of places or paths.")
        lists.append(None if value is None else [str(item) for item in value])
    return None if lists == [None, None] else disks.read_wish(*lists)


def _moment(text: str | None) -> str | None:
    if text is None:
        return None
    advice = "Give a time with its offset, like 2026-03-01T22:00:00+01:00."
    try:
        moment = values.time_utc(text)
    except ValueError as error:
        raise OptionError("initial_copy_start", str(error), advice) from None
    if moment is None or not values.has_zone(text):
        raise OptionError("initial_copy_start", f"'{text}' says no offset to UTC.", advice)
    return values.time_text(moment)
