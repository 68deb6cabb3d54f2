"""Calls sent through real gateways, scraped by a real Prometheus, read as the daemon reads: none lost, none twice."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.integration.gateways.calling import called, held, mix, send
from tests.integration.gateways.standing import KINDS, NAMES, NEVER, RANGE_S, REPLICAS, Standing, functions, reading
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

EXTRAPOLATED = RANGE_S / (RANGE_S - 1) * 1.1
"""By what at most Prometheus makes a burst larger than it was: four scrapes of a range of four are three intervals."""

COUNTERS = {
    "haproxy": "group by (proxy) (haproxy_backend_sessions_total)",
    "nginx": "group by (exported_namespace, function) (nginx_http_requests_total)",
    "caddy": "group by (exported_namespace, function) (caddy_access_requests_total)",
}


async def test_as_many_are_counted_as_were_sent(stand: Standing) -> None:
    """Two replicas of each gateway, a log rotated on the way: each function's count is the calls sent, then it is idle."""
    each = 10
    async with reading(stand) as readers:
        await readers.calm()
        since_s = time.time()
        await asyncio.to_thread(_send, stand, each)
        names = [name for kind in KINDS for name in functions(kind)]
        rising = await readers.until(lambda now: all(now[name].rps for name in names), "every function to have a rate")
        falling = await readers.until(lambda now: all(now[name].is_idle for name in names), "every function to be idle")
    for kind in KINDS:
        assert stand.counts(kind, since_s) == [Counter(dict.fromkeys(functions(kind), each))] * len(stand.servers)
    for seen in (before + after for before, after in zip(rising, falling, strict=True)):
        for name in names:
            assert each <= max(RANGE_S * (now[name].rps or 0.0) for now in seen) * (1 + 1e-9)
            covered = [RANGE_S * (now[name].rps or 0.0) for now in seen if now[name].is_covered]
            assert max(covered) <= each * EXTRAPOLATED
        nobody_called = [seen[-1][f"{kind}-{NEVER}"] for kind in KINDS]
        assert [(one.is_idle, one.is_unknown) for one in nobody_called] == [(True, False), (False, True), (False, True)]


async def test_calls_that_take_long_and_clients_that_hang_up(stand: Standing) -> None:
    """HAProxy tells what runs; the logs tell of a call when it ends; each counts once, also if its client went away."""
    waited, left = "prod/resize", "globex/thumb-nail"
    async with reading(stand) as readers:
        await readers.calm()
        since_s = time.time()
        with _holding(stand, waited, left):
            both = await readers.until(lambda now: now[f"haproxy-{waited}"].in_flight == REPLICAS, "HAProxy to tell")
            for seen in both:
                assert not seen[-1][f"haproxy-{waited}"].is_idle
                assert (seen[-1][f"haproxy-{waited}"].concurrency or 0) > 0
                assert [seen[-1][f"{kind}-{waited}"].in_flight for kind in ("nginx", "caddy")] == [None, None]
            stand.wait_for_scrapes()
            for kind in ("nginx", "caddy"):
                # The client that hung up has been told of, the call that runs has not.
                assert stand.counts(kind, since_s) == [Counter({f"{kind}-{left}": REPLICAS})] * len(stand.servers)
        await readers.until(lambda now: now[f"haproxy-{left}"].in_flight == 0.0, "HAProxy to have ended")
    sent = {kind: Counter(functions(kind, waited, left) * REPLICAS) for kind in KINDS}
    stand.wait_for_scrapes()
    assert {kind: stand.counts(kind, since_s) for kind in KINDS} == {
        kind: [sent[kind]] * len(stand.servers) for kind in KINDS
    }


def test_names_that_callers_make_up_are_no_series(stand: Standing) -> None:
    """A function that is not there, one written otherwise, a path that is none: refused, and never counted."""
    for kind in KINDS:
        there, elsewhere = called(functions(kind)[0]), called("prod/none")
        paths = [
            elsewhere,
            "/",
            "/metrics",
            "/function/",
            "/function/resize",
            f"/x/..{there}",
            f"{there}-x",
            f"{there}%22/",
        ]
        paths += [there.replace(".", "%2E"), there.upper(), f'{elsewhere}?"uri":"{there}"', f"{there}.x/"]
        received = stand.received(kind)
        assert {send(stand.urls(kind)[0], path) for path in paths} == {404}
        assert stand.received(kind) == received
    stand.wait_for_scrapes()
    for kind in KINDS:
        assert _exported(stand, kind) <= {tuple(name.split("/")) for name in functions(kind, *NAMES, NEVER)}


def _send(stand: Standing, each: int) -> None:
    """Call every function so often; half-way one nginx's log is rotated."""
    for kind in KINDS:
        arrived = stand.received(kind)
        mix(stand.urls(kind), functions(kind), each // 2)
        if kind == "nginx":
            stand.gateways[kind][0].rotate()
        mix(stand.urls(kind), functions(kind), each // 2)
        assert stand.received(kind) - arrived == Counter(dict.fromkeys(functions(kind), each))


def _exported(stand: Standing, kind: str) -> set[tuple[str, ...]]:
    """Give namespace and name of whatever the gateways of a kind have a counter of."""
    found = [series["metric"] for server in stand.servers for series in server.query(COUNTERS[kind])]
    if kind == "haproxy":
        return {tuple(one["proxy"].split("_")) for one in found} - {("no", "function")}
    return {(one["exported_namespace"], one["function"]) for one in found}


@contextmanager
def _holding(stand: Standing, waited: str, left: str) -> Iterator[None]:
    """Have a call through each replica of each gateway to either function; the clients of `left` hang up at once."""
    holding = [stand.upstreams[f"{kind}-{name}"] for kind in KINDS for name in (waited, left)]
    for function in holding:
        function.hold()
    with ExitStack() as stack:
        for kind in KINDS:
            for url in stand.urls(kind):
                stack.enter_context(held(url, f"{kind}-{waited}"))
                function = stand.upstreams[f"{kind}-{left}"]
                before = len(function.received)
                with held(url, f"{kind}-{left}"):
                    wait_until(lambda one=function, n=before: len(one.received) > n, "the call to arrive")
        try:
            yield
        finally:
            for function in holding:
                function.release()
