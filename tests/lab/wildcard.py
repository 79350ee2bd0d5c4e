"""PowerShell's wildcard patterns as regular expressions: * ? [a-c]; a backtick takes the next sign literally."""

from __future__ import annotations

import re
from functools import lru_cache

ANY = {"*": ".*", "?": "."}


class NotAPattern(ValueError):
    """The text is no pattern: an open bracket, an empty one, or a range that runs backwards (seen on PowerShell 7)."""

    def __init__(self, text: str) -> None:
        super().__init__(f"The specified wildcard character pattern is not valid: {text}")


@lru_cache(maxsize=4096)
def wildcard(text: str, case: bool = False) -> re.Pattern[str]:
    """The regular expression that fits a value as a whole. Raises NotAPattern."""
    parts: list[str] = []
    position = 0
    while position < len(text):
        sign = text[position]
        if sign == "`" and position + 1 < len(text):
            position += 1
            parts.append(re.escape(text[position]))
        elif sign == "[":
            inside, position = _set(text, position)
            parts.append(inside)
        else:
            parts.append(ANY.get(sign) or re.escape(sign))
        position += 1
    try:
        return re.compile("".join(parts), re.DOTALL | (0 if case else re.IGNORECASE))
    except re.error:
        raise NotAPattern(text) from None


def _set(text: str, opened: int) -> tuple[str, int]:
    """What stands in the brackets that open there, and where they close."""
    signs: list[str] = []
    position = opened + 1
    while position < len(text) and text[position] != "]":
        sign = text[position]
        if sign == "`" and position + 1 < len(text):
            position += 1
            sign = text[position]
        signs.append("-" if sign == "-" else re.escape(sign))
        position += 1
    if position == len(text) or not signs:
        raise NotAPattern(text)
    return "[" + "".join(signs) + "]", position
