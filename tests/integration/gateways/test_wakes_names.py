"""nginx that finds functions by DNS, and what the logs of gateways that wake are counted as."""

import re
import socket
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from tests.integration.gateways.waking import READY, TOKEN, Answer, Daemon, Sleeper, ask, standing
from tests.servers import apache, nginx
from tests.servers.mtail import mtail
from tests.servers.process import wait_until
from tests.servers.wake_forms import WakeForm, Wiring

pytestmark = pytest.mark.server

COUNTED = re.compile(r"^nginx_http_requests_total\{(?P<labels>[^}]*)\} (?P<count>\d+)$", re.MULTILINE)
HEARTBEATS = re.compile(r"^(?:nginx_http|caddy_access)_heartbeats_total (\d+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')


@contextmanager
def names(known: Mapping[str, str]) -> Iterator[str]:
    """Answer questions of DNS for addresses, and of no other name; gives host and port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    question, sender = server.recvfrom(512)
                except OSError:
                    return
                server.sendto(_answer(question, known), sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def _answer(question: bytes, known: Mapping[str, str]) -> bytes:
    """Make an answer to a message with one question: one address, or that there is no such name."""
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode())
        at += 1 + length
    asked = question[12 : at + 5]
    address = known.get(".".join(labels))
    if address is None:
        return question[:2] + b"\x81\x83" + b"\0\1\0\0\0\0\0\0" + asked
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4" + socket.inet_aton(address)
    return question[:2] + b"\x81\x80" + b"\0\1\0\1\0\0\0\0" + asked + record


@pytest.mark.parametrize("form", nginx.WAKE_FORMS[:2], ids=lambda form: form.name)
def test_functions_are_found_by_dns(form: WakeForm, tmp_path: Path) -> None:
    """With services.conf any Service of the named namespaces is called and woken, and nothing of another namespace is looked up."""
    function = Sleeper()

    def wake() -> Answer:
        function.start()
        return READY

    daemon = Daemon(wake)
    daemon.start()
    known = {f"resize.{namespace}.svc.cluster.local": "127.0.0.1" for namespace in ("acme-prod", "globex")}
    with standing(function, daemon), names(known) as resolver:
        edited = {
            "kube-dns.kube-system.svc.cluster.local": resolver,
            "cluster.local:8080": f"cluster.local:{function.port}",
        }
        wiring = Wiring(tmp_path, [daemon.address], TOKEN, {"acme-prod/unused": "127.0.0.1:1"})
        with nginx.waking(form, wiring, edited) as gateway:
            assert ask(gateway.url, "/function/resize.acme-prod/a?b", "POST", b"x").status == 200
            assert function.received[0].path == "/a?b"
            asked = len(daemon.asked)
            assert ask(gateway.url, "/function/resize.globex/").status == 404
            assert len(daemon.asked) == asked
            assert ask(gateway.url, "/function/nobody.acme-prod/").status == 502
    assert len(function.received) == 1
    assert (tmp_path / "functions.log").read_text() == "acme-prod resize 200\n"


@pytest.mark.parametrize(
    ("module", "form"),
    [
        (nginx, nginx.WAKE_FORMS[0]),
        (nginx, nginx.WAKE_FORMS[1]),
        (apache, apache.WAKE_FORMS[0]),
        (apache, apache.WAKE_FORMS[1]),
    ],
    ids=lambda one: one.name if isinstance(one, WakeForm) else one.__name__.rpartition(".")[2],
)
def test_each_call_is_counted_once_under_its_last_answer(module: ModuleType, form: WakeForm, tmp_path: Path) -> None:
    """Calls that were held, refused, broken off or just served count once each, by function and code; unknown names never; heartbeats
    wake nobody and are counted apart."""
    function = Sleeper()

    def wake() -> Answer:
        function.start()
        return READY

    daemon = Daemon(lambda: Answer(429, "full", "1"))
    daemon.start()
    kind = module.__name__.rpartition(".")[2]
    called = "/function/resize.acme-prod"
    (tmp_path / "gateway").mkdir()
    wiring = Wiring(tmp_path / "gateway", [daemon.address], TOKEN, {"acme-prod/resize": function.address})
    with (
        standing(function, daemon),
        module.waking(form, wiring) as gateway,
        mtail(tmp_path, kind, gateway.log) as counter,
    ):
        assert ask(gateway.url, called).status == 429
        daemon.says = wake
        statuses = [
            ask(gateway.url, f"{called}{query}", "POST", b"x").status for query in ("/", "?status=500", "?drop=1")
        ]
        assert statuses == [200, 500, 502]
        assert ask(gateway.url, "/function/other.acme-prod").status == 404
        assert ask(gateway.url, "/").status == 404
        asked = len(daemon.asked)
        assert [ask(gateway.url, path).status for path in ("/heartbeat", "/heartbeat", "/heartbeat/x")] == [
            200,
            200,
            404,
        ]
        assert len(daemon.asked) == asked
        wanted = Counter({("acme-prod", "resize", code): 1 for code in ("200", "429", "500", "502")})
        wait_until(lambda: _counted(counter.target).total() >= wanted.total(), "mtail to have read the log")
        wait_until(lambda: _heartbeats(counter.target) >= 2, "mtail to have read the heartbeats")
        assert (_counted(counter.target), _heartbeats(counter.target)) == (wanted, 2)


def _heartbeats(target: str) -> int:
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=5) as answer:
        found = HEARTBEATS.search(answer.read().decode())
    return 0 if found is None else int(found[1])


def _counted(target: str) -> Counter[tuple[str, str, str]]:
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found: Counter[tuple[str, str, str]] = Counter()
    for line in COUNTED.finditer(text):
        labels = dict(LABEL.findall(line["labels"]))
        found[labels["namespace"], labels["function"], labels["code"]] = int(line["count"])
    return found
