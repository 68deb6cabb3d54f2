"""A source that was given up while its thread hung: what the thread does once it wakes up reaches nobody."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest

from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.messages import Adopt, Ask
from autoscaler.adapters.prometheus.reading import Reader
from autoscaler.adapters.prometheus.segments import OwnedSegment
from autoscaler.adapters.prometheus.signals import Column
from autoscaler.adapters.prometheus.transport import Lines
from autoscaler.policy.profiles import profiles_of
from tests.integration.prometheus.fake import FakePrometheus, healthy
from tests.integration.prometheus.loading import source
from tests.servers.process import PATIENCE

NOBODY_WROTE = -1.0


@pytest.fixture
def segment() -> Iterator[OwnedSegment]:
    made = OwnedSegment(1, b"fn/steady", np.ones((1, 1), dtype=np.bool_))
    yield made
    made.close()


def reader(url: str, segment: OwnedSegment, lines: Lines) -> Reader:
    settings = source(url, timeout="20s")
    adopt = Adopt("main", settings, profiles_of(settings), segment.description)
    made = Reader(adopt, lines)
    made.adopt(adopt)
    made._segment.write(np.full((len(Column), 1), NOBODY_WROTE))  # type: ignore[union-attr]
    return made


async def test_who_is_not_given_up_writes(segment: OwnedSegment) -> None:
    """The same reading, wanted, writes its columns: so the cases below fail for their own reason."""
    with FakePrometheus(healthy) as fake:
        reading = reader(fake.url, segment, Lines())
        reading.read(Ask("main", 1, time.time(), 20.0))
        reading.close()
    assert not np.any(await segment.columns() == NOBODY_WROTE)


async def test_what_was_read_for_nobody_is_not_written(segment: OwnedSegment) -> None:
    """A thread whose source is forgotten between its answer and its columns leaves alone what others write by now."""
    lines = Lines()

    def answered_late(handler: BaseHTTPRequestHandler) -> None:
        healthy(handler)
        lines.end()

    with FakePrometheus(answered_late) as fake:
        reading = reader(fake.url, segment, lines)
        with pytest.raises(SourceError):
            reading.read(Ask("main", 1, time.time(), 20.0))
        reading.close()
    assert np.all(await segment.columns() == NOBODY_WROTE)


async def test_what_is_connected_for_nobody_is_cut(segment: OwnedSegment) -> None:
    """A thread that comes back from looking a name up after its source was forgotten reads nothing, and ends."""
    lines, may_end = Lines(), threading.Event()

    def never(_handler: BaseHTTPRequestHandler) -> None:
        may_end.wait(20.0 * PATIENCE)

    with FakePrometheus(never) as fake:
        reading = reader(fake.url, segment, lines)
        lines.end()
        try:
            with pytest.raises(SourceError, match="connect"):
                reading.read(Ask("main", 1, time.time(), 10.0))
        finally:
            may_end.set()
            reading.close()
