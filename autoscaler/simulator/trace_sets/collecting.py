"""Single requests, batch by batch, put in order of their functions."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.trace_sets.errors import Findings
from autoscaler.simulator.trace_sets.tables import Words
from autoscaler.simulator.trace_sets.trace_set import Events, joined


class Store(Protocol):
    """Where requests are kept until all are there. A trace larger than memory needs one that writes files."""

    def append(self, codes: Ints, times_s: Floats, durations_s: Floats | None) -> None:
        """Keep some requests: function, time and duration of each; durations always or never."""

    def grouped(self, functions: int, origin_s: float) -> Events:
        """Give all requests, function after function, each's ascending, as they came where two are at the same time.

        Args:
            functions: how many there are; codes are below.
            origin_s: taken from every time.
        """


class MemoryStore:
    """Keeps requests in memory."""

    def __init__(self) -> None:
        self._codes: list[Ints] = []
        self._times_s: list[Floats] = []
        self._durations_s: list[Floats] = []

    def append(self, codes: Ints, times_s: Floats, durations_s: Floats | None) -> None:
        self._codes.append(codes.astype(np.int32))
        self._times_s.append(times_s)
        if durations_s is not None:
            self._durations_s.append(durations_s)

    def grouped(self, functions: int, origin_s: float) -> Events:
        codes = np.concatenate(self._codes) if self._codes else np.empty(0, np.int32)
        times_s = joined(self._times_s) - origin_s
        order = np.lexsort((times_s, codes))
        durations_s = joined(self._durations_s)[order] if self._durations_s else None
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=functions))]).astype(np.int64)
        return Events(offsets, times_s[order], durations_s)


class Registry:
    """Functions in the order in which they are first seen, by the texts that name them."""

    def __init__(self) -> None:
        self.identities: list[tuple[str, ...]] = []
        self._codes: dict[tuple[str, ...], int] = {}

    def codes(self, columns: Sequence[Words]) -> Ints:
        """Give the function of each row, `(rows,) int64`."""
        mixed = columns[0].codes.astype(np.int64)
        for column in columns[1:]:
            mixed = mixed * (len(column.values) + 1) + column.codes
        seen, first, inverse = np.unique(mixed, return_index=True, return_inverse=True)
        found = np.empty(len(seen), np.int64)
        for place in np.argsort(first):
            row = first[place]
            found[place] = self._code(tuple(one.values[one.codes[row]] for one in columns))
        return found[inverse]

    def _code(self, identity: tuple[str, ...]) -> int:
        code = self._codes.setdefault(identity, len(self._codes))
        if code == len(self.identities):
            self.identities.append(identity)
        return code

    def __len__(self) -> int:
        return len(self.identities)


class OrderCheck:
    """Finds times of a function that go back."""

    def __init__(self, column: str, findings: Findings) -> None:
        self._column = column
        self._findings = findings
        self._last_s: Floats = np.empty(0)

    def check(self, lines: Sequence[int], codes: Ints, times_s: Floats, functions: int) -> None:
        """Check the next rows."""
        if functions > len(self._last_s):
            more = np.full(max(functions, 2 * len(self._last_s)) - len(self._last_s), -np.inf)
            self._last_s = np.concatenate([self._last_s, more])
        order = np.argsort(codes, kind="stable")
        of, times_s = codes[order], times_s[order]
        is_first = np.append(True, of[1:] != of[:-1])
        before_s = np.where(is_first, self._last_s[of], np.append(-np.inf, times_s[:-1]))
        for place in np.sort(order[times_s < before_s]):
            allowed = "times that ascend within each function"
            wrong = "is before the row of the same function that precedes it"
            self._findings.add(lines[place], self._column, wrong, allowed)
        is_last = np.append(is_first[1:], True)
        self._last_s[of[is_last]] = np.fmax(self._last_s[of[is_last]], times_s[is_last])


class GapSum:
    """Makes times of gaps: seconds since the same function's request before."""

    def __init__(self) -> None:
        self._last_s: Floats = np.empty(0)

    def times(self, codes: Ints, gaps_s: Floats, functions: int) -> Floats:
        """Give the time of each row, from the trace's beginning."""
        if functions > len(self._last_s):
            self._last_s = np.append(self._last_s, np.zeros(max(functions, 2 * len(self._last_s)) - len(self._last_s)))
        order = np.argsort(codes, kind="stable")
        of, sums_s = codes[order], np.cumsum(gaps_s[order])
        starts = np.flatnonzero(np.append(True, of[1:] != of[:-1]))
        before_s = np.where(starts > 0, sums_s[starts - 1], 0.0)
        lengths = np.diff(np.append(starts, len(of)))
        of_each_s = sums_s - np.repeat(before_s - self._last_s[of[starts]], lengths)
        self._last_s[of[starts]] = of_each_s[starts + lengths - 1]
        result = np.empty(len(codes))
        result[order] = of_each_s
        return result
