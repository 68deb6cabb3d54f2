"""How each gateway's wakes are answered: its own status, a named location of nginx, a page for browsers."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import Caller, Role, WakeForm, WakeState
from tests.integration.http import fakes
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, GATEWAY, OPERATOR
from tests.integration.http.pairs import Pair, paired
from tests.integration.http.sockets import exchange

CHECKOUT = FunctionKey("acme-prod", "checkout")
PATH = "/v1/wake/acme-prod/checkout"
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
EVERY = [
    (WakeState.READY, 200),
    (WakeState.STARTED, 200),
    (WakeState.NOT_READY, 503),
    (WakeState.EXHAUSTED, 503),
    (WakeState.REFUSED, 429),
    (WakeState.FULL, 429),
    (WakeState.NOT_FOUND, 404),
]


@pytest.fixture
def form(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the gateway's credential a form."""

    def give(**fields: Any) -> None:
        tenants = frozenset({"acme"})
        monkeypatch.setitem(fakes.CALLERS, GATEWAY, Caller(Role.GATEWAY, tenants, wake_form=WakeForm(**fields)))

    return give


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A holder and a standby."""
    async with paired() as both:
        yield both


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(("state", "status"), EVERY)
async def test_every_end_has_its_status(listening: Listening, state: WakeState, status: int, method: str) -> None:
    """Status and `X-Wake-State` say how a wake ended; whoever may come again is told when; HEAD has no body."""
    listening.service.states[CHECKOUT] = state
    async with listening.ask(method, PATH, GATEWAY) as answer:
        assert (answer.status, answer.headers["X-Wake-State"]) == (status, state.value)
        assert ("Retry-After" in answer.headers) == (status in (429, 503))
        assert "X-Accel-Redirect" not in answer.headers
        assert ((await answer.read()) == b"") == (method == "HEAD")


@pytest.mark.parametrize(("state", "status"), EVERY)
async def test_a_gateway_has_its_own_status_for_not_ready(
    listening: Listening, form: Any, state: WakeState, status: int
) -> None:
    """`notReadyStatus` is the answer where the function is not ready or its pool is used up, and nowhere else."""
    form(not_ready_status=429)
    listening.service.states[CHECKOUT] = state
    async with listening.ask("GET", PATH, GATEWAY) as answer:
        assert answer.status == (429 if status == 503 else status)
    async with listening.ask("GET", PATH, ACME) as answer:  # a tenant's own credential has the usual one
        assert answer.status == status


async def test_what_is_not_there_looks_the_same_to_everybody(listening: Listening) -> None:
    """404 is one body, byte for byte, whoever asks and whyever: unknown, another's, or another shard's."""
    listening.service.shards[FunctionKey("acme-prod", "moved")] = "2/3"
    seen = set()
    for token in (GATEWAY, ACME, OPERATOR):
        for path in ("acme-prod/none", "acme-prod/moved", "nowhere/none", "umbrella/mail"):
            if (token, path) == (OPERATOR, "umbrella/mail"):
                continue
            async with listening.ask("GET", f"/v1/wake/{path}", token) as answer:
                seen.add((answer.status, await answer.read(), answer.headers["X-Wake-State"], len(answer.headers)))
    assert len(seen) == 1
    assert {status for status, *_ in seen} == {404}


# X-Accel-Redirect


async def test_nginx_is_sent_to_a_location_that_is_configured(listening: Listening, form: Any) -> None:
    """Once ready, and only then, the answer names the location that was asked for."""
    form(redirects=frozenset({"@call", "@other"}))
    listening.service.ready.set()
    async with listening.ask("POST", f"{PATH}?redirect=@call&refused=1", GATEWAY, data=b"x") as answer:
        assert (answer.status, answer.headers["X-Accel-Redirect"]) == (200, "@call")
    assert listening.service.doubted == 1
    for state in (WakeState.NOT_READY, WakeState.REFUSED, WakeState.STARTED):
        listening.service.states[CHECKOUT] = state
        async with listening.ask("GET", f"{PATH}?redirect=@call", GATEWAY) as answer:
            assert "X-Accel-Redirect" not in answer.headers
    async with listening.ask("GET", PATH, GATEWAY) as answer:
        assert "X-Accel-Redirect" not in answer.headers


@pytest.mark.parametrize(
    "query",
    [
        "redirect=@no",
        "redirect=/internal/path",
        "redirect=",
        "redirect=@call%0d%0aX-Evil:%201",
        "redirect=@CALL",
        "redirect=@call&redirect=@call",
        "redirect=@call&redirect=@other",
    ],
)
async def test_no_other_location_is_named(listening: Listening, form: Any, query: str) -> None:
    """What is not configured, or given twice, is refused with what is allowed, and wakes nothing."""
    form(redirects=frozenset({"@call", "@other"}))
    async with listening.ask("GET", f"{PATH}?{query}", GATEWAY) as answer:
        assert (answer.status, (await answer.json())["error"]["where"]) == (400, "query redirect")
        assert "X-Accel-Redirect" not in answer.headers
    assert not listening.service.wakes


async def test_a_gateway_without_locations_learns_that_it_has_none(listening: Listening) -> None:
    """A named location of a gateway whose setting names none is refused, not passed over: the answer would be taken for
    the function's."""
    async with listening.ask("GET", f"{PATH}?redirect=@call", GATEWAY) as answer:
        assert answer.status == 400
        assert "accelRedirect" in (await answer.json())["error"]["allowed"]


async def test_a_redirect_of_the_gateways_own_client_is_none_of_ours(listening: Listening) -> None:
    """With no locations configured, a client's own parameter of that name changes nothing."""
    listening.service.ready.set()
    async with listening.ask("GET", f"{PATH}?redirect=https%3A%2F%2Fevil.example", GATEWAY) as answer:
        assert answer.status == 200
        assert "X-Accel-Redirect" not in answer.headers


async def test_what_does_not_wait_is_sent_nowhere(listening: Listening, form: Any) -> None:
    """`hold=0` with a redirect is refused: its 200 would send the request to what is not ready."""
    form(redirects=frozenset({"@call"}))
    async with listening.ask("GET", f"{PATH}?redirect=@call&hold=0", GATEWAY) as answer:
        assert (answer.status, (await answer.json())["error"]["where"]) == (400, "query hold")


@pytest.mark.parametrize("refused", ["0", "yes", "", "11"])
async def test_a_refused_connection_is_said_in_one_way(listening: Listening, refused: str) -> None:
    """`refused` is 1 or not there."""
    async with listening.ask("GET", f"{PATH}?refused={refused}", GATEWAY) as answer:
        assert (answer.status, (await answer.json())["error"]["where"]) == (400, "query refused")


async def test_headers_of_a_client_name_no_location(listening: Listening, form: Any) -> None:
    """Whatever of our answers' headers a client sends itself comes back from us as if it had not."""
    form(redirects=frozenset({"@call"}))
    listening.service.ready.set()
    sent = {"X-Accel-Redirect": "@call", "X-Wake-State": "not-found", "X-Wake-Redirect": "@call", "Refresh": "0"}
    async with listening.ask("GET", PATH, GATEWAY, headers=sent) as answer:
        assert (answer.status, answer.headers["X-Wake-State"]) == (200, "ready")
        assert not {"X-Accel-Redirect", "Refresh"} & set(answer.headers)


# The page


@pytest.mark.parametrize("state", [WakeState.STARTED, WakeState.NOT_READY])
async def test_a_browser_gets_a_page_that_loads_itself_again(listening: Listening, form: Any, state: WakeState) -> None:
    """Where the gateway's setting says so, a browser is not held: a page with no script and nothing from elsewhere."""
    form(has_page=True, not_ready_status=502)
    listening.service.states[CHECKOUT] = state
    async with listening.ask("GET", PATH, GATEWAY, headers=BROWSER) as answer:
        page = await answer.text()
        assert (answer.status, answer.content_type) == (502, "text/html")
        assert answer.headers["X-Wake-State"] == state.value
        assert answer.headers["Refresh"] == answer.headers["Retry-After"]
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
    assert listening.service.wakes == [(CHECKOUT, 0.0)]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert 'http-equiv="refresh"' in page
    assert "checkout" in page
    assert not re.search(r"<script|src=|href=|https?:|acme|@import|url\(", page)


async def test_a_page_is_a_page_only_until_it_is_ready(listening: Listening, form: Any) -> None:
    """Ready is 200 as always; a refusal stays what programs get, with its own status."""
    form(has_page=True)
    for state, status in ((WakeState.READY, 200), (WakeState.REFUSED, 429), (WakeState.EXHAUSTED, 503)):
        listening.service.states[CHECKOUT] = state
        async with listening.ask("GET", PATH, GATEWAY, headers=BROWSER) as answer:
            assert (answer.status, answer.content_type) == (status, "application/json")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Accept": "application/json"}),
        ("GET", {}),
        ("POST", BROWSER),
        ("GET", BROWSER | {"X-Forwarded-Method": "POST"}),
        ("GET", BROWSER | {"X-Original-Method": "DELETE"}),
    ],
)
async def test_only_a_browser_that_can_load_again_gets_it(
    listening: Listening, form: Any, method: str, headers: dict[str, str]
) -> None:
    """A program, and a form that was sent (its body would be lost), are held as ever."""
    form(has_page=True)
    listening.service.ready.set()
    async with listening.ask(method, PATH, GATEWAY, headers=headers) as answer:
        assert answer.status == 200
    assert listening.service.wakes == [(CHECKOUT, None)]


async def test_without_the_setting_a_browser_is_held(listening: Listening) -> None:
    """The page is for gateways that ask for it by their settings."""
    listening.service.ready.set()
    async with listening.ask("GET", PATH, GATEWAY, headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")


async def test_the_head_of_a_page_has_no_body(listening: Listening, form: Any) -> None:
    """HEAD of a page has its headers alone."""
    form(has_page=True)
    async with listening.ask("HEAD", PATH, GATEWAY, headers=BROWSER) as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (503, "text/html", b"")


async def test_a_function_of_any_name_makes_the_same_page(listening: Listening, form: Any) -> None:
    """A name is all of a request that the page says."""
    form(has_page=True)
    listening.service.states[CHECKOUT] = WakeState.STARTED
    headers = BROWSER | {"Host": "<script>", "Referer": "https://x/<b>", "X-Forwarded-Uri": "/<i>"}
    async with listening.ask("GET", f"{PATH}?q=<script>alert(1)</script>", GATEWAY, headers=headers) as answer:
        assert "alert" not in await answer.text()


# Behind the path of a client


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_path_behind_the_name_is_the_clients_own(listening: Listening, method: str) -> None:
    """A gateway that puts its prefix before its client's path wakes by any method; nothing behind the name counts."""
    listening.service.ready.set()
    target = f"{PATH}/a/../../b//c%2f..%2f?hold=nonsense&redirect=@x&refused=no"
    head = [f"{method} {target} HTTP/1.1", f"Authorization: Bearer {GATEWAY}"]
    assert await exchange(listening.main, head) == 200
    assert listening.service.wakes == [(CHECKOUT, None)]


async def test_forms_come_through_a_standby(pair: Pair, form: Any) -> None:
    """Page, status and location are the same through a daemon that hands the wake on."""
    form(has_page=True, not_ready_status=502, redirects=frozenset({"@call"}))
    async with pair.ask("GET", PATH, GATEWAY, headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
        assert {"Refresh", "Content-Security-Policy", "Retry-After"} <= set(answer.headers)
        assert "checkout" in await answer.text()
    pair.holder.ready.set()
    posted = BROWSER | {"X-Forwarded-Method": "POST"}
    async with pair.ask("GET", f"{PATH}?redirect=@call", GATEWAY, headers=posted) as answer:
        assert (answer.status, answer.headers["X-Accel-Redirect"]) == (200, "@call")
    pair.standbys.tell(holder=None, address=None)
    async with pair.ask("GET", PATH, GATEWAY, headers=BROWSER) as answer:  # with nobody to ask it waits in the page too
        assert (answer.status, answer.content_type) == (502, "text/html")
