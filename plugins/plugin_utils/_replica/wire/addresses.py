# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether one of the addresses of a name takes connections: all of them are asked at once."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any


def refusal(name: str, port: int, seconds: float, silent: Callable[[], OSError]) -> OSError | None:
    """What the addresses of a name said when none took a connection; None where one does, and for a single address.

    `silent` is for addresses that said nothing. Raises OSError for a name that is not known.
    """
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return _said(found, seconds, silent) if len(found) > 1 else None


def _said(addresses: Sequence[Any], seconds: float, silent: Callable[[], OSError]) -> OSError | None:
    """None as soon as one address takes a connection; else the error that says most: a refusal comes from a machine."""
    said: list[OSError] = []
    deadline = time.monotonic() + seconds
    with ExitStack() as opened, selectors.DefaultSelector() as waiting:
        for family, kind, protocol, _name, address in addresses:
            try:
                one = opened.enter_context(socket.socket(family, kind, protocol))
            except OSError as error:  # this machine has no IPv6
                said.append(error)
                continue
            one.setblocking(False)
            one.connect_ex(address)
            waiting.register(one, selectors.EVENT_WRITE, one)
        while waiting.get_map() and time.monotonic() < deadline:
            for key, _events in waiting.select(max(0.0, deadline - time.monotonic())):
                code = key.data.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code == 0:
                    return None
                said.append(OSError(code, "the connection failed"))
                waiting.unregister(key.data)
    refused = next((error for error in said if isinstance(error, ConnectionRefusedError)), None)
    if refused is not None or len(said) == len(addresses):
        return refused or said[0]
    return silent()
