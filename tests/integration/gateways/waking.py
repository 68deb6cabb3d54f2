"""What stands around a gateway that wakes: a daemon that answers as it is told, a function that listens once it is started."""

import contextlib
import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.servers.process import free_port

TOKEN = "the-gateways-own-token"


class _Server(ThreadingHTTPServer):
    """One that ends with its connections, also those that a client keeps."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection and remember it."""
        connection, address = super().get_request()
        self.open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        self.open.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        """End all connections."""
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of who hung up."""


class _Standing:
    """A server on a port of its own that is there between `start` and `stop`, and may be started again."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._handler = handler
        self._server: _Server | None = None

    def start(self) -> None:
        """Listen from now on."""
        if self._server is None:
            self._server = _Server(("127.0.0.1", self.port), self._handler)
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.close_all()
            self._server = None


class Received(NamedTuple):
    """A request as the function got it; names of headers in lower case, the body by its SHA-256."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


class Sleeper(_Standing):
    """A function; it answers 200, or `?status=`, with the header of `?header=NAME:VALUE`, or breaks off for `?drop=1`.

    Attributes:
        received: all requests so far.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        function = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = _body(self)
                digest = hashlib.sha256(body).hexdigest()
                function.received.append(Received(self.command, self.path, _headers(self), digest))
                query = parse_qs(urlsplit(self.path).query)
                if "drop" in query:
                    self.close_connection = True
                    return
                headers = [one.split(":", 1) for one in query.get("header", [])]
                _answer(
                    self,
                    int(query.get("status", ["200"])[0]),
                    dict(headers),
                    b"" if self.command == "HEAD" else b"its own",
                )

            do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        super().__init__(Handler)


class Answer(NamedTuple):
    """What a daemon says; status 0: it breaks off."""

    status: int
    state: str | None
    retry_after: str | None = None


READY = Answer(200, "ready")


class Daemon(_Standing):
    """A daemon of which nothing but the answers to wakes is there.

    Attributes:
        asked: path of every wake so far, and its headers, their names in lower case.
        says: makes the answer; may take its time.
    """

    def __init__(self, says: Callable[[], Answer]) -> None:
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.says = says
        daemon = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                _body(self)
                daemon.asked.append((self.path, _headers(self)))
                said = daemon.says()
                if not said.status:
                    self.close_connection = True
                    return
                redirect = parse_qs(urlsplit(self.path).query).get("redirect", [None])[0]
                headers = {
                    "X-Wake-State": said.state,
                    "Retry-After": said.retry_after,
                    "X-Accel-Redirect": redirect if said.status == 200 else None,
                }
                body = json.dumps({"state": said.state}).encode()
                _answer(self, said.status, {name: value for name, value in headers.items() if value}, body)

            do_POST = do_HEAD = do_GET

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        super().__init__(Handler)


@contextmanager
def standing(*servers: _Standing) -> Iterator[None]:
    """Stop what is still there at the end of the `with` block."""
    try:
        yield
    finally:
        for one in servers:
            one.stop()


class Got(NamedTuple):
    """An answer as a caller got it."""

    status: int
    retry_after: str | None
    body: bytes
    took_s: float


def ask(
    url: str, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Got:
    """Call once over a connection of its own, the path as it is written."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    began_s = time.monotonic()
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Got(answer.status, answer.getheader("Retry-After"), answer.read(), time.monotonic() - began_s)
    finally:
        connection.close()


def _headers(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    return {name.lower(): value for name, value in handler.headers.items()}


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    body = b""
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


def _answer(handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
