"""The decisions that changed something, kept in bounded memory."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Ints
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.reasons import REASON_OF
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage

PER_FUNCTION = 8
RECENT = 1_000

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
    ]
)
"""A decision in 91 bytes: a whole `DecisionRecord` takes 2 KiB, and 100,000 functions keep eight each."""

_Outline = tuple[int, int, int]


class _Rules(NamedTuple):
    """What the records of all functions under the same rules share."""

    tenant: str
    numbers: dict[str, float | None]


class _Kept(NamedTuple):
    """One decision, packed."""

    key: FunctionKey
    rules: _Rules
    packed: bytes

    def record(self) -> DecisionRecord:
        row = np.frombuffer(self.packed, _PACKED)[0]
        return DecisionRecord(
            key=self.key,
            tenant=self.rules.tenant,
            at=Now(float(row["monotonic_s"]), float(row["utc_s"])),
            is_tick=bool(row["is_tick"]),
            seen=Seen(int(row["seen"])),
            rps=_known(row["rps"]),
            concurrency=_known(row["concurrency"]),
            in_flight=_known(row["in_flight"]),
            requested=int(row["requested"]),
            ready=int(row["ready"]),
            stages={stage: int(row["stages"][stage]) for stage in Stage},
            stage_reasons={stage: REASON_OF[int(row["stage_reasons"][stage])] for stage in Stage},
            reason=REASON_OF[int(row["reason"])],
            desired=int(row["stages"][Stage.MASK]),
            numbers=dict(self.rules.numbers),
        )


class History:
    """Each function's last changed decisions, and the last of all functions together.

    A change that is decided tick after tick (dry run, a write that waits) is kept once: a decision is
    kept when it is to change replicas and its count, its reason or what it started from is new.
    """

    def __init__(self) -> None:
        self._fleet: Fleet | None = None
        self._outlines: dict[FunctionKey, _Outline] = {}
        self._of: dict[FunctionKey, tuple[_Kept, ...]] = {}
        # Whole, unlike the rest: unpacking a thousand at every question would hold the event loop for 40 ms.
        self._recent: deque[DecisionRecord] = deque(maxlen=RECENT)
        self._rules: dict[bytes, _Rules] = {}

    def take(self, decisions: Decisions) -> Iterator[DecisionRecord]:
        """Keep what is new, and give it; one at a time, since 100,000 whole records would take 200 MiB."""
        if decisions.fleet is not self._fleet:
            self._follow(decisions.fleet)
        positions = self._novel(decisions)
        news = self._packed(decisions, positions)
        for kept in news:
            self._of[kept.key] = (*self._of.get(kept.key, ())[1 - PER_FUNCTION :], kept)
        self._recent.extend(kept.record() for kept in news[-RECENT:])
        return (kept.record() for kept in news)

    def of(self, key: FunctionKey) -> Sequence[DecisionRecord]:
        """Give a function's last changed decisions, oldest first."""
        return [kept.record() for kept in self._of.get(key, ())]

    def recent(self) -> Sequence[DecisionRecord]:
        """Give the last changed decisions of all functions, oldest first."""
        return list(self._recent.copy())

    def _novel(self, decisions: Decisions) -> Ints:
        """Give the positions of changes that the last step did not decide just so."""
        positions, keys = decisions.changed, decisions.fleet.keys
        outlines = zip(
            decisions.requested[positions].astype(int).tolist(),
            decisions.desired[positions].astype(int).tolist(),
            decisions.reason[positions].tolist(),
            strict=True,
        )
        found = dict(zip((keys[row] for row in decisions.rows[positions].tolist()), outlines, strict=True))
        known = self._outlines
        is_new = [known.get(key) != outline for key, outline in found.items()]
        # What a tick does not change any more is new when it changes again.
        self._outlines = found if decisions.is_tick else known | found
        novel: Ints = positions[np.array(is_new, dtype=bool)]
        return novel

    def _packed(self, decisions: Decisions, positions: Ints) -> list[_Kept]:
        rows, fleet = decisions.rows[positions], decisions.fleet
        packed = np.zeros(len(positions), _PACKED)
        packed["monotonic_s"], packed["utc_s"] = decisions.now
        packed["is_tick"] = decisions.is_tick
        for name in ("seen", "rps", "concurrency", "in_flight", "requested", "ready", "reason"):
            packed[name] = getattr(decisions, name)[positions]
        packed["stages"], packed["stage_reasons"] = decisions.stages.T[positions], decisions.stage_reasons.T[positions]
        rules = self._rules_of(decisions, positions)
        return [
            _Kept(fleet.keys[row], one, entry.tobytes())
            for row, one, entry in zip(rows.tolist(), rules, packed, strict=True)
        ]

    def _rules_of(self, decisions: Decisions, positions: Ints) -> list[_Rules]:
        """Give what each decision's record says of its rules; one object for all functions under the same ones."""
        rows, fleet = decisions.rows[positions], decisions.fleet
        columns = [getattr(fleet.rules, column.name)[rows] for column in fields(fleet.rules)]
        marks = np.column_stack([*columns, fleet.tenant[rows]]).astype(np.float64)
        result = []
        for position, mark in zip(positions.tolist(), marks, strict=True):
            key = mark.tobytes()
            if key not in self._rules:
                record = decisions.record(position)
                self._rules[key] = _Rules(record.tenant, record.numbers)
            result.append(self._rules[key])
        return result

    def _follow(self, fleet: Fleet) -> None:
        """Forget the functions that another fleet does not have."""
        self._fleet = fleet
        self._rules = {}
        self._of = {key: kept for key, kept in self._of.items() if key in fleet.row_of}


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
