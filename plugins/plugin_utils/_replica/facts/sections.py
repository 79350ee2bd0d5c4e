# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every kind of information, by its name in the option `gather`."""

from __future__ import annotations

from .host import HOST_PARTS
from .network import NETWORK
from .parts import PARTS
from .vms import KIND as RELATIONS

ALL = "all"
HOST_KINDS = {kind.name: kind for kind in HOST_PARTS}
VM_KINDS = {kind.name: kind for kind in (*PARTS, *NETWORK)}
KINDS = (RELATIONS, *VM_KINDS, *HOST_KINDS)
