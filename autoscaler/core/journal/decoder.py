"""Bytes of a decision log → steps, to the bit."""

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.encoder import BEFORE, DECIDED, MASK, ROWS, SEEN
from autoscaler.core.journal.fleets import FleetReader
from autoscaler.core.journal.frames import READABLE, Broken, Frame, Kind, frames, next_frame
from autoscaler.core.journal.parts import Tree, put_together
from autoscaler.core.journal.payload import unpacked
from autoscaler.core.journal.step import Damage, Entry, Gap, Head, JournalError, Origin, Recorded, Step
from autoscaler.core.journal.told import Told
from autoscaler.core.journal.vectors import Places, read_places, sections

POSITIONS = "d.panicking"
"""A column of positions within the rows that were decided."""

_WRONG = (JournalError, zlib.error, KeyError, IndexError, ValueError, TypeError)
"""What bytes that are whole by their sum and were written by something else may come to."""


def read(data: bytes) -> Iterator[Entry]:
    """Give what one file holds, in order.

    A frame that is torn off at the end, as `kill -9` leaves it, ends it without a word. Damage before that is said;
    reading goes on at the next tick that is whole, if its fleet is known, and else ends.

    Raises:
        JournalError: it is no log, or one of another version.
    """
    decoder = Decoder()
    for frame in _whole_frames(data, decoder):
        if isinstance(frame, Damage):
            yield frame
            continue
        decoder.take(frame)
        match frame.kind:
            case Kind.HEAD:
                yield decoder.head
            case Kind.GAP:
                yield Gap(decoder.lost, frame.utc_s)
            case Kind.STEP | Kind.KEY:
                yield Recorded(decoder.step(), decoder.origin)


def _whole_frames(data: bytes, decoder: "Decoder") -> Iterator[Frame | Damage]:
    """Give the frames that can be read; after damage those from the next whole tick of the same fleet on."""
    offset = 0
    while offset < len(data):
        for frame in frames(data, offset):
            offset = frame.offset if isinstance(frame, Broken) else frame.end
            if isinstance(frame, Frame):
                yield frame
        if offset >= len(data):
            return
        later = next_frame(data, offset + 1, Kind.KEY)
        if later is None:
            if next_frame(data, offset + 1, Kind.STEP) is not None:
                yield Damage(offset, None)
            elif offset == 0 and not any(data.startswith(one) or one.startswith(data) for one in READABLE):
                raise JournalError("this is no decision log, or one of another version")
            return
        is_readable = decoder.knows_fleet_of(next(frames(data, later)))
        yield Damage(offset, later if is_readable else None)
        if not is_readable:
            return
        offset = later


class Decoder:
    """Follows the frames of one file; `step` and `decisions_of` give what the last one came to.

    Attributes:
        head: how the file begins.
        lost: steps that the last gap lost.
    """

    def __init__(self) -> None:
        self.head = Head("", 0, "")
        self.lost = 0
        self._fleets = FleetReader()
        self._fleet_count = 0
        self._told = Told()
        self._trees: list[Tree] = []
        self._said: Any = {}
        self._tree: Tree = None
        self._rows: Ints = np.empty(0, np.int64)
        self._subset: Ints | None = None

    @property
    def fleet(self) -> Fleet | None:
        """The fleet of the last step; None: there was none yet."""
        return self._fleets.fleet

    @property
    def origin(self) -> Origin:
        """Where that fleet came from."""
        return self._fleets.origin

    @property
    def rows(self) -> Ints:
        """Rows that the last step decided."""
        return self._rows

    @property
    def is_tick(self) -> bool:
        """Whether the last step was a full tick."""
        if self._tree is None or self._tree["observation"] is None:
            return False
        return bool(self._tree["decisions"]["v"]["fleet"]["f"])  # a sample of the past decides on no function

    def knows_fleet_of(self, frame: Frame | Broken) -> bool:
        """Tell whether a whole tick belongs to the fleet that is known now."""
        if isinstance(frame, Broken):
            return False
        said, _ = unpacked(frame.payload)
        return bool(said.get("fleet") == self._fleet_count)

    def take(self, frame: Frame) -> None:
        """Take the next frame.

        Raises:
            JournalError: it holds what no log of this version holds.
        """
        try:
            self._take(frame)
        except _WRONG as error:
            raise JournalError(f"byte {frame.offset}: {error or type(error).__name__}") from error

    def step(self) -> Step:
        """Put the last step together; its columns are its own.

        Raises:
            JournalError: another version wrote it.
        """
        return Step(
            now=self._value(self._tree["now"]),
            observation=self._value(self._tree["observation"]),
            events=self._value(self._said.get("events")) or (),
            decisions=self._value(self._tree["decisions"]),
        )

    def outline(self, row: int) -> tuple[int, int, int] | None:
        """Give bits of what the last step found and decided on one row, and the code that bound; None: nothing.

        It takes a tenth of the time of `decisions_on`: two outlines that are equal tell of equal replicas and reason.
        """
        place = int(np.searchsorted(self._rows, row))
        if place >= self._rows.size or self._rows[place] != row:
            return None
        requested, desired, reason = (self._bits(path, row) for path in ("d.requested", "d.desired", "d.reason"))
        return requested, desired, reason

    def decisions_on(self, row: int) -> Decisions:
        """Give what the last step decided on one row of the fleet; where it decided nothing on it, on one other, if any.

        So the row can be told of a tick that left it out: `Decisions.whole` knows what holds at rest.
        """
        place = int(np.searchsorted(self._rows, row))
        if place >= self._rows.size or self._rows[place] != row:
            place = 0
        rows = self._rows[place : place + 1]

        def column(path: str) -> NDArray[Any]:
            if path == POSITIONS:
                return np.flatnonzero(np.isin(place, self._column(path, None)))
            return self._column(path, rows)

        decisions: Decisions = put_together(
            self._tree["decisions"], self._said["plain"], column, {}, self.fleet, lambda name: self._change(name, rows)
        )
        return decisions

    def _take(self, frame: Frame) -> None:
        payload = frame.payload
        match frame.kind:
            case Kind.HEAD:
                said, _ = unpacked(payload)
                self.head = Head(str(said["run"]), int(said["number"]), str(said["settings"]))
            case Kind.FLEET:
                self._told.follow(self._fleets.read(payload))
                self._fleet_count += 1
            case Kind.GAP:
                self.lost = int(unpacked(payload)[0]["lost"])
            case Kind.KEY:
                self._told, self._trees = Told(), []
                self._take_step(payload)
            case Kind.STEP:
                self._take_step(payload)

    def _take_step(self, payload: bytes) -> None:
        said, (places, changes) = unpacked(payload)
        if "tree" in said:
            self._trees.append(said["tree"])
        self._tree = self._trees[said["form"]] if "form" in said else said["tree"]
        self._said = said
        functions = 0 if self.fleet is None or not self._tree["decisions"]["v"]["fleet"]["f"] else len(self.fleet)
        self._rows, self._subset = np.arange(functions), None
        if "rows" in said:
            form, count = said["rows"]
            self._rows, _ = read_places(places, 0, Places(form), functions, count)
            self._subset = self._rows
        for declaration in said.get("declared", ()):
            self._told.add(declaration)
        for section in sections(changes):
            self._told.read(section, self._rows_of(section.column))

    def _bits(self, path: str, row: int) -> int:
        told = self._told
        bits = int(told.columns[told.number_of[path]].bits[0, row])
        base = told.bases([path], DECIDED, SEEN).get(path)
        return bits if base is None else bits ^ int(told.columns[told.number_of[base]].bits[0, row])

    def _rows_of(self, number: int) -> Ints | None:
        """Give the rows that this step tells of a column; None: all of it."""
        column = self._told.columns[number]
        if not column.is_by_row or not self._told.paths[number].startswith(DECIDED):
            return None
        if column.mask is not None:
            return self._rows[self._told.members(column.mask, self._rows)]
        return self._subset

    def _value(self, tree: Tree) -> Any:
        return put_together(
            tree,
            self._said["plain"],
            lambda path: self._column(path, self._subset),
            {},
            self.fleet,
            lambda name: self._change(name, self._rows),
        )

    def _change(self, name: str, rows: Ints) -> tuple[Ints, Floats]:
        """Give the positions within some decided rows that a rule bound, and what those had before."""
        told = self._told
        positions = told.members(told.number_of[name + MASK], rows)
        return positions, told.array(name + BEFORE, rows[positions], None)

    def _column(self, path: str, rows: Ints | None) -> NDArray[Any]:
        if path == ROWS:
            return self._rows.copy() if rows is None else rows.copy()
        told = self._told
        is_decided = path.startswith(DECIDED) and told.columns[told.number_of[path]].is_by_row
        base = told.bases([path], DECIDED, SEEN).get(path)
        return told.array(path, rows if is_decided else None, base)
