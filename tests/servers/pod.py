"""What runs in a test's pod: a small HTTP server that counts its requests; started in 20 ms.

Usage: pod.py ADDRESS PORT NAME START_UP_S. It prints `ready` once it listens.

`GET /count` answers the number of other requests so far; `?ms=250` in any other path makes the answer
take that long. Every answer is JSON: {"pod": NAME, "count": N}.
"""

import selectors
import socket
import sys
import time


class Pod:
    """One loop over all connections; answers that must take their time are kept until they are due."""

    def __init__(self, address: str, port: int, name: str) -> None:
        self.name = name
        self.count = 0
        self.due: list[tuple[float, socket.socket, bytes]] = []
        self.buffers: dict[socket.socket, bytes] = {}
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server((address, port), backlog=512)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until killed."""
        while True:
            wait_s = min((at for at, _, _ in self.due), default=time.monotonic() + 60) - time.monotonic()
            for key, _ in self.selector.select(max(wait_s, 0)):
                if key.fileobj is self.listener:
                    self.accept()
                else:
                    self.read(key.fileobj)
            self.answer_due()

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
        """Count a request and plan its answer."""
        self.count += path != "/count"
        body = f'{{"pod": "{self.name}", "count": {self.count}}}\n'.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        digits = path.partition("ms=")[2].partition("&")[0]
        delay_s = int(digits) / 1000 if digits.isdigit() else 0.0
        self.due.append((time.monotonic() + delay_s, connection, head + body))

    def answer_due(self) -> None:
        now = time.monotonic()
        ready = [entry for entry in self.due if entry[0] <= now]
        self.due = [entry for entry in self.due if entry[0] > now]
        for _, connection, answer in ready:
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
    pod = Pod(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    print("ready", flush=True)
    pod.serve()
