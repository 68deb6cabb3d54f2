"""HTTP towards one Prometheus: bounded in time, size and connections, and able to see the whole answer.

`PrometheusConnect` gives back `data.result` alone; warnings, partial answers and HTTP statuses are looked
at here, below it, in the session that it is given.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from autoscaler.adapters.prometheus.answers import Series, error_type_of, series_of
from autoscaler.adapters.prometheus.errors import (
    AnswerError,
    ClockError,
    ConnectError,
    LargeError,
    SourceError,
    UnavailableError,
)

_CHUNK = 1 << 18
_REFUSAL_BYTES = 1 << 16
_DIGITS = 20

MOST_SKEW_S = 5.0
"""How far the source's clock may be from ours: more than a slow answer takes, less than any window is long."""


class Lines:
    """The connections of one source that are open, so that a deadline can end them all.

    A read's time-out alone would not: a server that sends a byte a second never trips it. So each
    connection leaves a duplicate of its socket here, and shutting that down ends the reader's wait.

    Attributes:
        is_over: nobody wants to hear of the source from here any more: another thread, perhaps of another process,
            reads it by now.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handles: set[socket.socket] = set()
        self.is_over = False

    def add(self, sock: socket.socket) -> socket.socket:
        """Remember a new connection; returns what `remove` needs."""
        handle = sock.dup()
        with self._lock:
            self._handles.add(handle)
        if self.is_over:
            self.cut()
        return handle

    def remove(self, handle: socket.socket) -> None:
        """Forget a connection that its owner closes."""
        with self._lock:
            self._handles.discard(handle)
        handle.close()

    def cut(self) -> None:
        """End all connections at once; whoever reads from one sees it end."""
        with self._lock:
            for handle in self._handles:
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """End all connections, those too that a thread which hangs may yet make."""
        self.is_over = True
        self.cut()

    def check_wanted(self) -> None:
        """Let what was read pass.

        Raises:
            ConnectError: nobody wants it: who reads the source by now writes to the same columns.
        """
        if self.is_over:
            raise ConnectError("nobody waits for it any more")


class Limits:
    """How large an answer may be, bytes.

    Attributes:
        ever: by the settings; a larger one is never read.
        here: in this worker, for this query; a larger one is to be asked for elsewhere. None: no less than ever.
    """

    def __init__(self, ever: int) -> None:
        self.ever = ever
        self.here: int | None = None

    def check(self, size: int) -> None:
        """Let an answer of so many bytes pass.

        Raises:
            AnswerError: it is too large.
            LargeError: it is too large for this worker.
        """
        if size > self.ever:
            raise AnswerError(f"the answer is larger than {self.ever} bytes")
        if self.here is not None and size > self.here:
            raise LargeError("the answer is too large for a worker that others share")


class _Reading:
    """Keeps a connection's handle for as long as its answer is read.

    An answer without a length ends with its connection, which http.client then lets go as soon as it has read the
    headers: without this, nothing could cut a server that sends the rest byte by byte.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._is_reading = False
        self._kept: list[socket.socket] = []

    def __enter__(self) -> None:
        self._is_reading = True

    def __exit__(self, *_: object) -> None:
        self._is_reading = False
        while self._kept:
            self._lines.remove(self._kept.pop())

    def let_go(self, handle: socket.socket) -> None:
        """Take the handle of a connection that its owner closes."""
        if self._is_reading:
            self._kept.append(handle)
        else:
            self._lines.remove(handle)


class CheckedResponse(requests.Response):
    """A whole, successful answer, parsed already."""

    series: list[Series]

    def json(self, **kwargs: Any) -> Any:
        """Give the part of the answer that `PrometheusConnect` reads."""
        return {"data": {"result": self.series}}


class CheckingAdapter(HTTPAdapter):
    """Reads each answer to its end, within a size, and lets only whole ones pass.

    Args:
        lines: where open connections are remembered.
        limits: largest body read.
        takes_scalars: as for `series_of`.
    """

    def __init__(self, lines: Lines, limits: Limits, takes_scalars: bool = False) -> None:
        self._lines = lines
        self._reading = _Reading(lines)
        self._limits = limits
        self._takes_scalars = takes_scalars
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0, pool_block=True)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Make the pool, of connections that are remembered."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._lines, self._reading)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a query and read its answer.

        Raises:
            SourceError: it may not be believed, or broke off.
            requests.RequestException: no connection.
        """
        send = super().send
        with (
            self._reading,
            contextlib.closing(
                send(request, stream=True, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
            ) as response,
        ):
            if response.status_code != 200:
                raise self._refusal(response)
            self._check_headers(response)
            series = self._series(self._body(response, self._limits))
        checked = CheckedResponse()
        checked.series = series
        checked.status_code, checked.url, checked.request = 200, response.url, request
        checked.raw, checked._content = response.raw, b""
        return checked

    def _series(self, body: bytes) -> list[Series]:
        """Read an answer.

        Raises:
            AnswerError: it may not be believed.
        """
        return series_of(body, self._takes_scalars)

    def _check_headers(self, response: requests.Response) -> None:
        if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise AnswerError("the answer's content type is not application/json")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise AnswerError("the answer is compressed, which was not asked for")
        _check_clock(response.headers.get("Date"))

    def _body(self, response: requests.Response, limits: Limits) -> bytes:
        """Read at most so many bytes of a body; one that says beforehand that it is larger is not read at all.

        Raises:
            AnswerError: it is larger.
            LargeError: it is larger than this worker may read.
            ConnectError: it broke off.
        """
        said = response.headers.get("Content-Length", "")
        limits.check(int(said) if said.isascii() and said.isdecimal() and len(said) < _DIGITS else 0)
        body = bytearray()
        try:
            while chunk := response.raw.read(_CHUNK, decode_content=False):
                body += chunk
                limits.check(len(body))
        except (HTTPError, OSError, ValueError):  # ValueError: a chunk of negative length
            raise ConnectError("the connection broke within an answer") from None
        return bytes(body)

    def _refusal(self, response: requests.Response) -> SourceError:
        status = response.status_code
        if 300 <= status < 400:
            return AnswerError(f"HTTP {status}: redirects are not followed")
        try:
            body = self._body(response, Limits(_REFUSAL_BYTES))
        except (AnswerError, ConnectError):
            body = b""
        kind = UnavailableError if status == 429 or status >= 500 else AnswerError
        return kind(f"HTTP {status}{error_type_of(body)}")


def _check_clock(date: str | None) -> None:
    """Refuse an answer from another time than ours.

    Queries say for when they ask. A machine an hour slow would ask for an hour ago, hear that a function that is busy
    now stood still, and take it to zero. An answer that does not say when it was made is taken.

    Args:
        date: the header of this name; None: there is none.

    Raises:
        ClockError: the clocks differ by more than `MOST_SKEW_S`.
    """
    try:
        skew_s = time.time() - parsedate_to_datetime(date or "").timestamp()
    except (ValueError, OverflowError):
        return
    if abs(skew_s) > MOST_SKEW_S:
        direction = "ahead of" if skew_s > 0 else "behind"
        raise ClockError(f"this machine's clock is {abs(skew_s):.0f} s {direction} the source's; set both by NTP")


def session(adapter: HTTPAdapter, verify: bool | str, cert: tuple[str, str] | str | None) -> requests.Session:
    """Make a session that takes nothing from the environment: no proxy, no netrc, no cookies, no redirects.

    Answers are asked for uncompressed: it is quicker inside a cluster, and no small body can grow large.
    """
    made = requests.Session()
    made.trust_env = False
    made.max_redirects = 0
    made.verify = verify
    made.cert = cert
    made.headers["Accept-Encoding"] = "identity"
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made


def _pools(lines: Lines, reading: _Reading) -> dict[str, type[HTTPConnectionPool]]:
    """Give urllib3's pools with connections that leave a handle in `lines` while they are open."""

    class PlainLine(HTTPConnection):
        _handle: socket.socket | None = None

        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            self._handle = lines.add(sock)
            return sock

        def close(self) -> None:
            if self._handle is not None:
                reading.let_go(self._handle)
                self._handle = None
            super().close()

    class SecureLine(PlainLine, HTTPSConnection):
        """The same over TLS: the handle is taken before the handshake, which is cut like all else."""

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainLine

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureLine

    return {"http": PlainPool, "https": SecurePool}
