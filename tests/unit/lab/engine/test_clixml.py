"""Values as CLIXML, against what the real engine writes for the same values."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.lab.engine.clixml import serialize
from tests.lab.engine.convert import LOCAL
from tests.lab.engine.objects import Note, Noted
from tests.lab.values import Enum, Number, Obj

STATE = Enum("Microsoft.HyperV.PowerShell.VMState", "Running")
ARRAY = '<TN RefId="{}"><T>System.Object[]</T><T>System.Array</T><T>System.Object</T></TN>'
VM = "Microsoft.HyperV.PowerShell.VirtualMachine"
VM_TYPES = f"<T>{VM}</T><T>{VM}Base</T><T>System.Object</T>"
CUSTOM = "<T>{}</T><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T>"

SIMPLE: list[tuple[Any, str]] = [
    (None, ""),
    ("text", "<S>text</S>"),
    (
        "a\U0001f600_x000A_ _X b\t\r\n\x01\x7f",
        "<S>a_xD83D__xDE00__x005F_x000A_ _x005F_X b_x0009__x000D__x000A__x0001__x007F_</S>",
    ),
    ("<&>\"'", "<S>&lt;&amp;&gt;\"'</S>"),
    ("\ufffe!", "<S>&#xFFFE;!</S>"),
    (True, "<B>true</B>"),
    (5, "<I32>5</I32>"),
    (2**31, "<I64>2147483648</I64>"),
    (2**63, "<U64>9223372036854775808</U64>"),
    (Number("UInt32", 5), "<U32>5</U32>"),
    (1.0, "<Db>1</Db>"),
    (1e20, "<Db>1E+20</Db>"),
    (0.1, "<Db>0.1</Db>"),
    (uuid.UUID(int=5), "<G>00000000-0000-0000-0000-000000000005</G>"),
    (timedelta(), "<TS>PT0S</TS>"),
    (timedelta(days=1, seconds=7384, microseconds=500000), "<TS>P1DT2H3M4.5S</TS>"),
    (-timedelta(minutes=5), "<TS>-PT5M</TS>"),
    (timedelta(microseconds=100), "<TS>PT0.0001S</TS>"),
    (datetime(2024, 5, 6, 7, 8, 9, 123000, timezone.utc), "<DT>2024-05-06T07:08:09.123Z</DT>"),
    (datetime(2024, 5, 6, 7, 8, 9, tzinfo=LOCAL), "<DT>2024-05-06T07:08:09+00:00</DT>"),
    (datetime(2024, 5, 6, 7, 8, 9), "<DT>2024-05-06T07:08:09</DT>"),
    ([], f'<Obj RefId="0">{ARRAY.format(0)}<LST /></Obj>'),
    (
        [1, [2]],
        f'<Obj RefId="0">{ARRAY.format(0)}<LST><I32>1</I32><Obj RefId="1"><TNRef RefId="0" /><LST><I32>2</I32></LST>'
        "</Obj></LST></Obj>",
    ),
    (
        STATE,
        f'<Obj RefId="0"><TN RefId="0"><T>{STATE.type}</T><T>System.Enum</T><T>System.ValueType</T><T>System.Object</T>'
        "</TN><ToString>Running</ToString><I32>2</I32></Obj>",
    ),
]


@pytest.mark.parametrize(("value", "content"), SIMPLE)
def test_simple_values(value: Any, content: str) -> None:
    assert serialize(value) == content


def test_a_live_object_shows_its_properties_and_texts_of_what_is_nested() -> None:
    live = Obj(VM, {"Name": "x", "State": STATE, "Test": Obj(VM, {"Name": "t"}), "Ops": [STATE], "Notes": None})

    assert serialize(live) == (
        f'<Obj RefId="0"><TN RefId="0">{VM_TYPES}</TN><ToString>VirtualMachine (Name = \'x\')</ToString><Props>'
        '<S N="Name">x</S><S N="State">Running</S><S N="Test">VirtualMachine (Name = \'t\')</S>'
        f'<Obj N="Ops" RefId="1">{ARRAY.format(1)}<LST><S>Running</S></LST></Obj><Nil N="Notes" /></Props></Obj>'
    )


def test_a_custom_object_takes_no_depth() -> None:
    custom = Note(f"Selected.{VM}", {"Test": Obj(VM, {"Name": "t"}), "State": STATE})

    content = serialize(custom)

    assert content.startswith(f'<Obj RefId="0"><TN RefId="0">{CUSTOM.format(f"Selected.{VM}")}</TN><MS><Obj N="Test"')
    assert '<Props><S N="Name">t</S></Props>' in content
    assert "<ToString>Running</ToString><I32>2</I32></Obj></MS></Obj>" in content


def test_a_custom_object_inside_a_live_one_is_its_text_and_its_notes() -> None:
    content = serialize(Obj(VM, {"Nested": Obj("Foo", {"a": 1, "c": [1]})}))

    assert (
        f'<Obj N="Nested" RefId="1"><TN RefId="1">{CUSTOM.format("Foo")}</TN><S>@{{a=1; c=System.Object[]}}</S><MS>'
        in content
    )


def test_notes_beside_a_value() -> None:
    assert serialize(Noted("a", {"Id": 5})) == '<Obj RefId="0"><S>a</S><MS><I32 N="Id">5</I32></MS></Obj>'


def test_the_second_empty_list_is_a_reference() -> None:
    content = serialize(Obj(VM, {"A": [], "B": []}))

    assert content.count("<LST />") == 1
    assert '<Ref N="B" RefId="1" />' in content
