# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The replica server of a host as a resource: its parts, and how it is shown. See plan.py for what it does."""

from __future__ import annotations

from typing import Any

from ..base.values import time_text, timespan
from ..engine.plan import Resource
from ..facts.certificate import Certificate, Certificates, problems
from .have import Have, Settings, parse, query
from .options import SPEC, read_options
from .plan import decide, openings_of, predict
from .want import ANY, LISTED, Want


def subjects(have: Have, want: Want) -> tuple[str, ...]:
    """The host itself."""
    return ("",)


def record(have: Have, want: Want, subject: str) -> dict[str, Any]:
    """The result: settings as the options are named, and what was read beside them; None for what was not asked."""
    firewall, certificates = have.firewall, have.certificates
    openings = openings_of(have, have.settings)
    return {
        "host": {"name": have.name, "full_name": have.full_name},
        **_settings(have.settings),
        "listener": None
        if have.listener is None
        else {"status": list(have.listener[0]), "descriptions": list(have.listener[1])},
        "cluster": have.cluster.result if have.cluster else None,
        "firewall": None if firewall is None else [opening.result(firewall) for opening in openings],
        "certificates": None
        if certificates is None
        else [_certificate(one, have, certificates) for one in certificates.own],
        "replicas": None if have.replicas is None else [one.result for one in have.replicas],
        "storage": [{"path": path, "exists": have.folder(path)} for path in want.folders],
    }


def _settings(now: Settings) -> dict[str, Any]:
    anyone = now.any_server
    listed = sorted((one for one in now.entries if one is not anyone), key=lambda one: one.name.casefold())
    hours = now.monitoring_interval / 3600
    return {
        "state": "enabled" if now.enabled else "disabled",
        "authentication": now.authentication,
        "kerberos_port": now.kerberos_port,
        "certificate_port": now.certificate_port,
        "kerberos_port_mapping": now.kerberos_mapping,
        "certificate_port_mapping": now.certificate_mapping,
        "certificate_thumbprint": now.thumbprint or None,
        "admits": ANY if anyone else LISTED,
        "default_storage": anyone.storage if anyone else None,
        "allowed_primaries": [one.result for one in listed],
        "monitoring_interval_hours": int(hours) if hours == int(hours) else hours,
        "monitoring_start": timespan(now.monitoring_start),
    }


def _certificate(one: Certificate, have: Have, held: Certificates) -> dict[str, Any]:
    return {
        "thumbprint": one.thumbprint,
        "subject": one.subject,
        "issuer": one.issuer,
        "names": list(one.names),
        "not_before": time_text(one.not_before),
        "not_after": time_text(one.not_after),
        "trusted": held.trusted(one),
        "problems": list(problems(one, held.now, have.partner_names)),
    }


SERVER: Resource[Have, Want] = Resource(
    name="hyperv_replica_server",
    spec=SPEC,
    read_options=read_options,
    query=query,
    parse=parse,
    subjects=subjects,
    decide=decide,
    predict=predict,
    record=record,
    subject_key="",
)
