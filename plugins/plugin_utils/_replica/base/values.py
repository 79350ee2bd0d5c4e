# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Single values, in and out: what Ansible gives, what Windows answers, and when two of them are the same.

Every reader raises ValueError with a sentence for text that it cannot read, and passes None through as None, because
Windows answers null where there is nothing. `plain` alone raises OptionError: it looks at what a user wrote.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from .errors import OptionError

_SECONDS_A_DAY = 86400
_TICKS_A_SECOND = 10**7  # a .NET tick is 100 nanoseconds
_FIRST_REAL_YEAR = 1602  # DateTime.MinValue (year 1) and the FILETIME epoch (1601) both stand for "never"

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?",
    re.ASCII | re.IGNORECASE,
)
_TIMESPAN = re.compile(r"(-)?(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?", re.ASCII)
_ISO_DURATION = re.compile(
    r"(-)?P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,7}))?S)?)?", re.ASCII | re.IGNORECASE
)


def plain(value: Any, name: str = "value") -> Any:
    """The same value of builtin types only, down to the last list item and dictionary key.

    ansible-core 2.19 and later wrap option values in subclasses, which pypsrp refuses. Dates, which YAML makes of
    unquoted text, become ISO 8601 text again. `name` is how an error calls the value. Raises OptionError for anything
    that is not data (an undefined variable, a function, bytes).
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if getattr(value, "__ENCRYPTED__", False):  # a vaulted text that ansible-core before 2.19 has not opened yet
        return str(value)
    if isinstance(value, Mapping):
        return {plain(key, f"a key of {name}"): plain(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, (Sequence, Set)) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
    raise OptionError(name, f"a value of type {type(value).__name__} cannot be used.", "Give text, a number or a list.")


def unsendable(text: str) -> str | None:
    """The first character of `text` that would end the session if it were sent (as `U+FFFE`), or None.

    XML knows neither half a surrogate pair nor the two noncharacters; observed behaviour: the host ends the shell.
    """
    for character in text:
        code = ord(character)
        if 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF):
            return f"U+{code:04X}"
    return None


def guid(value: Any) -> str:
    """A Guid as lower-case text without braces, the form in which ids are compared and sent."""
    text = str(value).strip()
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError(f"'{text}' is not an id (a Guid, like 2f0f9a5c-0a3b-4c7e-9a53-0d9a8c1f7e10).") from None


def is_guid(value: Any) -> bool:
    """True when `value` reads as a Guid."""
    try:
        guid(value)
    except ValueError:
        return False
    return True


def time_utc(value: Any, unspecified: timezone = timezone.utc) -> datetime | None:
    """An aware time in UTC from ISO 8601 text with up to nine digits of fraction (kept: six).

    `unspecified` is the zone of text that names none (.NET kind Unspecified). None, empty text, and the two values
    that .NET and Windows use for "never" (year 1, year 1601) are None.
    """
    if value is None or value == "":
        return None
    match = _TIME.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"'{value}' is not a time (ISO 8601, like 2026-03-01T18:30:00+01:00).")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if int(year) < _FIRST_REAL_YEAR:
        return None
    microsecond = int((fraction or "").ljust(6, "0")[:6])
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), microsecond)
        return moment.replace(tzinfo=_zone(zone, unspecified)).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"'{value}' is not a time: {error}.") from None


def _zone(text: str | None, unspecified: timezone) -> timezone:
    if text is None:
        return unspecified
    if text in ("Z", "z"):
        return timezone.utc
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def has_zone(value: str) -> bool:
    """True when ISO 8601 text says its offset (`Z`, `+01:00`): without one it is another moment on each host."""
    match = _TIME.fullmatch(value.strip())
    return match is not None and match.group(8) is not None


def utc_now() -> datetime:
    """The control node's clock."""
    return datetime.now(timezone.utc)


def time_text(moment: datetime | None) -> str | None:
    """A time for results: ISO 8601 in UTC, `2026-03-01T17:30:00Z`; a fraction only where there is one."""
    if moment is None:
        return None
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


def seconds(value: Any) -> float | None:
    """Seconds from an ISO 8601 duration (`P1DT2H3M4S`), a TimeSpan (`1.02:03:04`), or a number; whole ones are int."""
    if value is None or value == "":
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _whole(value)
    text = str(value).strip()
    match = _TIMESPAN.fullmatch(text) or (_ISO_DURATION.fullmatch(text) if len(text.lstrip("-")) > 1 else None)
    if match is None:
        raise ValueError(f"'{value}' is not a duration (like 18:30:00, 1.02:03:04 or PT18H30M).")
    sign, days, hours, minutes, rest, fraction = match.groups()
    whole = int(days or 0) * _SECONDS_A_DAY + int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(rest or 0)
    total = whole + int((fraction or "0").ljust(7, "0")) / _TICKS_A_SECOND
    return _whole(-total if sign else total)


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def timespan(number: float) -> str:
    """Seconds as the text of a .NET TimeSpan, `[-][d.]hh:mm:ss[.fffffff]`: the cmdlets refuse an ISO duration."""
    ticks = round(abs(number) * _TICKS_A_SECOND)
    whole, fraction = divmod(ticks, _TICKS_A_SECOND)
    days, rest = divmod(whole, _SECONDS_A_DAY)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{days}." if days else ""
    text += f"{hours:02}:{minutes:02}:{rest:02}" + (f".{fraction:07}" if fraction else "")
    return f"-{text}" if number < 0 and ticks else text


def clean_thumbprint(value: Any) -> str:
    """A thumbprint without blanks, colons and invisible marks, upper case; any text passes, None is "".

    The certificate dialog of Windows puts an invisible mark (U+200E) before the first digit when one copies from it.
    """
    kept = (c for c in str(value or "") if unicodedata.category(c) not in ("Cf", "Cc", "Zs", "Zl", "Zp") and c != ":")
    return "".join(kept).upper()


def thumbprint(value: Any) -> str:
    """A certificate's SHA-1 thumbprint in the form in which it is compared and sent: 40 upper-case digits."""
    text = clean_thumbprint(value)
    if not re.fullmatch(r"[0-9A-F]{40}", text):
        raise ValueError(f"'{value}' is not a certificate thumbprint (40 hexadecimal digits).")
    return text


def path_key(path: Any) -> str:
    """The form in which Windows paths are compared: no case, backslashes only, none at the end but a drive's own."""
    text = str(path or "").strip().replace("/", "\\")
    start = "\\\\" if text.startswith("\\\\") else text[:1]
    key = start + re.sub(r"\\+", r"\\", text[len(start) :].lstrip("\\") if start == "\\\\" else text[1:])
    key = key.rstrip("\\").casefold()
    return key + "\\" if re.fullmatch(r"[a-z]:", key) else key


def same_path(one: Any, other: Any) -> bool:
    """True when two Windows paths are the same but for case, slashes and a trailing backslash."""
    return path_key(one) == path_key(other)


def same_text(one: Any, other: Any) -> bool:
    """True when two texts are equal without case, as Windows compares names. None is a text of no characters."""
    return str(one or "").casefold() == str(other or "").casefold()


def number(value: Any) -> int | None:
    """A whole number from an answer; Windows sends some as text (IPv6SubnetPrefixLength, TCP ports of a rule)."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise ValueError(f"'{value}' is not a whole number.")
    if isinstance(value, int):
        return int(value)
    if not re.fullmatch(r"[+-]?\d+", str(value).strip(), re.ASCII):
        raise ValueError(f"'{value}' is not a whole number.")
    return int(str(value))
