"""The connection to one API server: who we are there, and plain JSON requests."""

import asyncio
import copy
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
import yaml  # type: ignore[import-untyped]  # comes with kubernetes
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from autoscaler.adapters.kubernetes.errors import ConfigurationError, Expired, Garbled, Refused, Unreachable
from autoscaler.adapters.kubernetes.managers import FIELD_MANAGER
from autoscaler.adapters.kubernetes.sockets import CuttableClient
from autoscaler.policy.settings import KubernetesSettings

_NETWORK_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)
_WRITE_CONNECTIONS = 128
"""More than the write scheduler has out at once: renewing the Lease, reviews and events never wait for slow writes."""
_UNLIMITED = 0
_LISTS_AT_ONCE = 8
_OPENING_AT_ONCE = 16
_JSON = "application/json"

Query = Sequence[tuple[str, str | int]]


class Connection:
    """Two HTTP clients for one API server: one for lists and watches, one for single requests.

    They are separate because every open watch occupies a connection of its client's pool: with as many
    watches as connections, the next write would never be sent.

    Attributes:
        listing: held for the length of a list; eight at once, so that many namespaces start gently.
    """

    def __init__(self, settings: KubernetesSettings, configuration: Configuration) -> None:
        self._settings = settings
        self._watches, watch_sockets = _client(configuration, _UNLIMITED)
        self._writes, write_sockets = _client(configuration, _WRITE_CONNECTIONS)
        self._clients = ((self._watches, watch_sockets), (self._writes, write_sockets))
        self.listing = asyncio.Semaphore(_LISTS_AT_ONCE)
        self._opening = asyncio.Semaphore(_OPENING_AT_ONCE)
        self._writing = asyncio.Semaphore(_WRITE_CONNECTIONS)
        self._refreshing = asyncio.Lock()
        self._refreshes = 0

    @classmethod
    async def open(cls, settings: KubernetesSettings) -> "Connection":
        """Read who and where we are: the kubeconfig given, else the pod's own files, else the usual kubeconfig.

        Raises:
            ConfigurationError: there is none, or it cannot be read.
        """
        return cls(settings, await _read_configuration(settings))

    async def close(self) -> None:
        """Close both clients and every connection they hold."""
        for client, sockets in self._clients:
            await sockets.cut()
            await client.close()  # type: ignore[no-untyped-call]  # the library's

    async def refresh(self) -> None:
        """Read the credentials again: projected tokens and those of plug-ins live for an hour or less.

        In a thread, since a kubeconfig may take 50 ms to parse or run a program; and once, however many
        requests are refused at the same moment.

        Raises:
            ConfigurationError: they cannot be read now; the former ones stay in use.
        """
        seen = self._refreshes
        async with self._refreshing:
            if seen != self._refreshes:
                return
            fresh = await asyncio.to_thread(lambda: asyncio.run(_read_configuration(self._settings)))
            for client in (self._watches, self._writes):
                client.configuration.api_key = dict(fresh.api_key)
            self._refreshes += 1

    async def get_page(self, path: str, query: Query, timeout_s: float) -> bytes:
        """Get a page of a list, as it is.

        Raises:
            Unreachable, Garbled, Expired, Refused: as they say.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        async with _request(self._watches, "GET", path, query=query, timeout=timeout) as response:
            return await _body(response)

    @asynccontextmanager
    async def watch(
        self, path: str, query: Query, stall_s: float, timeout_s: float
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Open a watch and give its body, which raises `Unreachable` once it is silent for `stall_s` seconds.

        Sixteen are opened at once: each needs a connection of its own, and thousands may come back together.

        Raises:
            Unreachable, Garbled, Expired, Refused: as they say.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeout_s, sock_read=stall_s)
        async with AsyncExitStack() as stack:
            try:
                async with self._opening, asyncio.timeout(timeout_s):
                    asking = _request(self._watches, "GET", path, query=query, timeout=timeout)
                    response = await stack.enter_async_context(asking)
                    if response.status != 200:
                        await _body(response)
            except TimeoutError:
                raise Unreachable(f"no answer to a watch within {timeout_s:g} s") from None
            yield response.content

    async def get_scale(self, namespace: str, name: str, timeout_s: float) -> dict[str, Any]:
        """Get a Deployment's scale; the key `spec.replicas` is absent at 0."""
        return await self._scale("GET", namespace, name, None, timeout_s)

    async def patch_scale(
        self, namespace: str, name: str, operations: list[dict[str, object]], timeout_s: float
    ) -> dict[str, Any]:
        """Apply a JSON Patch to a Deployment's scale."""
        return await self._scale("PATCH", namespace, name, operations, timeout_s)

    async def send(
        self, method: str, path: str, timeout_s: float, body: object = None, media: str = _JSON
    ) -> dict[str, Any]:
        """Send one request with a JSON body, or none, over the writes' client.

        Args:
            media: content type of the body.

        Raises:
            Unreachable, Garbled, Expired, Refused: as they say.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        asking = _request(self._writes, method, path, query=(), timeout=timeout, body=body, media=media)
        async with self._writing, asking as response:
            return await _answer(response)

    async def _scale(
        self, method: str, namespace: str, name: str, body: list[dict[str, object]] | None, timeout_s: float
    ) -> dict[str, Any]:
        path = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"
        query: Query = [("fieldManager", FIELD_MANAGER)] if body is not None else []
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        places = {"namespace": namespace, "name": name}
        # A thousand writes at once would else all be prepared in one turn of the loop, 0.2 ms each.
        async with (
            self._writing,
            _request(self._writes, method, path, query=query, timeout=timeout, body=body, places=places) as response,
        ):
            return await _answer(response)


def _client(configuration: Configuration, connections: int) -> tuple[ApiClient, CuttableClient]:
    """Make a client with a configuration and a pool of its own."""
    own = copy.deepcopy(configuration)
    own.connection_pool_maxsize = connections
    # Left to the session, every request would ask another thread for proxies and for ~/.netrc, whose
    # passwords would take the place of our token.
    own.proxy = own.proxy or _proxy_for(own.host)
    own.client_session_kwargs = {"trust_env": False}
    client = ApiClient(configuration=own)
    client.rest_client = sockets = CuttableClient(own)
    client.user_agent = "faas-autoscaler"
    return client, sockets


def _proxy_for(url: str) -> str | None:
    """Give the proxy that the environment names for an address, as HTTPS_PROXY and NO_PROXY say."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


async def _read_configuration(settings: KubernetesSettings) -> Configuration:
    configuration = Configuration()
    is_told = settings.kubeconfig is not None or settings.context is not None
    path = _home_expanded(settings.kubeconfig)
    try:
        if not is_told and os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_incluster_config(configuration, try_refresh_token=False)  # type: ignore[no-untyped-call]
        else:
            await config.load_kube_config(path, settings.context, configuration, False)  # type: ignore[no-untyped-call]
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        where = settings.kubeconfig or "the pod's service account, $KUBECONFIG or ~/.kube/config"
        raise ConfigurationError(f"cannot use {where}: {error}") from error
    return configuration


def _is_missing(path: str | None) -> bool:
    return path is not None and not Path(path).expanduser().exists()


def _home_expanded(path: str | None) -> str | None:
    """Give a path with `~` replaced; the library would say of a missing file that it lacks keys.

    Raises:
        ConfigurationError: there is no such file.
    """
    if path is None:
        return None
    file = Path(path).expanduser()
    if not file.exists():
        raise ConfigurationError(f"cannot use {path}: there is no such file")
    return str(file)


@asynccontextmanager
async def _request(
    client: ApiClient,
    method: str,
    path: str,
    *,
    query: Query,
    timeout: aiohttp.ClientTimeout,
    body: object = None,
    media: str = "application/json-patch+json",
    places: dict[str, str] | None = None,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Send one request with the client's own address, credentials and pool; translate what the network raises.

    The generated methods are not used: they check every argument by a model, and cannot bound a single read.
    """
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = media
    try:
        parts = await client.param_serialize(
            method, path, places, list(query), headers, body=body, auth_settings=["BearerToken"]
        )
        answer = await client.call_api(*parts, _request_timeout=timeout)
        async with answer.response as response:
            try:
                yield response
            finally:
                _abort_unread(response)
    except _NETWORK_ERRORS as error:
        raise Unreachable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error


def _abort_unread(response: aiohttp.ClientResponse) -> None:
    """Cut the connection of an answer that was not read to its end, as a watch's never is.

    Closing it in TLS's polite way would wait for a server that may be gone, after the client was closed.
    """
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()


async def _answer(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Read a JSON object, or raise what the status says."""
    return parse_object(await _body(response))


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer as it is, or raise what the status says."""
    raw = await response.read()
    if response.status == 410:
        raise Expired("the resource version or page is gone")
    if response.status >= 300:
        raise Refused(response.status, _status_of(raw), retry_after_s(response.headers.get("Retry-After")))
    return raw


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        Garbled: it is none.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Garbled(f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise Garbled(f"a JSON object is needed, got {type(value).__name__}")
    return value


def retry_after_s(header: str | None) -> float | None:
    """Read a Retry-After header in seconds; the date form, which API servers do not send, counts as absent."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None


def _status_of(raw: bytes) -> dict[str, object]:
    """Give the `Status` object of an error; a proxy's page becomes its first words."""
    try:
        return parse_object(raw)
    except Garbled:
        return {"message": raw[:200].decode(errors="replace")}
