"""Requests of a past span, read from raw samples of a Prometheus: exact under bursts, and within its limits."""

import re
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest

from autoscaler.adapters.prometheus.counters import read_counts
from autoscaler.adapters.prometheus.errors import AnswerError
from autoscaler.adapters.prometheus.raw import LEAST_SCRAPES
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.source_settings import SourceSettings
from tests.integration.prometheus.fake import FakePrometheus, asked, document
from tests.integration.prometheus.timeline import Points
from tests.servers.prometheus import VERSIONS, Prometheus, prometheus, write_blocks
from tests.unit.simulator.trace_sets.sets import bursts

pytestmark = pytest.mark.server

BEGIN_S, LENGTH_S, SCRAPE_S = 1_774_771_200, 1_200, 15
LATE_S = 6.3
"""How long after the ends of steps scrapes come."""

CODE = FunctionKey("acme", "code")
ARRIVALS_S = bursts(0.5, 40.0, (20.0, 2.0), LENGTH_S + 60.0)
SERVICE_S = 0.5


def scrapes() -> Mapping[str, Points]:
    """Give what a gateway says of one function that is called in bursts, with a counter of each code."""
    target = 'instance="gw:1",job="gateway"'
    label = f'function_name="code.acme",{target}'
    ends_s = ARRIVALS_S + SERVICE_S
    is_odd = np.arange(len(ends_s)) % 7 == 0
    series: dict[str, Points] = {}
    for number in range(-10, LENGTH_S // SCRAPE_S + 2):
        after_s = number * SCRAPE_S + LATE_S
        values = {
            f"up{{{target}}}": 1,
            f"process_start_time_seconds{{{target}}}": BEGIN_S - 86_400,
            f"gateway_service_count{{{label}}}": 8,
            f"gateway_function_invocation_started{{{label}}}": 5_000 + np.searchsorted(ARRIVALS_S, after_s, "right"),
            f'gateway_function_invocation_total{{code="200",{label}}}': 5_000 + np.sum(ends_s[~is_odd] <= after_s),
            f'gateway_function_invocation_total{{code="500",{label}}}': np.sum(ends_s[is_odd] <= after_s),
        }
        for name, value in values.items():
            if value or "500" not in name:  # the counter of a code is born with its first answer
                series.setdefault(name, []).append((BEGIN_S + after_s, float(value)))
    return series


@pytest.fixture(scope="module", params=VERSIONS)
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scraped it."""
    folder = tmp_path_factory.mktemp("counters")
    write_blocks(folder, scrapes())
    with prometheus(folder, {}, program=request.param) as server:
        yield server


def settings(url: str, **more: object) -> SourceSettings:
    match = {"job": "gateway"}
    return SourceSettings.model_validate({"url": url, "gateways": [{"profile": "openfaas", "match": match}], **more})


def test_counts_are_those_that_came_between_scrapes(gateway: Prometheus) -> None:
    """Not one request is added or lost, in any step; those in flight are those that ran at the scrape."""
    found = read_counts(settings(gateway.url), [CODE], BEGIN_S, BEGIN_S + LENGTH_S, 60.0)
    edges_s = np.arange(0, LENGTH_S + 1, SCRAPE_S) + LATE_S
    np.testing.assert_array_equal(found.requests[0], np.diff(np.searchsorted(ARRIVALS_S, edges_s, "right")))
    assert found.in_flight is not None
    running = np.searchsorted(ARRIVALS_S, edges_s[1:]) - np.searchsorted(ARRIVALS_S + SERVICE_S, edges_s[1:])
    np.testing.assert_array_equal(found.in_flight[0], running)
    assert found.step_s == SCRAPE_S
    assert found.requests.max() > 4 * found.requests.mean()


def test_what_would_not_fit_has_longer_steps(gateway: Prometheus) -> None:
    """The same requests in fewer steps, as many as may be held."""
    found = read_counts(settings(gateway.url), [CODE], BEGIN_S, BEGIN_S + LENGTH_S, 60.0, cells=30)
    assert (found.step_s, found.requests.shape) == (3 * SCRAPE_S, (1, 26))
    edges_s = np.arange(0, 26 * 45 + 1, 45) + LATE_S
    np.testing.assert_array_equal(found.requests[0], np.diff(np.searchsorted(ARRIVALS_S, edges_s, "right")))


def limited(most_s: float) -> FakePrometheus:
    """A Prometheus without series that answers ranges up to a length, and what Prometheus says to longer ones."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        asked_s = int(re.findall(r"\[(\d+)ms\]", asked(handler))[0]) / 1_000
        if asked_s > most_s:
            document(handler, {"status": "error", "errorType": "execution", "error": "too many samples"}, status=422)
        else:
            document(handler, {"status": "success", "data": {"resultType": "matrix", "result": []}})

    return FakePrometheus(reply)


def test_stretches_are_shortened_until_they_are_answered() -> None:
    """Where a server gives fewer samples at once, more questions are asked, and the whole span is read."""
    with limited(100.0) as server:
        found = read_counts(settings(server.url), [CODE], BEGIN_S, BEGIN_S + 900, 60.0)
        told_s = {}
        for one in server.requests:
            text = one["query"]["query"][0]
            length_s = int(re.findall(r"\[(\d+)ms\]", text)[0]) / 1_000
            if text.startswith("up") and length_s <= 100:
                told_s[float(one["query"]["time"][0])] = length_s
    assert sum(told_s.values()) == pytest.approx(900 + 2.5 * SCRAPE_S, abs=0.01)
    assert np.isnan(found.requests).all()


def test_a_limit_that_is_always_met_is_named() -> None:
    """Not even two scrapes at once: the answer names the server's limits and how much was asked for."""
    with limited(1.0) as server, pytest.raises(AnswerError, match=r"30 s alone; --query\.max-samples"):
        read_counts(settings(server.url), [CODE], BEGIN_S, BEGIN_S + 900, 60.0)
    assert LEAST_SCRAPES * SCRAPE_S == 30


def test_other_refusals_are_told_as_they_are() -> None:
    """A server that does not let us in is asked once, and no limit is named."""

    def refuse(handler: BaseHTTPRequestHandler) -> None:
        document(handler, {"status": "error", "errorType": "unauthorized"}, status=401)

    with FakePrometheus(refuse) as server:
        with pytest.raises(AnswerError) as caught:
            read_counts(settings(server.url), [CODE], BEGIN_S, BEGIN_S + 900, 60.0)
        assert len(server.requests) == 1
    assert "401" in str(caught.value)
    assert "max-samples" not in str(caught.value)


@pytest.mark.parametrize(
    "result",
    [
        [{"metric": {}, "values": "none"}],
        [{"metric": {}, "values": [[2, "1"], [1, "1"]]}],
        [{"metric": {}, "values": [[1, "one"]]}],
        [{"values": []}],
    ],
)
def test_answers_that_are_no_samples_are_not_believed(result: object) -> None:
    """What is not in the order of time, or no number, is no answer."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        document(handler, {"status": "success", "data": {"resultType": "matrix", "result": result}})

    with FakePrometheus(reply) as server, pytest.raises(AnswerError, match="an element of the answer"):
        read_counts(settings(server.url), [CODE], BEGIN_S, BEGIN_S + 900, 60.0)
