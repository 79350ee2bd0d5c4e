"""A PowerShell as a lab's host has it: without the modules that the host lacks, and with the world's clock.

The same program, seen through links.

PowerShell always looks into the Modules folder beside its own assemblies. So the view is a folder of links to the
installation, with another Modules folder; the files that tell PowerShell where it lives must not be symbolic links.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Set
from pathlib import Path

UTILITY = "Microsoft.PowerShell.Utility"
PLACED = ("pwsh", "pwsh.dll", "System.Management.Automation.dll", "Microsoft.PowerShell.ConsoleHost.dll")


def find(pwsh: str) -> Path:
    """The installation of a `pwsh`, which may be a script or a link."""
    command = [pwsh, "-NoProfile", "-Command", "$PSHOME"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip())


def view(home: Path, folder: Path, missing: Set[str]) -> str:
    """The path of a `pwsh` in `folder` (made when it is not there) without these modules, and with the lab's time."""
    if not folder.exists():
        (folder / "Modules").mkdir(parents=True)
        for item in home.iterdir():
            if item.name in PLACED:
                _place(item, folder / item.name)
            elif item.name != "Modules":
                (folder / item.name).symlink_to(item)
        for module in (home / "Modules").iterdir():
            if module.name == UTILITY:
                _tell_time(module, folder / "Modules" / module.name)
            elif module.name not in missing:
                (folder / "Modules" / module.name).symlink_to(module)
    return str(folder / "pwsh")


def _tell_time(module: Path, target: Path) -> None:
    """The module with a Get-Date of the lab's in the place of its own."""
    target.mkdir()
    manifest = (module / f"{UTILITY}.psd1").read_text(encoding="utf-8")
    manifest, gone = re.subn(r"(?<=[,(\s])(['\"])Get-Date\1\s*,?", "", manifest)
    manifest, nested = re.subn(r"(?m)^(\s*NestedModules\s*=\s*)(?:@\()?(.+?)\)?$", r"\1@(\2, 'clock.psm1')", manifest)
    manifest, told = re.subn(r"(?m)^(\s*FunctionsToExport\s*=).*$", r"\1 @('Get-Date')", manifest)
    if (gone, nested, told) != (1, 1, 1):
        raise RuntimeError(f"the manifest of {UTILITY} is not as expected: Get-Date cannot tell the lab's time")
    needs = "    RequiredModules = 'Microsoft.PowerShell.Management'\n}"
    (target / f"{UTILITY}.psd1").write_text(needs.join(manifest.rsplit("}", 1)), encoding="utf-8")
    shutil.copy(Path(__file__).with_name("clock.psm1"), target)


def _place(item: Path, target: Path) -> None:
    """A second name for the file; a copy where that cannot be (another file system)."""
    try:
        os.link(item, target)
    except OSError:
        shutil.copy2(item, target)
