# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What goes out to a terminal: one function that takes away what a terminal would obey. Pure.

Names of VMs, and everything else that a host says, are free text: with a line end they forge a line of a report, with
an escape they rub one out, with a bidirectional override they show another name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LINE_END = re.compile(r"\s*[\r\n\t]\s*")
_COLOUR = re.compile(r"(\033\[[0-9;]*m)")


def clean(text: object, colours: bool = False) -> str:
    """One line of text in which each character is shown as what it is; another one is `?`.

    `colours` lets those of our own tables through, whose cells are cleaned before they are painted.
    """
    parts = _COLOUR.split(str(text)) if colours else [str(text)]
    return "".join(part if number % 2 else _shown(part) for number, part in enumerate(parts))


def clean_text(text: object) -> str:
    """The same for a message: what Windows says in several lines becomes one."""
    return clean(_LINE_END.sub(" ", str(text).strip()))


def labelled(lines: Iterable[tuple[str, str]]) -> list[str]:
    """Lines of a report, each a word and a text; the texts stand below each other."""
    lines = list(lines)
    width = max((len(label) for label, _text in lines), default=0) + 2
    return [f"{label + ':':<{width}}{text}" for label, text in lines]


def uncoloured(text: str) -> str:
    """The same line without its colours."""
    return _COLOUR.sub("", text)


def _shown(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
