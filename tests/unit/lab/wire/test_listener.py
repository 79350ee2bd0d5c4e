"""The listener over real sockets: TLS, authentication, encryption, and connections that end."""

from __future__ import annotations

import socket
import threading
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pypsrp.exceptions import AuthenticationError
from pypsrp.shell import WinRS
from pypsrp.wsman import WSMan

from tests.lab.wire import authority
from tests.lab.wire.auth import Authenticator
from tests.lab.wire.gate import Gate
from tests.lab.wire.listener import Listener
from tests.lab.wire.shells import Service, ShellSession
from tests.lab.world.host import Host
from tests.unit.lab.wire.engines import Parrot

USER, PASSWORD = "ansible", "päss word"
URI = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"


class Site:
    """A host that listens on HTTP and HTTPS, whose engines are parrots."""

    def __init__(self, folder: Path) -> None:
        self.sessions: list[ShellSession] = []
        self.service = Service(Host("HV-A"), self.engine)
        self.tls = authority.make(folder, ["127.0.0.1", "localhost"])
        users = Authenticator({USER: PASSWORD}, ntlm_folder=folder)
        self.gate = Gate(self.service)
        self.http = Listener(self.gate, users)
        self.https = Listener(self.gate, users, tls=self.tls.context)
        self.http.start()
        self.https.start()

    def engine(self, session: ShellSession, configuration: str) -> Parrot:
        self.sessions.append(session)
        return Parrot()

    def client(self, *, https: bool = False, **options: Any) -> WSMan:
        """A client with the right password, unless an option says otherwise."""
        settings: dict[str, Any] = {
            "username": USER,
            "password": PASSWORD,
            "ssl": https,
            "port": (self.https if https else self.http).port,
            "encryption": "auto" if https or options.get("auth") != "basic" else "never",
            "cert_validation": str(self.tls.ca_file) if https else True,
        }
        return WSMan("127.0.0.1", **{**settings, **options})

    def shell(self, wsman: WSMan) -> WinRS:
        """An open shell."""
        made = WinRS(wsman, URI, id=str(uuid.uuid4()), input_streams="stdin pr")
        content = ET.Element("creationXml", xmlns="http://schemas.microsoft.com/powershell")
        content.text = "aGVsbG8="
        made.open(open_content=content)
        return made


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.http.stop()
    made.https.stop()
    made.service.close()


@pytest.mark.parametrize("https", [False, True])
@pytest.mark.parametrize("auth", ["basic", "ntlm", "negotiate"])
def test_every_way_in(site: Site, auth: str, https: bool) -> None:
    with site.client(https=https, auth=auth) as wsman:
        shell = site.shell(wsman)
        assert shell.receive("stdout")[2]["stdout"] == b"hello"
        shell.send("stdin", b"x" * 100_000)
        assert shell.receive("stdout")[2]["stdout"] == b"x" * 100_000
        shell.close()
    assert site.sessions[0].user == USER
    assert site.service.count.open == 0


@pytest.mark.parametrize(
    ("auth", "options"),
    [
        ("basic", {"password": "wrong"}),
        ("basic", {"username": "nobody"}),
        ("ntlm", {"password": "wrong"}),
        ("negotiate", {"username": "nobody"}),
    ],
)
def test_nobody_gets_in_with_a_wrong_password(site: Site, auth: str, options: dict[str, str]) -> None:
    with pytest.raises(AuthenticationError), site.client(auth=auth, **options) as wsman:
        site.shell(wsman)
    assert site.service.requests == {}


def test_user_names_have_no_case(site: Site) -> None:
    with site.client(auth="basic", username="ANSIBLE") as wsman:
        site.shell(wsman).close()
    assert site.sessions[0].user == USER


def test_an_encrypted_message_is_not_readable_on_the_wire(site: Site) -> None:
    seen: list[bytes] = []

    class Spy(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *arguments: Any, **options: Any) -> Any:
            seen.append(request.body or b"")
            return super().send(request, *arguments, **options)

    with site.client(auth="ntlm") as wsman:
        wsman.transport.session = wsman.transport._build_session()
        wsman.transport.session.mount("http://", Spy())
        site.shell(wsman).close()
    assert any(b"HTTP-SPNEGO-session-encrypted" in body for body in seen)
    assert not any(b"creationXml" in body for body in seen)


def test_an_authority_that_is_not_trusted(site: Site) -> None:
    with (
        pytest.raises(requests.exceptions.SSLError),
        site.client(https=True, auth="basic", cert_validation=True) as wsman,
    ):
        site.shell(wsman)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/wsman", {}, 401),
        ("/wsman", {"Authorization": "Basic !!!"}, 401),
        ("/wsman", {"Authorization": "Bearer x"}, 401),
        ("/wsman", {"Authorization": "Negotiate AAAA"}, 401),
        ("/other", {}, 404),
    ],
)
def test_requests_that_are_no_clients(site: Site, path: str, headers: dict[str, str], status: int) -> None:
    answer = requests.post(f"http://127.0.0.1:{site.http.port}{path}", data=b"", headers=headers, timeout=5)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Negotiate, Basic realm="WSMAN"'


def test_a_body_that_is_too_large_is_not_read(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.http.port), timeout=5) as raw:
        raw.sendall(b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_does_not_speak_stops_nobody(site: Site) -> None:
    with (
        socket.create_connection(("127.0.0.1", site.https.port), timeout=5),
        site.client(https=True, auth="basic") as wsman,
    ):
        site.shell(wsman).close()


def test_a_dropped_session_ends_a_waiting_receive(site: Site) -> None:
    with site.client(auth="basic") as wsman:
        shell = site.shell(wsman)
        shell.receive("stdout")
        threading.Timer(0.2, site.sessions[0].drop).start()
        with pytest.raises(requests.exceptions.ConnectionError):
            shell.receive("stdout")
    assert site.service.count.lost == 1


def test_a_host_out_of_reach_takes_no_connection_and_keeps_none(site: Site) -> None:
    with site.client(auth="basic", connection_timeout=1) as wsman:
        shell = site.shell(wsman)
        site.service.reachable = lambda: False
        site.gate.settle_ports()
        site.gate.cut_all()
        with pytest.raises(requests.exceptions.ConnectionError):
            shell.send("stdin", b"anyone?")
        with (
            pytest.raises(requests.exceptions.ConnectTimeout),
            site.client(auth="basic", connection_timeout=1) as other,
        ):
            site.shell(other)
        site.service.reachable = lambda: True
        site.gate.settle_ports()
        shell.send("stdin", b"back again")
        shell.close()


def test_many_clients_at_once(site: Site) -> None:
    done: list[bytes] = []

    def work() -> None:
        with site.client(auth="basic", username=USER) as wsman:
            shell = site.shell(wsman)
            for _unused in range(5):
                done.append(shell.receive("stdout")[2]["stdout"])
                shell.send("stdin", b"more")
            shell.close()

    workers = [threading.Thread(target=work) for _unused in range(10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert len(done) == 50
    assert site.service.count.open == 0


def test_requests_are_fast(site: Site) -> None:
    """Two packets for one answer would cost 40 ms each (delayed acknowledgement)."""
    with site.client(auth="basic") as wsman:
        shell = site.shell(wsman)
        began = time.monotonic()
        for _unused in range(50):
            shell.send("stdin", b"x")
        assert time.monotonic() - began < 1.0
