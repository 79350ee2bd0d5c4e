# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The conversation that prepares primaries on their own host, until its first act: find the VMs and the other hosts as
far as they are in reach, plan, agree. Pure. The acts are flow.py's.

Hosts are found as for a failover (workflows/search_talk.py), with the host of the primaries as the target. `run` of the
talk is the plan, as plan.py makes it.
"""

from __future__ import annotations

from dataclasses import replace

from ...base.command_line import unconfirmed
from ..conversation import ACT, End, Phases, Wanted, refuse
from ..failover.everyone import EVERY
from ..failover.inputs import make_run
from ..failover.talk import FailoverTalk
from ..failover.talk import start as failover_start
from ..search_talk import SEARCH, read_targets
from .plan import to_prepare

GATHER = ("relations", "statistics", "disks", "integration_services", "cluster")
"""What is read of the host and its partners, before anything is decided."""


def start(want: Wanted) -> FailoverTalk:
    """The conversation before anything was asked."""
    return replace(failover_start(want), gather=GATHER)


def _targets(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Inputs that cannot be meant end it before any host is asked."""
    make_run(talk.want.inputs, "planned", talk.want.targets, {})
    if list(talk.vms) == [EVERY]:
        return refuse(talk, f"vms is {EVERY}, which is for where the VMs shall run. Name those to prepare.")
    return read_targets(talk, now, talk.ids).goes_to("renamed")


def _plan(talk: FailoverTalk, now: float) -> FailoverTalk:
    """Show the plan; refuse what speaks against it, and what was not confirmed."""
    want, inputs = talk.want, talk.want.inputs
    plan = to_prepare(inputs, talk.readings, want.targets[0], talk.found, want.variables, want.reach)
    talk = replace(talk, run=plan, plan=("What is going to be done:", *plan["lines"], *plan["refused"]))
    left = len(plan["vms"]) - len(plan["refused"])
    if plan["refused"] and (inputs["on_refusal"] == "stop" or not left):
        return refuse(talk, "Nothing was changed.", *plan["refused"])
    if want.check:
        return replace(talk, end=End({"changed": plan["acts"] > 0}))
    typed = inputs["confirm"]
    told = "" if typed is None or not plan["acts"] else unconfirmed(typed, plan["confirm"], plan["asked"])
    return refuse(talk, told) if told else talk.goes_to(ACT)


PHASES: Phases[FailoverTalk] = {"targets": _targets, **SEARCH, "plan": _plan}
