"""What fires is read back from a real Alertmanager, and nothing is made up where it cannot be read."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from autoscaler.adapters.alertmanager import read_firing
from autoscaler.policy.alerts import MAX_ALERTS
from autoscaler.policy.settings import AlertmanagerSettings
from tests.servers.alertmanager import Alertmanager, configuration
from tests.servers.process import free_port, running

CHECKOUT = {"alertname": "HighLatency", "namespace": "acme-prod", "function": "checkout"}
ENDED = {"alertname": "HighLatency", "namespace": "acme-prod", "function": "thumbnail"}
LABELS = [CHECKOUT]


def settings(url: str, **more: object) -> AlertmanagerSettings:
    return AlertmanagerSettings.model_validate({"url": url, **more})


@pytest.mark.server
async def test_what_fires_is_read(tmp_path: Path) -> None:
    """An alert that fires comes with its labels, fingerprint and start; one that has ended does not come."""
    server = Alertmanager(tmp_path, configuration("http://127.0.0.1:9/", "t"))
    with running(server, server.is_ready):
        before = datetime.now(UTC)
        await asyncio.to_thread(server.tell, CHECKOUT)
        await asyncio.to_thread(server.tell, ENDED, ends_in_s=0.0)
        alerts: list[object] = []
        for _ in range(200):  # it takes alerts in a moment after it was told
            read = await read_firing(settings(server.url))
            assert read is not None
            alerts = [one.labels for one in read]
            if alerts:
                break
            await asyncio.sleep(0.05)
    assert alerts == LABELS
    (alert,) = read
    assert alert.is_firing
    assert len(alert.fingerprint) == 16
    assert alert.starts_at.endswith("Z")
    assert abs((datetime.fromisoformat(alert.starts_at) - before).total_seconds()) < 60


Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve one handler at Alertmanager's path."""
    runners: list[web.AppRunner] = []

    async def served(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        app = web.Application()
        app.router.add_get("/am/api/v2/alerts", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/am/"

    yield served
    for runner in runners:
        await runner.cleanup()


ALERT = {"labels": CHECKOUT, "fingerprint": "0123456789abcdef", "startsAt": "2026-01-02T03:04:05.123456789+02:00"}


async def test_the_start_is_in_utc_with_milliseconds(serve: Serve, tmp_path: Path) -> None:
    """However the server writes a time, the same moment comes out the same; the token file's text is borne."""
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        assert request.query["active"] == "true"
        return web.json_response([ALERT])

    token = tmp_path / "token"
    token.write_text("abc\n")
    alerts = await read_firing(settings(await serve(handler), bearerTokenFile=str(token)))
    assert alerts is not None
    assert [one.starts_at for one in alerts] == ["2026-01-02T01:04:05.123Z"]
    assert seen == ["Bearer abc"]


BAD = {
    "503": (503, "[]"),
    "a redirect": (302, "[]"),
    "no JSON": (200, "<html>"),
    "an object": (200, "{}1"),
    "an empty object": (200, "{}"),
    "an empty text": (200, '""'),
    "nothing": (200, ""),
    "an end alone": (200, "]"),
    "a list that does not end": (200, "["),
    "a list that ends in a comma": (200, f"[{json.dumps(ALERT)}, ]"),
    "alerts without commas": (200, f"[{json.dumps(ALERT)} {json.dumps(ALERT)}]"),
    "two lists": (200, "[] []"),
    "no UTF-8": (200, b'["\xff"]'),
    "lists in lists in lists": (200, "[" * 100_000),
    "more alerts than are read": (200, json.dumps([ALERT] * (MAX_ALERTS + 1))),
    "null": (200, "null"),
    "an alert that is a text": (200, '["x"]'),
    "labels that are no texts": (200, json.dumps([{**ALERT, "labels": {"a": 1}}])),
    "no fingerprint": (200, json.dumps([{**ALERT, "fingerprint": None}])),
    "a start that is no text": (200, json.dumps([{**ALERT, "startsAt": 7}])),
}


@pytest.mark.parametrize(("status", "text"), BAD.values(), ids=BAD.keys())
async def test_what_is_no_list_of_alerts_is_not_known(serve: Serve, status: int, text: str | bytes) -> None:
    """A refusal or a broken answer says nothing of what fires: None, not an empty list."""

    async def handler(_: web.Request) -> web.Response:
        body = text if isinstance(text, bytes) else text.encode()
        return web.Response(status=status, body=body, content_type="application/json", headers={"Location": "/"})

    assert await read_firing(settings(await serve(handler))) is None


@pytest.mark.parametrize("start", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+01:00", "yesterday"])
async def test_one_start_that_is_no_time_hides_no_other_alert(serve: Serve, start: str) -> None:
    """Whoever may post alerts may write such a start: that alert keeps its text, and the others are known."""

    async def handler(_: web.Request) -> web.Response:
        return web.json_response([{**ALERT, "startsAt": start}, ALERT])

    alerts = await read_firing(settings(await serve(handler)))
    assert alerts is not None
    assert [one.starts_at for one in alerts] == [start, "2026-01-02T01:04:05.123Z"]


ROUTED = [
    {**ALERT, "fingerprint": name, "receivers": [{"name": name}, {"name": "pager"}]} for name in ("acme", "other")
]


@pytest.mark.parametrize(
    ("receivers", "known"),
    [(["acme"], ["acme"]), (["other", "acme"], ["acme", "other"]), (["pager"], ["acme", "other"]), (["nobody"], [])],
)
async def test_only_what_is_routed_to_the_receivers_named_is_read(
    serve: Serve, receivers: list[str], known: list[str]
) -> None:
    """What goes to others alone no webhook has told: a restart shall not begin with it."""

    async def handler(_: web.Request) -> web.Response:
        return web.json_response(ROUTED)

    alerts = await read_firing(settings(await serve(handler), receivers=receivers))
    assert alerts is not None
    assert [one.fingerprint for one in alerts] == known


@pytest.mark.parametrize("receivers", [None, 7, [7], ["acme"], [{"title": "acme"}]])
async def test_an_alert_without_receivers_is_not_known_where_they_are_asked_for(
    serve: Serve, receivers: object
) -> None:
    """Whether it is routed here cannot be told of it: nothing is known of what fires."""

    async def handler(_: web.Request) -> web.Response:
        return web.json_response([{**ALERT, "receivers": receivers}])

    url = await serve(handler)
    assert await read_firing(settings(url, receivers=["acme"])) is None
    assert await read_firing(settings(url)) is not None


async def test_a_long_answer_is_read_wherever_its_parts_are_cut(serve: Serve) -> None:
    """Alerts of all lengths, with numbers and with letters of several bytes, come as they were sent."""
    labels = [{**CHECKOUT, "note": "é" * number} for number in range(700)]
    sent = [{**ALERT, "labels": one, "weight": 10.5**place} for place, one in enumerate(labels[:300])]
    sent += [{**ALERT, "labels": one} for one in labels[300:]]

    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=json.dumps(sent, ensure_ascii=False), content_type="application/json")

    alerts = await read_firing(settings(await serve(handler)))
    assert alerts is not None
    assert [one.labels for one in alerts] == labels


async def test_nothing_firing_is_an_empty_list(serve: Serve) -> None:
    """An answer without alerts is known to be empty."""

    async def handler(_: web.Request) -> web.Response:
        return web.json_response([])

    assert await read_firing(settings(await serve(handler))) == []


@pytest.mark.parametrize("text", ["[{alert}]", " [ {alert}\r\n ] \n", "[{alert},{alert}\t, {alert}]"])
async def test_a_list_is_read_however_it_is_spaced(serve: Serve, text: str) -> None:
    """Each element counts, whatever white space is around it."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(text=text.replace("{alert}", json.dumps(ALERT)), content_type="application/json")

    alerts = await read_firing(settings(await serve(handler)))
    assert alerts is not None
    assert [one.fingerprint for one in alerts] == [ALERT["fingerprint"]] * text.count("{alert}")


async def test_a_server_that_hangs_or_is_not_there_is_not_known(serve: Serve, tmp_path: Path) -> None:
    """At its deadline a reading ends; so it does where nobody listens, and where the token cannot be read."""

    async def handler(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.json_response([])

    url = await serve(handler)
    assert await read_firing(settings(url, timeout="200ms")) is None
    assert await read_firing(settings(f"http://127.0.0.1:{free_port()}")) is None
    assert await read_firing(settings(url, bearerTokenFile=str(tmp_path / "missing"))) is None
