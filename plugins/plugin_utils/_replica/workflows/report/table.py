# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A report as lines for a terminal: columns that fit the width, colour where it is wanted, words in any case."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...base.replication_states import Level
from ...base.text import clean
from .rows import RelationRow, Report, Trouble

RED, YELLOW, GREEN, CYAN, DIM, BOLD = "31", "33", "32", "36", "2", "1"
COLOURS: Mapping[Level, str] = {
    Level.LOST: RED,
    Level.BAD: RED,
    Level.WARN: YELLOW,
    Level.BUSY: CYAN,
    Level.BARE: DIM,
    Level.GOOD: GREEN,
}
HEADS = ("VM", "HOST", "POWER", "MODE", "STATE", "HEALTH", "LAST SYNC", "PARTNER", "TEST VM")
# Columns give way in this order, down to these widths, where the table is wider than the terminal.
GIVE_WAY = ((0, 14), (7, 8), (4, 14), (1, 8), (0, 8), (4, 8), (2, 7), (1, 4), (7, 4))
GAP = "  "
LEAST_WIDTH = 72


@dataclass(frozen=True)
class Look:
    """How it is shown."""

    width: int = 100
    colour: bool = False
    details: bool = False

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, where colours are wanted."""
        return f"\033[{code}m{text}\033[0m" if self.colour and text.strip() else text


def lines_of(report: Report, look: Look) -> list[str]:
    """The report: what could not be read, the table with the worst first, a summary, and a legend of what it shows."""
    lines = [look.paint(_title(report), BOLD), ""]
    lines += [line for trouble in report.troubles for line in _trouble(trouble, look)]
    if report.troubles:
        lines.append("")
    if report.rows:
        lines += _table(report.rows, look)
    else:
        lines.append("No VMs to show.")
    return [*lines, "", _summary(report, look), *_legend(report, look)]


def cells(text: str) -> int:
    """How many cells of a terminal the text takes."""
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, width: int) -> str:
    """The text in exactly so many cells, cut with an ellipsis or filled with blanks."""
    if cells(text) > width:
        kept = ""
        for character in text:
            if cells(kept) + _cells_of(character) > width - 1:
                break
            kept += character
        text = kept + "…"
    return text + " " * (width - cells(text))


def _title(report: Report) -> str:
    if not report.read_at:
        return "Hyper-V Replica"
    first = report.read_at[0].replace("T", " ").replace("Z", " UTC")
    return f"Hyper-V Replica, read at {first}"


def _trouble(trouble: Trouble, look: Look) -> list[str]:
    head = f"{trouble.host}: {trouble.what}"
    first, *rest = _wrapped(clean(" ".join(trouble.why.split())).split(), look.width, head + GAP, "    ")
    return [look.paint(head, RED) + first[len(head) :], *rest]


def _wrapped(words: Iterable[str], width: int, first: str, rest: str) -> list[str]:
    """Words in lines of that width; `first` and `rest` are what a line begins with."""
    lines, line, empty = [], first, True
    for word in words:
        if not empty and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line, empty = rest, True
        line = line + word if empty else f"{line} {word}"
        empty = False
    return [*lines, line]


def _table(rows: Sequence[RelationRow], look: Look) -> list[str]:
    texts = [_texts(row) for row in rows]
    shown = [index for index in range(len(HEADS)) if index != 8 or any(text[8] for text in texts)]
    widths = _widths([HEADS, *texts], shown, look.width)
    lines = [look.paint(_line(HEADS, widths, {}, look), BOLD)]
    lines.append(look.paint("-" * min(look.width, cells(_line(HEADS, widths, {}, look))), DIM))
    for row, text in zip(rows, texts, strict=True):
        lines.append(_line(text, widths, _colours(row), look))
        if look.details:
            words = [f"{part}," for part in row.details[:-1]] + list(row.details[-1:])
            lines += [look.paint(line, DIM) for line in _wrapped(words, look.width, "  ", "  ") if line.strip()]
    return lines


def _texts(row: RelationRow) -> tuple[str, ...]:
    values = (row.vm, row.host, row.power, row.mode, row.state.words, row.health, row.last, row.partner, row.test)
    return tuple(clean(value) for value in values)


def _colours(row: RelationRow) -> dict[int, str]:
    """Colour of the cells that say how it is, each for what it says itself."""
    health = {"CRITICAL": RED, "WARNING": YELLOW, "normal": GREEN, "unknown": RED}.get(row.health, DIM)
    state = COLOURS[Level.LOST if row.level is Level.LOST else row.state.level]
    last = YELLOW if row.late or row.last in ("never", "unknown") else ""
    return {4: state, 5: health, 6: last, 8: YELLOW}


def _widths(lines: Iterable[Sequence[str]], shown: Sequence[int], limit: int) -> dict[int, int]:
    table = list(lines)
    widths = {index: max(cells(line[index]) for line in table) for index in shown}
    for index, least in GIVE_WAY:
        over = sum(widths.values()) + len(GAP) * (len(widths) - 1) - limit
        if over <= 0:
            break
        if index in widths:
            widths[index] = max(min(least, widths[index]), widths[index] - over)
    return widths


def _line(texts: Sequence[str], widths: Mapping[int, int], colours: Mapping[int, str], look: Look) -> str:
    fields = []
    for index, width in widths.items():
        field = fit(texts[index], width)
        fields.append(look.paint(field, colours[index]) if colours.get(index) else field)
    return GAP.join(fields).rstrip()


def _summary(report: Report, look: Look) -> str:
    worst: dict[str, Level] = {}
    for row in report.rows:  # a VM has a row on each host, and counts once, by the worst
        worst.setdefault(row.id, row.level)
    counts = Counter(worst.values())
    names = {
        Level.LOST: "unreadable",
        Level.BAD: "critical",
        Level.WARN: "to look at",
        Level.BUSY: "under way",
        Level.BARE: "not protected",
        Level.GOOD: "good",
    }
    said = [look.paint(f"{counts[level]} {name}", COLOURS[level]) for level, name in names.items() if counts[level]]
    vms = len(worst)
    silent = len({trouble.host for trouble in report.troubles if trouble.what != "UNREADABLE"})
    hosts = f"{report.hosts} host{'s' if report.hosts != 1 else ''}"
    hosts += look.paint(f" ({silent} not read)", RED) if silent else ""
    return f"{vms} VM{'s' if vms != 1 else ''} on {hosts}" + (f": {', '.join(said)}" if said else "")


def _legend(report: Report, look: Look) -> list[str]:
    """What stands in the table and needs a word; nothing for what explains itself."""
    notes: dict[str, str] = {}
    for row in report.rows:
        if row.state.meaning and row.state.words not in notes:
            notes[row.state.words] = row.state.meaning
    if any(row.test for row in report.rows):
        notes["TEST VM"] = "a test failover was left there: end it, nothing can fail over before"
    if any(row.last == "unknown" for row in report.rows):
        notes["unknown"] = "the host did not tell its time, so no age can be counted"
    if any(row.mode == "sends on" for row in report.rows):
        notes["sends on"] = "the leg from this replica to a third site"
    if report.rows:
        notes["LAST SYNC"] = "age of the last replication on the host's own clock; never: no copy yet"
    width = max(map(cells, notes), default=0)
    rest = " " * (width + 4)
    rows = (_wrapped(meaning.split(), look.width, f"  {fit(words, width)}  ", rest) for words, meaning in notes.items())
    return [look.paint(line, DIM) for lines in rows for line in lines]
