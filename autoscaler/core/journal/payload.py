"""The inside of a frame: what is said in JSON, then blocks of bytes."""

import json
import struct
from collections.abc import Sequence
from typing import Any

from autoscaler.core.journal.step import JournalError

_LENGTH = struct.Struct("<I")
_CHUNK = 4_096
"""Texts encoded at once: one call over 100,000 of them would hold the interpreter too long."""


def packed(said: object, *blocks: bytes) -> bytes:
    """Put JSON and blocks together."""
    pieces = [json.dumps(said, separators=(",", ":")).encode(), *blocks]
    return b"".join(part for piece in pieces for part in (_LENGTH.pack(len(piece)), piece))


def unpacked(payload: bytes) -> tuple[Any, list[memoryview]]:
    """Take JSON and blocks apart.

    Raises:
        JournalError: it is none.
    """
    blocks: list[memoryview] = []
    view, offset = memoryview(payload), 0
    while offset < len(payload):
        if offset + _LENGTH.size > len(payload):
            raise JournalError("a block without a length")
        (size,) = _LENGTH.unpack_from(payload, offset)
        offset += _LENGTH.size
        blocks.append(view[offset : offset + size])
        offset += size
    if not blocks or offset != len(payload):
        raise JournalError("a frame whose blocks do not fill it")
    try:
        return json.loads(bytes(blocks[0])), blocks[1:]
    except ValueError:
        raise JournalError("a frame without JSON") from None


def packed_texts(texts: Sequence[str]) -> bytes:
    """Write texts: their lengths, then all of them."""
    encoded: list[bytes] = []
    for first in range(0, len(texts), _CHUNK):
        encoded += [text.encode("utf-8", "surrogatepass") for text in texts[first : first + _CHUNK]]
    lengths = [len(one) for one in encoded]
    return _LENGTH.pack(len(lengths)) + struct.pack(f"<{len(lengths)}I", *lengths) + b"".join(encoded)


def read_texts(block: memoryview) -> list[str]:
    """Read what `packed_texts` wrote."""
    (count,) = _LENGTH.unpack_from(block, 0)
    lengths = struct.unpack_from(f"<{count}I", block, _LENGTH.size)
    offset, found = _LENGTH.size * (count + 1), []
    for length in lengths:
        found.append(bytes(block[offset : offset + length]).decode("utf-8", "surrogatepass"))
        offset += length
    return found
