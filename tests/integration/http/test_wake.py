"""`/v1/wake/{namespace}/{function}` over real sockets."""

import asyncio
import io
from typing import Any

import pytest

from autoscaler.core.fleet import FunctionKey
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, GATEWAY, OPERATOR, UMBRELLA
from tests.integration.http.sockets import sent, status_of
from tests.servers.process import PATIENCE

MAIL = FunctionKey("umbrella", "mail")
PATH = "/v1/wake/umbrella/mail"


async def wake(listening: Listening, query: str = "", token: str = UMBRELLA, **more: Any) -> tuple[int, Any, Any]:
    """Wake a function by GET and give status, headers and answer."""
    async with listening.ask("GET", PATH + query, token, **more) as answer:
        return answer.status, answer.headers, await answer.json()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_a_wake_is_held_until_the_function_is_ready(listening: Listening, method: str) -> None:
    """Every method is held and then answered with 200, since Envoy lets nothing else pass."""

    async def ask() -> tuple[int, str]:
        async with listening.ask(method, PATH, UMBRELLA) as answer:
            return answer.status, answer.headers["X-Wake-State"]

    asking = asyncio.create_task(ask())
    await asyncio.wait_for(listening.service.held.wait(), 30 * PATIENCE)
    assert not asking.done()
    listening.service.ready.set()
    assert await asyncio.wait_for(asking, 30 * PATIENCE) == (200, "ready")
    assert listening.service.wakes == [(MAIL, None)]


async def test_no_hold_starts_and_does_not_wait(listening: Listening) -> None:
    """`hold=0` answers at once with the state started."""
    status, headers, answer = await wake(listening, "?hold=0")
    assert (status, headers["X-Wake-State"], answer["state"]) == (200, "started", "started")
    assert listening.service.wakes == [(MAIL, 0.0)]


async def test_a_hold_that_ends_says_when_to_come_again(listening: Listening) -> None:
    """What is not ready within the hold gets 503 with Retry-After."""
    status, headers, answer = await wake(listening, "?hold=20ms")
    assert (status, answer["state"]) == (503, "not-ready")
    assert int(headers["Retry-After"]) > 0


async def test_a_refused_wake_names_its_reason(listening: Listening) -> None:
    """What a budget forbids gets 429, Retry-After and the reason's code."""
    listening.service.refused.add(MAIL)
    status, headers, answer = await wake(listening)
    assert (status, answer["state"], answer["reason"]) == (429, "refused", "BUDGET")
    assert int(headers["Retry-After"]) > 0


async def test_a_full_waiting_room_refuses(listening: Listening) -> None:
    """Beyond the places there are a request gets 429 instead of one more place."""
    listening.service.places = 0
    status, headers, answer = await wake(listening)
    assert (status, answer["state"]) == (429, "full")
    assert int(headers["Retry-After"]) > 0


async def test_who_hangs_up_frees_the_place(listening: Listening) -> None:
    """A gateway that closes its connection cancels the hold."""
    service = listening.service
    async with sent(listening.main, [f"GET {PATH} HTTP/1.1", f"Authorization: Bearer {UMBRELLA}"]):
        await asyncio.wait_for(service.held.wait(), 30 * PATIENCE)
        assert service.holding == 1
    await asyncio.wait_for(service.freed.wait(), 30 * PATIENCE)
    assert service.holding == 0
    assert "autoscaler_wakes_cancelled_total 1\n" in await listening.scrape()


async def test_who_hangs_up_amid_a_large_body_frees_the_place(listening: Listening) -> None:
    """Megabytes of an ignored body do not hide the hang-up."""
    service = listening.service
    head = [f"POST {PATH} HTTP/1.1", f"Authorization: Bearer {UMBRELLA}", "Content-Length: 5000000"]
    async with sent(listening.main, head, b"x" * 3_000_000) as (_, writer):
        await asyncio.wait_for(service.held.wait(), 30 * PATIENCE)
        writer.transport.abort()
        await asyncio.wait_for(service.freed.wait(), 30 * PATIENCE)
    assert service.holding == 0


async def test_a_body_is_ignored(listening: Listening) -> None:
    """A POST whose body is megabytes long is held and released like any other, on a connection that goes on."""
    listening.service.ready.set()
    for _ in range(2):
        async with listening.ask("POST", PATH, UMBRELLA, data=io.BytesIO(b"x" * 5_000_000)) as answer:
            assert answer.status == 200


async def test_a_foreign_function_and_none_look_the_same(listening: Listening) -> None:
    """The answer does not tell whether another tenant has such a function."""
    answers = []
    for path in ("/v1/wake/umbrella/mail", "/v1/wake/umbrella/no-such", "/v1/wake/nowhere/no-such"):
        async with listening.ask("GET", path, ACME) as answer:
            answers.append((answer.status, await answer.json(), sorted(answer.headers)))
    assert answers[0][0] == 404
    assert answers[0] == answers[1] == answers[2]


async def test_a_gateway_may_wake_what_it_serves_and_nothing_else(listening: Listening) -> None:
    """A gateway's token wakes functions of its tenants."""
    listening.service.ready.set()
    for path, status in (("/v1/wake/acme-prod/checkout", 200), (PATH, 404)):
        async with listening.ask("GET", path, GATEWAY) as answer:
            assert answer.status == status


@pytest.mark.parametrize("hold", ["", "x", "-1s", "25", "11m", "9" * 400 + "s", "nan"])
async def test_a_wrong_hold_is_refused(listening: Listening, hold: str) -> None:
    """A hold that is no duration, or too long, gets 400 and wakes nothing."""
    status, _, answer = await wake(listening, f"?hold={hold}")
    assert (status, answer["error"]["where"]) == (400, "query hold")
    assert not listening.service.wakes


async def test_parameters_of_the_gateways_own_client_are_ignored(listening: Listening) -> None:
    """A gateway may pass on the query of the call that it holds."""
    listening.service.ready.set()
    status, _, _ = await wake(listening, "?q=1&limit=-3")
    assert status == 200


@pytest.mark.parametrize(
    "path",
    [
        "UPPER/mail",
        "umbrella/-mail",
        "a_b/mail",
        "umbrella/ma%20il",
        "umbrella/%2e%2e",
        "n" * 64 + "/mail",
        "umbrella/m%00",
    ],
)
async def test_names_that_kubernetes_would_refuse_are_refused(listening: Listening, path: str) -> None:
    """A name that is no DNS-1123 name gets 400 and reaches nothing."""
    async with listening.ask("GET", f"/v1/wake/{path}", OPERATOR) as answer:
        assert answer.status in (400, 404)
    assert not listening.service.wakes


async def test_nobody_wakes_without_a_token(listening: Listening) -> None:
    """A wake without a known token gets 401 and no place."""
    async with listening.ask("GET", PATH, None) as answer:
        assert answer.status == 401
    assert not listening.service.wakes


async def test_no_other_method_wakes(listening: Listening) -> None:
    """DELETE gets 405 and the methods there are."""
    async with listening.ask("DELETE", PATH, UMBRELLA) as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET, HEAD, POST"


async def test_before_the_first_tick_a_wake_is_told_to_come_again(listening: Listening) -> None:
    """Not yet known is not 404: a function that exists must not be called missing."""
    listening.service.empty()
    status, headers, _ = await wake(listening)
    assert status == 503
    assert int(headers["Retry-After"]) > 0


async def test_wakes_are_counted_by_how_they_ended(listening: Listening) -> None:
    """Metrics hold one count for each state, and what is held now."""
    listening.service.refused.add(MAIL)
    await wake(listening)
    listening.service.refused.clear()
    async with sent(listening.main, [f"GET {PATH} HTTP/1.1", f"Authorization: Bearer {UMBRELLA}"]) as (reader, _):
        await asyncio.wait_for(listening.service.held.wait(), 30 * PATIENCE)
        metrics = await listening.scrape()
        assert 'autoscaler_wakes_total{state="refused"} 1\n' in metrics
        assert "autoscaler_wakes_held 1\n" in metrics
        listening.service.ready.set()
        assert await status_of(reader) == 200
