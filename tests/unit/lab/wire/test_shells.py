"""The WinRM service of a host, asked by pypsrp's WSMan in memory."""

from __future__ import annotations

import threading
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from pypsrp.exceptions import WSManFaultError
from pypsrp.shell import SignalCode, WinRS

from tests.lab.faults import Faults
from tests.lab.wire import wsman
from tests.lab.wire.memory import connect
from tests.lab.wire.shells import MAX_SHELLS_PER_USER, Cut, Service, ShellSession
from tests.lab.world.host import Host
from tests.unit.lab.wire.engines import Parrot

URI = "http://schemas.microsoft.com/powershell/"
TIMED_OUT, NO_SHELL, NO_ENDPOINT, TOO_MANY = 2150858793, 2150858843, 2150858811, 2150859174


class Rig:
    """A service whose engines are parrots, and who calls them."""

    def __init__(self) -> None:
        self.parrots: list[Parrot] = []
        self.sessions: list[ShellSession] = []
        self.faults = Faults()
        self.service = Service(Host("HV-A"), self.engine, self.faults)

    def engine(self, session: ShellSession, configuration: str) -> Parrot:
        if configuration != "Microsoft.PowerShell":
            raise KeyError(configuration)
        self.sessions.append(session)
        self.parrots.append(Parrot())
        return self.parrots[-1]

    def shell(self, creation: bytes = b"hello", user: str = "ansible", name: str = "Microsoft.PowerShell") -> WinRS:
        """An open shell."""
        made = WinRS(connect(self.service, user), URI + name, id=str(uuid.uuid4()), input_streams="stdin pr")
        made.open(open_content=_creation(creation))
        return made


def _creation(data: bytes) -> ET.Element:
    import base64

    element = ET.Element("creationXml", xmlns="http://schemas.microsoft.com/powershell")
    element.text = base64.b64encode(data).decode()
    return element


def run(shell: WinRS, data: bytes) -> str:
    """Start a pipeline whose command carries `data`; its id."""
    import base64

    name = str(uuid.uuid4()).upper()
    answer = shell.command("", [base64.b64encode(data).decode()], command_id=name)
    assert name in ET.tostring(answer, encoding="unicode")
    return name


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_shell_lives_from_create_to_delete(rig: Rig) -> None:
    shell = rig.shell(b"creation")
    assert rig.parrots[0].heard == [("open", None, b"creation")]
    assert shell.receive("stdout")[2]["stdout"] == b"creation"
    assert rig.service.count.open == 1
    shell.close()
    assert rig.parrots[0].closed.is_set()
    assert (rig.service.count.created, rig.service.count.deleted, rig.service.count.open) == (1, 1, 0)
    assert rig.service.requests == {"Create": 1, "Receive": 1, "Delete": 1}


def test_a_pipeline_is_done_when_its_engine_says_so(rig: Rig) -> None:
    shell = rig.shell()
    command = run(shell, b"first")
    state, _unused, output = shell.receive("stdout", command)
    assert (state.rpartition("/")[2], output["stdout"]) == ("Running", b"first")
    shell.send("stdin", b"the end", command)
    state, _unused, output = shell.receive("stdout", command)
    assert (state.rpartition("/")[2], output["stdout"]) == ("Done", b"the end")


def test_input_for_the_pool_and_for_a_pipeline_are_kept_apart(rig: Rig) -> None:
    shell = rig.shell()
    command = run(shell, b"start")
    shell.send("stdin", b"pool")
    shell.send("stdin", b"pipeline", command)
    assert rig.parrots[0].heard[2:] == [("send", None, b"pool"), ("send", uuid.UUID(command), b"pipeline")]


def test_a_receive_with_nothing_to_say_times_out(rig: Rig) -> None:
    shell = rig.shell()
    shell.receive("stdout")
    with pytest.raises(WSManFaultError) as error:
        shell.receive("stdout", timeout=1)
    assert error.value.code == TIMED_OUT


def test_a_waiting_receive_wakes_when_output_comes(rig: Rig) -> None:
    shell = rig.shell()
    command = run(shell, b"")
    shell.receive("stdout", command)
    got: list[bytes] = []
    waiter = threading.Thread(target=lambda: got.append(shell.receive("stdout", command)[2]["stdout"]))
    waiter.start()
    rig.parrots[0].send(uuid.UUID(command), b"late")
    waiter.join(5)
    assert got == [b"late"]


def test_output_larger_than_the_envelope_comes_in_turns(rig: Rig) -> None:
    shell = rig.shell()
    command = run(shell, b"")
    for _unused in range(40):
        rig.parrots[0].send(uuid.UUID(command), b"x" * 30_000)
    shell.send("stdin", b"end", command)
    total, turns, state = 0, 0, ""
    while not state.endswith("Done"):
        state, _unused, output = shell.receive("stdout", command)
        assert len(output["stdout"]) * 4 // 3 <= shell.wsman.max_envelope_size
        total, turns = total + len(output["stdout"]), turns + 1
    assert total == 40 * 30_000 + 3
    assert turns > 8


@pytest.mark.parametrize("code", [SignalCode.PS_CTRL_C, SignalCode.CTRL_C, SignalCode.TERMINATE])
def test_a_signal_stops_a_pipeline(rig: Rig, code: str) -> None:
    shell = rig.shell()
    command = run(shell, b"start")
    shell.signal(code, command)
    assert rig.parrots[0].heard[-1] == ("signal", uuid.UUID(command), b"end")
    assert shell.receive("stdout", command)[0].endswith("Done")


def test_a_signal_to_a_finished_pipeline_does_not_reach_the_engine(rig: Rig) -> None:
    shell = rig.shell()
    command = run(shell, b"end")
    shell.receive("stdout", command)
    shell.signal(SignalCode.TERMINATE, command)
    assert all(what != "signal" for what, _unused, _unused in rig.parrots[0].heard)


def _unknown_shell(rig: Rig) -> None:
    shell = rig.shell()
    shell.close()
    shell.opened = True
    shell.receive("stdout")


def _unknown_command(rig: Rig) -> None:
    rig.shell().receive("stdout", str(uuid.uuid4()))


def _other_user(rig: Rig) -> None:
    shell = rig.shell()
    shell.wsman.transport.user = "somebody else"
    shell.receive("stdout")


def _unknown_endpoint(rig: Rig) -> None:
    rig.shell(name="No.Such.Endpoint")


def _too_many(rig: Rig) -> None:
    for _unused in range(MAX_SHELLS_PER_USER + 1):
        rig.shell()


@pytest.mark.parametrize(
    ("asks", "code"),
    [
        (_unknown_shell, NO_SHELL),
        (_unknown_command, NO_SHELL),
        (_other_user, NO_SHELL),
        (_unknown_endpoint, NO_ENDPOINT),
        (_too_many, TOO_MANY),
    ],
)
def test_what_is_refused(rig: Rig, asks: Callable[[Rig], None], code: int) -> None:
    with pytest.raises(WSManFaultError) as error:
        asks(rig)
    assert error.value.code == code
    assert error.value.machine == "HV-A"


def test_another_user_has_thirty_shells_too(rig: Rig) -> None:
    for _unused in range(MAX_SHELLS_PER_USER):
        rig.shell()
    rig.shell(user="another").close()


def test_a_dropped_session_cuts_its_clients_and_ends(rig: Rig) -> None:
    shell = rig.shell()
    client = shell.wsman.transport.client
    rig.sessions[0].drop()
    assert client.was_cut
    assert rig.sessions[0].stopped
    assert rig.parrots[0].closed.wait(5)
    assert (rig.service.count.lost, rig.service.count.open) == (1, 0)
    with pytest.raises(Cut):
        shell.receive("stdout")
    with pytest.raises(WSManFaultError) as error:
        shell.receive("stdout")
    assert error.value.code == NO_SHELL


def test_a_host_that_loses_power_loses_its_shells(rig: Rig) -> None:
    rig.shell()
    rig.service.lose_all()
    assert rig.parrots[0].closed.is_set()
    assert rig.sessions[0].stopped
    assert rig.service.count.lost == 1


@pytest.mark.parametrize(("when", "heard"), [("before", 0), ("after", 1)])
def test_a_lost_request_and_a_lost_answer(rig: Rig, when: str, heard: int) -> None:
    shell = rig.shell()
    rig.faults.add_wire("Command", "hv-a", when=when)
    with pytest.raises(Cut):
        run(shell, b"do it")
    assert sum(what == "command" for what, _unused, _unused in rig.parrots[0].heard) == heard
    run(shell, b"again")


def test_a_receive_ends_when_its_host_is_out_of_reach(rig: Rig) -> None:
    shell = rig.shell()
    shell.receive("stdout")
    rig.service.reachable = lambda: False
    with pytest.raises(Cut):
        shell.receive("stdout", timeout=5)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", 2150858752),
        (b"<a/>", 2150858754),
        (b"x" * (wsman.MAX_ENVELOPE + 1), 2150858815),
    ],
)
def test_what_cannot_be_read_is_a_fault(rig: Rig, data: bytes, code: int) -> None:
    status, body = rig.service.answer(data, "ansible", connect(rig.service).transport.client)
    assert status == 500
    assert f'Code="{code}"' in body.decode()


def test_the_services_configuration_and_its_name(rig: Rig) -> None:
    client = connect(rig.service)
    client.update_max_payload_size()
    assert client.max_envelope_size == 512_000
    identify = (
        f'<s:Envelope xmlns:s="{wsman.NAMES["s"]}" xmlns:i="{wsman.NAMES["wsmid"]}"><s:Header/>'
        "<s:Body><i:Identify/></s:Body></s:Envelope>"
    )
    status, body = rig.service.answer(identify.encode(), "ansible", client.transport.client)
    assert (status, b"Microsoft Corporation" in body) == (200, True)


@pytest.mark.parametrize(
    ("span", "expected"), [("PT20S", 20), ("PT1M30.5S", 90.5), ("PT2H", 7200), ("P1D", 0), ("", 0)]
)
def test_operation_timeouts(span: str, expected: float) -> None:
    assert wsman.seconds(span) == expected
