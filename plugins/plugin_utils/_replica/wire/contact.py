# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a host is reached, what became of it, and an exception with all that is beneath it. Pure.

What an exception means is contact_rules.py's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..base.errors import short


@dataclass(frozen=True)
class Way:
    """How a host was to be reached. `proxy` is "" without one; `password` says whether there is one."""

    host: str
    address: str = ""
    port: int = 0
    protocol: str = "https"
    user: str = ""
    auth: str = "negotiate"
    password: bool = True
    proxy: str = ""
    path: str = "wsman"
    endpoint: str = "Microsoft.PowerShell"
    connect_seconds: float = 30
    read_seconds: float = 30

    @property
    def place(self) -> str:
        """Address and port."""
        return f"{self.address} port {self.port}"

    @property
    def url(self) -> str:
        """Where it leads, without the path."""
        return f"{self.protocol}://{f'[{self.address}]' if ':' in self.address else self.address}:{self.port}"

    @property
    def login(self) -> str:
        """Whose login it is."""
        return self.user or "nobody (ansible_user is not set)"


def way_of(option: Callable[[str], Any], host: str) -> Way:
    """The way of a connection by its options (`option(name)`), with the rules of Ansible's plugin; without a proxy."""
    port, protocol = option("port"), option("protocol")
    protocol = protocol or ("http" if str(port) == "5985" else "https")
    return Way(
        host=host,
        address=str(option("remote_addr") or ""),
        port=int(port) if str(port).isdigit() else 5985 if protocol == "http" else 5986,
        protocol=str(protocol),
        user=str(option("remote_user") or ""),
        auth=str(option("auth")),
        password=bool(option("remote_password")),
        path=str(option("path") or "wsman"),
        endpoint=str(option("configuration_name")),
        connect_seconds=float(option("connection_timeout")),
        read_seconds=float(option("read_timeout")),
    )


@dataclass(frozen=True)
class Contact:
    """What became of it. `sentence` has no full stop. `arrived`: the host may have taken the request.

    `local`: the control node lacks something, and nothing was asked of the host.
    """

    kind: str
    sentence: str
    answered: bool = False
    machine_up: bool | None = False
    arrived: bool = False
    local: bool = False
    again: bool = False


@dataclass(frozen=True)
class Chain:
    """An exception with all that is beneath it: names of classes, numbers of the system, and the first of a kind."""

    errors: tuple[BaseException, ...]

    def has(self, *names: str) -> bool:
        return any(cls.__name__ in names for error in self.errors for cls in type(error).__mro__)

    def first(self, *names: str) -> BaseException | None:
        return next((e for e in self.errors if any(cls.__name__ in names for cls in type(e).__mro__)), None)

    def text(self, *names: str) -> str:
        return short(self.first(*names) or self.errors[-1])

    @property
    def numbers(self) -> set[int]:
        return {e.errno for e in self.errors if isinstance(e, OSError) and isinstance(e.errno, int)}

    @property
    def status(self) -> int | None:
        """The HTTP status of an answer that was an error."""
        found = self.first("WinRMTransportError")
        code = found.args[1] if found is not None and len(found.args) > 1 else None
        return code if isinstance(code, int) else None


def beneath(error: BaseException) -> tuple[BaseException, ...]:
    """The exception and what is beneath it: causes, contexts, and those that it was made of."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 50:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and not any(one is known for known in found):
            found.append(one)
            waiting += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]
    return tuple(found)


def shown(url: str) -> str:
    """An URL without the user and password in it."""
    return re.sub(r"//[^/@]*@", "//", short(url))
