"""Several gateways in one source: whose calls count for whom, and that a slow one costs the others nothing."""

from http.server import BaseHTTPRequestHandler

import pytest

from tests.integration.prometheus.fake import FakePrometheus, Reply, answer, asked, document, sample, vector
from tests.integration.prometheus.loading import loads, openfaas, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import LAST, at

PLAN = plan_of({"a": ["a-fn/steady"], "b": ["b-fn/steady"]})
BOTH = openfaas("a", tenants=["a"]), openfaas("b", tenants=["b"])


def is_of(handler: BaseHTTPRequestHandler, job: str) -> bool:
    return f'job="{job}"' in asked(handler)


def all_names(handler: BaseHTTPRequestHandler) -> None:
    """Answer for every function, whichever gateway is asked for."""
    names = ("steady.a-fn", "steady.b-fn")
    found = [answer(handler, name) for name in names]
    own = [one for each in found for one in each if "function_name" in one["metric"]]
    document(handler, vector([*own, *(one for one in found[0] if "function_name" not in one["metric"])]))


async def test_a_gateway_that_hangs_costs_its_neighbours_one_reading_at_most() -> None:
    """Time runs out with the gateway that is first; the next time those that were quick or not asked come first."""
    with FakePrometheus(all_names) as fake:

        def hangs(handler: BaseHTTPRequestHandler) -> None:
            if is_of(handler, "a"):
                fake.released.wait()
            all_names(handler)

        fake.reply = hangs
        async with loads(main=source(fake.url, *BOTH, timeout="2s")) as made:
            read = [await made.read(PLAN, at(LAST, 7.0 + 2.0 * tick)) for tick in range(3)]
            (health,) = made.health()
    assert [row(load, PLAN, "b-fn/steady").rps for load in read] == [None, 10.0, 10.0]
    assert all(row(load, PLAN, "a-fn/steady").is_unknown for load in read)
    assert not health.is_ok
    assert health.error is not None
    assert health.error.startswith("gateway 0: ")
    assert "gateway 1" not in health.error


SPEAKS = {
    "each for its own": (BOTH, (10.0, 10.0)),
    "one for both": ([openfaas("a")], (10.0, 10.0)),
    "one for one": ([openfaas("a", tenants=["b"])], (None, 10.0)),
    "two for one": ([openfaas("a", tenants=["b"]), openfaas("b", tenants=["b"])], (None, 20.0)),
    "a tenant of another source": ([openfaas("a", tenants=["a", "elsewhere"])], (10.0, None)),
    "nobody who is there": ([openfaas("a", tenants=["gone"])], (None, None)),
}  # fmt: skip


@pytest.mark.parametrize(("gateways", "rps"), SPEAKS.values(), ids=SPEAKS.keys())
async def test_a_series_counts_for_whom_its_gateway_serves(
    gateways: list[dict[str, object]], rps: tuple[float | None, float | None]
) -> None:
    """Both gateways name both functions: what counts is whom each serves, and two that serve one add up."""
    plan = plan_of(
        {"a": ["a-fn/steady"], "b": ["b-fn/steady"], "elsewhere": ["c-fn/steady"], "lost": ["d-fn/steady"]},
        {"elsewhere": "other", "lost": "no-such-source"},
    )
    with FakePrometheus(all_names) as fake, FakePrometheus(all_names) as other:
        sources = {"main": source(fake.url, *gateways), "other": source(other.url)}
        async with loads(**sources) as made:
            load = await made.read(plan, at(LAST))
    assert tuple(row(load, plan, f"{name}-fn/steady").rps for name in "ab") == rps
    assert row(load, plan, "c-fn/steady").is_unknown
    assert row(load, plan, "d-fn/steady").is_unknown


NONSENSE: dict[str, Reply] = {
    "as if from another gateway": lambda one: document(
        one, vector([*answer(one, "steady.a-fn"), sample(99, function_name="steady.b-fn", job="b", namespace="b-fn")])
    ),
    "with another signal": lambda one: document(
        one, vector([*answer(one, "steady.a-fn"), sample(1, signal="alive", function_name="steady.b-fn")])
    ),
}


@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE.keys())
async def test_what_one_gateways_answer_says_of_anothers_function_is_passed_over(reply: Reply) -> None:
    """Labels in an answer choose a function, never a gateway: B's load and B's silence stay B's gateway's to tell."""
    with FakePrometheus(reply) as fake:

        def replies(handler: BaseHTTPRequestHandler) -> None:
            if is_of(handler, "a"):
                reply(handler)
            else:
                document(handler, vector([one for one in answer(handler) if "function_name" not in one["metric"]]))

        fake.reply = replies
        async with loads(main=source(fake.url, *BOTH)) as made:
            load = await made.read(PLAN, at(LAST))
    assert row(load, PLAN, "a-fn/steady").rps == 10.0
    assert row(load, PLAN, "b-fn/steady").is_unknown
    assert not row(load, PLAN, "b-fn/steady").is_idle
