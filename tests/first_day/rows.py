"""The table: what is wrong, the variables of that host, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.wire import authority
from tests.lab.wire.auth import Authenticator
from tests.lab.wire.gate import Gate
from tests.lab.wire.listener import Listener

from .servers import Odd, closed_port, fault, http, soap

if TYPE_CHECKING:
    from tests.lab.lab import Lab

Variables = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """`says` are parts of the sentence. `answered` and `up` are host_answered and machine_up of the result.

    `needs_missing` names a library: with it installed the row says something else, and is left out.
    """

    name: str
    variables: Callable[[Site], Variables]
    says: tuple[str, ...]
    answered: bool = False
    up: bool | None = None
    needs_missing: str = ""

    @property
    def applies(self) -> bool:
        """Whether this python lacks what the row is about."""
        return not self.needs_missing or find_spec(self.needs_missing) is None


@dataclass
class Site:
    """A lab, and what else listens for the rows."""

    lab: Lab
    folder: Path
    odd: dict[str, int] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def around(cls, lab: Lab, folder: Path) -> Iterator[Site]:
        """The lab's hosts in the manners that rows ask for, and the odd servers, until the end."""
        site = cls(lab, folder)
        for number, manner in enumerate(MANNERS):
            lab.behave(f"hv-{chr(ord('c') + number)}", manner)
        with ExitStack() as running:
            for name, answer in ODD.items():
                site.odd[name] = running.enter_context(Odd(answer)).port
            (folder / "elsewhere").mkdir()
            elsewhere = authority.make(folder / "elsewhere", ["elsewhere.example"])
            gate = Gate(lab.endpoint("hv-a").service)
            listener = Listener(gate, Authenticator({}), address="127.0.0.1", tls=elsewhere.context)
            listener.start()
            running.callback(listener.stop)
            site.odd["another name"] = listener.port
            site.ca_of_another_name = elsewhere.ca_file
            yield site

    ca_of_another_name: Path = Path()

    def host(self, name: str = "hv-a", https: bool = False, **variables: Any) -> Variables:
        """The variables of a host of the lab that is reached as it should be, and what is changed of them."""
        endpoint = self.lab.endpoint(name)
        given = {
            "ansible_connection": "psrp",
            "ansible_host": endpoint.address,
            "ansible_port": (endpoint.https if https else endpoint.http).port,
            "ansible_psrp_protocol": "https" if https else "http",
            "ansible_psrp_auth": "basic",
            "ansible_psrp_message_encryption": "auto" if https else "never",
            "ansible_user": self.lab.user,
            "ansible_password": self.lab.password,
            "ansible_psrp_ca_cert": str(self.lab.ca_file) if https else None,
            **variables,
        }
        return {key: value for key, value in given.items() if value is not None}

    def at(self, odd: str, **variables: Any) -> Variables:
        """The same for one of the odd servers."""
        return self.host(ansible_port=self.odd[odd], **variables)


MANNERS = ("silent", "refuses", "drops", "closes", "web:405")
"""What hv-c, hv-d … are like."""

ODD = {
    "web page": http("200 OK", "<!DOCTYPE html><html><body>It works!<br></body></html>"),
    "xhtml page": http("200 OK", "<html><body>It works!</body></html>"),
    "unavailable": http("503 Service Unavailable", "no"),
    "cut XML": http("200 OK", "<s:Envelope xmlns:s='x'><s:Bo", "application/soap+xml"),
    "odd SOAP": soap("<x/>"),
    "fault": fault("2150858999", "The WS-Management service does not support it."),
    "denied": fault("5", "Access is denied."),
    "fault of words": fault("x300", "What?"),
    "other logins": http("401 Unauthorized", "", "text/html", 'WWW-Authenticate: Digest realm="x"'),
    "proxy: forbidden": http("403 Forbidden", "policy"),
    "proxy: gateway": http("502 Bad Gateway", "no such host"),
    "proxy: login": http("407 Proxy Authentication Required", "", "text/html", "Proxy-Authenticate: Basic"),
    "garbage": b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    "nothing": b"",
}

PASSWORD = "check ansible_user and the password; do not repeat it, accounts lock"
NO_WINRM = ("is not WinRM", "ansible_psrp_path")
PIP = "python -m pip install 'pypsrp[{}]'"
NOBODY: Variables = {"ansible_password": None}


def _proxy(site: Site, port: int, **variables: Any) -> Variables:
    return site.host(ansible_psrp_proxy=f"http://me:hidden@127.0.0.1:{port}", **variables)


ROWS = (
    # the login
    Row("basic, wrong password", lambda s: s.host(ansible_password="wrong"), (PASSWORD, "(basic)"), True, True),
    Row(
        "ntlm, wrong password",
        lambda s: s.host(ansible_password="wrong", ansible_psrp_auth="ntlm", ansible_psrp_message_encryption="auto"),
        (PASSWORD, "(ntlm)"),
        True,
        True,
    ),
    Row("https, wrong password", lambda s: s.host(https=True, ansible_password="wrong"), (PASSWORD,), True, True),
    Row("basic, no password", lambda s: s.host(**NOBODY), ("no password for ansible", "--ask-pass")),
    Row(
        "ntlm, no password",
        lambda s: s.host(ansible_psrp_auth="ntlm", ansible_psrp_message_encryption="auto", **NOBODY),
        ("no password for ansible", "--ask-pass"),
        True,
        True,
    ),
    Row(
        "negotiate, no password",
        lambda s: s.host(ansible_psrp_auth="negotiate", ansible_psrp_message_encryption="auto", **NOBODY),
        ("no password for ansible", "--ask-pass"),
        True,
        True,
        "gssapi",
    ),
    Row(
        "a password that basic cannot carry",
        lambda s: s.host(ansible_password="p\N{EURO SIGN}ss"),
        ("ansible_user or the password has a character that the login basic cannot carry",),
    ),
    Row("basic, no user", lambda s: s.host(ansible_user=None), ("username must be specified", "Check ansible_user")),
    Row(
        "kerberos without its library",
        lambda s: s.host(ansible_psrp_auth="kerberos", ansible_psrp_message_encryption="auto"),
        ("the login kerberos (ansible_psrp_auth)", PIP.format("kerberos")),
        True,
        True,
        "gssapi",
    ),
    Row(
        "kerberos without its library, the host down",
        lambda s: s.host("hv-e", ansible_psrp_auth="kerberos", ansible_psrp_connection_timeout=1),
        ("no connection to", "ansible_psrp_connection_timeout"),
        up=False,
    ),
    Row(
        "credssp without its library",
        lambda s: s.host(ansible_psrp_auth="credssp", ansible_psrp_message_encryption="auto"),
        ("the login credssp (ansible_psrp_auth)", PIP.format("credssp")),
        needs_missing="requests_credssp",
    ),
    Row(
        "credssp without its library, the host down",
        lambda s: s.host("hv-e", ansible_psrp_auth="credssp", ansible_psrp_message_encryption="auto"),
        (PIP.format("credssp"),),
        needs_missing="requests_credssp",
    ),
    Row(
        "certificate without its files",
        lambda s: s.host(https=True, ansible_psrp_auth="certificate"),
        ("certificate_key_pem", "ansible_psrp_ variables"),
    ),
    Row(
        "certificate with files that are not there",
        lambda s: s.host(
            https=True,
            ansible_psrp_auth="certificate",
            ansible_psrp_certificate_pem="/nowhere.pem",
            ansible_psrp_certificate_key_pem="/nowhere.key",
        ),
        ("/nowhere.pem", "check ansible_psrp_ca_cert, ansible_psrp_certificate_pem"),
    ),
    Row(
        "basic with encryption",
        lambda s: s.host(ansible_psrp_message_encryption="always"),
        ("message encryption", "ansible_psrp_ variables"),
    ),
    Row(
        "a login that the host does not offer",
        lambda s: s.at("other logins", ansible_psrp_auth="ntlm", ansible_psrp_message_encryption="auto"),
        ("takes no login ntlm, it offers: Digest", "ansible_psrp_auth"),
        True,
        True,
    ),
    Row(
        "the session refused", lambda s: s.at("denied"), ("refuses the session: Access is denied", "groups"), True, True
    ),
    # the certificate
    Row(
        "a certificate that is not trusted",
        lambda s: s.host(https=True, ansible_psrp_ca_cert=None),
        ("its certificate is not trusted", "ansible_psrp_ca_cert"),
        True,
        True,
    ),
    Row(
        "a certificate for another name",
        lambda s: s.at("another name", ansible_psrp_protocol="https", ansible_psrp_ca_cert=str(s.ca_of_another_name)),
        ("is for another name than 127.0.0.1", "ansible_host"),
        True,
        True,
    ),
    Row(
        "an authority's file that is not there",
        lambda s: s.host(https=True, ansible_psrp_ca_cert="/nowhere.pem"),
        ("/nowhere.pem", "check ansible_psrp_ca_cert"),
    ),
    # the port
    Row("wrong port", lambda s: s.host(ansible_port=closed_port()), ("nothing listens at", "ansible_port"), up=True),
    Row(
        "wrong port, https",
        lambda s: s.host(https=True, ansible_port=closed_port()),
        ("nothing listens at", "ansible_port"),
        up=True,
    ),
    Row(
        "http to the port of https",
        lambda s: s.host(ansible_port=s.lab.endpoint("hv-a").https.port),
        ("ansible_port", "ansible_psrp_protocol"),
        up=True,
    ),
    Row(
        "https to the port of http",
        lambda s: s.host(https=True, ansible_port=s.lab.endpoint("hv-a").http.port),
        ("does not agree on TLS", "ansible_psrp_protocol"),
        True,
        True,
    ),
    # the name and the way
    Row(
        "a name that does not resolve",
        lambda s: s.host(ansible_host="hv-a.nowhere.invalid"),
        ("the name hv-a.nowhere.invalid does not resolve", "ansible_host"),
    ),
    Row("a name that is none", lambda s: s.host(ansible_host="hv..a"), ("ansible_host",)),
    Row(
        "nothing comes back",
        lambda s: s.host("hv-e", ansible_psrp_connection_timeout=1),
        ("no connection to", "within 1 seconds (ansible_psrp_connection_timeout)"),
        up=False,
    ),
    Row("the connection refused", lambda s: s.host("hv-d"), ("nothing listens at",), up=True),
    Row(
        "a name with two addresses, both refusing",
        lambda s: s.host(ansible_host="localhost", ansible_port=closed_port()),
        ("nothing listens at localhost",),
        up=True,
    ),
    Row(
        "silence",
        lambda s: s.host("hv-c", ansible_psrp_read_timeout=1),
        ("took the connection and said nothing within 1 seconds (ansible_psrp_read_timeout)",),
        up=True,
    ),
    Row(
        "silence in the handshake",
        lambda s: s.host("hv-c", https=True, ansible_psrp_read_timeout=1, ansible_psrp_connection_timeout=1),
        ("took the connection and said nothing",),
        up=True,
    ),
    Row("the connection closed", lambda s: s.host("hv-f"), ("ended the connection without an answer",), up=True),
    Row(
        "the handshake closed",
        lambda s: s.host("hv-f", https=True),
        ("ended the connection without an answer",),
        up=True,
    ),
    # what answers
    Row("a web server", lambda s: s.host("hv-g"), (*NO_WINRM, "HTTP 405"), True, True),
    Row("a wrong path", lambda s: s.host(ansible_psrp_path="winrm"), (*NO_WINRM, "HTTP 404"), True, True),
    Row("a web page", lambda s: s.at("web page"), ("WinRM",), True, True),
    Row("a web page in XML", lambda s: s.at("xhtml page"), ("WinRM",), True, True),
    Row("a service that is off", lambda s: s.at("unavailable"), (*NO_WINRM, "HTTP 503"), True, True),
    Row("a fault", lambda s: s.at("fault"), ("its WinRM answered with a fault", "0x803380F7"), True, True),
    Row("a fault whose number is none", lambda s: s.at("fault of words"), ("x300",), True, True),
    Row("XML that is cut", lambda s: s.at("cut XML"), ("cannot be read",), True, True),
    Row("odd SOAP", lambda s: s.at("odd SOAP"), ("cannot be read (it answers another request)",), True, True),
    Row("no HTTP", lambda s: s.at("garbage"), (*NO_WINRM, "it speaks no HTTP"), True, True),
    Row("an empty answer", lambda s: s.at("nothing"), ("ended the connection without an answer",), False, True),
    # a proxy in between
    Row(
        "a proxy that is not there",
        lambda s: _proxy(s, closed_port()),
        ("the proxy http://127.0.0.1:", "did not lead to", "ansible_psrp_ignore_proxy"),
    ),
    Row(
        "a proxy that is not there, https",
        lambda s: _proxy(s, closed_port(), https=True),
        ("the proxy http://127.0.0.1:", "did not lead to"),
    ),
    Row("a proxy that forbids it", lambda s: _proxy(s, s.odd["proxy: forbidden"]), ("the proxy", "HTTP 403")),
    Row("a proxy without a way", lambda s: _proxy(s, s.odd["proxy: gateway"]), ("the proxy", "HTTP 502")),
    Row("a proxy with a login", lambda s: _proxy(s, s.odd["proxy: login"]), ("the proxy", "HTTP 407")),
    Row(
        "a proxy with a login, https",
        lambda s: _proxy(s, s.odd["proxy: login"], https=True),
        ("the proxy", "407"),
    ),
    Row(
        "a silent proxy",
        lambda s: _proxy(s, s.lab.endpoint("hv-c").http.port, ansible_psrp_read_timeout=1),
        ("nothing came through the proxy",),
    ),
    # other ways to connect
    Row(
        "a winrm connection",
        lambda s: s.host(
            ansible_connection="winrm",
            ansible_winrm_transport="ntlm",
            ansible_winrm_scheme="http",
            ansible_winrm_read_timeout_sec=70,
        ),
        ("Set ansible_connection: psrp", "ansible_psrp_auth: ntlm", "ansible_psrp_read_timeout: 70"),
    ),
    Row("an ssh connection", lambda s: s.host(ansible_connection="ssh"), ("is ssh", "ansible_connection: psrp")),
    Row("a local connection", lambda s: s.host(ansible_connection="local"), ("is local", "ansible_connection: psrp")),
    Row(
        "become for this host",
        lambda s: s.host(ansible_become=True, ansible_become_method="ansible.builtin.runas", ansible_become_user="x"),
        ("become is not possible with this module", "ansible_become: false"),
    ),
)
