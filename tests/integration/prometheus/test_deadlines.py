"""Sources that hang: only their own loads are unknown, and nobody waits for them."""

import os
import signal

from tests.integration.prometheus.fake import FakePrometheus, Reply, healthy
from tests.integration.prometheus.loading import loads, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import LAST, at

PLAN = plan_of({"ours": ["fn/steady"], "theirs": ["theirs/steady"]}, {"theirs": "other"})


def hangs(fake: FakePrometheus) -> Reply:
    """Say nothing until the test is over."""
    return lambda handler: fake.released.wait() and None


async def test_a_hanging_source_delays_nobody_and_is_not_asked_again_meanwhile() -> None:
    """While one source hangs until its deadline, the other is read at every tick."""
    with FakePrometheus(healthy) as hanging, FakePrometheus(healthy) as sound:
        hanging.reply = hangs(hanging)
        sources = {"main": source(sound.url), "other": source(hanging.url, timeout="300s")}
        async with loads(patience_s=2.0, **sources) as made:
            answers = [await made.read(PLAN, at(LAST, tick)) for tick in range(4)]
            health = {one.name: one for one in made.health()}
    assert [row(load, PLAN, "fn/steady").rps for load in answers] == [10.0] * 4
    assert all(row(load, PLAN, "theirs/steady").is_unknown for load in answers)
    assert len(hanging.requests) == 1
    assert (health["main"].is_ok, health["other"].is_ok) == (True, False)


async def test_a_source_that_comes_back_is_read_again() -> None:
    """A hanging source is cut at its deadline; once it answers, its loads are known again."""
    plan = plan_of({"ours": ["fn/steady"]})
    with FakePrometheus(healthy) as fake:
        fake.reply = hangs(fake)
        async with loads(main=source(fake.url, timeout="1s")) as made:
            lost = await made.read(plan, at(LAST))
            fake.reply = healthy
            found = await made.read(plan, at(LAST, 9.0))
            (health,) = made.health()
    assert row(lost, plan, "fn/steady").is_unknown
    assert row(found, plan, "fn/steady").rps == 10.0
    assert (health.is_ok, health.failures) == (True, 1)


async def test_a_worker_that_does_not_end_is_replaced() -> None:
    """When a worker itself stops answering, it is replaced, and the next reading comes from a fresh one."""
    plan = plan_of({"ours": ["fn/steady"]})
    with FakePrometheus(healthy) as fake:
        async with loads(main=source(fake.url, timeout="1s")) as made:
            await made.read(plan, at(LAST))
            (stuck,) = made.worker_pids()
            os.kill(stuck, signal.SIGSTOP)
            lost = await made.read(plan, at(LAST, 9.0))
            found = await made.read(plan, at(LAST, 11.0))
            assert stuck not in made.worker_pids()
    assert row(lost, plan, "fn/steady").is_unknown
    assert row(found, plan, "fn/steady").rps == 10.0


async def test_a_worker_that_is_killed_costs_no_reading() -> None:
    """A worker that ends by itself is replaced within the same reading."""
    plan = plan_of({"ours": ["fn/steady"]})
    with FakePrometheus(healthy) as fake:
        async with loads(main=source(fake.url)) as made:
            await made.read(plan, at(LAST))
            os.kill(made.worker_pids()[0], signal.SIGKILL)
            load = await made.read(plan, at(LAST, 9.0))
    assert row(load, plan, "fn/steady").rps == 10.0


async def test_sources_that_share_a_stuck_worker_are_asked_again_in_a_fresh_one() -> None:
    """When a source's thread does not end, its neighbours in the worker are read in the same tick all the same."""
    plan = plan_of({"ours": ["fn/steady"], "theirs": ["theirs/steady"]}, {"theirs": "other"})
    with FakePrometheus(healthy) as one, FakePrometheus(healthy) as two:
        sources = {"main": source(one.url, timeout="1s"), "other": source(two.url, timeout="300s")}
        async with loads(workers=1, **sources) as made:
            await made.read(plan, at(LAST))
            (stuck,) = made.worker_pids()
            os.kill(stuck, signal.SIGSTOP)
            two.requests.clear()
            await made.read(plan, at(LAST, 9.0))
            health = {each.name: each for each in made.health()}
    assert health["other"].is_ok
    assert not health["main"].is_ok
    assert len(two.requests) == 4
