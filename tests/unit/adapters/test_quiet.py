"""Silence that must outlast the longest request."""

import numpy as np

from autoscaler.adapters.prometheus.quiet import QuietStretches

ROWS = np.array([0, 1])


def sample(stretches: QuietStretches, now_s: float, *is_quiet: bool, needs_s: float = 100.0) -> list[bool]:
    """Take in a sample of two functions over 60 s."""
    needs = np.full(2, needs_s)
    return stretches.proven(ROWS, np.array(is_quiet), needs, now_s, 60.0).tolist()


def test_silence_is_proven_once_it_is_longer_than_needed() -> None:
    """60 s and then 100 s of silence prove nothing where more than 100 s are needed; 101 s do."""
    stretches = QuietStretches(2)
    assert [sample(stretches, now_s, True, True)[0] for now_s in (60.0, 100.0, 101.0)] == [False, False, True]


def test_a_sound_starts_silence_anew() -> None:
    """A row that is not quiet in one sample has to be silent for the whole time again; the other keeps its proof."""
    stretches = QuietStretches(2)
    sample(stretches, 60.0, True, True)
    assert sample(stretches, 110.0, True, True) == [True, True]
    assert sample(stretches, 120.0, False, True) == [False, True]
    assert sample(stretches, 180.0, True, True) == [False, True]
    assert sample(stretches, 221.0, True, True) == [True, True]


def test_a_gap_between_ranges_starts_silence_anew() -> None:
    """Samples whose ranges touch make one stretch; an uncovered second between them makes two."""
    touching, apart = QuietStretches(2), QuietStretches(2)
    for stretches in (touching, apart):
        sample(stretches, 60.0, True, True)
    assert sample(touching, 120.0, True, True) == [True, True]
    assert sample(apart, 121.0, True, True) == [False, False]


def test_stretches_follow_their_functions() -> None:
    """When rows move, each keeps its stretch; a new function has none."""
    stretches = QuietStretches(2)
    sample(stretches, 60.0, True, False)
    moved = stretches.moved(np.array([-1, 0]))
    assert sample(moved, 110.0, True, True) == [False, True]
