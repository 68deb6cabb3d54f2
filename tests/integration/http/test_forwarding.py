"""Two listeners over real sockets: the standby hands on to the holder what only the holder can answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.server.run import Address
from tests.integration.http.fakes import ACME, GATEWAY
from tests.integration.http.pairs import STANDBY, Pair, paired, until
from tests.integration.http.sockets import exchange
from tests.servers.process import free_port

ALERTS = {
    "version": "4",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Slow", "namespace": "acme-prod", "function": "checkout"},
            "annotations": {},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "f1",
        }
    ],
}


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A holder and a standby."""
    async with paired() as both:
        yield both


async def error(answer: Any) -> dict[str, str]:
    found: dict[str, str] = (await answer.json())["error"]
    return found


@pytest.mark.parametrize(
    "path", ["/v1/functions?limit=1", "/v1/functions/acme-prod/checkout", "/v1/tenants", "/v1/status"]
)
async def test_what_is_read_through_the_standby_is_the_holders(pair: Pair, path: str) -> None:
    """State and decisions come from the holder: the standby has none of its own."""
    async with pair.ask("GET", path) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("application/json")
        through = await answer.json()
    pair.standbys.tell(is_leader=True)
    async with pair.ask("GET", path) as answer:
        if path != "/v1/status":
            assert answer.status == 503  # it has no tick: what was read before was not its own
    assert through


async def test_a_wake_is_held_by_the_holder(pair: Pair) -> None:
    """A wake through the standby is held once, by the holder, with its hold and its body left out, and released."""
    asking = asyncio.ensure_future(pair.ask("POST", "/v1/wake/acme-prod/checkout?hold=20s", GATEWAY, data=b"x" * 999))
    await until(lambda: pair.holder.holding == 1)
    pair.holder.ready.set()
    answer = await asking
    assert (answer.status, answer.headers["X-Wake-State"]) == (200, "ready")
    assert pair.holder.wakes == [(FunctionKey("acme-prod", "checkout"), 20.0)]
    assert pair.standby.wakes == []


async def test_a_client_that_hangs_up_frees_the_holders_place(pair: Pair) -> None:
    """Whoever gives up at the standby gives its place at the holder up too."""
    asking = asyncio.ensure_future(pair.ask("GET", "/v1/wake/acme-prod/checkout?hold=20s", GATEWAY))
    await until(lambda: pair.holder.holding == 1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await until(lambda: pair.holder.holding == 0)


async def test_an_alert_goes_to_the_holder(pair: Pair) -> None:
    """A webhook is taken by the holder, and its receipt comes back."""
    async with pair.ask("POST", "/v1/alerts", json=ALERTS) as answer:
        assert (answer.status, await answer.json()) == (200, {"accepted": 1, "dropped": {}})
    assert list(pair.holder.boosts) == ["f1"]
    assert pair.standby.boosts == {}


async def test_a_token_in_the_other_header_is_passed_on(pair: Pair) -> None:
    """A token that came through the API server's proxy is still there at the holder."""
    headers = {"X-Autoscaler-Authorization": f"Bearer {ACME}"}
    async with pair.ask("GET", "/v1/functions", token=None, headers=headers) as answer:
        assert answer.status == 200


async def test_refusals_are_the_holders(pair: Pair) -> None:
    """What the holder refuses comes back as it is, with its headers."""
    pair.holder.refused.add(FunctionKey("acme-prod", "checkout"))
    async with pair.ask("GET", "/v1/wake/acme-prod/checkout", GATEWAY) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "10")
    async with pair.ask("GET", "/v1/functions?limit=no") as answer:
        assert (answer.status, (await error(answer))["where"]) == (400, "query limit")
    async with pair.ask("GET", "/v1/functions", GATEWAY) as answer:
        assert answer.status == 403


@pytest.mark.parametrize("token", [None, "nobodys"])
async def test_who_is_not_known_makes_a_standby_ask_nothing(pair: Pair, token: str | None) -> None:
    """401 comes from the standby itself: with a holder that is not there it is no 503."""
    pair.standbys.tell(address=f"127.0.0.1:{free_port()}")
    async with pair.ask("POST", "/v1/alerts", token, json=ALERTS) as answer:
        assert answer.status == 401


async def test_a_body_that_is_too_large_stays_here(pair: Pair) -> None:
    """The rules of bodies hold at the standby as they do at the holder."""
    async with pair.ask(
        "POST", "/v1/alerts", data=b" " * (65 << 10), headers={"Content-Type": "application/json"}
    ) as it:
        assert it.status == 413
    async with pair.ask("POST", "/v1/alerts", data=b"{}", headers={"Content-Type": "text/plain"}) as it:
        assert it.status == 415


async def test_what_was_forwarded_once_is_never_forwarded_again(pair: Pair) -> None:
    """A request that a standby handed to another standby ends there, with 503 and Retry-After."""
    async with pair.ask("GET", "/v1/functions", headers={"X-Autoscaler-Forwarded": "1"}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    pair.holders.tell(is_leader=False, holder=STANDBY, address=f"{pair.address.host}:{pair.address.port}")
    async with pair.ask("GET", "/v1/functions") as answer:  # each takes the other for the holder
        assert answer.status == 503


@pytest.mark.parametrize(
    "state",
    [
        {"holder": None, "address": None},
        {"holder": STANDBY},
        {"address": None},
        {"address": "no-address"},
        {"address": "http://elsewhere/"},
    ],
    ids=["nobody", "itself", "no address", "no port", "a URL"],
)
async def test_without_a_holder_to_ask_it_says_so(pair: Pair, state: dict[str, Any]) -> None:
    """Where nobody can be asked the answer is 503 with Retry-After, never a guess and never itself."""
    pair.standbys.tell(**state)
    async with pair.ask("GET", "/v1/functions") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert (await error(answer))["where"] == "daemon"


async def test_a_holder_that_is_gone_is_a_503(pair: Pair) -> None:
    """A holder that refuses connections is not waited for."""
    pair.standbys.tell(address=f"127.0.0.1:{free_port()}")
    async with pair.ask("GET", "/v1/functions") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_probes_the_page_and_metrics_are_its_own(pair: Pair) -> None:
    """With no holder to ask, everything that needs none is answered all the same."""
    pair.standbys.tell(holder=None, address=None)
    for path in ("/healthz", "/"):
        async with pair.ask("GET", path, token=None) as answer:
            assert answer.status == 200
    async with pair.ask("GET", "/readyz", token=None) as answer:
        assert answer.status == 503  # the fake has had no tick
    async with pair.session.get(f"http://{pair.metrics.host}:{pair.metrics.port}/metrics") as answer:
        assert "autoscaler_leader " in await answer.text()


async def test_a_route_that_is_none_is_not_asked_for(pair: Pair) -> None:
    """An unknown path or method is refused by the standby itself."""
    pair.standbys.tell(holder=None, address=None)
    async with pair.ask("GET", "/v1/none") as answer:
        assert answer.status == 404
    async with pair.ask("DELETE", "/v1/functions") as answer:
        assert answer.status == 405


@pytest.mark.parametrize(
    "target",
    [
        "/v1/wake/../functions",
        "/v1/functions/../status",
        "/v1/functions/%2e%2e/status",
        "/v1/functions/..%2f..%2fmetrics/x",
        "/v1/functions/acme-prod/check%6fut",
        "/v1/functions/acme-prod/%ff",
        "/v1/functions?limit=1&limit=2",
        "/v1/functions?reason=%5A",
        "http://autoscaler/v1/functions?limit=1",
    ],
)
async def test_the_holder_is_asked_for_what_the_client_asked_for(pair: Pair, target: str) -> None:
    """However odd a path is written, it means the same at the standby and at the holder: nothing is tidied up between."""
    host, _, port = str(pair.standbys.told.address).rpartition(":")
    head = [f"GET {target} HTTP/1.1", f"Authorization: Bearer {ACME}"]
    assert await exchange(pair.address, head) == await exchange(Address(host, int(port)), head)


async def test_a_function_of_another_shard_is_said_to_be_there(pair: Pair) -> None:
    """404 names the shard that decides on a function of the caller's own tenant."""
    key = FunctionKey("acme-prod", "elsewhere")
    pair.holder.shards[key] = "2/3"
    async with pair.ask("GET", "/v1/functions/acme-prod/elsewhere") as answer:
        assert answer.status == 404
        assert "shard 2/3" in (await error(answer))["allowed"]
