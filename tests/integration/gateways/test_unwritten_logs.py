"""A log that is not written, or not read, is no silence."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.gateways.calling import Steady
from tests.integration.gateways.standing import RANGE_S, REQUEST_TIMEOUT_S, Row, Standing, functions, reading
from tests.servers.process import wait_until

pytestmark = pytest.mark.server


@contextmanager
def misrotated(stand: Standing) -> Iterator[None]:
    """Have an nginx write on to a log that was renamed: nobody told it, so that its mtail reads an empty one."""
    nginx = stand.gateways["nginx"][0]
    nginx.log.replace(nginx.log.with_suffix(".log.2"))
    nginx.log.touch()
    try:
        yield
    finally:
        nginx.rotate()


async def test_a_log_that_stops_is_not_taken_for_silence(stand: Standing) -> None:
    """Calls go on while one log of two stands still: a lower bound as soon as that shows, never a zero; then whole again."""
    name, other = functions("nginx")[0], functions("caddy")[0]

    def is_whole(now: Row) -> bool:
        return bool(now[name].is_covered and now[name].rps and now[other].is_covered)

    async with reading(stand) as readers:
        with Steady([(stand.urls("nginx")[0], name), (stand.urls("caddy")[0], other)]):
            await readers.until(is_whole, "the functions to be called for a whole range")
            with misrotated(stand):
                await readers.until(lambda now: not now[name].is_covered, "the log to be missed")
                ended_s = time.monotonic() + RANGE_S + REQUEST_TIMEOUT_S
                stopped = await readers.until(lambda _: time.monotonic() > ended_s, "silence to have lasted")
            again = await readers.until(is_whole, "the log to be read again")
    for seen in (*stopped, *again):
        assert not any(now[name].is_idle or (now[name].is_covered and not now[name].rps) for now in seen)
    assert all(any(now[other].is_covered for now in seen) for seen in stopped)


def test_a_heartbeat_is_of_no_function(stand: Standing) -> None:
    """What keeps the logs alive counts for nobody: nothing but functions has a series of requests."""
    for server in stand.servers:
        for beats in ("nginx_http_heartbeats_total", "caddy_access_heartbeats_total"):
            wait_until(lambda one=server, text=f"min({beats})": (one.value(text) or 0.0) > 0, "every heartbeat")
        assert server.query('{__name__=~"nginx_http_requests_total|caddy_access_requests_total",function="-"}') == []
