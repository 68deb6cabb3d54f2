"""The file of a decision log that is being written."""

import os
from collections.abc import Callable
from pathlib import Path

from autoscaler.adapters.decision_log import folder
from autoscaler.policy.settings import DecisionLogSettings

FILE_S = 3_600.0
"""Length of a file: so much is read to answer for one moment, at most."""
FILE_BYTES = 64 << 20
BEHIND_BYTES = 1 << 20
CLEAN_EVERY_S = 60.0
_NEVER = float("-inf")


class OpenFile:
    """The file that is being written, and those kept beside it. Only the log's thread calls it, but for its counts.

    Attributes:
        kept: bytes of each other file, as last counted.
        size: bytes of this one.
        is_open: whether there is one.
        name: of this one.
    """

    def __init__(self, path: Path, settings: DecisionLogSettings, monotonic: Callable[[], float]) -> None:
        self.kept: tuple[int, ...] = ()
        self.size = 0
        self.name = ""
        self._folder = path
        self._settings = settings
        self._monotonic = monotonic
        self._most = FILE_BYTES if settings.max_bytes is None else min(FILE_BYTES, settings.max_bytes // 8)
        self._path = path
        self._descriptor: int | None = None
        self._began_s = self._flushed_s = self._cleaned_s = _NEVER
        self._began_utc_s = 0.0
        self._buffer = bytearray()
        self._steps = self._lost = 0

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

    def open(self, utc_s: float, number: int) -> None:
        """End the file, begin the next, and remove those that are too old."""
        self.close()
        self._path, self._descriptor = folder.create(self._folder, utc_s, number)
        self.name, self.size = self._path.stem, 0
        self._began_s, self._began_utc_s = self._monotonic(), utc_s
        self._clean()

    def is_full(self) -> bool:
        """Tell whether the next tick belongs into another file."""
        return self._monotonic() >= self._began_s + FILE_S or self.size + len(self._buffer) >= self._most

    def is_behind(self) -> bool:
        """Tell whether more waits than memory is for."""
        return len(self._buffer) >= BEHIND_BYTES

    def add(self, frames: bytes, lost: int) -> None:
        """Take the frames of a step; they reach the disk with the next flush.

        Args:
            lost: lost steps that they speak of.
        """
        self._buffer += frames
        self._steps += 1
        self._lost += lost

    def due_s(self) -> float | None:
        """Give the seconds until a flush is due; None: nothing waits."""
        if not self._buffer:
            return None
        return max(0.0, self._flushed_s + self._settings.flush - self._monotonic())

    def flush(self, is_now: bool) -> int:
        """Hand what waits to the system, where it is due: from then on a kill of this process loses nothing of it.

        Returns:
            Steps handed over.

        Raises:
            OSError: it does not take all of it.
        """
        if self._descriptor is None or not self._buffer or (not is_now and self.due_s() != 0.0):
            return 0
        written = 0
        with memoryview(self._buffer) as waiting:
            while written < len(waiting):
                written += os.write(self._descriptor, waiting[written:])
        self.size += written
        self._buffer.clear()
        steps, self._steps, self._lost, self._flushed_s = self._steps, 0, 0, self._monotonic()
        is_over = self._settings.max_bytes is not None and sum(self.kept) + self.size > self._settings.max_bytes
        if is_over or self._flushed_s >= self._cleaned_s + CLEAN_EVERY_S:
            self._clean()
        return steps

    def forget(self) -> tuple[int, int]:
        """Leave the file as it is, torn where it may be; give the steps that did not reach it, and lost ones unsaid."""
        steps, lost, self._steps, self._lost = self._steps, self._lost, 0, 0
        self._buffer.clear()
        is_empty = self.is_open and self.size == 0
        self.close()
        if is_empty:
            self._path.unlink(missing_ok=True)
        return steps, lost

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self.kept, self.size = (*self.kept, self.size), 0
            os.close(descriptor)

    def _clean(self) -> None:
        now_utc_s = self._began_utc_s + self._monotonic() - self._began_s
        before_utc_s = now_utc_s - self._settings.retention
        stay = folder.remove_old(self._folder, before_utc_s, self._settings.max_bytes, self._path)
        self.kept = tuple(file.size() for file in stay if file.path != self._path)
        self._cleaned_s = self._monotonic()
