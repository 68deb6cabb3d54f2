"""A real Prometheus that holds a past with outages in it."""

from collections.abc import Iterator

import pytest

from tests.integration.prometheus.timeline import blocks
from tests.servers.prometheus import Prometheus, prometheus, write_blocks


@pytest.fixture(scope="package")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """The timeline as blocks of a real Prometheus."""
    folder = tmp_path_factory.mktemp("past")
    write_blocks(folder, blocks())
    with prometheus(folder, {}) as server:
        yield server
