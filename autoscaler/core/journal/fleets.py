"""Fleets in a log: the first one whole, each later one as what differs from the one before."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autoscaler.core.columns import Ints
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.journal.parts import Column, Parts, put_together
from autoscaler.core.journal.payload import packed, packed_texts, read_texts, unpacked
from autoscaler.core.journal.step import JournalError, Origin
from autoscaler.core.journal.told import Told
from autoscaler.core.journal.vectors import Places, Writer, packed_places, read_places, sections

_ROWS = 0xFFFF
"""Column number of the rows that functions had before."""
_MARKS = "marks"
_BETWEEN = "\0"
"""Between namespace and name in a text: no name has it."""
_CHUNK = 4_096

Texts = dict[str, tuple[str, ...]]


class FleetWriter:
    """Writes fleets, one after the other.

    Attributes:
        fleet: the last one; None: none yet.
        count: fleets written.
    """

    def __init__(self) -> None:
        self.count = 0
        self.fleet: Fleet | None = None
        self._told = Told()
        self._texts: Texts = {}
        self._documents: Mapping[str, str] | None = None

    def write(self, fleet: Fleet, origin: Origin) -> tuple[bytes, Ints]:
        """Write a fleet; give the payload, and the row in the fleet before of each function (-1: not there)."""
        old_of_new = same_functions(fleet, self.fleet)
        parts = Parts()
        tree = parts.take_fleet(fleet)
        texts = {path: _as_texts(texts) for path, texts in parts.texts.items()} | {_MARKS: tuple(origin.marks)}
        writer = Writer()
        self._told.follow(old_of_new)
        writer.put(_ROWS, 0, _zeros(len(fleet)), _steps(old_of_new).view(np.uint64))
        declared = list(self._columns(parts.columns, writer, len(fleet)))
        said: dict[str, Any] = {
            "functions": len(fleet),
            "tree": tree,
            "plain": parts.plain,
            "keys": [path for path, texts in parts.texts.items() if isinstance(next(iter(texts), ""), FunctionKey)],
            "declared": declared,
            "texts": [],
            "documents": None if origin.documents == self._documents else dict(origin.documents),
        }
        blocks = [writer.bytes()]
        for path, values in texts.items():
            form, places, block = self._new_texts(path, values, old_of_new)
            said["texts"].append([path, len(values), int(form)])
            blocks += [places, block]
        self.fleet, self._texts, self._documents, self.count = fleet, texts, origin.documents, self.count + 1
        return packed(said, *blocks), old_of_new

    def _columns(self, columns: Mapping[str, Column], writer: Writer, functions: int) -> Iterator[object]:
        for path, array in columns.items():
            declaration = self._told.declare(path, array, array.shape[-1] == functions, functions)
            if declaration is not None:
                yield declaration
            self._told.write(writer, path, array, rows=None, base=None)

    def _new_texts(self, path: str, texts: tuple[str, ...], old_of_new: Ints) -> tuple[Places, bytes, bytes]:
        """Pick the texts that a reader cannot take from the fleet before."""
        before = self._texts.get(path, ())
        places = np.array(_differing(texts, before, old_of_new), np.int64)
        form, named = packed_places(places, len(texts))
        return form, named, packed_texts([texts[place] for place in places.tolist()])


class FleetReader:
    """Reads what `FleetWriter` wrote."""

    def __init__(self) -> None:
        self.fleet: Fleet | None = None
        self.origin = Origin()
        self._told = Told()
        self._texts: Texts = {}

    def read(self, payload: bytes) -> Ints:
        """Read a fleet; give the row in the fleet before of each function.

        Raises:
            JournalError: it is none, or another version's.
        """
        said, blocks = unpacked(payload)
        found = sections(blocks[0])
        old_of_new = _rows_before(found, said["functions"])
        if old_of_new.size and old_of_new.max() >= (0 if self.fleet is None else len(self.fleet)):
            raise JournalError("a fleet that follows another one")
        self._told.follow(old_of_new)
        for declaration in said["declared"]:
            self._told.add(declaration)
        for section in found:
            if section.column != _ROWS:
                self._told.read(section, rows=None)
        self._texts = {
            path: self._all_texts(path, count, Places(form), blocks[1 + 2 * number : 3 + 2 * number], old_of_new)
            for number, (path, count, form) in enumerate(said["texts"])
        }
        self._put(said)
        return old_of_new

    def _put(self, said: Any) -> None:
        texts: dict[str, tuple[Any, ...]] = dict(self._texts)
        for path in said["keys"]:
            texts[path] = tuple(FunctionKey(*text.split(_BETWEEN, 1)) for text in self._texts[path])
        documents = self.origin.documents if said["documents"] is None else said["documents"]
        self.origin = Origin(documents, self._texts[_MARKS])
        fleet = put_together(said["tree"], said["plain"], lambda path: self._told.array(path, None, None), texts, None)
        if not isinstance(fleet, Fleet):
            raise JournalError("a frame of a fleet without one")
        self.fleet = fleet

    def _all_texts(
        self, path: str, count: int, form: Places, blocks: Sequence[memoryview], old_of_new: Ints
    ) -> tuple[str, ...]:
        new = read_texts(blocks[1])
        places, _ = read_places(blocks[0], 0, form, count, len(new))
        before = self._texts.get(path, ())
        texts = [before[place] if 0 <= place < len(before) else "" for place in _before(count, old_of_new)]
        for place, text in zip(places.tolist(), new, strict=True):
            texts[place] = text
        return tuple(texts)


def same_functions(new: Fleet, old: Fleet | None) -> Ints:
    """Give `(functions of the new fleet,) int64`, the row in the old one of the same key and uid; -1: not there."""
    if old is None:
        return np.full(len(new), -1, np.int64)
    result = np.empty(len(new), np.int64)
    uids, find = old.uids, old.row_of.get
    for first in range(0, len(new), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        rows = map(find, new.keys[chunk])
        result[chunk] = [
            -1 if row is None or uids[row] != uid else row for row, uid in zip(rows, new.uids[chunk], strict=True)
        ]
    return result


def _differing(texts: Sequence[str], before: Sequence[str], old_of_new: Ints) -> list[int]:
    """Give the places of texts that are not what stood there before."""
    olds, known = _before(len(texts), old_of_new), len(before)
    return [
        place
        for place, (text, old) in enumerate(zip(texts, olds, strict=True))
        if not 0 <= old < known or (before[old] is not text and before[old] != text)
    ]


def _before(count: int, old_of_new: Ints) -> Sequence[int]:
    """Give the place before of each of so many texts: one for each function, or else those that stood there."""
    return old_of_new.tolist() if count == len(old_of_new) else range(count)


def _steps(old_of_new: Ints) -> Ints:
    """Give what each row before differs by from the one that follows the last; 0 wherever functions stay in order."""
    result: Ints = np.diff(old_of_new, prepend=-1) - 1
    return result


def _rows_before(found: Sequence[Any], functions: int) -> Ints:
    steps = _zeros(functions)
    for section in found:
        if section.column == _ROWS:
            steps[section.places] = section.differences
    result: Ints = np.cumsum(steps.view(np.int64) + 1) - 1
    return result


def _zeros(functions: int) -> Any:
    return np.zeros(functions, np.uint64)


def _as_texts(texts: Sequence[Any]) -> tuple[str, ...]:
    if isinstance(next(iter(texts), ""), FunctionKey):
        return tuple(_BETWEEN.join(key) for key in texts)
    return tuple(texts)
