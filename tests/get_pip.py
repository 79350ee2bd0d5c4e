"""Install pip from the package index into the interpreter that runs this file.

ansible-test would fetch a script of this purpose from the internet; tests/sanity.sh puts this one in its place. It is
called as `get_pip.py [pip's install options] pip==VERSION …`.
"""

from __future__ import annotations

import subprocess
import sys

subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
UNKNOWN_TO_PIP = ("--no-setuptools", "--no-wheel", "--disable-pip-version-check")
options = [word for word in sys.argv[1:] if word not in UNKNOWN_TO_PIP]
install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
subprocess.run([*install, *options], check=True)
