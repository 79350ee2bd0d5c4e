"""Decisions of hyperv_vm_replication as data: tests/unit/plugins/cases/relation/*.yml.

Each case says what is there (`have`), what the task says (`want`), and what must come of it: the cmdlets in order with
their parameters (`steps`; probes too), how it ends (`done`, `wait`, `refused`, or `error` of an option), words of the
warnings, and what changes in the record (`diff`). Two more rules hold for all: planned again from its own outcome a
case has nothing left to do, and a setting that the task does not name is never written, whatever its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import time_utc
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Done, Refused, Step, Wait
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.disks import Disk, name_key
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.relation import settings as relation_settings
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.relation.find import check_host
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.relation.have import VM, Have, Relation
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.relation.resource import RELATION

from tests.unit.plugins.unfolding import unfold

CASES = Path(__file__).parent.parent / "cases" / "relation"
ID = "11111111-2222-3333-4444-555555555501"
STORED = {
    "replica_port": 80,
    "authentication": "kerberos",
    "certificate_thumbprint": "",
    "frequency": 300,
    "recovery_history": 0,
    "app_consistent_hours": 0,
    "compression": True,
    "auto_resynchronize": False,
    "auto_resynchronize_from": "18:30:00",
    "auto_resynchronize_until": "06:00:00",
    "bypass_proxy": False,
    "host_kvp": True,
}
OTHER_VALUES = {
    "replica_port": 8080,
    "certificate_thumbprint": "A" * 40,
    "frequency": 900,
    "recovery_history": 24,
    "app_consistent_hours": 12,
    "compression": False,
    "auto_resynchronize": True,
    "auto_resynchronize_from": "01:00:00",
    "auto_resynchronize_until": "02:00:00",
    "bypass_proxy": True,
    "host_kvp": False,
}
ENDINGS = {"done": Done, "refused": Refused, "wait": Wait}


def load() -> list[Any]:
    files = [(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(CASES.glob("*.yml"))]
    return [pytest.param(case, id=f"{resource}: {case['name']}") for resource, cases in files for case in cases]


ALL = load()
PLANNED = [one for one in ALL if "error" not in one.values[0]]
LASTING = [one for one in PLANNED if "acts" not in one.values[0]["want"]]  # acts are done each time


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the runner hands them over: everything in the spec, defaults filled in."""
    unknown = set(given) - set(RELATION.spec)
    assert not unknown, f"options that the module does not have: {unknown}"
    return {name: given.get(name, row.get("default")) for name, row in RELATION.spec.items()}


def disk(text: str) -> Disk:
    """`SCSI 0:1 D:\\data.vhdx`, and after it perhaps `pass-through` or `shared`."""
    kind, place, path, *marks = text.split(" ")
    return Disk(name_key(f"{kind} {place}"), path, physical="pass-through" in marks, shared="shared" in marks)


def relation(told: Mapping[str, Any], kind: str, disks: tuple[Disk, ...]) -> Relation:
    told = dict(told)
    settings = {**STORED, **{key: told.pop(key) for key in list(told) if key in STORED}}
    if "disks" in told:
        told["disks"] = tuple(map(disk, told["disks"]))
    return Relation(
        **{
            "kind": kind,
            "mode": "Primary",
            "state": "Replicating",
            "health": "Normal",
            "primary_server": "HV-A.example.com",
            "replica_server": "hv-b.example.com",
            "last_replication_time": "2026-03-01T10:00:00Z",
            "disks": disks,
            **told,
            "settings": settings,
        }
    )


def have_of(told: Mapping[str, Any]) -> Have:
    """A host from a case. One VM, `App01`, unless `vms` says others; `relation` None is a VM that is not replicated."""
    vms = [vm_of(number, vm) for number, vm in enumerate(told.get("vms", [told]), start=1)]
    host = told.get("host", "HV-A.example.com")
    return Have(
        host=host,
        host_names=(host,),
        vms={vm.id: vm for vm in vms},
        now=time_utc(told.get("now", "2026-03-01T12:00:00Z")),
        owners={name.casefold(): node for name, node in told.get("owners", {}).items()},
    )


def vm_of(number: int, told: Mapping[str, Any]) -> VM:
    disks = tuple(map(disk, told.get("disks", ["SCSI 0:0 D:\\os.vhdx"])))
    relations = {
        kind: relation(told[key], kind, disks)
        for key, kind in (("relation", "Simple"), ("extended", "Extended"))
        if told.get(key) is not None
    }
    first = relations.get("Simple")
    return VM(
        id=f"{ID[:-2]}{number:02}",
        name=told.get("vm", "App01"),
        power=told.get("power", "Running"),
        start_action=told.get("start_action", "StartIfRunning"),
        mode=told.get("mode", first.mode if first else "None"),
        disks=disks,
        relations=relations,
        tpm=told.get("tpm", False),
    )


def shown(step: Step) -> dict[str, Any]:
    """A step as a case writes it: `{Cmdlet: parameters}` without -Confirm, which every act must carry."""
    command = step.statement.commands[-1]
    parameters = dict(command.parameters)
    if not step.probe:
        assert parameters.pop("Confirm") is False, f"{command.name} asks for confirmation"
    return {command.name: parameters}


def outcome(case: Mapping[str, Any]) -> tuple[Any, Have, Any]:
    """Want, have and what is decided for each subject; an OptionError instead where one is raised."""
    have = have_of(case.get("have", {}))
    given = case["want"] if "ids" in case["want"] else {"names": ["App01"], **case["want"]}
    want = RELATION.read_options(options(given))
    check_host(want, have.host_names)
    return want, have, [(subject, *unfold(RELATION, have, want, subject)) for subject in RELATION.subjects(have, want)]


@pytest.mark.parametrize("case", ALL)
def test_case(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(OptionError) as raised:
            outcome(case)
        assert raised.value.option == case["error"]["option"]
        assert case["error"]["says"] in str(raised.value)
        assert raised.value.advice, "an option's error says what to do"
        return
    want, have, decided = outcome(case)
    subject, steps, last, after = decided[0]
    ending = next((word for word in ENDINGS if word in case), "done")
    assert [shown(step) for step in steps] == case.get("steps", []), last
    assert isinstance(last, ENDINGS[ending]), last
    text = last.message if isinstance(last, Refused) else last.reason
    for words in [case[ending]] if isinstance(case.get(ending), str) else case.get(ending) or []:
        assert words in text
    check_warnings(case, last)
    check_diff(case, RELATION.record(have, want, subject), RELATION.record(after, want, subject))


def check_warnings(case: Mapping[str, Any], last: Any) -> None:
    warned = list(last.warnings) if isinstance(last, Done) else []
    expected = case.get("warnings", [])
    assert len(warned) == len(expected), warned
    for words, warning in zip(expected, warned, strict=True):
        assert words in warning


def check_diff(case: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    if "diff" in case:
        assert {key: [before.get(key), after.get(key)] for key in keys} == case["diff"]
    elif not case.get("steps"):
        assert keys == []


@pytest.mark.parametrize("case", LASTING)
def test_planned_again_nothing_is_left(case: dict[str, Any]) -> None:
    want, _unused, decided = outcome(case)
    for subject, steps, last, after in decided:
        again, ending, _unused = unfold(RELATION, after, want, subject)
        if isinstance(last, Done):
            assert [step.stage for step in again if not step.probe] == []
            assert isinstance(ending, Done), ending
            assert ending.reason, "a run without a change says why"
        elif isinstance(last, Refused):
            assert [step.stage for step in steps if not (step.probe or step.act)] == [], "a refusal comes first"


@pytest.mark.parametrize("case", PLANNED)
def test_unnamed_settings_are_never_written(case: dict[str, Any]) -> None:
    want, have, _unused = outcome(case)
    for subject in RELATION.subjects(have, want):
        vm = have.vms.get(subject)
        stored = vm.relations.get(want.relationship) if vm else None
        if vm is None or stored is None or want.move:
            continue
        for option, value in OTHER_VALUES.items():
            if option in case["want"] or want.per_host:
                continue
            other = replace(stored, settings={**stored.settings, option: value})
            steps, _unused, _unused = unfold(
                RELATION, have.with_vm(vm.with_relation(want.relationship, other)), want, subject
            )
            for step in steps:
                parameters = step.statement.commands[-1].parameters
                written = set() if step.probe else set(relation_settings.from_parameters(parameters))
                clears = parameters.get("AuthenticationType") == "Kerberos" and option == "certificate_thumbprint"
                assert option not in written or clears, f"{step.stage} writes {option}"
