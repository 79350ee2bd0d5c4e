"""One task for all hosts: how it reaches them, that it runs once, what it shows; and nobody waits for the silent."""

from __future__ import annotations

import http.client
import os
import pty
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible import __version__ as ansible_version

from tests.bench.power import PowerLog
from tests.gate import only
from tests.integration.failover_play import Player
from tests.integration.test_connections import Playbook
from tests.lab import control, scenes
from tests.lab.lab import Lab, When

SPEED = 60
pytestmark = pytest.mark.lab(hosts=2, vms=6, speed=SPEED)

ROOT = Path(__file__).resolve().parents[2]
PREPARED = "Primary/PreparedForFailover, Off"
THERE = ["Replica/Replicating Off", "Primary/Replicating Running"]
EVENT = re.compile(r"^\d\d:\d\d:\d\d  ")
QUICK = {"poll_interval": 0.05, "settle_timeout": 20}


def over(**options: Any) -> dict[str, Any]:
    """A task that fails App01 over to hv-b."""
    given = {"operation": "planned_failover", "to": "hv-b", "vms": ["App01"], **QUICK, **options}
    return {"hyperv.replica.hyperv_recovery": given}


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    return Player.of(lab, tmp_path)


@pytest.fixture
def playbook(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Playbook:
    """Plays tasks; the records of runs stay in the folder of the test."""
    if len(lab.world.hosts) == 4:
        protect_the_other_pair(lab)
    Player.set_up(lab)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Playbook(lab, tmp_path)


def protect_the_other_pair(lab: Lab) -> None:
    """App03 of hv-c is protected towards hv-d, as App01 of hv-a is going to be towards hv-b."""
    scenes.make_servers(lab.world)
    scenes.protect(lab.world, list(lab.world.host("HV-C").vms), "HV-C", "HV-D", RecoveryHistory=4)


# -- sessions, and hosts that say nothing ----------------------------------------------------------------------------


def test_one_session_and_one_connection_a_host(player: Player) -> None:
    done = player.over("hv-b", "App01,App03,App05")
    assert done.returncode == 0, done.stdout
    assert (player.lab.connections(), player.lab.shells().created) == (2, 2)


@pytest.mark.all_only  # the driver's own tests have it over a host that takes its time
@pytest.mark.lab(hosts=4, vms=8, speed=SPEED)
def test_a_host_that_falls_silent_holds_nobody_else_up(lab: Lab, tmp_path: Path) -> None:
    """Right before hv-c is told to stop its guest. The VMs of the other pair run long before its time limit is over."""
    protect_the_other_pair(lab)
    player = Player.of(lab, tmp_path)
    log = PowerLog(lab)
    lab.behave("hv-c", "silent", open_ones="at_once", when=When("hv-c", "Stop-VM", before=True))
    done = player.play(
        "planned_failover",
        failover_to="site_south",
        vms="App01,App03",
        confirm="site_south 2",
        ansible_psrp_read_timeout="4",
        ansible_psrp_reconnection_backoff="0",  # pypsrp asks five times more for the rest of an answer
    )
    assert done.returncode != 0
    assert player.states("App01") == THERE
    assert log.seconds()[player.id("App01")] < 4 * SPEED, "less than the time limit"
    assert "App03 is not known to run" in done.stdout or "App03 runs on hv-c" in done.stdout, done.stdout


# -- how hosts are reached -------------------------------------------------------------------------------------------


def without(playbook: Playbook, *names: str) -> dict[str, str]:
    """Take variables out of the inventory; what they were."""
    inventory = playbook.folder / "lab" / "inventory.yml"
    content = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    variables = content["hyperv"]["vars"]
    taken = {name: variables.pop(name) for name in names}
    inventory.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return taken


def add_to_host(playbook: Playbook, host: str, **variables: Any) -> None:
    """Give a host of the inventory more variables; a host that is not there is made, beside hv-a."""
    inventory = playbook.folder / "lab" / "inventory.yml"
    content = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    sites = content["hyperv"]["children"]
    site = next((site for site in sites.values() if host in site["hosts"]), sites["site_north"])
    site["hosts"][host] = {**(site["hosts"].get(host) or {}), **variables}
    inventory.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def test_variables_of_the_play_reach_every_host(lab: Lab, playbook: Playbook) -> None:
    """vars, vars_files, vars_prompt (its default, for nobody is there to type) and remote_user: none is in hostvars."""
    taken = without(playbook, "ansible_user", "ansible_psrp_protocol", "ansible_psrp_auth", "ansible_connection")
    (playbook.folder / "more.yml").write_text(
        f"ansible_psrp_protocol: '{{{{ \"{taken['ansible_psrp_protocol']}\" | lower }}}}'\n", encoding="utf-8"
    )
    answer = playbook.run(
        over(),
        hosts="hv-b",
        remote_user=taken["ansible_user"],
        vars={"ansible_connection": "{{ 'psrp' }}"},
        vars_files=["more.yml"],
        vars_prompt=[{"name": "ansible_psrp_auth", "prompt": "How?", "default": taken["ansible_psrp_auth"]}],
    )
    assert answer.get("failed") is not True, playbook.output
    assert [vm["runs_on"] for vm in answer["vms"]] == [["hv-b"]]
    assert {call.user for call in lab.world.recorder.state_changing()} == {lab.user}


def test_a_password_that_is_typed_reaches_every_host(lab: Lab, playbook: Playbook) -> None:
    config = playbook.config.read_text(encoding="utf-8")
    lines = [line for line in config.splitlines() if not line.startswith("connection_password_file")]
    playbook.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    book = playbook.folder / "typed.yml"
    book.write_text(yaml.safe_dump([{"hosts": "hv-b", "gather_facts": False, "tasks": [over()]}]), encoding="utf-8")
    returned, told = typed([str(book), "--ask-pass"], playbook, lab.password)
    assert returned == 0, told
    assert lab.password not in told
    assert lab.world.vm("hv-b", "App01").state == "Running"


def typed(arguments: list[str], playbook: Playbook, answer: str) -> tuple[int, str]:
    """Run ansible-playbook on a terminal and type what it asks for; what it returned and showed."""
    pid, master = pty.fork()
    if pid == 0:
        own = {"ANSIBLE_CONFIG": str(playbook.config), "ANSIBLE_LOCAL_TEMP": str(playbook.folder / "tmp")}
        program = Path(sys.executable).with_name("ansible-playbook")
        os.chdir(playbook.folder)
        os.execve(program, [str(program), *arguments], {**os.environ, **own})
    told, asked = b"", False
    with os.fdopen(master, "r+b", buffering=0) as terminal:
        while True:
            try:
                data = terminal.read(65536)
            except OSError:
                break
            if not data:
                break
            told += data
            if not asked and b"password" in told.lower():
                asked = True
                terminal.write(answer.encode() + b"\n")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), told.decode(errors="replace")


def test_extras_of_the_connection_are_handed_on(playbook: Playbook) -> None:
    """Only a plugin that takes them is given them: it says itself that it does not know this one."""
    add_to_host(playbook, "hv-a", ansible_psrp_nonsense="{{ 'x' }}")
    answer = playbook.run(over(), hosts="hv-b")
    assert [vm["runs_on"] for vm in answer["vms"]] == [["hv-b"]]
    takes_them = ansible_version.startswith("2.16")
    assert ("ansible_psrp_nonsense is unsupported" in " ".join(playbook.output.split())) is takes_them


class Proxy(BaseHTTPRequestHandler):
    """Forwards requests, one connection of its own for each of a client's."""

    protocol_version = "HTTP/1.1"
    wbufsize, disable_nagle_algorithm = -1, True
    asked: set[str] = set()

    def setup(self) -> None:
        super().setup()
        self.onward: http.client.HTTPConnection | None = None

    def do_POST(self) -> None:
        place = urllib.parse.urlsplit(self.path)
        Proxy.asked.add(place.netloc)
        self.onward = self.onward or http.client.HTTPConnection(place.netloc)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy")}
        self.onward.request("POST", place.path, body, headers)
        answer = self.onward.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def finish(self) -> None:
        if self.onward is not None:
            self.onward.close()
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def proxy() -> Iterator[str]:
    """A proxy on loopback; its URL."""
    Proxy.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    "by_environment", only(["of the play"], [False, True], lambda one: "of the environment" if one else "of the play")
)
def test_proxies(lab: Lab, playbook: Playbook, by_environment: bool) -> None:
    with proxy() as url:
        playbook.environment = {"http_proxy": url, "no_proxy": ""} if by_environment else {}
        given = {} if by_environment else {"vars": {"ansible_psrp_proxy": url}}
        answer = playbook.run(over(), hosts="hv-b", **given)
    assert [vm["runs_on"] for vm in answer["vms"]] == [["hv-b"]], answer
    assert len(Proxy.asked) == 2


@pytest.mark.lab(hosts=4, vms=8, speed=SPEED)
@pytest.mark.parametrize("pattern", only(["hv-[ab]"], ["hv-[ab]", "hyperv:!hv-c:!hv-d", "~hv-(a|b)$", "hv-a:hv-b"]))
def test_hosts_outside_the_limit_are_not_contacted(lab: Lab, tmp_path: Path, pattern: str) -> None:
    player = Player.of(lab, tmp_path)
    before = [lab.endpoint(host).gate.accepted for host in ("hv-c", "hv-d")]
    done = player.over("hv-b", "App01", "--limit", pattern)
    assert done.returncode == 0, done.stdout
    assert player.states("App01") == THERE
    assert [lab.endpoint(host).gate.accepted for host in ("hv-c", "hv-d")] == before


@pytest.mark.lab(hosts=4, vms=8, speed=SPEED)
@pytest.mark.parametrize(
    "variables",
    only(
        ["{'ansible_connection': 'local'}", "{'ansible_become': True, 'ansible_become_method': 'runas'}"],
        [
            {"ansible_connection": "local"},
            {"ansible_connection": "ssh"},
            {"ansible_become": True, "ansible_become_method": "runas"},
            {"ansible_host": "{{ not_defined_anywhere }}"},
        ],
        str,
    ),
)
def test_a_host_that_carries_no_cmdlets_is_a_matter_of_its_vms(
    lab: Lab, playbook: Playbook, variables: dict[str, Any]
) -> None:
    add_to_host(playbook, "hv-c", **variables)
    answer = playbook.run(over(to="site_south", vms=["App01", "App03"], on_refusal="skip"), hosts="hv-b")
    assert lab.endpoint("hv-c").gate.accepted == 0
    assert "vms" in answer, playbook.output
    runs = {vm["name"]: vm["runs_on"] for vm in answer["vms"]}
    assert runs["App01"] == ["hv-b"], answer
    assert runs["App03"] == []
    told = next(vm["message"] for vm in answer["vms"] if vm["name"] == "App03")
    assert "hv-c" in told, told
    assert lab.world.vm("hv-c", "App03").state == "Running"


# -- once ------------------------------------------------------------------------------------------------------------


PLAYS = [
    {"strategy": strategy, **({"serial": serial} if serial else {})}
    for strategy in ("linear", "free", "host_pinned")
    for serial in (0, 1, 3)
]


@pytest.mark.parametrize(
    "play",
    only(["linear", "linear 1", "free 3"], PLAYS, lambda play: " ".join(str(value) for value in play.values())),
)
def test_a_play_on_ten_hosts_runs_it_once(lab: Lab, playbook: Playbook, play: dict[str, Any]) -> None:
    for number in range(8):
        add_to_host(playbook, f"more-{number}", ansible_host="127.0.0.1", ansible_port=1)
    playbook.run(over(hosts=["hv-a", "hv-b"]), hosts="hyperv", **play)
    assert [call.host for call in lab.world.recorder.of("Stop-VM")] == ["HV-A"]
    assert lab.world.vm("hv-b", "App01").state == "Running"
    assert playbook.output.count("skipping: [more-") == 16, "both tasks, eight hosts"
    assert "skipping: [hv-a]" in playbook.output
    assert lab.shells().created == 2


@pytest.mark.parametrize("strategy", only(["free"], ["linear", "free"]))
def test_run_once_does_not_leave_it_out(lab: Lab, playbook: Playbook, strategy: str) -> None:
    """run_once gives a task to the first host of a play, which is not the one that the VMs go to."""
    playbook.run({**over(), "run_once": True}, hosts="hv-a,hv-b", strategy=strategy)
    assert [call.host for call in lab.world.recorder.of("Stop-VM")] == ["HV-A"]
    assert lab.world.vm("hv-b", "App01").state == "Running"


@pytest.mark.lab(hosts=4, vms=8, speed=SPEED)
def test_two_targets_in_one_play_each_run_their_own(lab: Lab, playbook: Playbook) -> None:
    vms = "{{ ['App01'] if inventory_hostname == 'hv-b' else ['App03'] }}"
    playbook.run(over(to="{{ inventory_hostname }}", vms=vms), hosts="hv-b,hv-d")
    assert sorted((call.host, *call.vms) for call in lab.world.recorder.of("Stop-VM")) == [
        ("HV-A", "App01"),
        ("HV-C", "App03"),
    ]
    assert (lab.world.vm("hv-b", "App01").state, lab.world.vm("hv-d", "App03").state) == ("Running", "Running")


def test_check_mode_prints_the_plan_and_changes_nothing(lab: Lab, playbook: Playbook) -> None:
    playbook.arguments = ["--check"]
    book = playbook.folder / "checked.yml"
    book.write_text(yaml.safe_dump([{"hosts": "hv-b", "gather_facts": False, "tasks": [over()]}]), encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(book), "--check"],
        env={**os.environ, "ANSIBLE_CONFIG": str(playbook.config)},
        cwd=playbook.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1. hv-a: Stop-VM: shut the guest down cleanly" in done.stdout
    assert "changed=1" in done.stdout
    assert lab.world.recorder.state_changing() == []


# -- what the operator sees ------------------------------------------------------------------------------------------


def test_little_is_printed(player: Player) -> None:
    done = player.over("hv-b", "App01", poll_interval="", settle_timeout="")
    assert done.returncode == 0
    assert done.stdout.count("\nTASK [") <= 12
    assert len((done.stdout + done.stderr).splitlines()) <= 60
    events = [line for line in done.stderr.splitlines() if EVENT.match(line)]
    assert len(events) >= 6
    assert max(map(len, events)) <= 100
    assert [line for line in done.stdout.splitlines() if EVENT.match(line)] == [], "events go to standard error"


@pytest.mark.all_only  # an event of long names is no wider: test_stopping has it
@pytest.mark.lab(hosts=2, vms=80, speed=SPEED)
def test_forty_vms_of_long_names_are_no_wider(lab: Lab, tmp_path: Path) -> None:
    player = Player.of(lab, tmp_path)
    names = []
    for number, vm in enumerate(lab.world.host("HV-A").vms.values()):
        names.append(f"a long name of a machine, no. {number:02}".replace(",", " -"))
        scenes.rename(lab.world, vm.id, "hv-a", names[-1])
        scenes.rename(lab.world, vm.id, "hv-b", names[-1])
    lab.world.recorder.clear()
    done = player.over("hv-b", ",".join(names))
    assert done.returncode == 0, done.stdout
    events = [line for line in done.stderr.splitlines() if EVENT.match(line)]
    assert max(map(len, events)) <= 100


@pytest.mark.lab(hosts=2, vms=2, speed=SPEED)
def test_events_appear_as_they_happen_and_the_down_time_is_that_of_the_lab(lab: Lab, tmp_path: Path) -> None:
    """In a pipe. The guest takes four seconds of the wall clock, and the line that comes after those comes then."""
    player = Player.of(lab, tmp_path)
    player.vm("hv-a", "App01").guest.shutdown_seconds = 4.0 * SPEED
    log = PowerLog(lab)
    command = player._command("planned_failover", **player.confirmed("hv-b", "App01"), record=str(tmp_path))
    seen: dict[str, float] = {}
    with subprocess.Popen(
        command, env=player._environment(), cwd=tmp_path, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            seen[line.strip().rpartition("  ")[2]] = time.monotonic()
    assert process.returncode == 0, seen
    told = next(text for text in seen if text.startswith("running again after"))
    assert seen["sending the last changes"] - seen["shutting the guest down"] > 3
    [down] = log.seconds().values()
    assert abs(int(re.findall(r"\d+", told)[0]) - down / SPEED) <= 1.5


@pytest.mark.lab(hosts=2, vms=6, speed=SPEED)
def test_the_down_time_of_the_result_is_that_of_the_lab(lab: Lab, playbook: Playbook) -> None:
    """Of each VM its own, and null for one that was not stopped."""
    for number, name in enumerate(("App01", "App03")):
        lab.world.vm("hv-a", name).guest.shutdown_seconds = (1.0 + 3 * number) * SPEED
    lab.world.vm("hv-a", "App05").turn("Off", lab.world.clock.now())
    log = PowerLog(lab)
    answer = playbook.run(over(vms=["App01", "App03", "App05"]), hosts="hv-b")
    down = {str(vm): seconds / SPEED for vm, seconds in log.seconds().items()}
    told = {vm["name"]: vm["downtime_seconds"] for vm in answer["vms"]}
    assert told.pop("App05") is None
    assert sorted(told) == ["App01", "App03"]
    for name, seconds in told.items():
        assert abs(seconds - down[str(lab.world.vm("hv-b", name).id)]) <= 1.5, (told, down)
    assert told["App03"] > told["App01"]


def test_the_result_of_a_planned_failover(playbook: Playbook) -> None:
    answer = playbook.run(over(reverse=False), hosts="hv-b")
    assert documented(answer) == []
    [vm] = answer["vms"]
    assert (vm["runs_on"], vm["target_host"], vm["other_host"]) == (["hv-b"], "hv-b", "hv-a")
    assert (vm["target"], vm["other"]) == ("Replica/FailedOverWaitingCompletion, Running", PREPARED)
    assert (vm["result"], vm["data_loss_seconds"]) == ("UNPROTECTED", 0)
    assert "It runs on the failed-over replica, and its changes are not replicated." in vm["open"]
    assert vm["downtime_seconds"] > 0
    told = [(one["host"], one["windows_name"], one["reached"], one["changed"]) for one in answer["hosts"]]
    assert told == [("hv-b", "HV-B.corp.example", True, True), ("hv-a", "HV-A.corp.example", True, True)]
    assert (answer["actions"][0]["host"], answer["actions"][0]["cmdlet"]) == ("hv-a", "Stop-VM")
    assert [one["event"] for one in answer["timeline"]][:2] == ["shutting the guest down", "sending the last changes"]
    assert Path(answer["record"]).exists()


def test_the_result_of_a_disaster_has_the_age_of_the_data_and_the_host_that_is_lost(
    lab: Lab, playbook: Playbook
) -> None:
    """As old as what the replica has applied last is when it is failed over, by the lab's clock."""
    control.power_off(lab, "hv-a")
    lab.world.clock.advance(3600)
    relation = lab.world.vm("hv-b", "App01").relation
    assert relation is not None
    applied, began = relation.last_applied, lab.world.clock.now()
    disaster = over(reason="primary_is_dead", receive_check=1)
    disaster["hyperv.replica.hyperv_recovery"]["operation"] = "unplanned_failover"
    answer = playbook.run(disaster, hosts="hv-b")
    assert documented(answer) == []
    [vm] = answer["vms"]
    lost = (began - applied).total_seconds()
    assert lost > 3500
    assert lost <= vm["data_loss_seconds"] <= (lab.world.clock.now() - applied).total_seconds()
    assert vm["downtime_seconds"] is None, "this run has not stopped it"
    assert "Its old copy on hv-a may start by itself" in vm["open"]
    [lost_host] = [one for one in answer["hosts"] if one["host"] == "hv-a"]
    assert (lost_host["reached"], lost_host["changed"], lost_host["windows_name"]) == (False, False, None)
    assert "hv-a" in lost_host["error"]


def documented(answer: Mapping[str, Any]) -> list[str]:
    """What a result has, and its documentation has not."""
    page = yaml.safe_load((ROOT / "plugins" / "modules" / "hyperv_recovery.yml").read_text(encoding="utf-8"))
    returned = page["RETURN"] if isinstance(page["RETURN"], dict) else yaml.safe_load(page["RETURN"])
    found = [key for key in answer if key not in {*returned, "changed", "failed", "msg", "warnings"}]
    for name in ("vms", "hosts", "timeline"):
        keys = {key for one in answer[name] for key in one}
        found += [f"{name}.{key}" for key in sorted(keys - set(returned[name]["contains"]))]
    return found


def test_events_in_ansible_runner(lab: Lab, playbook: Playbook) -> None:
    """They are events of the job while the task runs, before its result."""
    runner = pytest.importorskip("ansible_runner")
    folder = playbook.folder / "runner"
    (folder / "project").mkdir(parents=True)
    book = folder / "project" / "play.yml"
    book.write_text(yaml.safe_dump([{"hosts": "hv-b", "gather_facts": False, "tasks": [over()]}]), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = runner.run(
        private_data_dir=str(folder),
        playbook="play.yml",
        inventory=str(playbook.folder / "lab" / "inventory.yml"),
        envvars={
            "PATH": path,
            "ANSIBLE_CONFIG": str(playbook.config),
            "XDG_STATE_HOME": str(playbook.folder / "state"),
        },
        quiet=True,
    )
    assert done.rc == 0, done.stdout.read()
    events = list(done.events)
    said = [number for number, event in enumerate(events) if "shutting the guest down" in event["stdout"]]
    ended = [number for number, event in enumerate(events) if event["event"] == "runner_on_ok"]
    assert said, [event["stdout"] for event in events]
    assert said[0] < ended[-1]
