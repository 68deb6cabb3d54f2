"""Other writers of replicas: counted, reported by name, left alone after a few changes, taken up again when quiet."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.daemon import openfaas, telemetry
from autoscaler.daemon.reverts import Reverts
from autoscaler.ports import Clock, HeldView, ReplicaChange, RevertView

CHANGES = 3
"""Changes of one function by others after which it is left alone: one is a person, two a coincidence."""

QUIET_S = 600.0
"""Seconds without one after which it is taken up again; Flux and Argo CD look every 3 to 10 minutes."""

UNNAMED = "unnamed"
"""Who writes the scale subresource where the API server notes no names, see `managers.writer_of_replicas`."""

NAMES = 50
"""Managers that are counted apart; a field manager is free text, so the others are one."""

OTHERS = "other"

VIEWS = 1_000
"""Functions that are named in one answer; all of them have the reason FOREIGN_WRITER."""


class ForeignWriters:
    """Knows which functions somebody else writes. Counts are not kept over a restart: three more changes tell again.

    An unnamed change may be another daemon's of ours. So it is counted only while this one leads, and only where it
    leads away from what the next tick decides: whoever goes where we would have gone is in nobody's way.

    Args:
        clock: measures how long they have been quiet.
        rivals: names the autoscaler of every Deployment that has one; such a function is never written.
        is_leading: tells whether this daemon is the one that writes.
        woken: told of a function that a gateway of OpenFaaS has started, which is a call and no foreign writer.
    """

    def __init__(
        self,
        clock: Clock,
        rivals: Callable[[], Mapping[FunctionKey, str]],
        is_leading: Callable[[], bool] = lambda: True,
        woken: Callable[[FunctionKey], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._rivals = rivals
        self._is_leading = is_leading
        self._woken = woken
        self._community = openfaas.CommunityEdition(CHANGES)
        self._reverts = Reverts(clock)
        self._fleet: Fleet | None = None
        self._changes: Ints = np.zeros(0, np.int64)
        self._last_s: Floats = np.zeros(0)
        self._quiet_s: Floats = np.zeros(0)
        self._latest: Decisions | None = None
        self._by: dict[FunctionKey, str] = {}
        self._names: Mapping[FunctionKey, str] = {}
        self._has_rival: Bools = np.zeros(0, np.bool_)
        self._unnamed: dict[FunctionKey, ReplicaChange] = {}
        self._observed: dict[FunctionKey, ReplicaChange] = {}
        self._counts: Counter[str] = Counter()

    def changed(self, change: ReplicaChange) -> None:
        """Count a change by somebody else; a deploy is none, and what is no function of the last tick is nobody's."""
        row = self._row(change.key)
        if row is None or self._fleet is None or self._fleet.uids[row] != change.uid:
            return
        if change.is_deploy:
            if not change.has_new_template:
                self._reverts.note(change)
        elif openfaas.is_wake(change, self._was_at_zero(change.key)):
            self._community.forget(change.key)
            self._woken(change.key)
        elif change.manager:
            self._count(row, change)
        elif self._is_leading():
            self._unnamed[change.key] = change

    def held(self, fleet: Fleet, latest: Decisions | None) -> Bools:
        """Tell by row which functions are left alone: `(functions,) bool`.

        Args:
            fleet: of the tick that begins.
            latest: what the tick before decided; None: this is the first.
        """
        names = self._rivals()
        if fleet is not self._fleet or names is not self._names:
            self._align(fleet, names)
        self._latest = latest
        self._judge_unnamed(latest)
        return self._is_held()

    def views(self) -> Sequence[HeldView]:
        """Name the functions that are left alone, by whom they are changed, and until when; the first `VIEWS`."""
        if self._fleet is None:
            return ()
        rows = np.flatnonzero(self._is_held())[:VIEWS].tolist()
        return [self._view(self._fleet.keys[row], row) for row in rows]

    def view(self, key: FunctionKey) -> HeldView | None:
        """Say by whom a function is changed that is left alone, and until when; None: it is not."""
        row = self._row(key)
        return self._view(key, row) if row is not None and self._is_held()[row] else None

    def reverts(self) -> Sequence[RevertView]:
        """Name the functions whose replicas a manifest puts back again and again."""
        return self._reverts.views()

    def counts(self) -> Mapping[str, int]:
        """Give changes of functions by others since the start, by manager."""
        return self._counts

    def take_up(self, key: FunctionKey) -> bool:
        """Forget a function's foreign changes; False: there were not enough to leave it alone, or an autoscaler has it."""
        row = self._row(key)
        if row is None or self._has_rival[row] or not self._is_held()[row]:
            return False
        self._changes[row] = 0
        self._community.forget(key)
        return True

    def _row(self, key: FunctionKey) -> int | None:
        return None if self._fleet is None else self._fleet.row_of.get(key)

    def _was_at_zero(self, key: FunctionKey) -> bool:
        """Tell whether the last tick that was told found a function at 0; one that it did not know was not."""
        row = None if self._latest is None else self._latest.fleet.row_of.get(key)
        if self._latest is None or row is None:
            return False
        return float(self._latest.of_rows(self._latest.requested, np.array([row], np.int64))[0]) == 0

    def _is_held(self) -> Bools:
        is_recent = self._clock.now().monotonic_s - self._last_s < self._quiet_s
        held: Bools = (self._changes >= CHANGES) & is_recent | self._has_rival
        return held

    def _view(self, key: FunctionKey, row: int) -> HeldView:
        changes, rival = int(self._changes[row]), self._names.get(key)
        if rival is not None:
            return HeldView(key, rival, changes, None)
        ends_in_s = float(self._last_s[row]) + float(self._quiet_s[row]) - self._clock.now().monotonic_s
        return HeldView(key, self._by[key], changes, ends_in_s)

    def _align(self, fleet: Fleet, names: Mapping[FunctionKey, str]) -> None:
        """Carry over what is known to a new fleet; only rows that somebody changed, or that have a rival, are looked at."""
        if fleet is not self._fleet:
            changes, last_s = np.zeros(len(fleet), np.int64), np.zeros(len(fleet))
            quiet_s, by = np.full(len(fleet), QUIET_S), dict[FunctionKey, str]()
            for key, (uid, known, known_s, its_quiet_s) in self._known().items():
                row = fleet.row_of.get(key)
                if row is not None and fleet.uids[row] == uid:
                    changes[row], last_s[row], quiet_s[row], by[key] = known, known_s, its_quiet_s, self._by[key]
            self._changes, self._last_s, self._quiet_s, self._by, self._fleet = changes, last_s, quiet_s, by, fleet
            self._reverts.retain(fleet)
        self._names = names
        self._has_rival = np.zeros(len(fleet), np.bool_)
        self._has_rival[[row for row in map(fleet.row_of.get, names) if row is not None]] = True

    def _known(self) -> dict[FunctionKey, tuple[str, int, float, float]]:
        """Give uid, changes, time of the last one, and how long it counts, of every function that was changed."""
        fleet, changes, last_s, quiet_s = self._fleet, self._changes, self._last_s, self._quiet_s
        if fleet is None:
            return {}
        rows = np.flatnonzero(changes).tolist()
        return {
            fleet.keys[row]: (fleet.uids[row], int(changes[row]), float(last_s[row]), float(quiet_s[row]))
            for row in rows
        }

    def _judge_unnamed(self, latest: Decisions | None) -> None:
        """Count the unnamed changes that led away from what the last tick decided; keep those since for the next."""
        observed, self._observed, self._unnamed = self._observed, self._unnamed, {}
        if latest is None:
            return
        judged = [(change, latest.fleet.row_of[key]) for key, change in observed.items() if key in latest.fleet.row_of]
        desired = latest.of_rows(latest.desired, np.array([row for _, row in judged], np.int64)).tolist()
        is_held = self._is_held()
        for (change, _), wanted in zip(judged, desired, strict=True):
            row = self._row(change.key)
            is_away = abs(change.new - wanted) > abs(change.old - wanted)
            if row is not None and (is_away or is_held[row]):
                self._count(row, change)

    def _count(self, row: int, change: ReplicaChange) -> None:
        now_s, name = self._clock.now().monotonic_s, change.manager or UNNAMED
        self._counts[name if name in self._counts or len(self._counts) < NAMES else OTHERS] += 1
        was_recent = now_s - self._last_s[row] < self._quiet_s[row]
        before = int(self._changes[row]) if was_recent else 0
        is_community, quiet_s, changes = self._community.note(change), QUIET_S, before + 1
        if is_community:
            # What one function of a namespace has shown, each other one need not suffer three times.
            name, quiet_s, changes = openfaas.name(name), openfaas.QUIET_S, max(changes, CHANGES)
        self._changes[row], self._last_s[row], self._quiet_s[row] = changes, now_s, quiet_s
        self._by[change.key] = name
        if before < CHANGES <= changes:
            telemetry.left_alone(change.key, name, changes)
