"""Alertmanager's API v2: what fires now, read back after a restart, so that no boost is lost by it."""

import asyncio
import base64
import codecs
import json
import re
import ssl
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from autoscaler.policy.alerts import MAX_ALERTS, Alert, normal_time
from autoscaler.policy.settings import AlertmanagerSettings

_MAX_BYTES = 64 << 20
_PIECE = 64 << 10


async def read_cluster(members: Sequence[AlertmanagerSettings]) -> list[Alert] | None:
    """Read the alerts that fire by the word of any member of one cluster.

    Returns:
        None: none of them could be read, so nothing is known of what fires.
    """
    found = await asyncio.gather(*(read_firing(one) for one in members))
    known = [alerts for alerts in found if alerts is not None]
    alerts = {(one.fingerprint, one.starts_at): one for alerts in known for one in alerts}
    return list(alerts.values()) if known else None


async def read_firing(settings: AlertmanagerSettings) -> list[Alert] | None:
    """Read the alerts that fire, neither silenced nor inhibited, as its webhooks would tell them.

    Returns:
        None: it could not be read whole, so nothing is known of what fires.
    """
    try:
        body = await _get(settings)
        # In a thread: thousands of alerts would hold the event loop for 50 ms.
        return await asyncio.to_thread(_alerts, body, settings.receivers) if body is not None else None
    except (
        aiohttp.ClientError,
        TimeoutError,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ):
        return None  # what the ssl module says of a file is one of these


async def _get(settings: AlertmanagerSettings) -> bytearray | None:
    """Give the answer's body; None where it is refused or too large."""
    shown = await asyncio.to_thread(_shown, settings)
    url = f"{settings.url.rstrip('/')}/api/v2/alerts"
    query = {"active": "true", "silenced": "false", "inhibited": "false", "unprocessed": "false"}
    timeout = aiohttp.ClientTimeout(total=settings.timeout)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(url, params=query, headers=shown.headers, ssl=shown.tls, allow_redirects=False) as answer,
    ):
        if answer.status != 200:
            return None
        body = bytearray()
        async for chunk in answer.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > _MAX_BYTES:
                return None
        return body  # a copy of 56 MiB would hold the event loop for 40 ms


class _Shown(NamedTuple):
    """What goes with a reading: headers, and what its connection is made with."""

    headers: dict[str, str]
    tls: ssl.SSLContext | bool


def _shown(settings: AlertmanagerSettings) -> _Shown:
    """Read the files of credentials as they are now: they are rotated under us.

    Raises:
        OSError, ValueError: one cannot be read, or does not hold what it should.
    """
    headers = {}
    if settings.bearer_token_file is not None:
        headers["Authorization"] = f"Bearer {_secret(settings.bearer_token_file)}"
    if settings.username is not None and settings.password_file is not None:
        basic = f"{settings.username}:{_secret(settings.password_file)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(basic).decode()}"
    tls = settings.tls
    if not settings.url.startswith("https://") or (tls.ca_file, tls.cert_file) == (None, None):
        return _Shown(headers, True)
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.cert_file is not None:
        # A key that asks for a password would have one read from the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: "")
    return _Shown(headers, context)


def _secret(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


def _alerts(body: bytes | bytearray, receivers: Collection[str] | None) -> list[Alert] | None:
    """Read the alerts of an answer that are routed to any of these receivers, or to whomever; None: there are too many.

    Raises:
        ValueError: it is no list of alerts.
    """
    alerts = []
    for one in _elements(body):
        alert = _alert(one)
        if receivers is None or _is_for(one, receivers):
            alerts.append(alert)
        if len(alerts) > MAX_ALERTS:
            return None
    return alerts


def _elements(body: bytes | bytearray) -> Iterator[Any]:
    """Read a JSON list one element at a time: read at once, 15 MiB hold the interpreter for 125 ms, in whatever thread.

    Raises:
        ValueError: it is no list.
    """
    text = _Text(body)
    mark = "," if text.take() == "[" else ""
    if mark and text.peek() == "]":
        mark = text.take()
    while mark == ",":
        yield text.value()
        mark = text.take()
    if mark != "]" or text.peek():
        raise ValueError("a list of alerts is expected")


class _Text:
    """JSON that is turned into text as far as it is read: 56 MiB at once hold the interpreter for 40 ms.

    Every method raises `ValueError` where it is no UTF-8.
    """

    def __init__(self, body: bytes | bytearray) -> None:
        pieces = (bytes(body[at : at + _PIECE]) for at in range(0, len(body), _PIECE))
        self._more = codecs.iterdecode(pieces, "utf-8")
        self._text, self._at = "", 0

    def peek(self) -> str:
        """Give what comes next and is no space; "" at the end."""
        while True:
            self._at = _past_space(self._text, self._at)
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

    def take(self) -> str:
        """Give it, and go past it."""
        mark = self.peek()
        self._at += 1
        return mark

    def value(self) -> Any:
        """Read what comes next and go past it.

        Raises:
            ValueError: it is no JSON.
        """
        self.peek()
        while True:
            try:
                value, at = _JSON.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._read_on():
                    raise
                continue
            after = _past_space(self._text, at)
            if self._text[after : after + 1] not in (",", "]") and self._read_on():
                continue  # a number that goes on
            self._at = at
            return value

    def _read_on(self) -> bool:
        """Turn more into text, at least as much as is read and not past; a long element is begun anew a few times only."""
        parts, wanted = [self._text[self._at :]], max(1, len(self._text) - self._at)
        while wanted > 0 and (piece := next(self._more, None)) is not None:
            parts.append(piece)
            wanted -= len(piece)
        if len(parts) == 1:
            return False
        self._text, self._at = "".join(parts), 0
        return True


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


_JSON = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


def _is_for(document: dict[str, Any], receivers: Collection[str]) -> bool:
    """Tell whether an alert of API v2 is routed to any of these."""
    return any(receiver["name"] in receivers for receiver in document["receivers"])


def _alert(document: dict[str, Any]) -> Alert:
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
