"""The past, asked for at once, is what reading at those moments would have given."""

from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.plan import Plan
from tests.integration.prometheus.fake import FakePrometheus, Reply, answer, document
from tests.integration.prometheus.loading import loads, openfaas, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import BACK, GAP, LAST, SCRAPE_S, at
from tests.servers.prometheus import Prometheus

NAMES = ("steady", "figlet", "born", "first", "burst", "renamed", "quiet", "long", "never", "backwards", "unheard")
PLAN = plan_of({"ours": [f"fn/{name}" for name in NAMES], "theirs": ["theirs/steady"]})
SPAN_S = 20 * SCRAPE_S


async def past_of(
    made: PrometheusLoads, plan: Plan, now: Now, reach_s: float = SPAN_S, **more: float
) -> list[tuple[Now, Load]]:
    found = await made.past(plan, now, reach_s=reach_s, within_s=60.0, **more)
    return list(found.moments)


@pytest.mark.server
@pytest.mark.parametrize("job", ["gateway", "restarted", "down", "new", "silent"])
async def test_every_moment_is_what_reading_then_gave(past: Prometheus, job: str) -> None:
    """Moment by moment, every column is that of a reading at that moment, proofs and gaps included."""
    settings = source(past.url, openfaas(job, tenants=["ours"]))
    async with loads(main=settings) as made:
        told = await past_of(made, PLAN, at(LAST))
    async with loads(main=settings) as made:
        read = [await made.read(PLAN, moment) for moment, _ in told]
    assert len(told) >= SPAN_S / SCRAPE_S
    for (_, one), other in zip(told, read, strict=True):
        for column in ("rps", "concurrency", "in_flight", "is_covered", "is_idle", "range_s"):
            np.testing.assert_allclose(getattr(one, column), getattr(other, column), rtol=1e-9, err_msg=column)


@pytest.mark.server
async def test_the_oldest_comes_first_and_the_last_is_now(past: Prometheus) -> None:
    """Moments are a scrape apart where there is time, reach as far back as asked, and end with the one asked at."""
    async with loads(main=source(past.url)) as made:
        told = await past_of(made, PLAN, at(LAST))
    moments = [moment.monotonic_s for moment, _ in told]
    assert moments[-1] == at(LAST).monotonic_s
    assert moments[0] == at(LAST).monotonic_s - SPAN_S
    assert set(np.diff(moments)) == {float(SCRAPE_S)}


@pytest.mark.server
async def test_what_lay_before_a_gap_is_told_as_it_was(past: Prometheus) -> None:
    """Across an outage of five minutes moments are covered before it, unknown in it, and lower bounds after it."""
    async with loads(main=source(past.url, openfaas("away"))) as made:
        told = await past_of(made, PLAN, at(BACK + 8), reach_s=(GAP + 16) * SCRAPE_S)
    steady = [row(load, PLAN, "fn/steady") for _, load in told]
    assert (steady[0].is_covered, steady[-1].is_covered) == (True, True)
    assert any(one.is_unknown for one in steady)
    assert any(not one.is_unknown and not one.is_covered for one in steady)


@pytest.mark.server
async def test_the_newest_stretch_stands_at_ticks_distance(past: Prometheus) -> None:
    """Between scrapes the last moment that was asked for stands, so that samples weigh as ticks would."""
    async with loads(main=source(past.url)) as made:
        told = await past_of(made, PLAN, at(LAST), every_s=5.0, fine_s=30.0)
    moments = np.array([moment.monotonic_s for moment, _ in told]) - at(LAST).monotonic_s
    assert set(np.diff(moments[moments >= -30.0])) == {5.0}
    by_moment = {round(moment.monotonic_s - at(LAST).monotonic_s): load for moment, load in told}
    np.testing.assert_array_equal(by_moment[-10].rps, by_moment[-15].rps)


@pytest.mark.server
async def test_a_wall_clock_that_was_moved_asks_for_its_own_past(past: Prometheus) -> None:
    """Moments are counted back from the time given: monotonic seconds and UTC go back by the same."""
    now = Now(17.0, at(LAST).utc_s)
    async with loads(main=source(past.url)) as made:
        told = await past_of(made, PLAN, now)
    assert {round(moment.utc_s - moment.monotonic_s, 3) for moment, _ in told} == {round(now.utc_s - 17.0, 3)}
    assert row(told[0][1], PLAN, "fn/steady").rps == pytest.approx(10.0)


def refusing(status: int) -> Reply:
    """Answer range queries with an error alone."""

    return lambda handler: document(handler, {"status": "error", "errorType": "bad_data", "error": "secret"}, status)


@pytest.mark.parametrize("status", [400, 422, 500, 503])
async def test_a_source_that_has_no_past_says_why(status: int) -> None:
    """A source that refuses range queries gives no moment and a problem in words, and raises nothing."""
    with FakePrometheus(refusing(status)) as fake:
        async with loads(main=source(fake.url)) as made:
            found = await made.past(PLAN, at(LAST), reach_s=300.0, within_s=5.0)
            moments = list(found.moments)
    assert moments == []
    assert f"HTTP {status}" in found.problems["main"]
    assert "secret" not in found.problems["main"]


async def test_a_source_that_hangs_takes_no_longer_than_allowed_and_others_are_told() -> None:
    """One source that never answers leaves its own functions unknown; the other's past is told."""
    plan = plan_of({"ours": ["fn/steady"], "theirs": ["theirs/steady"]}, {"theirs": "other"})
    with FakePrometheus(matrices) as sound, FakePrometheus(matrices) as hanging:
        hanging.reply = lambda handler: hanging.released.wait() and None
        async with loads(main=source(sound.url), other=source(hanging.url, timeout="60s")) as made:
            found = await made.past(plan, at(LAST), reach_s=60.0, within_s=1.0)
            told = list(found.moments)
    assert told
    assert all(row(load, plan, "fn/steady").rps == 10.0 for _, load in told)
    assert all(row(load, plan, "theirs/steady").is_unknown for _, load in told)
    assert set(found.problems) == {"other"}


def matrices(handler: BaseHTTPRequestHandler) -> None:
    """Answer a range query as a Prometheus whose instant answers are always the same."""
    query = parse_qs(urlsplit(handler.path).query)
    start, end, step = (float(query[name][0]) for name in ("start", "end", "step"))
    times = np.arange(start, end + step / 2, step).tolist()
    result = [
        {"metric": one["metric"], "values": [[moment, one["value"][1]] for moment in times]} for one in answer(handler)
    ]
    document(handler, {"status": "success", "data": {"resultType": "matrix", "result": result}})
