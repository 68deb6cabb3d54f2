"""Frames: a log is one after the other, and each says by itself whether it is whole."""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

MAGIC = b"ASJ2"
"""Begins every frame; the last sign is the version of everything within.

Version 2 has steps that tell a controller the past; a reader of version 1 would take them for ticks.
"""

READABLE = (b"ASJ1", MAGIC)
"""Versions that are read; version 1 is that of 0.1.0."""

_HEADER = struct.Struct("<4sBxxxIId")
_LEVEL = 1
"""Of zlib: level 6 saves a tenth of the bytes, and takes three times as long."""

MOST_BYTES = 1 << 30
"""A frame that says it is larger is damaged."""


class Kind(IntEnum):
    """What a frame holds."""

    HEAD = 1
    FLEET = 2
    STEP = 3  # what changed since the frame before
    KEY = 4  # a step whole: reading may begin here, given its fleet
    GAP = 5


class Frame(NamedTuple):
    """One frame.

    Attributes:
        kind: what it holds.
        utc_s: UTC seconds of the step it belongs to.
        packed: its payload, compressed.
        offset: bytes before it.
        end: bytes up to its end.
    """

    kind: Kind
    utc_s: float
    packed: bytes
    offset: int
    end: int

    @property
    def payload(self) -> bytes:
        return zlib.decompress(self.packed)


class Broken(NamedTuple):
    """No whole frame stands here."""

    offset: int


def framed(kind: Kind, utc_s: float, payload: bytes) -> bytes:
    """Make a frame's bytes."""
    packed = zlib.compress(payload, _LEVEL)
    return _HEADER.pack(MAGIC, kind, len(packed), _sum(kind, utc_s, packed), utc_s) + packed


def frames(data: bytes, offset: int = 0) -> Iterator[Frame | Broken]:
    """Give the frames of a log from an offset on; the first one that is not whole ends it."""
    while offset < len(data):
        frame = _frame(data, offset)
        yield frame if frame is not None else Broken(offset)
        if frame is None:
            return
        offset = frame.end


def next_frame(data: bytes, offset: int, kind: Kind) -> int | None:
    """Find the next whole frame of a kind from an offset on; None: there is none."""
    found = [_next_frame(data, offset, kind, magic) for magic in READABLE]
    return min((one for one in found if one is not None), default=None)


def _next_frame(data: bytes, offset: int, kind: Kind, magic: bytes) -> int | None:
    while (offset := data.find(magic, offset)) >= 0:
        frame = _frame(data, offset)
        if frame is not None and frame.kind is kind:
            return offset
        offset += len(magic)
    return None


def _frame(data: bytes, offset: int) -> Frame | None:
    if len(data) - offset < _HEADER.size:
        return None
    magic, kind, length, checksum, utc_s = _HEADER.unpack_from(data, offset)
    begin, end = offset + _HEADER.size, offset + _HEADER.size + length
    if magic not in READABLE or kind not in _KINDS or length > MOST_BYTES or end > len(data):
        return None
    packed = data[begin:end]
    if _sum(kind, utc_s, packed) != checksum:
        return None
    return Frame(Kind(kind), utc_s, packed, offset, end)


def _sum(kind: int, utc_s: float, packed: bytes) -> int:
    return zlib.crc32(packed, zlib.crc32(struct.pack("<Bd", kind, utc_s)))


_KINDS = frozenset(Kind)
