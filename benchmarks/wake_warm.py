"""Calls of functions that run: each gateway with its waking configuration against the same gateway without, calls a second.

The configurations are the shipped ones. Without: the gateway as it is published for counting calls (Apache: the smallest
configuration that passes calls on), with a connection of its own for each call, as the waking ones have it: one that is kept
may be closed by a replica that ends just as it is used. Both run side by side before the same function, which is an nginx
that answers at once, and take turns of a few seconds each under the same load of `wrk`; a ratio is the median of those of
the turns. What a call costs the gateway in processor time is shown beside it, since that is its own, whatever else the machine
does. The daemons of the off-path forms do not exist: a call that asked them would fail. Those of the on-path forms are a
stub that says ready at once, so that what is shown is the way there, not what a daemon takes.
"""

import contextlib
import os
import re
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.memory import children, family
from benchmarks.report import Figure, at_least, at_most
from tests.servers import apache, caddy, haproxy, nginx
from tests.servers.binaries import require
from tests.servers.process import Server, free_port, is_listening, running
from tests.servers.wake_forms import Run, WakeForm, WakingGateway, Wiring

ROUNDS, SECONDS, CONNECTIONS = 7, 3, 32
BOUND = 0.98
NAME = "acme-prod/resize"
_FUNCTION = """\
daemon off; pid {folder}/nginx.pid; error_log stderr error; worker_processes 1;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "ok"; }} }}
  server {{ listen 127.0.0.1:{ready} backlog=4096; location / {{
    add_header X-Wake-State ready; return 200 '{{"state":"ready"}}'; }} }}
}}
"""


class Backend(NamedTuple):
    """What stands behind the gateways: host and port of the function, and of a daemon that says ready."""

    function: str
    daemon: str


class Running:
    """A gateway that runs.

    Attributes:
        url: where it is called.
        processes: those that were started for it; they may have others of their own.
    """

    def __init__(self, url: str, *processes: int) -> None:
        self.url = url
        self.processes = processes

    def busy_s(self) -> float:
        """Give the processor seconds that it has used."""
        return sum(_busy_s(one) for pid in self.processes for one in family(pid))


def _busy_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


Bare = Callable[[Path, Backend], contextlib.AbstractContextManager[str]]
"""Runs a gateway without waking for the length of a `with` block, and gives its URL."""


class Gateway(NamedTuple):
    """One kind: its forms, what runs one, and what runs it without."""

    name: str
    forms: Sequence[WakeForm]
    waking: Run
    bare: Bare


def measure() -> Sequence[Figure]:
    """Let every form of every gateway take turns with the same gateway without it."""
    program = _wrk()
    with tempfile.TemporaryDirectory() as name, _behind(Path(name)) as backend:
        forms = [(gateway, form) for gateway in GATEWAYS for form in gateway.forms if not form.name.endswith("-closed")]
        return [figure for gateway, form in forms for figure in _figures(program, gateway, form, backend)]


def _figures(program: str, gateway: Gateway, form: WakeForm, backend: Backend) -> list[Figure]:
    with contextlib.ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        nobody = f"127.0.0.1:{free_port()}"
        daemon = backend.daemon if form.is_on_path else nobody
        wiring = Wiring(folders[0], [daemon], "token", {NAME: backend.function})
        before = set(children(os.getpid()))
        ours = Running(stack.enter_context(gateway.waking(form, wiring)).url, *_started(before))
        before.update(ours.processes)
        bare = Running(stack.enter_context(gateway.bare(folders[1], backend)), *_started(before))
        turns = [_turn(program, ours, bare, is_first=number % 2 == 0) for number in range(ROUNDS)]
    name, bound = f"warm_{gateway.name}_{form.name}", None if form.is_on_path else BOUND
    rates, costs = zip(*turns, strict=True)
    return [
        at_least(name, statistics.median(rates), "ratio", bound),
        at_most(f"{name}_cpu", statistics.median(costs), "ratio", None),
    ]


def _started(before: Collection[int]) -> tuple[int, ...]:
    """Give the processes that were started since, those apart that only count calls."""
    return tuple(
        pid
        for pid in children(os.getpid())
        if pid not in before and Path(f"/proc/{pid}/comm").read_text().strip() != "mtail"
    )


def _turn(program: str, ours: Running, bare: Running, *, is_first: bool) -> tuple[float, float]:
    """Give the ratios of a turn: calls a second, and processor seconds of the gateway for a call.

    Who goes first changes from turn to turn, as the machine's other load does.
    """
    one, other = (ours, bare) if is_first else (bare, ours)
    first, second = _called(program, one), _called(program, other)
    mine, theirs = (first, second) if is_first else (second, first)
    return mine[0] / theirs[0], mine[1] / theirs[1]


def _called(program: str, gateway: Running) -> tuple[float, float]:
    """Call a function for a few seconds; give answers a second, all of which must be 200, and CPU seconds for each."""
    call = f"{gateway.url}/function/resize.acme-prod/"
    command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", call]
    before_s = gateway.busy_s()
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    busy_s = gateway.busy_s() - before_s
    per_second, calls = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"(\d+) requests in", said)
    if per_second is None or calls is None or "Non-2xx" in said:
        raise RuntimeError(f"not every call was answered 200:\n{said}")
    return float(per_second[1]), busy_s / int(calls[1])


def _wrk() -> str:
    found = subprocess.run(["which", "wrk"], capture_output=True, text=True, check=False).stdout.strip()
    if not found:
        raise SystemExit("wrk is not here: on Debian, apt-get install wrk")
    return found


@contextlib.contextmanager
def _behind(folder: Path) -> Iterator[Backend]:
    """Run the function, and a daemon that always says ready."""
    port, ready = free_port(), free_port()
    config = folder / "function.conf"
    config.write_text(_FUNCTION.format(folder=folder, port=port, ready=ready))
    server = Server([require("nginx"), "-c", config, "-e", "stderr"], folder / "function.log")
    with running(server, lambda: is_listening(port) and is_listening(ready)):
        yield Backend(f"127.0.0.1:{port}", f"127.0.0.1:{ready}")


def _bare(counting: Callable[..., contextlib.AbstractContextManager[WakingGateway]]) -> Bare:
    """Give what runs a gateway as it is published for counting calls."""

    @contextlib.contextmanager
    def run(folder: Path, backend: Backend) -> Iterator[str]:
        with counting(folder, {NAME: backend.function}) as one:
            yield one.url

    return run


@contextlib.contextmanager
def _bare_apache(folder: Path, backend: Backend) -> Iterator[str]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="apache-") as place:
        Path(place).chmod(0o755)  # Apache's own user must enter it
        config = Path(place) / "apache2.conf"
        config.write_text(_APACHE.format(folder=place, log=folder, port=port, address=backend.function))
        server = Server([require("apache2"), "-D", "FOREGROUND", "-d", place, "-f", config], folder / "apache.log")
        with running(server, lambda: is_listening(port)):
            yield f"http://127.0.0.1:{port}"


_APACHE_MODULES = "/usr/lib/apache2/modules"
_APACHE = f"""\
ServerRoot {{folder}}
ServerName functions
DefaultRuntimeDir {{folder}}
PidFile {{folder}}/apache.pid
ErrorLog {{log}}/error.log
User www-data
Group www-data
LoadModule mpm_event_module {_APACHE_MODULES}/mod_mpm_event.so
LoadModule authz_core_module {_APACHE_MODULES}/mod_authz_core.so
LoadModule reqtimeout_module {_APACHE_MODULES}/mod_reqtimeout.so
LoadModule setenvif_module {_APACHE_MODULES}/mod_setenvif.so
LoadModule proxy_module {_APACHE_MODULES}/mod_proxy.so
LoadModule proxy_http_module {_APACHE_MODULES}/mod_proxy_http.so
RequestReadTimeout header=20-40,minrate=500 body=20,minrate=500
ServerLimit 32
ThreadLimit 64
ThreadsPerChild 64
MaxRequestWorkers 2048
Listen 127.0.0.1:{{port}}
<VirtualHost 127.0.0.1:{{port}}>
  ProxyPass /function/resize.acme-prod http://{{address}} disablereuse=On timeout=60
  <Location /function/resize.acme-prod>
    SetEnvIf Request_Method ^ FUNCTION=acme-prod/resize
  </Location>
  CustomLog {{log}}/functions.log "%{{{{FUNCTION}}}}e %>s" "expr=-n env('FUNCTION')"
</VirtualHost>
"""
"""The smallest that passes calls on and writes a line of each; its own worker settings are those of the waking one."""

GATEWAYS = (
    Gateway("nginx", nginx.WAKE_FORMS, nginx.waking, _bare(nginx.nginx)),
    Gateway("haproxy", haproxy.WAKE_FORMS, haproxy.waking, _bare(haproxy.haproxy)),
    Gateway("caddy", caddy.WAKE_FORMS, caddy.waking, _bare(caddy.caddy)),
    Gateway("apache", apache.WAKE_FORMS, apache.waking, _bare_apache),
)
