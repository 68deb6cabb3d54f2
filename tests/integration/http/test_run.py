"""Listening: addresses, limits of a request's head, ending, and what is logged."""

import asyncio
import errno
import gc
import logging

import aiohttp
import pytest
import structlog
from aiohttp import web

from autoscaler.server.app import build, build_metrics
from autoscaler.server.run import serve
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, UMBRELLA, FakeAutoscaling, HandClock
from tests.integration.http.sockets import exchange, sent, status_of
from tests.servers.process import PATIENCE


async def test_port_0_takes_a_free_port_and_says_which() -> None:
    """Two listeners on port 0 listen on ports of their own."""
    service = FakeAutoscaling()
    async with (
        serve(build(service, HandClock()), "127.0.0.1:0") as main,
        serve(build_metrics(service), "127.0.0.1:0") as metrics,
    ):
        assert 0 < main.port != metrics.port > 0


async def test_a_port_in_use_is_an_error_and_leaves_nothing_behind(listening: Listening) -> None:
    """Listening where somebody listens fails at once."""
    listen = f"127.0.0.1:{listening.main.port}"
    with pytest.raises(OSError, match="in use") as raised:
        async with serve(build_metrics(FakeAutoscaling()), listen):
            pass
    assert raised.value.errno == errno.EADDRINUSE


async def test_it_listens_on_ipv6() -> None:
    """An IPv6 address stands in brackets."""
    async with (
        serve(build_metrics(FakeAutoscaling()), "[::1]:0") as address,
        aiohttp.ClientSession() as session,
        session.get(f"http://[{address.host}]:{address.port}/healthz") as answer,
    ):
        assert answer.status == 200


async def test_held_wakes_do_not_hold_up_the_end() -> None:
    """When the listener ends, a wake that is still held is cancelled and its place freed."""
    service = FakeAutoscaling()
    async with serve(build(service, HandClock()), "127.0.0.1:0", shutdown_s=0.05) as address:
        lines = ["GET /v1/wake/umbrella/mail HTTP/1.1", f"Authorization: Bearer {UMBRELLA}"]
        connection = sent(address, lines)
        reader, _ = await connection.__aenter__()
        await asyncio.wait_for(service.held.wait(), 30)
    assert service.holding == 0
    assert await asyncio.wait_for(reader.read(), 30) == b""
    await connection.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /" + "a" * 9_000 + " HTTP/1.1"],
        ["GET /healthz HTTP/1.1", "X-Long: " + "a" * 9_000],
        ["GET /healthz HTTP/1.1", *(f"X-{n}: 1" for n in range(200))],
        ["GET /healthz HTTP/1.1", "Content-Length: -1"],
        ["nonsense"],
    ],
    ids=["path", "header", "headers", "length", "nonsense"],
)
async def test_a_head_beyond_its_limits_is_refused(listening: Listening, lines: list[str]) -> None:
    """Too long a path or header, too many headers, or no HTTP at all get 400."""
    assert await exchange(listening.main, lines) == 400


async def test_the_log_holds_no_query_and_no_credential(listening: Listening) -> None:
    """A request's line has method, path and status; what secrets may stand in is left out."""
    structlog.reset_defaults()  # whatever level another test left it at
    with structlog.testing.capture_logs() as lines:
        await listening.read("/v1/functions?namespace=private-name")
        await listening.read("/v1/functions?token=private-token", status=400)
    shown = [(line["method"], line["path"], line["status"]) for line in lines]
    assert shown == [("GET", "/v1/functions", 200), ("GET", "/v1/functions", 400)]
    assert "private" not in str(lines)
    assert ACME not in str(lines)


@pytest.mark.parametrize("target", ["http://name:private@host/v1/functions", "name:private@host:80"])
async def test_what_stands_before_the_path_is_not_logged(listening: Listening, target: str) -> None:
    """A target as proxies are asked may carry a password before the path, as does the one of CONNECT."""
    method = "GET" if "://" in target else "CONNECT"
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as lines:
        assert await exchange(listening.main, [f"{method} {target} HTTP/1.1"]) in {401, 404}
    assert len(lines) == 1
    assert "private" not in str(lines)


async def test_probes_are_not_logged(listening: Listening) -> None:
    """Probes and scrapes come every few seconds and say nothing."""
    with structlog.testing.capture_logs() as lines:
        await listening.read("/healthz", None)
        await listening.read("/readyz", None)
        await listening.scrape()
    assert lines == []


async def test_a_path_is_logged_escaped_and_cut(listening: Listening) -> None:
    """No path breaks a log line or fills it."""
    with structlog.testing.capture_logs() as lines:
        await listening.read("/x%0Ay" + "z" * 500, status=404)
    path = lines[0]["path"]
    assert path.startswith("/x%0Ay")
    assert len(path) == 200


async def test_a_connection_that_never_asks_is_closed() -> None:
    """Silence, or half a request head, ends the connection; a wake held for longer than that goes on."""
    service = FakeAutoscaling()
    wake = ["GET /v1/wake/umbrella/mail HTTP/1.1", f"Authorization: Bearer {UMBRELLA}"]
    async with serve(build(service, HandClock()), "127.0.0.1:0", patience_s=0.1) as address:
        silent, silent_writer = await asyncio.open_connection(address.host, address.port)
        half, half_writer = await asyncio.open_connection(address.host, address.port)
        half_writer.write(b"GET /healthz HTTP/1.1\r\nHost:")
        async with sent(address, wake) as (reader, _):
            assert await asyncio.wait_for(silent.read(), 30) == b""
            assert await asyncio.wait_for(half.read(), 30) == b""
            assert service.holding == 1
            service.ready.set()
            assert await status_of(reader) == 200
        for writer in (silent_writer, half_writer):
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /healthz HTTP/1.1", "Authorization: Bearer private-\x01token"],
        ["GET /healthz HTTP/1.1", "Authorization Bearer private-token"],
        ["GET /healthz HTTP/1.1", "Authorization: Bearer private-token" + "x" * 9_000],
        ["GET http://[private-token HTTP/1.1"],
    ],
    ids=["control", "colon", "long", "url"],
)
async def test_the_log_holds_nothing_of_a_head_that_is_no_http(
    listening: Listening, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A broken request head may hold a credential: neither our log nor the library's repeats any of it."""
    with structlog.testing.capture_logs() as own:
        assert await exchange(listening.main, lines) == 400
    assert [line["status"] for line in own] == [400]
    assert "private" not in caplog.text + str(own)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_connections_that_asked_are_forgotten_when_they_end(listening: Listening) -> None:
    """Connections that are over are no longer kept by the clock that watches newcomers."""

    def kept() -> int:
        gc.collect()
        return sum(type(one) is web.RequestHandler for one in gc.get_objects())

    of_other_tests = kept()
    for _ in range(5):
        await exchange(listening.main, ["GET /healthz HTTP/1.1", "Connection: close"])
    async with asyncio.timeout(30 * PATIENCE):
        while kept() > of_other_tests:
            await asyncio.sleep(0.01)
