# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Why a host could not be reached: what is raised below a session becomes one sentence and signs of life. Pure.

The exceptions of the libraries are told apart by the names of their classes, so that a library which is missing, or
another version of it, is no case of its own. They come wrapped in each other: every one of a chain is looked at.
"""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Callable

from ..base.errors import short
from .contact import Chain, Contact, Way, beneath

_TIMED_OUT = 0x80338029  # ERROR_WSMAN_OPERATION_TIMEDOUT
_ACCESS_DENIED = 5  # ERROR_ACCESS_DENIED
_OTHER_NAME, _EXPIRED = (62, 64), 10  # X509_V_ERR_HOSTNAME_MISMATCH, …IP_ADDRESS_MISMATCH, …CERT_HAS_EXPIRED (OpenSSL)
_PORTS = "5985 is for http, 5986 for https"
_NO_ROUTE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL}
_CUT = {errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE}
_CUT_SHORT = (
    "RemoteDisconnected",
    "ProtocolError",
    "IncompleteRead",
    "ChunkedEncodingError",
    "SSLError",
    "ConnectionError",
)
_NO_HTTP = ("BadStatusLine", "UnknownProtocol", "LineTooLong", "InvalidHeader", "ContentDecodingError")
_BY_PROXY = {403, 407, 502, 503, 504}  # what a proxy says of itself, or of a host that it cannot reach
_EXTRAS = {"credssp": "credssp"}  # pypsrp's extras, by ansible_psrp_auth; all others that need one need kerberos
_OF_THE_LOGIN = ("login", "ticket")
_CONTROLLER = "a domain controller has to run: one that is a VM and off is started at the console of its host"
_LOCKED_OUT = (
    "it took the login of {login} before in this run, and does not any more: the account is locked,"
    f" or {_CONTROLLER} (after Stop-VMFailover where it is PreparedForFailover), and then the same command goes on"
)
_KEY_PROBLEMS = ("PEM", "KEY_VALUES", "NO_START_LINE", "ASN1", "BAD_PASSWORD", "X509_LIB", "BAD_BASE64")


def judge(error: BaseException, way: Way, opened: bool = False, heard: bool = False, known: bool = False) -> Contact:
    """What an exception from below a session means.

    `opened`: the session stood, and was lost. `heard`: a request had been made, so that what fails on the control node
    fails over an answer. `known`: the host has taken the same login before.
    """
    found = Chain(beneath(error))
    told = next(filter(None, (rule(found, way, heard) for rule in _RULES)), None) or _unreadable(found, way, opened)
    up: bool | None = True if told.answered or told.machine_up else told.machine_up
    if way.proxy and not told.answered:
        up = None
    sentence = told.sentence
    if known and told.kind in _OF_THE_LOGIN:
        sentence = f"{way.host}: {_LOCKED_OUT.format(login=f'{way.login} ({way.auth})')}"
    if opened and told.again:
        sentence = f"{way.host}: the connection was lost: {sentence.removeprefix(way.host).lstrip(': ')}"
    return Contact(told.kind, sentence, told.answered, up, told.arrived, told.local, told.again and opened)


def _proxy(found: Chain, way: Way, heard: bool) -> Contact | None:
    by_proxy = bool(way.proxy) and found.status in _BY_PROXY
    if not by_proxy and not found.has("ProxyError"):
        return None
    said = f"HTTP {found.status}" if by_proxy else short(_below_proxy(found))
    sentence = (
        f"{way.host}: the proxy {way.proxy} did not lead to {way.place}: {said}. Check ansible_psrp_proxy and the"
        " environment (https_proxy, no_proxy), or set ansible_psrp_ignore_proxy: true"
    )
    return Contact("proxy", sentence, machine_up=None)


def _below_proxy(found: Chain) -> BaseException:
    return next((e for e in reversed(found.errors) if isinstance(e, OSError)), found.errors[-1])


def _login(found: Chain, way: Way, heard: bool) -> Contact | None:
    if not found.has("AuthenticationError"):
        return None
    offered = re.search(r"actual: '([^']*)'", str(found.first("AuthenticationError")))
    if offered:
        said = short(offered[1]) if offered[1] else "none"
        sentence = f"{way.host} takes no login {way.auth}, it offers: {said}; check ansible_psrp_auth"
        return Contact("not_offered", sentence, answered=True)
    sentence = (
        f"{way.host} refused the login of {way.login} ({way.auth}): check ansible_user and the password;"
        f" do not repeat it, accounts lock. For a domain account {_CONTROLLER}"
    )
    return Contact("login", sentence, answered=True)


def _fault(found: Chain, way: Way, heard: bool) -> Contact | None:
    fault = found.first("WSManFaultError")
    if fault is None or not fault.args or fault.args[0] is None:
        return None
    code, reason = fault.args[0], fault.args[2] if len(fault.args) > 2 else None
    if code == _TIMED_OUT:
        sentence = f"{way.host} answers, but did not do in time what it was asked"
        return Contact("busy", sentence, answered=True, arrived=True, again=True)
    said = f"{short(reason)} (0x{code:08X})" if isinstance(code, int) else f"{short(reason)} ({short(code, 60)})"
    if code == _ACCESS_DENIED:
        advice = f"check the groups of {way.login} there, and ansible_psrp_configuration_name ({way.endpoint})"
        return Contact("denied", f"{way.host} took the login and refuses the session: {said}: {advice}", answered=True)
    return Contact("fault", f"{way.host}: its WinRM answered with a fault: {said}", answered=True)


def _no_http(found: Chain, way: Way, heard: bool) -> Contact | None:
    if not any(type(error).__name__ in _NO_HTTP for error in found.errors):
        return None
    return Contact("no_winrm", _no_winrm(way, "it speaks no HTTP"), answered=not way.proxy, arrived=True)


def _web_server(found: Chain, way: Way, heard: bool) -> Contact | None:
    faultless = found.has("WSManFaultError")  # well-formed, and no fault in it: pypsrp makes an empty one of it
    if found.status is None and not faultless:
        return None
    said = f"HTTP {found.status}" if found.status is not None else "it speaks another language"
    return Contact("no_winrm", _no_winrm(way, said), answered=not way.proxy or found.status == 500)


def _no_winrm(way: Way, said: str) -> str:
    url = f"{way.url}/{way.path.lstrip('/')}"
    return (
        f"{way.host}: what answers at {url} is not WinRM ({said}): check ansible_host, ansible_port ({_PORTS}) and"
        " ansible_psrp_path"
    )


def _certificate(found: Chain, way: Way, heard: bool) -> Contact | None:
    error = found.first("SSLCertVerificationError", "CertificateError")
    if error is None:
        return None
    code, said = getattr(error, "verify_code", None), getattr(error, "verify_message", "") or short(error)
    if code in _OTHER_NAME or (found.has("CertificateError") and code is None):
        advice = f"is for another name than {way.address}. Set ansible_host to a name that is in it"
    elif code == _EXPIRED:
        advice = "has expired. Renew it there, and give the listener the new one"
    else:
        advice = (
            f"is not trusted ({short(said)}). Set ansible_psrp_ca_cert to the certificate of the authority that issued"
            " it (ansible_psrp_cert_validation: ignore turns the check off)"
        )
    return Contact("certificate", f"{way.host}: its certificate {advice}", answered=True)


def _tls(found: Chain, way: Way, heard: bool) -> Contact | None:
    error = next((e for e in found.errors if isinstance(e, ssl.SSLError)), None)
    cut = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    if error is None or isinstance(error, cut) or "EOF" in str(error):
        return None
    if any(word in str(error.reason or error) for word in _KEY_PROBLEMS):
        advice = "check ansible_psrp_certificate_pem, ansible_psrp_certificate_key_pem and ansible_psrp_ca_cert"
        return Contact("files", f"{way.host}: a certificate file cannot be used ({short(error)}): {advice}", local=True)
    sentence = (
        f"{way.host}: what answers at {way.place} does not agree on TLS ({short(error)}): check ansible_port ({_PORTS})"
        " and ansible_psrp_protocol"
    )
    return Contact("tls", sentence, answered=True)


def _library(found: Chain, way: Way, heard: bool) -> Contact | None:
    missing = found.first("ImportError", "NoClassDefFoundError")
    if missing is None:
        return None
    extra = _EXTRAS.get(way.auth, "kerberos")
    system = "" if extra == "credssp" else " It needs the Kerberos libraries of the system, and a compiler for them."
    sentence = (
        f"{way.host}: the login {way.auth} (ansible_psrp_auth) needs a library that the control node lacks"
        f" ({short(missing)}). Type: python -m pip install 'pypsrp[{extra}]', with the python that runs"
        f" ansible.{system}"
    )
    return Contact("library", sentence.rstrip("."), answered=heard, machine_up=None, local=True)


def _no_password(found: Chain, way: Way, heard: bool) -> Contact | None:
    local = found.has("SpnegoError", "ValueError") and not found.has("AuthenticationError", "UnicodeError")
    if way.password or way.auth in ("kerberos", "certificate") or not local:
        return None
    if way.auth == "negotiate" and not found.has("SpnegoError"):
        return None
    sentence = (
        f"{way.host}: no password for {way.login} ({way.auth}): give it by --ask-pass, a connection password file, a"
        " vault or ansible_password"
    )
    return Contact("password", sentence, answered=heard, machine_up=None, local=True)


def _ticket(found: Chain, way: Way, heard: bool) -> Contact | None:
    if not found.has("SpnegoError", "GSSError", "Krb5Error"):
        return None
    said = found.text("SpnegoError", "GSSError", "Krb5Error")
    advice = (
        "check ansible_user, the password and /etc/krb5.conf, and that ansible_host is the full name of the host; or"
        " get a ticket with kinit"
        if way.auth in ("kerberos", "negotiate")
        else "check ansible_user, the password and ansible_psrp_auth"
    )
    lock = "; do not repeat it, accounts lock" if heard and way.password else ""
    failed = f"the login of {way.login} ({way.auth}) could not be made on the control node"
    sentence = f"{way.host}: {failed}: {said}: {advice}{lock}"
    return Contact("ticket", sentence, answered=heard, machine_up=None, local=True)


def _files(found: Chain, way: Way, heard: bool) -> Contact | None:
    """Requests says so of files that are not there, before anything is sent."""
    missing = next((e for e in found.errors if isinstance(e, OSError) and "Could not find" in str(e)), None)
    if missing is None:
        return None
    advice = "check ansible_psrp_ca_cert, ansible_psrp_certificate_pem and ansible_psrp_certificate_key_pem"
    return Contact("files", f"{way.host}: {short(missing)}: {advice}", machine_up=None, local=True)


def _address(found: Chain, way: Way, heard: bool) -> Contact | None:
    if found.has("InvalidProxyURL") or (found.has("InvalidSchema") and way.proxy):
        said = short(found.errors[0])
        sentence = f"{way.host}: the proxy {way.proxy} cannot be used ({said}): check ansible_psrp_proxy"
        return Contact("proxy", sentence, machine_up=None, local=True)
    if getattr(found.first("UnicodeEncodeError"), "encoding", "") in ("latin-1", "ascii"):  # a name's would be idna
        sentence = f"{way.host}: ansible_user or the password has a character that the login {way.auth} cannot carry"
        return Contact("login_text", sentence, machine_up=None, local=True)
    if found.has("InvalidURL", "InvalidSchema", "MissingSchema", "LocationParseError", "UnicodeError"):
        sentence = f"{way.host}: {way.address} is not an address ({short(found.errors[0])}): check ansible_host"
        return Contact("address", sentence, machine_up=None, local=True)
    return None


def _name(found: Chain, way: Way, heard: bool) -> Contact | None:
    if not found.has("gaierror", "herror", "NameResolutionError"):
        return None
    sentence = (
        f"{way.host}: the name {way.address} does not resolve on the control node: check ansible_host (a name or an"
        " address), and its DNS"
    )
    return Contact("name", sentence, machine_up=None)  # nothing was asked of the host


def _refused(found: Chain, way: Way, heard: bool) -> Contact | None:
    if not (found.numbers & {errno.ECONNREFUSED}):
        return None
    sentence = (
        f"{way.host}: nothing listens at {way.place} (connection refused): check ansible_port ({_PORTS}) and that WinRM"
        " runs there"
    )
    return Contact("refused", sentence, machine_up=True, again=True)


def _route(found: Chain, way: Way, heard: bool) -> Contact | None:
    if not (found.numbers & _NO_ROUTE):
        return None
    sentence = f"{way.host}: no route to {way.address}: check ansible_host and the network of the control node"
    return Contact("route", sentence, again=True)


def _no_connection(found: Chain, way: Way, heard: bool) -> Contact | None:
    timed_out = errno.ETIMEDOUT in found.numbers and found.has("NewConnectionError")
    if not timed_out and not found.has("ConnectTimeout", "ConnectTimeoutError"):
        return None
    sentence = (
        f"{way.host}: no connection to {way.place} within {way.connect_seconds:g} seconds"
        " (ansible_psrp_connection_timeout): it is down, behind a firewall, or ansible_host is wrong"
    )
    return Contact("no_connection", sentence, again=True)


def _silent(found: Chain, way: Way, heard: bool) -> Contact | None:
    if not found.has("ReadTimeout", "ReadTimeoutError", "TimeoutError", "timeout"):
        return None
    silent = "nothing came through the proxy from {}" if way.proxy else "{} took the connection and said nothing"
    sentence = (
        f"{way.host}: {silent.format(way.place)} within {way.read_seconds:g} seconds"
        " (ansible_psrp_read_timeout): check that WinRM runs well there"
    )
    return Contact("silent", sentence, machine_up=True, arrived=True, again=True)


def _cut(found: Chain, way: Way, heard: bool) -> Contact | None:
    if not (found.numbers & _CUT or found.has(*_CUT_SHORT)):
        return None
    sentence = (
        f"{way.host}: {way.place} ended the connection without an answer: check ansible_port ({_PORTS}) and"
        " ansible_psrp_protocol, and that WinRM runs there"
    )
    return Contact("cut", sentence, machine_up=True, arrived=True, again=True)


def _unreadable(found: Chain, way: Way, opened: bool) -> Contact:
    """All that is left: something came that is not what was to come."""
    error = found.errors[-1] if found.has("AnsibleConnectionFailure") else found.errors[0]
    kind, said = type(error).__name__, short(error)
    if "related id" in said:  # pypsrp names both ids, which tell nobody anything
        said = "it answers another request"
    elif kind not in ("WinRMError", "TooMuch") and kind not in said:
        said = f"{kind}: {said}"
    check = "" if opened else f": check that it is WinRM that answers at {way.place}"
    sentence = f"{way.host} gave an answer that cannot be read ({said}){check}"
    return Contact("unreadable", sentence, answered=not way.proxy or opened, arrived=True)


_RULES: tuple[Callable[[Chain, Way, bool], Contact | None], ...] = (
    _proxy,
    _login,
    _fault,
    _web_server,
    _no_http,
    _certificate,
    _tls,
    _library,
    _no_password,
    _ticket,
    _files,
    _name,
    _address,
    _refused,
    _route,
    _no_connection,
    _silent,
    _cut,
)
"""In order: the first that fits tells it. What says more stands before what says less."""
