"""Cores, queues and own queries read from a real Prometheus: what is known of each function, and what it costs."""

from collections.abc import Iterator
from typing import Any

import pytest

from autoscaler.core.lanes import MetricKind
from tests.integration.prometheus.fake import FakePrometheus, Reply, asked, document, healthy, sample, vector
from tests.integration.prometheus.loading import loads, openfaas, row, running, source
from tests.integration.prometheus.plans import Lane, are_idle, own, plan_of, told, with_lanes
from tests.integration.prometheus.timeline import LAST, at
from tests.servers.prometheus import Prometheus

NAMES = ["fn/steady", "fn/figlet", "fn/quiet", "fn/young", "fn/never"]
FUNCTIONS = plan_of({"ours": NAMES, "theirs": ["theirs/steady"]}, {"theirs": "other"})
EVERYBODY = [*NAMES, "theirs/steady"]
CPU = with_lanes(FUNCTIONS, *(Lane(name, MetricKind.CPU) for name in EVERYBODY))
QUEUE = with_lanes(FUNCTIONS, *(Lane(name, MetricKind.QUEUE) for name in EVERYBODY))
READY = running(steady=2, figlet=1, quiet=1, young=2)

# Half an hour at 20 ms, of each the median over half an hour at 20 ms: minutes of work, given up with its connection.
SLOW = "max_over_time(quantile_over_time(0.5, vector(1)[10m:20ms])[10m:20ms])"


@pytest.mark.server
async def test_cores_of_functions(past: Prometheus) -> None:
    """Two pods use one core; where a pod that can serve has no use yet, or none is found, nothing is known."""
    async with loads(main=source(past.url), replicas_of=READY) as made:
        load = await made.read(CPU, at(LAST))
        (health,) = made.health()
    assert [told(load, CPU, name) for name in EVERYBODY] == [[1.0], [0.5], [None], [None], [None], [None]]
    assert not load.others_idle.any()
    assert (health.is_ok, health.error) == (True, None)


@pytest.mark.server
@pytest.mark.parametrize(("ready", "expected"), [(1, 1.0), (2, 1.0), (3, None)])
async def test_fewer_pods_than_can_serve_are_no_smaller_load(
    past: Prometheus, ready: int, expected: float | None
) -> None:
    """Two pods are found: with three that can serve, what they use together is unknown."""
    async with loads(main=source(past.url), replicas_of=running(steady=ready)) as made:
        assert told(await made.read(CPU, at(LAST)), CPU, "fn/steady") == [expected]


@pytest.mark.server
async def test_without_a_count_of_replicas_cores_are_unknown(past: Prometheus) -> None:
    """Where nobody says how many pods can serve, a sum over pods is not believed."""
    async with loads(main=source(past.url)) as made:
        assert told(await made.read(CPU, at(LAST)), CPU, "fn/steady") == [None]


@pytest.mark.server
async def test_the_length_of_queues(past: Prometheus) -> None:
    """Both forms of a name are read, an empty queue is idle, a function without one is unknown, others' count not."""
    async with loads(main=source(past.url)) as made:
        load = await made.read(QUEUE, at(LAST))
    assert [told(load, QUEUE, name) for name in EVERYBODY] == [[7.0], [3.0], [0.0], [None], [None], [None]]
    assert [are_idle(load, QUEUE, name)[0] for name in EVERYBODY] == [False, False, True, False, False, False]


@pytest.mark.server
async def test_what_was_stored_before_an_outage_is_no_length_of_now(past: Prometheus) -> None:
    """Half a minute after the last scrape a queue's length is unknown, and not idle, though Prometheus still has it."""
    async with loads(main=source(past.url)) as made:
        load = await made.read(QUEUE, at(LAST, 40.0))
    assert told(load, QUEUE, "fn/quiet") == [None]
    assert not load.others_idle.any()


@pytest.mark.server
async def test_queries_of_the_operators_own(past: Prometheus) -> None:
    """The settings' queries take the place of the known metrics."""
    settings = source(
        past.url,
        cpu={"query": "2 * max by (function_name) (queue_worker_pending_messages{{selector}})"},
        queue={"query": "max by (namespace, pod) (container_cpu_usage_seconds_total{{selector}})"},
    )
    plan = with_lanes(FUNCTIONS, Lane("fn/steady", MetricKind.CPU), Lane("fn/steady", MetricKind.QUEUE))
    async with loads(main=settings) as made:
        load = await made.read(plan, at(LAST))
        (health,) = made.health()
    assert told(load, plan, "fn/steady") == [14.0, None]
    assert (health.is_ok, health.error) == (False, "queue: no element of the answer names a function")


@pytest.mark.server
async def test_a_tenants_queries(past: Prometheus) -> None:
    """A scalar, one element, one per function, an activity of zero, an error: each by Prometheus's own engine."""
    plan = with_lanes(
        FUNCTIONS,
        own("fn/steady", "scalar(max(queue_worker_pending_messages))"),
        own("fn/figlet", 'queue_worker_pending_messages{function_name="figlet"}'),
        own("fn/quiet", "queue_worker_pending_messages", "sum(queue_worker_pending_messages) * 0"),
        own("fn/young", "1 / 0"),
        own("fn/never", "no_such_metric"),
    )
    async with loads(main=source(past.url)) as made:
        load = await made.read(plan, at(LAST))
        (health,) = made.health()
    assert [told(load, plan, name)[0] for name in NAMES] == [9.0, 3.0, 0.0, None, None]
    assert [are_idle(load, plan, name)[0] for name in NAMES] == [False, False, True, False, False]
    assert sorted(problem.words.partition(": ")[2] for problem in health.query_problems) == [
        "the answer is empty",
        "the answer is not a finite number of 0 or more",
    ]


@pytest.mark.server
async def test_a_query_that_prometheus_refuses(past: Prometheus) -> None:
    """A query that cannot be evaluated is unknown, and its tenant is told; the gateway is read all the same."""
    plan = with_lanes(FUNCTIONS, own("fn/steady", "up + on () group_left () up"))
    async with loads(main=source(past.url)) as made:
        load = await made.read(plan, at(LAST))
        (health,) = made.health()
    assert told(load, plan, "fn/steady") == [None]
    assert row(load, plan, "fn/steady").rps == pytest.approx(10.0)
    assert [problem.tenant for problem in health.query_problems] == ["ours"]
    assert health.query_problems[0].words == "query of policy fn/default: HTTP 422 (execution)"


@pytest.mark.server
async def test_a_query_that_keeps_prometheus_busy_delays_nobody(past: Prometheus) -> None:
    """While one tenant's query is worked on for longer than all ticks, the other's and the gateway are read at each."""
    plan = with_lanes(
        plan_of({"ours": ["fn/steady"], "theirs": ["fn/figlet"]}), own("fn/steady", SLOW), own("fn/figlet", "vector(3)")
    )
    async with loads(patience_s=1.0, main=source(past.url, timeout="30s")) as made:
        read = [await made.read(plan, at(LAST, float(tick))) for tick in range(7, 13)]
        (health,) = made.health()
    assert health.query_problems == ()  # it has not failed: it is worked on
    assert [told(load, plan, "fn/figlet") for load in read] == [[3.0]] * 6
    assert [told(load, plan, "fn/steady") for load in read] == [[None]] * 6
    assert [row(load, plan, "fn/steady").rps for load in read] == [pytest.approx(10.0)] * 6


def texts(fake: FakePrometheus) -> list[str]:
    return [request["query"]["query"][0] for request in fake.requests]


async def test_a_tick_asks_no_more_than_it_must() -> None:
    """Four queries a gateway, one for all cores, one for all queues, and each own text once; none that nobody needs."""
    lanes = [Lane(name, kind) for name in NAMES for kind in (MetricKind.CPU, MetricKind.QUEUE)]
    all_kinds = with_lanes(FUNCTIONS, *lanes, *(own(name, "mine", "busy") for name in NAMES))
    with FakePrometheus(healthy) as fake:
        async with loads(main=source(fake.url)) as made:
            for plan, expected in ((FUNCTIONS, 4), (all_kinds, 8), (CPU, 5), (FUNCTIONS, 4)):
                fake.requests.clear()
                await made.read(plan, at(LAST))
                assert len(texts(fake)) == len(set(texts(fake))) == expected


WRONG: Iterator[tuple[str, Reply]] = iter(
    {
        "empty": lambda handler: document(handler, vector([])),
        "refused": lambda handler: document(handler, {"status": "error", "errorType": "execution"}, 422),
        "warnings": lambda handler: document(handler, vector([sample(1, function_name="steady.fn")], warnings=["x"])),
        "no names": lambda handler: document(handler, vector([sample(1)])),
        "not a number": lambda handler: document(handler, vector([sample("NaN", function_name="steady.fn")])),
    }.items()
)


@pytest.mark.parametrize("kind", [MetricKind.CPU, MetricKind.QUEUE])
@pytest.mark.parametrize("reply", [pytest.param(reply, id=name) for name, reply in WRONG])
async def test_a_bad_answer_spoils_its_own_metric_alone(kind: MetricKind, reply: Reply) -> None:
    """Cores or queues that cannot be read are unknown, never 0; the gateway's load is known."""
    plan = with_lanes(FUNCTIONS, Lane("fn/steady", kind))
    metric = {MetricKind.CPU: "container_cpu", MetricKind.QUEUE: "queue_worker"}[kind]

    def replies(handler: Any) -> None:
        (reply if metric in asked(handler) else healthy)(handler)

    with FakePrometheus(replies) as fake:
        async with loads(main=source(fake.url, openfaas()), replicas_of=READY) as made:
            load = await made.read(plan, at(LAST))
    assert told(load, plan, "fn/steady") == [None]
    assert not load.others_idle.any()
    assert row(load, plan, "fn/steady").rps == 10.0
