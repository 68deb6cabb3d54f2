"""Stage 7: how much falling load alone may take."""

import numpy as np

from autoscaler.core.blast_radius import BlastRadiusRule, contain, refilled

RULE = BlastRadiusRule(replicas=10, share=0.2, period_s=60)
UNLIMITED = np.array([np.inf])


def test_credit_refills_in_time_up_to_one_period() -> None:
    """A tenant of 100 replicas earns 20 cuts in 60 s, one of 10 replicas 10; a new tenant starts full."""
    running = np.array([100.0, 10.0, 100.0])
    assert refilled(np.array([0.0, 0.0, np.inf]), running, 30.0, RULE).tolist() == [10, 5, 20]
    assert refilled(np.array([19.0, 9.0, 20.0]), running, 30.0, RULE).tolist() == [20, 10, 20]


def test_cuts_within_the_credit_pass_and_are_paid() -> None:
    """Cuts that the credit covers are carried out, and lower it."""
    outcome = contain(np.array([1.0, 2.0]), np.array([4.0, 4.0]), np.array([0, 0]), np.array([10.0]), UNLIMITED)
    assert outcome.replicas.tolist() == [1, 2]
    assert outcome.credit.tolist() == [5]


def test_the_largest_cut_goes_first_and_ties_by_name() -> None:
    """With credit for 6 of cuts of 4, 5 and 4, the 5 is carried out whole and the first 4 by one."""
    outcome = contain(
        np.array([1.0, 0.0, 1.0]), np.array([5.0, 5.0, 5.0]), np.array([0, 0, 0]), np.array([6.9]), UNLIMITED
    )
    assert outcome.replicas.tolist() == [4, 0, 5]
    assert outcome.bound[0].rows.tolist() == [0, 2]
    assert np.isclose(outcome.credit[0], 0.9)


def test_one_tenants_cuts_take_no_other_tenants_credit() -> None:
    """Every tenant has a credit of its own."""
    outcome = contain(
        np.array([0.0, 0.0]), np.array([9.0, 3.0]), np.array([0, 1]), np.array([3.0, 3.0]), np.full(2, np.inf)
    )
    assert outcome.replicas.tolist() == [6, 0]


def test_what_is_put_off_fits_under_the_cap() -> None:
    """Where the cap leaves room for 2 only, a cut of 9 is put off by 2, without credit: the budget orders the rest."""
    outcome = contain(np.array([0.0]), np.array([9.0]), np.array([0]), np.array([0.0]), np.array([2.0]))
    assert outcome.replicas.tolist() == [2]
