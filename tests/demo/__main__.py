"""`make demo`: start a lab of two simulated hosts, run the playbooks on it, show what they print, stop the lab."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..lab.files import ROOT
from ..lab.lab import Lab
from ..lab.model import Model
from .story import STORY, Scene

SPEED = 30.0  # the lab's clock: the first copies take minutes, and nobody wants to watch that
_RECAP = re.compile(r"changed=(\d+).*unreachable=(\d+).*failed=(\d+)")


def main() -> int:
    """Run the story. 1 when a playbook fails, or changes what it must not change."""
    started = time.monotonic()
    with Lab.start(Model(vms=12, speed=SPEED)) as lab, tempfile.TemporaryDirectory(prefix="demo-") as folder:
        config = lab.write_files(Path(folder))
        say("Two simulated Hyper-V hosts are up, hv-a at site north and hv-b at site south. Everything below is")
        print("what Ansible prints: the real playbooks, over the real protocol, against these two.", flush=True)
        for scene in STORY:
            happen(scene.event, lab)
            problem = play(scene, config)
            if problem:
                print(f"\nThe demo ends here: {problem}", file=sys.stderr)
                return 1
    say(f"That was all, in {time.monotonic() - started:.0f} seconds; the lab is stopped. README.md has the next step.")
    return 0


def happen(event: str, lab: Lab) -> None:
    """Let something happen to the lab: a word and a host."""
    what, _unused, host = event.partition(" ")
    if what == "power-off":
        lab.world.power_off(host)
        lab.world.clock.advance(600)  # a primary that replicated a minute ago is not proven dead
    elif what == "power-on":
        lab.world.power_on(host)


def say(text: str) -> None:
    """A sentence of the demo, set off from what Ansible prints."""
    mark = "\033[1;36m" if sys.stdout.isatty() else ""
    print(f"\n{mark}== {text}{mark and chr(27) + '[0m'}", flush=True)


def play(scene: Scene, config: Path) -> str:
    """Run one playbook and show it; what is wrong with its outcome, or nothing."""
    command = ["ansible-playbook", f"hyperv.replica.{scene.playbook}"]
    command += [word for name, value in scene.variables.items() for word in ("-e", f"{name}={value}")]
    say(scene.says)
    print("$ " + " ".join(command), flush=True)
    environment = {**os.environ, "ANSIBLE_CONFIG": str(config), "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false"}
    environment["XDG_STATE_HOME"] = str(config.parent)  # the records of the runs go with the demo
    if sys.stdout.isatty():
        environment["ANSIBLE_FORCE_COLOR"] = "true"
    run = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    lines = []
    for line in run.stdout or ():
        print(line, end="", flush=True)
        lines.append(line)
    if (run.wait() != 0) is not scene.fails:
        return f"hyperv.replica.{scene.playbook} ended with {run.returncode}"
    changed = sum(
        int(match.group(1)) for line in lines if (match := _RECAP.search(re.sub(r"\x1b\[[0-9;]*m", "", line)))
    )
    return f"hyperv.replica.{scene.playbook} changed something where it must not" if scene.unchanged and changed else ""


if __name__ == "__main__":
    sys.exit(main())
