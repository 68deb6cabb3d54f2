"""A look-back equals a plain list of everything that was ever recorded, whatever happens to it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.lookback import LookBack, Lowest
from tests.property.core.strategies import seeds
from tests.property.effort import examples

GAPS_S = (0.0, 0.5, 1.0, 5.0, 20.0)
ODDS = (0.05, 0.7, 0.2, 0.03, 0.02)


class Recorded:
    """Each lane's whole history: (value, time)."""

    def __init__(self, lanes: int) -> None:
        self.history: list[list[tuple[float, float]]] = [[] for _ in range(lanes)]

    def record(self, lanes: np.ndarray, values: np.ndarray, unsure: np.ndarray, now_s: float) -> None:
        """Record a value of each lane; the last one where none is named."""
        named = dict(zip(lanes.tolist(), values.tolist(), strict=True))
        held = set(lanes[unsure].tolist())
        for lane, past in enumerate(self.history):
            last = past[-1][0] if past else 0.0
            value = named.get(lane, last)
            past.append((max(value, last) if lane in held else value, now_s))

    def within(self, lane: int, window_s: float, now_s: float) -> list[float]:
        """Give the values that have not ended."""
        return [value for value, time_s in self.history[lane] if time_s + window_s > now_s]


def drawn_values(rng: np.random.Generator, style: int, last: np.ndarray) -> np.ndarray:
    """Draw values that jump about, mostly fall by little, or grow and shrink by a third."""
    if style == 0:
        return rng.integers(0, int(rng.choice([3, 20, 1000])), len(last)).astype(float)
    if style == 1 and rng.random() < 0.97:
        return np.maximum(0.0, last - rng.integers(0, 3, len(last)))
    if style == 1:
        return rng.integers(0, 500, len(last)).astype(float)
    return np.minimum(np.round(last * rng.uniform(0.7, 1.35, len(last)) + rng.integers(0, 2, len(last))), 2.0**31 - 1)


def drawn_lanes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw all lanes, or some."""
    return np.arange(count) if rng.random() < 0.5 else np.flatnonzero(rng.random(count) < 0.5)


def carried(
    rng: np.random.Generator, look_back: LookBack, recorded: Recorded, now_s: float
) -> tuple[LookBack, Recorded]:
    """Carry some lanes, each with its window or a shorter one, into another instance that may have begun already."""
    before, count = len(look_back.last), int(rng.integers(1, 9))
    source = rng.permutation(before)[:count]
    lanes = rng.permutation(count)[: len(source)]
    window_s = rng.integers(1, 60, count) * 0.5
    window_s[lanes] = np.minimum(window_s[lanes], look_back.window_s[source])
    window_s[lanes[::2]] = look_back.window_s[source[::2]]
    fresh, fresh_recorded = LookBack(window_s), Recorded(count)
    if rng.random() < 0.5:
        fresh.begin(np.arange(count), np.full(count, 7.0), now_s)
        fresh_recorded.history = [[(7.0, now_s)] for _ in range(count)]
    fresh.carry(lanes, look_back, source)
    for lane, old in zip(lanes.tolist(), source.tolist(), strict=True):
        fresh_recorded.history[lane] = recorded.history[old].copy()
    return fresh, fresh_recorded


@given(seeds, st.integers(0, 2))
@settings(max_examples=examples(120), deadline=None)
def test_a_look_back_is_the_maximum_of_its_window(seed: int, style: int) -> None:
    """The peak is the largest value recorded within the window, after gaps, holds, new beginnings and other fleets."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 9))
    look_back, recorded, now_s = LookBack(rng.integers(1, 60, count) * 0.5), Recorded(count), 0.0
    for _ in range(120):
        now_s += float(rng.choice(GAPS_S, p=ODDS))
        if rng.random() < 0.03:
            begun = np.flatnonzero(rng.random(count) < 0.5)
            values = rng.integers(0, 20, len(begun)).astype(float)
            look_back.begin(begun, values, now_s)
            for lane, value in zip(begun.tolist(), values.tolist(), strict=True):
                recorded.history[lane] = [(value, now_s)]
        if rng.random() < 0.04:
            look_back, recorded = carried(rng, look_back, recorded, now_s)
            count = len(look_back.last)
        lanes = drawn_lanes(rng, count)
        values = drawn_values(rng, style, look_back.last[lanes])
        unsure = np.flatnonzero(rng.random(len(lanes)) < 0.15)
        look_back.record(slice(None) if len(lanes) == count else lanes, values, unsure, now_s)
        recorded.record(lanes, values, unsure, now_s)
        expected = [max(recorded.within(lane, look_back.window_s[lane], now_s)) for lane in range(count)]
        assert look_back.peak.tolist() == expected
        assert look_back.last.tolist() == [past[-1][0] for past in recorded.history]
        assert look_back.rests(slice(None)).tolist() == [peak == 0.0 for peak in expected]


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_the_lowest_is_the_minimum_of_its_window(seed: int) -> None:
    """The lowest is the smallest value recorded within the window; an unsure one is recorded no lower than the last."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 9))
    window_s, now_s = rng.integers(1, 60, count) * 0.5, 0.0
    lowest, recorded = Lowest(window_s), Recorded(count)
    first = rng.integers(0, 20, count).astype(float)
    lowest.begin(np.arange(count), first, now_s)
    recorded.history = [[(value, now_s)] for value in first.tolist()]
    for _ in range(80):
        now_s += float(rng.choice(GAPS_S, p=ODDS))
        lanes = drawn_lanes(rng, count)
        values = drawn_values(rng, int(rng.integers(0, 3)), lowest.last[lanes])
        unsure = np.flatnonzero(rng.random(len(lanes)) < 0.15)
        lowest.record(lanes, values, unsure, now_s)
        recorded.record(lanes, values, unsure, now_s)
        expected = [min(recorded.within(lane, window_s[lane], now_s)) for lane in range(count)]
        assert lowest.lowest.tolist() == expected
        assert lowest.last.tolist() == [past[-1][0] for past in recorded.history]


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_many_lanes_are_as_exact_as_one(seed: int) -> None:
    """What a lane holds does not depend on how many others there are, nor on how many of them change."""
    rng = np.random.default_rng(seed)
    count = 40
    window_s = rng.integers(1, 40, count).astype(float)
    together, alone = LookBack(window_s), [LookBack(window_s[lane : lane + 1]) for lane in range(count)]
    share, none = rng.random(), np.empty(0, np.int64)
    for tick in range(60):
        values = np.where(rng.random(count) < share, rng.integers(0, 9, count).astype(float), together.last)
        together.record(slice(None), values, none, float(tick))
        for lane, one in enumerate(alone):
            one.record(slice(None), values[lane : lane + 1], none, float(tick))
    assert together.peak.tolist() == [float(one.peak[0]) for one in alone]
