"""HAProxy's form that wakes: what its Lua answers, what is counted, and what a user may set."""

import contextlib
import re
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.gateways.waking import READY, TOKEN, Answer, Daemon, Sleeper, ask, standing
from tests.servers.binaries import require
from tests.servers.haproxy import WAKE_FORMS, HAProxy, waking
from tests.servers.published import GATEWAYS
from tests.servers.wake_forms import Wiring

pytestmark = pytest.mark.server

CALLED = "/function/resize.acme-prod"
(FORM,) = WAKE_FORMS
SESSIONS = re.compile(r'^haproxy_backend_sessions_total\{proxy="([^"]+)"\} (\d+)$', re.MULTILINE)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon that says ready at once."""
    one = Daemon(lambda: READY)
    one.start()
    with standing(one):
        yield one


@pytest.fixture
def function() -> Iterator[Sleeper]:
    """A function that sleeps."""
    one = Sleeper()
    with standing(one):
        yield one


@contextmanager
def gateway(folder: Path, daemon: Daemon, function: Sleeper) -> Iterator[HAProxy]:
    """Run the form with one daemon and one function."""
    wiring = Wiring(folder, [daemon.address], TOKEN, {"acme-prod/resize": function.address})
    with waking(FORM, wiring) as one:
        yield one


def test_a_call_that_was_held_counts_once(tmp_path: Path, daemon: Daemon, function: Sleeper) -> None:
    """Its function's backend counts it; the second half of its way is no function's."""

    def wake() -> Answer:
        function.start()
        return READY

    daemon.says = wake
    with gateway(tmp_path, daemon, function) as one:
        assert [ask(one.url, CALLED).status for _ in range(3)] == [200] * 3
        with urllib.request.urlopen(f"http://{one.target}/metrics", timeout=10) as answer:
            counted = dict(SESSIONS.findall(answer.read().decode()))
    assert counted["acme-prod_resize"] == "3"
    assert counted["woken:acme-prod_resize"] == "1"


@pytest.mark.parametrize("body", [None, b"x"])
def test_a_caller_that_hangs_up_frees_its_place(tmp_path: Path, function: Sleeper, body: bytes | None) -> None:
    """The question to the daemon is hung up on too."""
    with socket.create_server(("127.0.0.1", 0)) as asked:
        asked.settimeout(30)
        routes = {"acme-prod/resize": function.address}
        wiring = Wiring(tmp_path, [f"127.0.0.1:{asked.getsockname()[1]}"], TOKEN, routes)
        with waking(FORM, wiring) as one, socket.create_connection(("127.0.0.1", one.port), timeout=30) as caller:
            head = "GET {} HTTP/1.1" if body is None else f"POST {{}} HTTP/1.1\r\nContent-Length: {len(body)}"
            sending = threading.Thread(target=_send, args=(caller, f"{head.format(CALLED)}\r\nHost: x\r\n\r\n", body))
            sending.start()
            question, _ = asked.accept()
            with question:
                question.settimeout(30)
                assert _read(question, b"\r\n\r\n").startswith(b"GET /v1/wake/acme-prod/resize?refused=1 ")
                caller.shutdown(socket.SHUT_RDWR)
                sending.join()
                assert _read(question, None) == b""


@pytest.mark.parametrize("body", [None, b"x", b"long" * 300_000])
def test_a_refusal_is_answered_after_the_body_was_read(
    tmp_path: Path, daemon: Daemon, function: Sleeper, body: bytes | None
) -> None:
    """A client that sends all before it looks for an answer gets the daemon's, not a connection that is closed."""
    daemon.says = lambda: Answer(429, "refused", "7")
    with gateway(tmp_path, daemon, function) as one:
        got = ask(one.url, CALLED, "GET" if body is None else "POST", body)
    assert (got.status, got.retry_after) == (429, "7")
    assert b"refused" in got.body


def test_browsers_are_known_to_the_daemon(tmp_path: Path, daemon: Daemon, function: Sleeper) -> None:
    """It is told that the client takes HTML, and the method: a page for who waits hangs on both."""
    daemon.says = lambda: Answer(503, "not-ready", "2")
    with gateway(tmp_path, daemon, function) as one:
        ask(one.url, CALLED, headers={"Accept": "text/html,application/xhtml+xml;q=0.9"})
        ask(one.url, CALLED, "POST", b"x", {"Accept": "application/json"})
    shown = [headers for _, headers in daemon.asked]
    assert [(one["x-forwarded-method"], one.get("accept")) for one in shown] == [("GET", "text/html"), ("POST", None)]


def test_calls_go_on_without_a_daemon_where_that_is_set(tmp_path: Path, daemon: Daemon, function: Sleeper) -> None:
    """With `WAKE_UNANSWERED pass` a call that was refused is tried again, and served as soon as the function is there."""
    daemon.says = lambda: Answer(0, None)
    later = threading.Timer(0.5, function.start)
    with gateway(tmp_path, daemon, function) as one:
        config = tmp_path / "haproxy.cfg"
        config.write_text(config.read_text().replace("WAKE_UNANSWERED refuse", "WAKE_UNANSWERED pass"))
        one.restart()
        later.start()
        got = ask(one.url, CALLED, "POST", b"x")
        later.join()
    assert got.status == 200
    assert len(function.received) == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"WAKE_TOKEN_FILE": "no-such-file"}, "no token can be read from"),
        ({"token": ""}, "has no token on its first line"),
        ({"token": "two words"}, "has no token on its first line"),
        ({"WAKE_UNANSWERED": "perhaps"}, "WAKE_UNANSWERED is neither refuse nor pass"),
    ],
)
def test_what_is_set_wrong_is_told_at_the_start(tmp_path: Path, settings: Mapping[str, str], says: str) -> None:
    """HAProxy refuses the configuration, and says which setting it is and what it may be."""
    token = tmp_path / "token"
    token.write_text(settings.get("token", TOKEN) + "\n")
    known = {"WAKE_TOKEN_FILE": str(token), "WAKE_UNANSWERED": "refuse", "WAKE_SOCKETS": "abns@x"}
    lines = [f'setenv {name} "{settings.get(name, value)}"' for name, value in known.items()]
    config = tmp_path / "haproxy.cfg"
    config.write_text("\n  ".join(["global", *lines, f"lua-load {GATEWAYS / 'haproxy' / 'wake.lua'}"]) + "\n")
    command = [require("haproxy"), "-c", "-f", config]
    result = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert result.returncode != 0
    assert says in result.stdout + result.stderr


def _read(question: socket.socket, end: bytes | None) -> bytes:
    """Read up to an end, or until the other side is gone."""
    read = b""
    with contextlib.suppress(ConnectionResetError):
        while (end is None or end not in read) and (part := question.recv(65536)):
            read += part
    return read


def _send(caller: socket.socket, head: str, body: bytes | None) -> None:
    with contextlib.suppress(OSError):  # hung up meanwhile, as the test does
        caller.sendall(head.encode() + (body or b""))
