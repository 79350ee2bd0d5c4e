"""Who is the client? Basic, and Negotiate/NTLM with WinRM's message encryption. No sockets.

NTLM belongs to a connection: it is asked once, and the requests that follow on the same connection need no header.
Sources: MS-WSMV 2.2.9.1 (encrypted messages), RFC 4559 (Negotiate over HTTP), RFC 7617 (Basic).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import spnego
from spnego.exceptions import SpnegoError

BOUNDARY = b"--Encrypted Boundary"
SPNEGO = "application/HTTP-SPNEGO-session-encrypted"
_SEALED = re.compile(
    rb"^--\s*Encrypted Boundary\r\n.*?Length=(\d+)\r\n--\s*Encrypted Boundary\r\n"
    rb"\tContent-Type: application/octet-stream\r\n(.*?)(?:--\s*Encrypted Boundary--\r\n)?$",
    re.DOTALL,
)


class Authenticator:
    """The users of a host with their passwords (names are equal without case), and what it offers."""

    def __init__(
        self,
        users: Mapping[str, str],
        *,
        ntlm_folder: Path | None = None,
        available: Callable[[], bool] = lambda: True,
    ) -> None:
        """`ntlm_folder`: where the store that pyspnego reads is put; without one only Basic is offered.

        `available` says whether anybody can prove who he is now: without a domain controller nobody new can.

        A password for NTLM cannot contain a colon: the store's format has no way to write it.
        """
        self._users = {name.lower(): (name, password) for name, password in users.items()}
        self.available = available
        self.negotiates = ntlm_folder is not None
        if ntlm_folder is not None:
            self._write_store(ntlm_folder / "ntlm-users")

    @property
    def challenges(self) -> list[str]:
        """What a 401 offers. Negotiate first, as Windows does."""
        return [*(["Negotiate"] if self.negotiates else []), 'Basic realm="WSMAN"']

    def basic(self, credentials: str) -> str | None:
        """The user that these Basic credentials prove, or None. Their encoding is the client's choice (RFC 7617, 3)."""
        try:
            given = base64.b64decode(credentials, validate=True)
        except binascii.Error:
            return None
        for name, password in self._users.values():
            for encoding in ("utf-8", "latin-1"):
                sent_name, _unused, sent_password = given.decode(encoding, "replace").partition(":")
                if sent_name.lower() == name.lower() and hmac.compare_digest(sent_password.encode(), password.encode()):
                    return name
        return None

    def _write_store(self, path: Path) -> None:
        """pyspnego's acceptor reads users from the file that this variable names, and from nowhere else."""
        lines = [f"{_ntlm_name(name)}:{password}\n" for name, password in self._users.values()]
        path.touch(mode=0o600)
        path.write_text("".join(lines), encoding="utf-8")
        os.environ["NTLM_USER_FILE"] = str(path)


def _ntlm_name(user: str) -> str:
    domain, slash, name = user.partition("\\")
    return f"{domain}:{name}" if slash else f":{user}"


class Conversation:
    """The authentication of one connection."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._context: Any = None
        self._user: str | None = None
        self._proved: dict[str, str] = {}

    def check(self, header: str | None) -> tuple[str | None, list[str]]:
        """The user, if the request is authenticated; and the values for WWW-Authenticate."""
        scheme, _unused, value = (header or "").strip().partition(" ")
        if scheme.lower() == "basic":
            user = self._basic(value.strip())
            return (user, []) if user else (None, self._authenticator.challenges)
        if scheme.lower() == "negotiate" and self._authenticator.negotiates:
            return self._negotiate(value.strip())
        if self._user is not None and not scheme:
            return self._user, []
        return None, self._authenticator.challenges

    def _basic(self, credentials: str) -> str | None:
        """What was proved once on this connection need not be proved again: a log-on belongs to its connection."""
        user = self._proved.get(credentials)
        if user is None and self._authenticator.available():
            user = self._authenticator.basic(credentials)
            if user is not None:
                self._proved[credentials] = user
        return user

    def _negotiate(self, value: str) -> tuple[str | None, list[str]]:
        if not self._authenticator.available():
            return None, self._authenticator.challenges
        if self._context is None or self._context.complete:
            self._user = None
            self._context = spnego.server(
                protocol="negotiate",
                options=spnego.NegotiateOptions.use_negotiate | spnego.NegotiateOptions.wrapping_winrm,
            )
        try:
            token = self._context.step(base64.b64decode(value))
        except (SpnegoError, binascii.Error, ValueError):
            self._context = None
            return None, self._authenticator.challenges
        answer = [f"Negotiate {base64.b64encode(token).decode()}"] if token else []
        if self._context.complete:
            self._user = str(self._context.client_principal)
        return self._user, answer

    @staticmethod
    def is_sealed(content_type: str) -> bool:
        """Whether a body of this type is an encrypted message."""
        return content_type.lower().startswith("multipart/encrypted")

    def unseal(self, body: bytes) -> bytes | None:
        """The envelope in an encrypted message, or None when it cannot be opened with this connection's key."""
        parts = _SEALED.match(body)
        if parts is None or self._user is None or self._context is None:
            return None
        length, sealed = int(parts[1]), parts[2]
        (size,) = struct.unpack_from("<i", sealed)
        try:
            data = bytes(self._context.unwrap_winrm(sealed[4 : 4 + size], sealed[4 + size :]))
        except SpnegoError:
            return None
        return data if len(data) == length else None

    def seal(self, envelope: bytes) -> tuple[str, bytes]:
        """Content type and body of an encrypted answer."""
        sealed = self._context.wrap_winrm(envelope)
        length = len(envelope) + sealed.padding_length
        head = (
            f"\r\n\tContent-Type: {SPNEGO}\r\n"
            f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n"
        )
        body = b"".join(
            (BOUNDARY, head.encode(), BOUNDARY, b"\r\n\tContent-Type: application/octet-stream\r\n",
             struct.pack("<i", len(sealed.header)), sealed.header, sealed.data, BOUNDARY, b"--\r\n")
        )  # fmt: skip
        return f'multipart/encrypted;protocol="{SPNEGO}";boundary="Encrypted Boundary"', body
