"""What is raised below a session, as one sentence and signs of life: what no listener on loopback can show."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Any

import pytest
import requests
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire import psrp
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.contact import Contact, Way, beneath, shown
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.contact_rules import judge
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from spnego.exceptions import SpnegoError
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

WAY = Way("hv-a", "hv-a.corp.example", 5986, "https", "admin@CORP", "kerberos")
PROXY = Way("hv-a", "hv-a.corp.example", 5986, "https", "admin@CORP", "kerberos", proxy="http://proxy:8080")


def wrapped(number: int) -> requests.ConnectionError:
    """An error of the system as requests hands it on: three libraries deep."""
    below = NewConnectionError(None, f"Failed to establish a new connection: [Errno {number}]")  # type: ignore[arg-type]
    below.__cause__ = OSError(number, "said by the system")
    return requests.ConnectionError(MaxRetryError(None, "/wsman", below))  # type: ignore[arg-type]


def failed_opening(error: BaseException) -> AnsibleConnectionFailure:
    """The same as Ansible's plugin raises it: with no more than its text, and the error as its context."""
    try:
        try:
            raise error
        except BaseException as caught:
            raise AnsibleConnectionFailure(f"failed: {caught}")  # noqa: B904  # as the plugin does
    except AnsibleConnectionFailure as found:
        return found


def certificate(code: int, said: str) -> requests.exceptions.SSLError:
    error = ssl.SSLCertVerificationError(1, f"certificate verify failed: {said}")
    error.verify_code, error.verify_message = code, said
    return requests.exceptions.SSLError(MaxRetryError(None, "/wsman", error))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error, kind, answered, up",
    [
        (wrapped(errno.ECONNREFUSED), "refused", False, True),
        (wrapped(errno.EHOSTUNREACH), "route", False, False),
        (wrapped(errno.ENETUNREACH), "route", False, False),
        (wrapped(errno.ETIMEDOUT), "no_connection", False, False),
        (requests.ConnectTimeout("timed out"), "no_connection", False, False),
        (requests.ReadTimeout("timed out"), "silent", False, True),
        (requests.ConnectionError(ProtocolError("aborted", ConnectionResetError(104, "reset"))), "cut", False, True),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "cut", False, True),
        (requests.exceptions.SSLError(ssl.SSLEOFError(8, "EOF occurred")), "cut", False, True),
        (socket.gaierror(-2, "Name or service not known"), "name", False, None),
        (certificate(10, "certificate has expired"), "certificate", True, True),
        (certificate(19, "self-signed certificate"), "certificate", True, True),
        (AuthenticationError("Failed to authenticate"), "login", True, True),
        (WSManFaultError(0x80338000, "HV-A", "no", None, None, None), "fault", True, True),
        (ValueError("invalid literal"), "unreadable", True, True),
        (RecursionError("maximum recursion depth exceeded"), "unreadable", True, True),
        (KeyError("Name"), "unreadable", True, True),
    ],
)
@pytest.mark.parametrize("through_the_plugin", [False, True])
def test_signs_of_life(error: BaseException, kind: str, answered: bool, up: bool, through_the_plugin: bool) -> None:
    told = judge(failed_opening(error) if through_the_plugin else error, WAY)
    assert (told.kind, told.answered, told.machine_up) == (kind, answered, up)
    assert "hv-a" in told.sentence
    assert "None" not in told.sentence


@pytest.mark.parametrize(
    "error",
    [
        wrapped(errno.ECONNREFUSED),
        wrapped(errno.EHOSTUNREACH),
        requests.ConnectTimeout("timed out"),
        requests.ReadTimeout("timed out"),
        ConnectionResetError(errno.ECONNRESET, "reset"),
        requests.exceptions.ProxyError("Cannot connect to proxy", OSError("Tunnel connection failed: 502 Bad Gateway")),
    ],
)
def test_a_proxy_shows_nothing_of_the_machine(error: BaseException) -> None:
    told = judge(error, PROXY)
    assert (told.answered, told.machine_up) == (False, None)


def test_what_the_host_itself_says_through_a_proxy_counts() -> None:
    assert judge(AuthenticationError("Failed to authenticate"), PROXY).answered
    assert judge(WSManFaultError(0x80338000, "HV-A", "no", None, None, None), PROXY).answered


def test_the_sentence_of_a_rejected_login() -> None:
    assert judge(AuthenticationError("Failed"), WAY).sentence == (
        "hv-a refused the login of admin@CORP (kerberos): check ansible_user and the password; do not repeat it,"
        " accounts lock. For a domain account a domain controller has to run: one that is a VM and off is started at"
        " the console of its host"
    )


@pytest.mark.parametrize("error", [AuthenticationError("Failed"), SpnegoError(error_code=13, context_msg="No KDC")])
def test_a_login_that_was_taken_before_is_not_wrong(error: Exception) -> None:
    told = judge(error, WAY, known=True)
    assert told.sentence == (
        "hv-a: it took the login of admin@CORP (kerberos) before in this run, and does not any more: the account is"
        " locked, or a domain controller has to run: one that is a VM and off is started at the console of its host"
        " (after Stop-VMFailover where it is PreparedForFailover), and then the same command goes on"
    )
    assert "took the login" not in judge(wrapped(errno.ECONNREFUSED), WAY, known=True).sentence


def test_no_ticket_is_told_as_what_the_control_node_lacks() -> None:
    error = SpnegoError(error_code=13, context_msg="No Kerberos credentials available")
    told = judge(error, WAY, heard=True)
    assert (told.kind, told.answered, told.local) == ("ticket", True, True)
    assert "kinit" in told.sentence
    assert "/etc/krb5.conf" in told.sentence


def test_a_certificate_says_what_to_do() -> None:
    assert "has expired" in judge(certificate(10, "certificate has expired"), WAY).sentence
    for code in (62, 64):
        assert "is for another name than hv-a.corp.example" in judge(certificate(code, "mismatch"), WAY).sentence


def test_a_session_that_stood_was_lost() -> None:
    told = judge(wrapped(errno.ECONNREFUSED), WAY, opened=True)
    assert told.sentence.startswith("hv-a: the connection was lost: nothing listens at hv-a.corp.example port 5986")
    assert told.again
    assert not judge(wrapped(errno.ECONNREFUSED), WAY).again


def test_errors_that_hold_each_other_are_looked_at_once() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert len(beneath(one)) == 2


def test_a_proxy_is_shown_without_its_login() -> None:
    assert shown("http://me:secret@proxy:8080") == "http://proxy:8080"


@pytest.mark.parametrize(
    "given, ignored, environment, proxy",
    [
        ("http://a:1", False, "http://b:2", "http://a:1"),
        ("http://a:1", True, "http://b:2", "http://a:1"),  # pypsrp takes the one that is given
        (None, False, "http://b:2", "http://b:2"),
        (None, True, "http://b:2", ""),
        (None, False, "", ""),
    ],
)
def test_the_proxy_that_would_be_taken(
    monkeypatch: pytest.MonkeyPatch, given: str | None, ignored: bool, environment: str, proxy: str
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if environment:
        monkeypatch.setenv("https_proxy", environment)
    assert psrp._proxy({"proxy": given, "ignore_proxy": ignored}.__getitem__, WAY) == proxy


def test_hosts_that_the_environment_excepts_are_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://b:2")
    monkeypatch.setenv("no_proxy", "corp.example")
    assert psrp._proxy({"proxy": None, "ignore_proxy": False}.__getitem__, WAY) == ""


class Addresses:
    """A name with several addresses on loopback: ports in different states."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taking = socket.create_server(("127.0.0.1", 0))
        self.full = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.fillers = [socket.socket() for _unused in range(4)]
        for one in self.fillers:
            one.setblocking(False)
            one.connect_ex(self.full.getsockname())
        with socket.create_server(("127.0.0.1", 0)) as closed:
            self.closed = closed.getsockname()
        self.monkeypatch = monkeypatch

    def are(self, *addresses: Any) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
        self.monkeypatch.setattr(socket, "getaddrinfo", lambda *_unused, **_options: found)

    def close(self) -> None:
        for one in (self.taking, self.full, *self.fillers):
            one.close()


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Any:
    found = Addresses(monkeypatch)
    yield found
    found.close()


def reached(seconds: float = 0.5) -> Contact | None:
    """What asking all addresses of the name shows; None: one of them takes a connection."""
    way = Way("hv-a", "hv-a.corp.example", 5986, connect_seconds=seconds)
    try:
        psrp._try_all_addresses(way)
    except OSError as error:
        return judge(error, way)
    return None


def test_one_address_that_refuses_is_a_sign_of_the_machine(addresses: Addresses) -> None:
    """requests keeps what the last address said only: here the one that says nothing."""
    addresses.are(addresses.closed, addresses.full.getsockname())
    told = reached()
    assert told is not None
    assert (told.kind, told.machine_up) == ("refused", True)


def test_addresses_that_all_say_nothing_are_no_sign_within_one_limit(addresses: Addresses) -> None:
    addresses.are(addresses.full.getsockname(), addresses.full.getsockname())
    told = reached()
    assert told is not None
    assert (told.kind, told.machine_up) == ("no_connection", False)


def test_one_address_that_takes_the_connection_is_enough(addresses: Addresses) -> None:
    addresses.are(addresses.closed, addresses.taking.getsockname())
    assert reached() is None


def test_an_address_of_a_kind_that_this_machine_lacks_is_passed_over(addresses: Addresses) -> None:
    addresses.are(addresses.taking.getsockname())
    found = [*socket.getaddrinfo("x", 1), (9999, socket.SOCK_STREAM, 6, "", ("::1", 1))]
    addresses.monkeypatch.setattr(socket, "getaddrinfo", lambda *_unused, **_options: list(reversed(found)))
    assert reached() is None
