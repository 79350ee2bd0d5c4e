"""Write signatures.json, the lab's table of cmdlet signatures, from Microsoft's documented parameter sets.

    python -m tests.lab.engine.make_signatures cmdlets.json

The table (cmdlets of Microsoft.PowerShell.Management are in signatures_core.json, same form, by hand):

    enums    full name -> {"values": {name: number}, "flags": bool}
    objects  full names of .NET object types that a parameter may take -> base type or null
    cmdlets  name -> module; class (what follows the comma of an error id); exception (what it throws); default (set
             name or null); sets; asks (has WhatIf and Confirm); impact; function (a function, not a cmdlet);
             parameters: name -> type (full .NET name, [] for an array); sets ("(All)" is every set); mandatory (true,
             or the sets where it is); position; value, property (takes pipeline input so); aliases; range [low, high];
             choices (a ValidateSet); empty: "no" (neither null nor empty), "null" (not null), "any" (explicitly
             anything); nullable (a value type that may be absent); kind (type name that the object must carry)

What is false, null or empty is left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from . import signature_facts as facts

TARGET = Path(__file__).with_name("signatures.json")


def enum_tables(cmdlets: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Every enum by full name: those of parameters, and those that only properties have."""
    found = {f"{facts.NAMESPACES['Hyper-V']}.{name}": values for name, values in facts.OBJECT_ENUMS.items()}
    found |= facts.OTHER_ENUMS
    for cmdlet in cmdlets.values():
        for parameter in cmdlet["parameters"].values():
            name = parameter["type"].removesuffix("[]")
            if parameter.get("accepted") and name not in facts.SIMPLE_TYPES and name not in facts.BASES.values():
                counted = {value: number for number, value in enumerate(parameter["accepted"])}
                found[f"{facts.NAMESPACES[cmdlet['module']]}.{name}"] = facts.NUMBERS.get(name, counted)
    return found


def object_types(cmdlets: dict[str, Any], enums: dict[str, Any]) -> dict[str, str | None]:
    """Object types of parameters and outputs by full name, with the base type where there is one."""
    found: set[str] = set()
    for cmdlet in cmdlets.values():
        space = facts.NAMESPACES[cmdlet["module"]]
        kinds = {parameter["type"].removesuffix("[]") for parameter in cmdlet["parameters"].values()}
        found |= {f"{space}.{kind}" for kind in kinds - facts.SIMPLE_TYPES.keys()}
        outputs = " and ".join(cmdlet["outputs"]).replace("HyperV.Powershell.", "HyperV.PowerShell.")
        found |= {output for output in outputs.split(" and ") if output.startswith(f"{space}.")}
    bases: dict[str, str | None] = {}
    for full in sorted(found - enums.keys()):
        space, _unused, name = full.rpartition(".")
        base = facts.BASES.get(name)
        bases[full] = f"{space}.{base}" if base else None
        if base:
            bases.setdefault(f"{space}.{base}", None)
    return bases


def null_rule(module: str, key: str, kind: str, array: bool, nullable: bool) -> str:
    """What the parameter `cmdlet/parameter` refuses: "no", "null", or nothing."""
    name = key.partition("/")[2]
    for one in (key, name) if module == "Hyper-V" else (key,):
        for rule, members in (("", facts.ANYTHING), ("null", facts.NOT_NULL), ("no", facts.NOT_EMPTY)):
            if one in members:
                return rule
    if module != "Hyper-V" or kind == "SwitchParameter":
        return ""
    if nullable:
        return "null"
    return "" if kind in facts.VALUE_TYPES and not array else "no"


def parameter_row(cmdlet: str, module: str, name: str, source: dict[str, Any], enums: dict[str, Any]) -> dict[str, Any]:
    """One parameter in the table's form."""
    kind, array = source["type"].removesuffix("[]"), source["type"].endswith("[]")
    full = facts.SIMPLE_TYPES.get(kind) or f"{facts.NAMESPACES[module]}.{kind}"
    key, is_value = f"{cmdlet}/{name}", full in enums or kind in facts.VALUE_TYPES
    nullable = module == "Hyper-V" and is_value and not array and not {name, key} & facts.PLAIN
    empty = null_rule(module, key, "Int32" if is_value else kind, array, nullable)
    pipeline = source.get("pipeline") or ""
    row = {
        "type": full + "[]" * array,
        "sets": list(source["sets"]),
        "mandatory": bool(source.get("required")),
        "position": source.get("position"),
        "value": "ByValue" in pipeline,
        "property": "ByPropertyName" in pipeline,
        "aliases": source.get("aliases"),
        "range": facts.RANGES.get(name) if module == "Hyper-V" else None,
        "empty": empty,
        "nullable": nullable,
        "kind": facts.kind_wanted(module, cmdlet, name),
    }
    return {key: value for key, value in row.items() if value or (key == "position" and value is not None)}


def cmdlet_row(name: str, source: dict[str, Any], enums: dict[str, Any]) -> dict[str, Any]:
    """One cmdlet in the table's form."""
    module, parameters = source["module"], source["parameters"]
    function = module in facts.CIM_MODULES
    space, suffix, exception = facts.CLASSES.get(module, ("", "", facts.CIM_EXCEPTION))
    default = next((one for one, row in source["parameter_sets"].items() if row["default"] and one != "(All)"), None)
    return {
        "module": module,
        "class": name if function else f"{space}.{name.replace('-', '')}{suffix}",
        "exception": exception,
        **({"function": True} if function else {}),
        **({"asks": True} if "WhatIf" in parameters else {}),
        **({"impact": "High"} if name in facts.HIGH_IMPACT else {}),
        **({"default": default} if default else {}),
        "sets": [one for one in source["parameter_sets"] if one != "(All)"],
        "parameters": {
            parameter: parameter_row(name, module, parameter, row, enums)
            for parameter, row in sorted(parameters.items())
            if parameter not in ("WhatIf", "Confirm")
        },
    }


def make(cmdlets: dict[str, Any]) -> dict[str, Any]:
    """The whole table from the documented parameter sets."""
    enums = enum_tables(cmdlets)
    return {
        "enums": {
            name: {"values": values, **({"flags": True} if name.rpartition(".")[2] in facts.FLAGS else {})}
            for name, values in sorted(enums.items())
        },
        "objects": object_types(cmdlets, enums),
        "cmdlets": {name: cmdlet_row(name, source, enums) for name, source in sorted(cmdlets.items())},
    }


def text(table: dict[str, Any]) -> str:
    """JSON with a line for each parameter, so that a change shows as a change of that line."""

    def line(value: object) -> str:
        return json.dumps(value, separators=(", ", ": "))

    def block(rows: dict[str, Any], indent: str) -> str:
        return ",\n".join(f"{indent}{line(name)}: {line(row)}" for name, row in rows.items())

    def cmdlet(name: str, row: dict[str, Any]) -> str:
        head = line({key: value for key, value in row.items() if key != "parameters"})[:-1]
        return f'  {line(name)}: {head}, "parameters": {{\n{block(row["parameters"], "   ")}\n  }}}}'

    cmdlets = ",\n".join(cmdlet(name, row) for name, row in table["cmdlets"].items())
    sections = [f' "{name}": {{\n{block(table[name], "  ")}\n }}' for name in ("enums", "objects")]
    return "{\n" + ",\n".join([*sections, f' "cmdlets": {{\n{cmdlets}\n }}']) + "\n}\n"


def main(arguments: list[str]) -> int:
    """Read the documented sets from the path given and write the table beside this file."""
    if len(arguments) != 1:
        print("usage: python -m tests.lab.engine.make_signatures cmdlets.json", file=sys.stderr)
        return 2
    TARGET.write_text(text(make(json.loads(Path(arguments[0]).read_text()))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
