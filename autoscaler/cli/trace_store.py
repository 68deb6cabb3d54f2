"""Requests of a trace that is larger than memory: kept in files, and read as memory maps of them."""

import os
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.trace_sets.collecting import MemoryStore
from autoscaler.simulator.trace_sets.trace_set import Events

MOST_ROWS = 1 << 20
"""Requests that are kept in memory; more go to files."""

CHUNK_ROWS = 1 << 19
"""Requests moved at once: 30 MB."""

ITEM_BYTES = 8


class SpillingStore:
    """Keeps requests in memory while they are few, else in files of the folder for temporary files (`TMPDIR`).

    They are there as long as the requests are used, so that other processes can map them too, and go with this one.
    """

    def __init__(self, most_rows: int = MOST_ROWS, chunk_rows: int = CHUNK_ROWS) -> None:
        self._few = MemoryStore()
        self._files: _Files | None = None
        self._rows = 0
        self._most, self._chunk = most_rows, chunk_rows
        self._early: list[tuple[Ints, Floats, Floats | None]] = []

    def append(self, codes: Ints, times_s: Floats, durations_s: Floats | None) -> None:
        self._rows += len(codes)
        if self._files is None and self._rows > self._most:
            self._files = _Files(durations_s is not None, self._chunk)
            for early in self._early:
                self._files.append(*early)
            self._early, self._few = [], MemoryStore()
        if self._files is not None:
            self._files.append(codes, times_s, durations_s)
            return
        self._early.append((codes, times_s, durations_s))
        self._few.append(codes, times_s, durations_s)

    def grouped(self, functions: int, origin_s: float) -> Events:
        if self._files is None:
            return self._few.grouped(functions, origin_s)
        return self._files.grouped(functions, origin_s)


class _Files:
    """Columns as they came, in files of their own; then, in others, function after function."""

    def __init__(self, has_durations: bool, chunk_rows: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="autoscaler-trace-")
        self._path = Path(self._folder.name)
        self._values = ["times", "durations"] if has_durations else ["times"]
        self._came: dict[str, BinaryIO] = {name: (self._path / name).open("wb") for name in ["codes", *self._values]}
        self._chunk = chunk_rows
        self._rows = 0
        self._counts: Ints = np.zeros(0, np.int64)

    def append(self, codes: Ints, times_s: Floats, durations_s: Floats | None) -> None:
        self._rows += len(codes)
        counts = np.bincount(codes, minlength=len(self._counts))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        codes.astype(np.int64).tofile(self._came["codes"])
        times_s.tofile(self._came["times"])
        if durations_s is not None:
            durations_s.tofile(self._came["durations"])

    def grouped(self, functions: int, origin_s: float) -> Events:
        for file in self._came.values():
            file.close()
        counts = np.zeros(functions, np.int64)
        counts[: len(self._counts)] = self._counts
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._move(offsets[:-1].copy(), origin_s)
        maps = [np.memmap(self._sorted(name), np.float64, "r+", shape=(self._rows,)) for name in self._values]
        _sort(offsets, maps)
        for name in ["codes", *self._values]:
            (self._path / name).unlink()
        weakref.finalize(vars(maps[0])["_mmap"], self._folder.cleanup)  # the slices of a map keep this one
        return Events(offsets, maps[0], maps[1] if len(maps) > 1 else None)

    def _sorted(self, name: str) -> Path:
        return self._path / f"{name}-sorted"

    def _move(self, next_row: Ints, origin_s: float) -> None:
        """Write every request behind the last one of its function."""
        targets = [os.open(self._sorted(name), os.O_RDWR | os.O_CREAT, 0o600) for name in self._values]
        try:
            for first in range(0, self._rows, self._chunk):
                number = min(self._chunk, self._rows - first)
                codes = self._part("codes", first, number, np.int64)
                order = np.argsort(codes, kind="stable")
                codes = codes[order]
                starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
                ends = np.append(starts[1:], number)
                for name, target in zip(self._values, targets, strict=True):
                    values = self._part(name, first, number, np.float64)[order]
                    if name == "times":
                        values -= origin_s
                    _write(target, values, next_row[codes[starts]], starts, ends)
                next_row[codes[starts]] += ends - starts
        finally:
            for target in targets:
                os.close(target)

    def _part(self, name: str, first: int, number: int, dtype: type[np.int64] | type[np.float64]) -> Floats:
        return np.fromfile(self._path / name, dtype, number, offset=first * ITEM_BYTES)


def _write(target: int, values: Floats, rows: Ints, starts: Ints, ends: Ints) -> None:
    """Write stretches of values, each at its row of a file."""
    data = values.tobytes()
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        part = data[start * ITEM_BYTES : end * ITEM_BYTES]
        written = os.pwrite(target, part, row * ITEM_BYTES)
        if written != len(part):
            raise OSError("the folder for temporary files is full")


def _sort(offsets: Ints, maps: Sequence[Floats]) -> None:
    """Sort each function's requests by time, where they are not."""
    for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        times_s = maps[0][first:last]
        if len(times_s) > 1 and np.any(times_s[1:] < times_s[:-1]):
            order = np.argsort(times_s, kind="stable")
            for one in maps:
                one[first:last] = one[first:last][order]
