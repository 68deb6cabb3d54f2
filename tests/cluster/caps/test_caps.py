"""What executes never exceeds a cap: real pods that enforce their limit, at three times their load, while they are rolled out."""

from collections.abc import Iterator

import pytest

from tests.cluster.caps.callers import Callers, peak
from tests.cluster.caps.site import (
    CALLERS,
    FUNCTION_CAP,
    IN_PLACE,
    NAMESPACE,
    RECREATE,
    REPLICAS,
    TENANT_CAP,
    Site,
    site,
)
from tests.servers.controlplane import ControlPlane
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

REQUEST_MS = 250
START_UP_S = 1.5
"""Much longer than a request: what an old pod still executes has ended when the new one gets its first."""


@pytest.fixture(scope="module")
def capped(pods: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    strategies = {"own": IN_PLACE, "rest": RECREATE}
    with site(pods, tmp_path_factory.mktemp("caps"), strategies, START_UP_S) as made:
        yield made


def test_caps_hold_through_a_rollout(capped: Site) -> None:
    """At 3 × its load, through a rolling update in place and a recreation, no more executes than function and tenant may have."""
    callers = Callers(capped.plane, NAMESPACE, CALLERS, REQUEST_MS)
    own, rest = capped.record("own"), capped.record("rest")
    with callers.calling():
        for name, count in REPLICAS.items():
            capped.plane.wait_ready(NAMESPACE, name, count, 120)
        wait_until(lambda: peak(own) >= FUNCTION_CAP and peak(own, rest) >= TENANT_CAP, "both caps to be used up", 60)
        before = callers.answers.copy()
        for name in REPLICAS:
            capped.deploy(name, "2")
        for name in REPLICAS:
            wait_until(lambda name=name: capped.is_rolled_out(name), f"the new version of {name}", 120, 0.1)
        after = callers.answers.copy()
        wait_until(lambda: callers.answers["rest", 200] > after["rest", 200], "the new pods to be called", 30)
    assert (peak(own), peak(own, rest)) == (FUNCTION_CAP, TENANT_CAP)
    # It was a real crowd, before and all the while.
    assert all(before[name, 429] > 0 and callers.answers[name, 429] > before[name, 429] for name in REPLICAS)
    assert callers.answers["own", 200] > before["own", 200]
