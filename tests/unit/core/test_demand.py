"""Stage 1: replicas that the load asks for."""

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.core.demand import (
    Demand,
    Proposals,
    Rates,
    demand,
    hold_unknown,
    proposals,
    serve_waiting,
    waiting_proposal,
)
from autoscaler.core.derived import derive
from autoscaler.core.fleet import Fleet
from autoscaler.core.knobs import knobs_of
from autoscaler.core.lanes import MetricKind
from autoscaler.core.part import Part
from autoscaler.core.reasons import Reason
from autoscaler.core.trail import Trail
from autoscaler.core.windows import Averaged
from tests.unit.core.fleets import INF, NAN, applied, make_fleet, make_rules, metrics, one

NOBODY = np.empty(0, np.int64)
ONE = np.array([0])


def demanded(ratio: float, requested: float = 1, ready: float | None = None, **rules: float) -> Demand:
    """Run demand over one window for one function."""
    up, down = make_rules(1, **rules).max_rate_up, make_rules(1, **rules).max_rate_down
    least = rules.get("activation", 1.0)
    return demand(
        np.array([ratio], float),
        np.array([requested], float),
        np.array([requested if ready is None else ready], float),
        rates=Rates(up, down, up.min(), down.min()),
        activation=(ONE, np.array([least])) if least > 1 else (NOBODY, np.empty(0)),
    )


def asked(ratio: float, requested: float = 1, ready: float | None = None, **rules: float) -> Trail:
    """Likewise, and apply what rates and activation make of it."""
    outcome = demanded(ratio, requested, ready, **rules)
    return applied(outcome.wanted, *outcome.changes)


def proposed(
    fleet: Fleet,
    rps: list[float],
    concurrency: list[float] | None = None,
    *,
    others: list[float] | None = None,
    ready: float = 1.0,
    panic_rps: list[float] | None = None,
) -> Proposals:
    """Give what the metrics of a fleet propose."""

    def column(values: list[float] | None) -> Floats:
        return np.full(len(fleet), NAN) if values is None else np.array(values, float)

    short = panic_rps or rps
    averaged = Averaged(
        column(rps), column(concurrency), column(short), column(concurrency), np.array(others or [], float)
    )
    ready_now = np.full(len(fleet), ready)
    return proposals(
        averaged,
        ready_now,
        ready_now,
        fleet=fleet,
        rules=knobs_of(fleet.rules, Part(len(fleet))),
        derived=derive(fleet),
        part=Part(len(fleet)),
    )


@pytest.mark.parametrize(
    ("load", "target", "want"), [(45, 10, 5), (50, 10, 5), (51, 10, 6), (0, 10, 0), (2.1, 0.7, 4), (0.3, 0.1, 3)]
)
def test_demand_is_load_by_target_rounded_up(load: float, target: float, want: float) -> None:
    """A load asks for ceil(load / target) replicas, without an epsilon: 2.1 / 0.7 is above 3 in doubles, so it is 4."""
    ratio = proposed(one(target_rps=target), [load]).stable
    assert asked(float(ratio[0]), 3).replicas[0] == want


def both(count: int) -> Fleet:
    """Make functions that scale on 10 requests/s and on 2 requests in flight."""
    return make_fleet([("t", f"f{n}", {"target_rps": 10.0, "target_concurrency": 2.0}) for n in range(count)])


def test_largest_metric_wins() -> None:
    """Of two metrics the one that asks for more counts, whichever it is."""
    assert proposed(both(2), [50.0, 50.0], [4.0, 30.0]).stable.tolist() == [5.0, 15.0]


def test_unknown_metric_proposes_nothing() -> None:
    """An unknown metric leaves the other's proposal; none known proposes 0."""
    assert proposed(both(3), [NAN, 50.0, NAN], [4.0, NAN, NAN]).stable.tolist() == [2.0, 5.0, 0.0]


def test_unused_metric_never_counts() -> None:
    """A metric whose target is unlimited proposes nothing, whatever its load, alone or beside users of it."""
    fleet = make_fleet([("t", "f", {}), ("t", "g", {"target_rps": INF, "target_concurrency": 5.0})])
    assert proposed(one(), [20.0], [1e9]).stable.tolist() == [2.0]
    assert proposed(one(target_rps=INF, target_concurrency=5.0), [1e9], [20.0]).stable.tolist() == [4.0]
    assert proposed(fleet, [20.0, 1e9], [1e9, 15.0]).stable.tolist() == [2.0, 3.0]
    assert proposed(one(target_rps=INF), [1e9], [1e9]).stable.tolist() == [0.0]


def test_the_panic_window_proposes_only_where_somebody_may_panic() -> None:
    """The short average proposes beside the long one; where nobody may panic both are the same."""
    both_windows = proposed(one(panic_threshold=2.0), [20.0], panic_rps=[70.0])
    assert (both_windows.stable.tolist(), both_windows.panic.tolist()) == ([2.0], [7.0])
    assert proposed(one(), [20.0], panic_rps=[70.0]).panic.tolist() == [2.0]


def test_further_metrics_propose_in_both_windows() -> None:
    """A queue of 80 at 10 for each replica asks for 8 where requests/s ask for 2, in panic too; unknown asks for none."""
    fleet = one(panic_threshold=2.0, others=metrics((0, MetricKind.QUEUE, 10.0)))
    found = proposed(fleet, [20.0], others=[80.0], panic_rps=[30.0])
    assert (found.stable.tolist(), found.panic.tolist()) == ([8.0], [8.0])
    assert proposed(fleet, [20.0], others=[10.0]).stable.tolist() == [2.0]
    assert proposed(fleet, [20.0], others=[NAN]).stable.tolist() == [2.0]


@pytest.mark.parametrize(("ready", "want"), [(4.0, 6.0), (1.0, 1.5), (0.0, 1.5)])
def test_a_level_multiplies_what_is_ready(ready: float, want: float) -> None:
    """A level of 30 aimed at 20 asks for half more than is ready, which counts as one at least."""
    fleet = one(target_rps=INF, others=metrics((0, MetricKind.QUERY, 20.0), is_value=True))
    assert proposed(fleet, [NAN], others=[30.0], ready=ready).stable.tolist() == [want]


@pytest.mark.parametrize(
    ("ratio", "ready", "up", "want", "why"),
    [
        (100, 3, 2.0, 6, Reason.MAX_RATE_UP),
        (100, 3, 1.5, 5, Reason.MAX_RATE_UP),
        (1, 9, 2.0, 4, Reason.MAX_RATE_DOWN),
        (1, 1, 2.0, 1, Reason.DEMAND),
        (0, 1, 2.0, 0, Reason.DEMAND),
        (100, 0, 10.0, 10, Reason.MAX_RATE_UP),
    ],
)
def test_rates_bound_a_tick(ratio: float, ready: float, up: float, want: float, why: Reason) -> None:
    """Demand stays within [floor(ready / 2), ceil(ready × up)], and ready counts as at least 1."""
    outcome = asked(ratio, max(ready, 1), ready, max_rate_up=up, max_rate_down=2.0)
    assert (outcome.replicas[0], outcome.reason[0]) == (want, why if why is not Reason.DEMAND else Reason.PASSED)


def test_recommendation_knows_no_rates() -> None:
    """What stabilization looks back on is what the load wants, before rates and activation."""
    for ratio, least, want in ((1.0, 1.0, 1), (40.0, 1.0, 40), (1.0, 5.0, 1)):
        assert demanded(ratio, 9, max_rate_down=2.0, max_rate_up=2.0, activation=least).wanted[0] == want


@pytest.mark.parametrize(
    ("ratio", "want", "why"),
    [
        (3.0, 4, Reason.MAX_RATE_DOWN),
        (3.9, 4, Reason.PASSED),
        (4.0, 4, Reason.PASSED),
        (4.5, 5, Reason.PASSED),
        (17.9, 18, Reason.PASSED),
        (18.0, 18, Reason.PASSED),
        (18.1, 18, Reason.MAX_RATE_UP),
    ],
)
def test_rates_end_where_they_end(ratio: float, want: float, why: Reason) -> None:
    """From 9 ready a tick reaches 4 at least and 18 at most; what is within or on an edge is not bound."""
    outcome = asked(ratio, 9, max_rate_up=2.0, max_rate_down=2.0)
    assert (outcome.replicas[0], outcome.reason[0]) == (want, why)


def test_each_function_has_its_own_rates() -> None:
    """Of three with 4 ready that want 1, 9 and 90, growth is limited to a factor of 2, 2 and 3, and shrinkage to 2, 4 and 4."""
    rates = Rates(np.array([2.0, 2.0, 3.0]), np.array([2.0, 4.0, 4.0]), 2.0, 2.0)
    for wants, reached in (([1.0, 9.0, 90.0], [2, 8, 12]), ([90.0, 1.0, 0.0], [8, 1, 1])):
        outcome = demand(
            np.array(wants), np.full(3, 4.0), np.full(3, 4.0), rates=rates, activation=(NOBODY, np.empty(0))
        )
        assert applied(outcome.wanted, *outcome.changes).replicas.tolist() == reached


def test_pods_that_still_end_raise_nothing() -> None:
    """After a cut to zero with 9 pods still ready the lower edge of the rate (4) does not bring replicas back."""
    assert asked(0, 0, 9, max_rate_down=2.0).replicas[0] == 0


@pytest.mark.parametrize(
    ("ratio", "requested", "want", "why"),
    [
        (1.5, 0, 4, Reason.ACTIVATION),
        (2, 1, 4, Reason.ACTIVATION),
        (2, 9, 4, Reason.ACTIVATION),
        (4, 0, 4, Reason.PASSED),
        (6, 0, 6, Reason.PASSED),
        (0, 0, 0, Reason.PASSED),
        (0, 9, 0, Reason.PASSED),
    ],
)
def test_what_any_load_wants_has_its_activation(ratio: float, requested: float, want: float, why: Reason) -> None:
    """Wherever the load wants any replica it has its activation of 4 at least; where it wants none, none."""
    outcome = asked(ratio, requested, activation=4.0)
    assert (outcome.replicas[0], outcome.reason[0]) == (want, why)


def test_activation_is_counted_after_the_rates() -> None:
    """A growth to 2 at most is raised to an activation of 4, and one to 6 is not; a cut that ends at 5 is not either."""
    assert asked(100, 1, activation=4.0, max_rate_up=2.0).replicas[0] == 4
    assert asked(100, 3, activation=4.0, max_rate_up=2.0).replicas[0] == 6
    assert asked(1, 10, activation=4.0, max_rate_down=2.0).replicas[0] == 5
    assert asked(1, 6, activation=4.0, max_rate_down=2.0).replicas[0] == 4


@pytest.mark.parametrize(
    ("replicas", "want", "why"), [(0.0, 7, Reason.UNKNOWN_LOAD), (7.0, 7, Reason.UNKNOWN_LOAD), (9.0, 9, 0)]
)
def test_unknown_load_proposes_what_is_requested(replicas: float, want: float, why: int) -> None:
    """A function of unknown load proposes what is requested; a known metric above that raises though another is unknown."""
    column = np.array([replicas, 1.0])
    outcome = applied(column, hold_unknown(column, ONE, np.array([7.0, 9.0])))
    assert (outcome.replicas.tolist(), outcome.reason[0]) == ([want, 1.0], why)


def test_waiting_requests_are_a_proposal_of_their_own() -> None:
    """Forty-five held requests at 10 for each replica ask for 5: more than a demand of 2, no more than one of 8."""
    proposal = waiting_proposal(np.array([45.0]), np.array([10.0]))
    assert proposal.tolist() == [5]
    for before, after, why in ((2.0, 5, Reason.WAITING), (5.0, 5, 0), (8.0, 8, 0)):
        column = np.array([before])
        outcome = applied(column, serve_waiting(column, ONE, proposal))
        assert (outcome.replicas[0], outcome.reason[0]) == (after, why)


def test_a_limit_of_growth_cuts_nothing() -> None:
    """With 10 requested and 1 ready a growth of at most 2 keeps a load of 10 at 10, and one of 30 too: it never lowers."""
    assert asked(10, 10, 1, max_rate_up=2.0).replicas[0] == 10
    outcome = asked(30, 10, 1, max_rate_up=2.0)
    assert (outcome.replicas[0], outcome.reason[0]) == (10, Reason.MAX_RATE_UP)
    assert asked(4, 10, 1, max_rate_up=2.0).replicas[0] == 4


def test_a_ratio_beyond_all_numbers_is_a_number_of_replicas() -> None:
    """A load of 1e308 over a target near 0 asks for what Kubernetes can hold at most, and no load for none."""
    ratio = float(proposed(one(target_rps=2.3e-308), [1e308]).stable[0])
    assert demanded(ratio, max_rate_up=1e300).wanted[0] == 2_147_483_647
    assert asked(ratio, max_rate_up=1e300).replicas[0] == 2_147_483_647
    assert waiting_proposal(np.array([5.0, 0.0]), np.full(2, 2.3e-308)).tolist() == [2_147_483_647, 0]
