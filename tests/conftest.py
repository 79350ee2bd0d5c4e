"""Makes the checkout importable as the collection it is."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLLECTIONS = ROOT / ".build" / "collections"


def link_collection() -> Path:
    """Put the checkout where Ansible's importer looks for `hyperv.replica`; returns the collections path."""
    link = COLLECTIONS / "ansible_collections" / "hyperv" / "replica"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    return COLLECTIONS


for path in (str(link_collection()), str(ROOT)):
    if path not in sys.path:
        sys.path.insert(0, path)
