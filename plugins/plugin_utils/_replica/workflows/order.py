# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What was asked, as it arrived: whole, and given by whoever asks. Pure.

An order comes from the command line, a survey or the play, and arrives as it was typed. What Ansible's key=value parser
cut off, a short name of a playbook that the inventory alone gives, and tags that leave the work out are told here,
before any host is asked. Each problem is one sentence that says what to type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..base.command_line import assignments

_GUARD = "hyperv.replica.guard:"
_INPUT = re.compile(r"\b([a-z]\w*) \| default\(")
_NOT_OURS = re.compile(
    r"ansible_|hyperv_replica_|failover_|test_failover_|remove_replication_|replica_server_|replication_report_"
    r"|vm_replication_"
)
_TURNED = re.compile(r"\\(?:[abfnrtv]|[0-7]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{)")
_LISTS = ("vms",)  # what is printed as a list, so that a comma stays one


@dataclass(frozen=True)
class Order:
    """What the guard looks at.

    `inputs` are the short names of the playbook, none in a play of somebody else. `words` has, for each `-e key=value`,
    the words that Ansible made of it; `lost` is what it knows as _raw_params. `found` are inputs that the inventory
    alone gives, with the hosts it gives them for. `left_out` is true when the tags leave out a task without tags.
    """

    inputs: Sequence[str] = ()
    words: Sequence[Sequence[str]] = ()
    lost: str = ""
    found: Mapping[str, Sequence[str]] = field(default_factory=dict)
    left_out: bool = False
    tags: Sequence[str] = ()
    skip_tags: Sequence[str] = ()


def inputs_of(playbook: str) -> tuple[str, ...]:
    """The short names that a playbook takes, from its text; none when it is not one that begins with the guard.

    Every playbook hands an input on as `{{ name | default(…) }}`, so nobody keeps a list of them.
    """
    code = "\n".join(line for line in playbook.splitlines() if not line.lstrip().startswith("#"))
    return tuple(dict.fromkeys(_INPUT.findall(code))) if _GUARD in code else ()


def problems(order: Order) -> list[str]:
    """What is wrong with the order, a sentence each."""
    cut = [told for words in order.words for told in _cut(words, order.inputs)]
    if order.lost and not cut:
        cut = [f"'{order.lost}' was cut off. Give it as JSON: -e '{{\"name\": \"a value with blanks\"}}'."]
    return [*cut, *_found(order.found), *_tags(order)]


def _tags(order: Order) -> Iterator[str]:
    if order.left_out:
        tags = [f"--tags {','.join(order.tags)}"] if list(order.tags) not in ([], ["all"]) else []
        skipped = [f"--skip-tags {','.join(order.skip_tags)}"] if order.skip_tags else []
        yield f"{' '.join(tags + skipped)} leaves the work of this playbook out. Run it without."


def _found(found: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name, hosts in found.items():
        where = ", ".join(hosts[:3]) + (f" and {len(hosts) - 3} more" if len(hosts) > 3 else "")
        yield (
            f"{name} is set in the inventory, for {where}. An order comes from the command line, a survey or the play."
            f" Type -e {name}= to go on without it, or -e {name}=… with what is meant."
        )


def _cut(words: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """What the parser made something else of than was typed, in one `-e` of key=value."""
    given: dict[str, str] = {}
    lost: list[str] = []
    strange: list[str] = []
    turned: list[str] = []
    name = ""
    for word in words:
        key, value = _pair(word)
        if key and (not name or key in inputs or name not in inputs or _NOT_OURS.match(key)):
            name = key
            given[key] = _unquoted(value)
            turned += [key] if key in inputs and _is_turned(value) else []
            continue
        (strange if key else lost).append(word)
        if name:
            given[name] = f"{given[name]} {word}".strip()
    return list(_told(given, lost, strange, turned))


def _told(given: Mapping[str, str], lost: list[str], strange: list[str], turned: list[str]) -> Iterator[str]:
    again = assignments({key: _listed(key, value) for key, value in given.items()})
    if lost:
        yield f"'{' '.join(lost)}' was cut off: -e key=value ends at a blank. Type {again or '-e name=value'}."
    if strange and not lost:
        yield (
            f"'{' '.join(strange)}' is not an input of this playbook. If it belongs to the value before it, type"
            f" {again}; else give it in an -e of its own."
        )
    if turned:
        again = assignments({key: _listed(key, given[key]) for key in turned})
        yield f"{', '.join(turned)}: -e key=value makes something else of the backslashes. Type {again}."


def _pair(word: str) -> tuple[str, str]:
    """Name and value as Ansible's parser splits them: at the first = behind a character that is no backslash."""
    match = re.search(r"(?<!^)(?<!\\)=", word)
    return (word[: match.start()].strip(), word[match.end() :].strip()) if match else ("", "")


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _is_turned(value: str) -> bool:
    """True when the parser's escapes change the text: \\t is a tab to it, and the start of a UNC path one backslash.

    A doubled backslash elsewhere, and one before a quote, are from somebody who knows that.
    """
    text = _unquoted(value)
    return bool(_TURNED.search(text.replace("\\\\", ""))) or re.match(r"\\\\[^\\]", text) is not None


def _listed(name: str, value: str) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if name in _LISTS else value


def skipped_guard(skip_tags: Sequence[str], start_at: str | None, playbooks: Sequence[str]) -> str:
    """Why the guard of a playbook does not run; "" when it does.

    A playbook of somebody else that imports one of ours may start behind it: the roles look again.
    """
    if {"always", "tagged"} & set(skip_tags):
        return f"--skip-tags {','.join(skip_tags)} skips the look at what was asked. Run it without."
    own = [path for path in playbooks if path.startswith(_OWN) or _OWN_FOLDER in path]
    if start_at is not None and own:
        return "--start-at-task skips the look at what was asked. Run it without: it does only what is left anyway."
    return ""


_OWN, _OWN_FOLDER = "hyperv.replica.", "/hyperv/replica/playbooks/"
