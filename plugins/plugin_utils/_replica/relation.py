# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The noun of hyperv_vm_replication: the replication of VMs, seen from one of its hosts."""

from __future__ import annotations

from .plan import Noun
from .relation_find import subjects
from .relation_have import Have
from .relation_options import RULES, SPEC, read_want
from .relation_plan import decide
from .relation_predict import predict, settle
from .relation_read import learn, more, parse, query
from .relation_record import record
from .relation_want import Want

RELATION: Noun[Have, Want] = Noun(
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
