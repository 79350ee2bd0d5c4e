"""The files that let Ansible use a lab: inventory, password file, ansible.cfg. The inventory holds no password."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from .lab import Lab

ROOT = Path(__file__).resolve().parents[2]
SITES = ("site_north", "site_south")
"""Groups are named after places: what is primary and what is replica swaps, where a host stands does not."""


def collections_path(root: Path = ROOT) -> Path:
    """The folder under which Ansible finds this checkout as hyperv.replica; made when it is not there."""
    if root.parts[-3:-1] == ("ansible_collections", "hyperv"):
        return root.parents[2]
    collections = root / ".build" / "collections"
    link = collections / "ansible_collections" / "hyperv" / "replica"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(root, target_is_directory=True)
    return collections


def inventory(
    lab: Lab,
    *,
    https: bool = False,
    auth: str = "basic",
    configuration: str | None = None,
    ca_file: Path | None = None,
    host_vars: Mapping[str, Mapping[str, Any]] | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The inventory of a lab. `auth` is basic, ntlm or negotiate; `configuration` names the session configuration.

    `names`: other inventory names for entries; `host_vars` go by the entries' own.
    """
    sites: dict[str, dict[str, Any]] = {site: {"hosts": {}} for site in SITES}
    cluster_groups: dict[str, dict[str, Any]] = {}
    for number, endpoint in enumerate(lab.endpoints):
        host = endpoint.host
        name = host.name.lower()
        facts: dict[str, Any] = {
            "ansible_host": endpoint.address,
            "ansible_port": (endpoint.https if https else endpoint.http).port,
            **(host_vars or {}).get(name, {}),
        }
        called = (names or {}).get(name, name)
        sites[SITES[min(number, 1) if host.cluster else number % 2]]["hosts"][called] = facts
        if host.cluster is not None:
            group = cluster_groups.setdefault(host.cluster.name.lower().replace("-", "_"), {"hosts": {}})
            group["hosts"][called] = {}
    connection: dict[str, Any] = {
        "ansible_connection": "psrp",
        "ansible_user": lab.user,
        "ansible_psrp_protocol": "https" if https else "http",
        "ansible_psrp_auth": auth,
        # Hosts on loopback connect at once or, without power, never: nobody need wait half a minute for one.
        "ansible_psrp_connection_timeout": 1,
    }
    if https:
        connection["ansible_psrp_ca_cert"] = str(ca_file or lab.ca_file)
    elif auth == "basic":
        connection["ansible_psrp_message_encryption"] = "never"
    if configuration:
        connection["ansible_psrp_configuration_name"] = configuration
    children = {name: group for name, group in sites.items() if group["hosts"]}
    return {"hyperv": {"children": {**children, **cluster_groups}, "vars": connection}}


def write(lab: Lab, folder: Path, **options: Any) -> Path:
    """Write inventory.yml, password, ca.pem and ansible.cfg; the path of the last. Options are those of `inventory`."""
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    ca_file = folder / "ca.pem"
    shutil.copyfile(lab.ca_file, ca_file)
    text = yaml.safe_dump(inventory(lab, ca_file=ca_file, **options), sort_keys=False)
    (folder / "inventory.yml").write_text(text, encoding="utf-8")
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(lab.password + "\n", encoding="utf-8")
    config = folder / "ansible.cfg"
    config.write_text(
        "[defaults]\n"
        f"inventory = {folder / 'inventory.yml'}\n"
        f"connection_password_file = {password}\n"
        f"collections_path = {collections_path()}\n",
        encoding="utf-8",
    )
    return config
