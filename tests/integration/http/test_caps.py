"""Whether a function takes what its concurrencyLimit says: in its page, and in the metrics."""

import re
from dataclasses import replace

import numpy as np
import pytest

from autoscaler.policy.compile import Ruled
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import OPERATOR

TOLD = {"acme-prod/checkout": 10.0, "acme-prod/thumbnail": np.inf, "wayne/signal": 4.0}
"""Of the prepared functions, each of which has a limit of 10; umbrella/render has 91 in flight on 8 replicas."""


@pytest.fixture
def told(listening: Listening) -> Listening:
    """Have the plan say what pods are told."""
    plan = listening.service.plan()
    assert plan is not None
    enforced = np.array([TOLD.get(str(key), np.nan) for key in plan.fleet.keys])
    may_queue = np.zeros(len(enforced), np.bool_)
    listening.service.compiled(replace(plan, enforced_limit=enforced, may_queue=may_queue), Ruled())
    return listening


@pytest.mark.parametrize(
    ("function", "state", "enforced", "enforces_none"),
    [
        ("acme-prod/checkout", "enforced", 10.0, False),
        ("acme-prod/thumbnail", "told-more", None, True),
        ("acme-dev/search", "not-known", None, False),
        ("wayne/signal", "told-less", 4.0, False),
        ("umbrella/render", "seen-more", None, False),
    ],
)
async def test_a_function_s_page(
    told: Listening, function: str, state: str, enforced: float | None, enforces_none: bool
) -> None:
    """It has the state in one word, the numbers, and `cap_not_enforced` where there is a difference."""
    cap = (await told.read(f"/v1/functions/{function}", OPERATOR))["cap"]
    assert (cap["state"], cap["limit"], cap["enforced"], cap["enforces_none"]) == (state, 10.0, enforced, enforces_none)
    is_different = state not in ("enforced", "not-known")
    assert cap["problem"] == ("cap_not_enforced" if is_different else None)
    assert cap["words"]


async def test_no_limit_has_no_cap(listening: Listening) -> None:
    """A function whose policy has no limit has null there, and no series."""
    plan = listening.service.plan()
    assert plan is not None
    plan.fleet.rules.concurrency_limit[:] = np.inf
    assert (await listening.read("/v1/functions/acme-prod/checkout", OPERATOR))["cap"] is None
    assert "autoscaler_function_cap_not_enforced{" not in await listening.scrape()


async def test_metrics(told: Listening) -> None:
    """1 for each function with a difference and 0 for the others with a limit, and their number by tenant."""
    text = await told.scrape()
    labels = r'\{tenant="\w+",namespace="([\w-]+)",function="([\w-]+)"\}'
    found = {f"{one[0]}/{one[1]}": one[2] for one in re.findall(rf"function_cap_not_enforced{labels} (\S+)", text)}
    assert {name for name, value in found.items() if float(value) == 1} == {
        "acme-prod/thumbnail",
        "umbrella/render",
        "wayne/signal",
    }
    assert len(found) == 6
    by_tenant = re.findall(r'tenant_functions_with_cap_not_enforced\{tenant="(\w+)"\} (\S+)', text)
    assert {name: float(value) for name, value in by_tenant} == {"acme": 1, "umbrella": 1, "wayne": 1}


async def test_what_pods_are_told_waits_for_the_plan_s_tick(told: Listening) -> None:
    """Between a new plan and its first tick rows of the two are not mixed: what is seen counts, what is told does not."""
    plan = told.service.plan()
    assert plan is not None
    told.service.compiled(replace(plan, fleet=replace(plan.fleet)), Ruled())
    found = re.findall(r'function_cap_not_enforced\{.*function="(\w+)"\} (\S+)', await told.scrape())
    assert {name for name, value in found if float(value) == 1} == {"render"}
