"""Requests that no client library would send: headers without a body, bodies that drip, hang-ups."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from autoscaler.server.run import Address

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def sent(address: Address, lines: Sequence[str], body: bytes = b"") -> AsyncIterator[Connection]:
    """Send a request head and this much of its body, and keep the connection for the length of the block."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write("\r\n".join([*lines, "Host: autoscaler", "", ""]).encode() + body)
        await writer.drain()
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def status_of(reader: asyncio.StreamReader) -> int:
    """Give the status of the next answer, within 5 s."""
    line = await asyncio.wait_for(reader.readline(), 30)
    return int(line.split()[1])


async def exchange(address: Address, lines: Sequence[str], body: bytes = b"") -> int:
    """Send a request and give the status of its answer."""
    async with sent(address, lines, body) as (reader, _):
        return await status_of(reader)
