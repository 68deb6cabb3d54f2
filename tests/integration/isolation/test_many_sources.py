"""Two hundred sources over a few processes: whatever some of them send, the others are read at every tick."""

import json
from collections.abc import Container
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from autoscaler.core.observation import Load
from tests.integration.prometheus.fake import FakePrometheus, Reply, answer, body, document, sample, vector
from tests.integration.prometheus.loading import loads, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.test_bad_answers import drips
from tests.integration.prometheus.timeline import LAST, at
from tests.servers.process import PATIENCE

SOURCES = 200
TICKS = 4
MOST_PROCESSES = 6  # three groups of two
MOST_MIB = 300
MOST_BYTES = 16 << 20
HUGE = 300 << 20
BELOW_ZERO = 151  # it answers well, and nothing that it says may be believed


def number_of(handler: BaseHTTPRequestHandler) -> int:
    return int(handler.path.split("/", 2)[1])


def own(handler: BaseHTTPRequestHandler) -> list[dict[str, object]]:
    """Give what a healthy server says of the source's function."""
    return answer(handler, f"steady.ns-{number_of(handler):03d}")


def hangs(fake: FakePrometheus) -> Reply:
    return lambda _: fake.released.wait() and None


def says_that_it_is_huge(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(HUGE))
    handler.end_headers()
    send_much(handler)


def is_huge_without_a_word(handler: BaseHTTPRequestHandler) -> None:
    """Send the same without a length: it ends with its connection."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b'{"status":"success","data":{"resultType":"vector","result":[')
    send_much(handler)


def send_much(handler: BaseHTTPRequestHandler) -> None:
    element = b'{"metric":{"function_name":"x"},"value":[1700000000.123,"1"]},'
    chunk = element * ((1 << 20) // len(element))
    for _ in range(HUGE // len(chunk)):
        handler.wfile.write(chunk)


def valued(value: object) -> Reply:
    """Answer with this in the place of each value."""
    return lambda handler: document(handler, vector([{**one, "value": [0, value]} for one in own(handler)]))


FOREIGN = ",".join(json.dumps(sample(1, function_name=f"function-{number:05d}.elsewhere")) for number in range(50_000))


def with_foreign_series(handler: BaseHTTPRequestHandler) -> None:
    sound = json.dumps(vector(own(handler)))
    body(handler, f"{sound.removesuffix(']}}')},{FOREIGN}]}}}}".encode())


def bad_ones(fake: FakePrometheus) -> dict[int, Reply]:
    """Give the sources that do not answer as they should, by number."""
    return {
        3: hangs(fake),
        17: drips,
        31: says_that_it_is_huge,
        59: is_huge_without_a_word,
        83: lambda handler: body(handler, b"[" * 1_500_000),
        101: lambda handler: body(handler, b'{"status":' * 150_000),
        117: lambda handler: body(handler, b"<html>", Content_Type="text/html"),
        139: valued("NaN"),
        BELOW_ZERO: valued("-5"),
        163: valued("1" + "0" * 4_000),
    }


def deadline(one: int, bad: Container[int]) -> str:
    """Give a source's deadline: the bad ones are over soon, the others have all the time that a busy machine needs."""
    if one == 3:
        return "300s"
    return "4s" if one in bad else "60s"


async def test_bad_sources_cost_the_others_no_reading() -> None:
    """Of 200 sources over at most six processes ten never answer well, each in its own way: the rest is read always."""
    plan = plan_of(
        {f"tenant-{one:03d}": [f"ns-{one:03d}/steady"] for one in range(SOURCES)},
        {f"tenant-{one:03d}": f"source-{one:03d}" for one in range(SOURCES)},
    )
    with FakePrometheus(lambda handler: document(handler, vector(own(handler)))) as fake:
        bad, healthy = bad_ones(fake), fake.reply
        foreign = 181
        odd = {**bad, foreign: with_foreign_series}
        fake.reply = lambda handler: odd.get(number_of(handler), healthy)(handler)
        sources = {
            f"source-{one:03d}": source(f"{fake.url}/{one}", timeout=deadline(one, bad), maxBytes=MOST_BYTES)
            for one in range(SOURCES)
        }
        async with loads(patience_s=15.0 * PATIENCE, **sources) as made:
            shared = made.worker_pids()
            read = [await made.read(plan, at(LAST, 7.0 + 2.0 * tick)) for tick in range(TICKS)]
            processes, most_mib = made.worker_pids(), max(peak_mib(pid) for pid in made.worker_pids())
            health = {one.name: one for one in made.health()}
    sound = [one for one in range(SOURCES) if one not in bad]
    known = [[row(load, plan, f"ns-{one:03d}/steady").rps for one in sound] for load in read]
    assert known == [[10.0] * len(sound)] * TICKS
    assert all(row(load, plan, f"ns-{one:03d}/steady").is_unknown for load in read for one in bad)
    assert [one for one in sound if not health[f"source-{one:03d}"].is_ok] == []
    assert [one for one in bad if health[f"source-{one:03d}"].is_ok] == [BELOW_ZERO]
    asked = [int(one["path"].split("/", 2)[1]) for one in fake.requests]
    assert {asked.count(one) for one in sound if one != foreign} == {4 * TICKS}
    assert asked.count(3) == 1
    assert set(shared) <= set(processes)
    assert len(processes) <= MOST_PROCESSES
    assert most_mib < MOST_MIB


def peak_mib(pid: int) -> int:
    """Give the most that a process ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:"))


async def test_a_large_answer_is_read_in_another_process_in_the_same_tick() -> None:
    """A source with more series than others should wait for leaves their process, and loses no reading by it."""
    plan = plan_of({"a": ["ns-000/steady"], "b": ["ns-001/steady"]}, {"a": "large", "b": "small"})
    with FakePrometheus(lambda handler: (with_foreign_series, small)[number_of(handler)](handler)) as fake:
        sources = {"large": source(f"{fake.url}/0"), "small": source(f"{fake.url}/1")}
        async with loads(workers=1, **sources) as made:
            before = made.worker_pids()
            read = [await made.read(plan, at(LAST, 7.0 + 2.0 * tick)) for tick in range(3)]
            after = made.worker_pids()
    for name in ("ns-000/steady", "ns-001/steady"):
        assert [row(load, plan, name).rps for load in read] == [10.0] * 3
    assert set(before) < set(after)
    assert len(after) == 2
    assert [one["path"].startswith("/0") for one in fake.requests].count(True) == 1 + 4 * 3


def small(handler: BaseHTTPRequestHandler) -> None:
    document(handler, vector(own(handler)))


SLOW = plan_of({"a": ["ns-000/steady"], "b": ["ns-001/steady"]}, {"a": "slow", "b": "quick"})


async def read_beside_a_slow_one(later_s: float) -> tuple[Load, Load]:
    """Read twice; the slow source answers between the readings, the second of which is so much later."""
    with FakePrometheus(small) as fake:

        def waits(handler: BaseHTTPRequestHandler) -> None:
            if number_of(handler) == 0:
                fake.released.wait()
            small(handler)

        fake.reply = waits
        sources = {"slow": source(f"{fake.url}/0", timeout="60s"), "quick": source(f"{fake.url}/1")}
        async with loads(patience_s=1.0 * PATIENCE, **sources) as made:
            first = await made.read(SLOW, at(LAST, 7.0))
            fake.released.set()
            slow = made._sources["slow"]
            assert slow._task is not None
            await slow._task
            second = await made.read(SLOW, at(LAST, 7.0 + later_s))
        return first, second


@pytest.mark.parametrize(("later_s", "rps"), [(2.0, 10.0), (11.0, 10.0), (16.0, None)])
async def test_what_a_slow_source_says_counts_one_reading_later(later_s: float, rps: float | None) -> None:
    """An answer that came after its tick is used by the next, unless a scrape interval has passed since it was asked."""
    first, second = await read_beside_a_slow_one(later_s)
    assert [row(one, SLOW, "ns-001/steady").rps for one in (first, second)] == [10.0, 10.0]
    assert [row(one, SLOW, "ns-000/steady").rps for one in (first, second)] == [None, rps]
