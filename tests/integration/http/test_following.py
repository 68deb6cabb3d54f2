"""Wakes while the Lease moves, over real sockets: asked again of whoever decides, within what is left of their hold."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import WakeState
from tests.integration.http.fakes import ACME, GATEWAY, UMBRELLA, FakeAutoscaling
from tests.integration.http.pairs import HOLDER, STANDBY, Pair, paired, until
from tests.servers.process import PATIENCE, free_port

CHECKOUT = FunctionKey("acme-prod", "checkout")
PATH = "/v1/wake/acme-prod/checkout"


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A holder and a standby, of which either could serve every wake."""
    async with paired() as both:
        both.standby.decisions = FakeAutoscaling().decisions
        yield both


def asking(pair: Pair, query: str = "?hold=20s", token: str = GATEWAY, **more: Any) -> "asyncio.Task[tuple[int, str]]":
    """Ask for a wake in the background; its status and state are what it gives."""

    async def ask() -> tuple[int, str]:
        async with pair.ask("GET", PATH + query, token, **more) as answer:
            await answer.read()
            return answer.status, answer.headers["X-Wake-State"]

    return asyncio.create_task(ask())


async def test_a_wake_follows_the_lease_to_the_standby_itself(pair: Pair) -> None:
    """Held by a holder that is never heard of again, a wake is asked of the standby that follows, with a shorter hold."""
    wake = asking(pair)
    await until(lambda: pair.holder.holding == 1)
    pair.move()
    await until(lambda: pair.standby.holding == 1)
    await until(lambda: pair.holder.holding == 0)
    pair.standby.ready.set()
    assert await wake == (200, "ready")
    ((key, hold_s),) = pair.standby.wakes
    assert key == CHECKOUT
    assert hold_s is not None
    assert 0 < hold_s < 20


async def test_a_holder_that_steps_down_hands_its_own_wakes_on(pair: Pair) -> None:
    """Who asked the holder directly is answered by the daemon that follows it."""
    wake = asking(pair, of=pair.holders_address)
    await until(lambda: pair.holder.holding == 1)
    pair.holder.has_moved = True
    pair.move()
    pair.holder.ready.set()
    await until(lambda: pair.standby.holding == 1)
    pair.standby.ready.set()
    assert await wake == (200, "ready")
    assert (pair.standby.wakes[0][1] or 0) < 20


async def test_a_wake_that_the_holder_gives_back_is_asked_anew(pair: Pair) -> None:
    """A wake through the standby that its holder gives back, while the Lease moves to the standby, is answered there."""
    wake = asking(pair, "")
    await until(lambda: pair.holder.holding == 1)
    pair.holder.has_moved = True
    pair.holder.ready.set()
    await until(lambda: len(pair.holder.wakes) >= 1 and pair.holder.holding == 0)
    pair.move()
    pair.standby.ready.set()
    assert await wake == (200, "ready")
    assert 0 < (pair.standby.wakes[0][1] or 0) < 25  # of the policy's hold


async def test_what_is_asked_of_the_new_holder_is_not_given_up(pair: Pair) -> None:
    """A wake that reaches the new holder before its standby has looked at the Lease again is held there, once."""
    address = pair.standbys.told.address
    pair.standbys.tell(holder=None, address=None)
    await _looks(pair)
    pair.standbys.tell(holder=HOLDER, address=address)
    wake = asking(pair)
    await until(lambda: pair.holder.holding == 1)
    await _looks(pair)
    pair.holder.ready.set()
    assert await wake == (200, "ready")
    assert len(pair.holder.wakes) == 1


async def _looks(pair: Pair) -> None:
    """Let the standby look at the Lease by itself."""
    asked = pair.standbys.asked
    await until(lambda: pair.standbys.asked >= asked + 2)


async def test_a_wake_waits_for_somebody_who_decides(pair: Pair) -> None:
    """While nobody holds the Lease a wake is held, and asked once somebody does."""
    pair.standbys.tell(holder=None, address=None)
    wake = asking(pair)
    pair.holder.ready.set()
    done, _ = await asyncio.wait((wake,), timeout=0.3)
    assert not done
    address = f"{pair.holders_address.host}:{pair.holders_address.port}"
    pair.standbys.tell(holder=HOLDER, address=address)
    assert await wake == (200, "ready")


@pytest.mark.parametrize(
    "state", [{"holder": None, "address": None}, {"address": "127.0.0.1:1"}], ids=["nobody", "gone"]
)
async def test_what_runs_is_ready_though_nobody_decides(pair: Pair, state: dict[str, Any]) -> None:
    """With no holder to ask, a function that can be reached is ready at once, for whom it belongs to alone."""
    pair.standbys.tell(**state)
    pair.standby.serving.add(CHECKOUT)
    for query in ("", "?hold=0", "?refused=1"):
        assert await asking(pair, query) == (200, "ready")
    async with pair.ask("GET", f"{PATH}?hold=300ms", UMBRELLA) as answer:
        assert answer.status == 503


async def test_a_holder_that_can_be_asked_is_asked_of_what_runs_too(pair: Pair) -> None:
    """A standby says of nothing that it is ready while somebody decides, who has to know whom somebody wants."""
    pair.standby.serving.add(CHECKOUT)
    pair.holder.states[CHECKOUT] = WakeState.REFUSED
    assert await asking(pair, "") == (429, "refused")


async def test_a_holder_that_comes_back_is_asked_again(pair: Pair) -> None:
    """A holder whose address refuses connections for a while is asked again though the Lease says nothing new."""
    address = pair.standbys.told.address
    pair.standbys.tell(address=f"127.0.0.1:{free_port()}")
    wake = asking(pair)
    pair.holder.ready.set()
    await asyncio.sleep(0)
    pair.standbys.tell(address=address)  # not of another holder, so this alone is no news
    assert await wake == (200, "ready")


@pytest.mark.parametrize(
    "state",
    [{"holder": None, "address": None}, {"holder": STANDBY}, {"address": "no-address"}, {"address": "127.0.0.1:1"}],
    ids=["nobody", "itself", "no port", "gone"],
)
async def test_with_nobody_to_ask_it_says_so_within_the_hold(pair: Pair, state: dict[str, Any]) -> None:
    """Where nobody decides until its hold is over a wake is not ready, and says when to come again."""
    pair.standbys.tell(**state)
    async with pair.ask("GET", f"{PATH}?hold=300ms", GATEWAY) as answer:
        assert (answer.status, answer.headers["X-Wake-State"]) == (503, "not-ready")
        assert int(answer.headers["Retry-After"]) > 0
    pair.standby.policy_hold_s = 0.3
    assert await asking(pair, "") == (503, "not-ready")


async def test_how_long_a_stranger_waits_tells_nothing(pair: Pair) -> None:
    """A wake of another's function is held as one of a function that is not there, not as long as its policy says."""
    pair.standbys.tell(holder=None, address=None)
    pair.standby.policy_hold_s = 0.1
    wakes = [asking(pair, text, UMBRELLA) for text in ("", "-that-is-not-there")]
    assert await asking(pair, "") == (503, "not-ready")
    done, waiting = await asyncio.wait(wakes, timeout=1.0)
    assert not done
    for wake in waiting:
        wake.cancel()


async def test_who_does_not_wait_is_not_held_for_a_holder(pair: Pair) -> None:
    """`hold=0` with nobody to ask gets its 503 at once, and starts nothing."""
    pair.standbys.tell(holder=None, address=None)
    assert await asyncio.wait_for(asking(pair, "?hold=0"), 10 * PATIENCE) == (503, "not-ready")


async def test_two_that_take_each_other_for_the_holder_never_loop(pair: Pair) -> None:
    """A wake that was handed on once is given back, and asked again no more often than about once a second."""
    pair.holders.tell(is_leader=False, holder=STANDBY, address=f"{pair.address.host}:{pair.address.port}")
    async with pair.ask("GET", PATH, GATEWAY, headers={"X-Autoscaler-Forwarded": "1"}) as answer:
        assert (answer.status, answer.headers["X-Wake-State"]) == (503, "moved")
    assert await asking(pair, "?hold=1500ms") == (503, "not-ready")
    assert pair.holder.wakes == pair.standby.wakes == []


async def test_one_that_is_forwarded_is_not_held_by_a_daemon_that_does_not_decide(pair: Pair) -> None:
    """What another daemon handed on comes back with `moved` at once, whoever asks: that daemon looks for itself."""
    async with pair.ask("GET", PATH, ACME, headers={"X-Autoscaler-Forwarded": "1"}) as answer:
        assert answer.headers["X-Wake-State"] == "moved"
    async with pair.ask("GET", PATH, "nobodys", headers={"X-Autoscaler-Forwarded": "1"}) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("waited", ["-5", "nan", "inf", "x", "1e400", ""])
async def test_a_wait_that_is_none_counts_as_none(pair: Pair, waited: str) -> None:
    """What a forwarded wake says of its wait is read as a number of seconds, or not at all."""
    pair.holder.ready.set()
    headers = {"X-Autoscaler-Forwarded": "1", "X-Autoscaler-Waited": waited}
    assert await asking(pair, of=pair.holders_address, headers=headers) == (200, "ready")
    assert pair.holder.wakes == [(CHECKOUT, 20.0)]


async def test_a_wait_that_nobody_forwarded_counts_as_none(pair: Pair) -> None:
    """A client of a gateway that passes its headers on cannot shorten a hold."""
    pair.holder.ready.set()
    assert await asking(pair, of=pair.holders_address, headers={"X-Autoscaler-Waited": "19"}) == (200, "ready")
    assert pair.holder.wakes == [(CHECKOUT, 20.0)]


async def test_a_hold_that_is_used_up_is_no_start_without_waiting(pair: Pair) -> None:
    """However long a wake was held before, it never becomes one with `hold=0`, whose 200 says nothing of ready."""
    headers = {"X-Autoscaler-Forwarded": "1", "X-Autoscaler-Waited": "30"}
    assert await asking(pair, of=pair.holders_address, headers=headers) == (503, "not-ready")


async def test_hanging_up_while_nobody_decides_ends_it(pair: Pair) -> None:
    """A client that gives up while a wake waits for a holder is not asked for later."""
    pair.standbys.tell(holder=None, address=None)
    wake = asking(pair)
    await asyncio.wait((wake,), timeout=0.2)
    wake.cancel()
    await asyncio.gather(wake, return_exceptions=True)
    pair.move()
    other = asking(pair)
    await until(lambda: pair.standby.holding == 1)
    pair.standby.ready.set()
    assert await other == (200, "ready")
    assert len(pair.standby.wakes) == 1


async def test_a_daemon_that_ends_waits_until_its_wakes_are_answered(pair: Pair) -> None:
    """Ending, it hands on what it held, and is done when the last of it has its answer."""
    wakes = [asking(pair, of=pair.holders_address) for _ in range(2)]
    await until(lambda: pair.holder.holding == 2)
    pair.holder.has_moved = True
    pair.holders.tell(is_leader=False, holder=None, address=None)
    pair.holder.ready.set()
    finishing = asyncio.create_task(pair.forwarding.finish(20.0 * PATIENCE))
    done, _ = await asyncio.wait((finishing,), timeout=0.3)
    assert not done
    pair.move()
    await until(lambda: pair.standby.holding == 2)
    pair.standby.ready.set()
    assert await asyncio.gather(*wakes) == [(200, "ready")] * 2
    await asyncio.wait_for(finishing, 10 * PATIENCE)


async def test_a_daemon_that_ends_does_not_wait_for_ever(pair: Pair) -> None:
    """At the end of its grace what it still holds is told that it is not ready, wherever it is held."""
    nobody = asking(pair, of=pair.holders_address)
    await until(lambda: pair.holder.holding == 1)
    pair.holder.has_moved = True
    pair.move()
    pair.holder.ready.set()
    await until(lambda: pair.standby.holding == 1)  # which never becomes ready
    await asyncio.wait_for(pair.forwarding.finish(0.2), 10 * PATIENCE)
    assert await asyncio.wait_for(nobody, 10 * PATIENCE) == (503, "not-ready")


async def test_a_daemon_that_ends_does_not_wait_for_those_that_still_come(pair: Pair) -> None:
    """What comes while it ends is handed on, and held by whom it was handed to; the end does not wait for it."""
    before = asking(pair, of=pair.holders_address)
    await until(lambda: pair.holder.holding == 1)
    finishing = asyncio.create_task(pair.forwarding.finish(20.0 * PATIENCE))
    pair.holder.has_moved = True
    pair.move()
    pair.holder.ready.set()
    await until(lambda: pair.standby.holding == 1)
    later = asking(pair, of=pair.holders_address)
    await until(lambda: pair.standby.holding == 2)
    before.cancel()
    await asyncio.wait_for(finishing, 10 * PATIENCE)
    assert not later.done()
    pair.standby.ready.set()
    assert await later == (200, "ready")


async def test_a_daemon_that_holds_nothing_ends_at_once(pair: Pair) -> None:
    """With no wake in hand there is nothing to wait for."""
    await asyncio.wait_for(pair.forwarding.finish(60.0), 10 * PATIENCE)


async def test_thousands_follow_in_turns(pair: Pair) -> None:
    """Three hundred wakes that wait for a holder are all answered by the one that comes, and none twice."""
    pair.standbys.tell(holder=None, address=None)
    pair.standby.places = 1_000
    wakes = [asking(pair) for _ in range(300)]
    await asyncio.wait(wakes, timeout=0.5)
    pair.move()
    await until(lambda: pair.standby.holding == 300)
    pair.standby.ready.set()
    assert set(await asyncio.gather(*wakes)) == {(200, "ready")}
    assert len(pair.standby.wakes) == 300


async def test_forms_of_answers_come_through_the_standby(pair: Pair) -> None:
    """Refusals and their headers are the holder's, whatever their state."""
    for state, status in ((WakeState.EXHAUSTED, 503), (WakeState.FULL, 429), (WakeState.REFUSED, 429)):
        pair.holder.states[CHECKOUT] = state
        async with pair.ask("GET", PATH, GATEWAY) as answer:
            assert (answer.status, answer.headers["X-Wake-State"]) == (status, state.value)
            assert int(answer.headers["Retry-After"]) > 0
