"""Looks up one function in the files of a decision log."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from autoscaler.adapters.decision_log.folder import LogFile, listed
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.journal.decoder import Decoder
from autoscaler.core.journal.frames import Frame, Kind, frames, next_frame
from autoscaler.core.journal.step import JournalError
from autoscaler.ports import Recollection

MOST_RECORDS = 1_000
"""Changed decisions that one answer gives, the latest ones."""


def record_at(folder: Path, key: FunctionKey, utc_s: float) -> DecisionRecord | None:
    """Give the decision on a function that held at a time; None: the log has none.

    Raises:
        OSError: the log cannot be read.
        JournalError: a file is none of ours.
    """
    for file in reversed([file for file in listed(folder) if file.begins_utc_s <= utc_s]):
        try:
            data = file.path.read_bytes()
        except FileNotFoundError:  # it was just removed for its age
            continue
        # Mostly the last whole tick before that time is enough; a function that went was decided on earlier.
        for is_whole_file in (False, True):
            found = _last_record(data, key, utc_s, is_whole_file)
            if found is not None:
                return found
    return None


def _last_record(data: bytes, key: FunctionKey, utc_s: float, is_whole_file: bool) -> DecisionRecord | None:
    stretch = list(_until(data, utc_s))
    keys = [place for place, frame in enumerate(stretch) if frame.kind is Kind.KEY]
    begin = keys[-1] if keys and not is_whole_file else 0
    decoder, found = Decoder(), None
    for place, frame in enumerate(stretch):
        if frame.kind not in (Kind.STEP, Kind.KEY):
            decoder.take(frame)
        elif place >= begin:
            decoder.take(frame)
            found = _decided(decoder, key) or found
    return _record(*found) if found is not None else None


def _until(data: bytes, utc_s: float) -> Iterator[Frame]:
    for frame in frames(data):
        if not isinstance(frame, Frame) or frame.utc_s > utc_s:
            return
        yield frame


def changes(
    folder: Path,
    key: FunctionKey,
    since_utc_s: float,
    until_utc_s: float,
    *,
    is_late: Callable[[], bool] = lambda: False,
    most: int = MOST_RECORDS,
) -> Recollection:
    """Give a function's changed decisions of a span, oldest first; the latest files are read first.

    A change that is decided tick after tick (dry run, a write that waits) is given once.

    Args:
        is_late: tells that there is no more time; what is found by then is given, and said to be a part.
        most: records given at most, the latest ones.

    Raises:
        OSError: the log cannot be read.
    """
    files = listed(folder)
    ends = [*(later.begins_utc_s for _, later in pairwise(files)), math.inf][: len(files)]
    found = _Found(key, since_utc_s, until_utc_s, most)
    for file, end_utc_s in reversed(list(zip(files, ends, strict=True))):
        if file.begins_utc_s > until_utc_s or end_utc_s < since_utc_s:
            continue
        if is_late() or len(found.records) >= most:
            return found.answer(is_whole=False)
        found.look_in(file, is_late)
        if found.is_cut:
            return found.answer(is_whole=False)
    return found.answer(is_whole=True)


@dataclass(slots=True)
class _Found:
    """What a search has found so far; files are looked in from the last to the first."""

    key: FunctionKey
    since_utc_s: float
    until_utc_s: float
    most: int
    records: list[DecisionRecord] = field(default_factory=list)
    from_utc_s: float | None = None
    lost: int = 0
    unreadable: list[str] = field(default_factory=list)
    tenants: set[str] = field(default_factory=set)
    is_cut: bool = False

    def look_in(self, file: LogFile, is_late: Callable[[], bool]) -> None:
        """Add what a file holds before what later files hold."""
        within: deque[DecisionRecord] = deque(maxlen=self.most)
        try:
            self._read(file.path.read_bytes(), within, is_late)
        except (JournalError, FileNotFoundError) as error:  # the latter: it was just removed for its age
            self.unreadable.insert(0, f"{file.path.name}: {error}")
        if self.is_cut:
            return
        self.records = [*within, *self.records][-self.most :]
        self.from_utc_s = max(file.begins_utc_s, self.since_utc_s)

    def answer(self, is_whole: bool) -> Recollection:
        return Recollection(
            self.records, self.from_utc_s, is_whole, self.lost, self.unreadable, frozenset(self.tenants)
        )

    def _read(self, data: bytes, within: deque[DecisionRecord], is_late: Callable[[], bool]) -> None:
        decoder, outline = Decoder(), None
        noted: Fleet | None = None
        for frame in whole_frames(data):
            if frame.utc_s > self.until_utc_s:
                return
            decoder.take(frame)
            if frame.kind is Kind.KEY and is_late():
                self.is_cut = True
                return
            if frame.kind is Kind.GAP and frame.utc_s >= self.since_utc_s:
                self.lost += decoder.lost
            if frame.kind not in (Kind.STEP, Kind.KEY):
                continue
            row = decoder.fleet.row_of.get(self.key) if decoder.fleet is not None else None
            if decoder.fleet is not noted and frame.utc_s >= self.since_utc_s:
                noted = decoder.fleet
                self._note_tenant(noted, row)
            now = decoder.outline(row) if row is not None else None
            is_change = now is not None and now[0] != now[1]
            if row is not None and is_change and now != outline and frame.utc_s >= self.since_utc_s:
                within.append(decoder.decisions_on(row).record(0))
            if is_change or decoder.is_tick:
                outline = now if is_change else None

    def _note_tenant(self, fleet: Fleet | None, row: int | None) -> None:
        if fleet is not None and row is not None:
            self.tenants.add(fleet.tenants[fleet.tenant[row]])


def whole_frames(data: bytes) -> Iterator[Frame]:
    """Give the frames of a file up to where it is torn off.

    Raises:
        JournalError: more frames stand behind bytes that are none: it is damaged.
    """
    for frame in frames(data):
        if isinstance(frame, Frame):
            yield frame
        elif next_frame(data, frame.offset + 1, Kind.KEY) is not None:
            raise JournalError(f"damaged at byte {frame.offset}; `autoscaler replay` reads what is behind it")


def _decided(decoder: Decoder, key: FunctionKey) -> tuple[Decisions, int] | None:
    """Give what the last step says of a function, with its row; None: nothing."""
    row = decoder.fleet.row_of.get(key) if decoder.fleet is not None else None
    if row is None or not (decoder.is_tick or decoder.outline(row) is not None):
        return None
    return decoder.decisions_on(row), row


def _record(decisions: Decisions, row: int) -> DecisionRecord:
    """Give the record of what `_decided` found; a row that a tick left out is at rest, and is told in full."""
    is_decided = decisions.rows.size and decisions.rows[0] == row
    return decisions.record(0) if is_decided else decisions.whole().record(row)
