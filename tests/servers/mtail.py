"""A real mtail that reads a gateway's access log with the published program."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.servers.binaries import require
from tests.servers.process import Server, free_port, running
from tests.servers.published import published


class Mtail:
    """A running one.

    Attributes:
        target: host and port of its metrics.
    """

    def __init__(self, server: Server, port: int) -> None:
        self._server = server
        self.target = f"127.0.0.1:{port}"

    def restart(self) -> None:
        """Kill it and start it anew."""
        self._server.kill()
        self._server.start()
        self._server.wait_for(self.is_reading)

    def is_reading(self) -> bool:
        """Tell whether it has opened the log, so that what is written from now on is counted."""
        try:
            with urllib.request.urlopen(f"http://{self.target}/debug/vars", timeout=2) as answer:
                return bool(json.load(answer)["log_opens_total"])
        except OSError:
            return False


@contextlib.contextmanager
def mtail(folder: Path, gateway: str, log: Path) -> Iterator[Mtail]:
    """Run one for the length of a `with` block.

    Args:
        folder: where its program and log go.
        gateway: whose published program it runs, such as `nginx`.
        log: what it reads; is made if it is not there.
    """
    program = require("mtail")
    port = free_port()
    log.touch()
    programs = folder / "programs"
    programs.mkdir()
    (programs / "functions.mtail").write_text(published(f"{gateway}/functions.mtail", {}))
    flags = ["--emit_prog_label=false", "--address=127.0.0.1", f"--port={port}", "--logtostderr"]
    server = Server([program, f"--progs={programs}", f"--logs={log}", *flags], folder / "mtail.log")
    made = Mtail(server, port)
    with running(server, made.is_reading):
        yield made
