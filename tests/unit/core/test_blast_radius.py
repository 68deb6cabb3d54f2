"""Stage 7: how much falling load alone may take."""

import numpy as np

from autoscaler.core.blast_radius import BlastRadiusRule, contain, refilled
from autoscaler.core.reasons import Reason
from autoscaler.core.trail import Trail
from tests.unit.core.fleets import applied

RULE = BlastRadiusRule(replicas=10, share=0.2, period_s=60)


def test_credit_refills_in_time_up_to_one_period() -> None:
    """A tenant of 100 replicas earns 20 cuts in 60 s, one of 10 replicas 10; a new tenant starts full."""
    running = np.array([100.0, 10.0, 100.0])
    assert refilled(np.array([0.0, 0.0, np.inf]), running, 30.0, RULE).tolist() == [10, 5, 20]
    assert refilled(np.array([19.0, 9.0, 20.0]), running, 30.0, RULE).tolist() == [20, 10, 20]


def contained(
    replicas: list[float], level: list[float], owner: list[int], credit: list[float], room: float = np.inf
) -> tuple[Trail, list[float]]:
    """Run stage 7 over functions that fell from a level; give the replicas, and the credit that is left."""
    left, before = np.array(replicas), np.array(level)
    at = np.flatnonzero(before > left)
    outcome = contain(
        at, (before - left)[at], left[at], np.array(owner)[at], np.array(credit), np.full(len(credit), room)
    )
    return applied(left, *outcome.changes), outcome.credit.tolist()


def test_cuts_within_the_credit_pass_and_are_paid() -> None:
    """Cuts that the credit covers are carried out, and lower it."""
    trail, credit = contained([1.0, 2.0], [4.0, 4.0], [0, 0], [10.0])
    assert (trail.replicas.tolist(), credit) == ([1, 2], [5])


def test_the_largest_cut_goes_first_and_ties_by_name() -> None:
    """With credit for 6 of cuts of 4, 5 and 4, the 5 is carried out whole and the first 4 by one."""
    trail, credit = contained([1.0, 0.0, 1.0], [5.0, 5.0, 5.0], [0, 0, 0], [6.9])
    assert trail.replicas.tolist() == [4, 0, 5]
    assert np.flatnonzero(trail.reason).tolist() == [0, 2]
    assert np.isclose(credit[0], 0.9)


def test_one_tenants_cuts_take_no_other_tenants_credit() -> None:
    """Every tenant has a credit of its own."""
    trail, credit = contained([0.0, 0.0], [9.0, 3.0], [0, 1], [3.0, 3.0])
    assert (trail.replicas.tolist(), credit) == ([6, 0], [0, 0])


def test_what_is_put_off_fits_under_the_cap() -> None:
    """Where the cap leaves room for 2 only, a cut of 9 is put off by 2, without credit: the budget orders the rest."""
    assert contained([0.0], [9.0], [0], [0.0], room=2.0)[0].replicas.tolist() == [2]


def test_credit_is_spent_to_the_last_unit_and_no_further() -> None:
    """A credit of exactly the cut pays it whole, one a little smaller puts one replica off, and none is overdrawn."""
    assert contained([1.0], [4.0], [0], [3.0])[0].replicas.tolist() == [1]
    trail, credit = contained([1.0], [4.0], [0], [2.9])
    assert (trail.replicas.tolist(), trail.reason.tolist()) == ([2], [Reason.BLAST_RADIUS])
    assert np.isclose(credit[0], 0.9)
    assert contained([0.0], [9.0], [0], [0.0], room=2.0)[1] == [0]


def test_no_cut_leaves_the_credit_as_it_was() -> None:
    """Where nothing falls, nothing is spent and nothing bound."""
    trail, credit = contained([4.0], [4.0], [0], [2.5])
    assert (trail.reason.tolist(), credit) == ([0], [2.5])
