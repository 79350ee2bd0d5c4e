"""pypsrp's own WSMan client joined to a service in memory: its envelopes, no sockets. For tests of many pipelines."""

from __future__ import annotations

from typing import Any, cast

from pypsrp.exceptions import WinRMTransportError
from pypsrp.wsman import WSMan

from .shells import Service


class Client:
    """A client's end (the `Client` of the service)."""

    address = "127.0.0.1"
    ending = False

    def __init__(self) -> None:
        self.was_cut = False

    def cut(self) -> None:
        self.was_cut = True


class Transport:
    """What pypsrp calls to send a message."""

    endpoint = "memory"

    def __init__(self, service: Service, user: str) -> None:
        self.service = service
        self.user = user
        self.client = Client()

    def send(self, message: bytes, **_unused: Any) -> bytes:
        status, body = self.service.answer(message, self.user, self.client)
        if status != 200:
            raise WinRMTransportError("http", status, body.decode())
        return body

    def close(self) -> None:
        """Nothing is open."""


def connect(service: Service, user: str = "ansible") -> WSMan:
    """A WSMan client of the service."""
    wsman = WSMan("memory", ssl=False, auth="basic", encryption="never", username=user, password="unused")
    wsman.transport = cast("Any", Transport(service, user))
    return wsman
