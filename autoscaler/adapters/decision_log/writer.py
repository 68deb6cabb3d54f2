"""Writes the decision log, in a thread of its own, so that no disk ever delays a decision."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autoscaler.adapters.decision_log.file import OpenFile
from autoscaler.core.journal.encoder import Encoder
from autoscaler.core.journal.step import Head, Step
from autoscaler.core.now import Now
from autoscaler.policy.provenance import Origins, Provenance
from autoscaler.policy.settings import BlastRadius, DecisionLogSettings
from autoscaler.ports import LogState

QUEUE_BYTES = 64 << 20
"""What waits in memory for a slow disk: about three ticks of 100,000 functions, or minutes of a small fleet."""
RETRY_S = 5.0
CLOSE_S = 5.0


class _Waiting(NamedTuple):
    """A step on its way to the disk; `lost` steps before it did not find room.

    `begins` is the time at which its controller began, where it is the first that its controller took.
    """

    step: Step
    provenance: Provenance
    bytes: int
    lost: int
    begins: Now | None


class DecisionLog:
    """Implements `ports.StepSink`: keeps every step, or counts it as lost.

    Args:
        settings: where, and how much.
        blast_radius: what the controller was made with; a replay makes its own likewise.
        tell: told when the log cannot be written, and when it can again.
        monotonic: seconds that never jump; for flushing and trying again.
        dry_run: whether the whole daemon writes nothing: then what runs is somebody else's doing. None: not told.
    """

    def __init__(
        self,
        path: str,
        settings: DecisionLogSettings,
        blast_radius: BlastRadius | None,
        tell: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        dry_run: bool | None = None,
    ) -> None:
        self._settings = settings
        self._folder = Path(path)
        blast = None if blast_radius is None else blast_radius.model_dump(mode="json", by_alias=True)
        self._head_settings = json.dumps({"blastRadius": blast, "dryRun": dry_run})
        self._file = OpenFile(self._folder, settings, monotonic)
        self._tell = tell
        self._monotonic = monotonic
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._refused = 0
        self._lost = 0
        self._steps = 0
        self._error: str | None = None
        self._retry_at_s = -np.inf
        self._unsaid = 0
        self._encoder: Encoder | None = None
        self._run = ""
        self._begins: Now | None = None
        self._began: Now | None = None
        self._numbers = 0
        self._origins = Origins()
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._write_on, name="decision-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self, within_s: float = CLOSE_S) -> None:
        """Write what waits and end; a disk that hangs is left alone after `within_s` seconds."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(within_s)

    def begin(self, now: Now) -> None:
        """Begin a run of its own: a replay makes a controller for each."""
        with self._changed:
            self._begins = now

    def take_step(self, step: Step, provenance: Provenance) -> None:
        """Take a step; where too many wait already it is lost, and counted."""
        size = sum(_sizes(step.observation)) + sum(_sizes(step.decisions))
        with self._changed:
            if self._waiting and self._waiting_bytes + size > QUEUE_BYTES:
                self._refused += 1
                self._lost += 1
                return
            self._waiting.append(_Waiting(step, provenance, size, self._refused, self._begins))
            self._begins = None
            self._waiting_bytes += size
            self._refused = 0
            self._changed.notify()

    def state(self) -> LogState:
        """Say how the log fares."""
        kept = self._file.kept
        files, size = len(kept) + self._file.is_open, sum(kept) + self._file.size
        return LogState(str(self._folder), files, size, self._steps, self._lost, self._error)

    def _write_on(self) -> None:
        """Write until closed: what the thread does."""
        while True:
            with self._changed:
                if not self._waiting and not self._is_closing:
                    self._changed.wait(self._file.due_s())
                batch, self._waiting = self._waiting, deque()
                self._waiting_bytes = 0
                is_last = self._is_closing
            for waiting in batch:
                self._unsaid += waiting.lost
                self._guarded(partial(self._put, waiting), steps=1)
            self._guarded(partial(self._flush, is_now=is_last), steps=0)
            if is_last:
                self._file.close()
                return

    def _guarded(self, work: Callable[[], None], steps: int) -> None:
        """Do a piece of work; where it fails everything since the last flush is lost, and tried anew a while later."""
        if self._error is not None and self._monotonic() < self._retry_at_s:
            self._lose(steps)
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the thread's outermost loop: a log must not end with one bad step
            written, unsaid = self._file.forget()
            self._lose(steps + written)
            self._unsaid += unsaid
            self._encoder, self._retry_at_s = None, self._monotonic() + RETRY_S
            self._say(_in_words(error))

    def _lose(self, steps: int) -> None:
        self._unsaid += steps
        with self._changed:
            self._lost += steps

    def _put(self, waiting: _Waiting) -> None:
        step = waiting.step
        encoder = self._encoder
        if waiting.begins is not None:
            self._began, self._run, self._numbers, encoder = waiting.begins, "", 0, None
        if encoder is None or (step.observation is not None and self._file.is_full()):
            encoder = self._begin(self._began if step.is_recall and self._began is not None else step.now)
        origin = partial(self._origins.of, provenance=waiting.provenance)
        frames = encoder.frames(step, origin, self._unsaid)
        self._file.add(frames, self._unsaid)
        self._unsaid = 0
        if self._file.is_behind():
            self._flush(is_now=True)

    def _flush(self, is_now: bool) -> None:
        steps = self._file.flush(is_now)
        self._steps += steps
        if steps:
            self._say(None)

    def _begin(self, now: Now) -> Encoder:
        """Begin a file; a daemon that restarts begins a run of its own."""
        self._flush(is_now=True)
        self._file.open(now.utc_s, self._numbers)
        self._run = self._run or self._file.name
        self._encoder = Encoder(Head(self._run, self._numbers, self._head_settings))
        self._numbers += 1
        return self._encoder

    def _say(self, error: str | None) -> None:
        if error != self._error:
            self._tell("decision log is written again" if error is None else f"decision log cannot be written: {error}")
        self._error = error


def _sizes(value: object) -> Iterator[int]:
    """Give the bytes of every column of a value; a fleet is shared by many steps and counts nothing."""
    if isinstance(value, np.ndarray):
        yield value.nbytes
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name != "fleet":
                yield from _sizes(getattr(value, field.name))


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__} ({error.filename})" if error.filename else str(error.strerror)
    return f"{type(error).__name__}: {error}"
