"""A running lab: a world, and in front of each of its hosts the listeners of WinRM.

with Lab.start(hosts=2, vms=20) as lab:
    lab.world.host("HV-A")              # what is simulated, to look at and to change
    lab.endpoint("hv-a").http           # where it listens
    lab.lead("hv-a", to="hv-c")         # the entry hv-a of an inventory leads to another host from now on
    lab.behave("hv-b", "silent")        # hv-b takes connections and says nothing
    lab.write_files(folder)             # an inventory, a password file and an ansible.cfg that name it
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .engine.choose import OWN, Engines
from .faults import Moment
from .model import Model
from .wire import authority, gate
from .wire.auth import Authenticator
from .wire.gate import AT_ONCE, IDLE_SECONDS, WHEN_THROUGH, Gate
from .wire.listener import Listener
from .wire.shells import Count, Service
from .world.host import Host
from .world.world import World

USER = "ansible"


@dataclass(frozen=True)
class Endpoint:
    """Where one host listens, as an inventory has it: an entry. Its gate leads to that host, unless told otherwise."""

    host: Host
    service: Service
    gate: Gate
    http: Listener
    https: Listener

    @property
    def address(self) -> str:
        """The address of both ports."""
        return self.http.address


@dataclass(frozen=True)
class When:
    """A moment of a run: right after (or `before`) the `nth` call of a cmdlet on a host. Patterns with * and ?."""

    host: str = "*"
    cmdlet: str = "*"
    nth: int = 1
    before: bool = False


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
        session_cost: float = 0.0,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """`others` are further users, with the same password.

        Of wall clock: `session_cost` seconds pass at the opening of each shell, and a connection on which nothing is
        asked for `idle_seconds` is closed.
        """
        self.world = world
        self.session_cost, self.idle_seconds = session_cost, idle_seconds
        self.user = user
        self.users = (user, *others)
        self.password = password or secrets.token_urlsafe(12)
        self._folder = tempfile.TemporaryDirectory(prefix="lab-")
        folder = Path(self._folder.name)
        self.engines = Engines(engine, folder)
        self._authenticator = Authenticator(
            dict.fromkeys(self.users, self.password), ntlm_folder=folder, available=world.logs_on
        )
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
        session_cost: float = 0.0,
        idle_seconds: float = IDLE_SECONDS,
        **fields: Any,
    ) -> Lab:
        """Build the world of a model (or of these fields of one), and listen."""
        world = (model or Model(**fields)).build()
        lab = cls(
            world,
            engine=engine,
            own_addresses=own_addresses,
            others=others,
            session_cost=session_cost,
            idle_seconds=idle_seconds,
        )
        lab.listen()
        return lab

    def listen(self) -> None:
        """Take connections from now on."""
        self.world.on_change.append(self._power_or_links_changed)
        self._power_or_links_changed()
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
            endpoint.gate.end()
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

    # -- entries that lead elsewhere, or say nothing ---------------------------------------------------------------

    def lead(self, entry: str, to: str, *, open_ones: str | None = None, when: When | None = None) -> Moment | None:
        """Lead an entry to a host: two entries may lead to one host. New connections meet it from now on.

        Open ones are cut, as when a name is moved; with `when` (a moment of the run) only after the pipeline that they
        carry, so that its answer still comes. `open_ones` says otherwise: at_once, when_through, or stay (they go on
        with the old host). Both names are those that the entries began with.
        """
        at, service = self.endpoint(entry).gate, self.endpoint(to).service
        return self._do(lambda how: at.lead(service, how), open_ones, when)

    def swap(self, one: str, other: str, *, open_ones: str | None = None, when: When | None = None) -> Moment | None:
        """Let two entries change what they lead to."""
        gates = (self.endpoint(one).gate, self.endpoint(other).gate)

        def act(how: str) -> None:
            first, second = (gate.service for gate in gates)
            gates[0].lead(second, how)
            gates[1].lead(first, how)

        return self._do(act, open_ones, when)

    def behave(
        self, entry: str, manner: str, *, open_ones: str | None = None, when: When | None = None
    ) -> Moment | None:
        """Let an entry answer in another manner (`gate.MANNERS`): silent, refuses, drops, closes, web, answers."""
        gate.parts(manner)
        at = self.endpoint(entry).gate
        return self._do(lambda how: at.behave(manner, how), open_ones, when)

    def _do(self, act: Callable[[str], None], open_ones: str | None, when: When | None) -> Moment | None:
        if when is None:
            act(open_ones or AT_ONCE)
            return None
        how = open_ones or WHEN_THROUGH
        with self.world.lock:
            return self.world.faults.at(lambda: act(how), when.host, when.cmdlet, when.nth, before=when.before)

    @property
    def disturbed(self) -> bool:
        """Whether an entry ever led elsewhere or said nothing: then a client cannot have deleted every shell."""
        return any(endpoint.gate.disturbed for endpoint in self.endpoints)

    def connections(self) -> int:
        """How many TCP connections there were on all entries."""
        return sum(endpoint.gate.accepted for endpoint in self.endpoints)

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
        service = Service(host, self.engines, self.world.faults, session_cost=self.session_cost)
        service.reachable = lambda: self.world.answers(host)
        at = Gate(service, idle_seconds=self.idle_seconds)
        http = Listener(at, self._authenticator, address=address)
        https = Listener(at, self._authenticator, address=address, tls=self._tls.context)
        return Endpoint(host, service, at, http, https)

    def _power_or_links_changed(self) -> None:
        """A host that is out of reach loses its connections; one without power also its shells."""
        for endpoint in self.endpoints:
            endpoint.gate.settle_ports()
            if not self.world.answers(endpoint.gate.service.host):
                endpoint.gate.cut_all()
            if not endpoint.host.powered:
                endpoint.service.lose_all()
