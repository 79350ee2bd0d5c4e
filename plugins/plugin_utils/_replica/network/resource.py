# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The resource of hyperv_failover_network: the network that a VM comes up with after a failover, and in a test.

One subject an adapter. An answer of the failover settings does not say whose it is, so adapters are read before and
after them and told by their order, as the information module does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..base.errors import OptionError
from ..base.identity import LOOK, not_meant
from ..base.pipeline import Command, Pipeline, Statement, vm_by_id
from ..base.properties import select
from ..base.session import Output, Row
from ..base.states import power_may_run
from ..base.values import same_text
from ..engine.plan import Decision, Done, Refused, Resource, Step
from ..facts.clock import Clock, read_clock
from ..facts.network import ADAPTER, FAILOVER, adapter_record, pair
from ..facts.network import VLAN as VLAN_COLUMNS
from ..facts.record import properties, record, vm_id
from ..facts.scope import Wanted
from ..facts.unreadable import CannotRead
from ..facts.vms import parse_vms, query_vms
from .options import (
    CLEAR_FAMILY,
    EXTERNAL_TEST,
    FAMILIES,
    PRODUCTION_TEST,
    RULES,
    RUNNING_VM,
    SPEC,
    SWITCH,
    TEST_SWITCH,
    VLAN,
    Want,
    read_want,
)

_ADAPTERS = Command("Get-VMNetworkAdapter")
_SYNTHETIC = Command("Get-VMNetworkAdapter", {"IsLegacy": False})
_UNTAGGED = "Untagged"
_UNREAD: Mapping[str, Any] = {"mode": None, "access_vlan_id": None}


@dataclass(frozen=True)
class Adapter:
    """An adapter of a VM. `settings` are its failover addresses; None where none were asked for, or it takes none."""

    vm_id: str
    vm: str
    power: str
    about: Mapping[str, Any]
    vlan: Mapping[str, Any]
    settings: Mapping[str, Any] | None = None

    @property
    def key(self) -> str:
        """The subject of this adapter: its id names its VM too."""
        return str(self.about["id"])

    @property
    def label(self) -> str:
        """VM and adapter, for messages."""
        return f"{self.vm}: {self.about['name']}"


@dataclass(frozen=True)
class Have:
    """What the host said: the adapters in the order received, and the type of each switch by name."""

    host: str
    adapters: Mapping[str, Adapter] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)


def _wanted(want: Want) -> Wanted:
    return Wanted(gather=(), selection=want.vms)


def query(want: Want) -> Pipeline:
    """Everything in one pipeline: VMs, switches, adapters, their VLANs and failover settings, the adapters again."""
    return query_vms(_wanted(want), _more(want))


def _more(want: Want) -> Iterator[Statement]:
    yield Command("Get-VMSwitch") | select("VMSwitch", "Name", "SwitchType")
    adapters = select("VMNetworkAdapter", "VMId", *properties(ADAPTER))
    sources = _sources(want)
    yield from (vms | _ADAPTERS | adapters for vms in sources)
    if _about_vlans(want):
        vlans = select("VMNetworkAdapterVlanSetting", *properties(VLAN_COLUMNS))
        yield from (vms | _ADAPTERS | Command("Get-VMNetworkAdapterVlan") | vlans for vms in sources)
    if want.settings:
        replicating = Command("Where-Object", {"Property": "ReplicationMode", "NE": True, "Value": "None"})
        get = Command("Get-VMNetworkAdapterFailoverConfiguration")
        settings = select("VMNetworkAdapterFailoverSetting", *properties(FAILOVER))
        yield from (vms | replicating | _SYNTHETIC | get | settings for vms in sources)
    yield from (vms | _ADAPTERS | adapters for vms in sources)


def _about_vlans(want: Want) -> bool:
    """VLANs are read where they are asked about: what is not asked cannot fail the task."""
    return want.vlan_id is not None or VLAN in want.clear


def _sources(want: Want) -> tuple[Statement, ...]:
    groups = (("Name", want.vms.names or ()), ("Id", want.vms.ids or ()))
    return tuple(
        Command("Get-VM") | Command("Where-Object", {"Property": by, "In": True, "Value": list(values)})
        for by, values in groups
        if values
    )


def parse(output: Output, want: Want) -> Have:
    """What the host said. Raises CannotRead for a read that failed, OptionError for what is not there."""
    vms = parse_vms(output, _wanted(want))
    if vms.unreadable or vms.records is None:
        raise CannotRead(vms.host or "", vms.unreadable, vms.names)
    clock = read_clock(output)
    powers = {r["id"]: (r["name"], r["power"], r["mode"]) for r in vms.records}
    rows = [(vm_id(row, "Get-VMNetworkAdapter"), row) for row in output.of_type("VMNetworkAdapter")]
    vlans = _vlans(rows, output, clock) if _about_vlans(want) else {}
    settings = _settings(rows, output, powers, clock) if want.settings else {}
    seen = {str(row.properties["Id"]): (vm, adapter_record(row, clock)) for vm, row in rows}
    adapters = [
        Adapter(vm, *powers[vm][:2], about, vlans.get(key, _UNREAD), settings.get(key))
        for key, (vm, about) in seen.items()
    ]
    switches = {str(r.properties["Name"]): str(r.properties["SwitchType"]) for r in output.of_type("VMSwitch")}
    have = Have(str(vms.host), {adapter.key: adapter for adapter in adapters}, switches)
    _check(have, want, powers)
    return have


def _vlans(rows: list[tuple[str, Row]], output: Output, clock: Clock) -> Mapping[str, Mapping[str, Any]]:
    paired = pair(rows, output.of_type("VMNetworkAdapterVlanSetting"), frozenset())
    cmdlet = "Get-VMNetworkAdapterVlan"
    return {str(row.properties["Id"]): record(tags, VLAN_COLUMNS, clock, cmdlet) for _unused, row, tags in paired}


def _settings(
    rows: list[tuple[str, Row]], output: Output, powers: Mapping[str, tuple[str, str, str]], clock: Clock
) -> Mapping[str, Mapping[str, Any]]:
    taking = [(vm, row) for vm, row in rows if powers[vm][2] != "None" and not row.properties["IsLegacy"]]
    paired = pair(taking, output.of_type("VMNetworkAdapterFailoverSetting"), frozenset())
    cmdlet = "Get-VMNetworkAdapterFailoverConfiguration"
    return {str(row.properties["Id"]): record(setting, FAILOVER, clock, cmdlet) for _unused, row, setting in paired}


def _check(have: Have, want: Want, vms: Mapping[str, tuple[str, str, str]]) -> None:
    """It has to be the host that is meant, with the adapters and switches that the options name, one adapter a VM."""
    elsewhere = not_meant(have.host, want.expected_host)
    if elsewhere:
        raise OptionError("expected_host", elsewhere, LOOK)
    for vm, (name, _unused, _unused) in vms.items():
        own = [adapter for adapter in have.adapters.values() if adapter.vm_id == vm]
        meant = [adapter for adapter in own if _meant(adapter, want)]
        listed = ", ".join(str(adapter.about["name"]) for adapter in own) or "none"
        if not meant or (len(meant) > 1 and not want.adapter):
            problem = f"{name} has {len(meant) or 'no'} adapters that it may mean; its adapters are: {listed}."
            raise OptionError("adapter", problem, "Give the name of one of them.")
        if len(meant) > 1:
            raise OptionError("adapter", f"{name} has {len(meant)} adapters named {want.adapter}.", "Rename one first.")
    for option, switch in ((TEST_SWITCH, want.test_switch), (SWITCH, want.switch)):
        if switch is not None and not any(same_text(switch, name) for name in have.switches):
            known = ", ".join(have.switches) or "none"
            raise OptionError(option, f"{have.host} has no switch {switch}; it has: {known}.", "Make it there first.")


def _meant(adapter: Adapter, want: Want) -> bool:
    return not want.adapter or same_text(adapter.about["name"], want.adapter)


def subjects(have: Have, want: Want) -> tuple[str, ...]:
    """The adapters that are meant, one a VM."""
    return tuple(key for key, adapter in have.adapters.items() if _meant(adapter, want))


def decide(have: Have, want: Want, subject: str, sent: frozenset[str]) -> Decision:
    """The next step for the adapter of that id: test switch, addresses, VLAN, and the switch last."""
    adapter = have.adapters.get(subject)
    if adapter is None:
        return Refused(f"{have.host}: the adapter {subject} was here when the task began and is not any more.")
    refused = _refusal(have, want, adapter)
    if refused:
        return Refused(f"{adapter.label} on {have.host}: {refused}")
    steps = (_test_switch(adapter, want), *_addresses(adapter, want), _vlan(adapter, want), _switch(adapter, want))
    return next((step for step in steps if step), Done("its network is as it shall be"))


def _refusal(have: Have, want: Want, adapter: Adapter) -> str:
    switch = want.test_switch
    if switch is not None and not same_text(adapter.about["test_switch"], switch):
        kind = next(kind for name, kind in have.switches.items() if same_text(name, switch))
        production = want.switch or adapter.about["switch"]
        if same_text(switch, production) and PRODUCTION_TEST not in want.allow:
            problem = f"{switch} is its production switch, where a test VM would meet the live one."
            return f"{problem} Give another, or allow it."
        if kind == "External" and EXTERNAL_TEST not in want.allow:
            return (
                f"{switch} is External, so a test VM would be on the real network. Give an isolated one, or allow it."
            )
    changes = _vlan(adapter, want) or _switch(adapter, want)
    if changes and power_may_run(adapter.power) and RUNNING_VM not in want.allow:
        return f"it is {adapter.power}, and a change of switch or VLAN cuts it off. Allow running_vm if that is meant."
    if want.settings and adapter.settings is None:
        return "it takes no failover addresses: only a synthetic adapter of a VM that is replicated does."
    return ""


def _step(adapter: Adapter, stage: str, command: Command, why: str) -> Step:
    own = Command("Where-Object", {"Property": "Id", "EQ": True, "Value": adapter.key})
    quiet = Command(command.name, {**command.parameters, "Confirm": False})
    return Step(stage, Statement((vm_by_id(adapter.vm_id),)) | _ADAPTERS | own | quiet, why, adapter.key)


def _test_switch(adapter: Adapter, want: Want) -> Step | None:
    now = adapter.about["test_switch"] or ""
    goal = "" if TEST_SWITCH in want.clear else want.test_switch
    if goal is None or same_text(now, goal):
        return None
    command = Command("Set-VMNetworkAdapter", {"TestReplicaSwitchName": goal or None})
    return _step(adapter, "test_switch", command, f"connect its test VM to {goal or 'nothing'}")


def _addresses(adapter: Adapter, want: Want) -> Iterator[Step | None]:
    """A family is written whole: whether the cmdlet keeps what a call leaves out is not documented."""
    for family, rows in FAMILIES.items():
        now = {name: (adapter.settings or {}).get(key) for name, (key, _unused) in rows.items()}
        if family in want.clear:
            if any(value not in (None, "") for value in now.values()):
                yield _failover_step(adapter, family, {CLEAR_FAMILY[family]: True}, "take its failover addresses away")
            continue
        goal = want.addresses.get(family, {})
        if any(not same_text(str(now[name] or ""), str(value)) for name, value in goal.items()):
            whole = {name: value for name, value in {**now, **goal}.items() if value not in (None, "")}
            parameters = {rows[name][1]: value for name, value in whole.items()}
            yield _failover_step(adapter, family, parameters, "set the addresses that it takes in a failover")


def _failover_step(adapter: Adapter, family: str, parameters: Mapping[str, Any], why: str) -> Step:
    return _step(adapter, family, Command("Set-VMNetworkAdapterFailoverConfiguration", parameters), why)


def _vlan(adapter: Adapter, want: Want) -> Step | None:
    mode, now = adapter.vlan["mode"], adapter.vlan["access_vlan_id"]
    if VLAN in want.clear:
        done = mode == _UNTAGGED
        return (
            None if done else _step(adapter, "vlan", Command("Set-VMNetworkAdapterVlan", {_UNTAGGED: True}), "untag it")
        )
    if want.vlan_id is None or (mode == "Access" and now == want.vlan_id):
        return None
    command = Command("Set-VMNetworkAdapterVlan", {"Access": True, "VlanId": want.vlan_id})
    return _step(adapter, "vlan", command, f"put it into VLAN {want.vlan_id}")


def _switch(adapter: Adapter, want: Want) -> Step | None:
    now = adapter.about["switch"] or ""
    if SWITCH in want.clear:
        done = not now
        return None if done else _step(adapter, "switch", Command("Disconnect-VMNetworkAdapter"), "disconnect it")
    if want.switch is None or same_text(now, want.switch):
        return None
    command = Command("Connect-VMNetworkAdapter", {"SwitchName": want.switch})
    return _step(adapter, "switch", command, f"connect it to {want.switch}")


def predict(have: Have, want: Want, step: Step) -> Have:
    """What the host will say when the step has settled."""
    adapter = have.adapters[step.subject]
    about, vlan, settings = dict(adapter.about), dict(adapter.vlan), dict(adapter.settings or {})
    if step.stage == "test_switch":
        about["test_switch"] = want.test_switch
    elif step.stage == "switch":
        about.update(switch=want.switch, connected=want.switch is not None)
    elif step.stage == "vlan":
        vlan.update(mode="Access" if want.vlan_id else _UNTAGGED, access_vlan_id=want.vlan_id or 0)
    else:
        goal = want.addresses.get(step.stage)
        for name, (key, _unused) in FAMILIES[step.stage].items():
            settings[key] = goal.get(name, settings.get(key)) if goal is not None else None
    after = replace(adapter, about=about, vlan=vlan, settings=settings if adapter.settings is not None else None)
    return replace(have, adapters={**have.adapters, adapter.key: after})


def record_of(have: Have, want: Want, subject: str) -> dict[str, Any]:
    """The result of one adapter, from what was read."""
    adapter = have.adapters.get(subject)
    if adapter is None:
        return {"adapter_id": subject, "host": have.host}
    families = {
        family: {name: adapter.settings.get(key) or None for name, (key, _unused) in rows.items()}
        if adapter.settings is not None
        else None
        for family, rows in FAMILIES.items()
    }
    return {
        "id": adapter.vm_id,
        "name": adapter.vm,
        "host": have.host,
        "adapter": adapter.about["name"],
        "adapter_id": adapter.key,
        "switch": adapter.about["switch"] or None,
        "connected": bool(adapter.about["connected"]),
        "test_switch": adapter.about["test_switch"] or None,
        "vlan_id": adapter.vlan["access_vlan_id"] if adapter.vlan["mode"] == "Access" else None,
        **families,
    }


FAILOVER_NETWORK: Resource[Have, Want] = Resource(
    name="hyperv_failover_network",
    spec=SPEC,
    rules=RULES,
    read_options=read_want,
    query=query,
    parse=parse,
    subjects=subjects,
    decide=decide,
    predict=predict,
    record=record_of,
    subject_key="adapters",
)
