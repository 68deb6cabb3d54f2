"""Caddy's forms that wake: which bodies ask first, what its log tells, and what a client cannot decide."""

import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.gateways.waking import READY, TOKEN, Answer, Daemon, Sleeper, ask, standing
from tests.servers.caddy import WAKE_FORMS, waking
from tests.servers.mtail import mtail
from tests.servers.process import wait_until
from tests.servers.wake_forms import LoggingGateway, WakeForm, Wiring

pytestmark = pytest.mark.server

CALLED = "/function/resize.acme-prod"
OFF_PATH, ON_PATH, _ = WAKE_FORMS


@dataclass(frozen=True)
class Stand:
    """A form between a daemon and a function, both there and ready to serve."""

    form: WakeForm
    gateway: LoggingGateway
    daemon: Daemon
    function: Sleeper


@pytest.fixture(params=[OFF_PATH, ON_PATH], ids=lambda form: form.name)
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """One form."""
    daemon, function = Daemon(lambda: READY), Sleeper()
    wiring = Wiring(tmp_path, [daemon.address], TOKEN, {"acme-prod/resize": function.address})
    with standing(daemon, function):
        daemon.start()
        function.start()
        with waking(request.param, wiring) as gateway:
            yield Stand(request.param, gateway, daemon, function)


def _sent(stand: Stand, head: str, *parts: bytes) -> bytes:
    """Send a request as it is written, and give the beginning of the answer."""
    host, port = stand.gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as caller:
        caller.sendall(f"{head}\r\nHost: x\r\nConnection: close\r\n\r\n".encode() + b"".join(parts))
        return caller.recv(65536)


def test_bodies_that_can_be_sent_once_ask_first(stand: Stand) -> None:
    """A chunked one, and one of ten million bytes, ask though the function runs, and for a connection made just then."""
    chunked = _sent(stand, f"POST {CALLED} HTTP/1.1\r\nTransfer-Encoding: chunked", b"1\r\nx\r\n0\r\n\r\n")
    assert chunked.startswith(b"HTTP/1.1 200 ")
    assert ask(stand.gateway.url, CALLED, "POST", b"x" * 10_000_000).status == 200
    assert [path for path, _ in stand.daemon.asked] == ["/v1/wake/acme-prod/resize?refused=1"] * 2


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_other_calls_ask_as_the_form_says(stand: Stand, method: str) -> None:
    """A call without a body, or with a short one, asks on the path alone, and is content with what the daemon knows."""
    body = b"x" * 9_999_999 if method == "POST" else None
    got = _sent(stand, f"{method} {CALLED} HTTP/1.1\r\nContent-Length: {len(body or b'')}", body or b"")
    assert got.split()[1] in {b"200", b"501"}
    assert [path for path, _ in stand.daemon.asked] == ["/v1/wake/acme-prod/resize"] * stand.form.is_on_path


def test_a_body_that_ends_early_is_not_executed(stand: Stand) -> None:
    """A client that hangs up in the middle of a body leaves the function with nothing that is whole."""
    for head, part in (("Content-Length: 9", b"half"), ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n")):
        host, port = stand.gateway.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as caller:
            caller.sendall(f"POST {CALLED} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + part)
            caller.shutdown(socket.SHUT_WR)
            caller.recv(65536)
    assert ask(stand.gateway.url, f"{CALLED}/after").status == 200
    assert [one.path for one in stand.function.received] == ["/after"]


def test_a_streamed_body_has_one_try(stand: Stand) -> None:
    """Where the function refuses after the daemon said ready: 503 and Retry-After, and the function is not called."""
    stand.function.stop()
    got = _sent(stand, f"POST {CALLED} HTTP/1.1\r\nTransfer-Encoding: chunked", b"1\r\nx\r\n0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 2\r\n" in got.lower()
    stand.function.start()
    assert ask(stand.gateway.url, f"{CALLED}/after").status == 200
    assert [one.path for one in stand.function.received] == ["/after"]


def test_nothing_of_the_client_decides_a_wake(stand: Stand) -> None:
    """Its query, and headers that daemons write to one another, do not reach the daemon; whether it is a browser does."""
    stand.daemon.says = lambda: Answer(503, "not-ready", "2")
    stand.function.stop()
    headers = {"Accept": "text/html", "X-Autoscaler-Waited": "99", "X-Autoscaler-Forwarded": "1", "Cookie": "a=b"}
    ask(stand.gateway.url, f"{CALLED}?hold=0&redirect=@x", headers=headers)
    ((path, shown),) = stand.daemon.asked
    assert path.removesuffix("?refused=1") == "/v1/wake/acme-prod/resize"
    assert not {"x-autoscaler-waited", "x-autoscaler-forwarded", "cookie"} & shown.keys()
    assert (shown["accept"], shown["x-forwarded-method"]) == ("text/html", "GET")


def test_the_log_has_one_line_for_a_call(stand: Stand) -> None:
    """A call that was held is logged once, when it ends, as the client wrote it, and without the token."""
    stand.function.stop()

    def wake() -> Answer:
        threading.Timer(0.3, stand.function.start).start()
        return READY

    stand.daemon.says = wake
    assert ask(stand.gateway.url, f"{CALLED}/x?y=1", "POST", b"x").status == 200
    assert ask(stand.gateway.url, "/function/other.acme-prod").status == 404
    wait_until(lambda: stand.gateway.log.exists() and stand.gateway.log.read_text(), "a line in the log")
    (line,) = (json.loads(one) for one in stand.gateway.log.read_text().splitlines())
    assert (line["request"]["uri"], line["status"]) == (f"{CALLED}/x?y=1", 200)
    assert TOKEN not in stand.gateway.log.read_text()


def test_a_heartbeat_is_a_line_that_the_published_program_counts(stand: Stand, tmp_path: Path) -> None:
    """It wakes nobody, calls nobody, and is answered as a page without metrics."""
    (tmp_path / "counting").mkdir()
    with mtail(tmp_path / "counting", "caddy", stand.gateway.log) as counter:
        found = [ask(stand.gateway.url, path).status for path in ("/heartbeat", "/heartbeat", "/heartbeat/x")]
        assert found == [200, 200, 404]

        def beats() -> bool:
            with urllib.request.urlopen(f"http://{counter.target}/metrics", timeout=5) as answer:
                return "\ncaddy_access_heartbeats_total 2\n" in answer.read().decode()

        wait_until(beats, "mtail to have read the heartbeats")
    assert (stand.daemon.asked, stand.function.received) == ([], [])


def test_the_token_is_not_in_the_configuration(stand: Stand) -> None:
    """It is read from the environment when it is used: not in the file, nor where Caddy saves what it runs with."""
    folder = stand.gateway.log.parent
    kept = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"]
    assert kept
    assert [path for path in kept if TOKEN in path.read_text(errors="replace")] == []
