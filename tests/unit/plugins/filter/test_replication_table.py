"""The report: results to lines, by data, and what a terminal needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.hyperv.replica.plugins.filter.replication_alarms import replication_alarms
from ansible_collections.hyperv.replica.plugins.filter.replication_table import replication_table
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.units import duration, size
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.info import STATE_CHOICES
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.report.table import cells

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases" / "report" / "tables.yml").read_text())


def result(short: dict[str, Any]) -> dict[str, Any]:
    """A result of the module from the shorthand of a case: what a case leaves out is as usual."""
    if "vms" not in short:
        return short
    usual = {"read_at": "2026-03-01T17:29:00Z", "inventory_host": "x", "unreadable": [], "test_vms": []}
    return {**usual, **short, "vms": [vm(one) for one in short["vms"]]}


def vm(short: dict[str, Any]) -> dict[str, Any]:
    usual = {"id": short["name"], "power": "Off", "mode": "Primary", "test_vm": None, "unreadable": []}
    relations = short["relations"]
    statistics = [statistic(one) for one in short.get("statistics", ())]
    legs = None if relations is None else [leg(one) for one in relations]
    return {**usual, **short, "relations": legs, "statistics": statistics}


def leg(short: dict[str, Any]) -> dict[str, Any]:
    usual = {
        "type": "Simple",
        "mode": "Primary",
        "state": "Replicating",
        "health": "Normal",
        "partner": "hv-b.example.test",
    }
    age = short.get("age")
    return {
        **usual,
        "frequency": 300,
        "test_vm": None,
        "last_replication_time": None if age is None else "2026-03-01T17:00:00Z",
        "last_replication_age_seconds": None if age == "unknown" else age,
        **short,
    }


def statistic(short: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": short["type"],
        "pending_bytes": short["pending"],
        "average_bytes": 4096,
        "average_latency_seconds": 1.5,
        "error_count": short["errors"],
        "missed_count": short["missed"],
        "successful_count": 10,
    }


def table(results: dict[str, Any], **options: Any) -> list[str]:
    return replication_table({host: result(one) for host, one in results.items()}, **{"color": "never", **options})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    lines = table(case["results"], details=case.get("details", False))
    assert "\n".join(lines) == case["lines"].rstrip("\n")
    results = {host: result(one) for host, one in case["results"].items()}
    for level, count in case.get("alarms", {}).items():
        assert len(replication_alarms(results, level)) == count, level
    if "first" in case:
        assert replication_alarms(results)[0] == case["first"]


def one_vm(**facts: Any) -> dict[str, Any]:
    return {"hv-a": {"vms": [{"name": "App01", "relations": [{"age": 45}], **facts}]}}


@pytest.mark.parametrize("width", [72, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    results = {
        "a-host-with-a-long-name.example.test": {
            "vms": [
                {
                    "name": "A virtual machine with a very long name " + "データベース" * 5,
                    "power": "RunningCritical",
                    "statistics": [{"type": "Simple", "errors": 12345678, "missed": 12345678, "pending": 10**13}],
                    "relations": [
                        {"age": 45, "state": state, "partner": "a-partner-with-a-long-name", "health": "Critical"}
                    ],
                }
                for state in STATE_CHOICES
            ],
            "unreadable": [{"kind": "test_vms", "vm": None, "problem": "words " * 60}],
        }
    }
    lines = table(results, width=width, details=True)
    assert max(cells(line) for line in lines) <= width
    assert any("…" in line for line in lines) or width == 140


def test_colours_only_where_they_are_wanted() -> None:
    assert not any("\033" in line for line in table(one_vm()))
    painted = table(one_vm(), color="always")
    assert any("\033[32mreplicating" in line for line in painted)


def test_colours_do_not_move_the_columns() -> None:
    import re

    plain, painted = table(one_vm()), table(one_vm(), color="always")
    assert [re.sub(r"\033\[[0-9;]*m", "", line) for line in painted] == plain


def test_no_colours_where_ansible_has_none() -> None:
    assert not any("\033" in line for line in table(one_vm(), color="auto")), "a test's output is no terminal"


def test_a_name_cannot_command_the_terminal() -> None:
    lines = table(one_vm(name="evil\033[2J\r\nname"), color="never")
    assert any("evil?[2J??name" in line for line in lines)


def test_names_are_counted_in_cells() -> None:
    lines = table(
        {"hv-a": {"vms": [{"name": name, "relations": [{"age": 45}]} for name in ("データ", "abc", "e\u0301")]}}
    )
    columns = {cells(line[: line.index("hv-a")]) for line in lines if "hv-a" in line}
    assert len(columns) == 1


def test_a_list_and_a_single_result_will_do() -> None:
    single = result(one_vm()["hv-a"])
    assert replication_table(single, color="never") == replication_table([single], color="never")
    assert any(" x " in line for line in replication_table(single, color="never"))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"results": "hv-a"}, "not a result"),
        ({"results": {"hv-a": 3}}, "not a result"),
        ({"results": {}, "color": "yes"}, "color is 'yes'"),
        ({"results": {}, "width": 20}, "width is 20"),
    ],
)
def test_bad_input_is_one_error(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        replication_table(**arguments)


def test_a_level_that_is_none() -> None:
    with pytest.raises(AnsibleFilterError, match="level is 'bad'"):
        replication_alarms({}, "bad")


@pytest.mark.parametrize(
    "seconds, text",
    [(None, "-"), (0, "0 s"), (1.25, "1.2 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (7260, "2 h 1 min"),
     (86400, "1 d"), (90000, "1 d 1 h"), (86400 * 12 + 3600, "12 d")],
)  # fmt: skip
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    "count, text",
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (6782189568, "6.3 GiB"), (150 << 20, "150 MiB"),
     (5 << 50, "5120 TiB")],
)  # fmt: skip
def test_sizes(count: int | None, text: str) -> None:
    assert size(count) == text
