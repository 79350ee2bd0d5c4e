"""`python -m tests.lab`: start a lab, say where it listens and how to use it, and run until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

from .control import Control
from .engine.choose import OWN, REAL, NoPowerShell
from .engine.endpoint import CONSTRAINED
from .files import ROOT
from .lab import Lab
from .model import PRESETS, Model
from .wire.gate import IDLE_SECONDS, MANNERS


def parser() -> argparse.ArgumentParser:
    """The flags: the fields of the model, and how to listen."""
    made = argparse.ArgumentParser(
        prog="python -m tests.lab", description="Simulated Hyper-V hosts behind the real wire (WSMan and PSRP)."
    )
    for one in fields(Model):
        _add_field(made, one)
    made.add_argument("--preset", action="append", default=[], choices=sorted(PRESETS), help="a named set of the above")
    made.add_argument("--engine", choices=(OWN, REAL), default=OWN, help="what runs the pipelines (default: own)")
    made.add_argument("--https", action="store_true", help="let the inventory use HTTPS, with the lab's own CA")
    made.add_argument("--auth", choices=("basic", "ntlm", "negotiate"), default="basic", help="(default: basic)")
    made.add_argument("--constrained", action="store_true", help=f"let the inventory use the endpoint {CONSTRAINED}")
    made.add_argument("--own-addresses", action="store_true", help="give each host an address: 127.0.0.1, 127.0.0.2, …")
    made.add_argument(
        "--session-cost", type=float, default=0.0, metavar="SECONDS", help="wall clock that opening a shell takes"
    )
    made.add_argument(
        "--idle-seconds",
        type=float,
        default=IDLE_SECONDS,
        metavar="SECONDS",
        help=f"wall clock after which an idle connection is closed (default: {IDLE_SECONDS:g})",
    )
    made.add_argument(
        "--lead",
        action="append",
        default=[],
        type=_pair,
        metavar="ENTRY=HOST",
        help="lead an entry of the inventory to another host",
    )
    made.add_argument(
        "--endpoint",
        action="append",
        default=[],
        type=_pair,
        metavar="ENTRY=MANNER",
        help=f"how an entry behaves: {', '.join(MANNERS)}",
    )
    made.add_argument("--folder", type=Path, help="where to write the files for Ansible (default: a temporary folder)")
    return made


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"NAME=VALUE is wanted, not {text}")
    return name, value


def _add_field(to: argparse.ArgumentParser, one: Field[Any]) -> None:
    """A flag for a field of the model. One not given stays None: a default must not override a preset."""
    flag = f"--{one.name.replace('_', '-')}"
    text = f"{one.metadata['help']} (default: {one.default})"
    if isinstance(one.default, bool):
        to.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=one.metadata["help"])
    else:
        kind, choices = type(one.default), one.metadata.get("choices")
        metavar = None if choices else one.metadata.get("metavar", "N")
        to.add_argument(flag, type=kind, choices=choices, default=None, help=text, metavar=metavar)


def model(given: argparse.Namespace) -> Model:
    """The model of these flags: presets in order, then what was given by name."""
    made = Model()
    for name in given.preset:
        made = made.preset(name)
    named = {one.name: getattr(given, one.name) for one in fields(Model)}
    return replace(made, **{name: value for name, value in named.items() if value is not None})


def describe(lab: Lab, config: Path) -> str:
    """What a newcomer has to know."""
    lines = ["The lab runs. Its hosts:"]
    for one in lab.endpoints:
        lines.append(
            f"  {one.host.name.lower():8} {one.host.fqdn.lower():24} http {one.address}:{one.http.port}"
            f"  https {one.address}:{one.https.port}  {len(one.host.vms)} VMs"
        )
    folder = config.parent
    lines += [
        "",
        f"Inventory, password file and ansible.cfg are in {folder}. Use them like this:",
        f"  ANSIBLE_CONFIG={config} ansible-playbook hyperv.replica.status",
        f"  cd {ROOT} && {sys.executable} -m tests.lab.control {folder} --help",
        "",
        "Ctrl-C stops the lab.",
    ]
    return "\n".join(lines)


def start(given: argparse.Namespace) -> Lab:
    """The lab of these flags, running. Raises KeyError or ValueError for an entry, host, VM or manner that is none."""
    lab = Lab.start(
        model(given),
        engine=given.engine,
        own_addresses=given.own_addresses,
        session_cost=given.session_cost,
        idle_seconds=given.idle_seconds,
    )
    try:
        for entry, host in given.lead:
            lab.lead(entry, host)
        for entry, manner in given.endpoint:
            lab.behave(entry, manner)
    except (KeyError, ValueError):
        lab.stop()
        raise
    return lab


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM."""
    given = parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_unused: stop.set())
    try:
        lab = start(given)
    except (NoPowerShell, KeyError, ValueError) as error:
        print(error.args[0] if error.args else error, file=sys.stderr)
        return 2
    with lab, tempfile.TemporaryDirectory(prefix="lab-files-") as temporary:
        config = lab.write_files(
            given.folder or Path(temporary),
            https=given.https,
            auth=given.auth,
            configuration=CONSTRAINED if given.constrained else None,
        )
        control = Control(lab, config.parent)
        print(describe(lab, config), flush=True)
        stop.wait()
        control.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
