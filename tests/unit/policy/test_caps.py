"""A policy's concurrencyLimit against what pods are told and what is seen."""

import math

import numpy as np
import pytest

from autoscaler.policy.caps import Cap, CapState, cap_of, cap_states

KNOWN = {"concurrency": 4.0, "in_flight": 4.0, "replicas": 2.0}
ABOVE = {"concurrency": 30.0, "in_flight": 26.0, "replicas": 2.0}


@pytest.mark.parametrize(
    ("limit", "enforced", "may_queue", "loads", "state"),
    [
        (math.inf, 5.0, False, ABOVE, CapState.NO_LIMIT),
        (10.0, None, True, KNOWN, CapState.NOT_KNOWN),
        (10.0, 10.0, False, KNOWN, CapState.ENFORCED),
        (10.0, 5.0, False, KNOWN, CapState.TOLD_LESS),
        (10.0, 20.0, False, KNOWN, CapState.TOLD_MORE),
        (10.0, math.inf, False, KNOWN, CapState.TOLD_MORE),
        (10.0, None, True, ABOVE, CapState.SEEN_MORE),
        # What refuses at once cannot have more in flight than it takes: it is told so and does not do it.
        (10.0, 10.0, False, ABOVE, CapState.SEEN_MORE),
        # Where more may wait, more in flight says nothing.
        (10.0, 10.0, True, ABOVE, CapState.ENFORCED),
        (10.0, 5.0, False, ABOVE, CapState.TOLD_LESS),
    ],
)
def test_states(
    limit: float, enforced: float | None, may_queue: bool, loads: dict[str, float], state: CapState
) -> None:
    """Each combination of limit, what pods are told and what is in flight has its own word."""
    assert cap_of(limit, enforced, may_queue, **loads).state is state  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("concurrency", "in_flight", "replicas"),
    [(30.0, 4.0, 2.0), (4.0, 30.0, 2.0), (None, 30.0, 2.0), (30.0, None, 2.0), (30.0, 30.0, 3.0), (10.0, 10.0, 0.0)],
    ids=["a burst that is over", "a burst that begins", "mean unknown", "moment unknown", "just full", "at zero"],
)
def test_only_what_stays_above_is_seen(concurrency: float | None, in_flight: float | None, replicas: float) -> None:
    """A moment above, a mean above, an unknown load or replicas that are just full are no proof of anything."""
    cap = cap_of(10.0, None, True, concurrency=concurrency, in_flight=in_flight, replicas=replicas)
    assert cap.state is CapState.NOT_KNOWN


def test_columns_and_one_function_agree() -> None:
    """The states of many functions at once are those of each alone, whatever the others are."""
    generator = np.random.default_rng(7)
    limits = generator.choice([math.inf, 1.0, 5.0], 500)
    told = generator.choice([math.nan, 1.0, 5.0, math.inf], 500)
    queue = generator.random(500) < 0.5
    loads = generator.choice([math.nan, 0.0, 3.0, 40.0], (2, 500))
    replicas = generator.integers(0, 4, 500).astype(np.float64)
    states = cap_states(limits, told, queue, concurrency=loads[0], in_flight=loads[1], replicas=replicas)
    for row in range(500):
        alone = cap_of(
            float(limits[row]),
            None if math.isnan(told[row]) else float(told[row]),
            bool(queue[row]),
            concurrency=_known(loads[0, row]),
            in_flight=_known(loads[1, row]),
            replicas=float(replicas[row]),
        )
        assert alone.state == states[row]
    assert {CapState(int(one)) for one in states} == set(CapState)


@pytest.mark.parametrize(
    ("cap", "numbers"),
    [
        (Cap(CapState.TOLD_MORE, 20.0, 50.0, None), ("20", "50")),
        (Cap(CapState.TOLD_LESS, 20.0, 5.0, None), ("20", "5")),
        (Cap(CapState.TOLD_MORE, 20.0, math.inf, None), ("20", "no limit")),
        (Cap(CapState.SEEN_MORE, 20.0, None, 31.26), ("20", "31.3")),
        (Cap(CapState.ENFORCED, 20.0, 20.0, 3.0), ("20",)),
        (Cap(CapState.NOT_KNOWN, 20.0, None, None), ("20",)),
    ],
)
def test_words_say_both_numbers(cap: Cap, numbers: tuple[str, ...]) -> None:
    """What is known is told with the limit and with what is told or seen beside it."""
    assert [number for number in numbers if number not in (cap.words or "")] == []


def test_no_limit_has_no_words() -> None:
    """Of a function whose policy has no limit nothing is said, and it is no difference."""
    assert Cap(CapState.NO_LIMIT, None, None, None).words is None
    assert [state.is_difference for state in CapState] == [False, False, False, True, True, True]


def _known(number: float) -> float | None:
    return None if math.isnan(number) else float(number)
