"""The lines between the rooms, read from the source: who imports whom, how long things are, which names are used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import MODULES
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.properties import NESTED, PROPERTIES

ROOT = Path(__file__).resolve().parents[3]
PLUGINS, LAB, UTILS = ROOT / "plugins", ROOT / "tests" / "lab", ROOT / "plugins" / "plugin_utils" / "_replica"

PACKAGES = {
    "base": (),
    "wire": ("base",),
    "engine": ("base",),
    "facts": ("base",),
    "server": ("base", "wire", "engine", "facts"),
    "relation": ("base", "wire", "engine", "facts"),
    "failover": ("base", "wire", "engine", "facts"),
    "network": ("base", "wire", "engine", "facts"),
    "replica_vm": ("base", "wire", "engine", "facts"),
    "workflows": ("base", "engine", "facts", "server", "relation", "failover", "network", "replica_vm"),
}
"""Every package of plugin_utils/_replica, and which others it may import. What lies beside them, the runners, may
import all. A resource knows no other resource, and a workflow no connection: the runner gives it its sessions.
"""

NETWORK = ("pypsrp", "requests", "spnego", "urllib3", "winrm", "socket", "http")
MAY_USE_NETWORK = {"wire/psrp.py", "wire/addresses.py"}
MAY_USE_ANSIBLE = {"wire/psrp.py", "wire/connections.py", "runner.py", "recovery_runner.py"}
EDGES = {"recovery_runner.py": {"runner"}, "runner.py": {"wire.psrp"}}
"""Which edges a file may know; all others know none."""

THREADS = ("threading", "_thread", "concurrent", "multiprocessing", "asyncio", "queue", "subprocess")
MAY_USE_THREADS = {"workflows/host_thread.py", "workflows/driver.py", "recovery_runner.py"}
MAY_USE_OF_THREADING = {
    "workflows/host_thread.py": {"Thread", "Condition"},
    "workflows/driver.py": {"Event"},
    "recovery_runner.py": {"current_thread", "main_thread"},  # signals are set in no other one
}
"""A thread is begun for a host, and by nobody else."""
MAY_KNOW_THE_TIME = {
    "wire/psrp.py",
    "wire/addresses.py",
    "engine/task.py",
    "workflows/driver.py",
    "workflows/host_thread.py",
}
OUTSIDE = ("time", "os", "io", "sys", "random", "signal", "socket", "pathlib", "tempfile", *THREADS)


def sources(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def room(path: Path) -> str:
    """A file of plugin_utils/_replica by its place there."""
    return path.relative_to(UTILS).as_posix()


PURE = {f"workflows/{name}.py" for name in ("conversation", "timeline", "operations")}
PURE |= {"base/acts.py", "base/states.py"}
PURE |= {f"workflows/{name}.py" for name in ("search_talk", "looks", "listing/talk")}
PURE |= {room(path) for name in ("failover", "prepare", "reprotect") for path in sources(UTILS / "workflows" / name)}
PURE |= {room(path) for path in sources(UTILS / "failover")}
PURE -= {"failover/options.py"}  # the module for one side, which looks how old a proof is
"""What decides a failover. The conversation is among them: whatever it knows it was asked or told."""

HEADER = (
    "# Copyright: The hyperv.replica authors",
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
)
MOST_LINES_OF_A_FUNCTION, MOST_LINES_OF_A_FILE, MOST_LINES_OF_AN_ACTION = 50, 350, 40
SLACK = 20  # a budget of "about"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports; relative ones begin with dots."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def imports_of(path: Path, *packages: str) -> list[str]:
    return [name for name in imports(path) if name.split(".")[0] in packages]


def used_of(path: Path, module: str) -> set[str]:
    """What a file uses of a module: attributes of it, and names that are imported from it."""
    found = {
        alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if node.module == module and not node.level
    }
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module:
            found.add(node.attr)
    return found


def is_for_types(node: ast.stmt) -> bool:
    """An import that never happens: only the type checker reads it."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def rooms_imported(path: Path) -> set[str]:
    """The files of plugin_utils/_replica that one of them imports, by dotted place."""
    here, found, module = path.relative_to(UTILS).parent.parts, set[str](), tree(path)
    for_types = {node for block in module.body if is_for_types(block) for node in ast.walk(block)}
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.level and node not in for_types:
            base = [*here[: len(here) - node.level + 1], *(node.module or "").split(".")]
            place = ".".join(part for part in base if part)
            if UTILS.joinpath(*place.split(".")).with_suffix(".py").is_file():
                found.add(place)
            else:
                found |= {".".join(filter(None, (place, alias.name))) for alias in node.names}
    return found


def dotted(path: Path) -> str:
    return room(path).removesuffix(".py").replace("/", ".")


def test_every_file_has_its_package() -> None:
    """A new package is a decision: it stands in the table, with what it may know."""
    assert {room(path).partition("/")[0] for path in sources(UTILS) if "/" in room(path)} == set(PACKAGES)
    beside = {room(path) for path in sources(UTILS) if "/" not in room(path)}
    assert beside == {"loaded_early.py", "recovery_runner.py", "runner.py"}


@pytest.mark.parametrize("path", sources(UTILS), ids=name_of)
def test_a_package_imports_only_those_beneath_it(path: Path) -> None:
    known = rooms_imported(path)
    assert all(UTILS.joinpath(*name.split(".")).with_suffix(".py").is_file() for name in known), "an import is not read"
    own = room(path).partition("/")[0]
    others = {name.partition(".")[0] for name in known} - {own}
    assert own not in PACKAGES or others <= set(PACKAGES[own])


def test_no_import_goes_round() -> None:
    """Files in the order in which they can be loaded: each only after all that it imports."""
    left = {dotted(path): rooms_imported(path) for path in sources(UTILS)}
    while left:
        ready = [name for name, known in left.items() if not known & left.keys()]
        assert ready, f"these import each other: {sorted(left)}"
        for name in ready:
            del left[name]


@pytest.mark.parametrize("path", sources(UTILS), ids=name_of)
def test_only_the_edges_know_ansible_and_the_network(path: Path) -> None:
    if room(path) not in MAY_USE_NETWORK:
        assert not imports_of(path, *NETWORK)
    if room(path) not in MAY_USE_ANSIBLE:
        assert not imports_of(path, "ansible", "ansible_collections")


@pytest.mark.parametrize("path", sources(UTILS), ids=name_of)
def test_nothing_but_the_edges_knows_the_edges(path: Path) -> None:
    """The runner knows plans and sessions, resources know neither: no arrow goes back."""
    known = {"wire.psrp", "runner", "recovery_runner"} & rooms_imported(path)
    assert known <= EDGES.get(room(path), set())


@pytest.mark.parametrize("path", sources(UTILS), ids=name_of)
def test_threads_belong_to_hosts(path: Path) -> None:
    assert room(path) in MAY_USE_THREADS or not imports_of(path, *THREADS)
    assert room(path) in MAY_KNOW_THE_TIME or not imports_of(path, "time")
    assert used_of(path, "threading") <= MAY_USE_OF_THREADING.get(room(path), set())


def test_there_is_something_that_uses_threads() -> None:
    """Names that are misspelt above would allow, and forbid, nothing."""
    assert {name: used_of(UTILS / name, "threading") for name in MAY_USE_OF_THREADING} == MAY_USE_OF_THREADING
    assert all((UTILS / name).is_file() for name in PURE | MAY_USE_ANSIBLE | MAY_USE_THREADS | MAY_KNOW_THE_TIME)


@pytest.mark.parametrize("name", sorted(PURE))
def test_what_decides_a_failover_looks_at_nothing_itself(name: str) -> None:
    """No clock, no file, no thread, no environment: what it is told is all that it knows."""
    path = UTILS / name
    assert not imports_of(path, *OUTSIDE)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            assert called not in ("now", "utcnow", "today", "open", "print", "input"), f"{name}:{node.lineno}"


@pytest.mark.parametrize("path", sources(PLUGINS), ids=name_of)
def test_plugins_know_no_tests(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0] == "tests" or ".tests" in name]


@pytest.mark.parametrize("path", sources(LAB), ids=name_of)
def test_the_lab_knows_no_plugin(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not imports_of(path, "plugins", "ansible_collections")
    assert "plugin_utils" not in text


@pytest.mark.parametrize("path", sources(PLUGINS), ids=name_of)
def test_plugins_begin_with_their_licence_and_hold_no_assert(path: Path) -> None:
    assert tuple(path.read_text(encoding="utf-8").splitlines()[:2]) == HEADER
    assert not [node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("path", sources(PLUGINS, LAB), ids=name_of)
def test_nothing_catches_everything(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path}:{node.lineno}"
            if PLUGINS in path.parents:
                assert not (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))


@pytest.mark.parametrize("path", sources(PLUGINS, LAB), ids=name_of)
def test_budgets(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    limit = MOST_LINES_OF_AN_ACTION if path.parent.name == "action" else MOST_LINES_OF_A_FILE + SLACK
    documentation = path.parent.name in ("modules", "doc_fragments")
    assert documentation or lines <= limit, f"{lines} lines"
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_LINES_OF_A_FUNCTION, f"{node.name}: {length} lines"


def literals(call: ast.Call) -> list[str] | None:
    """The arguments of a call, when all are text in the source."""
    values = [arg.value if isinstance(arg, ast.Constant) else None for arg in call.args]
    return [str(value) for value in values] if all(isinstance(value, str) for value in values) else None


def calls(path: Path, function: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            yield node


@pytest.mark.parametrize("path", sources(UTILS), ids=name_of)
def test_every_selected_property_is_documented(path: Path) -> None:
    """`select` refuses others when it is called; here the same is found without calling it."""
    for call in calls(path, "select"):
        first = call.args[0] if call.args else None
        if not isinstance(first, ast.Constant):
            continue
        known = PROPERTIES[str(first.value)]
        used = {arg.value for arg in call.args[1:] if isinstance(arg, ast.Constant)}
        assert used <= known, f"{path.name}:{call.lineno}: {sorted(map(str, used - known))}"
    for call in calls(path, "expand"):
        found = literals(call)
        assert found is None or tuple(found) in NESTED, f"{path.name}:{call.lineno}"


@pytest.mark.parametrize("path", sources(UTILS), ids=name_of)
def test_every_general_cmdlet_has_its_module(path: Path) -> None:
    """A cmdlet that MODULES leaves out is sent as one of Hyper-V's: their nouns begin with VM, but for Get-VHD."""
    for call in calls(path, "Command"):
        first = call.args[0] if call.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value not in MODULES:
            assert re.search(r"-(VM|VHD)", first.value), f"{path.name}:{call.lineno}: {first.value}"


def test_nested_facts_are_of_known_types() -> None:
    for (holder, name), inner in NESTED.items():
        assert name in PROPERTIES[holder]
        assert inner in PROPERTIES
