# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The inventory lines of a psrp connection that say what the `ansible_winrm_…` variables of a host say. Pure.

Names: Ansible's winrm and psrp connection plugins. winrm hands further `ansible_winrm_…` variables on to pywinrm's
Protocol, by the names of its arguments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..base.errors import short

_SAME = {
    "ansible_winrm_host": "ansible_host",
    "ansible_winrm_port": "ansible_port",
    "ansible_winrm_user": "ansible_user",
    "ansible_winrm_scheme": "ansible_psrp_protocol",
    "ansible_winrm_path": "ansible_psrp_path",
    "ansible_winrm_server_cert_validation": "ansible_psrp_cert_validation",
    "ansible_winrm_ca_trust_path": "ansible_psrp_ca_cert",
    "ansible_winrm_cert_pem": "ansible_psrp_certificate_pem",
    "ansible_winrm_cert_key_pem": "ansible_psrp_certificate_key_pem",
    "ansible_winrm_message_encryption": "ansible_psrp_message_encryption",
    "ansible_winrm_connection_timeout": "ansible_psrp_operation_timeout",
    "ansible_winrm_operation_timeout_sec": "ansible_psrp_operation_timeout",
    "ansible_winrm_read_timeout_sec": "ansible_psrp_read_timeout",
    "ansible_winrm_service": "ansible_psrp_negotiate_service",
    "ansible_winrm_kerberos_delegation": "ansible_psrp_negotiate_delegate",
    "ansible_winrm_kerberos_hostname_override": "ansible_psrp_negotiate_hostname_override",
    "ansible_winrm_send_cbt": "ansible_psrp_negotiate_send_cbt",
}
_SECRET = {  # these may hold a password, which no message repeats
    "ansible_winrm_pass": "ansible_password",
    "ansible_winrm_password": "ansible_password",
    "ansible_winrm_proxy": "ansible_psrp_proxy",
}
_LOGINS = {"plaintext": "basic", "ssl": "basic"}
"""pywinrm's transports that psrp has no word for: both are Basic, without and with TLS."""


def psrp_lines(variables: Mapping[str, Any]) -> str:
    """The lines, to be pasted into the inventory or host_vars, with a line end before the first.

    Values are given as the variables have them; one that may be secret is named and not shown. Variables of winrm that
    psrp needs no other for are told to be left out.
    """
    lines = ["ansible_connection: psrp"]
    lines += _login(variables)
    for name, value in variables.items():
        if name in _SAME:
            lines.append(f"{_SAME[name]}: {_shown(value)}")
        elif name in _SECRET:
            lines.append(f"{_SECRET[name]}: (as in {name})")
    known = {*_SAME, *_SECRET, "ansible_winrm_transport"}
    left = sorted(name for name in variables if str(name).startswith("ansible_winrm_") and name not in known)
    text = "".join(f"\n  {line}" for line in dict.fromkeys(lines))
    told = f" Leave out {', '.join(left)}: psrp has no such variable." if left else ""
    return f" These lines say what its variables for winrm said:{text}{chr(10) if told else ''}{told.strip()}"


def _login(variables: Mapping[str, Any]) -> list[str]:
    given = variables.get("ansible_winrm_transport")
    transports = given.split(",") if isinstance(given, str) else list(given) if isinstance(given, Sequence) else []
    names = [str(name).strip().lower() for name in transports if str(name).strip()]
    if not names:
        return []
    auth = _LOGINS.get(names[0], names[0])
    lines = [f"ansible_psrp_auth: {_shown(auth)}"]
    plain = str(variables.get("ansible_winrm_scheme", "")).lower() == "http" or names[0] == "plaintext"
    plain = plain or str(variables.get("ansible_winrm_port", variables.get("ansible_port", ""))) == "5985"
    if auth == "basic" and plain and "ansible_winrm_message_encryption" not in variables:
        lines.append("ansible_psrp_message_encryption: never")
    if names[0] == "plaintext" and "ansible_winrm_scheme" not in variables:
        lines.append("ansible_psrp_protocol: http")
    return lines


def _shown(value: Any) -> str:
    """A value as YAML: plain words as they are, all else quoted."""
    if isinstance(value, bool):
        return str(value).lower()
    text = short(value)
    return text if re.fullmatch(r"[A-Za-z0-9/][A-Za-z0-9_./\\-]*", text) else json.dumps(text)
