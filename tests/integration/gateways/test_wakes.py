"""Gateways that wake, each form as it is shipped, beside a daemon that answers as a test wants it to."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.integration.gateways.waking import READY, TOKEN, Answer, Daemon, Sleeper, ask, standing
from tests.servers import apache, caddy, haproxy, nginx
from tests.servers.process import wait_until
from tests.servers.wake_forms import WakeForm, WakingGateway, Wiring

pytestmark = pytest.mark.server

CALLED = "/function/resize.acme-prod"
FORMS = [(module, form) for module in (nginx, haproxy, caddy, apache) for form in module.WAKE_FORMS]
NAMES = [f"{module.__name__.rpartition('.')[2]}-{form.name}" for module, form in FORMS]
NOWHERE = (
    "/",
    "/function/",
    "/function/resize",
    "/function/resize.acme-prodx",
    "/function/resize.acme-prod.x/",
    "/function/other.acme-prod",
    "/function/RESIZE.ACME-PROD",
    "/function/resize.acme-prod%22/",
    "/function/resize.acme-prod%00",
    "/wake",
    "/wake-wait",
    "/wake-refused",
    "/v1/wake/acme-prod/resize",
    "/x/..%2f..%2fv1/wake/acme-prod/resize",
)
HELD_S = 1.5
LATE_S = 0.4
"""How long a function refuses connections that the daemon calls ready."""


@dataclass(frozen=True)
class Stand:
    """A form that runs, between two daemons and one function."""

    form: WakeForm
    gateway: WakingGateway
    first: Daemon
    second: Daemon
    function: Sleeper

    @property
    def asked(self) -> list[str]:
        """Paths of all wakes so far, whichever daemon was asked."""
        return [path for daemon in (self.first, self.second) for path, _ in daemon.asked]

    def say(self, says: Callable[[], Answer]) -> None:
        """Have both daemons answer so."""
        self.first.says = self.second.says = says

    def wake(self) -> Answer:
        """Start the function and tell of it."""
        self.function.start()
        return READY

    def clear(self) -> None:
        """Forget what was asked and received."""
        for kept in (self.first.asked, self.second.asked, self.function.received):
            kept.clear()

    def run(self) -> None:
        """Have the function run, and calls of it go where those of a running one go; then forget."""
        self.function.start()
        self.say(lambda: READY)
        wait_until(self._is_settled, "calls to reach the function as when it runs")
        self.clear()

    def _is_settled(self) -> bool:
        before = len(self.asked)
        return ask(self.gateway.url, CALLED).status == 200 and (self.form.is_on_path or len(self.asked) == before)


@pytest.fixture(scope="module", params=FORMS, ids=NAMES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """One form for all tests of this file."""
    module, form = request.param
    daemons, function = (Daemon(lambda: READY), Daemon(lambda: READY)), Sleeper()
    routes = {"acme-prod/resize": function.address}
    wiring = Wiring(tmp_path_factory.mktemp("form"), [one.address for one in daemons], TOKEN, routes)
    with standing(function, *daemons), module.waking(form, wiring) as gateway:
        yield Stand(form, gateway, *daemons, function)


@pytest.fixture
def stand(made: Stand) -> Stand:
    """It, with both daemons there, which wake, and the function asleep."""
    made.first.start()
    made.second.start()
    made.function.stop()
    made.say(made.wake)
    made.clear()
    return made


@pytest.mark.parametrize("body", [None, b"x", b"long" * 300_000])
def test_a_call_of_a_sleeping_function_arrives_whole(stand: Stand, body: bytes | None) -> None:
    """Method, path, query, headers and body reach the function once, as they were sent."""
    method = "GET" if body is None else "POST"
    headers = {"Authorization": "Basic of-the-caller", "X-Request-Id": "1"}
    got = ask(stand.gateway.url, f"{CALLED}/a/b?c=d&e=", method, body, headers)
    assert (got.status, got.body) == (200, b"its own")
    (received,) = stand.function.received
    assert (received.method, received.path) == (method, "/a/b?c=d&e=")
    assert received.body == hashlib.sha256(body or b"").hexdigest()
    assert [received.headers[name.lower()] for name in headers] == list(headers.values())


def test_the_daemon_is_asked_with_the_gateways_token_alone(stand: Stand) -> None:
    """A wake names the function and nothing of the call: not its path, its query, its credentials, its headers."""
    ask(stand.gateway.url, f"{CALLED}/a?hold=0", "POST", b"x", {"Authorization": "Basic of-the-caller", "X-Own": "1"})
    asked = [*stand.first.asked, *stand.second.asked]
    assert asked
    for path, headers in asked:
        assert path.partition("?")[0] == "/v1/wake/acme-prod/resize"
        assert "hold" not in path
        assert headers["authorization"] == f"Bearer {TOKEN}"
        assert not {"x-own", "transfer-encoding"} & set(headers)
        assert headers.get("content-length", "0") == "0"


def test_a_call_of_a_running_function_meets_no_daemon_off_the_path(stand: Stand) -> None:
    """Off the path nobody is asked; on it one daemon is, once."""
    stand.run()
    assert ask(stand.gateway.url, CALLED, "POST", b"x").status == 200
    assert len(stand.function.received) == 1
    assert len(stand.asked) == stand.form.is_on_path


@pytest.mark.parametrize(
    "said",
    [
        Answer(429, "refused", "10"),
        Answer(429, "full", "1"),
        Answer(503, "not-ready", "3"),
        Answer(503, "exhausted", "11"),
        Answer(404, "not-found"),
    ],
    ids=lambda said: said.state,
)
def test_what_the_daemon_refuses_is_the_callers_answer(stand: Stand, said: Answer) -> None:
    """Status and Retry-After are the daemon's, and the function is not called."""
    stand.say(lambda: said)
    got = ask(stand.gateway.url, CALLED, "POST", b"x")
    assert got.status == said.status
    assert got.retry_after == said.retry_after or said.retry_after is None
    assert stand.function.received == []


@pytest.mark.parametrize("said", [None, Answer(0, None), Answer(401, None), Answer(503, None, "1")])
def test_without_an_answer_it_fails_as_the_form_says(stand: Stand, said: Answer | None) -> None:
    """Daemons that are away, break off, know no such gateway or fail: 503 for who sleeps, and for who runs what the form says."""

    def fail() -> None:
        if said is None:
            stand.first.stop()
            stand.second.stop()
        else:
            stand.say(lambda: said)

    fail()
    got = ask(stand.gateway.url, CALLED, "POST", b"x")
    assert (got.status, got.retry_after is not None) == (stand.form.asleep_without_daemon, True)
    stand.first.start()
    stand.second.start()
    stand.run()
    fail()
    assert ask(stand.gateway.url, CALLED, "POST", b"x").status == stand.form.awake_without_daemon


@pytest.mark.parametrize("number", [0, 1])
def test_a_daemon_that_is_away_is_passed_over(stand: Stand, number: int) -> None:
    """With either of two daemons away each call is served."""
    (stand.first, stand.second)[number].stop()
    for _ in range(3):
        stand.function.stop()
        assert ask(stand.gateway.url, CALLED, "POST", b"x").status == 200
    assert len(stand.function.received) == 3


def test_a_daemon_that_dies_while_it_holds_is_replaced_by_the_other(stand: Stand) -> None:
    """The wake is asked again, of the other daemon; the call is executed once."""
    asked = threading.Lock()

    def dies_first() -> Answer:
        return Answer(0, None) if asked.acquire(blocking=False) else stand.wake()

    stand.say(dies_first)
    assert ask(stand.gateway.url, CALLED, "POST", b"x").status == 200
    assert len(stand.asked) >= 2
    assert len(stand.function.received) == 1


def test_a_call_waits_as_long_as_the_daemon_holds_it(stand: Stand) -> None:
    """Longer than a connection may take to be made: the daemon is asked once."""

    def hold() -> Answer:
        time.sleep(HELD_S)
        return stand.wake()

    stand.say(hold)
    got = ask(stand.gateway.url, CALLED, "POST", b"x")
    assert got.status == 200
    assert got.took_s >= HELD_S
    assert len(stand.asked) == 1


def test_a_function_that_refuses_a_moment_longer_is_called_again(stand: Stand) -> None:
    """The daemon says ready before this machine's rules do: the call is served once they are there."""
    timers: list[threading.Timer] = []

    def says_too_early() -> Answer:
        if not timers:
            timers.append(threading.Timer(LATE_S, stand.function.start))
            timers[0].start()
        return READY

    stand.say(says_too_early)
    got = ask(stand.gateway.url, CALLED, "POST", b"x" * 100_000)
    timers[0].join()
    assert got.status == 200
    assert len(stand.function.received) == 1


def test_a_function_that_goes_on_refusing_is_given_up(stand: Stand) -> None:
    """Where the daemon says ready and nobody takes a connection, the caller is told to come again."""
    stand.say(lambda: READY)
    got = ask(stand.gateway.url, CALLED, "POST", b"x")
    assert (got.status, got.retry_after is not None) == (503, True)


def test_a_call_that_breaks_off_is_never_made_again(stand: Stand) -> None:
    """It reached the function and got no answer: 502, and nobody is asked to wake what runs."""
    stand.run()
    bodies = (None, b"x", b"long" * 300_000)
    for body in bodies:
        got = ask(stand.gateway.url, f"{CALLED}?drop=1", "GET" if body is None else "POST", body)
        assert got.status == 502
    assert len(stand.function.received) == len(bodies)
    assert len(stand.asked) == len(bodies) * stand.form.is_on_path


def test_a_functions_own_answer_is_passed_on(stand: Stand) -> None:
    """Status, headers and body are the function's, which is called once for each; X-Accel-Redirect leads nowhere."""
    stand.run()
    statuses = (400, 401, 404, 429, 500, 502, 503, 504)
    for status in statuses:
        got = ask(stand.gateway.url, f"{CALLED}?status={status}&header=Retry-After:99")
        assert (got.status, got.retry_after, got.body) == (status, "99", b"its own")
    places = ("@wake", "@function", "/wake", "/function/other.acme-prod", "/")
    for place in places:
        got = ask(stand.gateway.url, f"{CALLED}?header=X-Accel-Redirect:{place}")
        assert (got.status, got.body) == (200, b"its own")
    assert len(stand.function.received) == len(statuses) + len(places)


def test_what_is_no_function_wakes_nothing(stand: Stand) -> None:
    """A name that is not configured, or another path, is answered without asking anybody."""
    for path in NOWHERE:
        assert ask(stand.gateway.url, path).status in {400, 404}, path
    assert stand.asked == []
    assert stand.function.received == []
