"""What the commands ask of a running daemon."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import click
import orjson

from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.reaching import Target

Json = dict[str, Any]
DEADLINE_S = 10.0
_NOT_SO = (404, 409, 503)


class _Answer(Json):
    """An object of an answer; what it lacks is no mistake of whoever reads it, but of whoever was asked."""

    def __missing__(self, key: str) -> object:
        raise WrongConfiguration(
            f"The answer has no {key!r}: the daemon is of another version than this command, or what listens there is none; "
            "--server names it"
        )


class Client:
    """Asks a daemon's API."""

    def __init__(self, session: aiohttp.ClientSession, target: Target) -> None:
        self._session = session
        self._target = target

    async def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Json:
        """Read one answer.

        Raises:
            NotSo: what was asked about is not there, or not yet, or not so.
            WrongConfiguration: the daemon cannot be reached, or refuses the credential or the question.
        """
        return await self._ask("GET", path, parameters)

    async def post(self, path: str) -> Json:
        """Ask for something to be done, and give the answer; raises as `get` does."""
        return await self._ask("POST", path)

    async def _ask(self, method: str, path: str, parameters: Mapping[str, str] | None = None) -> Json:
        target = self._target
        asking = self._session.request(
            method,
            f"{target.url}{path}",
            params=parameters,
            allow_redirects=False,
            proxy=target.proxy,
            server_hostname=target.server_name,
        )
        try:
            async with asking as answer:
                body = await answer.read()
                status = answer.status
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise WrongConfiguration(f"{target.option}: {target.url} is no URL; http://HOST:PORT is allowed") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = _in_words(error)
            raise WrongConfiguration(f"{target.words} does not answer ({reason}); {target.option} names it") from None
        if status == 200:
            return _parsed(body, target)
        _refuse_the_clusters(status, body, target)
        words = _refusal(status, body, target)
        raise NotSo(words) if status in _NOT_SO else WrongConfiguration(words)

    async def pages(self, path: str, items: str, parameters: Mapping[str, str], most: int) -> list[Json]:
        """Read a list page by page, up to `most` items."""
        found: list[Json] = []
        query = dict(parameters)
        while len(found) < most:
            page = await self.get(path, query)
            found += page[items]
            if page.get("continue") is None:
                break
            query["continue"] = page["continue"]
        return found[:most]


@asynccontextmanager
async def client(target: Target) -> AsyncIterator[Client]:
    """Open a client for the length of an `async with` block."""
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    connector = aiohttp.TCPConnector(ssl=target.trust if target.trust is not None else True)
    async with aiohttp.ClientSession(headers=target.headers, timeout=timeout, connector=connector) as session:
        yield Client(session, target)


def until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's work; Ctrl-C ends it as it should."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        click.echo()


def _in_words(error: Exception) -> str:
    """Say why a connection failed as the system says it; `aiohttp` adds its own inner words."""
    if isinstance(error, TimeoutError):
        return f"nothing within {DEADLINE_S:.0f} s"
    for one in (getattr(error, "os_error", None), getattr(error, "certificate_error", None), error.__cause__, error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"its certificate is not believed: {one.verify_message}"
        if isinstance(one, ssl.SSLError) and one.reason:
            return f"TLS: {one.reason.lower().replace('_', ' ')}"
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and number is not None and number > 0:
        return os.strerror(number)
    return str(error) or type(error).__name__


def _parsed(body: bytes, target: Target) -> Json:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise WrongConfiguration(f"What listens at {target.url} is not the daemon: its answer is no JSON") from None
    if not isinstance(answer, dict):
        raise WrongConfiguration(f"What listens at {target.url} is not the daemon: its answer is no object")
    whole: Json = _answered(answer)
    return whole


def _answered(value: Any) -> Any:
    if isinstance(value, dict):
        return _Answer({key: _answered(one) for key, one in value.items()})
    return [_answered(one) for one in value] if isinstance(value, list) else value


def _refuse_the_clusters(status: int, body: bytes, target: Target) -> None:
    """Tell what the API server in between refuses from what the daemon does: it answers with a `Status`.

    Raises:
        WrongConfiguration: it was the API server.
    """
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    if not isinstance(said, dict) or said.get("kind") != "Status":
        return
    allowed = {
        401: "a context whose credentials the cluster takes (--context)",
        403: "the Role faas-autoscaler-callers in the daemon's namespace, or `kubectl port-forward` and --server",
        404: "--service NAMESPACE/NAME:PORT of the daemon",
    }.get(status, "to ask again when a daemon is ready, or another one with --service")
    raise WrongConfiguration(f"{target.words} cannot be asked: {said.get('message') or status}; allowed: {allowed}")


def _refusal(status: int, body: bytes, target: Target) -> str:
    """Give the daemon's own words: what, where, what is allowed."""
    try:
        error = orjson.loads(body)["error"]
        words = f"{error['what']} ({error['where']}); allowed: {error['allowed']}"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        words = f"What listens at {target.url} answers HTTP {status}, and not in the daemon's words; {target.option} names it"
    return f"{words}. --token or --token-file names who is asking" if status == 401 else words
