"""`POST /v1/alerts` over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, GATEWAY, OPERATOR
from tests.integration.http.sockets import exchange, sent, status_of

FINGERPRINTS = {"checkout": "00c0ffee00c0ffee", "thumbnail": "7468756d62000000", "render": "72656e6465720000"}


def alert(function: str, namespace: str = "acme-prod", status: str = "firing") -> dict[str, Any]:
    """Give one alert as Alertmanager writes it."""
    return {
        "status": status,
        "labels": {"alertname": "HighLatency", "namespace": namespace, "function": function},
        "annotations": {},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": FINGERPRINTS[function],
    }


def payload(*alerts: dict[str, Any], version: object = "4") -> dict[str, Any]:
    """Give a webhook payload with these alerts."""
    return {
        "receiver": "autoscaler",
        "status": "firing",
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "version": version,
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
    }


async def post(listening: Listening, document: object, token: str | None = ACME) -> tuple[int, dict[str, Any]]:
    """Post a document and give status and answer."""
    async with listening.ask("POST", "/v1/alerts", token, json=document) as answer:
        return answer.status, await answer.json()


async def test_alerts_of_a_group_count_each_once(listening: Listening) -> None:
    """Two alerts in one payload are two accepted alerts and two boosts."""
    status, answer = await post(listening, payload(alert("checkout"), alert("thumbnail")))
    assert (status, answer) == (200, {"accepted": 2, "dropped": {}})
    assert set(listening.service.boosts) == {FINGERPRINTS["checkout"], FINGERPRINTS["thumbnail"]}


async def test_the_same_payload_a_hundred_times_leaves_one_boost(listening: Listening) -> None:
    """A payload is a list of levels: a hundred deliveries leave what one leaves."""
    for _ in range(100):
        status, answer = await post(listening, payload(alert("checkout")))
        assert (status, answer["accepted"]) == (200, 1)
    assert list(listening.service.boosts) == [FINGERPRINTS["checkout"]]
    assert "autoscaler_alerts_accepted_total 100\n" in await listening.scrape()


async def test_a_resolved_alert_in_a_firing_group_is_resolved(listening: Listening) -> None:
    """The alert's own status counts, not the group's."""
    await post(listening, payload(alert("checkout"), alert("thumbnail")))
    await post(listening, payload(alert("checkout", status="resolved"), alert("thumbnail")))
    assert list(listening.service.boosts) == [FINGERPRINTS["thumbnail"]]


async def test_an_alert_of_a_foreign_namespace_is_dropped_and_counted(listening: Listening) -> None:
    """The rest of the payload is taken, and the answer is 200, for a 4xx would be repeated for ever."""
    status, answer = await post(listening, payload(alert("render", "umbrella"), alert("checkout")))
    assert (status, answer) == (200, {"accepted": 1, "dropped": {"foreign-namespace": 1}})
    assert list(listening.service.boosts) == [FINGERPRINTS["checkout"]]
    assert 'autoscaler_alerts_dropped_total{reason="foreign-namespace"} 1\n' in await listening.scrape()


async def test_an_operator_may_send_for_every_tenant(listening: Listening) -> None:
    """With an operator's credential each alert goes to the tenant of its namespace."""
    _, answer = await post(listening, payload(alert("render", "umbrella"), alert("checkout")), OPERATOR)
    assert answer == {"accepted": 2, "dropped": {}}


@pytest.mark.parametrize("token", [None, "wrong", ""])
async def test_a_wrong_or_missing_credential_is_refused(listening: Listening, token: str | None) -> None:
    """Whoever is not known gets 401, the scheme to use, and nothing happens."""
    async with listening.ask("POST", "/v1/alerts", token, json=payload(alert("checkout"))) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert set((await answer.json())["error"]) == {"what", "where", "allowed"}
    assert not listening.service.boosts


async def test_basic_credentials_are_refused(listening: Listening) -> None:
    """The token under another scheme is no credential."""
    headers = {"Authorization": f"Basic {ACME}"}
    async with listening.ask("POST", "/v1/alerts", None, json=payload(), headers=headers) as answer:
        assert answer.status == 401


async def test_the_credential_is_checked_before_the_body_is_read(listening: Listening) -> None:
    """A head that promises 10 MB gets its 401 although not a byte of the body was sent."""
    head = ["POST /v1/alerts HTTP/1.1", "Content-Type: application/json", "Content-Length: 10000000"]
    assert await exchange(listening.main, head) == 401


async def test_a_body_is_not_invited_before_the_credential_is_checked(listening: Listening) -> None:
    """Whoever asks with `Expect: 100-continue` hears 401 at once, or is invited where the token is known."""
    head = ["POST /v1/alerts HTTP/1.1", "Content-Type: application/json", "Expect: 100-continue"]
    body = json.dumps(payload(alert("checkout"))).encode()
    head.append(f"Content-Length: {len(body)}")
    assert await exchange(listening.main, head) == 401
    async with sent(listening.main, [*head, f"Authorization: Bearer {ACME}"]) as (reader, writer):
        assert await status_of(reader) == 100
        await reader.readline()
        writer.write(body)
        assert await status_of(reader) == 200


async def test_a_gateway_may_not_send_alerts(listening: Listening) -> None:
    """A gateway's token is for wakes alone."""
    status, answer = await post(listening, payload(alert("checkout")), GATEWAY)
    assert status == 403
    assert "operator" in answer["error"]["allowed"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 60_000, b'{"version": "4", "alerts": [}', b"NaN", b"null", b"[]", b'"4"', b"{}"],
)
async def test_a_body_that_is_no_payload_is_refused(listening: Listening, body: bytes) -> None:
    """Broken JSON, deep nesting and JSON of another shape get 400, and say what is allowed."""
    async with listening.ask("POST", "/v1/alerts", data=body, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["allowed"]


@pytest.mark.parametrize("version", ["3", "5", 4, None, ""])
async def test_another_version_is_refused(listening: Listening, version: object) -> None:
    """Only version "4" is read: a template may have replaced the whole body."""
    status, answer = await post(listening, payload(alert("checkout"), version=version))
    assert status == 400
    assert "version" in answer["error"]["what"] + answer["error"]["allowed"]
    assert not listening.service.boosts


async def test_ten_megabytes_are_refused(listening: Listening) -> None:
    """A body that says it is too large gets 413 before it is sent."""
    head = ["POST /v1/alerts HTTP/1.1", f"Authorization: Bearer {ACME}", "Content-Type: application/json"]
    assert await exchange(listening.main, [*head, "Content-Length: 10000000"]) == 413


async def test_ten_megabytes_without_a_length_are_refused(listening: Listening) -> None:
    """A chunked body is cut off where it grows too large."""

    async def megabytes() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 1_000_000

    head = ["POST /v1/alerts HTTP/1.1", f"Authorization: Bearer {ACME}", "Content-Type: application/json"]
    chunks = b"".join([b"%x\r\n%s\r\n" % (len(chunk), chunk) async for chunk in megabytes()])
    assert await exchange(listening.main, [*head, "Transfer-Encoding: chunked"], chunks[:200_000]) == 413


async def test_a_body_that_drips_is_refused(listening: Listening) -> None:
    """A body that does not come whole in time gets 408, so that slow senders hold nothing."""
    head = ["POST /v1/alerts HTTP/1.1", f"Authorization: Bearer {ACME}", "Content-Type: application/json"]
    assert await exchange(listening.main, [*head, "Content-Length: 100"], b"{") == 408


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "text/plain"}, {"Content-Type": "application/json", "Content-Encoding": "gzip"}]
)
async def test_other_contents_are_refused(listening: Listening, headers: dict[str, str]) -> None:
    """Forms of a web page and compressed bodies get 415."""
    async with listening.ask("POST", "/v1/alerts", data=b"{}", headers=headers) as answer:
        assert answer.status == 415


async def test_before_the_first_tick_alertmanager_is_asked_to_come_again(listening: Listening) -> None:
    """A 503 is what Alertmanager repeats, so that no alert of the start is lost."""
    listening.service.empty()
    async with listening.ask("POST", "/v1/alerts", json=payload(alert("checkout"))) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0


async def test_a_path_with_a_slash_at_its_end_is_never_redirected(listening: Listening) -> None:
    """A redirect would be followed as GET with the credential and count as delivered."""
    async with listening.ask("POST", "/v1/alerts/", json=payload()) as answer:
        assert answer.status == 404


async def test_a_refused_sender_does_not_hold_up_others(listening: Listening) -> None:
    """While one body drips, another webhook is answered."""
    head = ["POST /v1/alerts HTTP/1.1", f"Authorization: Bearer {ACME}", "Content-Type: application/json"]
    async with sent(listening.main, [*head, "Content-Length: 100"], b"{") as (reader, _):
        status, _answer = await asyncio.wait_for(post(listening, payload(alert("checkout"))), 30)
        assert status == 200
        assert await status_of(reader) == 408
