"""What published versions wrote is read to the same values; what later ones will write is refused in words."""

import json
from pathlib import Path
from typing import Any

import pytest

from autoscaler.cli.replay_log import controller_of
from autoscaler.core.journal.decoder import read
from autoscaler.core.journal.frames import MAGIC, READABLE
from autoscaler.core.journal.step import Damage, JournalError, Recorded
from autoscaler.simulator.replay.again import Again
from tests.golden.compat import reading

pytestmark = pytest.mark.parametrize("version", reading.versions())


def expected(version: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((reading.SETS / version / "expected.json").read_text())
    return result


def folder(version: str) -> Path:
    return reading.SETS / version


def log_of(version: str) -> bytes:
    return (folder(version) / "log.decisions").read_bytes()


def test_settings_mean_what_they_meant(version: str) -> None:
    """Every setting of a version is accepted, and says what it said then."""
    assert reading.missing(expected(version)["settings"], reading.settings_of(folder(version))) == []


def test_documents_labels_and_annotations_mean_what_they_meant(version: str) -> None:
    """Documents and marks of a version are accepted without a problem, and come to the same rules for each function."""
    assert reading.missing(expected(version)["plan"], reading.plan_told(reading.plan_of(folder(version)))) == []


def test_a_decision_log_says_what_it_said(version: str) -> None:
    """Every head, gap, event, observation and decision of a version's log is read to the same values."""
    found = reading.log_told(log_of(version))
    assert len(found) == len(expected(version)["log"])
    assert reading.missing(expected(version)["log"], found) == []


def test_a_decision_log_can_be_decided_again(version: str) -> None:
    """A log of a version is decided again from its first step; none of it is damaged to this version."""
    again = Again(controller_of)
    again.take(read(log_of(version)))
    assert (again.outcome.damaged, again.outcome.runs) == (0, 1)
    assert again.outcome.ticks == sum(one["step"]["is_tick"] for one in expected(version)["log"] if "step" in one)


def test_explanations_of_old_decisions_can_be_made(version: str) -> None:
    """Every decision of a version's log has words and a reason that this version knows."""
    steps = [entry.step for entry in read(log_of(version)) if isinstance(entry, Recorded)]
    assert any(step.decisions.rows.size for step in steps)
    for step in steps:
        for place in range(step.decisions.rows.size):
            assert step.decisions.record(place).reason.name


def test_a_comparison_can_fail(version: str) -> None:
    """A value that is another, or gone, is found and named."""
    values = expected(version)
    changed = json.loads(json.dumps(values))
    rules = changed["plan"]["functions"]["acme-prod/everything"]["rules"]
    rules["max_replicas"] += 1
    del changed["settings"]["tick"]
    problems = reading.missing(values, changed)
    assert [one.partition(":")[0] for one in problems] == [
        ".plan.functions.acme-prod/everything.rules.max_replicas",
        ".settings.tick",
    ]


def test_a_later_versions_log_is_refused_in_words(version: str) -> None:
    """A file whose frames are of a version to come is no damaged log: it is said to be of another version."""
    later = log_of(version)
    for magic in READABLE:
        later = later.replace(magic, b"ASJ9")
    with pytest.raises(JournalError, match="another version"):
        list(read(later))


def test_a_file_may_hold_frames_of_two_versions(version: str) -> None:
    """Frames of a version behind those of this one are read alike: reading goes by frame, not by file."""
    data = log_of(version)
    mixed = data.replace(READABLE[0], MAGIC, 3)
    assert not any(isinstance(entry, Damage) for entry in read(mixed))
    assert reading.log_told(mixed) == reading.log_told(data)
