"""Waits between tries."""

import numpy as np

from autoscaler.adapters.kubernetes.backoff import Backoff


def test_waits_double_up_to_the_bound() -> None:
    """Each wait lies between half and the whole of a step that doubles until the bound."""
    backoff = Backoff(np.random.default_rng(1), first_s=1.0, most_s=8.0)
    waits = [backoff.next_s() for _ in range(40)]
    for wait, step in zip(waits, [1.0, 2.0, 4.0] + [8.0] * 37, strict=True):
        assert step / 2 <= wait <= step


def test_success_starts_over() -> None:
    """After a reset the first wait is short again."""
    backoff = Backoff(np.random.default_rng(1), first_s=1.0, most_s=64.0)
    for _ in range(6):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 1.0


def test_what_the_server_asks_for_is_kept() -> None:
    """A wait that the server asked for is never undercut."""
    backoff = Backoff(np.random.default_rng(1))
    assert all(backoff.next_s(at_least_s=5.0) >= 5.0 for _ in range(20))


def test_two_watches_do_not_come_back_together() -> None:
    """Waits drawn for different watches differ."""
    jitter = np.random.default_rng(1)
    assert Backoff(jitter).next_s() != Backoff(jitter).next_s()
