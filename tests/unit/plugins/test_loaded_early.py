"""What the filters decide with is loaded before Ansible forks its workers: none of their files is left out."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.loaded_early import LOADED_EARLY

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
OURS = "ansible_collections.hyperv.replica.plugins.plugin_utils._replica"


def imported(text: str, package: str) -> Iterator[str]:
    """Full names of what a source imports of the collection's own modules."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            base = package.split(".")[: -node.level + 1 or None] if node.level else []
            name = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            if name.startswith(OURS):
                yield from [name] if is_module(name) else (f"{name}.{alias.name}" for alias in node.names)


def is_module(name: str) -> bool:
    """Whether a name is a file, and not a folder of them."""
    return (PLUGINS / "plugin_utils" / "_replica").joinpath(*name.removeprefix(OURS).split(".")).with_suffix(
        ".py"
    ).is_file() and name != OURS


def with_all_beneath(name: str, found: set[str]) -> set[str]:
    """A module and all that it imports."""
    if name not in found:
        found.add(name)
        file = importlib.import_module(name).__file__
        for inner in imported(Path(str(file)).read_text(encoding="utf-8"), name.rpartition(".")[0]):
            with_all_beneath(inner, found)
    return found


def test_nothing_that_a_filter_needs_is_loaded_late() -> None:
    needed = {
        name for path in (PLUGINS / "filter").glob("*.py") for name in imported(path.read_text(encoding="utf-8"), "")
    }
    loaded: set[str] = set()
    for module in LOADED_EARLY:
        assert isinstance(module, ModuleType)
        with_all_beneath(module.__name__, loaded)
    assert needed, "there are filters"
    assert needed <= loaded, f"not in loaded_early.py: {sorted(needed - loaded)}"


def test_nothing_is_loaded_early_that_no_filter_needs() -> None:
    needed: set[str] = set()
    for path in (PLUGINS / "filter").glob("*.py"):
        for name in imported(path.read_text(encoding="utf-8"), ""):
            with_all_beneath(name, needed)
    assert {module.__name__ for module in LOADED_EARLY} <= needed
