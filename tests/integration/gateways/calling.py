"""Calls of functions through a gateway, exactly so many and no more: no retries, nothing that follows anything."""

import http.client
import itertools
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

_SHAPES = (
    ("GET", "/", b""),
    ("POST", "/long/path", b"x" * 40_000),
    ("GET", "/?code=500", b""),
    ("GET", "/?code=404", b""),
)

_PAUSE_S = 0.02


def call(url: str, function: str, method: str = "GET", path: str = "/", body: bytes = b"") -> int:
    """Call `NAMESPACE/NAME` once over a connection of its own; gives the status."""
    return send(url, called(function) + path, method, body)


def called(function: str) -> str:
    """Give the path at which `NAMESPACE/NAME` is called."""
    namespace, name = function.split("/")
    return f"/function/{name}.{namespace}"


def send(url: str, path: str, method: str = "GET", body: bytes = b"") -> int:
    """Send a path as it is written, which most clients would tidy up."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path, body)
        return connection.getresponse().status
    finally:
        connection.close()


def mix(urls: Sequence[str], functions: Sequence[str], each: int) -> Counter[str]:
    """Call every function so often, by turns GET, POST, with errors, through one gateway after the other.

    Returns:
        What was called, by function.
    """
    turns = zip(itertools.cycle(urls), itertools.cycle(_SHAPES), range(each), strict=False)
    for url, (method, path, body), _ in turns:
        for function in functions:
            call(url, function, method, path, body)
    return Counter(dict.fromkeys(functions, each))


@contextmanager
def held(url: str, function: str, calls: int = 1) -> Iterator[None]:
    """Have calls under way that their function answers once it is told to; at the end of the block the client hangs up."""
    with ExitStack() as stack:
        for _ in range(calls):
            connection = stack.enter_context(socket.create_connection(urlsplit(url).netloc.split(":"), timeout=60))
            connection.sendall(f"GET {called(function)}/held HTTP/1.1\r\nHost: functions\r\n\r\n".encode())
        yield


class Steady:
    """Calls functions one after the other, from a thread, again and again until the end of a `with` block.

    A gateway that is away is called again at its next turn.

    Args:
        calls: address of a gateway and `NAMESPACE/NAME` of each call.
    """

    def __init__(self, calls: Sequence[tuple[str, str]]) -> None:
        self._calls = itertools.cycle(calls)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(_PAUSE_S):
            try:
                call(*next(self._calls))
            except (OSError, http.client.HTTPException):
                continue
