"""A PowerShell that lacks modules, as a host without the feature lacks them: the same program, seen through links.

PowerShell always looks into the Modules folder beside its own assemblies. So the view is a folder of links to the
installation, with another Modules folder; the files that tell PowerShell where it lives must not be symbolic links.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Set
from pathlib import Path

PLACED = ("pwsh", "pwsh.dll", "System.Management.Automation.dll", "Microsoft.PowerShell.ConsoleHost.dll")


def find(pwsh: str) -> Path:
    """The installation of a `pwsh`, which may be a script or a link."""
    command = [pwsh, "-NoProfile", "-Command", "$PSHOME"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip())


def view(home: Path, folder: Path, missing: Set[str]) -> str:
    """The path of a `pwsh` in `folder` (made when it is not there) that lacks these modules."""
    if not folder.exists():
        (folder / "Modules").mkdir(parents=True)
        for item in home.iterdir():
            if item.name in PLACED:
                _place(item, folder / item.name)
            elif item.name != "Modules":
                (folder / item.name).symlink_to(item)
        for module in (home / "Modules").iterdir():
            if module.name not in missing:
                (folder / "Modules" / module.name).symlink_to(module)
    return str(folder / "pwsh")


def _place(item: Path, target: Path) -> None:
    """A second name for the file; a copy where that cannot be (another file system)."""
    try:
        os.link(item, target)
    except OSError:
        shutil.copy2(item, target)
