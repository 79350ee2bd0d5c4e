"""PSRP messages and fragments as bytes (MS-PSRP 2.2.1, 2.2.4). Pure.

psrpcore reads what comes in; what goes out is content that clixml.py wrote, so it is framed here.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator

PIPELINE_OUTPUT = 0x00041004
ERROR_RECORD = 0x00041005
PIPELINE_STATE = 0x00041006
DEBUG_RECORD = 0x00041007
VERBOSE_RECORD = 0x00041008
WARNING_RECORD = 0x00041009
PROGRESS_RECORD = 0x00041010
INFORMATION_RECORD = 0x00041011
FRAGMENT_SIZE = 32_768
"""What one fragment holds at most, head included: what PowerShell itself uses, well below any envelope."""
_HEAD = struct.Struct(">QQBI")
_CLIENT = 1
_START, _END = 1, 2


def message(kind: int, pool: uuid.UUID, pipeline: uuid.UUID | None, content: str) -> bytes:
    """One message for the client."""
    owner = pipeline.bytes_le if pipeline else bytes(16)
    return struct.pack("<II", _CLIENT, kind) + pool.bytes_le + owner + content.encode("utf-8")


def fragments(number: int, data: bytes, limit: int = FRAGMENT_SIZE) -> Iterator[bytes]:
    """The message in fragments of at most `limit` bytes each; `number` is its own in this session."""
    step = limit - _HEAD.size
    for index, at in enumerate(range(0, len(data), step)):
        piece = data[at : at + step]
        flags = (_START if at == 0 else 0) | (_END if at + step >= len(data) else 0)
        yield _HEAD.pack(number, index, flags, len(piece)) + piece
