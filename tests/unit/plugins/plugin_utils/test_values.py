"""Values in and out of Windows: each case is one that a user writes or a host answers."""

from __future__ import annotations

import enum
from collections import UserDict
from datetime import date, datetime, timedelta, timezone

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import values
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError


class TaggedStr(str):
    """Stands for ansible-core's tagged text: a subclass with an attribute and its own str()."""

    tag = "trusted"

    def __str__(self) -> str:
        return "not this"


class TaggedInt(int):
    tag = "trusted"


class TaggedFloat(float):
    tag = "trusted"


class TaggedList(list):  # type: ignore[type-arg]
    tag = "trusted"


class TaggedDict(dict):  # type: ignore[type-arg]
    tag = "trusted"


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "given, expected",
    [
        (None, None),
        (True, True),
        (TaggedStr("App01"), "App01"),
        (TaggedInt(300), 300),
        (TaggedFloat(0.5), 0.5),
        (Colour.RED, 1),
        ((TaggedStr("a"), 1), ["a", 1]),
        ({"a"}, ["a"]),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 18, 30, tzinfo=timezone.utc), "2026-03-01T18:30:00+00:00"),
        (TaggedDict({TaggedStr("k"): TaggedList([TaggedInt(1), {"x": TaggedStr("y")}])}), {"k": [1, {"x": "y"}]}),
        (UserDict({"a": TaggedInt(2)}), {"a": 2}),
    ],
)
def test_plain_gives_builtins_all_the_way_down(given: object, expected: object) -> None:
    found = values.plain(given)
    assert found == expected
    assert _types(found) <= {type(None), bool, int, float, str, list, dict}


def _types(value: object) -> set[type]:
    found = {type(value)}
    if isinstance(value, dict):
        found |= {t for pair in value.items() for item in pair for t in _types(item)}
    if isinstance(value, list):
        found |= {t for item in value for t in _types(item)}
    return found


@pytest.mark.parametrize("given", [object(), b"bytes", [1, object()], {"a": {"b": lambda: 1}}])
def test_plain_refuses_what_is_not_data(given: object) -> None:
    with pytest.raises(OptionError) as caught:
        values.plain(given, "names")
    assert caught.value.option.startswith("names")


def test_plain_says_where_the_fault_is() -> None:
    with pytest.raises(OptionError) as caught:
        values.plain({"policies": [{"names": [b"x"]}]}, "options")
    assert caught.value.option == "options.policies[0].names[0]"


@pytest.mark.parametrize(
    "text, bad",
    [("App01", None), ("Büro 🖥", None), ("a\ud83d", "U+D83D"), ("\ufffe", "U+FFFE"), ("x\uffff", "U+FFFF")],
)
def test_unsendable_names_the_character(text: str, bad: str | None) -> None:
    assert values.unsendable(text) == bad


@pytest.mark.parametrize(
    "given",
    [
        "2F0F9A5C-0A3B-4C7E-9A53-0D9A8C1F7E10",
        "{2f0f9a5c-0a3b-4c7e-9a53-0d9a8c1f7e10}",
        " 2f0f9a5c-0a3b-4c7e-9a53-0d9a8c1f7e10 ",
    ],
)
def test_guid_has_one_form(given: str) -> None:
    assert values.guid(given) == "2f0f9a5c-0a3b-4c7e-9a53-0d9a8c1f7e10"
    assert values.is_guid(given)


def test_guid_refuses_other_text() -> None:
    assert not values.is_guid("App01")
    with pytest.raises(ValueError, match="App01"):
        values.guid("App01")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2026-03-01T18:30:00Z", "2026-03-01T18:30:00Z"),
        ("2026-03-01T18:30:00.1234567+01:00", "2026-03-01T17:30:00.123456Z"),
        ("2026-03-01T18:30:00-0530", "2026-03-02T00:00:00Z"),
        ("2026-03-01T18:30:00", "2026-03-01T18:30:00Z"),
        ("2026-03-01 18:30", "2026-03-01T18:30:00Z"),
        ("0001-01-01T00:00:00+01:00", None),
        ("1601-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_utc(text: str | None, expected: str | None) -> None:
    assert values.time_text(values.time_utc(text)) == expected


def test_a_time_without_zone_is_of_the_zone_that_the_caller_says() -> None:
    found = values.time_utc("2026-03-01T18:30:00", timezone(timedelta(hours=2)))
    assert found == datetime(2026, 3, 1, 16, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01T00:00:00Z", "2026-03-01", "2026-03-01T25:00:00Z", "18:30"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        values.time_utc(text)


@pytest.mark.parametrize(
    "text, expected",
    [("2026-03-01T18:30:00Z", True), ("2026-03-01T18:30+01:00", True), ("2026-03-01T18:30", False), ("now", False)],
)
def test_has_zone(text: str, expected: bool) -> None:
    assert values.has_zone(text) is expected


@pytest.mark.parametrize(
    "given, seconds, back",
    [
        ("18:30:00", 66600, "18:30:00"),
        ("1.02:03:04", 93784, "1.02:03:04"),
        ("00:00:00.5000000", 0.5, "00:00:00.5000000"),
        ("-00:01:00", -60, "-00:01:00"),
        ("PT18H30M", 66600, "18:30:00"),
        ("P1DT2H3M4S", 93784, "1.02:03:04"),
        ("PT0S", 0, "00:00:00"),
        ("PT1H0.358007S", 3600.358007, "01:00:00.3580070"),
        (43200, 43200, "12:00:00"),
    ],
)
def test_durations_both_ways(given: object, seconds: float, back: str) -> None:
    found = values.seconds(given)
    assert found == seconds
    assert isinstance(found, int) == (seconds == int(seconds))
    assert values.timespan(seconds) == back


@pytest.mark.parametrize("text", ["half an hour", "P", "PT", "1d", "12", "1:2:3:4"])
def test_durations_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        values.seconds(text)


@pytest.mark.parametrize("given", [None, ""])
def test_no_duration_is_none(given: object) -> None:
    assert values.seconds(given) is None


THUMBPRINT = "AB12" * 10


@pytest.mark.parametrize(
    "given",
    [THUMBPRINT, THUMBPRINT.lower(), "\u200e" + THUMBPRINT, " ".join(["ab 12"] * 10), ":".join(["AB:12"] * 10)],
)
def test_thumbprints_have_one_form(given: str) -> None:
    assert values.thumbprint(given) == THUMBPRINT
    assert values.clean_thumbprint(given) == THUMBPRINT


@pytest.mark.parametrize("given", ["", None, "AB12", THUMBPRINT + "A", "G" * 40])
def test_thumbprints_that_are_none(given: object) -> None:
    with pytest.raises(ValueError, match="is not a certificate thumbprint"):
        values.thumbprint(given)


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("D:\\Replica", "d:\\replica\\", True),
        ("D:\\Replica", "D:/Replica", True),
        ("D:\\", "D:", True),
        ("D:\\a\\\\b", "D:\\a\\b", True),
        ("\\\\nas\\share\\", "\\\\NAS\\share", True),
        ("\\\\nas\\share", "\\nas\\share", False),
        ("D:\\Replica", "D:\\Replica2", False),
        ("", None, True),
        ("D:\\Replica", None, False),
    ],
)
def test_same_path(one: str | None, other: str | None, same: bool) -> None:
    assert values.same_path(one, other) is same


@pytest.mark.parametrize("given, expected", [(64, 64), ("64", 64), (" 80 ", 80), (None, None), ("", None), ("-1", -1)])
def test_number(given: object, expected: int | None) -> None:
    assert values.number(given) == expected


@pytest.mark.parametrize("given", [True, "Any", "1.5", "0x10"])
def test_number_refuses(given: object) -> None:
    with pytest.raises(ValueError, match="is not a whole number"):
        values.number(given)


def test_same_text_knows_no_case_and_no_null() -> None:
    assert values.same_text("Straße", "STRASSE")
    assert values.same_text(None, "")
    assert not values.same_text("a", "b")
