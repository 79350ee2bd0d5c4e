# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The resource of hyperv_vm_replication: the replication of VMs, seen from one of its hosts."""

from __future__ import annotations

from ..engine.plan import Resource
from .find import subjects
from .have import Have
from .options import RULES, SPEC, read_want
from .plan import decide
from .predict import predict, settle
from .read import learn, more, parse, query
from .record import record
from .want import Want

RELATION: Resource[Have, Want] = Resource(
    name="hyperv_vm_replication",
    spec=SPEC,
    rules=RULES,
    read_options=read_want,
    query=query,
    parse=parse,
    more=more,
    learn=learn,
    subjects=subjects,
    decide=decide,
    predict=predict,
    settle=settle,
    record=record,
)
