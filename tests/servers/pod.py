"""What runs in a test's pod: a small HTTP server that counts its requests; started in 20 ms.

Usage: pod.py ADDRESS PORT NAME START_UP_S LIMIT RECORD. It prints `ready` once it listens.

`GET /count` answers the number of other requests so far. Any other path is a request, which is executed once its whole
body has come: `?ms=250` makes that take so long, `?status=500` is its answer's status, and `?drop=1` executes it and ends
the connection without an answer. Every answer is JSON: {"pod", "count", "method", "id" (X-Request-Id), "length" and
"sha256" of the body}.

As of-watchdog does: beyond LIMIT requests at once (0: no limit) the answer is 429, at once; after SIGTERM nothing new
is accepted, what has come is finished, and then it ends; and `/metrics` on port 8081 has its series. To the file RECORD
("": none) a line is added when a request begins or ends: `NANOSECONDS +1 ID` or `NANOSECONDS -1 ID`, by a clock that all
processes of the machine share.
"""

import hashlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
from urllib.parse import parse_qs

METRICS_PORT = 8081
SO_ATTACH_FILTER = 26
QUIET_S = 1.0
"""How long a connection that was accepted before the end may take to send its first request."""


class Gone(Exception):
    """The other side closed the connection, or sent what is no HTTP."""


class Request:
    """A request as it comes in; its body is hashed and never kept."""

    def __init__(self, head: bytes) -> None:
        line, *lines = head.decode("latin-1").split("\r\n")
        self.method, target, self.version = line.split(" ")
        self.path, _, query = target.partition("?")
        self.asked = {key: values[0] for key, values in parse_qs(query).items()}
        pairs = (one.partition(":") for one in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self.hash = hashlib.sha256()
        self.length = 0
        self.is_chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self.left = 0 if self.is_chunked else int(self.headers.get("content-length", "0"))
        self.is_in_trailer = False
        self.is_whole = not self.is_chunked and self.left == 0
        connection = self.headers.get("connection", "").lower()
        self.is_last = connection == "close" or (self.version == "HTTP/1.0" and connection != "keep-alive")

    def feed(self, data: bytearray) -> None:
        """Take what belongs to this request out of what has come."""
        while data and not self.is_whole:
            if self.left:
                self._take(data)
                self.is_whole = not self.left and not self.is_chunked
                continue
            end = data.find(b"\r\n")
            if end < 0:
                return
            line = bytes(data[:end])
            del data[: end + 2]
            if self.is_in_trailer:
                self.is_whole = not line
            elif line:  # an empty one ends the chunk before
                self.left = int(line.partition(b";")[0], 16)
                self.is_in_trailer = self.left == 0

    def _take(self, data: bytearray) -> None:
        part = bytes(data[: self.left])
        del data[: len(part)]
        self.hash.update(part)
        self.length += len(part)
        self.left -= len(part)


class Connection:
    """One connection, on which requests come one after the other.

    Attributes:
        is_metrics: it came to the port for metrics.
        request: the one that is coming in or is being executed; None: between two.
        answered: how many answers were sent.
    """

    def __init__(self, sock: socket.socket, is_metrics: bool) -> None:
        self.socket = sock
        self.is_metrics = is_metrics
        self.buffer = bytearray()
        self.request: Request | None = None
        self.is_executing = False
        self.answered = 0
        self.since_s = time.monotonic()

    def whole_request(self) -> Request | None:
        """Give the request once all of it is there; None: more is to come."""
        if self.request is None:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self.request = Request(bytes(self.buffer[:end]))
            del self.buffer[: end + 4]
            if self.request.headers.get("expect", "").lower() == "100-continue":
                self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.request.feed(self.buffer)
        return self.request if self.request.is_whole else None


class Pod:
    """One loop over all connections; answers that must take their time are kept until they are due."""

    def __init__(self, address: str, port: int, name: str, limit: int = 0, record: str = "") -> None:
        self.name = name
        self.limit = limit
        self.count = 0
        self.executing = 0
        self.began_s = time.time()
        self.ended: dict[tuple[str, int], int] = {}
        self.is_ending = False
        self.due: list[tuple[float, Connection, int]] = []
        self.connections: set[Connection] = set()
        self.record = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if record else None
        self.selector = selectors.DefaultSelector()
        self.listeners = [self.listen(address, each) for each in dict.fromkeys((port, METRICS_PORT))]
        self.signals, waking = socket.socketpair()
        waking.setblocking(False)
        self.waking = waking
        signal.set_wakeup_fd(waking.fileno())
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        self.selector.register(self.signals, selectors.EVENT_READ, self.signals)

    def listen(self, address: str, port: int) -> socket.socket:
        listener = socket.create_server((address, port), backlog=512)
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, listener)
        return listener

    def serve(self) -> None:
        """Serve until killed, or told to end and done."""
        while not self.is_done():
            for key, _ in self.selector.select(self.wait_s()):
                if key.data is self.signals:
                    self.end()
                elif isinstance(key.data, Connection):
                    self.read(key.data)
                elif not self.is_ending:
                    self.accept(key.data)
            self.answer_due()

    def wait_s(self) -> float:
        """Give how long there is nothing to do but what comes in."""
        until_s = min((entry[0] for entry in self.due), default=time.monotonic() + 60) - time.monotonic()
        return max(min(until_s, 0.05) if self.is_ending else until_s, 0)

    def is_done(self) -> bool:
        """Tell whether it was told to end, and whoever came before that has been served."""
        if not self.is_ending or self.due:
            return False
        latest_s = time.monotonic() - QUIET_S
        return not any(one.request or (not one.answered and one.since_s > latest_s) for one in self.connections)

    def end(self) -> None:
        """Accept nothing new, and reset nobody: those the kernel has accepted already are served, those that come
        while this is done are let wait, and refused when they try again.
        """
        self.signals.recv(64)
        if self.is_ending:
            return
        self.is_ending = True
        for listener in self.listeners:
            drop_all(listener)
            while self.accept(listener):
                pass
            self.selector.unregister(listener)
            listener.close()
        for one in [one for one in self.connections if one.answered and one.request is None and not one.buffer]:
            self.close(one)

    def accept(self, listener: socket.socket) -> bool:
        """Accept a connection if one is there."""
        try:
            sock, _ = listener.accept()
        except BlockingIOError:
            return False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one = Connection(sock, len(self.listeners) > 1 and listener is self.listeners[1])
        self.connections.add(one)
        self.selector.register(sock, selectors.EVENT_READ, one)
        return True

    def read(self, one: Connection) -> None:
        """Take in what has come; a request that is whole begins."""
        try:
            data = one.socket.recv(262144)
            if not data:
                raise Gone
            one.buffer += data
            if not one.is_executing:
                self.begin(one)
        except (OSError, ValueError, Gone):
            self.close(one)

    def begin(self, one: Connection) -> None:
        """Begin the next request of a connection, if all of it is there; one too many is refused."""
        request = one.whole_request()
        if request is None:
            return
        one.is_executing = True
        if one.is_metrics or request.path == "/count":
            self.due.append((0.0, one, 0))
        elif self.limit and self.executing >= self.limit:
            self.due.append((0.0, one, 429))
        else:
            self.count += 1
            self.note(1, request)
            wait_s = int(request.asked.get("ms", "0")) / 1000
            self.due.append((time.monotonic() + wait_s, one, int(request.asked.get("status", "200"))))

    def note(self, change: int, request: Request) -> None:
        """Note that a request begins (1) or ends (-1)."""
        self.executing += change
        if self.record is not None:
            name = request.headers.get("x-request-id", "")
            os.write(self.record, f"{time.monotonic_ns()} {change:+d} {name}".rstrip().encode() + b"\n")

    def answer_due(self) -> None:
        now = time.monotonic()
        ready = [entry for entry in self.due if entry[0] <= now]
        self.due = [entry for entry in self.due if entry[0] > now]
        for _, one, status in ready:
            request = one.request
            assert request is not None
            if status not in (0, 429):
                self.note(-1, request)
            if status:
                self.ended[request.method, status] = self.ended.get((request.method, status), 0) + 1
            if one not in self.connections:
                continue
            if "drop" in request.asked:
                self.close(one)
            else:
                self.answer(one, request, status)

    def answer(self, one: Connection, request: Request, status: int) -> None:
        """Send an answer, and begin what has come behind its request."""
        text = self.metrics() if one.is_metrics else json.dumps(self.told(request)) + "\n"
        is_last = request.is_last or self.is_ending
        head = f"HTTP/1.1 {status or 200} Said\r\nContent-Length: {len(text)}\r\nX-Pod: {self.name}\r\n"
        head += f"Content-Type: {'text/plain' if one.is_metrics else 'application/json'}\r\n"
        head += f"Connection: {'close' if is_last else 'keep-alive'}\r\n\r\n"
        one.request, one.is_executing = None, False
        one.answered += 1
        try:
            one.socket.sendall((head + ("" if request.method == "HEAD" else text)).encode())
            if not is_last:
                self.begin(one)
        except (OSError, ValueError):
            is_last = True
        if is_last:
            self.close(one)

    def told(self, request: Request) -> dict[str, object]:
        return {
            "pod": self.name,
            "count": self.count,
            "method": request.method,
            "id": request.headers.get("x-request-id", ""),
            "length": request.length,
            "sha256": request.hash.hexdigest(),
        }

    def metrics(self) -> str:
        """Give what of-watchdog says of itself."""
        lines = [f"process_start_time_seconds {self.began_s:.3f}", f"http_requests_in_flight {self.executing}"]
        for (method, code), count in self.ended.items():
            lines.append(f'http_requests_total{{code="{code}",method="{method}"}} {count}')
        return "\n".join(lines) + "\n"

    def close(self, one: Connection) -> None:
        if one in self.connections:
            self.connections.remove(one)
            self.selector.unregister(one.socket)
            one.socket.close()


def drop_all(listener: socket.socket) -> None:
    """Let a listener take no packet any more: nobody is accepted by the kernel whom its end would reset."""
    import ctypes  # here, for it takes as long as the rest of the start

    nothing_of_it = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    program = struct.pack("HL", 1, ctypes.addressof(nothing_of_it))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


if __name__ == "__main__":
    address, port, name, start_up_s, limit, record = sys.argv[1:]
    time.sleep(float(start_up_s))
    pod = Pod(address, int(port), name, int(limit), record)
    print("ready", flush=True)
    pod.serve()
