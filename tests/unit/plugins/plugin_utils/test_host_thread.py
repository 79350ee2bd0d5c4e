"""The thread of one host: whatever becomes of it, what it is asked is answered."""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import READ, Answer, Ask
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.host_thread import (
    Event,
    HostThread,
    Opening,
)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_answers_what_the_host_is_asked_before_it_and_after() -> None:
    told: SimpleQueue[Answer | Event] = SimpleQueue()

    def fault() -> Any:
        raise RuntimeError("nobody thought of this")

    thread = HostThread(Opening("hv-a", fault), told.put, lambda: False)
    for number in (1, 2):
        thread.ask(Ask(number, READ, "hv-a"))
        answer = told.get(timeout=20)
        assert isinstance(answer, Answer)
        assert answer.number == number
        assert str(answer.result["msg"]).startswith("hv-a: it was given up")
    thread.close()
    assert thread.join(20)
