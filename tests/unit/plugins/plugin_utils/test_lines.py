"""What goes out to a terminal holds nothing that it would obey."""

from __future__ import annotations

import unicodedata

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.text import clean, clean_text, uncoloured

NAMES = {
    "escape": "App\033[2Jx",
    "forged line": "App\nok: [hv-b]",
    "carriage return": "App\rok",
    "C1": "App\x9b31mx",
    "bidi": "App\u202egpj",
    "isolate": "App\u2066x",
    "line separator": "App\u2028ok: x",
    "nothing to see": "App\u200b1",
    "colour": "\033[32mok\033[0m",
}


@pytest.mark.parametrize("name", NAMES)
def test_no_name_commands_the_terminal(name: str) -> None:
    for shown in (clean(NAMES[name]), clean_text(NAMES[name])):
        assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")], shown


def test_text_in_any_language_stays() -> None:
    for text in ("Bücher 01", "数据库", "E\u0301mile", "a b"):
        assert clean(text) == text


def test_our_own_colours_pass_and_go() -> None:
    painted = "\033[31mApp\033[0m\033[2J"
    assert clean(painted, colours=True) == "\033[31mApp\033[0m?[2J"
    assert uncoloured(clean(painted, colours=True)) == "App?[2J"


def test_a_message_of_windows_becomes_one_line() -> None:
    assert clean_text("first.\r\n\tsecond.\r\n") == "first. second."
