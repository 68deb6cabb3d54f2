"""What the commands ask of a running daemon."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import click
import orjson

from autoscaler.cli.errors import NotSo, WrongConfiguration

Json = dict[str, Any]
Command = TypeVar("Command", bound=Callable[..., object])
DEADLINE_S = 10.0
_NOT_SO = (404, 503)


def server_options(command: Command) -> Command:
    """Add `--server`, `--token` and `--token-file`."""
    for option in (
        click.option(
            "--token-file",
            envvar="AUTOSCALER_TOKEN_FILE",
            metavar="FILE",
            help="File with the bearer token. [env var: AUTOSCALER_TOKEN_FILE]",
        ),
        click.option(
            "--token",
            envvar="AUTOSCALER_TOKEN",
            metavar="TOKEN",
            help="Bearer token, an operator's or a tenant's. [env var: AUTOSCALER_TOKEN]",
        ),
        click.option(
            "--server",
            envvar="AUTOSCALER_SERVER",
            default="http://127.0.0.1:8080",
            show_default=True,
            metavar="URL",
            help="The daemon. [env var: AUTOSCALER_SERVER]",
        ),
    ):
        command = option(command)
    return command


class Client:
    """Reads a daemon's API."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session = session
        self._server = server

    async def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Json:
        """Read one answer.

        Raises:
            NotSo: what was asked about is not there, or not yet.
            WrongConfiguration: the daemon cannot be reached, or refuses the credential or the question.
        """
        try:
            async with self._session.get(f"{self._server}{path}", params=parameters, allow_redirects=False) as answer:
                body = await answer.read()
                status = answer.status
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise WrongConfiguration(f"--server {self._server} is no URL; http://HOST:PORT is allowed") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = _in_words(error)
            raise WrongConfiguration(
                f"The daemon at {self._server} does not answer ({reason}); --server names it"
            ) from None
        if status == 200:
            return _parsed(body, self._server)
        words = _refusal(status, body)
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
async def client(server: str, token: str | None, token_file: str | None) -> AsyncIterator[Client]:
    """Open a client for the length of an `async with` block.

    Raises:
        WrongConfiguration: the token's file cannot be read, or holds no token.
    """
    bearer = _checked(token) if token else _read_token(token_file) if token_file else None
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        yield Client(session, server.rstrip("/"))


def until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's work; Ctrl-C ends it as it should."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        click.echo()


def _read_token(path: str) -> str:
    try:
        return _checked(Path(path).read_text().strip(), f"--token-file {path}")
    except (OSError, UnicodeDecodeError):
        raise WrongConfiguration(f"--token-file {path} cannot be read; a text file with one token is allowed") from None


def _checked(token: str, origin: str = "--token") -> str:
    """Give a token that a header can carry; another is refused without being shown."""
    if not token or not all("!" <= sign <= "~" for sign in token):
        raise WrongConfiguration(f"{origin} holds no token; one word of ASCII letters, digits and signs is allowed")
    return token


def _in_words(error: Exception) -> str:
    """Say why a connection failed as the system says it; `aiohttp` adds its own inner words."""
    if isinstance(error, TimeoutError):
        return f"nothing within {DEADLINE_S:.0f} s"
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and number is not None and number > 0:
        return os.strerror(number)
    return str(error) or type(error).__name__


def _parsed(body: bytes, server: str) -> Json:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise WrongConfiguration(f"What listens at {server} is not the daemon: its answer is no JSON") from None
    if not isinstance(answer, dict):
        raise WrongConfiguration(f"What listens at {server} is not the daemon: its answer is no object")
    return answer


def _refusal(status: int, body: bytes) -> str:
    """Give the daemon's own words: what, where, what is allowed."""
    try:
        error = orjson.loads(body)["error"]
        words = f"{error['what']} ({error['where']}); allowed: {error['allowed']}"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        words = f"HTTP {status}"
    return f"{words}. --token or --token-file names who is asking" if status == 401 else words
