"""The oracle's bound, for idle times of any kind."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.simulator.baselines.oracle import Future
from autoscaler.simulator.workload import Requests

GAPS = st.lists(st.integers(1, 500), min_size=1, max_size=40)
SERVICE_S = 0.5


class Listed:
    """Requests of half a second each, so many seconds apart, in windows."""

    def __init__(self, gaps_s: list[int], window_s: int) -> None:
        self.times_s = np.cumsum([1.0, *gaps_s])
        self._window_s = window_s
        self.drawn_s = 0.0

    def draw(self) -> Requests:
        start_s, self.drawn_s = self.drawn_s, self.drawn_s + self._window_s
        found = self.times_s[(self.times_s >= start_s) & (self.times_s < self.drawn_s)]
        return Requests(found, np.full(len(found), SERVICE_S))


def keep_alive(idle_s: np.ndarray, after_s: float) -> tuple[int, float]:
    """Give cold starts and idle seconds of a keep-alive."""
    return int((idle_s > after_s).sum()), float(np.minimum(idle_s, after_s).sum())


@given(gaps=GAPS, window_s=st.integers(1, 600), break_even_s=st.integers(1, 500), after_s=st.integers(0, 600))
def test_no_keep_alive_beats_it(gaps: list[int], window_s: int, break_even_s: int, after_s: int) -> None:
    """Asked whenever a call has ended, it keeps exactly what comes within the break-even: never more cold starts than the
    keep-alive of that length, nor more idleness; and no keep-alive at all has a smaller sum of both at that price."""
    listed = Listed(gaps, window_s)
    future = Future(listed, 1.0)
    idle_s = np.array(gaps) - SERVICE_S
    kept = [future.needed_within(float(at_s) + SERVICE_S, break_even_s, 1.0)[0] for at_s in listed.times_s[:-1]]
    is_kept = np.array(kept) == 1
    np.testing.assert_array_equal(is_kept, idle_s <= break_even_s)
    cold, idle = int((~is_kept).sum()), float(idle_s[is_kept].sum())
    same_cold, same_idle = keep_alive(idle_s, break_even_s)
    assert cold <= same_cold
    assert idle <= same_idle
    other_cold, other_idle = keep_alive(idle_s, after_s)
    assert cold * break_even_s + idle <= other_cold * break_even_s + other_idle
