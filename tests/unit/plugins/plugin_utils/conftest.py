"""Ansible's own psrp connection to a host of the lab, as a task would have it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.lab.lab import Lab


@pytest.fixture
def connection_to(lab: Lab) -> Callable[..., Any]:
    """Gives a connection plugin for a host; further arguments are the plugin's options. Nothing is sent yet."""
    from ansible.playbook.play_context import PlayContext
    from ansible.plugins.loader import connection_loader

    def connection(name: str = "hv-a", auth: str = "basic", https: bool = False, **options: Any) -> Any:
        endpoint = lab.endpoint(name)
        found = connection_loader.get("psrp", PlayContext(), os.devnull)
        given = {
            "remote_addr": endpoint.address,
            "port": (endpoint.https if https else endpoint.http).port,
            "protocol": "https" if https else "http",
            "auth": auth,
            "remote_user": lab.user,
            "remote_password": lab.password,
            "ca_cert": str(lab.ca_file) if https else None,
            "message_encryption": "never" if auth == "basic" else "auto",
            **options,
        }
        direct = {key: value for key, value in given.items() if value is not None}
        found.set_options(var_options={"_extras": {}}, direct=direct)  # _extras: asked for by ansible-core up to 2.17
        return found

    return connection
