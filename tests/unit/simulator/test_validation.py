"""The self-test's own parts: closed forms, estimates, verdicts, second runs, reference data."""

from collections.abc import Iterator

import numpy as np
import pytest

from autoscaler.cli.selftest_tables import reference_lines
from autoscaler.simulator.validation.check import Check, by_errors, by_fraction, by_precision, exactly, reported
from autoscaler.simulator.validation.estimates import Estimate, mean_of, ratio_of
from autoscaler.simulator.validation.formulas import (
    erlang_b,
    erlang_c,
    mean_of_ceiling,
    mean_wait_s,
    poisson,
    set_up_queue,
    wait_quantile_s,
)
from autoscaler.simulator.validation.reference import (
    AWS,
    AZURE,
    GOLDEN,
    KNATIVE,
    OPENDC,
    azure_apps,
    golden_points,
    knative_points,
    lambda_runs,
    opendc_runs,
)
from autoscaler.simulator.validation.setting import Setting, Table, once
from autoscaler.simulator.validation.tables import TABLES

LOAD = 0.9 * 1.991


@pytest.mark.parametrize(
    ("places", "rejected"), [(1, 0.641821), (2, 0.365095), (3, 0.179030), (4, 0.074246), (5, 0.025919)]
)
def test_erlang_b_is_the_published_one(places: int, rejected: float) -> None:
    """Rejections of the canonical example by number of places."""
    assert erlang_b(LOAD, places) == pytest.approx(rejected, abs=5e-7)


@pytest.mark.parametrize(
    ("rate", "service_s", "places", "waits", "mean_s", "p95_s", "p99_s"),
    [
        (0.9, 1.991, 2, 0.846780, 8.101582, 27.0705, 42.4688),
        (0.9, 1.991, 4, 0.126855, 0.114383, 0.8395, 2.2907),
        (10, 0.5, 10, 0.036105, 0.003611, 0, 0.1284),
        (100, 0.2, 25, 0.209103, 0.008364, 0.0572, 0.1216),
    ],
)
def test_erlang_c_is_the_published_one(
    rate: float, service_s: float, places: int, waits: float, mean_s: float, p95_s: float, p99_s: float
) -> None:
    """Chance to wait, mean wait and its quantiles."""
    load = rate * service_s
    assert erlang_c(load, places) == pytest.approx(waits, abs=5e-7)
    assert mean_wait_s(load, places, service_s) == pytest.approx(mean_s, abs=5e-7)
    assert wait_quantile_s(0.95, load, places, service_s) == pytest.approx(p95_s, abs=5e-5)
    assert wait_quantile_s(0.99, load, places, service_s) == pytest.approx(p99_s, abs=5e-5)


@pytest.mark.parametrize(
    ("case", "wait_s", "cold", "off", "idle", "starting", "busy"),
    [
        ((0.05, 2, 8, 5, 25, 30), 1.411015, 0.190207, 0.190207, 0.662241, 0.047552, 0.1),
        ((0.05, 2, 8, 5, 50, 0), 5.222222, 0.72, 0.72, 0, 0.18, 0.1),
        ((0.2, 2, 4, 5, 25, 10), 1.560689, 0.071522, 0.071522, 0.456956, 0.071522, 0.4),
    ],
)
def test_the_set_up_queue_is_the_published_one(
    case: tuple[float, float, float, float, float, float],
    wait_s: float,
    cold: float,
    off: float,
    idle: float,
    starting: float,
    busy: float,
) -> None:
    """Mean wait, starts, and what the one replica does all the time."""
    found = set_up_queue(*case)
    assert found == pytest.approx((wait_s, cold, off, idle, starting, busy), abs=1e-6)
    assert found.off + found.idle + found.starting + found.busy == pytest.approx(1)


def test_poisson_adds_up_and_its_ceiling_lies_between() -> None:
    """The chances of all numbers are 1 in all; a mean of ceilings is at most one above the mean, and not below it."""
    assert sum(poisson(3.0, number) for number in range(60)) == pytest.approx(1)
    assert mean_of_ceiling(59.0, 43.07) == pytest.approx(1.98229, abs=1e-5)
    assert mean_of_ceiling(30.0, 1.0) == pytest.approx(30)


def test_a_ratio_over_batches_is_that_of_the_sums() -> None:
    """Large batches count more; batches that agree leave no error."""
    assert ratio_of(np.array([1.0, 3.0]), np.array([2.0, 6.0])) == Estimate(0.5, 0.0)
    found = ratio_of(np.array([0.0, 3.0]), np.array([1.0, 2.0]))
    assert found.mean == 1.0
    assert found.error == pytest.approx((2 / (2 * 1)) ** 0.5 / 1.5)


def test_an_estimate_covers_the_truth_as_often_as_it_says() -> None:
    """Of 2,000 estimates from 40 batches, two standard errors hold the truth in 95 of 100, give or take."""
    generator = np.random.Generator(np.random.PCG64(3))
    wholes = 50 + generator.standard_exponential((2_000, 40))
    parts = 0.3 * wholes + generator.standard_normal((2_000, 40))
    found = [ratio_of(part, whole) for part, whole in zip(parts, wholes, strict=True)]
    within = np.mean([abs(one.mean - 0.3) <= 2.02 * one.error for one in found])
    assert 0.93 < within < 0.97
    means = [mean_of(part) for part in generator.standard_normal((2_000, 40))]
    assert 0.93 < np.mean([abs(one.mean) <= 2.02 * one.error for one in means]) < 0.97


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        (by_errors("x", 1.0, Estimate(1.29, 0.1)), "pass"),
        (by_errors("x", 1.0, Estimate(1.31, 0.1)), "fail"),
        (by_errors("x", 1.0, Estimate(1.31, 0.1), expected_error=0.05), "pass"),
        (by_errors("x", 1.0, Estimate(1.31, 0.1), slack=0.02), "pass"),
        (by_fraction("x", 2.0, 2.19, 0.1), "pass"),
        (by_fraction("x", 2.0, 1.79, 0.1), "fail"),
        (exactly("x", 18, 18), "pass"),
        (exactly("x", 18, 19), "fail"),
        (exactly("x", 0.1, 0.14, 1), "pass"),
        (exactly("x", 0.1, 0.16, 1), "fail"),
        (by_precision("x", 1e6, 1e6 + 1e-4), "pass"),
        (by_precision("x", 1e6, 1e6 + 1e-2), "fail"),
        (by_errors("x", 1.0, Estimate(float("nan"), 0.1)), "fail"),
        (reported("x", 1.0, 5.0, "a real system"), "reported"),
    ],
)
def test_each_row_has_its_verdict(check: Check, verdict: str) -> None:
    """Within the tolerance it passes, beyond it fails, without one it is reported."""
    assert check.verdict == verdict


def setting(share: float = 1.0) -> Setting:
    return Setting(reference_lines, 1, share)


def wrong_by(first: float, later: float) -> Table:
    """A table with one row, off by so many standard errors at the first run, and at a later one."""

    def case(setting: Setting) -> Iterator[Check]:
        off = first if setting.attempt == 1 else later
        yield by_errors("x", 0.0, Estimate(off * setting.share, setting.share))

    return Table("t", "", "", once(case))


@pytest.mark.parametrize(
    ("first", "later", "verdict", "basis"),
    [
        (2.9, 9.9, "pass", "3 SE"),
        (3.1, 0.5, "pass", "3 SE, second run"),
        (3.1, 3.1, "fail", "3 SE, second run"),
    ],
)
def test_what_chance_may_have_done_is_run_once_more(first: float, later: float, verdict: str, basis: str) -> None:
    """A row outside is judged by a second, longer run with other numbers; a row inside stays as it is."""
    (check,) = wrong_by(first, later).checks(setting())
    assert (check.verdict, check.basis) == (verdict, basis)
    assert check.tolerance == (3.0 if basis == "3 SE" else 12.0)


def test_a_count_that_is_off_is_not_run_again() -> None:
    """Chance has no part in an exact row, so one run decides."""
    attempts = []

    def case(setting: Setting) -> Iterator[Check]:
        attempts.append(setting.attempt)
        yield exactly("x", 1, 2)

    (check,) = Table("t", "", "", once(case)).checks(setting())
    assert (check.verdict, attempts) == ("fail", [1])


def test_generators_are_named() -> None:
    """A name and an attempt give the same numbers each time, and others than any other name or attempt."""
    first = setting().generator("a").random()
    assert setting().generator("a").random() == first
    others = [
        setting().generator("b").random(),
        setting().again().generator("a").random(),
        Setting(reference_lines, 2).generator("a").random(),
    ]
    assert first not in others
    assert setting().scenario_seed != setting().again().scenario_seed


def test_reference_data_is_whole() -> None:
    """Each file has the rows that its README names."""
    assert len(list(golden_points(reference_lines(GOLDEN)))) == 21
    assert len(list(knative_points(reference_lines(KNATIVE)))) == 16
    runs = lambda_runs(reference_lines(AWS))
    assert (len(runs), sum(len(run.times_s) for run in runs)) == (11, 29_746)
    assert [run.name for run in runs if run.rate < 0.02] == [run.name for run in runs[:8]]
    apps = azure_apps(reference_lines(AZURE))
    assert (apps.containers.shape, int(apps.containers.sum())) == ((100, 1_440), 36_447)
    assert len(list(opendc_runs(reference_lines(OPENDC)))) == 9


def test_tables_have_names_of_their_own() -> None:
    """Every table is chosen by its name."""
    assert all(name == table.name for name, table in TABLES.items())
