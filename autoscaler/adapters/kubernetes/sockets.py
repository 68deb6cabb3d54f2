"""The HTTP client's sockets, so that at the end none outlives it."""

import asyncio
import contextlib
import socket
from asyncio import sslproto
from weakref import WeakSet

import aiohttp
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

_TURNS = 50

# Every connection has a buffer of this size for as long as it lives: with the library's 256 KiB, 2,500 watches (five
# kinds in 500 namespaces) hold 760 MiB. A TLS record is 16 KiB at most.
sslproto.SSLProtocol.max_size = 32 * 1024


class CuttableClient(RESTClientObject):
    """The library's HTTP client; `cut` ends at once whatever it still holds.

    A request that is given up before its answer comes has its connection ended in TLS's polite way, which waits up
    to 30 s for the server's word, in nobody's sight: neither the session nor its connector knows of it any more.
    """

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self._sockets: WeakSet[socket.socket] = WeakSet()

    def _create_connector(self) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(limit=self.maxsize, ssl=self.ssl_context, socket_factory=self._socket)

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        self._sockets.add(made)
        return made

    async def cut(self) -> None:
        """Close every connection, idle or not, without waiting for the server."""
        session = self.pool_manager
        if isinstance(session, aiohttp.ClientSession) and session.connector is not None:
            await session.connector.close(abort_ssl=True)
        left = [one for one in self._sockets if one.fileno() >= 0]
        for one in left:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for _ in range(_TURNS):  # the loop hears of each end, and closes it, within a few turns
            if all(one.fileno() < 0 for one in left):
                return
            await asyncio.sleep(0)
