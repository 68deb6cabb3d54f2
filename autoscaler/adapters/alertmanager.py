"""Alertmanager's API v2: what fires now, read back after a restart, so that no boost is lost by it."""

import asyncio
from pathlib import Path

import aiohttp
import orjson

from autoscaler.policy.alerts import MAX_ALERTS, Alert, normal_time
from autoscaler.policy.settings import AlertmanagerSettings

_MAX_BYTES = 64 << 20


async def read_firing(settings: AlertmanagerSettings) -> list[Alert] | None:
    """Read the alerts that fire, neither silenced nor inhibited, as its webhooks would tell them.

    Returns:
        None: it could not be read whole, so nothing is known of what fires.
    """
    try:
        body = await _get(settings)
        # In a thread: thousands of alerts would hold the event loop for 50 ms.
        alerts = await asyncio.to_thread(_alerts, body) if body is not None else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return alerts if alerts is None or len(alerts) <= MAX_ALERTS else None


async def _get(settings: AlertmanagerSettings) -> bytes | None:
    """Give the answer's body; None where it is refused or too large."""
    headers = {}
    if settings.bearer_token_file is not None:
        token = await asyncio.to_thread(Path(settings.bearer_token_file).read_text, encoding="utf-8")
        headers["Authorization"] = f"Bearer {token.strip()}"
    url = f"{settings.url.rstrip('/')}/api/v2/alerts"
    query = {"active": "true", "silenced": "false", "inhibited": "false", "unprocessed": "false"}
    timeout = aiohttp.ClientTimeout(total=settings.timeout)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(url, params=query, headers=headers, allow_redirects=False) as answer,
    ):
        if answer.status != 200:
            return None
        body = bytearray()
        async for chunk in answer.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > _MAX_BYTES:
                return None
        return bytes(body)


def _alerts(body: bytes) -> list[Alert]:
    return [_alert(one) for one in orjson.loads(body)]


def _alert(document: dict[str, object]) -> Alert:
    """Read one alert of API v2.

    Raises:
        ValueError: it is not written as API v2 says.
    """
    labels, fingerprint, starts_at = document["labels"], document["fingerprint"], document["startsAt"]
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise ValueError("labels of an alert are texts by name")
    if not isinstance(fingerprint, str) or not isinstance(starts_at, str):
        raise ValueError("fingerprint and startsAt of an alert are texts")
    return Alert(fingerprint, normal_time(starts_at), is_firing=True, labels=labels)
