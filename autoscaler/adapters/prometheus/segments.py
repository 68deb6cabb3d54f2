"""Shared memory of one source's rows: names one way, columns the other."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Sequence
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoscaler.adapters.prometheus.messages import Segment
from autoscaler.adapters.prometheus.signals import Column
from autoscaler.core.columns import Bools, Floats

_PREFIX = "faas-autoscaler"
_FOLDER = Path("/dev/shm")  # noqa: S108 - where Linux keeps shared memory; only names of our own are looked at
_numbers = itertools.count()


def remove_orphans() -> None:
    """Give back what daemons that were killed, with all their processes, left behind.

    A pod's shared memory outlives its containers and is 64 MiB unless said otherwise, so a daemon that is killed
    again and again would fill it, and a write to a full one kills. A process id may be another's by now (in a
    container it is always 1), so a name carries the owner's start as well.
    """
    for path in _FOLDER.glob(f"{_PREFIX}-*"):
        _, _, owner = path.name.partition(f"{_PREFIX}-")
        pid, _, rest = owner.partition("-")
        if pid.isdecimal() and _started(int(pid)) != rest.partition("-")[0]:
            path.unlink(missing_ok=True)


def _created(size: int) -> SharedMemory:
    pid = os.getpid()
    return SharedMemory(name=f"{_PREFIX}-{pid}-{_started(pid)}-{next(_numbers)}", create=True, size=size)


def _started(pid: int) -> str:
    """Give when a process started, in ticks since the machine did; "gone" where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "gone"


class OwnedSegment:
    """The daemon's side: makes the shared memory, reads columns, and gives it back.

    Args:
        version: number of this layout.
        names: `namespace/name` of each row, one a line.
        serves: `(gateways, rows) bool`.
        kinds: how many columns there are.
    """

    def __init__(self, version: int, names: bytes, serves: Bools, kinds: int = len(Column)) -> None:
        gateways, rows = serves.shape
        self._names = _created(max(1, len(names) + gateways * rows))
        self._columns = _created(max(8, kinds * rows * 8))
        _bytes(self._names, 0, len(names))[:] = np.frombuffer(names, dtype=np.uint8)
        _bytes(self._names, len(names), gateways * rows)[:] = serves.ravel()
        self.description = Segment(version, self._names.name, self._columns.name, rows, len(names), kinds)

    async def columns(self, first: int | None = None) -> Floats:
        """Give a copy of the columns that the worker wrote last; a column at a time, to spare the event loop.

        Args:
            first: so many of them; None: all.
        """
        kinds, rows = self.description.kinds, self.description.rows
        copied = np.empty((kinds if first is None else first, rows))
        for column in range(len(copied)):
            copied[column] = _view(self._columns, kinds, rows)[column]
            await asyncio.sleep(0)
        return copied

    def close(self) -> None:
        """Give the memory back."""
        for memory in (self._names, self._columns):
            memory.close()
            with contextlib.suppress(FileNotFoundError):
                memory.unlink()


class AttachedSegment:
    """The worker's side: reads names, writes columns. The daemon alone gives the memory back."""

    def __init__(self, description: Segment) -> None:
        self.description = description
        self._columns = SharedMemory(name=description.columns)

    def read_names(self, gateways: int) -> tuple[Sequence[str], Bools]:
        """Give the names of the rows and `(gateways, rows) bool`, whom each gateway serves."""
        rows, size = self.description.rows, self.description.names_bytes
        memory = SharedMemory(name=self.description.names)
        names = _bytes(memory, 0, size).tobytes().decode()
        flags = _bytes(memory, size, gateways * rows).copy()
        memory.close()
        return names.split("\n") if rows else [], flags.reshape(gateways, rows).astype(np.bool_)

    def write(self, columns: Floats) -> None:
        """Hand columns to the daemon: all, or the first ones."""
        _view(self._columns, self.description.kinds, self.description.rows)[: len(columns)] = columns

    def close(self) -> None:
        """Let go of the memory."""
        self._columns.close()


def _view(memory: SharedMemory, kinds: int, rows: int) -> Floats:
    return np.ndarray((kinds, rows), dtype=np.float64, buffer=memory.buf)


def _bytes(memory: SharedMemory, start: int, count: int) -> NDArray[np.uint8]:
    return np.ndarray((count,), dtype=np.uint8, buffer=memory.buf, offset=start)
