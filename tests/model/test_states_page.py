"""docs/failover-states.md is the failover table as it is now."""

from __future__ import annotations

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import ACTS

from .states_page import PAGE, diagram, page


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.model.states_page"


def test_every_act_has_a_row_and_every_arrow_is_an_act():
    assert all(f"| `{name}`" in page() for name in ACTS)
    arrows = [line.rpartition(": ")[2].partition(" ")[0] for line in diagram() if "-->" in line]
    assert len(arrows) > 10
    assert set(arrows) <= set(ACTS)
