"""A piece of network between two servers on loopback that a test can cut: what it forwards, TCP and UDP, just stops."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

_CHUNK = 1 << 16
Address = tuple[str, int]


class Link:
    """Listens on a port of its own and forwards to another of loopback, in a thread of its own.

    Cut, it lets go of what is open and takes what is new without a word of answer, as a network does that loses packets.

    Args:
        port: where it leads.

    Attributes:
        loses_answers: whether what TCP clients say arrives, and their connection breaks in place of the answer.
        port: where it is reached, by TCP, and by UDP too.
        passed: connections and UDP senders that it has forwarded.
        swallowed: those, and datagrams, that came while it was cut.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.passed = 0
        self.swallowed = 0
        self.loses_answers = False
        self._to = ("127.0.0.1", port)
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._started, self._ending = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        if not self._started.wait(10):
            raise TimeoutError("the link did not start within 10 s")

    def stop(self) -> None:
        """Let go of everything."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """From now on nothing passes, of what is open neither."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._let_go)

    def mend(self) -> None:
        """Let what is new pass again."""
        self._is_cut = False
        self._loop.call_soon_threadsafe(self._let_go)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        transport, datagrams = await self._loop.create_datagram_endpoint(
            lambda: _Datagrams(self, self._to), local_addr=("127.0.0.1", self.port)
        )
        self._started.set()
        await self._ending.wait()
        datagrams.close()
        transport.close()
        server.close()
        self._let_go()
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.sleep(0)  # what was let go of is closed by the loop's next turns
        await asyncio.sleep(0)

    def _let_go(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._is_cut:
                self.swallowed += 1
                while await reader.read(_CHUNK):
                    pass
                return
            self.passed += 1
            await self._forward(reader, writer)
        except OSError:
            pass  # one side went; so does the other
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        self._open.add(far_writer)
        try:
            await asyncio.gather(_pump(reader, far_writer), self._answer(far_reader, writer))
        finally:
            self._open.discard(far_writer)
            far_writer.transport.abort()

    async def _answer(self, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.loses_answers:
            await _pump(far_reader, writer)
        elif await far_reader.read(_CHUNK):
            self.swallowed += 1
            writer.transport.abort()

    def passes(self) -> bool:
        """Tell whether a datagram passes now; one that does not is counted."""
        self.swallowed += self._is_cut
        return not self._is_cut


class _Datagrams(asyncio.DatagramProtocol):
    """Datagrams that come to a link; each sender has a socket of its own towards the far side, whose answers go back."""

    def __init__(self, link: Link, to: Address) -> None:
        self._link = link
        self._to = to
        self._far: dict[Address, socket.socket] = {}
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self._link.passes():
            far = self._far.get(addr) or self._open(addr)
            with contextlib.suppress(OSError):  # nobody listens there now
                far.send(data)

    def close(self) -> None:
        """Let go of every socket."""
        for far in self._far.values():
            self._loop.remove_reader(far)
            far.close()

    def _open(self, sender: Address) -> socket.socket:
        self._link.passed += 1
        far = self._far[sender] = socket.socket(type=socket.SOCK_DGRAM)
        far.setblocking(False)
        far.connect(self._to)
        self._loop.add_reader(far, self._answer, far, sender)
        return far

    def _answer(self, far: socket.socket, sender: Address) -> None:
        with contextlib.suppress(OSError):
            data = far.recv(_CHUNK)
            if self._link.passes() and self._transport is not None:
                self._transport.sendto(data, sender)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


@contextlib.contextmanager
def linked(port: int) -> Iterator[Link]:
    """Have a link to a port of loopback for the length of a `with` block."""
    link = Link(port)
    link.start()
    try:
        yield link
    finally:
        link.stop()
