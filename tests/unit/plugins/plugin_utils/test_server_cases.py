"""Every case of cases/server: its plan, the plan made again from its own outcome, and what it must not touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Done, Refused, Step
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.authorization import Entry
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.have import Have, Settings
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.resource import SERVER, record

from tests.unit.plugins.server_cases import Case, cases, have_of, want_of
from tests.unit.plugins.unfolding import unfold

CASES = list(cases())
PLANNED = [case for case in CASES if not case.refusal and not case.option_error]
REFUSED = [case for case in CASES if case.refusal]
MISREAD = [case for case in CASES if case.option_error]
PORTS = {"KerberosAuthenticationPort", "CertificateAuthenticationPort"}
MAPPINGS = {"KerberosAuthenticationPortMapping", "CertificateAuthenticationPortMapping"}


def _ids(case: Case) -> str:
    return case.name


def _sent(steps: tuple[Step, ...]) -> list[Any]:
    """Each cmdlet with its parameters, less the Confirm that all have."""
    sent = []
    for step in steps:
        command = step.statement.commands[-1]
        assert command.parameters["Confirm"] is False, command
        sent.append([command.name, {k: v for k, v in command.parameters.items() if k != "Confirm"}])
    return sent


@pytest.mark.parametrize("case", PLANNED, ids=_ids)
def test_the_plan_is_as_the_case_says(case: Case) -> None:
    want = want_of(case.want)
    have = have_of(case.have, want)
    steps, last, after = unfold(SERVER, have, want, "")
    assert isinstance(last, Done), last
    assert _sent(steps) == case.steps
    before_record, after_record = record(have, want, ""), record(after, want, "")
    assert {k: v for k, v in after_record.items() if v != before_record[k] and k != "listener"} == case.diff
    for expected in case.warnings:
        assert any(expected in warning for warning in last.warnings), last.warnings
    assert bool(last.warnings) == bool(case.warnings), last.warnings


@pytest.mark.parametrize("case", PLANNED, ids=_ids)
def test_planned_again_from_its_own_outcome_there_is_nothing_to_do(case: Case) -> None:
    want = want_of(case.want)
    _unused, _unused, after = unfold(SERVER, have_of(case.have, want), want, "")
    again, last, _unused = unfold(SERVER, after, want, "")
    assert again == ()
    assert isinstance(last, Done)
    assert last.reason


@pytest.mark.parametrize("case", REFUSED, ids=_ids)
def test_a_refusal_says_what_was_asked_and_sends_nothing(case: Case) -> None:
    want = want_of(case.want)
    steps, last, _unused = unfold(SERVER, have_of(case.have, want), want, "")
    assert isinstance(last, Refused), last
    for text in case.refusal:
        assert text in last.message
    assert _sent(steps) == case.steps


@pytest.mark.parametrize("case", MISREAD, ids=_ids)
def test_a_wrong_option_is_named(case: Case) -> None:
    option, *texts = case.option_error
    with pytest.raises(OptionError) as caught:
        want_of(case.want)
    assert caught.value.option == option
    for text in texts:
        assert text in str(caught.value)


def _variants(have: Have, want: Mapping[str, Any]) -> Iterator[tuple[str, Have]]:
    """The same host with one setting changed that the task does not name."""
    now = have.settings
    mapped = now.kerberos_mapping or now.certificate_mapping or {k for k in want if k.endswith("_mapping")}
    changes: dict[str, dict[str, Any]] = {
        "kerberos_port": {} if mapped else {"kerberos_port": 18080},
        "certificate_port": {} if mapped else {"certificate_port": 18443},
        "monitoring_interval_hours": {"monitoring_interval": 7200},
        "monitoring_start": {"monitoring_start": 60},
    }
    listed = now.any_server is None and want.get("admit") != "any_server" and want.get("unlisted") != "purge"
    if listed:
        other = Entry("other.corp.example", "X:\\Other", "OTHER")
        yield "an entry", replace(have, settings=replace(now, entries=(*now.entries, other)))
    for option, values in changes.items():
        if option not in want and values:
            yield option, replace(have, settings=replace(now, **values))


@pytest.mark.parametrize("case", PLANNED, ids=_ids)
def test_what_the_task_does_not_name_stays(case: Case) -> None:
    want = want_of(case.want)
    for name, have in _variants(have_of(case.have, want), case.want):
        steps, last, after = unfold(SERVER, have, want, "")
        assert isinstance(last, Done), (name, last)
        assert _kept(name, after.settings) == _kept(name, have.settings), name
        for cmdlet, parameters in _sent(steps):
            if cmdlet == "Set-VMReplicationServer":
                _check_carries(parameters, have.settings, after.settings)
            assert parameters.get("AllowedPrimaryServer") != "other.corp.example"


def _kept(name: str, settings: Settings) -> Any:
    if name == "an entry":
        return next(one for one in settings.entries if one.name == "other.corp.example")
    return getattr(settings, name.removesuffix("_hours"))


def _check_carries(parameters: Mapping[str, Any], now: Settings, then: Settings) -> None:
    """A call of Set-VMReplicationServer resets the ports that it does not carry; state, type and thumbprint come all
    together where one of them changes, and never where none does."""
    carried = set(parameters)
    assert carried >= PORTS or carried & MAPPINGS
    assert not (carried & PORTS and carried & MAPPINGS)
    if carried >= PORTS:
        assert parameters["KerberosAuthenticationPort"] == then.kerberos_port
        assert parameters["CertificateAuthenticationPort"] == then.certificate_port
    role = [(one.enabled, one.authentication, one.thumbprint) for one in (now, then)]
    if role[0] == role[1]:
        assert not carried & {"ReplicationEnabled", "AllowedAuthenticationType", "CertificateThumbprint"}
        return
    assert parameters["ReplicationEnabled"] is then.enabled
    assert ("AllowedAuthenticationType" in carried) is then.enabled
    assert parameters.get("CertificateThumbprint") == (then.thumbprint if then.uses_certificate else None)


def test_the_cases_are_there() -> None:
    assert len(PLANNED) > 20
    assert len(REFUSED) > 20
    assert len(MISREAD) > 15
