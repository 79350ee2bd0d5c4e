# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The hosts that a playbook is to play on: set, known, and inside --limit. Pure.

Ansible takes a name that it does not know for "no hosts matched", and the job is green. So each name is looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from typing import Any

ONE, CLUSTER, MANY, KNOWN = "host", "cluster", "hosts", "known"
KINDS: Mapping[str, str] = {
    ONE: "the name of one inventory host",
    CLUSTER: "the name of one inventory host, or of a group: all nodes of one cluster, or the hosts of a site",
    MANY: "hosts or groups of the inventory",
    KNOWN: "the name of one inventory host, or of the group of a cluster's nodes",
}
TARGET: Mapping[str, Any] = {
    "name": {"type": "str", "required": True},
    "value": {"type": "str"},
    "takes": {"type": "str", "required": True, "choices": list(KINDS)},
}
_EVERYTHING = ("all", "ungrouped")
_SLICE = re.compile(r"\[-?\d*(?::-?\d*)?\]$")


def target_problem(
    name: str, value: str, takes: str, groups: Mapping[str, Sequence[str]], inside: Sequence[str]
) -> str:
    """What is wrong with the hosts that the variable `name` gives; "" when nothing is.

    `takes` is one of KINDS; KNOWN is not contacted, so it may be outside of --limit. `groups` is Ansible's variable of
    that name, `inside` the hosts inside --limit.
    """
    known = list(groups.get("all") or ())
    if not value.strip():
        return f"{name} is not set. Give {KINDS[takes]}: -e {name}=…"
    if takes == MANY:
        problem = _pattern(value, groups, known, inside)
    elif value in known:
        problem = "" if value in inside or takes == KNOWN else f"{value} is outside of --limit."
    elif value in groups:
        problem = _group(value, takes, [str(host) for host in groups[value]], inside)
    else:
        problem = strangers([value], [*known, *(_other_groups(groups) if takes != ONE else ())])
        problem += f" Give {KINDS[takes]}." if "Did you mean" not in problem else ""
    return f"{name} is '{value}': {problem}" if problem else ""


def _group(value: str, takes: str, nodes: Sequence[str], inside: Sequence[str]) -> str:
    few = ", ".join(nodes[:5]) + (", …" if len(nodes) > 5 else "")
    if takes == ONE or value in _EVERYTHING or not nodes:
        return f"it is a group. Give {KINDS[takes]}." + (f" Its hosts are {few}." if nodes else " It has no hosts.")
    outside = [node for node in nodes if node not in inside]
    if takes == CLUSTER and outside:
        return f"{', '.join(outside)} of this group {'is' if len(outside) == 1 else 'are'} outside of --limit."
    return ""


def _pattern(value: str, groups: Mapping[str, Sequence[str]], known: Sequence[str], inside: Sequence[str]) -> str:
    """Each part of a pattern has to mean something, and all together a host inside --limit."""
    meant: set[str] = set()
    parts = [value] if value in known else re.split(r"," if "," in value else r"[:;](?![^\[]*\])", value)
    for part in (part.strip() for part in parts):
        plain = part if part in known else _SLICE.sub("", part.lstrip("&!"))
        if not plain:
            continue
        hosts = _hosts_of(plain, groups, known)
        if hosts is None:
            return strangers([plain], [*known, *_other_groups(groups)])
        meant.update(() if part.startswith("!") else hosts)
    if not meant:
        return "it has no hosts."
    return "" if meant & set(inside) else f"{value} is outside of --limit."


def _hosts_of(plain: str, groups: Mapping[str, Sequence[str]], known: Sequence[str]) -> list[str] | None:
    if plain in groups:
        return list(groups[plain])
    if plain in known:
        return [plain]
    if not re.search(r"^~|[*?\[]", plain):
        return None
    fits = re.compile(plain[1:] if plain.startswith("~") else translate(plain)).match
    return [host for group in groups if fits(group) for host in groups[group]] + [h for h in known if fits(h)] or None


def _other_groups(groups: Mapping[str, Sequence[str]]) -> list[str]:
    return [group for group in groups if group not in _EVERYTHING]


def near(name: str, known: Iterable[str]) -> list[str]:
    """Names that may be meant: the same without case, or the same short name; else very like it."""
    names, wanted = list(known), name.casefold().rstrip(".")
    short = wanted.partition(".")[0]
    found = [one for one in names if one.casefold() == wanted]
    found = found or [one for one in names if one.casefold().partition(".")[0] == short]
    return (found or [one for one in names if _alike(one.casefold(), wanted)])[:3]


def _alike(one: str, other: str) -> bool:
    """One letter more or less, two neighbours swapped, or one other before the end: hv-a and hv-b are not alike."""
    if one == other or abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < 3:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(min(one, other, key=len)))
    rest, other_rest = one[start:], other[start:]
    if len(one) != len(other):
        return rest[1:] == other_rest or rest == other_rest[1:]
    swapped = rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
    inside = len(rest) > 1 and (rest[0] + other_rest[0]).isalpha()
    return swapped or (inside and rest[1:] == other_rest[1:])


def strangers(names: Iterable[str], known: Sequence[str]) -> str:
    """`a and b are not in the inventory`, with what may be meant; "" when all are in it."""
    strange = [name for name in dict.fromkeys(names) if name not in known]
    if not strange:
        return ""
    listed = " and ".join([", ".join(strange[:-1]), strange[-1]] if len(strange) > 1 else strange)
    meant = list(dict.fromkeys(one for name in strange for one in near(name, known)))
    told = f"{listed} {'are' if len(strange) > 1 else 'is'} not in the inventory."
    if not known:
        return told + " It has no hosts: give it with -i."
    return told + (f" Did you mean {' or '.join(meant)}?" if meant else "")
