"""The lab's remote control: one line of JSON each way, on loopback. The server, its commands, and a client for scripts.

    python -m tests.lab.control FOLDER advance 300
    python -m tests.lab.control FOLDER power-off hv-a
    python -m tests.lab.control FOLDER cut hv-a control

FOLDER is the one that `python -m tests.lab` wrote.
"""

from __future__ import annotations

import argparse
import json
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lab import Lab

from . import model, scenes

FILE = "lab.json"


def advance(lab: Lab, seconds: str) -> str:
    """Let so many seconds of virtual time pass at once."""
    lab.world.clock.advance(float(seconds))
    with lab.world.lock:
        lab.world.settle()
    return now(lab)


def now(lab: Lab) -> str:
    """What the lab's clock shows, in UTC."""
    return lab.world.clock.now().isoformat()


def power_off(lab: Lab, host: str, how: str = "hard") -> None:
    """Take the power from a host (`clean`: shut it down)."""
    lab.world.power_off(host, clean=how == "clean")


def power_on(lab: Lab, host: str) -> None:
    """Switch a host on again."""
    lab.world.power_on(host)


def cut(lab: Lab, one: str, other: str) -> None:
    """Cut the link between two hosts, or a host and `control`, the control node."""
    lab.world.cut(one, other)


def mend(lab: Lab, one: str, other: str) -> None:
    """Mend a link that was cut."""
    lab.world.mend(one, other)


def move(lab: Lab, vm: str, host: str) -> None:
    """Move a clustered VM to another node."""
    owner = next(one for one in lab.world.hosts.values() if any(found.name == vm for found in one.vms.values()))
    lab.world.move(owner.named(vm).id, host)


def fault(lab: Lab, kind: str, host: str, cmdlet: str, nth: str = "1") -> None:
    """Let the nth call of a cmdlet on a host fail: drop_before, drop_after, drop_late, refuse, delay, busy, hang."""
    with lab.world.lock:
        lab.world.faults.add(kind, host, cmdlet, int(nth))


def lead(lab: Lab, entry: str, host: str, *when: str) -> None:
    """Lead an entry of the inventory to another host [after the call HOST CMDLET NTH]."""
    lab.lead(entry, host, when=_when(when))


def swap(lab: Lab, one: str, other: str, *when: str) -> None:
    """Let two entries change hosts [after the call HOST CMDLET NTH]."""
    lab.swap(one, other, when=_when(when))


def behave(lab: Lab, entry: str, manner: str, *when: str) -> None:
    """Let an entry answer, or be silent, refuses, drops, closes, web, web:405 [after the call HOST CMDLET NTH]."""
    lab.behave(entry, manner, when=_when(when))


def restore(lab: Lab, vm: str, host: str, state: str = "Off") -> None:
    """Restore a copy of a VM, from a backup, on another host: same id, in no relation [Running]."""
    scenes.restore(lab.world, model.id_of(lab.world, vm), host, state)


def namesake(lab: Lab, vm: str, host: str, state: str = "Off") -> None:
    """Make another VM of the same name on a host, with an id of its own [Running]."""
    scenes.namesake(lab.world, vm, host, state)


def rename(lab: Lab, vm: str, host: str, name: str) -> None:
    """Give the copy of a VM on one host another name."""
    scenes.rename(lab.world, model.id_of(lab.world, vm), host, name)


def domain_controller(lab: Lab, vm: str) -> None:
    """Let no new log-on work while this VM does not run."""
    with lab.world.lock:
        lab.world.domain_controller = model.id_of(lab.world, vm)


def _when(given: tuple[str, ...]) -> Any:
    from .lab import When

    if not given:
        return None
    host, cmdlet, nth = (*given, *("*", "*", "1")[len(given) :])
    return When(host, cmdlet, int(nth))


def vms(lab: Lab) -> list[dict[str, Any]]:
    """Every VM on every host: power, mode, state."""
    with lab.world.lock:
        lab.world.settle()
        return [
            {
                "host": host.name,
                "vm": vm.name,
                "id": str(vm.id),
                "power": vm.state,
                "mode": vm.mode,
                "state": vm.relation.state if vm.relation else "Disabled",
            }
            for host in lab.world.hosts.values()
            for vm in host.vms.values()
        ]


def calls(lab: Lab, which: str = "all") -> list[dict[str, Any]]:
    """Every cmdlet so far (`changing`: those that may change anything), with host, parameters and outcome."""
    with lab.world.lock:
        recorder = lab.world.recorder
        chosen = recorder.state_changing() if which == "changing" else recorder.calls
        return [
            {
                "number": one.number,
                "host": one.host,
                "cmdlet": one.cmdlet,
                "parameters": {name: _plain(value) for name, value in one.parameters.items()},
                "at": one.at.isoformat(),
                "outcome": one.outcome,
            }
            for one in chosen
        ]


def violations(lab: Lab) -> list[str]:
    """Where the first law was broken: a VM alive on two hosts."""
    return [f"{one.vm} on {' and '.join(one.hosts)}: {one.cause}" for one in lab.world.recorder.violations]


def counts(lab: Lab) -> dict[str, Any]:
    """Shells, requests and TCP connections."""
    return {"shells": asdict(lab.shells()), "requests": lab.requests(), "connections": lab.connections()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


COMMANDS: dict[str, Callable[..., Any]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        advance,
        now,
        power_off,
        power_on,
        cut,
        mend,
        move,
        fault,
        lead,
        swap,
        behave,
        restore,
        namesake,
        rename,
        domain_controller,
        vms,
        calls,
        violations,
        counts,
    )
}


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(json.dumps(self.server.answer(line)).encode() + b"\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._lab = lab

    def answer(self, line: bytes) -> dict[str, Any]:
        """`{"do": name, "with": [...]}` gives `{"answer": …}` or `{"error": text}`."""
        try:
            asked = json.loads(line)
            return {"answer": COMMANDS[asked["do"]](self._lab, *asked.get("with", []))}
        except (KeyError, ValueError, TypeError, StopIteration, RuntimeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}


class Control:
    """The server of a lab; its port is in `lab.json` of the folder."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._server = _Server(lab)
        port = self._server.server_address[1]
        (folder / FILE).write_text(json.dumps({"control": port}) + "\n", encoding="utf-8")
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class LabError(RuntimeError):
    """The lab refused a command."""


def ask(folder: Path, command: str, *arguments: str) -> Any:
    """Give a running lab a command and return its answer. Raises LabError, or OSError when no lab runs there."""
    port = json.loads((folder / FILE).read_text(encoding="utf-8"))["control"]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, connection.makefile("rwb") as lines:
        lines.write(json.dumps({"do": command, "with": arguments}).encode() + b"\n")
        lines.flush()
        answer = json.loads(lines.readline())
    if "error" in answer:
        raise LabError(answer["error"])
    return answer["answer"]


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    text = "\n".join(f"  {name:17} {function.__doc__}" for name, function in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab.control",
        description="Give a running lab a command.",
        epilog=f"commands:\n{text}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="the folder that the lab wrote")
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    parser.add_argument("argument", nargs="*")
    given = parser.parse_args(arguments)
    try:
        answer = ask(given.folder, given.command, *given.argument)
    except (LabError, OSError) as error:
        print(f"The lab in {given.folder} did not do {given.command}: {error}", file=sys.stderr)
        return 1
    if isinstance(answer, list):
        print("\n".join(json.dumps(item) for item in answer))
    elif answer is not None:
        print(answer if isinstance(answer, str) else json.dumps(answer, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
