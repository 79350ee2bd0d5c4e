"""The lines that replace a host's ansible_winrm_ variables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.winrm_lines import psrp_lines


def lines(variables: dict[str, Any]) -> list[str]:
    """What is to be pasted."""
    return [line.strip() for line in psrp_lines(variables).splitlines() if line.startswith("  ")]


@pytest.mark.parametrize(
    "variables, expected",
    [
        ({}, []),
        ({"ansible_winrm_transport": "kerberos"}, ["ansible_psrp_auth: kerberos"]),
        ({"ansible_winrm_transport": ["credssp"]}, ["ansible_psrp_auth: credssp"]),
        ({"ansible_winrm_transport": "ntlm,basic"}, ["ansible_psrp_auth: ntlm"]),
        (
            {"ansible_winrm_transport": "basic", "ansible_port": 5985},
            ["ansible_psrp_auth: basic", "ansible_psrp_message_encryption: never"],
        ),
        ({"ansible_winrm_transport": "ssl"}, ["ansible_psrp_auth: basic"]),
        (
            {"ansible_winrm_transport": "plaintext"},
            ["ansible_psrp_auth: basic", "ansible_psrp_message_encryption: never", "ansible_psrp_protocol: http"],
        ),
        ({"ansible_winrm_server_cert_validation": "ignore"}, ["ansible_psrp_cert_validation: ignore"]),
        ({"ansible_winrm_ca_trust_path": "/etc/ca.pem"}, ["ansible_psrp_ca_cert: /etc/ca.pem"]),
        ({"ansible_winrm_kerberos_delegation": True}, ["ansible_psrp_negotiate_delegate: true"]),
        ({"ansible_winrm_path": "a: b"}, ['ansible_psrp_path: "a: b"']),
        ({"ansible_winrm_user": "CORP\\admin"}, ["ansible_user: CORP\\admin"]),
    ],
)
def test_lines(variables: dict[str, Any], expected: list[str]) -> None:
    assert lines(variables) == ["ansible_connection: psrp", *expected]


def test_what_may_be_secret_is_named_and_not_shown() -> None:
    given = {"ansible_winrm_password": "hidden", "ansible_winrm_proxy": "http://me:hidden@proxy:8080"}
    assert "hidden" not in psrp_lines(given)
    assert lines(given)[1:] == [
        "ansible_password: (as in ansible_winrm_password)",
        "ansible_psrp_proxy: (as in ansible_winrm_proxy)",
    ]


def test_what_psrp_has_no_word_for_is_to_be_left_out() -> None:
    told = psrp_lines({"ansible_winrm_kinit_mode": "managed", "ansible_winrm_scheme": "https"})
    assert told.endswith("Leave out ansible_winrm_kinit_mode: psrp has no such variable.")


def test_a_value_cannot_forge_a_line() -> None:
    told = psrp_lines({"ansible_winrm_path": "x\nansible_password: y\x1b[2J"})
    assert lines({"ansible_winrm_path": "x\nansible_password: y"})[1:] == ['ansible_psrp_path: "x ansible_password: y"']
    assert "\x1b" not in told
