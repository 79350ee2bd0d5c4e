"""Entries of an inventory that lead elsewhere, change in the middle of a run, or say nothing; what sessions cost."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from pypsrp.exceptions import AuthenticationError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from tests.lab import control
from tests.lab.__main__ import parser, start
from tests.lab.lab import Lab, When
from tests.lab.wire.gate import AT_ONCE, MANNERS, STAY

Who = Callable[[], str]
LOST_SESSION = r"shell was not found|ConnectionError|aborted|reset"
LOST = (requests.exceptions.ConnectionError, requests.exceptions.Timeout)


def client(lab: Lab, entry: str, **options: Any) -> WSMan:
    """A client of the lab that is not patient."""
    port = lab.endpoint(entry).http.port
    settings = {"auth": "basic", "encryption": "never", "read_timeout": 2, "connection_timeout": 1, **options}
    return WSMan("127.0.0.1", ssl=False, port=port, username=lab.user, password=lab.password, **settings)


@contextmanager
def session(lab: Lab, entry: str, **options: Any) -> Iterator[Who]:
    """A session; calling it says which host answered."""
    pool = RunspacePool(client(lab, entry, **options))
    pool.open()

    def who() -> str:
        shell = PowerShell(pool)
        shell.add_cmdlet("Hyper-V\\Get-VMHost")
        return str(shell.invoke()[0].adapted_properties["Name"])

    try:
        yield who
    finally:
        with suppress(Exception):
            pool.close()


def who_is(lab: Lab, entry: str) -> str:
    """Which host a new session meets."""
    with session(lab, entry) as who:
        return who()


def web(lab: Lab, entry: str, path: str = "/") -> requests.Response:
    return requests.get(f"http://127.0.0.1:{lab.endpoint(entry).http.port}{path}", timeout=2)


@pytest.mark.lab(hosts=3, vms=0)
def test_an_entry_leads_to_another_host_and_back(lab: Lab) -> None:
    lab.lead("hv-a", to="hv-c")
    assert [who_is(lab, entry) for entry in ("hv-a", "hv-b", "hv-c")] == ["HV-C", "HV-B", "HV-C"]
    lab.lead("hv-a", to="hv-a")
    assert who_is(lab, "hv-a") == "HV-A"


@pytest.mark.lab(vms=0)
def test_an_entry_that_leads_to_a_host_without_power_takes_no_connection(lab: Lab) -> None:
    lab.lead("hv-a", to="hv-b")
    lab.world.power_off("hv-b")
    with pytest.raises(LOST):
        who_is(lab, "hv-a")
    lab.world.power_on("hv-b")
    lab.world.power_off("hv-a")
    assert who_is(lab, "hv-a") == "HV-B"


@pytest.mark.lab(vms=0)
def test_open_connections_end_or_go_on_with_the_old_host(lab: Lab) -> None:
    with session(lab, "hv-a") as cut:
        assert cut() == "HV-A"
        lab.lead("hv-a", to="hv-b")
        with pytest.raises(Exception, match=LOST_SESSION):
            cut()
    lab.lead("hv-a", to="hv-a")
    with session(lab, "hv-a") as kept:
        kept()
        lab.lead("hv-a", to="hv-b", open_ones=STAY)
        assert [kept(), who_is(lab, "hv-a")] == ["HV-A", "HV-B"]


@pytest.mark.lab(vms=0)
def test_two_hosts_swap_in_the_middle_of_a_run(lab: Lab) -> None:
    rule = lab.swap("hv-a", "hv-b", when=When("hv-a", "Get-VMHost", 2))
    with session(lab, "hv-a") as here, session(lab, "hv-b") as there:
        assert [here(), there(), here()] == ["HV-A", "HV-B", "HV-A"]
        for led in (here, there):
            with pytest.raises(Exception, match=LOST_SESSION):
                led()
    assert rule is not None
    assert rule.struck == 1
    assert [who_is(lab, entry) for entry in ("hv-a", "hv-b")] == ["HV-B", "HV-A"]


@pytest.mark.lab(vms=0)
def test_the_answer_of_the_call_itself_may_be_lost(lab: Lab) -> None:
    lab.lead("hv-a", to="hv-b", open_ones=AT_ONCE, when=When("hv-a", "Get-VMHost", before=True))
    with session(lab, "hv-a") as who, pytest.raises(Exception, match=LOST_SESSION):
        who()
    assert lab.world.recorder.of("Get-VMHost")[0].host == "HV-A"


@pytest.mark.lab(vms=0)
def test_a_refusing_entry_refuses_the_connection_itself(lab: Lab) -> None:
    lab.behave("hv-a", "refuses")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", lab.endpoint("hv-a").https.port), timeout=2)
    assert who_is(lab, "hv-b") == "HV-B"
    lab.behave("hv-a", "answers")
    assert who_is(lab, "hv-a") == "HV-A"


@pytest.mark.lab(vms=0)
def test_a_dropping_entry_lets_the_client_wait_for_its_connection(lab: Lab) -> None:
    lab.behave("hv-a", "drops")
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", lab.endpoint("hv-a").http.port), timeout=0.3)
    lab.behave("hv-a", "answers")
    assert who_is(lab, "hv-a") == "HV-A"


@pytest.mark.lab(vms=0)
def test_a_silent_entry_takes_connections_and_says_nothing(lab: Lab) -> None:
    with session(lab, "hv-a") as who:
        who()
        lab.behave("hv-a", "silent")
        with socket.create_connection(("127.0.0.1", lab.endpoint("hv-a").http.port), timeout=1) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            raw.settimeout(0.2)
            with pytest.raises(TimeoutError):
                raw.recv(1)
        with pytest.raises(LOST), session(lab, "hv-a", read_timeout=0.3):
            pass
        threading.Timer(0.3, lambda: lab.behave("hv-a", "answers")).start()
        began = time.monotonic()
        assert who() == "HV-A"  # what an open connection asked is served when the host speaks again
        assert time.monotonic() - began > 0.25


@pytest.mark.lab(vms=0)
def test_a_host_falls_silent_in_the_middle_of_a_run(lab: Lab) -> None:
    lab.behave("hv-a", "silent", when=When("hv-a", "Get-VMHost", 2))
    with session(lab, "hv-a", read_timeout=0.3) as who:
        assert [who(), who()] == ["HV-A", "HV-A"]
        with pytest.raises(LOST):
            who()


@pytest.mark.lab(vms=0)
def test_a_host_falls_silent_before_it_has_answered(lab: Lab) -> None:
    lab.behave("hv-a", "silent", open_ones=AT_ONCE, when=When("hv-a", "Get-VMHost"))
    with session(lab, "hv-a", read_timeout=0.3) as who, pytest.raises(LOST):
        who()
    assert lab.world.recorder.of("Get-VMHost")[0].outcome == "ok"


@pytest.mark.lab(vms=0)
def test_an_entry_that_closes_each_connection_at_once(lab: Lab) -> None:
    lab.behave("hv-a", "closes")
    with socket.create_connection(("127.0.0.1", lab.endpoint("hv-a").http.port), timeout=2) as raw:
        assert raw.recv(1) == b""


@pytest.mark.lab(vms=0)
@pytest.mark.parametrize(("manner", "status"), [("web", 404), ("web:405", 405), ("web:200", 200)])
def test_a_web_server_that_is_no_winrm(lab: Lab, manner: str, status: int) -> None:
    lab.behave("hv-a", manner)
    for answer in (web(lab, "hv-a"), requests.post(web(lab, "hv-a").url + "wsman", data=b"x" * 99, timeout=2)):
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html")
        assert "<html>" in answer.text


@pytest.mark.lab(vms=0)
def test_an_ordinary_listener_shows_no_page(lab: Lab) -> None:
    assert web(lab, "hv-a", "/wsman").status_code == 405


@pytest.mark.lab(vms=0)
@pytest.mark.parametrize("manner", ["shouts", "web:x", "silent:404"])
def test_an_unknown_manner_is_an_error(lab: Lab, manner: str) -> None:
    with pytest.raises(ValueError, match="no such manner"):
        lab.behave("hv-a", manner)


@pytest.mark.lab(vms=0)
def test_a_lab_stops_though_somebody_waits_at_a_silent_host(lab: Lab) -> None:
    lab.behave("hv-a", "silent")
    with socket.create_connection(("127.0.0.1", lab.endpoint("hv-a").http.port), timeout=2) as raw:
        raw.sendall(b"POST /wsman HTTP/1.1\r\n")
        lab.stop()
        raw.settimeout(2)
        with suppress(ConnectionResetError):
            assert raw.recv(1) == b""


@pytest.mark.lab(vms=2)
def test_a_cmdlet_that_hangs(lab: Lab) -> None:
    lab.world.faults.add("hang", "hv-a", "Get-VMHost")
    with session(lab, "hv-a", operation_timeout=1, read_timeout=2) as who:

        def wait() -> None:
            with suppress(Exception):
                who()

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert who_is(lab, "hv-a") == "HV-A"
    assert lab.world.recorder.calls[0].cmdlet == "Get-VMHost"


# -- what sessions cost, and how long a connection lives -------------------------------------------------------------


@pytest.mark.lab(vms=0, session_cost=0.3)
def test_each_session_costs(lab: Lab) -> None:
    began = time.monotonic()
    with session(lab, "hv-a") as who:
        opened = time.monotonic() - began
        who()
        who()
    assert opened >= 0.3
    assert time.monotonic() - began < opened + 0.3


@pytest.mark.lab(vms=0, idle_seconds=0.3)
def test_an_idle_connection_is_closed_and_one_that_waits_for_an_answer_is_not(lab: Lab) -> None:
    lab.world.faults.add("delay", "hv-a", "Get-VMHost", seconds=0.6)
    with session(lab, "hv-a") as who:
        assert who() == "HV-A"
        assert lab.connections() == 1
        time.sleep(0.5)
        assert who() == "HV-A"
        assert lab.connections() == 2


@pytest.mark.lab(vms=2, domain_controller="App01")
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_without_the_domain_controller_nobody_new_logs_on(lab: Lab, auth: str) -> None:
    options = {"auth": auth, "encryption": "auto" if auth == "ntlm" else "never"}
    vm = lab.world.vm("hv-a", "App01")
    with session(lab, "hv-b", **options) as who:
        who()
        vm.turn("Off", lab.world.clock.now())
        assert who() == "HV-B"
        with pytest.raises(AuthenticationError), session(lab, "hv-b", **options):
            pass
        vm.turn("Running", lab.world.clock.now())
        with pytest.raises(AuthenticationError), session(lab, "hv-b", **options):
            pass  # it has not booted yet
        lab.world.clock.advance(vm.guest.boot_seconds or 0)
        assert who_is(lab, "hv-b") == "HV-B"


@pytest.mark.lab(vms=2, domain_controller="App01", idle_seconds=0.2)
def test_a_connection_that_was_idle_too_long_has_to_log_on_again(lab: Lab) -> None:
    with session(lab, "hv-b") as who:
        who()
        lab.world.vm("hv-a", "App01").turn("Off", lab.world.clock.now())
        time.sleep(0.4)
        with pytest.raises(AuthenticationError):
            who()
    lab.endpoint("hv-b").service.lose_all()


@pytest.mark.lab(vms=0)
def test_an_entry_may_have_any_name(lab: Lab, tmp_path: Path) -> None:
    lab.write_files(tmp_path, names={"hv-b": "prod-1"}, host_vars={"hv-b": {"note": "x"}})
    inventory = yaml.safe_load((tmp_path / "inventory.yml").read_text())["hyperv"]["children"]
    assert list(inventory["site_north"]["hosts"]) == ["hv-a"]
    assert inventory["site_south"]["hosts"]["prod-1"]["ansible_port"] == lab.endpoint("hv-b").http.port
    assert inventory["site_south"]["hosts"]["prod-1"]["note"] == "x"


# -- by hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.lab(hosts=3, vms=3)
def test_entries_by_the_remote_control(lab: Lab, tmp_path: Path) -> None:
    lab.write_files(tmp_path)
    served = control.Control(lab, tmp_path)
    try:
        control.ask(tmp_path, "lead", "hv-a", "hv-c")
        assert who_is(lab, "hv-a") == "HV-C"
        control.ask(tmp_path, "swap", "hv-a", "hv-b", "hv-b", "Get-VMHost")
        assert [who_is(lab, "hv-b"), who_is(lab, "hv-b"), who_is(lab, "hv-a")] == ["HV-B", "HV-C", "HV-B"]
        control.ask(tmp_path, "behave", "hv-b", "refuses")
        with pytest.raises(LOST):
            who_is(lab, "hv-b")
        control.ask(tmp_path, "domain-controller", "App01")
        lab.world.vm("hv-a", "App01").turn("Off", lab.world.clock.now())
        with pytest.raises(AuthenticationError):
            who_is(lab, "hv-a")
        assert control.ask(tmp_path, "counts")["connections"] > 0
        for wrong in (["lead", "hv-a", "hv-x"], ["behave", "hv-a", "sings"], ["domain-controller", "Nope"]):
            with pytest.raises(control.LabError):
                control.ask(tmp_path, *wrong)
    finally:
        served.close()


def test_entries_by_the_flags() -> None:
    flags = ["--hosts", "3", "--vms", "3", "--lead", "hv-a=hv-c", "--endpoint", "hv-b=web:405", "--domain-controller"]
    with start(parser().parse_args([*flags, "App01", "--session-cost", "0.1", "--idle-seconds", "7"])) as lab:
        assert who_is(lab, "hv-a") == "HV-C"
        assert web(lab, "hv-b").status_code == 405
        assert (lab.session_cost, lab.idle_seconds) == (0.1, 7)
        assert lab.world.domain_controller == lab.world.vm("hv-a", "App01").id


@pytest.mark.parametrize("flags", [["--lead", "hv-a=hv-x"], ["--endpoint", "hv-a=sings"], ["--domain-controller", "x"]])
def test_a_flag_that_names_nothing_is_an_error(flags: list[str]) -> None:
    with pytest.raises((KeyError, ValueError)):
        start(parser().parse_args(["--vms", "0", *flags]))


def test_every_manner_is_explained() -> None:
    assert all(MANNERS.values())
