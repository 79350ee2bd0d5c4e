# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the report's filters are given: registered results, by host or in a list, also of hosts that did not answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...base.errors import OptionError
from ...base.values import plain


def results_of(given: Any) -> dict[str, Mapping[str, Any]]:
    """Results by inventory host. Raises OptionError for what is not a result of hyperv_replication_info."""
    value = plain(given, "the input")
    if isinstance(value, Mapping) and not _is_result(value):
        found = dict(value)
    else:
        results: Sequence[Any] = [value] if isinstance(value, Mapping) else value
        if not isinstance(results, list):
            raise _no_result(value)
        found = {_name(result, number): result for number, result in enumerate(results, 1)}
    for result in found.values():
        if not isinstance(result, Mapping):
            raise _no_result(result)
    return found


def _is_result(value: Mapping[str, Any]) -> bool:
    return "inventory_host" in value or ("msg" in value and ("failed" in value or "unreachable" in value))


def _name(result: Any, number: int) -> str:
    name = result.get("inventory_host") if isinstance(result, Mapping) else None
    return str(name or f"host {number}")


def _no_result(value: Any) -> OptionError:
    return OptionError(
        "the input",
        f"{type(value).__name__} is not a result of hyperv_replication_info.",
        "Give the registered results by inventory host.",
    )
