# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The certificate that a replica server is to use: named, chosen, or kept; checked before it is sent."""

from __future__ import annotations

from dataclasses import replace

from ..facts.certificate import AUTO, Certificates, NoChoice, choose, problems
from .have import Have, Settings
from .want import Want


class Refusal(ValueError):
    """Why a task must not go on; the text says what was asked, what was found and what to do next."""


def certificate_in_force(have: Have, want: Want, then: Settings) -> tuple[Settings, tuple[str, ...]]:
    """`then` with its thumbprint, and warnings about a stored certificate that is not good any more.

    Kerberos, and a role that is disabled, clear the stored thumbprint (observed behaviour, not documented).
    """
    now = have.settings
    if not then.uses_certificate:
        if want.thumbprint is not None:
            raise Refusal(
                f"certificate_thumbprint: {then.authentication} is in force here and uses no certificate."
                " Give authentication: certificate or both as well."
            )
        return replace(then, thumbprint=now.thumbprint if not now.uses_certificate else ""), ()
    if want.thumbprint is None or have.certificates is None:
        if not now.thumbprint:
            raise Refusal(
                f"certificate_thumbprint: authentication {then.authentication} needs a certificate and none is stored"
                f" here. Give its thumbprint, or {AUTO}."
            )
        return _stored(have, want, replace(then, thumbprint=now.thumbprint))
    if want.thumbprint == AUTO:
        return _chosen(have, want, then, have.certificates)
    return _named(have, want, then, have.certificates)


def _stored(have: Have, want: Want, then: Settings) -> tuple[Settings, tuple[str, ...]]:
    """The stored certificate where none was named: judged where it was read; a change of the type sends it again."""
    now = have.settings
    wrong = [] if have.certificates is None else _wrong(have, want, have.certificates, now.thumbprint)
    if not wrong:
        return then, ()
    if (now.enabled, now.authentication) != (then.enabled, then.authentication):
        raise Refusal(
            f"certificate_thumbprint: authentication {then.authentication} sends the stored certificate"
            f" {now.thumbprint} again, and it cannot be used: {'; '.join(wrong)}. Give another one, or {AUTO}."
        )
    return then, (f"the certificate {now.thumbprint} in use is not good: {'; '.join(wrong)}",)


def _chosen(have: Have, want: Want, then: Settings, held: Certificates) -> tuple[Settings, tuple[str, ...]]:
    stored = have.settings.thumbprint
    elsewhere = _good_elsewhere(have, want)
    try:
        best = choose(held, have.partner_names, stored, want.renew_before_days, elsewhere)
    except NoChoice as error:
        raise Refusal(f"certificate_thumbprint: {AUTO} was asked for, and {error}") from None
    if best.thumbprint != stored or best.not_after is None:
        return replace(then, thumbprint=best.thumbprint), ()
    days = (best.not_after - held.now).days
    warnings = (f"{best} ends in {days} days and nothing better is here",) if days < want.renew_before_days else ()
    return replace(then, thumbprint=best.thumbprint), warnings


def _named(have: Have, want: Want, then: Settings, held: Certificates) -> tuple[Settings, tuple[str, ...]]:
    thumbprint = want.thumbprint or ""
    wrong = _wrong(have, want, held, thumbprint)
    now = have.settings
    sent = (now.enabled, now.authentication, now.thumbprint) != (then.enabled, then.authentication, thumbprint)
    if wrong and sent:
        raise Refusal(
            f"certificate_thumbprint: {thumbprint} cannot be used: {'; '.join(wrong)}."
            f" Give another one, or {AUTO} to have one chosen."
        )
    # What is stored already, under the same type, is not sent, so it is reported and not refused.
    warnings = (f"the certificate {thumbprint} in use is not good: {'; '.join(wrong)}",) if wrong else ()
    return replace(then, thumbprint=thumbprint), warnings


def _wrong(have: Have, want: Want, held: Certificates, thumbprint: str) -> list[str]:
    """What keeps the certificate from being used, here and on the other nodes."""
    found = held.find(thumbprint)
    if found is None:
        wrong = [f"it is not in LocalMachine\\My of {have.full_name}"]
    else:
        wrong = list(problems(found, held.now, have.partner_names))
    return wrong + [f"it is missing or not good on {node}" for node in _nodes_without(have, want, thumbprint)]


def _good_elsewhere(have: Have, want: Want) -> frozenset[str] | None:
    """Thumbprints that are good on every other node that told; None where none did."""
    told = [good for _unused, good in _other_nodes(have, want)]
    return frozenset.intersection(*told) if told else None


def _nodes_without(have: Have, want: Want, thumbprint: str) -> list[str]:
    return [name for name, good in _other_nodes(have, want) if thumbprint not in good]


def _other_nodes(have: Have, want: Want) -> list[tuple[str, frozenset[str]]]:
    others = have.cluster.others(have.name) if have.cluster else ()
    return [
        (node.name, node.good_thumbprints)
        for node in want.other_nodes or ()
        if node.good_thumbprints is not None and any(node.is_node(other.name) for other in others)
    ]
