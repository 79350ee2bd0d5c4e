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
    made.add_argument("--folder", type=Path, help="where to write the files for Ansible (default: a temporary folder)")
    return made


def _add_field(to: argparse.ArgumentParser, one: Field[Any]) -> None:
    """A flag for a field of the model. One not given stays None: a default must not override a preset."""
    flag = f"--{one.name.replace('_', '-')}"
    text = f"{one.metadata['help']} (default: {one.default})"
    if isinstance(one.default, bool):
        to.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=one.metadata["help"])
    else:
        kind, choices = type(one.default), one.metadata.get("choices")
        to.add_argument(flag, type=kind, choices=choices, default=None, help=text, metavar=None if choices else "N")


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


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM."""
    given = parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_unused: stop.set())
    try:
        lab = Lab.start(model(given), engine=given.engine, own_addresses=given.own_addresses)
    except NoPowerShell as error:
        print(error, file=sys.stderr)
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
