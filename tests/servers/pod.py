"""What runs in a test's pod: a small HTTP server that counts its requests; started in 20 ms.

Usage: pod.py ADDRESS PORT NAME START_UP_S [LIMIT [RECORD]]. It prints `ready` once it listens.

`GET /count` answers the number of other requests so far; `?ms=250` in any other path makes the answer
take that long. Every answer is JSON: {"pod": NAME, "count": N}.

As of-watchdog does: beyond LIMIT requests at once (0: no limit) the answer is 429, at once; after SIGTERM nothing new
is accepted, what runs is finished, and then it ends. To the file RECORD a line is added when a request begins or ends:
`NANOSECONDS +1` or `-1`, by a clock that all processes of the machine share.
"""

import os
import selectors
import signal
import socket
import sys
import time


class Pod:
    """One loop over all connections; answers that must take their time are kept until they are due."""

    def __init__(self, address: str, port: int, name: str, limit: int = 0, record: str = "") -> None:
        self.name = name
        self.limit = limit
        self.count = 0
        self.executing = 0
        self.is_ending = False
        self.due: list[tuple[float, socket.socket, bytes, bool]] = []
        self.buffers: dict[socket.socket, bytes] = {}
        self.record = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if record else None
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server((address, port), backlog=512)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.signals, waking = socket.socketpair()
        waking.setblocking(False)
        self.waking = waking
        signal.set_wakeup_fd(waking.fileno())
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        self.selector.register(self.signals, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until killed, or told to end and done."""
        while not (self.is_ending and not self.executing):
            wait_s = min((entry[0] for entry in self.due), default=time.monotonic() + 60) - time.monotonic()
            for key, _ in self.selector.select(max(wait_s, 0)):
                if key.fileobj is self.signals:
                    self.end()
                elif key.fileobj is self.listener:
                    self.accept()
                else:
                    self.read(key.fileobj)
            self.answer_due()

    def end(self) -> None:
        """Accept nothing new."""
        self.signals.recv(64)
        if not self.is_ending:
            self.is_ending = True
            self.selector.unregister(self.listener)
            self.listener.close()

    def accept(self) -> None:
        connection, _ = self.listener.accept()
        self.buffers[connection] = b""
        self.selector.register(connection, selectors.EVENT_READ)

    def read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.close(connection)
            return
        self.buffers[connection] += data
        while (split := split_request(self.buffers[connection])) is not None:
            path, self.buffers[connection] = split
            self.take(connection, path)

    def take(self, connection: socket.socket, path: str) -> None:
        """Count a request and plan its answer; one too many, or one that comes after the end, is refused."""
        is_work = path != "/count"
        if is_work and (self.is_ending or (self.limit and self.executing >= self.limit)):
            self.due.append((0.0, connection, b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", False))
            return
        self.count += is_work
        body = f'{{"pod": "{self.name}", "count": {self.count}}}\n'.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        digits = path.partition("ms=")[2].partition("&")[0]
        delay_s = int(digits) / 1000 if digits.isdigit() else 0.0
        if is_work:
            self.note(1)
        self.due.append((time.monotonic() + delay_s, connection, head + body, is_work))

    def note(self, change: int) -> None:
        """Note that a request begins (1) or ends (-1)."""
        self.executing += change
        if self.record is not None:
            os.write(self.record, f"{time.monotonic_ns()} {change:+d}\n".encode())

    def answer_due(self) -> None:
        now = time.monotonic()
        ready = [entry for entry in self.due if entry[0] <= now]
        self.due = [entry for entry in self.due if entry[0] > now]
        for _, connection, answer, is_work in ready:
            if is_work:
                self.note(-1)
            try:
                connection.sendall(answer)
            except OSError:
                self.close(connection)

    def close(self, connection: socket.socket) -> None:
        if self.buffers.pop(connection, None) is not None:
            self.selector.unregister(connection)
            connection.close()


def split_request(buffer: bytes) -> tuple[str, bytes] | None:
    """Give the path of the first whole request and what follows it; None: more is to come."""
    head, end, rest = buffer.partition(b"\r\n\r\n")
    if not end:
        return None
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    if len(rest) < length:
        return None
    return head.split(b" ", 2)[1].decode("latin-1"), rest[length:]


if __name__ == "__main__":
    time.sleep(float(sys.argv[4]))
    pod = Pod(sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[5:6]), *sys.argv[6:7])
    print("ready", flush=True)
    pod.serve()
