"""The twin's Prometheus answers a profile's queries from the platform, and refuses everything else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from autoscaler.policy.profiles import profile_of
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings
from autoscaler.twin.prometheus import Mode
from autoscaler.twin.queries import recognise
from autoscaler.twin.world import TARGET, Twin
from tests.integration.twin.scene import RESIZE, SLEEPY, HandClock
from tests.servers.process import PATIENCE

NAME = f"{RESIZE.name}.{RESIZE.namespace}"
QUIET = f"{SLEEPY.name}.{SLEEPY.namespace}"


def queries(match: dict[str, str] | None = None, interval: str = "1s") -> dict[str, str]:
    """Give the profile's queries by signal."""
    gateway = GatewaySettings(profile="openfaas", match=TARGET if match is None else match)
    source = SourceSettings.model_validate({"url": "http://x", "scrapeInterval": interval, "gateways": [gateway]})
    return {query.name: query.text for query in profile_of(gateway, source).queries}


@pytest.fixture
async def api(twin: Twin) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(twin.prometheus_url) as session:
        yield session


async def ask(api: aiohttp.ClientSession, text: str, **more: str) -> tuple[int, Any]:
    """Send an instant query; gives status and body."""
    async with api.post("/api/v1/query", data={"query": text, **more}) as answer:
        return answer.status, await answer.json()


async def values(api: aiohttp.ClientSession, text: str, **more: str) -> dict[tuple[str, str], float]:
    """Send an instant query; gives values by function_name and signal."""
    status, body = await ask(api, text, **more)
    assert status == 200
    assert body["data"]["resultType"] == "vector"
    series = body["data"]["result"]
    return {
        (one["metric"].get("function_name", ""), one["metric"].get("signal", "")): float(one["value"][1])
        for one in series
    }


async def test_answers_what_the_platform_does(api: aiohttp.ClientSession) -> None:
    """10 requests/s of 0.2 s read as a rate of 10 and 2 in flight; a function never called has no counters."""
    texts = queries()
    assert await values(api, texts["rate"]) == {(NAME, ""): pytest.approx(10, rel=0.05)}
    assert await values(api, texts["concurrency"]) == {(NAME, ""): pytest.approx(2, abs=1)}
    assert await values(api, texts["in_flight"]) == {(NAME, ""): pytest.approx(2, abs=1)}


async def test_gives_proof(api: aiohttp.ClientSession) -> None:
    """The proof names what moved, what is alive, and how well the range is covered."""
    proof = await values(api, queries()["proof"])
    assert proof[NAME, "moved"] == pytest.approx(40, abs=1)
    assert (proof[NAME, "alive"], proof[QUIET, "alive"]) == (2, 0)
    assert (QUIET, "moved") not in proof
    assert (proof["", "up"], proof["", "resets"]) == (1, 0)
    assert proof["", "scrapes"] >= 4


async def test_the_past_can_be_asked_for(api: aiohttp.ClientSession, clock: HandClock) -> None:
    """`time` moves the range: before the platform's first scrape nothing is known."""
    long_ago = str(clock.now().utc_s - 3600)
    assert await values(api, queries()["proof"], time=long_ago) == {}


async def test_get_answers_as_post_does(api: aiohttp.ClientSession) -> None:
    """Both methods of the API give the same answer."""
    text = queries()["proof"]
    async with api.get("/api/v1/query", params={"query": text}) as answer:
        assert await answer.json() == (await ask(api, text))[1]


@pytest.mark.parametrize(
    ("text", "more", "status", "kind"),
    [
        ("", {}, 400, "bad_data"),
        ("up", {}, 422, "execution"),
        (queries()["rate"] + " or vector(0)", {}, 422, "execution"),
        (queries(interval="15s")["rate"], {}, 422, "execution"),
        (queries()["rate"].replace("job=", "job=~"), {}, 422, "execution"),
        (queries()["rate"], {"time": "yesterday"}, 400, "bad_data"),
    ],
)
async def test_refuses_the_rest(
    api: aiohttp.ClientSession, text: str, more: dict[str, str], status: int, kind: str
) -> None:
    """A query of no profile, or over another range than the twin's, is an error in Prometheus's form."""
    got, body = await ask(api, text, **more)
    assert (got, body["status"], body["errorType"]) == (status, "error", kind)


async def test_another_target_has_no_series(api: aiohttp.ClientSession) -> None:
    """A selector that does not match the twin's gateway is answered with nothing."""
    for text in queries({**TARGET, "job": "another"}).values():
        assert await values(api, text) == {}


async def test_no_selector_means_every_target(api: aiohttp.ClientSession) -> None:
    """Queries without matchers, as settings without `match` make them, find the twin's gateway."""
    assert (await values(api, queries({})["proof"]))["", "up"] == 1


async def test_an_empty_server_has_no_sign_of_life(api: aiohttp.ClientSession, twin: Twin) -> None:
    """Told to be empty it answers every query with no series at all, `up` included."""
    twin.prometheus.turn(Mode.EMPTY)
    for text in queries().values():
        assert await values(api, text) == {}


async def test_an_unavailable_server_says_503(api: aiohttp.ClientSession, twin: Twin) -> None:
    """Told to be unavailable it answers 503, its readiness too."""
    twin.prometheus.turn(Mode.UNAVAILABLE)
    assert (await ask(api, queries()["rate"]))[0] == 503
    async with api.get("/-/ready") as answer:
        assert answer.status == 503


async def test_a_silent_server_answers_when_it_is_back(api: aiohttp.ClientSession, twin: Twin) -> None:
    """Told to be silent it says nothing; who still waits when that ends is answered."""
    twin.prometheus.turn(Mode.SILENT)
    asking = asyncio.create_task(ask(api, queries()["rate"]))
    async with asyncio.timeout(30 * PATIENCE):
        while twin.prometheus.queries == 0:
            await asyncio.sleep(0)
        assert not asking.done()
        twin.prometheus.turn(Mode.ANSWERS)
        assert (await asking)[0] == 200


async def test_nothing_is_scraped_in_silence(api: aiohttp.ClientSession, twin: Twin, clock: HandClock) -> None:
    """After a silence the range lacks scrapes, so its values read as lower bounds, until it is covered anew."""
    twin.prometheus.turn(Mode.SILENT)
    await clock.move(10.0)
    twin.prometheus.turn(Mode.ANSWERS)
    await clock.move(2.0)
    assert (await values(api, queries()["proof"]))["", "scrapes"] < 4
    await clock.move(5.0)
    assert (await values(api, queries()["proof"]))["", "scrapes"] >= 4


async def test_a_gateway_that_is_down_shows(api: aiohttp.ClientSession, twin: Twin, clock: HandClock) -> None:
    """A target that does not answer scrapes reads `up` 0."""
    twin.gateway_is_up = False
    await clock.move(2.0)
    assert (await values(api, queries()["proof"]))["", "up"] == 0


async def test_a_query_is_known_whatever_its_white_space() -> None:
    """Line breaks and blanks outside strings mean nothing, inside strings everything."""
    text = queries({"job": 'a "b" c'})["proof"]
    spaced = text.replace("(", "( \n ").replace("{", "{ ")
    assert recognise(spaced, 1.0) == recognise(text, 1.0) is not None
    assert recognise(text.replace("signal", "sig nal"), 1.0) is None


@pytest.mark.parametrize("value", ["a", 'quo"te', "back\\slash", "line\nbreak", "}{[4s]", "", "ü — 日本"])
async def test_any_label_value_is_read_back(value: str) -> None:
    """The selector of a recognised query is what the settings said, whatever characters it has."""
    for signal, text in queries({"job": value}).items():
        found = recognise(text, 1.0)
        assert found is not None
        assert (found.signal, found.match) == (signal, {"job": value})
