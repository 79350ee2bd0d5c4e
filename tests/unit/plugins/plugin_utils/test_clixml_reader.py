"""Serialized objects, as PowerShell writes them, become rows of builtin values."""

from __future__ import annotations

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import Row
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire import clixml

ENUM = """<Obj N="State" RefId="1"><TN RefId="1"><T>Microsoft.HyperV.PowerShell.VMState</T><T>System.Enum</T></TN>
<ToString>Running</ToString><I32>2</I32></Obj>"""

LIVE = f"""<Obj RefId="0"><TN RefId="0"><T>Microsoft.HyperV.PowerShell.VirtualMachine</T><T>System.Object</T></TN>
<ToString>VirtualMachine (Name = 'App01')</ToString>
<Props><S N="Name">App01</S>{ENUM}<G N="Id">2F0F9A5C-0A3B-4C7E-9A53-0D9A8C1F7E10</G><U64 N="Memory">4294967296</U64>
<DT N="Created">2026-03-01T18:30:00.1234567+01:00</DT><TS N="Uptime">PT1H</TS><Nil N="Parent"/>
<B N="Clustered">false</B>
<Obj N="Status" RefId="2"><TN RefId="2"><T>VMOperationalStatus[]</T><T>System.Array</T></TN><LST>
<Obj RefId="3"><TN RefId="3"><T>VMOperationalStatus</T><T>System.Enum</T></TN><ToString>Ok</ToString><I32>2</I32></Obj>
</LST></Obj>
<Obj N="Test" RefId="4"><TNRef RefId="0"/><ToString>VirtualMachine (Name = 'App01 - Test')</ToString></Obj>
</Props><MS><S N="Name">alias</S><S N="VMName">App01</S></MS></Obj>"""


def only_row(text: str) -> Row:
    (row,) = clixml.rows(clixml.parse(text))
    return row


def test_a_live_object() -> None:
    row = only_row(LIVE)
    assert row.type == "Microsoft.HyperV.PowerShell.VirtualMachine"
    assert row.text == "VirtualMachine (Name = 'App01')"
    assert row.properties == {
        "Name": "App01",  # the real property, not the alias of the same name
        "VMName": "App01",
        "State": "Running",
        "Id": "2f0f9a5c-0a3b-4c7e-9a53-0d9a8c1f7e10",
        "Memory": 4294967296,
        "Created": "2026-03-01T18:30:00.1234567+01:00",
        "Uptime": "PT1H",
        "Parent": None,
        "Clustered": False,
        "Status": ["Ok"],
        "Test": "VirtualMachine (Name = 'App01 - Test')",
    }


@pytest.mark.parametrize("prefix", ["Selected.", "Deserialized.", "Deserialized.Selected."])
def test_a_selected_object_has_the_type_it_was_selected_from(prefix: str) -> None:
    row = only_row(
        f'<Obj RefId="0"><TN RefId="0"><T>{prefix}Microsoft.HyperV.PowerShell.VMReplication</T></TN>'
        '<MS><S N="VMName">App01</S></MS></Obj>'
    )
    assert row == Row("Microsoft.HyperV.PowerShell.VMReplication", {"VMName": "App01"}, "")


def test_lists_of_objects_keep_what_is_in_them() -> None:
    """A generic list of Hyper-V objects, nested objects in full, and a reference to an object seen before."""
    row = only_row(
        """<Obj RefId="0"><TN RefId="0"><T>Selected.X</T></TN><MS>
        <Obj N="Disks" RefId="1"><TN RefId="1"><T>System.Collections.Generic.List`1[[Y, Z]]</T></TN><LST>
        <Obj RefId="2"><TN RefId="2"><T>Y</T></TN><Props><S N="Path">D:\\a.vhdx</S></Props></Obj>
        <Ref RefId="2"/></LST></Obj>
        <Obj N="Ports" RefId="3"><TN RefId="3"><T>System.Collections.Hashtable</T></TN><DCT>
        <En><S N="Key">node1</S><I32 N="Value">8080</I32></En></DCT></Obj></MS></Obj>"""
    )
    disk = {"Path": "D:\\a.vhdx"}
    assert row.properties == {"Disks": [disk, disk], "Ports": {"node1": 8080}}


def test_a_date_with_notes_is_its_date() -> None:
    row = only_row(
        """<Obj RefId="0"><TN RefId="0"><T>Selected.X</T></TN><MS><Obj N="At" RefId="1">
        <DT>2026-03-01T18:30:00Z</DT><MS><S N="DisplayHint">DateTime</S></MS></Obj></MS></Obj>"""
    )
    assert row.properties == {"At": "2026-03-01T18:30:00Z"}


@pytest.mark.parametrize(
    "text, row",
    [
        ("<B>true</B>", Row("System.Boolean", {"Value": True}, "True")),
        ("<S>done</S>", Row("System.String", {"Value": "done"}, "done")),
        ("<I64>5</I64>", Row("System.Int64", {"Value": 5}, "5")),
    ],
)
def test_bare_values(text: str, row: Row) -> None:
    assert only_row(text) == row


def test_null_is_no_row_and_a_list_is_its_items() -> None:
    assert clixml.rows(clixml.parse("<Nil/>")) == []
    text = '<Obj RefId="0"><TN RefId="0"><T>System.Object[]</T></TN><LST><S>a</S><Nil/><S>b</S></LST></Obj>'
    assert [row.text for row in clixml.rows(clixml.parse(text))] == ["a", "b"]


@pytest.mark.parametrize(
    "escaped, text",
    [
        ("line_x000D__x000A_two", "line\r\ntwo"),
        ("_x005F_x000A_", "_x000A_"),
        ("_xD83D__xDDA5_", "\N{DESKTOP COMPUTER}"),
        ("half _xD83D_", "half \ufffd"),
        (None, ""),
    ],
)
def test_unescape(escaped: str | None, text: str) -> None:
    assert clixml.unescape(escaped) == text


def test_text_that_no_parser_takes_costs_a_character_and_not_the_object() -> None:
    row = only_row('<Obj RefId="0"><TN RefId="0"><T>X</T></TN><Props><S N="Notes">a&#xFFFE;b&#xD800;</S></Props></Obj>')
    assert row.properties == {"Notes": "a\ufffdb\ufffd"}


ERROR = """<Obj RefId="0"><TN RefId="0"><T>System.Management.Automation.ErrorRecord</T></TN>
<MS><Obj N="Exception" RefId="1"><TN RefId="1"><T>X</T></TN>
<Props><S N="Message">No connection (0x00002efd).</S></Props></Obj>{target}
<S N="FullyQualifiedErrorId">OperationFailed,Microsoft.HyperV.PowerShell.Commands.EnableVMReplication</S>
<I32 N="ErrorCategory_Category">{category}</I32>{name}</MS></Obj>"""


@pytest.mark.parametrize(
    "target, name, expected",
    [
        ("", '<S N="ErrorCategory_TargetName">App01</S>', "App01"),
        ('<S N="TargetObject">App01</S>', "", "App01"),
        (
            '<Obj N="TargetObject" RefId="9"><Props><S N="Name">App01</S><S N="Id">7</S></Props></Obj>',
            '<Nil N="ErrorCategory_TargetName"/>',
            "App01 7",
        ),
        ("", "", ""),
    ],
)
def test_error_records(target: str, name: str, expected: str) -> None:
    found = clixml.error_record(clixml.parse(ERROR.format(target=target, name=name, category=7)))
    assert found.target == expected
    assert found.id == "OperationFailed"
    assert found.cmdlet_class == "Microsoft.HyperV.PowerShell.Commands.EnableVMReplication"
    assert found.category == "InvalidOperation"
    assert found.message == "No connection (0x00002efd)."
    assert found.codes == ("0x00002EFD",)


@pytest.mark.parametrize("number, name", [(0, "NotSpecified"), (13, "ObjectNotFound"), (31, "NotEnabled"), (99, "99")])
def test_categories_by_number(number: int, name: str) -> None:
    text = ERROR.format(target="", name="", category=number)
    assert clixml.error_record(clixml.parse(text)).category == name
