"""Every number of every role and module has a range, which its description names and which holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.option_groups import Waiting
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.ranges import RANGES, check_ranges
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.role_inputs import (
    RoleInputError,
    role_inputs,
)

ROOT = Path(__file__).resolve().parents[3]
OF_THEIR_OWN = {"vlan_id", "prefix_length"}  # their resource checks them: what is right depends on the rest


def spec_of(role: str) -> Mapping[str, Any]:
    found = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return dict(found["argument_specs"])


def numbers(options: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All options that are numbers, with those inside others."""
    for name, option in options.items():
        if option.get("type") in ("int", "float") and not option.get("choices"):
            yield name, option
        yield from numbers(option.get("options") or option.get("suboptions") or {})


def range_of(name: str) -> Any:
    return next((RANGES[known] for known in RANGES if name == known or name.endswith(f"_{known}")), None)


def told(option: Mapping[str, Any]) -> str:
    description = option["description"]
    return " ".join(description if isinstance(description, list) else [description])


ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
INPUTS = [
    (role, entry, name, option)
    for role in ROLES
    for entry, content in spec_of(role).items()
    for name, option in numbers(content.get("options") or {})
]
MODULES = [
    (path.stem, name, option)
    for path in sorted((ROOT / "plugins" / "modules").glob("*.yml"))
    for name, option in numbers(yaml.safe_load(path.read_text(encoding="utf-8"))["DOCUMENTATION"].get("options") or {})
]


@pytest.mark.parametrize(
    ("role", "entry", "name", "option"), INPUTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_number_of_a_role_has_a_range_and_says_so(role: str, entry: str, name: str, option: Any) -> None:
    allowed = range_of(name)
    assert allowed is not None, f"{role}/{entry}: {name}"
    assert f"{allowed.least} to {allowed.most}." in told(option), told(option)
    if option.get("default") is not None:
        assert allowed.least <= option["default"] <= allowed.most


@pytest.mark.parametrize(
    ("module", "name", "option"), MODULES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_number_of_a_module_has_a_range_and_says_so(module: str, name: str, option: Any) -> None:
    if name in OF_THEIR_OWN:
        return
    assert f"{RANGES[name].least} to {RANGES[name].most}." in told(option), f"{module}: {name}"


TOP = [(role, entry, name, option) for role, entry, name, option in INPUTS if name.startswith(f"{role}_")]


@pytest.mark.parametrize(
    ("role", "entry", "name", "option"), TOP, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_role_refuses_a_number_beyond_its_range(role: str, entry: str, name: str, option: Any) -> None:
    allowed = range_of(name)
    for value in (allowed.least - 1, -1, 10**18, str(int(allowed.most) + 1)):
        with pytest.raises(RoleInputError) as error:
            role_inputs({name: value}, {name: option}, prefix=f"{role}_")
        assert f"{name}: {value} is out of range. Give {allowed}." in str(error.value)
    for value in (allowed.least if option["type"] == "float" else int(allowed.least), allowed.most):
        assert role_inputs({name: str(value)}, {name: option}, prefix=f"{role}_")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("group_timeout", -1),
        ("receive_check", 0),
        ("poll_interval", 0),
        ("wait_timeout", 10**9),
        ("patience", float("inf")),
    ],
)
def test_a_module_refuses_it_by_name_with_the_range(name: str, value: float) -> None:
    with pytest.raises(OptionError) as error:
        check_ranges({name: value})
    assert error.value.option == name
    assert f"Give {RANGES[name]}." in str(error.value)


def test_every_module_that_waits_checks() -> None:
    with pytest.raises(OptionError):
        Waiting.of({"poll_interval": float("nan")})
    with pytest.raises(OptionError):
        Waiting.of({"heartbeat_timeout": 10**9})
    assert Waiting.of({"poll_interval": 0.05, "patience": None}) == Waiting(poll_interval=0.05)
