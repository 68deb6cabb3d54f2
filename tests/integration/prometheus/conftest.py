"""A Prometheus over blocks of one made timeline, so that any moment of it can be read without waiting."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.prometheus.timeline import blocks
from tests.servers.prometheus import Prometheus, prometheus, write_blocks


@pytest.fixture(scope="session")
def past() -> Iterator[Prometheus]:
    """Run a Prometheus that holds `timeline`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_blocks(folder, blocks())
        with prometheus(folder, {}) as server:
            yield server
