"""The largest, or smallest, recommendation of a look-back: exact, and cheap for loads that jump about."""

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints, true_at
from autoscaler.core.falls import Falls

BLOCK = 6
"""Newest ticks that are kept as they come. A column costs a copy; to sort values into the falls costs ten times as
much, and of six values that jump about less than two need it."""

NO_VALUE = -(2.0**31)
"""What stands for no value in `Lowest`: smaller, negated, than any."""


class LookBack:
    """A sliding maximum for each lane, over a window of its own.

    Only falls need to be remembered: a value that a later, larger one follows can never be the maximum again. So the
    newest ticks are kept whole, and of those before, each lane keeps its falling values, each with the last tick at
    which it held. A value recorded at `t` counts until just before `t + window`. Nothing is ever merged: an hour of
    1,800 falls is as exact as one fall.

    Attributes:
        window_s: `(lanes,) float64`, > 0.
        peak: `(lanes,) float64`, largest value within the window, the present one included; 0: none.
        last: `(lanes,) float64`, the present value; 0: none.
    """

    def __init__(self, window_s: Floats, nothing: float = 0.0) -> None:
        """Begin without any value.

        Args:
            window_s: `(lanes,) float64`, > 0, seconds.
            nothing: what stands for no value; no value is smaller.
        """
        lanes = len(window_s)
        self.window_s = window_s.copy()
        self.peak = np.full(lanes, nothing)
        self.last = np.full(lanes, nothing)
        self._nothing = nothing
        self._horizon_s = float(window_s.max(initial=0.0))
        self._check_s = np.full(lanes, -np.inf)  # until then, peak falls for no reason
        self._block = np.full((BLOCK, lanes), nothing, np.int32)
        self._recent = np.full(lanes, nothing, np.int32)  # largest value of the block
        self._ticks: list[int] = []  # number of each tick in the block
        self._falls = Falls(self.window_s)

    @property
    def nbytes(self) -> int:
        """Bytes of all state."""
        arrays = sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))
        return arrays + self._falls.nbytes

    def rests(self, lanes: Ints | slice) -> Bools:
        """Say where nothing larger than 0 is remembered: to record another 0 would change nothing."""
        result: Bools = (self.peak[lanes] == 0.0) & (self.last[lanes] == 0.0)
        return result

    def begin(self, lanes: Ints, values: Floats, now_s: float) -> None:
        """Let lanes begin anew, with a first value.

        Args:
            lanes: `(n,) int64`.
            values: `(n,) float64`, whole, |value| < 2³¹.
            now_s: monotonic seconds.
        """
        self._reset(lanes)
        self.last[lanes] = self.peak[lanes] = values
        slot, _ = self._slot(now_s)
        self._block[slot, lanes] = self._recent[lanes] = values

    def record(self, lanes: Ints | slice, values: Floats, unsure: Ints, now_s: float) -> None:
        """Take a tick's values. Lanes that are not named record what they last recorded.

        Args:
            lanes: `(n,) int64`, ascending, or a slice; `slice(None)`: all.
            values: `(n,) float64`, whole, |value| < 2³¹.
            unsure: positions within `values` of those that may not lower: the larger of value and `last` is recorded.
            now_s: monotonic seconds; a clock that goes back stands still.
        """
        if unsure.size:
            values = values.copy()
            values[unsure] = np.maximum(values[unsure], self.last[lanes][unsure])
        self.last[lanes] = values
        np.maximum(self.peak, self.last, out=self.peak)
        self._keep(now_s)
        now_s = self._falls.instants.newest_s
        due = true_at(self._check_s <= now_s)
        if due.size:
            self._look_again(due, now_s)

    def carry(self, lanes: Ints, source: "LookBack", source_lanes: Ints) -> None:
        """Take over what another instance knows of the same functions.

        From one other, and before this one records. Windows may differ: from the next tick on, a shorter one forgets
        what is too old for it; a longer one knows no more than was remembered for the shorter.
        """
        self._reset(lanes)
        times_s = self._falls.instants.times_s(np.array(self._ticks, np.int32)).tolist()
        begun = list(zip(times_s, self._block[: len(times_s)].copy(), strict=True))
        self._falls.carry(lanes, source._falls, source_lanes)
        self._horizon_s = max(self._horizon_s, source._horizon_s)
        self._ticks = source._ticks.copy()
        self._block.fill(self._nothing)
        self._block[:, lanes] = source._block[:, source_lanes]
        self._recent[lanes] = source._recent[source_lanes]
        self.last[lanes], self.peak[lanes] = source.last[source_lanes], source.peak[source_lanes]
        is_same = self.window_s[lanes] == source.window_s[source_lanes]
        self._check_s[lanes[is_same]] = source._check_s[source_lanes[is_same]]
        for began_s, values in begun:
            slot, _ = self._slot(began_s)
            np.maximum(self._block[slot], values, out=self._block[slot])
            np.maximum(self._recent, values, out=self._recent)

    def _reset(self, lanes: Ints) -> None:
        self._falls.clear(lanes)
        self._block[:, lanes] = self._recent[lanes] = self._nothing
        self._check_s[lanes] = -np.inf

    def _slot(self, now_s: float) -> tuple[int, bool]:
        """Give the place of a tick in the block, and whether it is new: then of no lane anything is recorded there."""
        tick = self._falls.instants.number(now_s, self._horizon_s)
        is_new = not self._ticks or tick != self._ticks[-1]
        if is_new:
            if len(self._ticks) == BLOCK:
                self._sort_in()
            self._ticks.append(tick)
            self._block[len(self._ticks) - 1] = self._nothing
        return len(self._ticks) - 1, is_new

    def _keep(self, now_s: float) -> None:
        """Record the present values, beside what may already be recorded at the same instant."""
        slot, is_new = self._slot(now_s)
        if is_new:
            self._block[slot] = self.last
        else:
            np.maximum(self._block[slot], self.last, out=self._block[slot], casting="unsafe")
        np.maximum(self._recent, self._block[slot], out=self._recent)

    def _sort_in(self) -> None:
        """Move all ticks of the block but the newest into the falls."""
        first, block = self._block[0].copy(), self._block
        for slot in range(BLOCK - 2, -1, -1):
            np.maximum(block[slot], block[slot + 1], out=block[slot])  # now the largest from here on
        self._falls.pop(block[0], true_at(block[0] > first))
        self._falls.push(block, np.array(self._ticks[:-1]))
        self._recent[:] = block[0] = block[-1]
        self._ticks = self._ticks[-1:]

    def _look_again(self, lanes: Ints, now_s: float) -> None:
        """Find out what the largest value is where one may have ended."""
        is_lower = self.last.take(lanes) < self.peak.take(lanes)
        lower = true_at(is_lower)
        if lower.size < lanes.size:
            tops = lanes.take(true_at(~is_lower))
            self._check_s[tops] = now_s + self.window_s.take(tops)
            lanes = lanes.take(lower)
        if not lanes.size:
            return
        values, ends_s = self._falls.largest(lanes, now_s)
        recent = true_at(self._recent.take(lanes) >= values)
        if recent.size:
            newest, newest_ends_s = self._largest_of_block(lanes.take(recent), now_s)
            is_newer = newest >= values.take(recent)
            values[recent] = np.where(is_newer, newest, values.take(recent))
            ends_s[recent] = np.where(is_newer, newest_ends_s, ends_s.take(recent))
        self.peak[lanes], self._check_s[lanes] = values, ends_s

    def _largest_of_block(self, lanes: Ints, now_s: float) -> tuple[Floats, Floats]:
        """Give the largest value of the newest ticks that has not ended, and when it ends."""
        times_s = self._falls.instants.times_s(np.array(self._ticks[::-1], np.int32))
        ends_s = times_s[:, None] + self.window_s.take(lanes)
        values = self._block[len(times_s) - 1 :: -1].take(lanes, axis=1).astype(np.float64)
        values[ends_s <= now_s] = self._nothing
        latest, at = values.argmax(axis=0), np.arange(len(lanes))
        return values[latest, at], ends_s[latest, at]


class Lowest:
    """A sliding minimum for each lane, over a window of its own: a look-back on negated values.

    Attributes:
        window_s: `(lanes,) float64`, > 0.
    """

    def __init__(self, window_s: Floats) -> None:
        self._negated = LookBack(window_s, nothing=NO_VALUE)

    @property
    def window_s(self) -> Floats:
        """`(lanes,) float64`, > 0, seconds."""
        return self._negated.window_s

    @property
    def lowest(self) -> Floats:
        """`(lanes,) float64`, smallest value within the window, the present one included; 2³¹: none."""
        result: Floats = 0.0 - self._negated.peak
        return result

    @property
    def last(self) -> Floats:
        """`(lanes,) float64`, the present value; 2³¹: none."""
        result: Floats = 0.0 - self._negated.last
        return result

    @property
    def nbytes(self) -> int:
        """Bytes of all state."""
        return self._negated.nbytes

    def rests(self, lanes: Ints | slice) -> Bools:
        """Say where the present value is 0: to record another 0 would change nothing."""
        return self._negated.rests(lanes)

    def begin(self, lanes: Ints, values: Floats, now_s: float) -> None:
        """Let lanes begin anew, with a first value; as `LookBack.begin`."""
        self._negated.begin(lanes, 0.0 - values, now_s)

    def record(self, lanes: Ints | slice, values: Floats, unsure: Ints, now_s: float) -> None:
        """Take a tick's values, as `LookBack.record`: of unsure ones, the larger of value and `last` is recorded."""
        negated = 0.0 - values
        if unsure.size:
            last = self._negated.last[lanes][unsure]
            held = np.where(last > NO_VALUE, last, np.inf)
            negated[unsure] = np.minimum(negated[unsure], held)
        self._negated.record(lanes, negated, np.empty(0, np.int64), now_s)

    def carry(self, lanes: Ints, source: "Lowest", source_lanes: Ints) -> None:
        """Take over what another instance knows of the same functions; as `LookBack.carry`."""
        self._negated.carry(lanes, source._negated, source_lanes)
