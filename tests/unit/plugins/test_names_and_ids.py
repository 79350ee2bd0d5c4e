"""A VM is its id. Names are compared only where somebody typed one, and where the thing is no VM: each place is listed.

A new comparison of names fails here, and has to be put by id, or given its place in the lists.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
KEYS = ("name", "vm", "VMName")

TYPED = {
    "facts.select.chooser.wanted",
    "failover.resource.subjects",
    "relation.find._by_name",
    "relation.want.Want.ids_there",
    "replica_vm.resource.subjects",
    "workflows.failover.everyone.everyone",
    "workflows.failover.partners._is_wanted",
    "workflows.failover.partners._namesakes",
    "workflows.policy.Hosts.partner_records",
    "workflows.policy.selected",
    "workflows.removal.sides.is_vm",
    "workflows.test_failover.plan._under_test",
    "workflows.test_failover.plan.is_asked",
}
"""What a person asked for by name is looked up, and is an id from then on."""

NO_VM = {
    "base.option_groups.Waiting.of",
    "base.pipeline.Statement.columns",
    "engine.jobs.as_sent",
    "facts.authorization.Entry.admits",
    "facts.authorization._loses",
    "facts.authorization._moves_to_any",
    "facts.authorization.find_entry",
    "facts.authorization.outcome",
    "facts.firewall.Firewall.passes",
    "facts.firewall.Firewall.policy_of",
    "facts.firewall._find",
    "facts.firewall.with_rule_open",
    "facts.sections",
    "failover.point._by_text",
    "network.resource._meant",
    "server.have.Settings.any_server",
    "server.options._entries",
    "server.plan._entry_steps",
    "server.plan.predict",
    "server.plan.writes_shared",
    "server.target._check_any",
    "wire.endpoint.Naming.of",
    "workflows.failover.cluster.clusters_of",
    "workflows.failover.preflight._unconnected",
    "workflows.failover.preflight.preflight",
    "workflows.prepare.plan.to_prepare",
    "workflows.report.rows._troubles",
    "workflows.test_failover.network.kinds_of",
}
"""Cmdlets, kinds, findings, switches, rules, entries, clusters, points, adapters: none of them has an id here."""


def of_a_name(node: ast.AST) -> bool:
    """Whether an expression reads a name out of a record or a value."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in ("name", "vm_name"):
            return True
        if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant) and part.slice.value in KEYS:
            return True
        told = isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "get"
        if told and part.args and isinstance(part.args[0], ast.Constant) and part.args[0].value in KEYS:  # type: ignore[attr-defined]
            return True
    return False


def matches(node: ast.AST) -> bool:
    """Whether something is found or paired by a name: compared, asked for equality, or a key."""
    if isinstance(node, ast.Compare):
        return of_a_name(node)
    if isinstance(node, ast.DictComp):
        return of_a_name(node.key)
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "same_text" and of_a_name(node)


def places(tree: ast.AST, within: str) -> Iterator[str]:
    """The functions in which names are matched, each as file.Class.function."""
    for node in ast.iter_child_nodes(tree):
        inner = f"{within}.{node.name}" if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else within
        if matches(node):
            yield inner
        yield from places(node, inner)


def test_names_are_matched_only_where_somebody_typed_one() -> None:
    found: set[str] = set()
    for folder in ("plugin_utils/_replica", "filter", "action"):
        for path in sorted((PLUGINS / folder).rglob("*.py")):
            place = ".".join(path.relative_to(PLUGINS / folder).with_suffix("").parts)
            found |= set(places(ast.parse(path.read_text(encoding="utf-8")), place))
    known = TYPED | NO_VM
    assert found - known == set(), "put it by id, or say in a list above why it is a name"
    assert known - found == set(), "no name is matched there any more"


def test_the_search_sees_what_it_is_for() -> None:
    """The mistake that it was made for: an act was taken for a VM's by the name that its host had for it."""
    text = (
        "def absorb(entry, result):\n    return any(action.get('vm') == entry.name for action in result['actions'])\n"
    )
    assert list(places(ast.parse(text), "book")) == ["book.absorb"]
