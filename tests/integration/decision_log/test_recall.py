"""Looking one function up in the files of a decision log."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.decision_log.folder import create
from autoscaler.adapters.decision_log.recall import changes, record_at
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.encoder import Encoder
from autoscaler.core.journal.step import Head, Origin, Step
from tests.unit.core.fleets import at, key, make_fleet, observe

UTC_S = at(0.0).utc_s
PLAIN = {"target_rps": 10.0}


def file_of(folder: Path, steps: Sequence[Step], number: int = 0, lost: int = 0) -> Path:
    """Write a file of these steps."""
    path, descriptor = create(folder, steps[0].now.utc_s, number)
    encoder = Encoder(Head("run", number, "{}"))
    data = b"".join(
        encoder.frames(step, lambda _: Origin(), lost if place == len(steps) // 2 else 0)
        for place, step in enumerate(steps)
    )
    os.write(descriptor, data)
    os.close(descriptor)
    return path


def ticks(fleet: Fleet, rates: Sequence[float], begins_s: float = 0.0, *, is_dry: bool = False) -> list[Step]:
    """Decide a tick every 2 s for the first function; replicas follow, but in a dry run."""
    controller, steps, replicas = Controller(None), [], np.ones(len(fleet))
    for number, rate in enumerate(rates):
        now = at(begins_s + 2.0 * number)
        seen = observe(fleet, replicas, rps=rate, in_flight=0.0, is_idle=rate == 0)
        steps.append(Step(now, seen, (), controller.step(now, seen, ())))
        decisions = steps[-1].decisions
        replicas = replicas if is_dry else decisions.of_rows(decisions.desired, np.arange(len(fleet)))
    return steps


def test_a_function_at_rest_has_a_record_too(tmp_path: Path) -> None:
    """A tick leaves a function out that sleeps; asked for, it is told in full: no replica, proven idle."""
    steps = ticks(make_fleet([("ns", "f", {**PLAIN, "zero_after_s": 10.0})]), [0.0] * 60)
    assert steps[-1].decisions.rows.size == 0
    file_of(tmp_path, steps)
    record = record_at(tmp_path, key("f"), UTC_S + 117.0)
    assert record is not None
    assert (record.desired, record.reason.name, record.at.utc_s) == (0, "ZERO_IDLE", UTC_S + 116.0)


def test_a_change_that_is_not_made_is_given_once(tmp_path: Path) -> None:
    """In a dry run the same change is decided at every tick; it is one change, until it is another."""
    steps = ticks(make_fleet([("ns", "f", PLAIN)]), [40.0] * 20 + [70.0] * 20, is_dry=True)
    file_of(tmp_path, steps)
    found = changes(tmp_path, key("f"), UTC_S, UTC_S + 100.0).records
    assert [(record.requested, record.desired) for record in found] == [(1, 4), (1, 7)]


def test_several_files_are_one_past(tmp_path: Path) -> None:
    """Changes come oldest first over all files, those outside the span do not, and a gap within it is told."""
    fleet = make_fleet([("ns", "f", PLAIN)])
    for number in range(4):
        file_of(tmp_path, ticks(fleet, [30.0 + 10 * number] * 10, 1_000.0 * number), number, lost=number)
    found = changes(tmp_path, key("f"), UTC_S + 500.0, UTC_S + 2_900.0)
    assert [record.desired for record in found.records] == [4, 5]
    assert found.is_whole
    assert found.lost == 1 + 2
    assert found.from_utc_s == UTC_S + 500.0
    assert changes(tmp_path, key("f"), UTC_S - 9.0, UTC_S + 9_000.0).from_utc_s == UTC_S
    record = record_at(tmp_path, key("f"), UTC_S + 2_500.0)
    assert record is not None
    assert record.at.utc_s == UTC_S + 2_018.0


def test_only_so_much_is_given(tmp_path: Path) -> None:
    """Of more changes than fit the latest are given; without time what was read is given, and called a part."""
    fleet = make_fleet([("ns", "f", PLAIN)])
    for number in range(3):
        file_of(tmp_path, ticks(fleet, [30.0 + 10 * number] * 10, 1_000.0 * number), number)
    few = changes(tmp_path, key("f"), UTC_S, UTC_S + 9_000.0, most=1)
    assert [record.desired for record in few.records] == [5]
    assert not few.is_whole
    answers = iter([False, False, True])
    late = changes(tmp_path, key("f"), UTC_S, UTC_S + 9_000.0, is_late=lambda: next(answers))
    assert [record.desired for record in late.records] == [5]
    assert not late.is_whole
    assert late.from_utc_s == UTC_S + 2_000.0


def test_a_damaged_file_spoils_no_other(tmp_path: Path) -> None:
    """What cannot be read is named, and the other files answer."""
    fleet = make_fleet([("ns", "f", PLAIN)])
    file_of(tmp_path, ticks(fleet, [30.0] * 10), 0)
    damaged = file_of(tmp_path, ticks(fleet, [40.0] * 200, 1_000.0), 1)
    file_of(tmp_path, ticks(fleet, [50.0] * 10, 2_000.0), 2)
    data = bytearray(damaged.read_bytes())
    data[len(data) // 4] ^= 1
    damaged.write_bytes(bytes(data))
    found = changes(tmp_path, key("f"), UTC_S, UTC_S + 9_000.0)
    assert [record.desired for record in found.records] == [3, 4, 5]
    assert len(found.unreadable) == 1
    assert found.unreadable[0].startswith(damaged.name)


@pytest.mark.parametrize("name", ["g", "never"])
def test_a_function_that_is_not_there_has_no_past(tmp_path: Path, name: str) -> None:
    """A name that no fleet had is found nowhere, without an error."""
    file_of(tmp_path, ticks(make_fleet([("ns", "f", PLAIN)]), [30.0] * 5))
    assert record_at(tmp_path, key(name), UTC_S + 9.0) is None
    assert changes(tmp_path, key(name), UTC_S, UTC_S + 9.0).records == []


def test_a_function_that_went_is_remembered(tmp_path: Path) -> None:
    """A function that was deleted is told as it was decided on last."""
    steps = ticks(make_fleet([("ns", "f", PLAIN), ("ns", "g", PLAIN)]), [30.0] * 5)
    steps += ticks(make_fleet([("ns", "g", PLAIN)]), [30.0] * 5, 10.0)
    file_of(tmp_path, steps)
    record = record_at(tmp_path, key("f"), UTC_S + 19.0)
    assert record is not None
    assert record.at.utc_s == UTC_S + 8.0
