"""The demo's summary is true: each claim is found in records that show it, and in no others."""

from dataclasses import dataclass, fields

import numpy as np
import pytest

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from autoscaler.core.trail import changes_of
from autoscaler.twin import claims
from autoscaler.twin.claims import Claim, Witness


@dataclass(frozen=True)
class Row:
    """One function's decision; what `wanted` has above `desired` the budget takes."""

    requested: int
    desired: int
    reason: Reason = Reason.DEMAND
    seen: Seen = Seen.VALUE
    ready: int = 0
    wanted: int | None = None  # up to the limits stage
    floor: Reason = Reason.PASSED
    guard: Reason = Reason.PASSED
    name: str = "f"


def step(at_s: float, *rows: Row, is_tick: bool = True, cap: float = np.inf) -> Decisions:
    """Make the decisions of one step over these rows, all of one tenant."""
    keys = tuple(FunctionKey("ns", f"{row.name}{number}") for number, row in enumerate(rows))
    size = len(rows)
    zeros = {field.name: np.zeros(size) for field in fields(Rules)} | {"paused": np.zeros(size, dtype=bool)}
    fleet = Fleet(
        keys=keys,
        uids=("u",) * size,
        row_of={key: number for number, key in enumerate(keys)},
        tenant=np.zeros(size, dtype=np.int64),
        tenants=("acme",),
        tenant_cap=np.array([cap]),
        rules=Rules(**zeros),
    )
    stages = np.tile(np.array([float(row.desired) for row in rows]), (len(Stage), 1))
    stages[: Stage.BUDGET] = [row.desired if row.wanted is None else row.wanted for row in rows]
    reasons = np.zeros((len(Stage), size), dtype=np.uint8)
    reasons[Stage.FLOORS] = [row.floor for row in rows]
    reasons[Stage.GUARDS] = [row.guard for row in rows]
    reasons[Stage.BUDGET] = [Reason.PASSED if row.wanted is None else Reason.BUDGET for row in rows]
    nothing = np.full(size, np.nan)
    return Decisions(
        now=Now(100.0 + at_s, 0.0),
        fleet=fleet,
        is_tick=is_tick,
        rows=np.arange(size),
        seen=np.array([row.seen for row in rows], dtype=np.uint8),
        rps=nothing,
        concurrency=nothing,
        in_flight=nothing,
        requested=np.array([float(row.requested) for row in rows]),
        ready=np.array([float(row.ready) for row in rows]),
        desired=stages[Stage.MASK],
        applied=changes_of(stages, reasons),
        reason=np.array([row.reason for row in rows], dtype=np.uint8),
    )


def seen(*steps: Decisions) -> set[Claim]:
    """Give the claims that these steps show."""
    witness = Witness(Now(100.0, 0.0), outage_s=5.0, strangers=())
    for one in steps:
        witness.take(one)
    return {verdict.claim for verdict in witness.verdicts() if verdict.is_seen}


def test_nothing_shows_nothing() -> None:
    """Without decisions no claim is seen, and every claim is judged."""
    witness = Witness(Now(100.0, 0.0), outage_s=5.0, strangers=())
    assert [verdict.claim for verdict in witness.verdicts()] == list(claims.CLAIMS)
    assert seen() == set()


@pytest.mark.parametrize(
    ("row", "claim"),
    [
        (Row(2, 8), claims.SCALED_UP),
        (Row(8, 4), claims.SCALED_DOWN),
        (Row(1, 0, Reason.ZERO_IDLE, Seen.PROVEN_ZERO), claims.ZERO),
    ],
)
def test_one_decision_shows_it(row: Row, claim: Claim) -> None:
    """A raise, a cut and a proven zero are each seen in the one record that shows them, and show nothing else."""
    assert seen(step(1, row)) == {claim}


@pytest.mark.parametrize(
    "row",
    [
        Row(2, 2),
        Row(2, 8, seen=Seen.UNKNOWN),
        Row(0, 1),
        Row(1, 0, Reason.MAX_REPLICAS),
        Row(1, 0, Reason.ZERO_IDLE, Seen.VALUE),
    ],
)
def test_what_is_not_it_does_not_count(row: Row) -> None:
    """No change, a raise without known load or from zero, and a zero without proof are no evidence."""
    assert seen(step(1, row)) == set()


WAKE = Row(0, 1, Reason.WAKE, Seen.PROVEN_ZERO, floor=Reason.WAKE)


def test_a_wake_counts_once_ready() -> None:
    """A function raised from zero between ticks is woken when a later record has it ready."""
    ready = step(3, Row(1, 1, ready=1))
    assert claims.WOKEN in seen(step(1, WAKE, is_tick=False), ready)
    assert claims.WOKEN not in seen(step(1, WAKE, is_tick=False))
    assert claims.WOKEN not in seen(step(1, WAKE, is_tick=False), step(60, Row(1, 1, ready=1)))
    assert claims.WOKEN not in seen(ready)


def test_a_cap_must_bind_and_hold() -> None:
    """A tenant is held when it wants more than its cap and gets it exactly; one tick above it is against the claim."""
    held = step(1, Row(2, 6, Reason.BUDGET, wanted=9), Row(2, 4, wanted=9), cap=10)
    over = step(2, Row(6, 7), Row(4, 4), cap=10)
    assert claims.CAPPED in seen(held)
    assert claims.CAPPED not in seen(held, over)
    assert claims.CAPPED not in seen(step(1, Row(2, 6), Row(2, 4), cap=10))


def test_a_boost_comes_and_goes() -> None:
    """A boost is seen when it raises; its end when a later tick without it lowers."""
    came = step(1, Row(1, 3, Reason.BOOST, floor=Reason.BOOST), is_tick=False)
    stays = step(2, Row(3, 3, Reason.BOOST, floor=Reason.BOOST))
    went = step(9, Row(3, 1))
    assert claims.BOOST_CAME in seen(came, stays)
    assert claims.BOOST_EXPIRED not in seen(came, stays)
    assert claims.BOOST_EXPIRED in seen(came, stays, went)
    assert claims.BOOST_EXPIRED not in seen(went)


HOLD = Row(8, 8, Reason.UNKNOWN_LOAD, Seen.UNKNOWN, guard=Reason.UNKNOWN_LOAD)


def outage(*odd: Decisions) -> list[Decisions]:
    """Give eight ticks without any known load, with these steps among them."""
    ticks = [step(second, HOLD) for second in range(10, 18)]
    return [*ticks[:4], *odd, *ticks[4:]]


def test_an_outage_in_which_nothing_shrinks() -> None:
    """Long enough without any known load and nothing lowered is the claim; a shorter one is not."""
    assert claims.OUTAGE in seen(*outage())
    assert claims.OUTAGE not in seen(*outage()[:3])


@pytest.mark.parametrize("odd", [Row(8, 4, Reason.DEMAND, Seen.UNKNOWN), Row(0, 1, Reason.MIN_REPLICAS, Seen.UNKNOWN)])
def test_an_outage_in_which_something_moves(odd: Row) -> None:
    """One function lowered, or raised from zero without a wake, while nothing is known is against the claim."""
    assert claims.OUTAGE not in seen(*outage(step(13.5, odd)))


def test_a_wake_in_an_outage_is_fine() -> None:
    """A function that a request wakes while Prometheus is silent is not held against it."""
    woken = Row(0, 1, Reason.WAKE, Seen.UNKNOWN, floor=Reason.WAKE)
    assert claims.OUTAGE in seen(*outage(step(13.5, woken)))


def test_a_known_load_ends_the_outage() -> None:
    """Ticks without known load on both sides of one with it are two short outages, not a long one."""
    assert claims.OUTAGE not in seen(*outage(step(13.5, Row(8, 8))))


def test_it_counts_ticks_and_changes() -> None:
    """Steps between ticks are no ticks, and only rows that change are changes."""
    witness = Witness(Now(100.0, 0.0), outage_s=5.0, strangers=())
    witness.take(step(1, Row(1, 2), Row(2, 2)))
    witness.take(step(2, WAKE, is_tick=False))
    assert (witness.ticks, witness.changes) == (1, 2)


STRANGER = FunctionKey("ns", "f0")


def test_strangers_are_left_alone() -> None:
    """A run whose records never name a stranger, and that wrote none, left them alone; either breaks the claim."""
    witness = Witness(Now(100.0, 0.0), outage_s=5.0, strangers={STRANGER})
    witness.take(step(1, Row(2, 2, name="other")))
    assert witness.verdicts()[-1].is_seen
    assert not witness.verdicts(written=[STRANGER])[-1].is_seen
    witness.take(step(2, Row(2, 2)))
    assert not witness.verdicts()[-1].is_seen
