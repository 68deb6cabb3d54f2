"""Starting, waiting for and ending one server process."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

PATIENCE = 3.0 if os.environ.get("CI") else 1.0
"""How much longer deadlines are under CI: a machine that is busy with others' work is no defect of what is tested."""


_PORTS = range(12_000, 30_000)
"""Below those that outgoing connections are given (from 32768 on): no client takes one while its server is being restarted,
and what connects to a port of nobody's never meets itself. Below 30000, where node ports begin."""


def free_port(host: str = "127.0.0.1") -> int:
    """Give a TCP port that nothing listens on, and that no other caller in this network namespace is given while we live."""
    begin = random.SystemRandom().randrange(len(_PORTS))
    for turn in range(len(_PORTS)):
        port = _PORTS[(begin + turn) % len(_PORTS)]
        with socket.socket(socket.AF_UNIX) as claim, socket.socket() as probe, contextlib.suppress(OSError):
            # A name in the kernel, which is gone with this process however that ends.
            claim.bind(f"\0autoscaler-tests-port-{port}")
            probe.bind((host, port))
            claim.detach()
            return port
    raise OSError(f"no port of {_PORTS} is free on {host}")


def wait_until(condition: Callable[[], object], what: str, deadline_s: float = 30.0, every_s: float = 0.02) -> None:
    """Wait until the condition holds; after the deadline, `PATIENCE` times as long, fail with what was waited for."""
    deadline_s *= PATIENCE
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline_s} s: {what}")
        time.sleep(every_s)


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a TCP connection to the port is accepted."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


class Server:
    """One process of ours; its output goes to a file that a failure quotes."""

    def __init__(self, command: Sequence[str | Path], log: Path, env: dict[str, str] | None = None) -> None:
        self.command = [str(part) for part in command]
        self.log = log
        self.env = env
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, in a process group of its own."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(self.env or {})},
                start_new_session=True,
            )

    def wait_for(self, condition: Callable[[], object], deadline_s: float = 30.0) -> None:
        """Wait until the condition holds; a process that ends, or the deadline, fails with the end of its log."""

        def holds() -> object:
            if self.process is None or self.process.poll() is not None:
                raise RuntimeError(f"{self.command[0]} ended:\n{self.tail()}")
            return condition()

        try:
            wait_until(holds, f"{Path(self.command[0]).name} to be ready", deadline_s)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.tail()}") from None

    def tail(self, characters: int = 4000) -> str:
        """Give the end of what it printed."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""

    def send(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP to make it hang."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, deadline_s: float = 10.0) -> None:
        """End it and its children and wait for it; what does not end by the deadline is killed."""
        if self.process is None:
            return
        self._signal_group(number)
        try:
            self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self._signal_group(signal.SIGKILL)
            self.process.wait(10)
        self._signal_group(signal.SIGKILL)
        self.process = None

    def kill(self) -> None:
        """End it as `kill -9` does, children included."""
        self.stop(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


@contextlib.contextmanager
def running(server: Server, condition: Callable[[], object], deadline_s: float = 30.0) -> Iterator[Server]:
    """Run a server for the length of a `with` block."""
    server.start()
    try:
        server.wait_for(condition, deadline_s)
        yield server
    finally:
        server.stop()
