"""A real Caddy on loopback with the published configurations, and the mtail that reads its access log."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers.binaries import require
from tests.servers.mtail import Mtail, mtail
from tests.servers.process import Server, free_port, is_listening, running
from tests.servers.published import published
from tests.servers.wake_forms import LoggingGateway, WakeForm, Wiring

WAKE_FORMS = (
    WakeForm("off-path", is_on_path=False),
    WakeForm("on-path", is_on_path=True),
    WakeForm("on-path-closed", is_on_path=True, awake_without_daemon=503),
)
"""The third is the second with `503` for calls that no daemon says anything about."""

_FUNCTION = "\t\t~^/function/resize[.]acme-prod(?:[/?].*)?$ resize.acme-prod.svc.cluster.local:8080\n"
_WAKEN = f"{_FUNCTION.rstrip()} acme-prod/resize\n"


class Caddy:
    """A running one.

    Attributes:
        url: where functions are called: `URL/function/NAME.NAMESPACE`.
        target: host and port of its metrics, which are mtail's.
        mtail: what counts its calls.
    """

    def __init__(self, server: Server, port: int, counter: Mtail) -> None:
        self._server = server
        self._port = port
        self.mtail = counter
        self.url = f"http://127.0.0.1:{port}"
        self.target = counter.target

    def restart(self) -> None:
        """Kill it and start it anew; what counts its calls goes on."""
        self._server.kill()
        self._server.start()
        self._server.wait_for(lambda: is_listening(self._port))


@contextlib.contextmanager
def caddy(folder: Path, functions: Mapping[str, str]) -> Iterator[Caddy]:
    """Run one for the length of a `with` block.

    Args:
        folder: where its configuration and logs go.
        functions: host and port of each function, by `NAMESPACE/NAME`.
    """
    log = folder / "functions.log"
    lines = "".join(f"{_line(*name.split('/'), address)}\n" for name, address in functions.items())
    server, port = _server(folder, "Caddyfile", {_FUNCTION: lines}, {})
    with mtail(folder, "caddy", log) as counter, running(server, lambda: is_listening(port)):
        yield Caddy(server, port, counter)


@contextlib.contextmanager
def waking(form: WakeForm, wiring: Wiring) -> Iterator[LoggingGateway]:
    """Run a form that wakes functions for the length of a `with` block."""
    lines = (f"{_line(*name.split('/'), address)} {name}" for name, address in wiring.routes.items())
    replaced = {
        _WAKEN: "".join(f"{line}\n" for line in lines),
        ":8481": f":{free_port()}",
        **({":8482": f":{free_port()}"} if form.name == "off-path" else {}),
        "autoscaler-1.example:8080": wiring.daemons[0],
        "autoscaler-2.example:8080": wiring.daemons[-1],
    }
    if form.name.endswith("-closed"):
        replaced["respond 200"] = "respond 503"
    name = f"wake-{form.name.removesuffix('-closed')}.Caddyfile"
    server, port = _server(wiring.folder, name, replaced, {"AUTOSCALER_TOKEN": wiring.token})
    with running(server, lambda: is_listening(port)):
        yield LoggingGateway(port, wiring.folder / "functions.log")


def _server(folder: Path, name: str, replaced: Mapping[str, str], env: dict[str, str]) -> tuple[Server, int]:
    """Give a Caddy with a published file, in which these texts, the port and the log are replaced; and its port."""
    port = free_port()
    own = {
        "\n:8080 {": f"\n:{port} {{\n\tbind 127.0.0.1",
        "auto_https off": "auto_https off\n\tadmin off",
        "/var/log/caddy/functions.log": str(folder / "functions.log"),
    }
    config = folder / "Caddyfile"
    config.write_text(published(f"caddy/{name}", {**own, **replaced}))
    # Nothing of it may end up in the home folder of who runs the tests.
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [require("caddy"), "run", "--config", config, "--adapter", "caddyfile"]
    return Server(command, folder / "caddy.log", {**home, **env}), port


def _line(namespace: str, name: str, address: str) -> str:
    return f"\t\t~^/function/{name}[.]{namespace}(?:[/?].*)?$ {address}"
