"""What tells a run to stop from outside, and to whom it still speaks then."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica import recovery_runner
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.recovery_runner import Terminal, Watch, broken_off
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.record import Record
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.timeline import (
    COLUMNS,
    Happened,
    Timeline,
)

NOW = datetime(2026, 3, 1, 14, 3, 11, tzinfo=timezone.utc)


class Said(list[str]):
    """Ansible's display."""

    def display(self, line: str, **_unused: object) -> None:
        self.append(line)

    def vvvv(self, line: str, **_unused: object) -> None:
        self.append(line)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    found = Said()
    monkeypatch.setattr(recovery_runner, "display", found)
    return found


@pytest.mark.parametrize(
    "number, reason, unheard",
    [
        (signal.SIGALRM, "the time limit of the task (timeout) is over", False),
        (signal.SIGINT, "SIGINT was received", True),
        (signal.SIGTERM, "SIGTERM was received", True),
        (signal.SIGHUP, "SIGHUP was received", True),
    ],
)
def test_a_signal_stops_the_run_and_raises_nothing(number: signal.Signals, reason: str, unheard: bool) -> None:
    watch, before = Watch(), signal.getsignal(number)
    with watch.signals():
        assert watch() == ""
        os.kill(os.getpid(), number)
        assert watch() == reason
    assert signal.getsignal(number) is before
    assert watch.unheard is unheard


def test_the_first_reason_stays_and_any_end_of_ansible_is_an_end() -> None:
    watch = Watch()
    with watch.signals():
        os.kill(os.getpid(), signal.SIGALRM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert watch() == "the time limit of the task (timeout) is over"
    assert watch.unheard


def test_whoever_has_lost_its_parent_is_told_so() -> None:
    assert Watch(parent=-1)() == "ansible-playbook is gone"


@pytest.mark.parametrize("parent, heard", [(os.getppid(), True), (-1, False)])
def test_the_record_has_everything_and_ansible_what_it_still_reads(
    said: Said, tmp_path: Path, parent: int, heard: bool
) -> None:
    record = Record.open(str(tmp_path / "run.log"), "planned_failover", "hv-b", NOW, {})
    terminal = Terminal(record, Watch(parent=parent))
    terminal.event(Happened(NOW, 0.0, "hv-a", ("App01",), "start"))
    terminal.text(("ok: App01 runs on hv-b",))
    terminal.log("PSRP: Get-VM", "hv-a")
    record.close()
    lines = ["14:03:11  hv-a  App01  starting", "ok: App01 runs on hv-b"]
    assert (tmp_path / "run.log").read_text(encoding="utf-8").splitlines() == lines
    assert said == ([*lines, "PSRP: Get-VM"] if heard else [])


def _fails() -> None:
    raise KeyError("mode")


def test_a_fault_of_ours_in_the_middle_says_first_what_is_down(tmp_path: Path) -> None:
    """What was sent is not forgotten: the result and the record name the guests that were stopped and run nowhere."""
    timeline = Timeline()
    for number, (name, stage) in enumerate((("App01", "stop_guest"), ("Db01", "stop_guest"), ("App01", "start"))):
        timeline.add(Happened(NOW, float(number), "hv-a", (name,), stage, (f"id-{name}",), stage))
    assert timeline.runs(["id-App01"], 9.0) == ["id-App01"]
    record = Record.open(str(tmp_path / "run.log"), "planned_failover", "hv-b", NOW, {})
    with pytest.raises(KeyError) as raised:
        _fails()
    result = broken_off(raised.value, timeline, record)
    record.close()
    told = result["msg"].splitlines()
    assert told[0] == "DOWN, as far as is known: Db01"
    assert told[1].startswith("The run was broken off: KeyError in test_stopping.py, line ")
    assert (result["failed"], result["changed"], len(result["timeline"])) == (True, True, 3)
    assert (tmp_path / "run.log").read_text(encoding="utf-8").splitlines() == told


@pytest.mark.parametrize("to", ["hv-b", "hv-berlin-01.example.com"])
@pytest.mark.parametrize("operation", ["planned_failover", "cleanup_test_failover"])
def test_the_line_that_names_the_record_is_no_wider_than_a_terminal(
    said: Said, tmp_path: Path, operation: str, to: str
) -> None:
    """With a user's state folder, whatever the target is called."""
    home = {"HOME": str(tmp_path)}
    record = Record.open(None, operation, to, NOW, home)
    Terminal(record, Watch()).begin(record.shown(home))
    record.close()
    [told] = said
    assert max(map(len, told.splitlines())) <= COLUMNS
    assert record.path.read_text(encoding="utf-8") == f"{told}\n"
    assert told.partition("recorded in")[2].strip() == record.shown(home)


def test_a_path_is_shown_whole_however_long_it_is(said: Said, tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / ("long" * 30)) + os.sep, "planned_failover", "hv-b", NOW, {})
    Terminal(record, Watch()).begin(record.shown({}))
    record.close()
    assert said[0].splitlines()[1:] == [str(record.path)]


@pytest.mark.parametrize("names", [("x" * 100,), ("x" * 100, "y" * 100), tuple(f"App{n:02}" for n in range(40))])
def test_an_event_is_no_wider_than_a_terminal(names: tuple[str, ...]) -> None:
    line = Happened(NOW, 0.0, "hv-berlin-01.example.com", names, "start").line()
    assert len(line) <= COLUMNS
    assert line.endswith("  starting")
