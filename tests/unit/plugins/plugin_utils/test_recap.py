"""What the result says of each host that was asked."""

from __future__ import annotations

from typing import Any

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.recap import Recap

READ = {"windows_name": "HV-A.corp.example", "vms": []}
LOST = {"unreachable": True, "msg": "hv-a: no answer"}


def after(*results: dict[str, Any]) -> dict[str, Any]:
    """The record of a host that has given these answers."""
    recap = Recap()
    recap.asked("hv-a")
    for result in results:
        recap.told("hv-a", result)
    [found] = recap.to_result()
    assert found.pop("host") == "hv-a"
    return found


def test_the_last_answer_tells_whether_it_was_reached() -> None:
    known = {"windows_name": "HV-A.corp.example", "changed": False}
    assert after(READ) == {**known, "reached": True, "error": None}
    assert after(READ, LOST) == {**known, "reached": False, "error": "hv-a: no answer"}
    assert after(LOST, READ) == {**known, "reached": True, "error": None}


def test_a_refusal_is_an_answer_and_a_change_stays_one() -> None:
    found = after(READ, {"changed": True}, {"failed": True, "msg": "refused"}, {"changed": False})
    assert (found["reached"], found["changed"]) == (True, True)


def test_in_the_order_in_which_they_were_asked() -> None:
    recap = Recap()
    for host in ("hv-b", "hv-a", "hv-b"):
        recap.asked(host)
    assert [one["host"] for one in recap.to_result()] == ["hv-b", "hv-a"]
