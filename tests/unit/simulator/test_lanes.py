"""Metrics beside requests/s and concurrency: their values over a run."""

from collections.abc import Mapping

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.lanes import MetricKind, OtherMetrics
from autoscaler.core.observation import Load
from autoscaler.policy.plan import Plan, QueryPlan
from autoscaler.simulator.lanes import Backlog, Lanes, Levels, MetricField, PerRequest
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.simulator.workload import Steps, Workload

KEYS = (FunctionKey("acme", "a"), FunctionKey("acme", "b"))
READER: TypeAdapter[Levels | Backlog | PerRequest] = TypeAdapter(MetricField)
Lane = tuple[int, MetricKind, str, str | None]


def metric(**fields: object) -> Levels | Backlog | PerRequest:
    return READER.validate_python(fields)


def plan_of(*lanes: Lane) -> Plan:
    """Make a plan of two functions with these lanes: row, kind, name, activity query."""
    count = len(KEYS)
    columns = {name: np.full(count, np.inf) for name in Rules.__dataclass_fields__}
    rules = Rules(**columns | {"paused": np.zeros(count, dtype=np.bool_)})
    others = OtherMetrics(
        rows=np.array([row for row, *_ in lanes], dtype=np.int64),
        kind=np.array([kind for _, kind, *_ in lanes], dtype=np.uint8),
        names=tuple(name for _, _, name, _ in lanes),
        target=np.ones(len(lanes)),
        is_value=np.zeros(len(lanes), dtype=np.bool_),
    )
    fleet = Fleet(
        keys=KEYS,
        uids=("1", "2"),
        row_of={key: row for row, key in enumerate(KEYS)},
        tenant=np.zeros(count, dtype=np.int64),
        tenants=("acme",),
        tenant_cap=np.array([np.inf]),
        rules=rules,
        others=others,
    )
    queries = tuple(
        QueryPlan(name, activity) if kind is MetricKind.QUERY else None for _, kind, name, activity in lanes
    )
    return Plan(fleet, (), {}, queries)


def load_of(concurrency: tuple[float, float]) -> Load:
    nothing, no = np.full(2, np.nan), np.zeros(2, dtype=np.bool_)
    return Load(nothing, np.array(concurrency), nothing, no, no, np.full(2, 60.0))


def platform_of(replicas: int = 2, limit: int = 1) -> Platform:
    specs = [FunctionSpec(key, 1.0, replicas=replicas, concurrency_limit=limit) for key in KEYS]
    return Platform(specs, {}, np.random.default_rng(1), 5.0)


def filled(
    lanes: Lanes,
    plan: Plan,
    at_s: float,
    concurrency: tuple[float, float] = (0.0, 0.0),
    platform: Platform | None = None,
) -> tuple[list[float], list[bool]]:
    values, is_idle = lanes.fill(plan, load_of(concurrency), platform or platform_of(), at_s)
    return values.tolist(), is_idle.tolist()


def of(metrics: Mapping[str, Levels | Backlog | PerRequest], arriving: Workload | None = None) -> Lanes:
    """Give both functions these metrics."""
    workloads = {} if arriving is None else {(key, name): arriving for key in KEYS for name in metrics}
    return Lanes(dict.fromkeys(KEYS, metrics), workloads)


def test_levels_hold_from_their_times_on_and_null_is_unknown() -> None:
    """Not known before the first level, 5 from 10 s on, not known from 20 s on, 0 from 30 s on: a queue is idle then."""
    levels = [{"at": "10s", "value": 5}, {"at": "20s", "value": None}, {"at": "30s", "value": 0}]
    lanes, plan = of({"queue": metric(type="levels", values=levels)}), plan_of((0, MetricKind.QUEUE, "queue", None))
    values = [filled(lanes, plan, at_s) for at_s in (0.0, 10.0, 19.0, 20.0, 30.0)]
    assert np.array_equal([value[0] for value, _ in values], [np.nan, 5, 5, np.nan, 0], equal_nan=True)
    assert [is_idle for _, is_idle in values] == [[False]] * 4 + [[True]]


def test_zero_proves_idleness_of_queues_and_of_queries_with_an_activity_query() -> None:
    """A cpu at 0 proves nothing, nor does a tenant's query alone."""
    zero = metric(type="levels", values=[{"at": "0s", "value": 0}])
    lanes = of({"cpu": zero, "queue": zero, "sum(x)": zero, "sum(y)": zero})
    plan = plan_of(
        (0, MetricKind.CPU, "cpu", None),
        (0, MetricKind.QUEUE, "queue", None),
        (1, MetricKind.QUERY, "sum(x)", None),
        (1, MetricKind.QUERY, "sum(y)", "sum(z)"),
    )
    assert filled(lanes, plan, 0.0) == ([0, 0, 0, 0], [False, True, False, True])


def test_a_backlog_grows_by_what_arrives_and_shrinks_by_what_replicas_take() -> None:
    """30 messages in 10 s, then none, taken off by two replicas at 1/s each: 30 − 20 after 10 s, none after 20 s."""
    steps = [{"at": "0s", "rate": 3}, {"at": "10s", "rate": 0}]
    arriving = Steps.model_validate({"type": "steps", "steps": steps})
    backlog = metric(type="backlog", arriving={"type": "steps", "steps": steps}, service="1s")
    lanes, plan = of({"queue": backlog}, arriving), plan_of((1, MetricKind.QUEUE, "queue", None))
    assert [filled(lanes, plan, at_s)[0][0] for at_s in (0.0, 10.0, 14.0, 20.0, 30.0)] == [0, 10, 2, 0, 0]
    assert filled(lanes, plan, 40.0)[1] == [True]


def test_a_backlog_without_replicas_is_only_filled() -> None:
    """Nobody takes messages off a function at zero."""
    steps = [{"at": "0s", "rate": 2}]
    arriving = Steps.model_validate({"type": "steps", "steps": steps})
    backlog = metric(type="backlog", arriving={"type": "steps", "steps": steps}, service="1s")
    lanes, plan = of({"queue": backlog}, arriving), plan_of((0, MetricKind.QUEUE, "queue", None))
    values = [filled(lanes, plan, at_s, platform=platform_of(replicas=0))[0] for at_s in (0.0, 10.0, 20.0)]
    assert values == [[0], [20], [40]]


def test_what_requests_take_counts_only_those_that_are_served() -> None:
    """Half a core a request: 2 in flight on 3 places are 1 core, 9 in flight are 1.5; unknown stays unknown."""
    lanes, plan = of({"cpu": metric(type="perRequest", value=0.5)}), plan_of((0, MetricKind.CPU, "cpu", None))
    platform = platform_of(replicas=1, limit=3)
    values = [filled(lanes, plan, 0.0, (known, 0.0), platform)[0][0] for known in (2.0, 9.0, np.nan)]
    assert np.array_equal(values, [1.0, 1.5, np.nan], equal_nan=True)


def test_what_a_policy_scales_by_and_the_scenario_has_not_is_named() -> None:
    """Function b has no `sum(x)`: a problem that names it and what is allowed."""
    levels = metric(type="levels", values=[{"at": "0s", "value": 1}])
    lanes = Lanes({KEYS[0]: {"sum(x)": levels}, KEYS[1]: {}}, {})
    plan = plan_of((0, MetricKind.QUERY, "sum(x)", None), (1, MetricKind.QUERY, "sum(x)", None))
    (problem,) = lanes.missing(plan)
    assert (problem.file, problem.path) == ("acme/b", "metrics.sum(x)")
    assert "levels" in problem.allowed


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "levels", "values": []},
        {"type": "levels", "values": [{"at": "0s"}]},
        {"type": "levels", "values": [{"at": "0s", "value": -1}]},
        {"type": "levels", "values": [{"at": "5s", "value": 1}, {"at": "5s", "value": 1}]},
        {"type": "backlog", "service": "1s"},
        {"type": "backlog", "arriving": {"type": "constant", "rate": 1}, "service": "0s"},
        {"type": "perRequest", "value": 0},
        {"type": "perRequest", "value": float("nan")},
        {"type": "gauge"},
    ],
)
def test_an_impossible_metric_is_refused(wrong: dict[str, object]) -> None:
    """Negative, missing, unordered or untyped metrics are refused."""
    with pytest.raises(ValidationError):
        READER.validate_python(wrong)
