"""Stage 1: replicas that the load asks for."""

import numpy as np
import pytest

from autoscaler.core.demand import Demand, demand, relative_load, waiting_proposal
from autoscaler.core.reasons import Reason
from tests.unit.core.fleets import INF, NAN, make_rules


def asked(ratio: float, requested: float = 1, ready: float | None = None, **rules: float) -> Demand:
    """Run stage 1 for one function."""
    unknown, waiting = rules.pop("unknown", 0), rules.pop("waiting", 0.0)
    return demand(
        np.array([ratio], float),
        np.array([requested], float),
        np.array([requested if ready is None else ready], float),
        make_rules(1, **rules),
        unknown=np.flatnonzero([unknown]),
        waiting=np.array([waiting], float),
        waiting_target=np.array([rules.get("target_concurrency", 1.0)], float),
    )


def reason(outcome: Demand) -> Reason:
    """Give the last rule that bound the only row."""
    return next((bound.reason for bound in reversed(outcome.bound) if bound.rows.size), Reason.DEMAND)


@pytest.mark.parametrize(
    ("load", "target", "want"), [(45, 10, 5), (50, 10, 5), (51, 10, 6), (0, 10, 0), (2.1, 0.7, 3), (0.3, 0.1, 3)]
)
def test_demand_is_load_by_target_rounded_up(load: float, target: float, want: float) -> None:
    """A load asks for ceil(load / target) replicas, and float noise asks for none (2.1 / 0.7 is 3.0000000000000004)."""
    ratio = relative_load(np.array([load], float), None, make_rules(1, target_rps=target))
    assert asked(float(ratio[0]), 3).replicas[0] == want


def test_largest_metric_wins() -> None:
    """Of two metrics the one that asks for more counts, whichever it is."""
    rules = make_rules(2, target_rps=10.0, target_concurrency=2.0)
    ratio = relative_load(np.array([50.0, 50.0]), np.array([4.0, 30.0]), rules)
    assert ratio.tolist() == [5.0, 15.0]


def test_unknown_metric_proposes_nothing() -> None:
    """An unknown metric leaves the other's proposal; none known proposes 0."""
    rules = make_rules(3, target_rps=10.0, target_concurrency=2.0)
    ratio = relative_load(np.array([NAN, 50.0, NAN]), np.array([4.0, NAN, NAN]), rules)
    assert ratio.tolist() == [2.0, 5.0, 0.0]


def test_unused_metric_never_counts() -> None:
    """A metric whose target is unlimited proposes nothing, whatever its load."""
    rules = make_rules(1, target_rps=10.0, target_concurrency=INF)
    assert relative_load(np.array([20.0]), np.array([1e9]), rules).tolist() == [2.0]


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
    assert (outcome.replicas[0], reason(outcome)) == (want, why)


def test_recommendation_knows_no_rates() -> None:
    """What stabilization looks back on is what the load wants, before rates."""
    assert asked(1, 9, max_rate_down=2.0).wanted[0] == 1


def test_pods_that_still_end_raise_nothing() -> None:
    """After a cut to zero with 9 pods still ready the lower edge of the rate (4) does not bring replicas back."""
    assert asked(0, 0, 9, max_rate_down=2.0).replicas[0] == 0


def test_leaving_zero_starts_with_activation() -> None:
    """A function that leaves zero gets its activation replicas, and more if the load asks for more."""
    outcome = asked(1.5, 0, activation=4.0)
    assert (outcome.replicas[0], reason(outcome)) == (4, Reason.ACTIVATION)
    assert asked(6, 0, activation=4.0).replicas[0] == 6
    assert asked(2, 1, activation=4.0).replicas[0] == 2
    assert asked(0, 0, activation=4.0).replicas[0] == 0


def test_unknown_load_proposes_what_is_requested() -> None:
    """A function of unknown load proposes what is requested."""
    outcome = asked(0, 7, unknown=1)
    assert (outcome.replicas[0], reason(outcome)) == (7, Reason.UNKNOWN_LOAD)


def test_known_metric_raises_beside_an_unknown_one() -> None:
    """A known metric above what is requested raises though another is unknown."""
    outcome = asked(9, 7, unknown=1)
    assert (outcome.replicas[0], reason(outcome)) == (9, Reason.DEMAND)


def test_waiting_requests_are_a_proposal_of_their_own() -> None:
    """Requests held for a replica ask for ceil(held / target), neither limited in rate nor added to the load."""
    outcome = asked(2, 1, waiting=45.0, target_concurrency=10.0, max_rate_up=2.0)
    assert (outcome.replicas[0], reason(outcome)) == (5, Reason.WAITING)
    assert asked(8, 4, waiting=45.0, target_concurrency=10.0).replicas[0] == 8


def test_a_limit_of_growth_cuts_nothing() -> None:
    """With 10 requested and 1 ready a growth of at most 2 keeps a load of 10 at 10, and one of 30 too: it never lowers."""
    assert asked(10, 10, 1, max_rate_up=2.0).replicas[0] == 10
    outcome = asked(30, 10, 1, max_rate_up=2.0)
    assert (outcome.replicas[0], reason(outcome)) == (10, Reason.MAX_RATE_UP)
    assert asked(4, 10, 1, max_rate_up=2.0).replicas[0] == 4


def test_a_ratio_beyond_all_numbers_is_a_number_of_replicas() -> None:
    """A load of 1e308 over a target near 0 asks for what Kubernetes can hold at most, and no load for none."""
    rules = make_rules(2, target_rps=2.3e-308)
    outcome = asked(float(relative_load(np.array([1e308, 0.0]), None, rules)[0]), 1, max_rate_up=1e300)
    assert outcome.replicas[0] == outcome.wanted[0] == 2_147_483_647
    assert waiting_proposal(np.array([5.0, 0.0]), rules.target_rps).tolist() == [2_147_483_647, 0]
