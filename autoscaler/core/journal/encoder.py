"""Steps → bytes of a decision log."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from autoscaler.core.columns import Ints
from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.fleets import FleetWriter
from autoscaler.core.journal.frames import Kind, framed
from autoscaler.core.journal.parts import Parts, Tree
from autoscaler.core.journal.payload import packed
from autoscaler.core.journal.step import Head, Origin, Step
from autoscaler.core.journal.told import Declaration, Told
from autoscaler.core.journal.vectors import Writer, packed_places
from autoscaler.core.trail import Applied

KEY_EVERY_S = 300.0
"""Seconds after which a tick is written whole: so much is read before any moment, and lost after damage."""

SEEN = ("o.load.", "o.")
DECIDED = "d."
LISTS = frozenset({"d.panicking", "d.others", "o.load.others", "o.load.others_idle"})
"""Columns whose places are no rows, however many there are: positions, and lanes of further metrics."""
ROWS = "d.rows"
APPLIED = "d.applied."
ACCOUNTS = "d.accounts."
"""Columns of tenants, which are told whole."""
MASK, BEFORE = ".mask", ".before"


class Encoder:
    """Writes one file of a log: it begins with its head, its fleet and a whole tick, so that it is read alone.

    Args:
        head: how it begins.
    """

    def __init__(self, head: Head) -> None:
        self._head: Head | None = head
        self._fleets = FleetWriter()
        self._told = Told()
        self._trees: dict[str, int] = {}
        self._whole_s = -np.inf

    def frames(self, step: Step, origin: Callable[[Fleet], Origin], lost: int = 0) -> bytes:
        """Give the frames of a step.

        Args:
            origin: says where a fleet came from; asked where it is another than that of the step before.
            lost: steps between the last one and this that are in no file.
        """
        fleet = step.decisions.fleet if step.observation is None else step.observation.fleet
        begin = b""
        if self._head is not None:
            head = {"run": self._head.run, "number": self._head.number, "settings": self._head.settings}
            begin, self._head = framed(Kind.HEAD, step.now.utc_s, packed(head)), None
        if lost:
            begin += framed(Kind.GAP, step.now.utc_s, packed({"lost": lost}))
        if (step.observation is not None or len(fleet)) and fleet is not self._fleets.fleet:
            payload, old_of_new = self._fleets.write(fleet, origin(fleet))
            self._told.follow(old_of_new)
            begin += framed(Kind.FLEET, step.now.utc_s, payload)
        is_due = step.observation is not None and step.now.monotonic_s >= self._whole_s + KEY_EVERY_S
        if is_due or not self._trees:
            self._told, self._trees = Told(), {}
            self._whole_s = step.now.monotonic_s if is_due else -np.inf
            return begin + framed(Kind.KEY, step.now.utc_s, self._payload(step, fleet, {"fleet": self._fleets.count}))
        return begin + framed(Kind.STEP, step.now.utc_s, self._payload(step, fleet, {}))

    def _payload(self, step: Step, fleet: Fleet, said: dict[str, Any]) -> bytes:
        parts = Parts(self._fleets.fleet)
        now = parts.take(step.now, "")
        observation, decisions = parts.take(step.observation, "o"), parts.take(step.decisions, "d")
        if step.events:
            said["events"] = parts.take(step.events, "")
        said |= self._tree({"now": now, "observation": observation, "decisions": decisions})
        rows = parts.columns.pop(ROWS)
        block = b""
        if not np.array_equal(rows, np.arange(len(fleet))):
            form, block = packed_places(rows, len(fleet))
            said["rows"] = [int(form), rows.size]
        writer = Writer()
        declared = self._write(parts, rows, len(fleet), writer)
        if declared:
            said["declared"] = declared
        said["plain"] = parts.plain
        return packed(said, block, writer.bytes())

    def _write(self, parts: Parts, rows: Ints, functions: int, writer: Writer) -> list[Declaration]:
        """Write every column, and give what a reader must be told of new ones."""
        told, declared = self._told, []
        for path, array in parts.columns.items():
            of_rows = rows.size if path.startswith(DECIDED) else functions
            is_list = path in LISTS or path.startswith((APPLIED, ACCOUNTS))
            is_by_row = array.shape[-1] == of_rows and not is_list
            declaration = told.declare(path, array, is_by_row, functions)
            if declaration is not None:
                declared.append(declaration)
        bases = told.bases(list(parts.columns), DECIDED, SEEN)
        subset = rows if rows.size < functions else None
        for path, array in parts.columns.items():
            is_decided = path.startswith(DECIDED) and told.columns[told.number_of[path]].is_by_row
            told.write(writer, path, array, subset if is_decided else None, bases.get(path))
        for name, change in parts.changes.items():
            declared += self._write_change(name, change, rows, functions, writer)
        return declared

    def _write_change(
        self, name: str, change: Applied, rows: Ints, functions: int, writer: Writer
    ) -> list[Declaration]:
        """Write which rows a rule bound, and of those what they had before."""
        told, mask, before = self._told, name + MASK, name + BEFORE
        is_bound = np.zeros(rows.size, np.bool_)
        is_bound[change.rows] = True
        declared = [
            told.declare(mask, is_bound, True, functions),
            told.declare(before, change.before, True, functions, mask),
        ]
        told.write(writer, mask, is_bound, rows, None)
        told.write(writer, before, change.before, rows[change.rows], None)
        return [one for one in declared if one is not None]

    def _tree(self, tree: Tree) -> dict[str, Any]:
        """Say how a step's values stand together: a few forms come again and again, and have a number."""
        text = json.dumps(tree, separators=(",", ":"))
        if text in self._trees:
            return {"form": self._trees[text]}
        self._trees[text] = len(self._trees)
        return {"tree": tree}
