"""Wakes from who means no good, or is gone: hang-ups of every kind, endless bodies, names that are none."""

import asyncio
import contextlib
import resource
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from autoscaler.policy.settings import ServerTLSSettings
from autoscaler.server.app import build
from autoscaler.server.run import Address, serve
from autoscaler.server.tls import Certificates
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import GATEWAY, FakeAutoscaling, HandClock
from tests.integration.http.pairs import Pair, paired, until
from tests.integration.http.sockets import exchange, sent, status_of
from tests.servers.certificates import Authority
from tests.servers.process import PATIENCE

PATH = "/v1/wake/acme-prod/checkout"
HEAD = [f"GET {PATH} HTTP/1.1", f"Authorization: Bearer {GATEWAY}"]
HALF_SENT = [f"POST {PATH} HTTP/1.1", f"Authorization: Bearer {GATEWAY}", "Content-Length: 5000000"]
CHUNKED = [f"POST {PATH} HTTP/1.1", f"Authorization: Bearer {GATEWAY}", "Transfer-Encoding: chunked"]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A holder and a standby."""
    async with paired() as both:
        yield both


def finish(writer: asyncio.StreamWriter) -> None:
    """Say that nothing more will be sent, as a close does first."""
    writer.write_eof()


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection by a RST."""
    own: socket.socket = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


REQUESTS = {"a GET": (HEAD, b""), "half a body": (HALF_SENT, b"x" * 3_000_000), "chunks": (CHUNKED, b"5\r\nhello\r\n")}


@pytest.mark.parametrize("hang_up", [finish, reset])
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("through", ["the holder", "a standby"])
async def test_whoever_hangs_up_frees_the_place(
    pair: Pair, hang_up: Callable[[Any], None], request_: tuple[list[str], bytes], through: str
) -> None:
    """FIN or RST, with a body half sent or none, here or behind a standby: the place is free at once."""
    async with sent(pair.holders_address if through == "the holder" else pair.address, *request_) as (_, writer):
        await until(lambda: pair.holder.holding == 1)
        hang_up(writer)
        await until(lambda: pair.holder.holding == 0)
    assert len(pair.holder.wakes) == 1


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_whoever_hangs_up_while_nobody_decides_is_not_asked_for_later(
    pair: Pair, request_: tuple[list[str], bytes]
) -> None:
    """A wake that waits at a standby for somebody who decides is given up with its connection, unread body or not."""
    pair.standbys.tell(address="127.0.0.1:1")
    async with sent(pair.address, *request_) as (reader, writer):
        await asyncio.sleep(0)
        finish(writer)
        assert await asyncio.wait_for(reader.read(), 30) == b""
    pair.standbys.tell(address=f"{pair.holders_address.host}:{pair.holders_address.port}")
    pair.holder.ready.set()
    assert await exchange(pair.address, HEAD) == 200
    assert len(pair.holder.wakes) == 1


async def test_whoever_hangs_up_behind_tls_frees_the_place(tmp_path: Path) -> None:
    """A TLS connection that is reset, or closed with its close_notify, gives its place up like any other."""
    authority = Authority(tmp_path)
    issued, context = authority.sign("DNS:localhost"), authority.trust()
    settings = ServerTLSSettings(cert_file=str(issued.certificate), key_file=str(issued.key))
    service = FakeAutoscaling()
    async with serve(build(service, HandClock()), "127.0.0.1:0", certificates=Certificates(settings)) as address:
        for hang_up in (asyncio.StreamWriter.close, reset):
            _, writer = await asyncio.open_connection(
                address.host, address.port, ssl=context, server_hostname="localhost"
            )
            writer.write("\r\n".join([*HALF_SENT, "Host: autoscaler", "", ""]).encode() + b"x" * 1_000_000)
            await until(lambda: service.holding == 1)
            hang_up(writer)
            await until(lambda: service.holding == 0)


async def test_a_body_without_end_costs_no_memory(listening: Listening) -> None:
    """A quarter of a gigabyte in chunks, sent while the wake is held, is read and forgotten as it comes."""
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    async with sent(listening.main, CHUNKED) as (reader, writer):
        await until(lambda: listening.service.holding == 1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(256):
            writer.write(chunk)
            await writer.drain()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KiB
        listening.service.ready.set()
        assert await status_of(reader) == 200


async def test_an_answer_that_nobody_reads_keeps_nobody(listening: Listening) -> None:
    """A caller that never reads has had its place back all the same once its wake ended."""
    async with sent(listening.main, HEAD):
        await until(lambda: listening.service.holding == 1)
        listening.service.ready.set()
        await until(lambda: listening.service.holding == 0)
        assert await exchange(listening.main, HEAD) == 200


async def test_requests_behind_a_held_one_wait_for_it(listening: Listening) -> None:
    """What a connection pipelines behind a held wake takes no place before that has its answer."""
    more = "\r\n".join([*HEAD, "Host: autoscaler", "", ""]).encode() * 50
    async with sent(listening.main, HEAD, more) as (reader, _):
        await until(lambda: listening.service.holding == 1)
        assert len(listening.service.wakes) == 1
        listening.service.ready.set()
        assert await status_of(reader) == 200


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "%2e%2e",
        ".",
        "%2F",
        "a%2Fb",
        "%ff%fe",
        "\udcff\udcfe",
        "%00",
        "%0d%0aX-Wake-State:%20ready",
        "checkout%20",
        "Checkout",
        "ch%65ckout%E2%84%AA",
        "a" * 254,
        "a" * 7_900,
        "{function}",
        "checkout;x=1",
        "@call",
    ],
)
@pytest.mark.parametrize("place", ["function", "namespace"])
async def test_names_that_are_none_reach_nothing(listening: Listening, name: str, place: str) -> None:
    """Whatever bytes stand where a name belongs, the answer is 400 or 404, and no function is asked for."""
    target = f"/v1/wake/acme-prod/{name}" if place == "function" else f"/v1/wake/{name}/checkout"
    async with sent(listening.main, []) as (reader, writer):
        head = f"GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GATEWAY}\r\n\r\n"
        writer.write(head.encode("utf-8", "surrogateescape"))
        assert await status_of(reader) in (400, 404)
    assert not listening.service.wakes


async def test_a_target_that_is_too_long_is_refused(listening: Listening) -> None:
    """A path of 9 KiB is refused before anything is looked up."""
    status = await exchange(listening.main, [f"GET /v1/wake/acme-prod/{'a' * 9_000} HTTP/1.1", HEAD[1]])
    assert status in (400, 414)
    assert not listening.service.wakes


async def test_heads_that_never_end_keep_nobody_from_waking() -> None:
    """With 500 connections that send half a head and stop, a gateway is answered, and they are closed after their time."""
    service = FakeAutoscaling()
    service.ready.set()
    async with (
        serve(build(service, HandClock()), "127.0.0.1:0", patience_s=1.0) as address,
        contextlib.AsyncExitStack() as stack,
    ):
        readers = [await _dripping(address, stack) for _ in range(500)]
        assert await exchange(address, HEAD) == 200
        async with asyncio.timeout(60 * PATIENCE):
            assert {await reader.read() for reader in readers} == {b""}


async def _dripping(address: Address, stack: contextlib.AsyncExitStack) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    stack.callback(writer.close)
    writer.write(b"GET /v1/wake/acme-prod/check")
    return reader
