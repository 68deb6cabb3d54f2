"""One installation for all faults; each test has functions of its own, and every run is judged after each test."""

import time
from collections.abc import Iterator

import pytest

from tests.cluster.faults.installing import installed
from tests.cluster.faults.site import Site
from tests.servers.controlplane import ControlPlane


@pytest.fixture(scope="package")
def site(pods: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything, running and ready, a busy function in an unclaimed namespace included."""
    with installed(pods, tmp_path_factory.mktemp("faults"), seed=5) as one:
        yield one


@pytest.fixture(autouse=True)
def _judged(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test that had the installation, what the recorder saw meanwhile shall be beyond reproach."""
    start_s = time.monotonic()
    yield
    if "site" in request.fixturenames:
        request.getfixturevalue("site").judge(start_s)
