"""A tenant's own queries: which answers are believed, and that a bad one harms nobody else."""

import asyncio
import os
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.policy.plan import Plan
from tests.integration.prometheus.fake import FakePrometheus, Reply, asked, body, document, healthy, sample, vector
from tests.integration.prometheus.loading import loads, row, source
from tests.integration.prometheus.plans import are_idle, own, plan_of, told, with_lanes
from tests.integration.prometheus.timeline import LAST, at
from tests.servers.process import PATIENCE

FUNCTIONS = plan_of({"ours": ["fn/steady", "fn/other"], "theirs": ["theirs/steady"]})
PLAN = with_lanes(FUNCTIONS, own("fn/steady", "mine"), own("fn/other", "mine"), own("theirs/steady", "yours"))


def beside(**replies: Reply) -> Reply:
    """Answer these queries so, and everything else as a healthy Prometheus."""
    return lambda handler: replies.get(asked(handler), healthy)(handler)


def answers(*elements: dict[str, Any], **more: object) -> Reply:
    """Answer with a vector."""
    return lambda handler: document(handler, vector(elements, **more))


def plain(kind: str, result: object) -> Reply:
    """Answer with another type."""
    return lambda handler: document(handler, {"status": "success", "data": {"resultType": kind, "result": result}})


async def values(reply: Reply, plan: Plan = PLAN) -> tuple[list[float | None], list[float | None]]:
    """Give what the query `mine` comes to for the two functions of its tenant."""
    with FakePrometheus(beside(mine=reply, yours=answers(sample(5)))) as fake:
        async with loads(main=source(fake.url, timeout="5s", maxBytes=2_000_000)) as made:
            load = await made.read(plan, at(LAST))
            assert told(load, plan, "theirs/steady") == [5.0]
            assert row(load, plan, "fn/steady").rps == 10.0
    return told(load, plan, "fn/steady"), told(load, plan, "fn/other")


NAMES = {"namespace": "fn", "function": "steady"}
SOUND = {
    "a scalar": (plain("scalar", [0, "7"]), 7.0, 7.0),
    "one element": (answers(sample(7)), 7.0, 7.0),
    "one element with labels that name nobody": (answers(sample(7, job="x")), 7.0, 7.0),
    "zero": (answers(sample(0)), 0.0, 0.0),
    "one element that names a function": (answers(sample(7, **NAMES)), 7.0, None),
    "each its own": (answers(sample(7, **NAMES), sample(8, function_name="other.fn")), 7.0, 8.0),
    "others beside": (answers(sample(7, **NAMES), sample(8, function_name="steady.theirs")), 7.0, None),
    "a name without a namespace": (answers(sample(7, function_name="steady"), sample(8, function_name="x")), 7.0, None),
    "a note about the query": (answers(sample(7), infos=["PromQL info: x"]), 7.0, 7.0),
}  # fmt: skip


@pytest.mark.parametrize(("reply", "steady", "other"), SOUND.values(), ids=SOUND.keys())
async def test_what_is_believed(reply: Reply, steady: float | None, other: float | None) -> None:
    """A scalar or one element is of all functions that ask; elements that name functions are of those alone."""
    assert await values(reply) == ([steady], [other])


WRONG = {
    "empty": answers(),
    "two without a name": answers(sample(1), sample(2)),
    "one of two without a name": answers(sample(1, **NAMES), sample(2)),
    "the same function twice": answers(sample(1, **NAMES), sample(2, function_name="steady.fn")),
    "NaN": answers(sample("NaN")),
    "Inf": answers(sample("+Inf")),
    "below zero": answers(sample(-1)),
    "a string": plain("string", [0, "7"]),
    "a matrix": plain("matrix", []),
    "warnings": answers(sample(7), warnings=["a store did not answer"]),
    "isPartial": answers(sample(7), isPartial=True),
    "a scalar that is no number": plain("scalar", [0, "many"]),
    "a scalar that is nothing": plain("scalar", None),
    "no labels": answers({"metric": 3, "value": [0, "1"]}),
    "422": lambda handler: document(handler, {"status": "error", "errorType": "execution"}, 422),
    "503": lambda handler: document(handler, {}, 503),
    "garbage": lambda handler: body(handler, b"\x00"),
    "huge": lambda handler: body(handler, b" " * 3_000_000),
}


@pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG.keys())
async def test_what_is_not_believed(reply: Reply) -> None:
    """Everything else is unknown for both functions; the gateway and the other tenant are read in the same tick."""
    assert await values(reply) == ([None], [None])


@pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG.keys())
async def test_health_names_the_tenant_and_the_policy(reply: Reply) -> None:
    """The source stays well, and says to the tenant which policy's query says nothing, without its text."""
    with FakePrometheus(beside(mine=reply, yours=answers(sample(5)))) as fake:
        async with loads(main=source(fake.url, timeout="5s", maxBytes=2_000_000)) as made:
            await made.read(PLAN, at(LAST))
            (health,) = made.health()
    assert (health.is_ok, health.error) == (True, None)
    (problem,) = health.query_problems
    assert problem.tenant == "ours"
    assert problem.words.startswith("query of policy fn/default: ")
    assert "mine" not in problem.words


IDLE = {
    "zero": (answers(sample(0)), True),
    "a scalar": (plain("scalar", [0, "0"]), True),
    "more": (answers(sample(0.001)), False),
    "empty": (answers(), False),
    "NaN": (answers(sample("NaN")), False),
    "warnings": (answers(sample(0), warnings=["x"]), False),
}


@pytest.mark.parametrize(("reply", "is_idle"), IDLE.values(), ids=IDLE.keys())
async def test_only_an_activity_of_zero_proves_idleness(reply: Reply, is_idle: bool) -> None:
    """A metric of 0 proves nothing; the activity query does, when it is answered with exactly 0."""
    plan = with_lanes(FUNCTIONS, own("fn/steady", "mine", "busy"), own("fn/other", "mine"))
    with FakePrometheus(beside(mine=answers(sample(0)), busy=reply)) as fake:
        async with loads(main=source(fake.url)) as made:
            load = await made.read(plan, at(LAST))
    assert told(load, plan, "fn/steady") == [0.0]
    assert are_idle(load, plan, "fn/steady") == [is_idle]
    assert are_idle(load, plan, "fn/other") == [False]


async def test_a_text_is_sent_once_a_tick() -> None:
    """Four queries of the gateway, and each distinct text once, however many functions ask it."""
    plan = with_lanes(
        FUNCTIONS, own("fn/steady", "mine", "busy"), own("fn/other", "mine", "busy"), own("fn/other", "busy", "mine")
    )
    with FakePrometheus(beside(mine=answers(sample(1)), busy=answers(sample(2)))) as fake:
        async with loads(main=source(fake.url)) as made:
            load = await made.read(plan, at(LAST))
            texts = [request["query"]["query"][0] for request in fake.requests]
    assert len(texts) == 6
    assert (texts.count("mine"), texts.count("busy")) == (1, 1)
    assert told(load, plan, "fn/other") == [1.0, 2.0]


async def test_a_slow_query_delays_nobody() -> None:
    """While a tenant's query hangs for its whole time-out, others' queries and the gateway are read at every tick."""
    with FakePrometheus(healthy) as fake:

        def hangs(_: BaseHTTPRequestHandler) -> None:
            fake.released.wait()

        fake.reply = beside(mine=hangs, yours=answers(sample(5)))
        async with loads(patience_s=2.0, main=source(fake.url, timeout="30s")) as made:
            read = [await made.read(PLAN, at(LAST, tick)) for tick in range(4)]
            texts = [request["query"]["query"][0] for request in fake.requests]
    assert [told(load, PLAN, "theirs/steady") for load in read] == [[5.0]] * 4
    assert [row(load, PLAN, "fn/steady").rps for load in read] == [10.0] * 4
    assert [told(load, PLAN, "fn/steady") for load in read] == [[None]] * 4
    assert texts.count("mine") == 1


async def test_a_slow_query_spoils_only_its_own_round() -> None:
    """At the time-out a tenant's slow query fails; its other one is then asked first, and answered."""
    plan = with_lanes(FUNCTIONS, own("fn/steady", "mine"), own("fn/other", "fine"))
    with FakePrometheus(healthy) as fake:

        def hangs(_: BaseHTTPRequestHandler) -> None:
            fake.released.wait()

        fake.reply = beside(mine=hangs, fine=answers(sample(5)))
        async with loads(patience_s=16.0, main=source(fake.url, timeout="1s")) as made:
            await made.read(plan, at(LAST))
            load = await made.read(plan, at(LAST, 9.0))
    assert told(load, plan, "fn/other") == [5.0]
    assert told(load, plan, "fn/steady") == [None]


async def test_a_late_answer_is_used_at_the_next_tick_and_not_for_ever() -> None:
    """An answer that comes after its tick counts in the next; older than the time-out and two ticks, it is unknown."""
    with FakePrometheus(healthy) as fake:

        def waits(handler: BaseHTTPRequestHandler) -> None:
            fake.released.wait(20 * PATIENCE)
            answers(sample(7))(handler)

        fake.reply = beside(mine=waits, yours=answers(sample(5)))
        async with loads(patience_s=2.0, main=source(fake.url, timeout="20s")) as made:
            late = await made.read(PLAN, at(LAST))
            fake.released.set()
            end = time.monotonic() + 20 * PATIENCE
            while told(held := await made.read(PLAN, at(LAST, 9.0)), PLAN, "fn/steady") == [None]:
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
            fake.released.clear()
            stale = await made.read(PLAN, at(LAST, 100.0))
    assert told(late, PLAN, "fn/steady") == [None]
    assert told(held, PLAN, "fn/steady") == [7.0]
    assert told(stale, PLAN, "fn/steady") == [None]


async def test_a_query_that_fails_is_asked_less_and_less_often() -> None:
    """Three failures at the rate of ticks, then pauses; the other tenant's query is asked at every tick."""
    with FakePrometheus(beside(mine=WRONG["422"], yours=answers(sample(5)))) as fake:
        async with loads(main=source(fake.url)) as made:
            for tick in range(0, 40, 2):
                await made.read(PLAN, at(LAST, float(tick)))
            texts = [request["query"]["query"][0] for request in fake.requests]
    assert texts.count("mine") == 7
    assert texts.count("yours") == 20


def threads_of(made: PrometheusLoads) -> int:
    """Count the threads of the only worker."""
    (pid,) = made.worker_pids()
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def shared() -> list[Path]:
    """List our shared memory."""
    return list(Path("/dev/shm").glob(f"faas-autoscaler-{os.getpid()}-*"))


async def test_what_is_no_longer_asked_is_forgotten() -> None:
    """When policies drop their queries nothing is asked or kept for them; when they come back, they are asked again."""
    with FakePrometheus(beside(mine=answers(sample(7)), yours=answers(sample(5)))) as fake:
        async with loads(workers=1, main=source(fake.url)) as made:
            await made.read(FUNCTIONS, at(LAST, 6.0))
            threads, memory = threads_of(made), shared()
            fake.requests.clear()
            await made.read(PLAN, at(LAST))
            assert threads_of(made) == threads + 2
            without = await made.read(FUNCTIONS, at(LAST, 8.0))
            asked_then = len(fake.requests)
            assert len(shared()) == len(memory)
            end = time.monotonic() + 20 * PATIENCE
            while threads_of(made) > threads:
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
            again = await made.read(PLAN, at(LAST, 9.0))
    assert len(without.others) == 0
    assert asked_then == 6 + 4
    assert told(again, PLAN, "fn/steady") == [7.0]
