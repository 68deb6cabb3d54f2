"""One stand of gateways for all tests of this folder."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.gateways.standing import Standing, standing
from tests.servers.binaries import find, require
from tests.servers.prometheus import VERSIONS


@pytest.fixture(scope="session")
def stand() -> Iterator[Standing]:
    """Run gateways, and every Prometheus that is here to scrape them."""
    here = [version for version in VERSIONS if find(version)]
    if os.environ.get("CI") or not here:
        for version in VERSIONS:
            require(version)
    with tempfile.TemporaryDirectory() as folder, standing(Path(folder), here) as made:
        yield made
