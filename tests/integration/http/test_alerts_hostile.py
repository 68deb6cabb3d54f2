"""`/v1/alerts` by raw sockets: what a broken or hostile sender can write. It hears why, and what was taken before stays."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from autoscaler.server.app import build
from autoscaler.server.limits import Limits
from autoscaler.server.run import Address, serve
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, OPERATOR, UMBRELLA, FakeAutoscaling, HandClock
from tests.integration.http.sockets import exchange, sent, status_of
from tests.integration.http.test_alerts import alert, payload, post
from tests.servers.process import PATIENCE

PATHS = ("/v1/alerts", "/system/alert")
GOOD = json.dumps(payload(alert("checkout"))).encode()
OTHER = json.dumps(payload(alert("thumbnail"))).encode()


@pytest.fixture(autouse=True)
async def taken(listening: Listening) -> AsyncIterator[None]:
    """Before each test an alert is taken; after it that alert is still in force, no other is, and the next is taken."""
    assert (await post(listening, payload(alert("checkout"))))[0] == 200
    before = dict(listening.service.boosts)
    yield
    assert listening.service.boosts == before
    status, answer = await post(listening, payload(alert("checkout"), alert("thumbnail")))
    assert (status, answer["accepted"]) == (200, 2)


def head(*more: str, path: str = "/v1/alerts", method: str = "POST", kind: str = "application/json") -> list[str]:
    """Give a head with acme's credential."""
    return [f"{method} {path} HTTP/1.1", f"Authorization: Bearer {ACME}", f"Content-Type: {kind}", *more]


def sized(body: bytes, **more: str) -> list[str]:
    """Give a head that says how long this body is."""
    return head(f"Content-Length: {len(body)}", **more)


async def answer(listening: Listening, body: bytes, kind: str = "application/json") -> tuple[int, dict[str, Any]]:
    """Send a body with acme's credential; give status and error."""
    async with listening.ask("POST", "/v1/alerts", data=body, headers={"Content-Type": kind}) as found:
        return found.status, (await found.json()).get("error", {})


NO_PAYLOADS = {
    "nothing": b"",
    "half": GOOD[: len(GOOD) // 2],
    "all but the end": GOOD[:-1],
    "two": GOOD + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a mark of order": b"\xef\xbb\xbf" + GOOD,
    "Latin-1": GOOD.replace(b"checkout", "chéckout".encode("latin-1")),
    "half a character": GOOD.replace(b"checkout", b"\xe2\x82"),
    "half of a pair": GOOD.replace(b"checkout", b"\\ud83d"),
    "a NUL between": GOOD.replace(b"[", b"[\0", 1),
    "a NUL within a text": GOOD.replace(b"checkout", b"check\0out"),
    "a NUL at the end": GOOD + b"\0",
    "lists in lists": b"[" * 30_000 + b"]" * 30_000,
    "lists in lists, closed nowhere": b"[" * 60_000,
    "deep beside alerts": b'{"version":"4","alerts":[],"more":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
    "as deep as JSON may be": b'{"version":"4","alerts":[],"more":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "the same key twice": b'{"version":"3",' + GOOD[1:],
    "the same key twice, escaped": b'{"\\u0076ersion":"3","\\u0022":1,' + GOOD[1:],
    "the same key twice within an alert": GOOD.replace(
        b'"status": "firing"', b'"status": "firing", "status": "resolved"'
    ),
    "the same label twice": GOOD.replace(b'"namespace"', b'"namespace": "umbrella", "namespace"'),
    "not a number": GOOD.replace(b'"truncatedAlerts": 0', b'"truncatedAlerts": NaN'),
    "more than any number": GOOD.replace(b'"truncatedAlerts": 0', b'"truncatedAlerts": 1e999'),
    "a number of 5,000 digits": GOOD.replace(b'"truncatedAlerts": 0', b'"truncatedAlerts": ' + b"9" * 5_000),
    "less than none truncated": GOOD.replace(b'"truncatedAlerts": 0', b'"truncatedAlerts": -1'),
    "comments": GOOD + b"// and so on",
    "a form": b"payload=" + GOOD,
    "YAML": b"version: '4'\nalerts: []\n",
    "alerts by name": b'{"version":"4","alerts":{"0":{}}}',
    "no alerts": b'{"version":"4"}',
    "10,001 alerts": b'{"version":"4","alerts":[' + b",".join([b"0"] * 10_001) + b"]}",
}


@pytest.mark.parametrize("body", NO_PAYLOADS.values(), ids=NO_PAYLOADS.keys())
async def test_what_is_no_payload_is_400_and_counted(listening: Listening, body: bytes) -> None:
    """The answer says what is wrong, where and what is allowed, quotes nothing of it, and is counted."""
    status, error = await answer(listening, body)
    assert status == 400
    assert set(error) == {"what", "where", "allowed"}
    assert error["where"].startswith("body")
    assert "checkout" not in str(error)
    assert 'autoscaler_http_requests_total{route="/v1/alerts",code="400"} 1\n' in await listening.scrape()


async def test_a_hundred_thousand_alerts_are_refused_by_their_size() -> None:
    """Of a hundred thousand alerts, 28 MB, not a tenth is read: 413, with the usual bounds."""
    body = json.dumps(payload(*[alert("checkout")] * 100)).encode()
    async with serve(build(FakeAutoscaling(), HandClock()), "127.0.0.1:0") as at:
        assert await exchange(at, sized(body * 1_000), body) == 413
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(body), body) for _ in range(80))
        assert await exchange(at, head("Transfer-Encoding: chunked"), chunks) == 413


BAD_ALERTS: dict[str, object] = {
    "null": None,
    "a number": 4,
    "a list": [alert("thumbnail")],
    "no fingerprint": {**alert("thumbnail"), "fingerprint": ""},
    "a fingerprint with a path": {**alert("thumbnail"), "fingerprint": "../checkout"},
    "another status": {**alert("thumbnail"), "status": "suppressed"},
    "a label that is a number": {**alert("thumbnail"), "labels": {"namespace": "acme-prod", "function": 7}},
    "a label of 5,000 characters": {**alert("thumbnail"), "labels": {"namespace": "x" * 5_000}},
    "200 labels": {**alert("thumbnail"), "labels": {f"label-{number}": "" for number in range(200)}},
    "a start that is none": {**alert("thumbnail"), "startsAt": None},
}


@pytest.mark.parametrize("bad", BAD_ALERTS.values(), ids=BAD_ALERTS.keys())
async def test_one_alert_that_is_none_is_dropped_alone(listening: Listening, bad: Any) -> None:
    """With 200, since a refusal would bring all of them again and again; it is counted, and its place is said."""
    status, found = await post(listening, payload(alert("checkout"), bad, alert("checkout")))
    assert (status, found["accepted"], found["dropped"]) == (200, 2, {"malformed": 1})
    (problem,) = found["problems"]
    assert problem.startswith("alerts[1]")
    assert 'autoscaler_alerts_dropped_total{reason="malformed"} 1\n' in await listening.scrape()


KINDS = ("", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
         "application/cloudevents+json", "application/jsonp", "application", "*/*", "application/json, text/plain")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_another_content_type_is_415(listening: Listening, kind: str) -> None:
    """What is not said to be JSON is not read as JSON: a page in somebody's browser can send forms, and no more."""
    assert await exchange(listening.main, sized(GOOD, kind=kind), GOOD) == 415


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/json;v=4"])
async def test_json_by_any_of_its_names_is_taken(listening: Listening, kind: str) -> None:
    """A character set or capitals make no other type of it."""
    assert await exchange(listening.main, sized(GOOD, kind=kind), GOOD) == 200


TRUNCATED = {
    "one byte short": (sized(OTHER), OTHER[:-1]),
    "nothing of it": (sized(OTHER), b""),
    "all of it and no last chunk": (head("Transfer-Encoding: chunked"), b"%x\r\n%s\r\n" % (len(OTHER), OTHER)),
    "all but the end of its chunk": (head("Transfer-Encoding: chunked"), b"%x\r\n%s" % (len(OTHER), OTHER)),
}


@pytest.mark.parametrize(("lines", "part"), TRUNCATED.values(), ids=TRUNCATED.keys())
async def test_a_truncated_body_changes_nothing(listening: Listening, lines: Sequence[str], part: bytes) -> None:
    """Of a body that ends early nothing is taken, however much of it came: there is nobody left to answer."""
    async with sent(listening.main, lines, part) as (reader, writer):
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 30) == b""


FRAMINGS = {
    "two lengths": ["Content-Length: 10", "Content-Length: 20"],
    "two lengths in one": ["Content-Length: 10, 20"],
    "a length and chunks": ["Content-Length: 10", "Transfer-Encoding: chunked"],
    "a length below nothing": ["Content-Length: -1"],
    "a length with a sign": ["Content-Length: +10"],
    "a length in hexadecimals": ["Content-Length: 0x10"],
    "a length with a NUL": ["Content-Length: 1\0"],
    "a header with a NUL": ["X-More: a\0b"],
    "a header with a bare return": ["X-More: a\rX-Else: b"],
    "a header without a name": [": x"],
    "a header with a space before its colon": ["X-More : x"],
    "a header of 10 kB": [f"X-More: {'x' * 10_000}"],
    "a thousand headers": [f"X-More-{number}: x" for number in range(1_000)],
    "chunks of no size": ["Transfer-Encoding: chunked", "", "zz"],
}


@pytest.mark.parametrize("lines", FRAMINGS.values(), ids=FRAMINGS.keys())
async def test_a_head_that_two_readers_would_read_differently_is_400(
    listening: Listening, lines: Sequence[str]
) -> None:
    """Nobody can hide a second request behind the first, whatever stands before this server."""
    assert await exchange(listening.main, head(*lines), GOOD) == 400


NEAR_PATHS = (
    "/v1/alerts/", "//v1/alerts", "/v1//alerts", "/v1/alerts//", "/v1/./alerts", "/v1/../v1/alerts", "/V1/alerts",
    "/v1/alerts%2F", "/v1%2Falerts", "/v1/alerts;x=1", "/v1/alerts%00", "//evil.example/v1/alerts", "/system/alert/",
    "//system/alert", "/system/alerts", "/", "",
)  # fmt: skip


@pytest.mark.parametrize("path", NEAR_PATHS)
async def test_no_path_is_ever_redirected(listening: Listening, path: str) -> None:
    """A redirect would be followed as GET with the credential, and a 200 there counted as delivered: it is 4xx, or taken."""
    status = await exchange(listening.main, sized(GOOD, path=path or "*"), GOOD)
    assert status in (200, 400, 404, 405)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "alert"])
async def test_another_method_is_refused(listening: Listening, path: str, method: str) -> None:
    """Only POST brings alerts."""
    assert await exchange(listening.main, sized(GOOD, path=path, method=method), GOOD) in (400, 405)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "credential",
    [
        [],
        ["Authorization: Bearer"],
        ["Authorization: Bearer nobody"],
        ["Authorization: Basic !!"],
        [f"Authorization: Bearer {ACME}x"],
        [f"Authorization: {ACME}"],
        [f"Authorization: Bearer {ACME}", f"Authorization: Bearer {ACME}"],
        [f"Proxy-Authorization: Bearer {ACME}"],
        [f"Cookie: token={ACME}"],
    ],
)
async def test_nobody_unknown_is_read(listening: Listening, path: str, credential: list[str]) -> None:
    """Without a credential that somebody names the answer is 401 before a byte of the body was sent."""
    lines = [f"POST {path} HTTP/1.1", "Content-Type: application/json", "Content-Length: 1000000", *credential]
    assert await exchange(listening.main, lines) == 401


async def test_a_token_in_the_query_is_none(listening: Listening) -> None:
    """A credential in a URL would be in every proxy's log: it is not looked for there."""
    lines = [f"POST /v1/alerts?token={ACME}&access_token={ACME} HTTP/1.1", "Content-Type: application/json"]
    assert await exchange(listening.main, [*lines, "Content-Length: 10"]) == 401


@pytest.mark.parametrize("namespace", ["nobodys", "", "acme-prod\0", "ACME-PROD", "*", "acme-prod,umbrella"])
async def test_alerts_of_a_namespace_that_no_tenant_has_are_dropped(listening: Listening, namespace: str) -> None:
    """From an operator too they are answered with 200 and counted, for no retry would ever mend them."""
    status, found = await post(listening, payload(alert("checkout", namespace)), OPERATOR)
    assert (status, found["accepted"]) == (200, 0)
    assert sum(found["dropped"].values()) == 1


@pytest.fixture
async def impatient() -> AsyncIterator[Address]:
    """A server that waits for a head 300 ms, and for a body as long."""
    async with serve(build(FakeAutoscaling(), HandClock(), Limits(body_s=0.3)), "127.0.0.1:0", patience_s=0.3) as at:
        yield at


async def test_a_head_that_drips_is_given_up(impatient: Address) -> None:
    """Who sends a byte of a head now and then is let go of, though each byte came in time."""
    reader, writer = await asyncio.open_connection(impatient.host, impatient.port)
    try:
        async with asyncio.timeout(30 * PATIENCE):
            for byte in b"POST /v1/alerts HTTP/1.1\r\nX-Slow: " + b"x" * 10_000:
                if reader.at_eof():
                    break
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)
            assert await reader.read() == b""
    finally:
        writer.close()


async def test_a_body_that_drips_is_given_up_though_each_byte_came_in_time(impatient: Address) -> None:
    """The whole body has its time, not each part of it."""
    async with sent(impatient, head("Content-Length: 100000")) as (reader, writer), asyncio.timeout(30 * PATIENCE):
        answered = asyncio.ensure_future(status_of(reader))
        while not answered.done():
            writer.write(b" ")
            await asyncio.sleep(0.02)
        assert answered.result() == 408


async def test_two_hundred_slow_connections_hold_up_nobody_else(listening: Listening) -> None:
    """While a tenant's two hundred connections drip their heads and bodies, another tenant's webhook is answered."""
    opened = [await asyncio.open_connection(listening.main.host, listening.main.port) for _ in range(200)]
    try:
        for number, (_, writer) in enumerate(opened):
            whole = "\r\n".join([*head("Content-Length: 100", "Host: x"), "", ""]).encode()
            writer.write(whole if number % 2 else whole[:20])
        async with asyncio.timeout(30 * PATIENCE):
            assert (await post(listening, payload(), UMBRELLA))[0] == 200
            # Its own waits for places, each of which comes free when its body's time is over.
            assert await status_of(opened[1][0]) == 408
    finally:
        for _, writer in opened:
            writer.close()


async def test_only_what_a_retry_can_mend_asks_for_one(listening: Listening) -> None:
    """Of all answers to a webhook only those that time mends are 5xx, which Alertmanager repeats at once; none is 429."""
    statuses = [(await answer(listening, body))[0] for body in (b"", b"{}", GOOD[:-1], b"[" * 10_000)]
    statuses += [await exchange(listening.main, sized(GOOD, kind="text/plain"), GOOD)]
    statuses += [await exchange(listening.main, head("Content-Length: 10000000"))]
    assert all(400 <= status < 500 and status != 429 for status in statuses)
    plan = dict(listening.service.__dict__)
    listening.service.empty()
    assert (await answer(listening, GOOD))[0] == 503
    listening.service.__dict__.update(plan)
