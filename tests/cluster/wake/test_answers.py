"""What is not a wake's: answers of the function's own, starts that fail, callers that go away."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

import pytest

from tests.cluster.wake.conftest import each
from tests.cluster.wake.documents import FEW_HOLD_S, STUCK_HOLD_S
from tests.cluster.wake.gateways import FORMS, GATEWAYS
from tests.cluster.wake.site import Site
from tests.cluster.wake.traffic import Caller, Kind, Sent
from tests.servers.process import PATIENCE
from tests.servers.wake_forms import WakingGateway

pytestmark = pytest.mark.server

SLOW_S = 2.0
OWN = {
    "an error": (Kind.GET, "status=500", 500),
    "an error about a body": (Kind.ONE_MIB, "status=500", 500),
    "a bad gateway behind it": (Kind.ONE_BYTE, "status=502", 502),
    "not available": (Kind.ONE_BYTE, "status=503", 503),
    "a slow answer": (Kind.ONE_BYTE, f"ms={SLOW_S * 1000:.0f}", 200),
    "a connection that breaks": (Kind.GET, "drop=1", 502),
    "a connection that breaks after a body": (Kind.ONE_MIB, "drop=1", 502),
    "a connection that breaks after a stream": (Kind.CHUNKED_5_MIB, "drop=1", 502),
}
"""What is asked of a function that runs, and what its caller gets."""


@pytest.fixture(scope="module")
def own(woken: Site, gateways: Mapping[str, WakingGateway]) -> dict[str, tuple[dict[str, Sent], Counter[str]]]:
    """By form: what was answered to each request, and what was executed."""

    async def call(name: str, caller: Caller) -> tuple[dict[str, Sent], Counter[str]]:
        function = f"plain-{name}"
        assert (await caller.send(function)).status == 200
        asked = [caller.send(function, kind, query) for kind, query, _ in OWN.values()]
        answers = dict(zip(OWN, await asyncio.gather(*asked), strict=True))
        return answers, Counter(woken.executed(function))

    return each(gateways, "own", call)


@FORMS
@pytest.mark.parametrize("what", OWN)
def test_what_a_function_answers_is_passed_on(
    own: Mapping[str, tuple[dict[str, Sent], Counter[str]]], name: str, what: str
) -> None:
    """Errors, slow answers and broken connections of a function that runs reach its caller, and it executed the request once."""
    answers, executed = own[name]
    assert answers[what].status == OWN[what][2]
    assert executed[answers[what].id] == 1


@pytest.fixture(scope="module")
def stuck(gateways: Mapping[str, WakingGateway]) -> dict[str, list[Sent]]:
    """By form: what callers of a function get that never becomes ready."""

    async def call(name: str, caller: Caller) -> list[Sent]:
        asked = [caller.send(f"stuck-{name}", kind) for kind in (Kind.GET, Kind.ONE_BYTE, Kind.ONE_MIB)]
        return list(await asyncio.gather(*asked))

    return each(gateways, "stuck", call)


@FORMS
def test_a_start_that_fails_is_told_in_time(woken: Site, stuck: Mapping[str, list[Sent]], name: str) -> None:
    """Where no pod becomes ready, callers are told 503 and when to come again once the function's hold is over."""
    assert [(one.status, one.retry_after is not None) for one in stuck[name]] == [(503, True)] * 3
    took_s = [one.took_s for one in stuck[name]]
    assert STUCK_HOLD_S <= min(took_s) <= max(took_s) < STUCK_HOLD_S + 5 * PATIENCE
    assert woken.executed(f"stuck-{name}") == []


@pytest.fixture(scope="module")
def crowded(woken: Site, gateways: Mapping[str, WakingGateway]) -> dict[str, tuple[Sent, bool]]:
    """By form: what a third caller gets where two may wait, and whether one is held after both hung up."""

    async def call(name: str, caller: Caller) -> tuple[Sent, bool]:
        function = f"few-{name}"
        first = [asyncio.create_task(caller.send(function, Kind.ONE_BYTE)) for _ in range(2)]
        await asyncio.to_thread(woken.wait_held, function, 2)
        third = await caller.send(function)
        for one in first:
            one.cancel()
        await asyncio.gather(*first, return_exceptions=True)
        # Well before their hold would have ended by itself.
        return third, await _is_held(caller, function, FEW_HOLD_S * (0.75 if _sees_hang_ups(name) else 0.25))

    return each(gateways, "crowded", call)


async def _is_held(caller: Caller, function: str, deadline_s: float) -> bool:
    """Tell whether a request is held, at once or after others were refused."""
    end_s = time.monotonic() + deadline_s
    while time.monotonic() < end_s:
        try:
            await asyncio.wait_for(caller.send(function), 1.0)
        except TimeoutError:
            return True
        await asyncio.sleep(0.1)
    return False


@FORMS
def test_callers_that_hang_up_free_their_places(crowded: Mapping[str, tuple[Sent, bool]], name: str) -> None:
    """One more than may wait is refused with 429; as soon as a gateway sees that those hung up, another is held."""
    third, is_held = crowded[name]
    assert (third.status, third.retry_after is not None) == (429, True)
    assert is_held == _sees_hang_ups(name)


def _sees_hang_ups(name: str) -> bool:
    return next(one.form.sees_hang_ups for one in GATEWAYS if one.name == name)
