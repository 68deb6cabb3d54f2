"""The published studies: what their texts claim is so in a whole run."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.simulator.result import Result, Row
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse
from simulations.figures import FOLDER, on_counts, read_study, renewed, studies, sweeps
from simulations.sweeps import known, samples

Ticks = list[tuple[float, Observation, Decisions]]


@cache
def whole(name: str) -> tuple[Result, Ticks]:
    """Run a study to its end, and give the outcome with every full tick."""
    scenario, files, traces = read_study(FOLDER / name)
    ticks: Ticks = []

    def record(now: Now, seen: Observation | None, _events: tuple[Event, ...], decisions: Decisions) -> None:
        if seen is not None:
            ticks.append((now.monotonic_s, seen, decisions.whole()))

    return simulate(scenario, files, traces=traces, record=record), ticks


def row_of(result: Result, name: str) -> Row:
    return next(row for row in (*result.functions, *result.tenants) if name == (row.function or row.tenant))


def waits(row: Row) -> tuple[float, float]:
    assert row.wait_p95_s is not None
    assert row.wait_max_s is not None
    return row.wait_p95_s, row.wait_max_s


@pytest.mark.parametrize("folder", studies(), ids=lambda folder: folder.name)
def test_the_figures_of_a_study_are_those_of_its_run(folder: Path) -> None:
    """Every table in a study's text is what a run gives today; `python -m simulations` writes them."""
    assert renewed(folder) == (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", sweeps(), ids=lambda folder: folder.name)
def test_runs_of_a_sweep_are_those_that_its_tables_were_made_of(folder: Path) -> None:
    """The first and the last configuration of a study give today, number for number, what is kept beside it."""
    assert samples(folder) == known(folder)["samples"]


def test_the_scenario_that_explains_all_fields_can_be_read() -> None:
    """The example in the overview is a scenario, and so is a function under each of the recorded workloads there."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    whole_one, *recorded = blocks
    scenario, _ = parse(whole_one)
    assert (scenario.duration, len(list(scenario.specs())), len(scenario.events)) == (3600.0, 3, 5)
    for block in recorded:
        under, _ = parse(
            f"kind: Scenario\nduration: 1m\nfunctions:\n  - name: resize\n    namespace: acme\n    service: 1s\n{block}"
        )
        assert len(list(under.traces())) == 1


def test_first_look_steady_traffic_hardly_waits_and_the_timer_does() -> None:
    """A timer with gaps longer than the keep-alive is cold most times; steady traffic waits less than 0.2 s at p95."""
    result, _ = whole("first-look")
    timer = row_of(result, "acme/timer")
    assert timer.requests == 12
    assert timer.cold > timer.requests / 2
    assert all(waits(row_of(result, f"acme/{name}"))[0] < 0.2 for name in ("steady", "daily", "morning"))
    assert max(row_of(result, f"acme/burst-{number}").replicas_max for number in range(3)) == 10


def test_tenant_cap_binds_one_tenant_and_leaves_the_other_alone() -> None:
    """The capped tenant never has more than 12, in the rush two for each function; only its requests give up in numbers."""
    result, ticks = whole("tenant-cap")
    capped, free = row_of(result, "capped"), row_of(result, "free")
    assert capped.replicas_max == 12
    assert {row.replicas_max for row in result.functions if row.tenant == "capped"} <= {2, 3}
    fleet = ticks[0][1].fleet
    its_own = fleet.tenant == fleet.tenants.index("capped")
    shares = [decisions.desired[its_own].tolist() for at_s, _, decisions in ticks if 330 <= at_s < 600]
    assert len(shares) > 100
    assert all(share == [2] * 6 for share in shares)
    assert free.replicas_max > 20
    assert capped.refused > capped.requests / 10
    assert free.refused < free.requests / 1_000


@pytest.mark.parametrize(("from_s", "to_s"), [(600.0, 922.0), (1206.0, 1342.0)])
def test_prometheus_outage_removes_nothing(from_s: float, to_s: float) -> None:
    """From the first scrape that fails until five are there again no function loses a replica, in either outage."""
    _, ticks = whole("prometheus-outage")
    during = [decisions.desired - seen.requested for at_s, seen, decisions in ticks if from_s <= at_s < to_s]
    assert len(during) > 60
    assert np.min(during) == 0
    after = [decisions.desired - seen.requested for at_s, seen, decisions in ticks if at_s >= to_s]
    assert np.min(after) < 0


def test_prometheus_outage_delays_zero_until_it_is_proven() -> None:
    """The function silent since minute 8 still has a replica at minute 15, and none at the end."""
    result, ticks = whole("prometheus-outage")
    row = next(number for number, key in enumerate(ticks[0][1].fleet.keys) if key.name == "quiet")
    at_15_min = next(seen for at_s, seen, _ in ticks if at_s >= 900.0)
    assert at_15_min.requested[row] >= 1
    assert ticks[-1][2].desired[row] == 0
    assert result.changes["ZERO_IDLE"] == 1


def test_alert_boost_is_there_before_the_rush() -> None:
    """The function that was told waits a second at most; the other one waits for its window and its start-ups."""
    result, _ = whole("alert-boost")
    told, untold = row_of(result, "acme/told"), row_of(result, "acme/untold")
    assert waits(told)[1] < 2.0
    assert waits(untold)[0] > 15.0
    assert told.replica_seconds > untold.replica_seconds


def test_azure_day_keeps_the_recorded_counts_and_a_longer_keep_alive_has_fewer_cold_starts() -> None:
    """Both tenants have the 2,973 calls of the trace, exactly; timers between the two keep-alives are cold under one alone."""
    result, _ = whole("azure-day")
    long, short = row_of(result, "long"), row_of(result, "short")
    assert long.requests == short.requests == 2_973
    assert result.gaps == ()
    assert [(row_of(result, f"{tenant}/every-5m").cold) for tenant in ("long", "short")] == [1, 288]
    assert row_of(result, "long/hourly").cold == row_of(result, "short/hourly").cold == 24
    assert long.replica_seconds > short.replica_seconds
    assert row_of(result, "long/hourly").zero_s < row_of(result, "short/hourly").zero_s


def test_real_bursts_cost_more_than_poisson_arrivals_of_the_same_mean() -> None:
    """The traces' 8,819 requests, within the spread of a Poisson count, take over twice the replica-seconds of the smooth ones."""
    result, _ = whole("real-bursts")
    real, smooth = row_of(result, "acme/real"), row_of(result, "acme/smooth")
    assert real.requests == pytest.approx(8_819, abs=4 * 8_819**0.5)
    assert real.replica_seconds > 2 * smooth.replica_seconds
    assert real.cold > 3 * smooth.cold


def test_keep_alive_the_hybrid_beats_ten_minutes_and_nobody_the_oracle() -> None:
    """It has fewer cold starts and less waste than ten minutes fixed; no keep-alive of the oracle's break-even has less of either."""
    found = {one.policy: one for one in on_counts(FOLDER / "keep-alive")}
    hybrid, fixed, oracle = found["hybrid"], found["keepAlive, after 10m"], found["oracle, breakEven 10m"]
    assert hybrid.total.cold < fixed.total.cold
    assert hybrid.idle_gb_s < fixed.idle_gb_s
    assert oracle.total.cold <= fixed.total.cold
    assert oracle.idle_gb_s <= fixed.idle_gb_s


def test_knative_target_is_within_a_tenth_of_what_was_measured() -> None:
    """The mean ready pods of each of the sixteen hours are at most 10 % off the real Knative's."""
    lines = renewed(FOLDER / "knative-target").splitlines()
    off_by = [float(line.split(" | ")[-1].removesuffix(" % |")) for line in lines if line.startswith("| knative/")]
    assert len(off_by) == 16
    assert max(map(abs, off_by)) <= 10


def test_budget_fight_gold_has_its_guarantee_and_bronze_pays() -> None:
    """Nobody who calls gold is refused, many of those who call bronze are, by its cap and by the pool, which is never exceeded."""
    result, ticks = whole("budget-fight")
    gold, bronze = row_of(result, "gold"), row_of(result, "bronze")
    assert gold.refused == 0
    assert bronze.refused > bronze.requests / 3
    assert bronze.replicas_max == 24
    assert max(int(decisions.desired.sum()) for _, _, decisions in ticks) == 40
    assert {one.tenant for one in result.bound} == {"silver", "bronze"}
    assert {(one.tenant, one.reason) for one in result.bound} >= {("bronze", "BUDGET"), ("bronze", "POOL")}


def test_pool_for_200_the_smallest_pool_is_above_what_erlang_asks_for() -> None:
    """The pool that was found keeps the objective under every seed, and is larger than always-ready replicas would be."""
    (search,) = known(FOLDER / "pool-for-200")["searches"]
    assert search["held"] == search["seeds"] == 3
    assert search["erlang_replicas"] < search["best"]["parameters"][search["over"]] < 300
    assert search["is_monotone"]
