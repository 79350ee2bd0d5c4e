"""The order as it arrived: whole, given by whoever asks, and for hosts that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible.parsing.splitter import parse_kv, split_args
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.order import (
    Order,
    inputs_of,
    problems,
    skipped_guard,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.target import (
    near,
    strangers,
    target_problem,
)

INPUTS = ("vms", "confirm", "default_storage", "initial_copy_path", "failover_to")

# What is typed behind -e -> what is told, in this order.
CUT: dict[str, tuple[str, ...]] = {
    "vms=App05 old copy": ("'old copy' was cut off", """-e '{"vms": ["App05 old copy"]}'"""),
    "confirm=App05 old copy": ("'old copy' was cut off", """-e 'confirm="App05 old copy"'"""),
    "vms=App01, App05": ("'App05' was cut off", "-e vms=App01,App05"),
    "vms=App01 ,App05": ("',App05' was cut off", "-e vms=App01,App05"),
    "vms=App05 confirm=App05 old": ("'old' was cut off", "-e vms=App05 -e 'confirm=\"App05 old\"'"),
    "vms=App05 x=1": ("'x=1' is not an input", """-e '{"vms": ["App05 x=1"]}'"""),
    "App05": ("'App05' was cut off",),
    r"initial_copy_path=D:\new": (
        "makes something else of the backslashes",
        r"""-e '{"initial_copy_path": "D:\\new"}'""",
    ),
    r"initial_copy_path=\\nas\copy": ("makes something else", r"""-e '{"initial_copy_path": "\\\\nas\\copy"}'"""),
}
WHOLE = (
    "vms=App05",
    'vms="App05 old copy"',
    "vms='App05 old copy' confirm=x",
    "vms=App01,App05 confirm=App01",
    r"default_storage=D:\Replica",
    r"initial_copy_path=D:\\new",
    "ansible_user=me failover_to=hv-b",
    "failover_to=hv-b failover_wait_timeout=5",
    "env=prod site=north",
    "vms=",
)


def told(text: str, inputs: Sequence[str] = INPUTS) -> str:
    lost = parse_kv(text).get("_raw_params", "")
    return " ".join(problems(Order(inputs=inputs, words=[split_args(text)], lost=lost)))


@pytest.mark.parametrize("text", CUT)
def test_what_the_parser_cut_off_is_told_with_what_to_type(text: str) -> None:
    for words in CUT[text]:
        assert words in told(text)


@pytest.mark.parametrize("text", WHOLE)
def test_what_arrives_whole_passes(text: str) -> None:
    assert told(text) == ""


def test_lost_words_are_told_in_a_play_of_somebody_else_too() -> None:
    assert "'old copy' was cut off" in told("failover_vms=App05 old copy", ())
    assert "'b' was cut off" in " ".join(problems(Order(lost="b")))


def test_what_the_inventory_alone_gives_is_refused_by_name() -> None:
    (sentence,) = problems(Order(inputs=INPUTS, found={"vms": ["hv-a", "hv-b", "hv-c", "hv-d"]}))
    assert sentence.startswith("vms is set in the inventory, for hv-a, hv-b, hv-c and 1 more.")
    assert "-e vms= " in sentence


def test_tags_that_leave_the_work_out_are_named() -> None:
    (sentence,) = problems(Order(left_out=True, tags=["x"], skip_tags=["y", "z"]))
    assert sentence == "--tags x --skip-tags y,z leaves the work of this playbook out. Run it without."
    (sentence,) = problems(Order(left_out=True, tags=["all"], skip_tags=["untagged"]))
    assert sentence.startswith("--skip-tags untagged leaves")


SKIPS: dict[str, tuple[tuple[Any, ...], bool]] = {
    "nothing": (((), None, ["hyperv.replica.status"]), False),
    "always": ((["always"], None, ["hyperv.replica.status"]), True),
    "tagged": ((["tagged"], None, ["x.yml"]), True),
    "another tag": ((["x"], None, ["x.yml"]), False),
    "start at": (((), "x", ["hyperv.replica.status"]), True),
    "start at, by its file": (((), "x", ["/c/ansible_collections/hyperv/replica/playbooks/status.yml"]), True),
    "start at, in a playbook that imports ours": (((), "x", ["site.yml"]), False),
}


@pytest.mark.parametrize("name", SKIPS)
def test_what_skips_the_guard_is_refused(name: str) -> None:
    arguments, refused = SKIPS[name]
    assert bool(skipped_guard(*arguments)) == refused


def test_inputs_are_read_from_the_playbook() -> None:
    text = "# old | default('')\nhyperv.replica.guard:\nx: \"{{ vms | default('') }} {{ start | default(1) }}\""
    assert inputs_of(text) == ("vms", "start")
    assert inputs_of("x: \"{{ vms | default('') }}\"") == ()


GROUPS = {
    "all": ["hv-a", "hv-b", "HV-C.corp.example", "web-1"],
    "ungrouped": ["web-1"],
    "site_north": ["hv-a", "hv-b"],
    "one": ["hv-a"],
}
# value, takes, hosts inside --limit -> what is told ("" is nothing)
TARGETS: dict[str, tuple[str, str, Sequence[str], str]] = {
    "one host": ("hv-a", "host", GROUPS["all"], ""),
    "not set": ("", "host", GROUPS["all"], "failover_to is not set. Give the name of one inventory host"),
    "blank": (" ", "cluster", GROUPS["all"], "is not set"),
    "misspelt": ("hv-aa", "host", GROUPS["all"], "hv-aa is not in the inventory. Did you mean hv-a?"),
    "a short name": ("hv-c", "host", GROUPS["all"], "Did you mean HV-C.corp.example?"),
    "a full name": ("hv-a.corp.example", "host", GROUPS["all"], "Did you mean hv-a?"),
    "another case": ("HV-A", "cluster", GROUPS["all"], "Did you mean hv-a?"),
    "another of the series": ("hv-x", "host", GROUPS["all"], "is not in the inventory. Give the name"),
    "a group": ("site_north", "host", GROUPS["all"], "it is a group"),
    "a cluster": ("site_north", "cluster", GROUPS["all"], ""),
    "a cluster, half of it": ("site_north", "cluster", ["hv-a"], "hv-b of this group is outside of --limit"),
    "everything": ("all", "cluster", GROUPS["all"], "it is a group"),
    "a site of one host": ("one", "cluster", GROUPS["all"], ""),
    "the other host": ("hv-a", "host", ["hv-b"], "hv-a is outside of --limit"),
    "not contacted": ("hv-a", "known", ["hv-b"], ""),
    "hosts": ("site_north,HV-C.corp.example", "hosts", GROUPS["all"], ""),
    "hosts, one misspelt": ("site_north,site_suoth", "hosts", GROUPS["all"], "site_suoth is not in the inventory"),
    "hosts, a pattern": ("hv-*:!hv-b", "hosts", GROUPS["all"], ""),
    "hosts, a pattern of nothing": ("db-*", "hosts", GROUPS["all"], "db-* is not in the inventory"),
    "hosts, a part of a group": ("site_north[0]", "hosts", GROUPS["all"], ""),
    "hosts, a regular expression": ("~hv-[ab]", "hosts", GROUPS["all"], ""),
    "hosts outside": ("one", "hosts", ["hv-b"], "one is outside of --limit"),
    "hosts, all": ("all", "hosts", GROUPS["all"], ""),
}


@pytest.mark.parametrize("name", TARGETS)
def test_hosts_are_set_known_and_inside(name: str) -> None:
    value, takes, inside, words = TARGETS[name]
    problem = target_problem("failover_to", value, takes, GROUPS, inside)
    assert words in problem
    assert bool(words) == bool(problem), problem


def test_an_empty_inventory_is_told() -> None:
    assert "It has no hosts: give it with -i." in target_problem("target", "hv-a", "hosts", {"all": []}, [])
    assert target_problem("target", "all", "hosts", {"all": []}, []) == "target is 'all': it has no hosts."


def test_strangers_are_told_together() -> None:
    assert strangers(["a", "b"], GROUPS["all"]) == "a and b are not in the inventory."
    assert strangers(["x1", "x2", "x3", "hv-a"], GROUPS["all"]) == "x1, x2 and x3 are not in the inventory."
    assert strangers(["hv-a"], GROUPS["all"]) == ""
    assert near("hv-prid", ["hv-prod", "hv-test"]) == ["hv-prod"]
