"""The decisions that changed something, kept in bounded memory."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.decisions import DecisionRecord, Decisions, numbers_of
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from autoscaler.core.trail import columns_after, reasons_of

PER_FUNCTION = 8
RECENT = 1_000

_SLOTS = PER_FUNCTION + 1
"""One more than is shown: what is written next is in none that somebody reads meanwhile, in another thread."""

_PACKED = np.dtype(
    [
        ("monotonic_s", "f8"),
        ("utc_s", "f8"),
        ("is_tick", "?"),
        ("seen", "u1"),
        ("rps", "f8"),
        ("concurrency", "f8"),
        ("in_flight", "f8"),
        ("requested", "i4"),
        ("ready", "i4"),
        ("stages", "i4", len(Stage)),
        ("stage_reasons", "u1", len(Stage)),
        ("reason", "u1"),
        ("rules", "i4"),
    ]
)
"""A decision in 95 bytes: a whole `DecisionRecord` takes 2 KiB, and 100,000 functions keep eight each."""

_Packed = NDArray[np.void]


class _Rules(NamedTuple):
    """What the records of all functions under the same rules share."""

    tenant: str
    numbers: dict[str, float | None]


class _Kept:
    """The changes of one fleet's functions, in its rows.

    Memory is taken as far as it is written: the first slot of everybody comes first, then everybody's second one.

    Attributes:
        fleet: whose rows these are.
        slots: `(slots, functions)`, the n-th change of a function is in slot n modulo their number.
        counts: `(functions,) int32`, changes of each function since the start.
        rules: what `_PACKED` names by its place; nothing is ever taken away.
        outlines: `(4, functions) int32`, what the last step decided to change: whether anything, requested, desired, reason.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.slots: _Packed = np.zeros((_SLOTS, len(fleet)), _PACKED)
        self.counts = np.zeros(len(fleet), np.int32)
        self.rules: list[_Rules] = []
        self.outlines = np.zeros((4, len(fleet)), np.int32)
        self._place_of: dict[tuple[str, bytes], int] = {}

    def of(self, row: int) -> list[DecisionRecord]:
        """Give a function's last changes, oldest first."""
        count, key = int(self.counts[row]), self.fleet.keys[row]
        return [
            self.record(key, self.slots[number % _SLOTS, row]) for number in range(max(0, count - PER_FUNCTION), count)
        ]

    def put(self, rows: Ints, packed: _Packed) -> None:
        """Keep one change of each of these functions."""
        self.slots[self.counts[rows] % _SLOTS, rows] = packed
        self.counts[rows] += 1

    def take_over(self, former: "_Kept") -> None:
        """Take what is known of functions that another fleet had too; this one has nothing yet."""
        row_of = former.fleet.row_of
        before = np.fromiter((row_of.get(key, -1) for key in self.fleet.keys), np.int64, len(self.fleet))
        rows = np.flatnonzero(before >= 0)
        before = before[rows]
        self.counts[rows], self.outlines[:, rows] = former.counts[before], former.outlines[:, before]
        is_used = np.zeros(len(former.rules), np.bool_)
        for slot in range(_SLOTS):
            has_it = self.counts[rows] > slot
            found = former.slots[slot, before[has_it]]
            self.slots[slot, rows[has_it]] = found
            is_used[found["rules"]] = True
        self._keep_rules(former, np.flatnonzero(is_used))

    def _keep_rules(self, former: "_Kept", used: Ints) -> None:
        self.rules = [former.rules[place] for place in used.tolist()]
        moved = np.zeros(len(former.rules), np.int64)
        moved[used] = np.arange(len(used))
        for slot in range(_SLOTS):
            rows = np.flatnonzero(self.counts > slot)
            self.slots["rules"][slot, rows] = moved[self.slots["rules"][slot, rows]]

    def places_of(self, rows: Ints) -> Ints:
        """Give the place in `rules` of what holds for each of these functions; the same one for all under the same rules."""
        fleet = self.fleet
        columns = [getattr(fleet.rules, column.name)[rows] for column in fields(fleet.rules)]
        firsts, groups = _alike([*columns, fleet.tenant[rows]])
        marks = np.column_stack([column[firsts] for column in columns]).astype(np.float64)
        places = [self._place(int(row), mark.tobytes()) for row, mark in zip(rows[firsts].tolist(), marks, strict=True)]
        result: Ints = np.array(places, np.int64)[groups]
        return result

    def _place(self, row: int, mark: bytes) -> int:
        tenant = self.fleet.tenants[self.fleet.tenant[row]]
        place = self._place_of.get((tenant, mark))
        if place is None:
            place = self._place_of[tenant, mark] = len(self.rules)
            self.rules.append(_Rules(tenant, numbers_of(self.fleet, row)))
        return place

    def record(self, key: FunctionKey, packed: Any) -> DecisionRecord:
        """Give a kept change whole."""
        stages, reasons = packed["stages"].tolist(), packed["stage_reasons"].tolist()
        rules = self.rules[int(packed["rules"])]
        return DecisionRecord(
            key=key,
            tenant=rules.tenant,
            at=Now(float(packed["monotonic_s"]), float(packed["utc_s"])),
            is_tick=bool(packed["is_tick"]),
            seen=Seen(int(packed["seen"])),
            rps=_known(packed["rps"]),
            concurrency=_known(packed["concurrency"]),
            in_flight=_known(packed["in_flight"]),
            requested=int(packed["requested"]),
            ready=int(packed["ready"]),
            stages=dict(zip(Stage, stages, strict=True)),
            stage_reasons={stage: REASON_OF[code] for stage, code in zip(Stage, reasons, strict=True)},
            reason=REASON_OF[int(packed["reason"])],
            desired=int(stages[Stage.MASK]),
            numbers=dict(rules.numbers),
        )


class History:
    """Each function's last changed decisions, and the last of all functions together.

    A change that is decided tick after tick (dry run, a write that waits) is kept once: a decision is
    kept when it is to change replicas and its count, its reason or what it started from is new.
    """

    def __init__(self) -> None:
        self._kept: _Kept | None = None
        # Whole, unlike the rest: unpacking a thousand at every question would hold the event loop for 40 ms.
        self._recent: deque[DecisionRecord] = deque(maxlen=RECENT)

    def take(self, decisions: Decisions) -> Iterator[DecisionRecord]:
        """Keep what is new, and give it; one at a time, since 100,000 whole records would take 200 MiB."""
        kept = self._following(decisions.fleet)
        positions = _novel(decisions, kept)
        rows = decisions.rows[positions]
        packed = _packed(decisions, positions)
        packed["rules"] = kept.places_of(rows) if len(rows) else 0
        kept.put(rows, packed)
        keys = decisions.fleet.keys
        news = zip(rows.tolist(), packed, strict=True)
        latest = zip(rows[-RECENT:].tolist(), packed[-RECENT:], strict=True)
        self._recent.extend(kept.record(keys[row], one) for row, one in latest)
        return (kept.record(keys[row], one) for row, one in news)

    def of(self, key: FunctionKey) -> Sequence[DecisionRecord]:
        """Give a function's last changed decisions, oldest first."""
        kept = self._kept
        row = None if kept is None else kept.fleet.row_of.get(key)
        return [] if kept is None or row is None else kept.of(row)

    def recent(self) -> Sequence[DecisionRecord]:
        """Give the last changed decisions of all functions, oldest first."""
        return list(self._recent.copy())

    def _following(self, fleet: Fleet) -> _Kept:
        """Give what is kept of a fleet; functions that it does not have are forgotten."""
        former = self._kept
        if former is not None and former.fleet is fleet:
            return former
        kept = _Kept(fleet)
        if former is not None:
            kept.take_over(former)
        self._kept = kept
        return kept


def _novel(decisions: Decisions, kept: _Kept) -> Ints:
    """Give the positions of changes that the last step did not decide just so."""
    positions = decisions.changed
    rows = decisions.rows[positions]
    columns = (decisions.requested[positions], decisions.desired[positions], decisions.reason[positions])
    outlines = np.stack([np.ones(len(rows), np.int32), *(column.astype(np.int32) for column in columns)])
    is_new: Bools = (kept.outlines[:, rows] != outlines).any(axis=0)
    if decisions.is_tick:
        kept.outlines[0] = 0  # what a tick does not change any more is new when it changes again
    kept.outlines[:, rows] = outlines
    novel: Ints = positions[is_new]
    return novel


def _packed(decisions: Decisions, positions: Ints) -> _Packed:
    """Give these decisions packed, but for their rules."""
    packed = np.zeros(len(positions), _PACKED)
    packed["monotonic_s"], packed["utc_s"] = decisions.now
    packed["is_tick"] = decisions.is_tick
    for name in ("seen", "rps", "concurrency", "in_flight", "requested", "ready", "reason"):
        packed[name] = getattr(decisions, name)[positions]
    # Not the columns that decisions keep once they are asked for: nobody else asks, and they are 14 MiB of 100,000.
    otherwise = Reason.DEMAND if decisions.is_tick else Reason.PASSED
    packed["stages"] = columns_after(decisions.desired, decisions.applied, len(Stage)).T[positions]
    packed["stage_reasons"] = reasons_of(len(decisions.rows), decisions.applied, otherwise, len(Stage)).T[positions]
    return packed


def _alike(columns: Sequence[Floats | Ints | Bools]) -> tuple[Ints, Ints]:
    """Group rows that are the same in every column, bit by bit.

    Returns:
        The position of each group's first row, and the group of each row.
    """
    groups = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        bits = column.view(np.int64) if column.dtype == np.float64 else column.astype(np.int64)
        if (bits != bits[0]).any():
            _, values = np.unique(bits, return_inverse=True)
            _, groups = np.unique(groups * (values.max() + 1) + values, return_inverse=True)
    _, firsts, groups = np.unique(groups, return_index=True, return_inverse=True)
    return firsts, groups


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
