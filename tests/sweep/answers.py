"""Answers that are none: what a host, or something in its place, may send that a client cannot read.

The host does what it was asked; what comes back is spoilt on its way to the client's library, or the library fails.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from types import TracebackType
from typing import Any

from pypsrp.wsman import _TransportHTTP

from tests.lab.lab import Lab

NUMBER, SHORT, PAGE, FAILS = "number that is none", "answer cut short", "page of a web server", "failing library"
ODD = (NUMBER, SHORT, PAGE, FAILS)
WEB_PAGE = b"<!DOCTYPE html><html><head><title>Intranet</title></head><body><h1>It works!<br></h1></body></html>"
STREAM = re.compile(rb"(<rsp:Stream[^>]*>)([A-Za-z0-9+/=]+)(?=</rsp:Stream>)")
A_NUMBER = re.compile(rb"(<I32(?: N=\"[^\"]*\")?>)[0-9]")


class Answers:
    """While it is entered: the nth answer of a host to this process is odd. nth 0 only counts them, by host.

    One at a time: it stands in the way of the client's library.
    """

    def __init__(self, lab: Lab, host: str = "", nth: int = 0, kind: str = FAILS) -> None:
        self.hosts = {
            f"{one.address}:{port.port}": one.host.name for one in lab.endpoints for port in (one.http, one.https)
        }
        self.host, self.nth, self.kind = host, nth, kind
        self.seen: Counter[str] = Counter()
        self.struck = False
        self._send = _TransportHTTP.send

    def __enter__(self) -> Answers:
        send, answers = self._send, self

        def odd(transport: Any, message: bytes, **options: Any) -> bytes:
            return answers.spoilt(transport.endpoint, send(transport, message, **options))

        _TransportHTTP.send = odd  # type: ignore[method-assign]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _TransportHTTP.send = self._send  # type: ignore[method-assign]

    def stop(self) -> None:
        """From now on every answer is left as it is."""
        self.nth = 0

    def spoilt(self, endpoint: str, answer: bytes) -> bytes:
        """What the client gets. Raises what no library should, where that is the kind."""
        host = self.hosts.get(endpoint.partition("//")[2].partition("/")[0], "")
        self.seen[host] += 1
        if host != self.host or self.seen[host] != self.nth:
            return answer
        self.struck = True
        if self.kind == FAILS:
            raise RuntimeError("nobody thought of this")
        if self.kind == PAGE:
            return WEB_PAGE
        return spoil_number(answer) if self.kind == NUMBER and STREAM.search(answer) else answer[: len(answer) // 2]


def spoil_number(answer: bytes) -> bytes:
    """The answer with a letter for a digit of its first number; cut short where it has none."""

    def spoil(found: re.Match[bytes]) -> bytes:
        return found[1] + base64.b64encode(A_NUMBER.sub(rb"\1x", base64.b64decode(found[2]), count=1))

    spoilt = STREAM.sub(spoil, answer)
    return spoilt if spoilt != answer else answer[: len(answer) // 2]
