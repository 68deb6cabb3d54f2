"""Logs: one JSON object a line, one line for each change, nothing secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from autoscaler.core.decisions import DecisionRecord
from autoscaler.daemon import telemetry
from autoscaler.ports import Asked, Shown, SourceHealth, Verb
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, outcomes
from tests.unit.daemon.rig import ACME, BOOST, FILES, policy, rig, slow


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that all logs go to until the test ends."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    telemetry.configure("info", written)
    yield written
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_each_change_is_one_line_with_its_reason(stream: io.StringIO) -> None:
    """A change is logged once with function, counts and reason code, however many ticks pass."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    loads.concurrency[cluster.add("acme/a", 1)] = 95.0
    async with rig(cluster, loads=loads, dryRun=True) as it:
        await it.ticks(20)
    decided = [line for line in lines(stream) if line["event"] == "decision"]
    assert [(line["function"], line["requested"], line["desired"], line["reason"]) for line in decided] == [
        ("acme/a", 1, 10, "DEMAND")
    ]
    assert decided[0]["dry_run"] is True


async def test_labels_of_alerts_and_tokens_stay_out(stream: io.StringIO) -> None:
    """What strangers or credentials say never reaches the log."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    key = cluster.add("acme/a", 2)
    loads.concurrency[key] = 15.0
    cluster.answers[key] = outcomes("forbidden")
    async with rig(cluster, files=FILES | {"policy.yaml": policy(spec=BOOST)}, loads=loads) as it:
        await it.daemon.identify(Shown(token="a-very-secret-token"), Asked(Verb.GET))
        alert = slow(function="a")
        await it.daemon.take_alerts(
            ACME, [alert.__class__(alert.fingerprint, alert.starts_at, True, {**alert.labels, "x": "raw-value"})]
        )
        await it.ticks(3)
    text = stream.getvalue()
    assert "write failed" in text
    assert "a-very-secret-token" not in text
    assert "raw-value" not in text


async def test_an_unforeseen_error_is_logged_with_its_trace(stream: io.StringIO) -> None:
    """A step that fails leaves one line with the traceback in a field."""
    cluster = MemoryCluster()
    async with rig(cluster) as it:
        it.loads.broken = RuntimeError("nobody foresaw this")
        await it.clock.advance(2.0)
    failed = [line for line in lines(stream) if line["event"] == "step failed"]
    assert len(failed) == 1
    assert "nobody foresaw this" in str(failed[0]["exception"])


def test_a_source_is_said_to_be_sick_once_and_well_once(stream: io.StringIO) -> None:
    """Only the change of a source's health is logged."""
    log = telemetry.SourceLog()
    for is_ok in (True, False, False, False, True, True):
        log.take([SourceHealth("main", is_ok, None if is_ok else "HTTP 503", 0.1, 1, 0)], 0.0)
    assert [line["event"] for line in lines(stream)] == ["source fails", "source answers again"]


def test_a_source_s_last_whole_answer_has_an_age() -> None:
    """Sick since ten seconds it says so; one that never answered whole has no age."""
    log = telemetry.SourceLog()
    well, sick = (SourceHealth("main", is_ok, None if is_ok else "HTTP 503", 0.1, 1, 0) for is_ok in (True, False))
    never = SourceHealth("second", False, "HTTP 503", 0.1, 0, 7)
    log.take([well, never], 100.0)
    log.take([sick, never], 102.0)
    assert [source.whole_age_s for source in log.aged([sick, never], 110.0)] == [10.0, None]


def test_libraries_write_json_too(stream: io.StringIO) -> None:
    """A library's warning is one line of JSON, its traceback in a field; what is less than a warning is left out."""
    logging.getLogger("library").info("quiet")
    try:
        raise ValueError("odd")
    except ValueError:
        logging.getLogger("library").exception("two\nlines")
    assert [line["event"] for line in lines(stream)] == ["two\nlines"]
    assert "ValueError: odd" in str(lines(stream)[0]["exception"])


async def test_an_alertmanager_that_cannot_be_read_is_said_once(stream: io.StringIO) -> None:
    """Boosts that fired before a restart and cannot be read back are no silent loss; asking again and again says no more."""
    cluster = MemoryCluster()
    cluster.add("acme/a", 1)

    async def firing() -> None:
        return None

    async with rig(cluster, firing=[firing]) as it:
        await it.clock.advance(60.0)
    assert len([line for line in lines(stream) if line["event"] == "alerts cannot be read back"]) == 1


def test_where_nobody_reads_decisions_none_is_written_out(stream: io.StringIO) -> None:
    """At a log level above info no record is made, and at info every one is."""
    made: list[int] = []

    def records() -> Iterator[DecisionRecord]:
        made.append(1)
        yield from ()

    telemetry.decided(records(), lambda _: False)
    assert made == [1]
    telemetry.configure("warning", stream)
    telemetry.decided(records(), lambda _: False)
    assert made == [1]
