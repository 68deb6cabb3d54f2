"""Prometheus servers of two generations over blocks of one made timeline, so that any moment of it can be read without waiting."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.integration.prometheus.gatewaytimes import timeline
from tests.integration.prometheus.timeline import Points, blocks
from tests.servers.prometheus import VERSIONS, Prometheus, prometheus, write_blocks


class Pasts:
    """One server of each version that was asked for, over the same timeline."""

    def __init__(self, stack: ExitStack, folders: pytest.TempPathFactory, series: Mapping[str, Points]) -> None:
        self._stack = stack
        self._folders = folders
        self._series = series
        self._running: dict[str, Prometheus] = {}

    def of(self, version: str) -> Prometheus:
        """Give the server of a version; the first time it is started."""
        if version not in self._running:
            folder = self._folders.mktemp("past")
            write_blocks(folder, self._series)
            self._running[version] = self._stack.enter_context(prometheus(folder, {}, program=version))
        return self._running[version]


@pytest.fixture(scope="session")
def pasts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pasts]:
    """Servers that hold `timeline`."""
    with ExitStack() as stack:
        yield Pasts(stack, tmp_path_factory, blocks())


@pytest.fixture(params=VERSIONS)
def past(pasts: Pasts, request: pytest.FixtureRequest) -> Prometheus:
    """Give a Prometheus that holds `timeline`, of each version in turn."""
    return pasts.of(request.param)


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pasts]:
    """Servers that hold what every kind of gateway said."""
    with ExitStack() as stack:
        yield Pasts(stack, tmp_path_factory, timeline())


@pytest.fixture(params=VERSIONS)
def gateways(spoken: Pasts, request: pytest.FixtureRequest) -> Prometheus:
    """Give a Prometheus that holds what every kind of gateway said, of each version in turn."""
    return spoken.of(request.param)
