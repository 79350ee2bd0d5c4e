"""Makes the checkout importable as the collection it is, and gives tests a running lab."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
COLLECTIONS = ROOT / ".build" / "collections"

if TYPE_CHECKING:
    from tests.lab.lab import Lab


def link_collection() -> Path:
    """Put the checkout where Ansible's importer looks for `hyperv.replica`; returns the collections path."""
    link = COLLECTIONS / "ansible_collections" / "hyperv" / "replica"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    return COLLECTIONS


for path in (str(link_collection()), str(ROOT)):
    if path not in sys.path:
        sys.path.insert(0, path)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which engine the labs of this run have, unless a test says so itself."""
    parser.addoption("--engine", choices=("own", "real"), default="own", help="what runs the lab's pipelines")
    parser.addoption("--all", action="store_true", help="with the tests that are marked all_only")


def pytest_configure(config: pytest.Config) -> None:
    """The markers: which lab a test wants, and whether it is only for those who ask for everything."""
    config.addinivalue_line(
        "markers",
        "all_only: run with --all only: one more row of something that a test without this marker has shown",
    )
    config.addinivalue_line(
        "markers",
        "lab(**options): the lab that the fixture `lab` starts: fields of tests.lab.model.Model (hosts, vms, speed, "
        "...), `preset`, `engine` (own or real), `own_addresses`, `session_cost`, `idle_seconds`",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, visibly, what is for `--all`."""
    if config.getoption("--all"):
        return
    left_out = [item for item in items if item.get_closest_marker("all_only")]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker("all_only")]
        config.hook.pytest_deselected(items=left_out)


SAID = "said"


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Prints a line below everything else, from a worker of xdist too."""
    return lambda line: record_property(SAID, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests had to say."""
    reports = [report for found in terminalreporter.stats.values() for report in found if hasattr(report, "when")]
    for report in reports:
        for name, line in report.user_properties if report.when == "call" else ():
            if name == SAID:
                terminalreporter.write_line(line)


def need_real_engine() -> None:
    """Skip the test, visibly, where there is no real PowerShell."""
    from tests.lab.engine.real import program

    if program() is None:
        pytest.skip("no real PowerShell: HYPERV_REPLICA_PWSH does not name one")


@pytest.fixture(autouse=True, scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The records of runs go to a folder of the tests, and not to that of whoever runs them."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A running lab in this process, 2 hosts with 4 VMs unless the marker `lab`, or a parameter, says otherwise.

    A test that leaves a shell behind fails: on Windows it would stay until its idle timeout, and 30 are all there are.
    """
    from tests.lab.lab import Lab
    from tests.lab.model import Model

    marker = request.node.get_closest_marker("lab")
    options: dict[str, Any] = {"vms": 4, **(marker.kwargs if marker else {}), **getattr(request, "param", {})}
    engine = options.pop("engine", request.config.getoption("--engine"))
    own_addresses = options.pop("own_addresses", False)
    wire = {name: options.pop(name) for name in ("session_cost", "idle_seconds") if name in options}
    preset = options.pop("preset", None)
    if engine == "real":
        need_real_engine()
    model = Model(**options)
    whole = model.preset(preset) if preset else model
    with Lab.start(whole, engine=engine, own_addresses=own_addresses, **wire) as started:
        yield started
        lost_on_the_wire = started.disturbed or any(rule.struck for rule in started.world.faults.wire_rules)
        left = started.shells().open
    if left and not lost_on_the_wire:
        pytest.fail(f"{left} shells were never deleted: {started.shells()}")
