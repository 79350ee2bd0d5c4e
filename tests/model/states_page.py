"""docs/failover-states.md, made from the failover table: `python -m tests.model.states_page` writes it anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.conftest import ROOT, link_collection

link_collection()

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s  # noqa: E402
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import (  # noqa: E402
    ACTS,
    Act,
    Pattern,
    Rule,
)

PAGE = ROOT / "docs" / "failover-states.md"
HEAD = """\
<!-- Made from plugins/plugin_utils/_replica/base/acts.py by `python -m tests.model.states_page`. Do not edit. -->

# The states of a failover

Every VM has two sides, and each host knows only its own. This page is made from the one table that the planner, the
modules and `possible` of `hyperv_replication_info` read. The tests search every pair of states that can be reached with
it, and send every act from every pair to the simulated hosts, where it must be allowed or refused alike and lead to the
same states.

States are written `mode/state`, by the names that `Get-VMReplication` uses. What is said of a replica holds for an
extended replica, the copy at a third site, too.
"""
SWITCHES = {
    "power": "power",
    "test_vm": "a test VM exists",
    "copied": "the first copy is complete",
    "leg": "it replicates on to a third site",
}


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            HEAD,
            "## One side: what each act makes of it\n",
            "```mermaid",
            *diagram(),
            "```\n",
            "The arrow `reverse` turns both sides at once: the partner of the new primary becomes its replica. A power",
            "state, and a test VM, change no state of the replication, so they stand in the table only.\n",
            "## Every act\n",
            "An act whose row needs a partner travels over the link between the hosts; the others are done by one host",
            "alone. Windows refuses what no row allows.\n",
            *table(),
            "",
        ]
    )


# -- diagram ---------------------------------------------------------------------------------------------------------


def diagram() -> Iterator[str]:
    """Modes as boxes, their states inside, acts as arrows."""
    edges = list(dict.fromkeys(_edges()))
    yield "stateDiagram-v2"
    yield f'    state "{s.NONE}/{s.DISABLED}" as {_node(s.NONE, s.DISABLED)}'
    for mode in (s.PRIMARY, s.REPLICA):
        states = sorted({state for edge in edges for m, state in edge[:2] if m == mode and state})
        yield f"    state {mode} {{"
        yield from (f'        state "{state}" as {_node(mode, state)}' for state in states)
        yield "    }"
    for start, end, name in edges:
        yield f"    {_node(*start)} --> {_node(*end)}: {name}"


def _edges() -> Iterator[tuple[tuple[str, str], tuple[str, str], str]]:
    for name, act in ACTS.items():
        for rule in act.rules:
            yield from _of_side(name, rule.own, rule.then)
            yield from _of_side(f"{name} of the partner", rule.partner, rule.partner_then)


def _of_side(name: str, own: Pattern, then: Pattern) -> Iterator[tuple[tuple[str, str], tuple[str, str], str]]:
    if "state" not in then:
        return
    for mode in _values(own.get("mode")):
        if mode in (s.PRIMARY, s.REPLICA):
            after = (str(then.get("mode", mode)), str(then["state"]))
            for state in _values(own.get("state", "")):
                yield (mode, state), after, name


def _node(mode: str, state: str) -> str:
    return f"{mode}_{state}" if state else mode


def _values(value: object) -> list[str]:
    return sorted(value) if isinstance(value, (set, frozenset)) else [str(value)]


# -- table -----------------------------------------------------------------------------------------------------------


def table() -> Iterator[str]:
    """A row for every rule."""
    yield "| Act | Cmdlet | From, on its own host | And its partner is | Leads to |"
    yield "| --- | --- | --- | --- | --- |"
    for name, act in ACTS.items():
        for number, rule in enumerate(act.rules):
            first = f"`{name}`: {act.meaning}" if number == 0 else f"`{name}`"
            partner = _words(rule.partner) or "anything"
            yield f"| {first} | {_cmdlet(act)} | {_words(rule.own)} | {partner} | {_leads(rule)} |"


def _cmdlet(act: Act) -> str:
    return "`" + " ".join((act.cmdlet, *(f"-{name}" for name in act.parameters))) + "`"


def _leads(rule: Rule) -> str:
    told = _words(rule.then)
    if rule.partner_then:
        told += f". The partner becomes {_words(rule.partner_then)}"
    return told if rule.certain else f"{told} (only unofficial sources tell: Windows may refuse)"


def _words(pattern: Pattern) -> str:
    """A pattern as a person would say it: mode/state, then the rest."""
    words = [_mode_and_state(pattern)] if "mode" in pattern or "state" in pattern else []
    for name, said in SWITCHES.items():
        if name in pattern:
            value = pattern[name]
            words.append(_either(value) if name == "power" else said if value else _without(name))
    return "; ".join(words)


def _without(name: str) -> str:
    return {"test_vm": "no test VM", "copied": "no complete copy", "leg": "the third site is its replica"}[name]


def _mode_and_state(pattern: Pattern) -> str:
    mode = s.REPLICA if pattern.get("mode") == s.REPLICA_MODES else _either(pattern.get("mode", ""))
    if "state" not in pattern:
        return f"{mode}, any state" if mode != s.NONE else mode
    state = _either(pattern["state"])
    return f"{mode}/{state}" if mode else state


def _either(value: object) -> str:
    return _or(_values(value))


def _or(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def main() -> None:
    """Write the page."""
    Path(PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
