"""Functions that sleep, wake and go back to sleep while requests keep coming, behind each gateway as it is shipped."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest

from tests.cluster.wake.conftest import SLEEPERS, each
from tests.cluster.wake.gateways import DISTINCT
from tests.cluster.wake.site import PRE_STOP_S, Site
from tests.cluster.wake.traffic import Caller, Kind, Sent, Sleeper
from tests.servers.process import PATIENCE
from tests.servers.wake_forms import WakingGateway

pytestmark = pytest.mark.server

REQUESTS = 1_000
LAP_S = 180.0
SEED = 8


class Lap:
    """What became of a form's requests.

    Attributes:
        sent: all of them.
        executed: ids of what its functions executed.
        cuts: how often its functions were cut to zero.
    """

    def __init__(self, sent: list[Sent], executed: list[str], cuts: int) -> None:
        self.sent = sent
        self.executed = Counter(executed)
        self.cuts = cuts

    def sent_after_cuts(self, from_s: float, to_s: float) -> int:
        """Count the requests that came in this stretch after a cut."""
        return sum(from_s <= one.since_cut_s < to_s for one in self.sent)


@pytest.fixture(scope="module")
def laps(woken: Site, gateways: Mapping[str, WakingGateway]) -> dict[str, Lap]:
    """All forms side by side: their functions are called until each form has had its requests."""
    distinct = {one.name: gateways[one.name] for one in DISTINCT}
    generators = dict(zip(distinct, np.random.default_rng(SEED).spawn(len(distinct)), strict=True))
    deadline_s = time.monotonic() + LAP_S * PATIENCE

    async def call(name: str, caller: Caller) -> Lap:
        names = [f"{name}-{number}" for number in range(SLEEPERS)]
        randoms = generators[name].spawn(SLEEPERS)
        sleepers = [Sleeper(caller, one, woken.replicas, rng) for one, rng in zip(names, randoms, strict=True)]
        await asyncio.gather(*(one.keep_going(-(-REQUESTS // SLEEPERS), deadline_s) for one in sleepers))
        executed = [request for one in names for request in woken.executed(one)]
        return Lap(caller.sent, executed, sum(one.cuts for one in sleepers))

    return each(distinct, "lap", call)


@pytest.mark.parametrize("name", [one.name for one in DISTINCT])
def test_every_request_is_answered_and_executed_once(laps: Mapping[str, Lap], name: str) -> None:
    """Of a thousand requests to functions that go to sleep and wake none is lost, none is executed twice, no body is harmed."""
    lap = laps[name]
    failed = [(one, lap.executed[one.id]) for one in lap.sent if not one.is_whole]
    assert failed == []
    assert lap.executed == Counter(one.id for one in lap.sent)
    assert len(lap.sent) >= REQUESTS
    assert {one.kind for one in lap.sent} == set(Kind)
    # Each function slept and was woken again and again, and was called as its pod ended and after.
    assert lap.cuts >= 4 * SLEEPERS
    assert lap.sent_after_cuts(0, PRE_STOP_S) >= 20
    assert lap.sent_after_cuts(PRE_STOP_S, PRE_STOP_S + 3) >= 20
