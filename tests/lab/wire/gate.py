"""What a client meets behind one entry of an inventory: which host it leads to, and whether anything answers there.

A gate is shared by the two ports of an entry. It may be led to another host, and behave in another way, at any moment.
No sockets: a `Peer` is somebody whose connection can be cut.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from .shells import Client, Cut, Service

ANSWERS, SILENT, REFUSES, DROPS, CLOSES, WEB = "answers", "silent", "refuses", "drops", "closes", "web"
MANNERS = {
    ANSWERS: "WinRM, as it should be",
    SILENT: "takes connections and says nothing, on open ones too: a host that hangs",
    REFUSES: "refuses TCP: the machine is up, and nothing listens",
    DROPS: "nothing comes back at all, as from behind a firewall that drops",
    CLOSES: "closes each connection at once",
    WEB: "a plain web server and no WinRM; web:405 answers with another status than 404",
}
"""How an entry may behave, with what it means."""
AT_ONCE, WHEN_THROUGH, STAY = "at_once", "when_through", "stay"
"""What becomes of open connections: cut at once; cut once their pipeline is through (at once without one); left."""
IDLE_SECONDS = 120.0
"""HTTP.sys closes a connection that has been idle for so long (connectionTimeout, 2 minutes by default)."""


class Peer(Client, Protocol):
    """A connection of a client: `service` is the host that it was made to; an `ending` one has no next pipeline."""

    service: Service
    ending: bool


def parts(manner: str) -> tuple[str, int]:
    """Kind and HTTP status of a manner. Raises ValueError for what is none."""
    kind, _unused, status = manner.partition(":")
    if kind not in MANNERS or (status and (kind != WEB or not status.isdigit())):
        raise ValueError(f"no such manner: {manner} (there are {', '.join(MANNERS)})")
    return kind, int(status or 404)


class Gate:
    """One entry. `ports` are told when it refuses or drops connections, or takes them again.

    A host that is off, or cut off from the control node, drops them: nobody is there to refuse.
    """

    def __init__(self, service: Service, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self.service = service
        self.idle_seconds = idle_seconds
        self.kind, self.status = ANSWERS, 404
        self.disturbed = False
        self.accepted = 0
        self.ports: list[Callable[[str], None]] = []
        self._peers: set[Peer] = set()
        self._news = threading.Condition()
        self._ended = False
        self._ports_are = ANSWERS

    # -- what a test or an operator does ---------------------------------------------------------------------------

    def lead(self, service: Service, open_ones: str = AT_ONCE) -> None:
        """From now on new connections meet this host."""
        self.service, self.disturbed = service, True
        self.settle_ports()
        self._end_open(open_ones)

    def behave(self, manner: str, open_ones: str = AT_ONCE) -> None:
        """Answer in another manner from now on. A silent one keeps its open connections, as silent as it is.

        What was sent to a silent one is served when it speaks again, whether or not anybody still waits for it.
        """
        kind, status = parts(manner)
        with self._news:
            self.kind, self.status = kind, status
            self.disturbed = self.disturbed or kind != ANSWERS
            for peer in self._peers:
                peer.ending = open_ones == WHEN_THROUGH and kind != ANSWERS and peer.service.busy(peer)
            self._news.notify_all()
        self.settle_ports()
        if kind not in (ANSWERS, SILENT):
            self._end_open(open_ones)

    def settle_ports(self) -> None:
        """Open or close the ports as the manner, and the host's power and links, want it."""
        wanted = self.kind if self.kind in (REFUSES, DROPS) else ANSWERS
        wanted = wanted if self.service.reachable() else DROPS
        if wanted != self._ports_are:
            self._ports_are = wanted
            for tell in self.ports:
                tell(wanted)

    def cut_all(self) -> None:
        """End every connection: the host went down, or its link to the control node."""
        self.disturbed = self.disturbed or bool(self._peers)
        self._end_open(AT_ONCE)

    def end(self) -> None:
        """The lab ends: nobody waits any more."""
        with self._news:
            self._ended = True
            self._news.notify_all()
        self.cut_all()

    # -- what a connection asks ------------------------------------------------------------------------------------

    @contextmanager
    def guest(self, peer: Peer) -> Iterator[None]:
        """A connection from its first moment to its last."""
        with self._news:
            self._peers.add(peer)
            self.accepted += 1
        try:
            yield
        finally:
            with self._news:
                self._peers.discard(peer)

    def hold(self, peer: Peer) -> None:
        """Wait as long as nothing is said to this connection. Raises Cut when the lab ends meanwhile."""
        with self._news:
            while self.kind == SILENT and not peer.ending and not self._ended:
                self._news.wait()
            if self._ended:
                raise Cut

    def through(self, peer: Peer) -> bool:
        """Whether a connection that was to end after its pipeline has to end now. A silent one falls silent instead."""
        if not peer.ending or peer.service.busy(peer):
            return False
        peer.ending = False
        return self.kind != SILENT

    def _end_open(self, how: str) -> None:
        if how == STAY:
            return
        with self._news:
            peers = list(self._peers)
        for peer in peers:
            peer.ending = how == WHEN_THROUGH and peer.service.busy(peer)
            if not peer.ending:
                peer.cut()
