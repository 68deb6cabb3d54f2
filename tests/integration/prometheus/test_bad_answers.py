"""Answers that may not be believed, and servers that do not answer: always unknown, never an exception."""

import gzip
import json
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import pytest

from tests.integration.prometheus.fake import FakePrometheus, Reply, answer, body, document, healthy, sample, vector
from tests.integration.prometheus.loading import loads, openfaas, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import LAST, at
from tests.servers.process import free_port

PLAN = plan_of({"ours": ["fn/steady"]})


def refuses(status: int) -> Reply:
    return lambda handler: document(handler, {"status": "error", "errorType": "timeout", "error": "secret"}, status)


def drips(handler: BaseHTTPRequestHandler) -> None:
    """Send headers and then a byte now and then, for as long as anybody reads."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    drip(handler)


def drips_headers(handler: BaseHTTPRequestHandler) -> None:
    """Never come to the end of the headers."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    drip(handler)


def drip(handler: BaseHTTPRequestHandler) -> None:
    for _ in range(600):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"status":"success"')
    handler.close_connection = True


def dated(offset_s: float) -> Reply:
    """Answer soundly, from a machine whose clock is off."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        date = formatdate(time.time() + offset_s, usegmt=True)
        handler.date_time_string = lambda timestamp=None: date  # type: ignore[method-assign]
        document(handler, vector(answer(handler)))

    return reply


def negative_chunk(handler: BaseHTTPRequestHandler) -> None:
    """Say that less than nothing follows."""
    handler.wfile.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n"
    )
    handler.close_connection = True


def written_date(date: str) -> Reply:
    """Answer soundly, with this for a date."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.date_time_string = lambda timestamp=None: date  # type: ignore[method-assign]
        healthy(handler)

    return reply


def changed(**more: object) -> Reply:
    """Answer soundly, with something beside it."""
    return lambda handler: document(handler, vector(answer(handler), **more))


def samples(value: object) -> Reply:
    """Answer with this in the place of each value."""
    return lambda handler: document(handler, vector([{**one, "value": value} for one in answer(handler)]))


WRONG = {
    "503": refuses(503),
    "429": refuses(429),
    "422": refuses(422),
    "500 without JSON": lambda handler: body(handler, b"<html>", 500),
    "redirect": lambda handler: document(handler, {}, 302, Location="/elsewhere"),
    "garbage": lambda handler: body(handler, b"\x00\xff not json"),
    "empty body": lambda handler: body(handler, b""),
    "a list": lambda handler: document(handler, []),
    "HTML": lambda handler: body(handler, b"<html>", Content_Type="text/html"),
    "status error with 200": lambda handler: document(handler, {"status": "error"}),
    "no data": lambda handler: document(handler, {"status": "success"}),
    "a matrix": lambda handler: document(
        handler, {"status": "success", "data": {"resultType": "matrix", "result": []}}
    ),
    "a result that is no list": lambda handler: document(
        handler, {"status": "success", "data": {"resultType": "vector", "result": {}}}
    ),
    "elements that are no samples": lambda handler: document(handler, vector([{"metric": {}}, 3])),
    "labels that are no labels": lambda handler: document(handler, vector([{"metric": 3, "value": [0, "1"]}])),
    "values that are no numbers": samples([0, "many"]),
    "values that are null": samples(None),
    "warnings": changed(warnings=["a store did not answer"]),
    "warnings that are no list": changed(warnings=3),
    "isPartial": changed(isPartial=True),
    "compressed": lambda handler: body(
        handler, gzip.compress(json.dumps(vector(answer(handler))).encode()), Content_Encoding="gzip"
    ),
    "huge": lambda handler: body(handler, b" " * 3_000_000),
    "broken off": breaks_off,
    "a chunk of negative length": negative_chunk,
    "empty vector": lambda handler: document(handler, vector([])),
    "NaN": samples([0, "NaN"]),
    "Inf": samples([0, "+Inf"]),
    "an hour behind": dated(-3600.0),
    "an hour ahead": dated(3600.0),
    "dripping": drips,
    "dripping headers": drips_headers,
}


@pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG.keys())
async def test_what_cannot_be_believed_is_unknown(reply: Reply) -> None:
    """An answer that is not a whole, sound vector of numbers leaves the load unknown, the health says so, and the worker stays."""
    with FakePrometheus(reply) as fake:
        settings = source(fake.url, maxBytes=2_000_000, timeout="1s")
        async with loads(main=settings) as made:
            workers = made.worker_pids()
            load = await made.read(PLAN, at(LAST))
            (health,) = made.health()
            assert made.worker_pids() == workers
    seen = row(load, PLAN, "fn/steady")
    assert (seen.is_unknown, seen.is_covered, seen.is_idle) == (True, False, False)
    assert not health.is_ok
    assert health.failures == 1
    assert health.error is not None
    assert "its worker did not end" not in health.error
    assert "secret" not in health.error
    assert fake.url.removeprefix("http://") not in health.error


async def test_a_sound_answer_is_believed() -> None:
    """The same server, sound, gives the values: so the cases above fail for their own reason."""
    with FakePrometheus(healthy) as fake:
        async with loads(main=source(fake.url)) as made:
            seen = row(await made.read(PLAN, at(LAST)), PLAN, "fn/steady")
            (health,) = made.health()
    assert (seen.rps, seen.concurrency, seen.in_flight, seen.is_covered) == (10.0, 3.0, 3.0, True)
    assert (health.is_ok, health.error, health.series, health.failures) == (True, None, 9, 0)


NO_DATES = {
    "no date": "soon",
    "an offset that no clock has": "Sat, 21 Nov 2026 10:06:07 +99999999999999",
    "a day that no calendar has": "Sat, 99999999999999999999 Nov 2026 10:06:07 GMT",
}


@pytest.mark.parametrize("date", NO_DATES.values(), ids=NO_DATES.keys())
async def test_a_date_that_is_none_says_nothing_of_the_clock(date: str) -> None:
    """An answer whose date cannot be read is taken like one without, and the source goes on being read."""
    with FakePrometheus(written_date(date)) as fake:
        async with loads(main=source(fake.url, timeout="1s")) as made:
            assert row(await made.read(PLAN, at(LAST)), PLAN, "fn/steady").rps == 10.0


@pytest.mark.parametrize("more", [{"infos": ["PromQL info: x"]}, {"warnings": ["PromQL info: metric might not be"]}])
async def test_notes_about_the_query_are_no_sign_of_missing_data(more: dict[str, object]) -> None:
    """Newer servers note that a counter is not named `…_total`; such an answer is whole."""
    with FakePrometheus(changed(**more)) as fake:
        async with loads(main=source(fake.url)) as made:
            assert row(await made.read(PLAN, at(LAST)), PLAN, "fn/steady").rps == 10.0


async def test_a_series_without_the_name_label_is_passed_over() -> None:
    """A series that names no function, or one that is not ours, counts for nobody."""
    with FakePrometheus(
        lambda one: document(one, vector([*answer(one), sample(99), sample(99, function_name="x")]))
    ) as fake:
        async with loads(main=source(fake.url)) as made:
            assert row(await made.read(PLAN, at(LAST)), PLAN, "fn/steady").rps == 10.0


async def test_nobody_listening_is_unknown() -> None:
    """A refused connection leaves the load unknown."""
    async with loads(main=source(f"http://127.0.0.1:{free_port()}")) as made:
        assert row(await made.read(PLAN, at(LAST)), PLAN, "fn/steady").is_unknown
        assert not made.health()[0].is_ok


async def test_a_sick_source_is_asked_less() -> None:
    """The first failures are asked again every tick, then ever fewer are; one success ends that."""
    with FakePrometheus(refuses(503)) as fake:
        async with loads(main=source(fake.url)) as made:
            asked_at = []
            for second in range(0, 120, 2):
                before = len(fake.requests)
                await made.read(PLAN, at(LAST, second))
                asked_at += [second] * (len(fake.requests) - before)
            fake.reply = healthy
            after = [await made.read(PLAN, at(LAST, second)) for second in range(120, 140, 2)]
    assert asked_at == [0, 2, 4, 6, 10, 18, 34, 64, 94]
    assert [row(load, PLAN, "fn/steady").is_unknown for load in after] == [True] * 2 + [False] * 8


async def test_only_the_gateway_whose_query_is_refused_is_lost() -> None:
    """Of two gateways for different tenants, a query that is refused for one leaves the other's loads known."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        (refuses(422) if "broken" in handler.path else healthy)(handler)

    plan = plan_of({"ours": ["fn/steady"], "theirs": ["theirs/steady"]})
    with FakePrometheus(reply) as fake:
        gateways = openfaas("broken", tenants=["theirs"]), openfaas("gateway", tenants=["ours"])
        async with loads(main=source(fake.url, *gateways)) as made:
            load = await made.read(plan, at(LAST))
            (health,) = made.health()
    assert row(load, plan, "fn/steady").rps == 10.0
    assert row(load, plan, "theirs/steady").is_unknown
    assert not health.is_ok
