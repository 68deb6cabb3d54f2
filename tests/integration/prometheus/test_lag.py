"""How far into the past queries look: as far as storing a scrape takes, and no further."""

from http.server import BaseHTTPRequestHandler

import pytest

from tests.integration.prometheus.fake import FakePrometheus, Reply, answer, asked, document, healthy, sample, vector
from tests.integration.prometheus.loading import openfaas, read_at, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import LAST, at

pytestmark = pytest.mark.server

PLAN = plan_of({"ours": ["fn/steady"]})
EIGHTH_S = 15 / 8


def storing(seconds: object, job: str = "gateway") -> Reply:
    """Answer soundly, and say of one gateway how long scrapes take."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        says = "signal" in asked(handler) and f'job="{job}"' in asked(handler)
        document(handler, vector([*answer(handler), *([sample(seconds, signal="storing")] if says else [])]))

    return reply


async def looked_back_s(reply: Reply, *jobs: str) -> list[float]:
    """Give how far before now each of two readings looked."""
    with FakePrometheus(reply) as server:
        await read_at(source(server.url, *(openfaas(job) for job in jobs or ("gateway",))), PLAN, [at(LAST), at(LAST)])
        times = [float(request["query"]["time"][0]) for request in server.requests]
    return [round(at(LAST).utc_s - time_s, 3) for time_s in dict.fromkeys(times)]


@pytest.mark.parametrize(("takes_s", "lag_s"), [(0.01, 0.25), (0.4, 0.6), (1.0, 1.5)])
async def test_queries_look_as_far_back_as_scrapes_take(takes_s: float, lag_s: float) -> None:
    """The first reading looks an eighth of the interval back, those after it half as long again as a scrape takes."""
    assert await looked_back_s(storing(takes_s)) == [EIGHTH_S, lag_s]


@pytest.mark.parametrize("reply", [healthy, storing("NaN"), storing(2.0), storing(60.0)])
async def test_queries_never_look_further_back_than_an_eighth(reply: Reply) -> None:
    """Where nobody says how long scrapes take, or they take long, every reading looks an eighth of the interval back."""
    assert await looked_back_s(reply) == [EIGHTH_S]


async def test_one_gateway_that_says_nothing_is_waited_for() -> None:
    """Of two gateways both must say how long scrapes take, since one time is asked of both."""
    assert await looked_back_s(storing(0.1, "one"), "one", "two") == [EIGHTH_S]
