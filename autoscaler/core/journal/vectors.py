"""Bits of one vector that differ from those last told: which places, and by what.

Differences are exclusive-or, so that nan, −0 and every other pattern comes back as it was, and so that numbers near
each other, or equal in many columns, leave zero bytes, which are left out or compress to nothing.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Ints

Bits = NDArray[Any]
"""`(places,)` unsigned integers of 1, 2, 4 or 8 bytes."""

_HEADER = struct.Struct("<HHBBII")


class Places(IntEnum):
    """How a section names its places."""

    ALL = 0  # every place
    MASK = 1  # a bit for each place
    GAPS = 2  # places passed over before each; 1 byte a gap
    WIDE_GAPS = 3  # likewise, 2 bytes
    WIDEST_GAPS = 4  # likewise, 4 bytes
    SAME = 5  # those of an earlier section of this frame


_GAP = {Places.GAPS: np.uint8, Places.WIDE_GAPS: np.uint16, Places.WIDEST_GAPS: np.uint32}


class Section(NamedTuple):
    """What a frame says of one vector.

    Attributes:
        column: number of the column.
        part: which vector of it.
        places: `(changed,) int64`, ascending.
        differences: `(changed,)`, exclusive-or against what was last told.
    """

    column: int
    part: int
    places: Ints
    differences: Bits


def as_bits(array: NDArray[Any]) -> Bits:
    """Give an array's bits, its last axis as it is and all others as one: `(vectors, places)`."""
    if array.dtype.itemsize not in (1, 2, 4, 8):
        raise TypeError(f"columns of {array.dtype} have no place in a decision log")
    vectors = int(np.prod(array.shape[:-1], dtype=np.int64))
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}").reshape(vectors, array.shape[-1])


class Writer:
    """Collects the sections of one frame."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._known: dict[tuple[Places, int, bytes], int] = {}

    def put(self, column: int, part: int, before: Bits, after: Bits) -> Ints:
        """Put down where two vectors differ; give the places."""
        differences = before ^ after
        places = np.flatnonzero(differences)
        if places.size:
            chosen = differences if places.size == differences.size else differences[places]
            self._put(column, part, places, chosen, after.size)
        return places

    def bytes(self) -> bytes:
        """Give the sections."""
        return b"".join(self._pieces)

    def _put(self, column: int, part: int, places: Ints, differences: Bits, total: int) -> None:
        form, named = packed_places(places, total)
        known = self._known.setdefault((form, total, named), len(self._pieces) // 3)
        if named and known < len(self._pieces) // 3:
            form, named = Places.SAME, struct.pack("<I", known)
        planes, values = _shuffled(differences)
        header = _HEADER.pack(column, part, form << 4 | differences.dtype.itemsize, planes, total, places.size)
        self._pieces += [header, named, values]


def sections(data: bytes | memoryview) -> list[Section]:
    """Read the sections of a frame."""
    found: list[Section] = []
    offset = 0
    while offset < len(data):
        column, part, form_size, planes, total, count = _HEADER.unpack_from(data, offset)
        form, size = Places(form_size >> 4), form_size & 15
        offset += _HEADER.size
        if form is Places.SAME:
            (known,) = struct.unpack_from("<I", data, offset)
            places, offset = found[known].places, offset + 4
        else:
            places, offset = read_places(data, offset, form, total, count)
        differences, offset = _unshuffled(data, offset, planes, size, count)
        found.append(Section(column, part, places, differences))
    return found


def packed_places(places: Ints, total: int) -> tuple[Places, bytes]:
    """Name ascending places out of `total` in the shortest form."""
    if places.size == total:
        return Places.ALL, b""
    gaps = np.diff(places, prepend=-1) - 1
    largest = int(gaps.max(initial=0))
    form = Places.GAPS if largest < 1 << 8 else Places.WIDE_GAPS if largest < 1 << 16 else Places.WIDEST_GAPS
    if places.size * np.dtype(_GAP[form]).itemsize <= (total + 7) // 8:
        return form, gaps.astype(_GAP[form]).tobytes()
    mask = np.zeros(total, np.bool_)
    mask[places] = True
    return Places.MASK, np.packbits(mask).tobytes()


def read_places(data: bytes | memoryview, offset: int, form: Places, total: int, count: int) -> tuple[Ints, int]:
    """Read what `packed_places` wrote; give the places and where they end."""
    if form is Places.ALL:
        return np.arange(total), offset
    if form is Places.MASK:
        size = (total + 7) // 8
        packed = np.frombuffer(data, np.uint8, size, offset)
        return np.flatnonzero(np.unpackbits(packed, count=total)), offset + size
    kind = np.dtype(_GAP[form])
    gaps = np.frombuffer(data, kind, count, offset).astype(np.int64)
    return np.cumsum(gaps + 1) - 1, offset + count * kind.itemsize


def _shuffled(differences: Bits) -> tuple[int, bytes]:
    """Put bytes of equal weight together, and leave out those that are zero in all; give a bit for each kept."""
    size = differences.dtype.itemsize
    if size == 1:
        return 1, differences.tobytes()
    used = int(np.bitwise_or.reduce(differences))
    kept = [plane for plane in range(size) if used >> (8 * plane) & 255]
    planes = differences.astype(f"<u{size}", copy=False).view(np.uint8).reshape(-1, size)
    return sum(1 << plane for plane in kept), np.ascontiguousarray(planes[:, kept].T).tobytes()


def _unshuffled(data: bytes | memoryview, offset: int, planes: int, size: int, count: int) -> tuple[Bits, int]:
    if size == 1:
        return np.frombuffer(data, np.uint8, count, offset), offset + count
    kept: Sequence[int] = [plane for plane in range(size) if planes >> plane & 1]
    differences = np.zeros((count, size), np.uint8)
    if kept:
        differences[:, kept] = np.frombuffer(data, np.uint8, count * len(kept), offset).reshape(len(kept), count).T
    return differences.reshape(-1).view(f"<u{size}"), offset + count * len(kept)
