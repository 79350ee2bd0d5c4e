"""A running lab: a world, and in front of each of its hosts the listeners of WinRM.

with Lab.start(hosts=2, vms=20) as lab:
    lab.world.host("HV-A")              # what is simulated, to look at and to change
    lab.endpoint("hv-a").http           # where it listens
    lab.write_files(folder)             # an inventory, a password file and an ansible.cfg that name it
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .engine.choose import OWN, Engines
from .model import Model
from .wire import authority
from .wire.auth import Authenticator
from .wire.listener import Listener
from .wire.shells import Count, Service
from .world.host import Host
from .world.world import World

USER = "ansible"


@dataclass(frozen=True)
class Endpoint:
    """Where one host listens."""

    host: Host
    service: Service
    http: Listener
    https: Listener

    @property
    def address(self) -> str:
        """The address of both ports."""
        return self.http.address


class Lab:
    """Listeners for a world. Addresses: one for all (the ports differ), or one each (127.0.0.1, 127.0.0.2, …)."""

    def __init__(
        self,
        world: World,
        *,
        engine: str = OWN,
        user: str = USER,
        password: str | None = None,
        own_addresses: bool = False,
        others: Sequence[str] = (),
    ) -> None:
        """`others` are further users, with the same password."""
        self.world = world
        self.user = user
        self.users = (user, *others)
        self.password = password or secrets.token_urlsafe(12)
        self._folder = tempfile.TemporaryDirectory(prefix="lab-")
        folder = Path(self._folder.name)
        self.engines = Engines(engine, folder)
        self._authenticator = Authenticator(dict.fromkeys(self.users, self.password), ntlm_folder=folder)
        addresses = [f"127.0.0.{number + 1 if own_addresses else 1}" for number in range(len(world.hosts))]
        names = [name for host in world.hosts.values() for name in (host.name.lower(), host.fqdn.lower())]
        self._tls = authority.make(folder, ["localhost", *sorted({*addresses, *names})])
        self.endpoints = [
            self._endpoint(host, address) for host, address in zip(world.hosts.values(), addresses, strict=True)
        ]

    @classmethod
    def start(
        cls,
        model: Model | None = None,
        *,
        engine: str = OWN,
        own_addresses: bool = False,
        others: Sequence[str] = (),
        **fields: Any,
    ) -> Lab:
        """Build the world of a model (or of these fields of one), and listen."""
        world = (model or Model(**fields)).build()
        lab = cls(world, engine=engine, own_addresses=own_addresses, others=others)
        lab.listen()
        return lab

    def listen(self) -> None:
        """Take connections from now on."""
        self.world.on_change.append(self._power_or_links_changed)
        for endpoint in self.endpoints:
            endpoint.http.start()
            endpoint.https.start()

    def stop(self) -> None:
        """End every shell and listen no more."""
        if self._power_or_links_changed in self.world.on_change:
            self.world.on_change.remove(self._power_or_links_changed)
        for endpoint in self.endpoints:
            endpoint.http.stop()
            endpoint.https.stop()
        for endpoint in self.endpoints:
            endpoint.service.close()
        self._folder.cleanup()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.stop()

    @property
    def ca_file(self) -> Path:
        """The certificate of the lab's authority: what a client of HTTPS has to trust."""
        return self._tls.ca_file

    def endpoint(self, name: str) -> Endpoint:
        """Where the host of this short or full name listens. KeyError: there is none."""
        host = self.world.host(name)
        return next(one for one in self.endpoints if one.host is host)

    def shells(self) -> Count:
        """How many shells there were on all hosts, and what became of them."""
        counts = [endpoint.service.count for endpoint in self.endpoints]
        return Count(*(sum(getattr(one, name) for one in counts) for name in ("created", "deleted", "lost")))

    def requests(self) -> dict[str, int]:
        """How many requests of each operation there were on all hosts."""
        total: dict[str, int] = {}
        for endpoint in self.endpoints:
            for name, count in endpoint.service.requests.items():
                total[name] = total.get(name, 0) + count
        return total

    def write_files(self, folder: Path, **options: Any) -> Path:
        """Write what Ansible needs into `folder`; the path of the ansible.cfg. Options: see `files.write`."""
        from . import files

        return files.write(self, folder, **options)

    def _endpoint(self, host: Host, address: str) -> Endpoint:
        service = Service(host, self.engines, self.world.faults)
        service.reachable = lambda: self.world.answers(host)
        http = Listener(service, self._authenticator, address=address)
        https = Listener(service, self._authenticator, address=address, tls=self._tls.context)
        return Endpoint(host, service, http, https)

    def _power_or_links_changed(self) -> None:
        """A host that is out of reach loses its connections; one without power also its shells."""
        for endpoint in self.endpoints:
            if not self.world.answers(endpoint.host):
                endpoint.http.cut_all()
                endpoint.https.cut_all()
            if not endpoint.host.powered:
                endpoint.service.lose_all()
